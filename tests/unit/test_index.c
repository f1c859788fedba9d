/*
 * Tests of src/dns/index.c, index_new.c and alike.c: an index says what looking through the whole service says, and a
 * question costs what its answer holds.
 *
 * SPDX-License-Identifier: MIT
 */
#include "asking.h"
#include "dns/reply.h"

#include <arpa/inet.h>

enum { MOST = 40, TAGS_MOST = 5, ADDRESSES_MOST = 3, TEXT_MOST = 64, SERVICES = 300 };

static unsigned drawn;

/* The same numbers in each run. */
static unsigned draw(unsigned below)
{
	drawn = drawn * 1664525 + 1013904223;
	return (unsigned)((uint64_t)drawn * below >> 32);
}

static const char *const tags[] = {"a",        "A",        "eu",       "10-0-0-1", "11111111", "2222222Z",
                                   "with.dot", "_marked",  "k=v",      "b",        "",         "33333333-x",
                                   "ten-letter", "TEN-LETTER", "2001-db8--1", ("0123456789012345678901234567890123456789"
                                                                               "01234567890123456789012")};
static const char *const allocations[] = {"11111111-aaaa", "11111111-bbbb", "22222222", "2222222z", "333", "33333333-X",
                                          "AAAAAAAA-1111", "aaaaaaaa-1111"};
static const char *const hosts[] = {"db.example", "DB.example", "other.example"};
static const char *const spellings[][2] = {
	{"prod", "web"}, {"prod", "Web"}, {"Prod", "web"}, {"prod", "WEB"}, {"PROD", "Web"}};
static const char *const asked[] = {"web.prod", "Web.prod", "wEB.prod", "web.PROD", "web.Prod", "web", "Web", "weB", "WEB.PROD"};
static const char *const selectors[] = {"10-0-0-1", "10-0-0-2", "10-9-9-9", "2001-db8--1", "2001-db8--2", "11111111",
                                        "11111111-AAAA", "22222222", "2222222z", "333", "33333333-x", "aaaaaaaa", "a", "A", "b",
                                        "eu", "nothing", "ten-letter", "k", ("0123456789012345678901234567890123456789"
                                                                        "01234567890123456789012")};

#define DRAW(of) (of)[draw(sizeof(of) / sizeof *(of))]

struct drawing {
	struct instance instances[MOST];
	const char *tags[MOST][TAGS_MOST];
	struct address addresses[MOST][ADDRESSES_MOST];
	struct spelling spellings[sizeof spellings / sizeof *spellings];
	struct service service;
};

static void draw_address(struct address *address)
{
	static const char *const texts[] = {"10.0.0.1", "10.0.0.2", "10.0.0.3", "2001:db8::1", "2001:db8::2"};

	ck_assert(address_parse(DRAW(texts), address));
}

static void draw_instance(struct drawing *drawing, size_t at)
{
	struct instance *instance = &drawing->instances[at];

	*instance = (struct instance){.id = "id", .allocation = DRAW(allocations), .node = "node", .job = "job",
	                              .datacenter = "dc", .host = draw(4) == 0 ? DRAW(hosts) : NULL,
	                              .addresses = drawing->addresses[at], .tags = drawing->tags[at],
	                              .tag_count = draw(TAGS_MOST + 1), .port = (uint16_t)draw(3)};
	instance->address_count = draw(instance->host == NULL ? 2 : ADDRESSES_MOST + 1);
	instance->unresolved = (uint8_t)(instance->host == NULL || draw(2) == 0 ? 0 : draw(FAMILY_ANY + 1));
	for (size_t i = 0; i < instance->address_count; i++)
		draw_address(&drawing->addresses[at][i]);
	for (size_t i = 0; i < instance->tag_count; i++)
		drawing->tags[at][i] = DRAW(tags);
}

/* A random service, in one block; of one spelling or several. */
static struct service *draw_service(void)
{
	static struct drawing drawing;
	size_t names = draw(2) == 0 ? 1 : 1 + draw(sizeof spellings / sizeof *spellings), count = 0;

	for (size_t i = 0; i < names; i++) {
		size_t more = draw(MOST / (unsigned)names + 1);
		drawing.spellings[i] = (struct spelling){spellings[i][0], spellings[i][1], count, more, false};
		for (size_t j = 0; j < more; j++)
			draw_instance(&drawing, count++);
	}
	drawing.service = (struct service){.spelling_count = names, .spellings = drawing.spellings,
	                                   .instance_count = count, .instances = drawing.instances,
	                                   .partial = draw(8) == 0};
	struct service *service = service_copy(&drawing.service);
	ck_assert_ptr_nonnull(service);
	return service;
}

/* The rows that differ, found by comparing each with those before it. */
static size_t count_rows(const struct instance *const *chosen, size_t count, const struct instance **rows)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		bool known = !target_has_row(chosen[i]);
		for (size_t j = 0; j < found && !known; j++)
			known = target_same_row(rows[j], chosen[i]);
		if (!known)
			rows[found++] = chosen[i];
	}
	return found;
}

/* The addresses of one family that differ, in the same way. */
static size_t count_addresses(const struct instance *const *chosen, size_t count, int family, struct address *addresses)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < chosen[i]->address_count; j++) {
			const struct address *address = &chosen[i]->addresses[j];
			bool known = address->family != family;
			for (size_t k = 0; k < found && !known; k++)
				known = address_equal(&addresses[k], address);
			if (!known)
				addresses[found++] = *address;
		}
	return found;
}

static void compare_family(const struct index *index, const struct selection *selection,
                           const struct instance *const *chosen, size_t count, int family)
{
	struct address plain[MOST * ADDRESSES_MOST];
	size_t wanted = count_addresses(chosen, count, family, plain);
	const struct address *const *addresses = index_addresses(index, selection, family);

	ck_assert_uint_eq(wanted, index_count_addresses(selection, family));
	for (size_t i = 0; i < wanted; i++)
		ck_assert(address_equal(&plain[i], addresses[i]));
}

static void compare_name(const struct index *index, const struct service *service, const char *text)
{
	const struct instance *chosen[MOST], *rows[MOST];
	const struct selection *selection = NULL;
	struct name name = support_name(text);
	size_t count;
	enum verdict wanted = service_select(service, &name, chosen, &count);
	enum verdict verdict = index_select(index, service, &name, &selection);

	ck_assert_int_eq(name.kind, NAME_SERVICE);
	ck_assert_msg(wanted == verdict, "%s: %s, not %s", text, support_verdict(verdict), support_verdict(wanted));
	ck_assert_int_eq(wanted == VERDICT_FOUND, selection != NULL);
	if (wanted != VERDICT_FOUND)
		return;
	ck_assert_uint_eq(count, selection->count);
	ck_assert_mem_eq(chosen, index_instances(index, selection), count * sizeof *chosen);
	size_t row_count = count_rows(chosen, count, rows);
	ck_assert_uint_eq(row_count, selection->row_count);
	for (size_t i = 0; i < row_count; i++)
		ck_assert_ptr_eq(rows[i], index_rows(index, selection)[i]);
	compare_family(index, selection, chosen, count, AF_INET);
	compare_family(index, selection, chosen, count, AF_INET6);
	ck_assert_uint_eq(service_chosen_unresolved(chosen, count), selection->unresolved);
}

static void compare_all(const struct index *index, const struct service *service)
{
	char text[2 * TEXT_MOST];

	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
		snprintf(text, sizeof text, "%s.nomad", asked[i]);
		compare_name(index, service, text);
		bool has_namespace = strchr(asked[i], '.') != NULL;
		for (size_t j = 0; j < sizeof selectors / sizeof *selectors; j++) {
			snprintf(text, sizeof text, "%s.%s.nomad", selectors[j], asked[i]);
			if (has_namespace)
				compare_name(index, service, text);
			size_t length = strcspn(asked[i], ".");
			snprintf(text, sizeof text, "_%.*s._%s%s.nomad", (int)length, asked[i], selectors[j], asked[i] + length);
			if (strlen(selectors[j]) < NAME_LABEL_MAX)
				compare_name(index, service, text);
		}
	}
}

START_TEST(an_index_says_what_looking_through_the_service_says)
{
	drawn = 20261130;
	for (size_t i = 0; i < SERVICES; i++) {
		struct service *service = draw_service();
		size_t size;
		struct index *index = index_new(service, &size);
		ck_assert_ptr_nonnull(index);
		struct index *moved = malloc(size);
		memcpy(moved, index, size);
		memset(index, 0xa5, size);
		free(index);
		compare_all(moved, service);
		free(moved);
		free(service);
	}
}
END_TEST

START_TEST(without_memory_there_is_none)
{
	struct index *index = NULL;
	size_t size, failed = 0;

	drawn = 7;
	struct service *service = draw_service();
	while (service->instance_count < MOST / 2) {
		free(service);
		service = draw_service();
	}
	for (unsigned nth = 1; index == NULL; nth++, failed++) {
		support_fail_allocation(nth);
		index = index_new(service, &size);
	}
	support_fail_allocation(0);
	ck_assert_uint_gt(failed, 10);
	free(index);
	free(service);
}
END_TEST

/* A service of so many instances with so many tags each; where `alike`, all are at one address and port. */
static void put_large(struct asking *asking, size_t count, size_t tag_count, bool alike)
{
	const struct service_key key = {"default", "large"};
	const struct spelling spelling = {key.namespace, key.service, 0, count, false};
	struct instance *instances = calloc(count, sizeof *instances);
	struct address *addresses = calloc(count, sizeof *addresses);
	char(*words)[TEXT_MOST] = calloc(tag_count, sizeof *words);
	const char **list = calloc(tag_count, sizeof *list);

	for (size_t i = 0; i < tag_count; i++) {
		snprintf(words[i], sizeof words[i], "a-tag-like-the-others-%04zu", i);
		list[i] = words[i];
	}
	for (size_t i = 0; i < count; i++) {
		addresses[i] = (struct address){AF_INET, {10, 1, (uint8_t)(alike ? 0 : i >> 8), (uint8_t)(alike ? 0 : i)}};
		instances[i] = (struct instance){.id = "id", .allocation = "11111111-1111", .node = "node", .job = "job",
		                                 .datacenter = "dc", .addresses = &addresses[i], .address_count = 1,
		                                 .tags = list, .tag_count = tag_count, .port = (uint16_t)(alike ? 1 : 1 + i)};
	}
	struct service *service = service_copy(&(struct service){
		.spelling_count = 1, .spellings = &spelling, .instance_count = count, .instances = instances});
	ck_assert_int_eq(0, catalogue_put(asking->catalogue, &key, service));
	free(instances);
	free(addresses);
	free(words);
	free(list);
}

static const struct {
	size_t instances, tags;
	bool alike;
} large[] = {{10000, 10, false}, {10000, 10, true}, {100, 1000, false}, {100, 1000, true}, {63, 0, false}, {9, 12, true}};

/* What is looked at for one answer. */
static size_t work_of(struct asking *asking, const char *name, uint16_t type, bool stream)
{
	static const struct dns_client client[] = {
		{.address = {AF_INET, {127, 0, 0, 1}}}, {.address = {AF_INET, {127, 0, 0, 1}}, .stream = true}};
	static uint8_t answer[MESSAGE_STREAM_MAX];
	size_t before = asking->view.scratch->looked;

	asking_write(asking, name, type);
	support_fail_allocation(1);
	size_t size = dns_answer(&asking->view, &client[stream], asking->octets, asking->size, answer, sizeof answer);
	ck_assert(!support_fail_allocation(0)); /* nothing was allocated */
	ck_assert_uint_gt(size, MESSAGE_QUESTION);
	return asking->view.scratch->looked - before;
}

START_TEST(a_question_costs_what_its_answer_holds)
{
	enum { SMALL = 128, SHORTEST = 16, MOST_TWICE = 2 }; /* looks; octets of a record; looks at what it is made of */
	static const char *const names[] = {
		"large.default.nomad", "Large.default.nomad", "large.nomad", "10-1-0-0.large.default.nomad",
		"11111111.large.default.nomad", "11111111-1111.large.default.nomad", "11111111-0000.large.default.nomad",
		"a-tag-like-the-others-0007.large.default.nomad", "a-tag-like-the-others-9999.large.default.nomad",
		"_large._a-tag-like-the-others-0007.default.nomad", "10-9-9-9.large.default.nomad"};
	static const uint16_t types[] = {DNS_A, DNS_AAAA, DNS_SRV, DNS_TXT, DNS_ANY, DNS_HTTPS};
	struct asking asking;

	asking_begin(&asking, (const char *const[]){NULL});
	struct prefix everybody;
	ck_assert(prefix_parse("0.0.0.0/0", &everybody));
	asking.settings.allow = &everybody;
	asking.settings.allow_count = 1;
	asking.settings.udp_size = 1232;
	asking.view.scratch->turn = 20261130;
	catalogue_set_state(asking.catalogue, CATALOGUE_CURRENT, 1);
	put_large(&asking, large[_i].instances, large[_i].tags, large[_i].alike);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		for (size_t j = 0; j < sizeof types / sizeof *types; j++) {
			size_t most = SMALL + MOST_TWICE * MESSAGE_PLAIN_MAX / SHORTEST;
			size_t work = work_of(&asking, names[i], types[j], false);
			ck_assert_msg(work <= most, "%s %u: %zu", names[i], types[j], work);
			work = work_of(&asking, names[i], types[j], true);
			most = SMALL + MOST_TWICE * MESSAGE_STREAM_MAX / SHORTEST;
			ck_assert_msg(work <= most, "%s %u over TCP: %zu", names[i], types[j], work);
		}
	asking_end(&asking);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{an_index_says_what_looking_through_the_service_says, 1},
		{without_memory_there_is_none, 1},
		{a_question_costs_what_its_answer_holds, sizeof large / sizeof *large},
	};

	return support_run("index", tests, sizeof tests / sizeof *tests);
}
