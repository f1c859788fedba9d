/*
 * Tests of src/watch/registry.c and draft.c: what becomes of the catalogue, and what is told of it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "support.h"
#include "watch/registry_part.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct catalogue *catalogue;
static struct registry *registry;
static char told[4096];
static struct address host_address;
static size_t host_addresses;
/* What is known of where the host's name leads. */
enum knowledge { KNOWN, AWAITED, FAILED };
static enum knowledge host_known;

static void changed(void *context, const struct service_key *key, const struct service *service)
{
	size_t used = strlen(told);

	(void)context;
	snprintf(told + used, sizeof told - used, "%s%c%s/%s", used == 0 ? "" : " ", service == NULL ? '-' : '+',
	         key->namespace, key->service);
}

static struct registry_host resolve(void *context, const char *namespace, const char *host)
{
	(void)namespace;
	(void)context;
	(void)host;
	return (struct registry_host){&host_address, host_addresses, host_known == KNOWN ? 0 : FAMILY_ANY,
	                              host_known == AWAITED};
}

static bool is_host(const void *context, const char *host)
{
	return strcasecmp(context, host) == 0;
}

static int host_changed(const char *host)
{
	return registry_hosts_changed(registry, is_host, host);
}

static void set_up(void)
{
	static const struct registry_owner owner = {NULL, changed, resolve};

	told[0] = '\0';
	host_addresses = 0;
	host_known = KNOWN;
	catalogue = catalogue_new();
	registry = registry_new(catalogue, &owner);
	ck_assert_ptr_nonnull(registry);
}

static void tear_down(void)
{
	registry_free(registry);
	catalogue_free(catalogue);
}

static struct registered make(const char *service, const char *id, const char *address, struct address *parsed)
{
	static const char *const tags[] = {"blue", "v1"};
	struct registered made = {
		"prod", service,
		{.id = id, .allocation = "a", .node = "n", .job = "j", .datacenter = "d", .tags = tags, .tag_count = 2, .port = 80}};

	if (address_parse(address, parsed)) {
		made.instance.addresses = parsed;
		made.instance.address_count = 1;
	} else {
		made.instance.host = address;
	}
	return made;
}

static int add(const char *service, const char *id, const char *address, uint64_t index)
{
	struct address parsed;
	struct registered made = make(service, id, address, &parsed);

	return registry_add(registry, &made, index);
}

static const char *find(const char *service)
{
	struct service_key key = {"prod", ""};

	snprintf(key.service, sizeof key.service, "%s", service);
	const struct service *found = catalogue_find(catalogue, &key);
	if (found == NULL)
		return "none";
	if (found->unknown || (found->address_count == 0 && found->unresolved != 0))
		return "unknown";
	return support_addresses(found->addresses, found->address_count);
}

static const char *told_so_far(void)
{
	static char copy[sizeof told];

	strcpy(copy, told);
	told[0] = '\0';
	return copy;
}

START_TEST(nothing_is_seen_before_the_flush)
{
	set_up();
	ck_assert_int_eq(registry_due(registry), INT64_MAX);
	add("web", "1", "10.0.0.1", 5);
	ck_assert_str_eq(find("web"), "none");
	ck_assert_int_eq(registry_due(registry), 0);
	ck_assert_int_eq(registry_flush(registry, 1000), 0);
	ck_assert_str_eq(find("web"), "10.0.0.1");
	ck_assert_str_eq(told_so_far(), "+prod/web");
	ck_assert_int_eq(registry_due(registry), INT64_MAX);
	tear_down();
}
END_TEST

START_TEST(what_is_not_newer_changes_nothing)
{
	set_up();
	add("web", "1", "10.0.0.1", 5);
	registry_flush(registry, 1000);
	add("web", "1", "10.0.0.2", 5);
	add("web", "1", "10.0.0.3", 4);
	registry_flush(registry, 1000);
	ck_assert_str_eq(find("web"), "10.0.0.1");
	registry_remove(registry, "prod", "web", "1", 5);
	registry_flush(registry, 2000);
	registry_flush(registry, 3000);
	ck_assert_str_eq(find("web"), "10.0.0.1");
	ck_assert_str_eq(told_so_far(), "+prod/web");
	tear_down();
}
END_TEST

START_TEST(a_newer_index_alone_is_told_to_nobody_and_counts)
{
	set_up();
	add("web", "1", "10.0.0.1", 5);
	registry_flush(registry, 1000);
	told_so_far();
	add("web", "1", "10.0.0.1", 9);
	registry_flush(registry, 1000);
	ck_assert_str_eq(told_so_far(), "");
	ck_assert_uint_eq(registry_changes(registry), 1);
	registry_remove(registry, "prod", "web", "1", 7);
	registry_flush(registry, 2000);
	registry_flush(registry, 3000);
	ck_assert_str_eq(find("web"), "10.0.0.1");
	tear_down();
}
END_TEST

START_TEST(an_empty_service_is_held_and_then_goes)
{
	set_up();
	add("web", "1", "10.0.0.1", 5);
	registry_flush(registry, 1000);
	told_so_far();
	registry_remove(registry, "prod", "web", "1", 6);
	registry_flush(registry, 1000);
	ck_assert_int_eq(registry_due(registry), 1000 + REGISTRY_HOLD);
	ck_assert_str_eq(find("web"), "10.0.0.1");
	registry_flush(registry, 1000 + REGISTRY_HOLD - 1);
	ck_assert_str_eq(told_so_far(), "");
	registry_flush(registry, 1000 + REGISTRY_HOLD);
	ck_assert_str_eq(told_so_far(), "-prod/web");
	ck_assert_str_eq(find("web"), "none");
	ck_assert_int_eq(registry_due(registry), INT64_MAX);
	tear_down();
}
END_TEST

START_TEST(one_that_is_held_has_nothing_of_what_it_had)
{
	set_up();
	add("web", "1", "10.0.0.1", 5);
	registry_flush(registry, 1000);
	registry_remove(registry, "prod", "web", "1", 6);
	registry_flush(registry, 1000);
	/* A deletion that is heard twice does not hold it for longer. */
	registry_remove(registry, "prod", "web", "1", 7);
	registry_flush(registry, 1050);
	add("web", "2", "10.0.0.2", 8);
	registry_flush(registry, 1060);
	ck_assert_str_eq(find("web"), "10.0.0.2");
	registry_flush(registry, 2000);
	ck_assert_str_eq(find("web"), "10.0.0.2");
	tear_down();
}
END_TEST

/* An allocation that is restarted leaves, and is back in a millisecond: also where it is not the only one. */
START_TEST(an_instance_that_leaves_is_held_beside_others)
{
	set_up();
	add("web", "1", "10.0.0.1", 5);
	add("web", "2", "10.0.0.2", 5);
	registry_flush(registry, 1000);
	told_so_far();
	registry_remove(registry, "prod", "web", "1", 6);
	ck_assert_int_eq(registry_due(registry), 0);
	registry_flush(registry, 1000);
	ck_assert_int_eq(registry_due(registry), 1000 + REGISTRY_LEAVING);
	registry_flush(registry, 1000 + REGISTRY_LEAVING - 1);
	ck_assert_str_eq(find("web"), "10.0.0.1 10.0.0.2");
	ck_assert_str_eq(told_so_far(), "");
	registry_flush(registry, 1000 + REGISTRY_LEAVING);
	ck_assert_str_eq(find("web"), "10.0.0.2");
	ck_assert_str_eq(told_so_far(), "+prod/web");
	ck_assert_int_eq(registry_due(registry), INT64_MAX);
	tear_down();
}
END_TEST

START_TEST(an_instance_that_comes_back_never_left)
{
	set_up();
	add("web", "1", "10.0.0.1", 5);
	add("web", "2", "10.0.0.2", 5);
	registry_flush(registry, 1000);
	told_so_far();
	registry_remove(registry, "prod", "web", "1", 7);
	registry_flush(registry, 1000);
	/* What is older than its leaving does not bring it back. */
	add("web", "1", "10.0.0.9", 6);
	registry_flush(registry, 1001);
	ck_assert_str_eq(find("web"), "10.0.0.1 10.0.0.2");
	ck_assert_int_eq(registry_due(registry), 1000 + REGISTRY_LEAVING);
	add("web", "1", "10.0.0.1", 8);
	registry_flush(registry, 1002);
	registry_flush(registry, 2000);
	ck_assert_int_eq(registry_due(registry), INT64_MAX);
	ck_assert_str_eq(find("web"), "10.0.0.1 10.0.0.2");
	ck_assert_str_eq(told_so_far(), "");
	tear_down();
}
END_TEST

START_TEST(when_the_last_one_leaves_all_that_were_leaving_go_with_it)
{
	set_up();
	for (int i = 1; i <= 3; i++)
		add("web", (const char *[]){"1", "2", "3"}[i - 1], (const char *[]){"10.0.0.1", "10.0.0.2", "10.0.0.3"}[i - 1], 5);
	registry_flush(registry, 1000);
	registry_remove(registry, "prod", "web", "1", 6);
	registry_remove(registry, "prod", "web", "2", 7);
	registry_flush(registry, 1000);
	registry_remove(registry, "prod", "web", "3", 8);
	registry_flush(registry, 1050);
	ck_assert_str_eq(find("web"), "10.0.0.1 10.0.0.2 10.0.0.3");
	ck_assert_int_eq(registry_due(registry), 1050 + REGISTRY_HOLD);
	registry_flush(registry, 1050 + REGISTRY_HOLD);
	ck_assert_str_eq(find("web"), "none");
	ck_assert_int_eq(registry_due(registry), INT64_MAX);
	tear_down();
}
END_TEST

/* A read says what is. */
START_TEST(a_read_ends_the_wait_of_who_leaves)
{
	struct address parsed;
	struct registered all[] = {make("web", "1", "10.0.0.1", &parsed)};

	set_up();
	all[0].instance.modified = 9;
	add("web", "1", "10.0.0.1", 5);
	add("web", "2", "10.0.0.2", 5);
	registry_flush(registry, 1000);
	registry_remove(registry, "prod", "web", _i == 0 ? "1" : "2", 8);
	registry_flush(registry, 1000);
	registry_replace(registry, "prod", "web", all, 1, false);
	registry_flush(registry, 1001);
	ck_assert_str_eq(find("web"), "10.0.0.1");
	registry_flush(registry, 2000);
	ck_assert_str_eq(find("web"), "10.0.0.1");
	ck_assert_int_eq(registry_due(registry), INT64_MAX);
	tear_down();
}
END_TEST

START_TEST(many_instances_leave_at_once)
{
	enum { MANY = 5000 };
	char id[16];

	set_up();
	for (int i = 0; i < MANY; i++) {
		snprintf(id, sizeof id, "%d", i);
		add("web", id, "10.0.0.1", 5);
	}
	registry_flush(registry, 1000);
	for (int i = 1; i < MANY; i++) {
		snprintf(id, sizeof id, "%d", i);
		registry_remove(registry, "prod", "web", id, 6);
	}
	registry_flush(registry, 1000);
	registry_flush(registry, 1000 + REGISTRY_LEAVING);
	const struct service *left = catalogue_find(catalogue, &(struct service_key){"prod", "web"});
	ck_assert_uint_eq(left->instance_count, 1);
	ck_assert_int_eq(registry_due(registry), INT64_MAX);
	/* A look or two for each, however many there are. */
	ck_assert_uint_lt(registry->leaving_looks, 2 * MANY);
	tear_down();
}
END_TEST

START_TEST(many_are_held_at_once)
{
	enum { MANY = 5000 };
	char name[16];

	set_up();
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "s%d", i);
		add(name, "1", "10.0.0.1", 5);
	}
	registry_flush(registry, 1000);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "s%d", i);
		registry_remove(registry, "prod", name, "1", 6);
	}
	registry_flush(registry, 1000);
	ck_assert_uint_eq(catalogue_size(catalogue), MANY);
	add("s77", "2", "10.0.0.2", 8);
	registry_flush(registry, 1000 + REGISTRY_HOLD);
	ck_assert_uint_eq(catalogue_size(catalogue), 1);
	ck_assert_str_eq(find("s77"), "10.0.0.2");
	tear_down();
}
END_TEST

START_TEST(a_read_replaces_its_spelling_and_no_other)
{
	struct address parsed[2];
	struct registered all[2];

	set_up();
	add("web", "1", "10.0.0.1", 5);
	add("WEB", "1", "10.0.0.9", 5);
	registry_flush(registry, 1000);
	all[0] = make("web", "2", "10.0.0.2", &parsed[0]);
	all[1] = make("web", "3", "10.0.0.3", &parsed[1]);
	registry_replace(registry, "prod", "web", all, 2, false);
	registry_flush(registry, 1000);
	ck_assert_str_eq(find("web"), "10.0.0.9 10.0.0.2 10.0.0.3");
	registry_replace(registry, "prod", "WEB", NULL, 0, false);
	registry_flush(registry, 1000);
	ck_assert_str_eq(find("web"), "10.0.0.2 10.0.0.3");
	tear_down();
}
END_TEST

START_TEST(instances_stand_in_the_order_of_their_ids)
{
	set_up();
	add("web", "b", "10.0.0.2", 5);
	add("web", "c", "10.0.0.3", 5);
	add("web", "a", "10.0.0.1", 5);
	registry_flush(registry, 1000);
	ck_assert_str_eq(find("web"), "10.0.0.1 10.0.0.2 10.0.0.3");
	tear_down();
}
END_TEST

START_TEST(a_host_name_has_what_it_leads_to_and_follows_it)
{
	set_up();
	add("web", "1", "db.example.net", 5);
	add("web", "2", "10.0.0.2", 5);
	registry_flush(registry, 1000);
	ck_assert_str_eq(find("web"), "10.0.0.2");
	address_parse("10.0.0.7", &host_address);
	host_addresses = 1;
	ck_assert_int_eq(host_changed("DB.example.net"), 0);
	registry_flush(registry, 1000);
	ck_assert_str_eq(find("web"), "10.0.0.7 10.0.0.2");
	told_so_far();
	host_changed("other.example.net");
	registry_flush(registry, 1000);
	ck_assert_str_eq(told_so_far(), "");
	tear_down();
}
END_TEST

START_TEST(a_change_waits_until_its_host_names_are_resolved)
{
	set_up();
	host_known = AWAITED;
	add("web", "1", "db.example.net", 5);
	registry_flush(registry, 1000);
	/* There is such a service, and that much is known. */
	ck_assert_str_eq(told_so_far(), "+prod/web");
	ck_assert_str_eq(find("web"), "unknown");
	ck_assert(registry_waits(registry));
	ck_assert_int_eq(registry_due(registry), 1000 + REGISTRY_RESOLVE);
	/* Others go on, and what changes meanwhile waits along. */
	add("api", "1", "10.0.0.9", 6);
	add("web", "2", "10.0.0.2", 7);
	ck_assert_int_eq(registry_due(registry), 0);
	registry_flush(registry, 1500);
	ck_assert_str_eq(told_so_far(), "+prod/api");
	ck_assert_str_eq(find("web"), "unknown");
	ck_assert_int_eq(registry_due(registry), 1000 + REGISTRY_RESOLVE);
	address_parse("10.0.0.7", &host_address);
	host_addresses = 1;
	host_known = KNOWN;
	host_changed("db.example.net");
	ck_assert_int_eq(registry_due(registry), 0);
	registry_flush(registry, 1600);
	ck_assert_str_eq(told_so_far(), "+prod/web");
	ck_assert_str_eq(find("web"), "10.0.0.7 10.0.0.2");
	ck_assert(!registry_waits(registry));
	ck_assert_int_eq(registry_due(registry), INT64_MAX);
	tear_down();
}
END_TEST

START_TEST(a_change_waits_for_host_names_no_longer_than_a_while)
{
	set_up();
	host_known = AWAITED;
	add("web", "1", "db.example.net", 5);
	add("web", "2", "10.0.0.2", 5);
	registry_flush(registry, 1000);
	registry_flush(registry, 1000 + REGISTRY_RESOLVE - 1);
	ck_assert_str_eq(find("web"), "unknown");
	registry_flush(registry, 1000 + REGISTRY_RESOLVE);
	ck_assert_str_eq(find("web"), "10.0.0.2");
	ck_assert_int_eq(registry_due(registry), INT64_MAX);
	tear_down();
}
END_TEST

/* Nobody could tell where its name leads: that is not the same as nowhere. */
START_TEST(a_service_at_names_that_nobody_can_resolve_is_unknown)
{
	set_up();
	host_known = _i == 0 ? FAILED : AWAITED;
	add("web", "1", "db.example.net", 5);
	registry_flush(registry, 1000);
	registry_flush(registry, 1000 + REGISTRY_RESOLVE);
	ck_assert_str_eq(find("web"), "unknown");
	ck_assert_str_eq(told_so_far(), _i == 0 ? "+prod/web" : "+prod/web +prod/web");
	add("web", "2", "10.0.0.2", 6);
	registry_flush(registry, 9000);
	registry_flush(registry, 9000 + REGISTRY_RESOLVE);
	ck_assert_str_eq(find("web"), "10.0.0.2");
	registry_remove(registry, "prod", "web", "2", 7);
	registry_flush(registry, 20000);
	registry_flush(registry, 20000 + REGISTRY_RESOLVE);
	ck_assert_str_eq(find("web"), "unknown");
	told_so_far();
	/* The name servers say that there is no such host. */
	host_known = KNOWN;
	host_changed("db.example.net");
	registry_flush(registry, 30000);
	ck_assert_str_eq(find("web"), "");
	ck_assert_str_eq(told_so_far(), "+prod/web");
	tear_down();
}
END_TEST

/* One that was published as unknown is until it is read, whatever events say. */
START_TEST(what_was_loaded_as_unknown_is_until_it_is_read)
{
	struct address parsed;
	struct registered all = make("web", "2", "10.0.0.2", &parsed);
	struct service_key key = {"prod", "web"};

	set_up();
	ck_assert_int_eq(registry_load(registry, &key, NULL), 0);
	ck_assert_str_eq(find("web"), "unknown");
	add("web", "1", "10.0.0.1", 5);
	registry_flush(registry, 1000);
	ck_assert_str_eq(find("web"), "unknown");
	registry_remove(registry, "prod", "web", "1", 6);
	registry_flush(registry, 2000);
	registry_flush(registry, 3000);
	ck_assert_str_eq(find("web"), "unknown");
	if (_i == 0)
		registry_replace(registry, "prod", "web", &all, 1, false);
	else
		registry_replace(registry, "prod", "web", NULL, 0, false);
	registry_flush(registry, 4000);
	registry_flush(registry, 5000);
	ck_assert_str_eq(find("web"), _i == 0 ? "10.0.0.2" : "none");
	tear_down();
}
END_TEST

/* One that is left without instances, and gets one by name: what it had is shown until that leads somewhere. */
START_TEST(what_is_shown_stays_while_its_successor_waits)
{
	set_up();
	add("web", "1", "10.0.0.1", 5);
	registry_flush(registry, 1000);
	told_so_far();
	host_known = AWAITED;
	registry_remove(registry, "prod", "web", "1", 6);
	registry_flush(registry, 2000);
	add("web", "2", "db.example.net", 7);
	registry_flush(registry, 2050);
	registry_flush(registry, 2000 + REGISTRY_HOLD);
	registry_flush(registry, 3000);
	ck_assert_str_eq(told_so_far(), "+prod/web"); /* and may have more */
	ck_assert_str_eq(find("web"), "10.0.0.1");
	address_parse("10.0.0.7", &host_address);
	host_addresses = 1;
	host_known = KNOWN;
	host_changed("db.example.net");
	registry_flush(registry, 3100);
	ck_assert_str_eq(find("web"), "10.0.0.7");
	registry_flush(registry, 9000);
	ck_assert_str_eq(told_so_far(), "+prod/web");
	tear_down();
}
END_TEST

/* And the last one goes while it waits. */
START_TEST(what_waits_may_go_again)
{
	set_up();
	host_known = AWAITED;
	add("web", "1", "db.example.net", 5);
	registry_flush(registry, 1000);
	registry_remove(registry, "prod", "web", "1", 6);
	registry_flush(registry, 1100);
	ck_assert(!registry_waits(registry));
	ck_assert_int_eq(registry_due(registry), 1100 + REGISTRY_HOLD);
	registry_flush(registry, 9000);
	ck_assert_str_eq(told_so_far(), "+prod/web -prod/web");
	tear_down();
}
END_TEST

/* A change of one that is there, too: it does not get lost on the way. */
START_TEST(without_memory_an_instance_does_not_get_lost)
{
	set_up();
	add("web", "1", "10.0.0.1", 5);
	registry_flush(registry, 1000);
	for (unsigned int nth = 1;; nth++) {
		support_fail_allocation(nth);
		add("web", "1", "10.0.0.2", 6);
		registry_flush(registry, 1000);
		if (!support_fail_allocation(0))
			break;
		registry_flush(registry, 2000);
		ck_assert_str_eq(find("web"), "10.0.0.1");
		ck_assert_uint_lt(nth, 100);
	}
	ck_assert_str_eq(find("web"), "10.0.0.2");
	tear_down();
}
END_TEST

/* Whatever fails for want of memory leaves the service as it was, or as it shall be; a later try succeeds. */
START_TEST(without_memory_services_are_as_before)
{
	set_up();
	add("web", "1", "10.0.0.1", 5);
	registry_flush(registry, 1000);
	for (unsigned int nth = 1;; nth++) {
		support_fail_allocation(nth);
		int added = add("web", "2", "10.0.0.2", 6);
		int flushed = registry_flush(registry, 1000);
		bool failed = support_fail_allocation(0);
		if (!failed) {
			ck_assert_int_eq(added, 0);
			ck_assert_int_eq(flushed, 0);
			break;
		}
		ck_assert(added == -ENOMEM || flushed == -ENOMEM);
		ck_assert_str_eq(find("web"), "10.0.0.1");
		ck_assert_uint_lt(nth, 100);
	}
	ck_assert_str_eq(find("web"), "10.0.0.1 10.0.0.2");
	tear_down();
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{nothing_is_seen_before_the_flush, 1},
		{what_is_not_newer_changes_nothing, 1},
		{a_newer_index_alone_is_told_to_nobody_and_counts, 1},
		{an_empty_service_is_held_and_then_goes, 1},
		{one_that_is_held_has_nothing_of_what_it_had, 1},
		{an_instance_that_leaves_is_held_beside_others, 1},
		{an_instance_that_comes_back_never_left, 1},
		{when_the_last_one_leaves_all_that_were_leaving_go_with_it, 1},
		{a_read_ends_the_wait_of_who_leaves, 2},
		{many_instances_leave_at_once, 1},
		{many_are_held_at_once, 1},
		{a_read_replaces_its_spelling_and_no_other, 1},
		{instances_stand_in_the_order_of_their_ids, 1},
		{a_host_name_has_what_it_leads_to_and_follows_it, 1},
		{a_change_waits_until_its_host_names_are_resolved, 1},
		{a_change_waits_for_host_names_no_longer_than_a_while, 1},
		{a_service_at_names_that_nobody_can_resolve_is_unknown, 2},
		{what_was_loaded_as_unknown_is_until_it_is_read, 2},
		{what_is_shown_stays_while_its_successor_waits, 1},
		{what_waits_may_go_again, 1},
		{without_memory_an_instance_does_not_get_lost, 1},
		{without_memory_services_are_as_before, 1},
	};

	return support_run("registry", tests, sizeof tests / sizeof *tests);
}
