/*
 * src/watch/catalogue.c, with epoch.c and table.c below it: what was put is found, what is being read stays.
 *
 * SPDX-License-Identifier: MIT
 */
#include "support.h"
#include "watch/catalogue.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A service with `count` instances at 10.0.0.FIRST and after, each of whose port is `port`. */
static struct service *build(const char *namespace, const char *name, unsigned first, size_t count, uint16_t port)
{
	struct spelling spelling = {.namespace = namespace, .service = name, .count = count};
	struct instance *instances = calloc(count, sizeof *instances);
	struct address *addresses = calloc(count, sizeof *addresses);

	for (size_t i = 0; i < count; i++) {
		addresses[i] = (struct address){AF_INET, {10, 0, 0, (uint8_t)(first + i)}};
		instances[i] = (struct instance){
			.id = "id", .allocation = "a", .node = "n", .job = "j", .datacenter = "d",
			.addresses = &addresses[i], .address_count = 1, .port = port,
		};
	}
	struct service *service = service_copy(&(struct service){
		.spelling_count = 1, .spellings = &spelling, .instance_count = count, .instances = instances});
	free(instances);
	free(addresses);
	ck_assert_ptr_nonnull(service);
	return service;
}

static void put(struct catalogue *catalogue, const char *namespace, const char *name, unsigned first, size_t count)
{
	struct service_key key = {0};

	strcpy(key.namespace, namespace);
	strcpy(key.service, name);
	ck_assert_int_eq(0, catalogue_put(catalogue, &key,
	                                  count == 0 ? NULL : build(namespace, name, first, count, 80)));
}

static const struct service *find(const struct catalogue *catalogue, const char *namespace, const char *name)
{
	struct service_key key = {0};

	strcpy(key.namespace, namespace);
	strcpy(key.service, name);
	return catalogue_find(catalogue, &key);
}

START_TEST(what_was_put_is_found_in_any_case)
{
	struct catalogue *catalogue = catalogue_new();

	put(catalogue, "default", "Redis", 1, 3);
	ck_assert_ptr_nonnull(find(catalogue, "default", "redis"));
	ck_assert_ptr_eq(find(catalogue, "default", "redis"), find(catalogue, "DEFAULT", "rEDIS"));
	ck_assert_uint_eq(3, find(catalogue, "default", "redis")->instance_count);
	ck_assert_ptr_null(find(catalogue, "default", "redi"));
	ck_assert_ptr_null(find(catalogue, "defaul", "tredis"));
	ck_assert_ptr_null(find(catalogue, "prod", "redis"));
	catalogue_free(catalogue);
}
END_TEST

START_TEST(what_is_put_again_replaces_what_was)
{
	struct catalogue *catalogue = catalogue_new();

	put(catalogue, "default", "web", 1, 3);
	put(catalogue, "default", "WEB", 1, 5);
	ck_assert_uint_eq(5, find(catalogue, "default", "web")->instance_count);
	ck_assert_uint_eq(1, catalogue_size(catalogue));
	put(catalogue, "default", "web", 0, 0);
	put(catalogue, "default", "web", 0, 0);
	ck_assert_ptr_null(find(catalogue, "default", "web"));
	ck_assert_uint_eq(0, catalogue_size(catalogue));
	catalogue_free(catalogue);
}
END_TEST

START_TEST(a_namespace_lasts_as_long_as_its_last_service)
{
	struct catalogue *catalogue = catalogue_new();

	ck_assert(!catalogue_has_namespace(catalogue, "default"));
	put(catalogue, "default", "web", 1, 1);
	put(catalogue, "default", "api", 1, 1);
	put(catalogue, "default", "api", 2, 1);
	ck_assert(catalogue_has_namespace(catalogue, "Default"));
	ck_assert(!catalogue_has_namespace(catalogue, "web"));
	put(catalogue, "default", "web", 0, 0);
	ck_assert(catalogue_has_namespace(catalogue, "default"));
	put(catalogue, "default", "api", 0, 0);
	ck_assert(!catalogue_has_namespace(catalogue, "default"));
	catalogue_free(catalogue);
}
END_TEST

static void count_visit(void *context, const struct service_key *key, const struct service *service)
{
	ck_assert_str_eq(key->service, service->spellings[0].service);
	++*(size_t *)context;
}

START_TEST(services_survive_growth_and_removal_of_others)
{
	struct catalogue *catalogue = catalogue_new();
	char name[32];
	size_t seen = 0;

	for (unsigned i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "svc-%u", i);
		put(catalogue, i % 2 ? "default" : "prod", name, i % 200, 1);
	}
	for (unsigned i = 0; i < 5000; i += 3) {
		snprintf(name, sizeof name, "svc-%u", i);
		put(catalogue, i % 2 ? "default" : "prod", name, 0, 0);
	}
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "svc-%u", i);
		ck_assert_int_eq(i % 3 != 0, find(catalogue, i % 2 ? "default" : "prod", name) != NULL);
	}
	catalogue_each(catalogue, count_visit, &seen);
	ck_assert_uint_eq(3333, seen);
	ck_assert_uint_eq(3333, catalogue_size(catalogue));
	catalogue_free(catalogue);
}
END_TEST

START_TEST(state_and_serial_are_read_as_one)
{
	struct catalogue *catalogue = catalogue_new();
	uint32_t serial = 1;

	ck_assert_int_eq(CATALOGUE_LOADING, catalogue_state(catalogue, &serial));
	ck_assert_uint_eq(0, serial);
	catalogue_set_state(catalogue, CATALOGUE_STALE, UINT32_MAX);
	ck_assert_int_eq(CATALOGUE_STALE, catalogue_state(catalogue, &serial));
	ck_assert_uint_eq(UINT32_MAX, serial);
	catalogue_free(catalogue);
}
END_TEST

static size_t names_at(const struct catalogue *catalogue, uint8_t last)
{
	struct address address = {AF_INET, {10, 0, 0, last}};
	const struct service_names *names = catalogue_names_at(catalogue, &address);

	return names == NULL ? 0 : names->count;
}

START_TEST(names_at_an_address_follow_the_services)
{
	struct catalogue *catalogue = catalogue_new();

	ck_assert_int_eq(0, catalogue_keep_names(catalogue));
	put(catalogue, "default", "web", 1, 3);
	put(catalogue, "prod", "web", 3, 2);
	ck_assert_uint_eq(1, names_at(catalogue, 1));
	ck_assert_uint_eq(2, names_at(catalogue, 3));
	ck_assert_uint_eq(1, names_at(catalogue, 4));
	put(catalogue, "default", "web", 4, 1);
	ck_assert_uint_eq(0, names_at(catalogue, 1));
	ck_assert_uint_eq(1, names_at(catalogue, 3));
	ck_assert_uint_eq(2, names_at(catalogue, 4));
	put(catalogue, "default", "web", 0, 0);
	put(catalogue, "prod", "web", 0, 0);
	ck_assert_uint_eq(0, names_at(catalogue, 3));
	ck_assert_uint_eq(0, names_at(catalogue, 4));
	catalogue_free(catalogue);
}
END_TEST

START_TEST(names_are_not_kept_unasked)
{
	struct catalogue *catalogue = catalogue_new();

	put(catalogue, "default", "web", 1, 3);
	ck_assert_uint_eq(0, names_at(catalogue, 1));
	catalogue_free(catalogue);
}
END_TEST

START_TEST(readers_are_limited)
{
	struct catalogue *catalogue = catalogue_new();
	struct catalogue_reader *readers[64];

	for (size_t i = 0; i < 64; i++)
		ck_assert_ptr_nonnull(readers[i] = catalogue_join(catalogue));
	ck_assert_ptr_null(catalogue_join(catalogue));
	catalogue_part(readers[5]);
	ck_assert_ptr_nonnull(readers[5] = catalogue_join(catalogue));
	for (size_t i = 0; i < 64; i++)
		catalogue_part(readers[i]);
	catalogue_free(catalogue);
}
END_TEST

/* With the address sanitizer this fails where a block is freed under a reader. */
START_TEST(what_a_reader_holds_stays_until_it_leaves)
{
	struct catalogue *catalogue = catalogue_new();
	struct catalogue_reader *reader = catalogue_join(catalogue);

	put(catalogue, "default", "web", 7, 3);
	catalogue_enter(reader);
	const struct service *held = find(catalogue, "default", "web");
	for (unsigned i = 0; i < 100; i++)
		put(catalogue, "default", "web", i, 2);
	put(catalogue, "default", "web", 0, 0);
	ck_assert_uint_eq(3, held->instance_count);
	ck_assert_uint_eq(7, held->addresses[0].octets[3]);
	catalogue_leave(reader);
	catalogue_part(reader);
	catalogue_free(catalogue);
}
END_TEST

/* What the readers check: every instance of a service carries the same port, and two services never vanish. */
struct contest {
	struct catalogue *catalogue;
	atomic_bool over;
	atomic_size_t wrong;
	atomic_size_t passes;
};

static void check_service(struct contest *contest, const char *name, bool must_be)
{
	const struct service *service = find(contest->catalogue, "default", name);

	if (service == NULL) {
		contest->wrong += must_be;
		return;
	}
	for (size_t i = 0; i < service->instance_count; i++)
		contest->wrong += service->instances[i].port != service->instances[0].port;
}

static void *read_along(void *context)
{
	struct contest *contest = context;
	struct catalogue_reader *reader = catalogue_join(contest->catalogue);

	while (!contest->over) {
		catalogue_enter(reader);
		check_service(contest, "fixed", true);
		check_service(contest, "moving", true);
		check_service(contest, "svc-500", false);
		contest->wrong += !catalogue_has_namespace(contest->catalogue, "default");
		catalogue_leave(reader);
		contest->passes++;
	}
	catalogue_part(reader);
	return NULL;
}

START_TEST(readers_see_whole_services_while_they_change)
{
	enum { READERS = 4, CHANGES = 3000 };
	struct contest contest = {.catalogue = catalogue_new()};
	struct service_key moving = {"default", "moving"};
	pthread_t threads[READERS];
	char name[32];

	ck_assert_int_eq(0, catalogue_keep_names(contest.catalogue));
	put(contest.catalogue, "default", "fixed", 1, 3);
	put(contest.catalogue, "default", "moving", 1, 3);
	for (size_t i = 0; i < READERS; i++)
		ck_assert_int_eq(0, pthread_create(&threads[i], NULL, read_along, &contest));
	for (unsigned i = 0; i < CHANGES || contest.passes < 1000; i++) {
		snprintf(name, sizeof name, "svc-%u", i % 1000);
		put(contest.catalogue, "default", name, i % 200, i / 1000 % 2 ? 0 : 2);
		ck_assert_int_eq(0, catalogue_put(contest.catalogue, &moving,
		                                  build("default", "moving", 1, 1 + i % 5, (uint16_t)i)));
	}
	contest.over = true;
	for (size_t i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(0, contest.wrong);
	catalogue_free(contest.catalogue);
}
END_TEST

static void *prepare(const struct service *service)
{
	size_t *prepared = malloc(sizeof *prepared);

	if (prepared != NULL)
		*prepared = service->instance_count;
	return prepared;
}

START_TEST(what_was_prepared_comes_with_the_service)
{
	struct catalogue *catalogue = catalogue_new();
	const void *prepared;

	catalogue_prepare_with(catalogue, prepare);
	put(catalogue, "default", "Web", 1, 3);
	ck_assert_ptr_nonnull(catalogue_find_prepared(catalogue, "DEFAULT", "wEb", &prepared));
	ck_assert_uint_eq(*(const size_t *)prepared, 3);
	put(catalogue, "default", "web", 1, 5);
	catalogue_find_prepared(catalogue, "default", "web", &prepared);
	ck_assert_uint_eq(*(const size_t *)prepared, 5);
	ck_assert_ptr_null(catalogue_find_prepared(catalogue, "default", "api", &prepared));
	ck_assert_ptr_null(prepared);
	catalogue_free(catalogue);
}
END_TEST

/* Puts, and whether it is the first of its name: so many allocations may fail, and then nothing has changed. */
START_TEST(a_put_without_memory_changes_nothing)
{
	static const struct service_key keys[] = {{"other", "new"}, {"other", "old"}};
	const struct service_key key = keys[_i];
	unsigned nth = 0;
	int result;

	do {
		struct catalogue *catalogue = catalogue_new();
		ck_assert_int_eq(0, catalogue_keep_names(catalogue));
		catalogue_prepare_with(catalogue, prepare);
		for (unsigned i = 0; i < 30; i++) { /* the table is about to grow */
			char name[16];
			snprintf(name, sizeof name, "svc-%u", i);
			put(catalogue, "default", name, i, 1);
		}
		if (_i == 1)
			put(catalogue, "other", "old", 100, 1);
		struct service *service = build("other", key.service, 101, 2, 80);
		support_fail_allocation(++nth);
		result = catalogue_put(catalogue, &key, service);
		bool failed = support_fail_allocation(0);
		ck_assert_int_eq(result, failed ? -ENOMEM : 0);
		if (failed) {
			ck_assert_uint_eq(catalogue_size(catalogue), _i == 0 ? 30 : 31);
			ck_assert_int_eq(catalogue_has_namespace(catalogue, "other"), _i == 1);
			ck_assert_uint_eq(names_at(catalogue, 101), 0);
			ck_assert_uint_eq(names_at(catalogue, 100), _i == 1 ? 1 : 0);
			free(service);
		}
		catalogue_free(catalogue);
	} while (result < 0);
	ck_assert_uint_gt(nth, 5);
}
END_TEST

/* The labels of SERVICE.NAMESPACE as they stand in a question, in CATALOGUE_LABELS_MAX octets of which the rest is junk. */
static size_t put_labels(uint8_t *labels, const char *service, const char *namespace)
{
	memset(labels, 0xff, CATALOGUE_LABELS_MAX);
	return (size_t)snprintf((char *)labels, CATALOGUE_LABELS_MAX, "%c%s%c%s", (int)strlen(service), service,
	                        (int)strlen(namespace), namespace);
}

START_TEST(labels_find_what_the_names_find)
{
	enum { NAMES = 6 };
	static const char *const names[NAMES] = {"web", "we", "webs", "A-Name-Of-Twenty-Three-x", "z@[`{", "abcdefgh"};
	struct catalogue *catalogue = catalogue_new();
	uint8_t labels[CATALOGUE_LABELS_MAX];
	const void *prepared, *wanted;

	catalogue_prepare_with(catalogue, prepare);
	for (unsigned i = 0; i < NAMES; i += 2)
		put(catalogue, "default", names[i], i, 1 + i);
	for (unsigned i = 0; i < NAMES; i++)
		for (unsigned upper = 0; upper < 2; upper++) {
			size_t size = put_labels(labels, names[i], upper ? "DEFAULT" : "default");
			const struct service *service = catalogue_find_prepared(catalogue, "default", names[i], &wanted);
			ck_assert_int_eq(service != NULL, i % 2 == 0);
			ck_assert_ptr_eq(service, catalogue_find_labels(catalogue, labels, size, NULL, &prepared));
			ck_assert_ptr_eq(wanted, prepared);
		}
	catalogue_free(catalogue);
}
END_TEST

START_TEST(labels_of_no_service_find_nothing)
{
	char longest[64];
	struct catalogue *catalogue = catalogue_new();
	uint8_t labels[CATALOGUE_LABELS_MAX + 1] = {3, 'w', 'e', 'b', 7, 'd', 'e', 'f', 'a', 'u', 'l', 't'};
	const void *prepared = labels;

	put(catalogue, "default", "web", 1, 1);
	memset(longest, 'x', 63);
	longest[63] = '\0';
	put(catalogue, longest, longest, 1, 1);
	ck_assert_ptr_nonnull(catalogue_find_labels(catalogue, labels, 12, NULL, &prepared));
	ck_assert_ptr_null(prepared);
	ck_assert_ptr_null(catalogue_find_labels(catalogue, labels, 11, NULL, &prepared));
	ck_assert_ptr_null(catalogue_find_labels(catalogue, labels, 13, NULL, &prepared));
	labels[0] = 7, labels[4] = 3; /* the same octets, cut elsewhere */
	ck_assert_ptr_null(catalogue_find_labels(catalogue, labels, 12, NULL, &prepared));
	ck_assert_uint_eq(CATALOGUE_LABELS_MAX, put_labels(labels, longest, longest));
	labels[CATALOGUE_LABELS_MAX - 1] = 'x'; /* where snprintf() put its NUL */
	ck_assert_ptr_nonnull(catalogue_find_labels(catalogue, labels, CATALOGUE_LABELS_MAX, NULL, &prepared));
	prepared = labels;
	ck_assert_ptr_null(catalogue_find_labels(catalogue, labels, sizeof labels, NULL, &prepared));
	ck_assert_ptr_null(prepared);
	catalogue_free(catalogue);
}
END_TEST

/* Octets of two labels, each with its length. */
static size_t size_of(const uint8_t *labels)
{
	return 2U + labels[0] + labels[1 + labels[0]];
}

/* Asked for the first labels, with what was found ahead for each of them, they are what they are without. */
static void check_ahead(const struct catalogue *catalogue, const uint8_t *labels, const struct entry *found[], size_t count)
{
	const void *prepared, *wanted;

	for (size_t i = 0; i < count; i++) {
		size_t size = size_of(labels);
		const struct service *service = catalogue_find_labels(catalogue, labels, size, NULL, &wanted);
		ck_assert_ptr_eq(service, catalogue_find_labels(catalogue, labels, size, found[i], &prepared));
		ck_assert_ptr_eq(wanted, prepared);
	}
}

/* Of any content, in memory that ends behind them; small and large. What is found afterwards is what was found before. */
START_TEST(looking_ahead_changes_no_answer)
{
	enum { COUNT = CATALOGUE_AHEAD_MAX, ROUNDS = 200 };
	static const unsigned services[] = {0, 10, 5000};
	struct catalogue *catalogue = catalogue_new();
	const uint8_t *labels[COUNT];
	const struct entry *found[COUNT];
	uint8_t *octets[COUNT];
	char name[32];
	size_t there = 0, seen = 0;

	catalogue_prepare_with(catalogue, prepare);
	for (unsigned i = 0; i < services[_i]; i++) {
		snprintf(name, sizeof name, "svc-%u", i);
		put(catalogue, "default", name, i % 200, 1);
	}
	for (size_t i = 0; i < COUNT; i++)
		labels[i] = octets[i] = support_fence(CATALOGUE_LABELS_MAX);
	srandom(1);
	for (size_t round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < COUNT; i++) {
			snprintf(name, sizeof name, round % 4 == 0 ? "SVC-%u" : "svc-%u", (unsigned)random() % (services[_i] + 2));
			put_labels(octets[i], name, "default");
			for (size_t j = 0; round % 2 == 1 && j < CATALOGUE_LABELS_MAX; j++)
				octets[i][j] = (uint8_t)random();
		}
		size_t count = round % (COUNT + 1);
		catalogue_look_ahead(catalogue, labels, count, found);
		if (round % 2 == 1)
			continue;
		check_ahead(catalogue, labels[0], found, count);
		for (size_t i = 0; i < count; i++) {
			const void *prepared;
			there += catalogue_find_labels(catalogue, labels[i], size_of(labels[i]), NULL, &prepared) != NULL;
			seen += found[i] != NULL;
		}
	}
	ck_assert_uint_ge(seen, there / 2); /* by far the most stand where their hash says */
	ck_assert_uint_eq(services[_i], catalogue_size(catalogue));
	for (unsigned i = 0; i < 6000; i++) {
		snprintf(name, sizeof name, "svc-%u", i);
		ck_assert_int_eq(i < services[_i], find(catalogue, "default", name) != NULL);
	}
	for (size_t i = 0; i < COUNT; i++)
		support_unfence(octets[i], CATALOGUE_LABELS_MAX);
	catalogue_free(catalogue);
}
END_TEST

static void *look_ahead_along(void *context)
{
	struct contest *contest = context;
	struct catalogue_reader *reader = catalogue_join(contest->catalogue);
	uint8_t octets[CATALOGUE_AHEAD_MAX][CATALOGUE_LABELS_MAX];
	const uint8_t *labels[CATALOGUE_AHEAD_MAX];
	const struct entry *found[CATALOGUE_AHEAD_MAX];
	char name[32];

	for (unsigned i = 0; i < CATALOGUE_AHEAD_MAX; i++) {
		snprintf(name, sizeof name, "svc-%u", 100 * i);
		put_labels(octets[i], name, "default");
		labels[i] = octets[i];
	}
	while (!contest->over) {
		const void *prepared;
		catalogue_enter(reader);
		catalogue_look_ahead(contest->catalogue, labels, CATALOGUE_AHEAD_MAX, found);
		const struct service *service =
			catalogue_find_labels(contest->catalogue, octets[5], 1 + 7 + 1 + 7, found[5], &prepared);
		contest->wrong += service != NULL && service->instance_count != *(const size_t *)prepared;
		catalogue_leave(reader);
		contest->passes++;
	}
	catalogue_part(reader);
	return NULL;
}

/* The table grows, and each entry goes and comes. */
START_TEST(readers_look_ahead_while_the_catalogue_changes)
{
	enum { READERS = 2, SERVICES = 5000 };
	struct contest contest = {.catalogue = catalogue_new()};
	pthread_t threads[READERS];
	char name[32];

	catalogue_prepare_with(contest.catalogue, prepare);
	for (size_t i = 0; i < READERS; i++)
		ck_assert_int_eq(0, pthread_create(&threads[i], NULL, look_ahead_along, &contest));
	for (unsigned i = 0; i < 4 * SERVICES || contest.passes < 1000; i++) {
		snprintf(name, sizeof name, "svc-%u", i % SERVICES);
		put(contest.catalogue, "default", name, i % 200, i / SERVICES % 4 == 2 ? 0 : 1 + i % 3);
	}
	contest.over = true;
	for (size_t i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(0, contest.wrong);
	catalogue_free(contest.catalogue);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{what_was_put_is_found_in_any_case, 1},
		{what_is_put_again_replaces_what_was, 1},
		{a_namespace_lasts_as_long_as_its_last_service, 1},
		{services_survive_growth_and_removal_of_others, 1},
		{state_and_serial_are_read_as_one, 1},
		{names_at_an_address_follow_the_services, 1},
		{names_are_not_kept_unasked, 1},
		{readers_are_limited, 1},
		{what_a_reader_holds_stays_until_it_leaves, 1},
		{readers_see_whole_services_while_they_change, 1},
		{what_was_prepared_comes_with_the_service, 1},
		{a_put_without_memory_changes_nothing, 2},
		{labels_find_what_the_names_find, 1},
		{labels_of_no_service_find_nothing, 1},
		{looking_ahead_changes_no_answer, 3},
		{readers_look_ahead_while_the_catalogue_changes, 1},
	};

	return support_run("catalogue", tests, sizeof tests / sizeof *tests);
}
