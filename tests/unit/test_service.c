/*
 * Tests of src/service.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "service.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ONE "11111111-aaaa-4000-8000-000000000001"
#define TWO "22222222-bbbb-4000-8000-000000000002"
#define THREE "33333333-cccc-4000-8000-000000000003"
#define FOUR "44444444-dddd-4000-8000-000000000004"

/* Three spellings of one service, with doubles, hosts and tags that look like something else. */
static const char web[] =
	"prod web " ONE " 10.0.0.1 8080 primary,eu\n"
	"prod web " ONE " 10.0.0.1 8081 admin\n"
	"prod web " TWO " 10.0.0.2,2001:db8::2 8080 eu,10-0-0-1\n"
	"prod web " THREE " db.example.com,192.0.2.7,10.0.0.2 0 11111111,Backup\n"
	"prod web " FOUR " - 80 empty\n"
	"prod Web " FOUR " 10.0.0.9 80 primary\n"
	"prod WEB " THREE " 10.0.0.8,10.0.0.1 80 PRIMARY\n";

static const char *last_digits(const struct instance *instance)
{
	return instance->allocation + strlen(instance->allocation) - 1;
}

/* What service_select() says: the verdict, or of each instance the allocation's last digit and the port. */
static const char *selected(const struct service *service, const struct name *name)
{
	static char text[SUPPORT_TEXT_MAX];
	const struct instance **chosen = calloc(service->instance_count, sizeof *chosen);
	size_t count = 99, used = 0;
	enum verdict verdict = service_select(service, name, chosen, &count);

	snprintf(text, sizeof text, "%s", support_verdict(verdict));
	if (verdict == VERDICT_FOUND)
		ck_assert_uint_gt(count, 0);
	else
		ck_assert_uint_eq(count, 0);
	for (size_t i = 0; i < count; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, "%s%s:%u", i == 0 ? "" : " ",
		                         last_digits(chosen[i]), chosen[i]->port);
	free(chosen);
	return text;
}

/* What service_addresses() says: the verdict, or the addresses. */
static const char *addresses_of(const struct service *service, const struct name *name)
{
	struct address *addresses = NULL;
	size_t count = 99;
	uint8_t unresolved;
	enum verdict verdict = service_addresses(service, name, &addresses, &count, &unresolved);

	if (verdict != VERDICT_FOUND) {
		ck_assert_ptr_null(addresses);
		ck_assert_uint_eq(count, 99);
		return support_verdict(verdict);
	}
	static char text[SUPPORT_TEXT_MAX];
	snprintf(text, sizeof text, "%s%s%s%s", support_addresses(addresses, count), unresolved != 0 ? " " : "",
	         (unresolved & FAMILY_IPV4) != 0 ? "4" : "", (unresolved & FAMILY_IPV6) != 0 ? "6" : "");
	free(addresses);
	return text;
}

static const struct row {
	const char *name, *instances, *addresses;
} rows[] = {
	/* the exact spelling, else the one that differs in case only, else all */
	{"web.prod.nomad", "1:8080 1:8081 2:8080 3:0 4:80", "10.0.0.1 10.0.0.2 2001:db8::2 192.0.2.7"},
	{"Web.prod.nomad", "4:80", "10.0.0.9"},
	{"WEB.prod.nomad", "3:80", "10.0.0.8 10.0.0.1"},
	{"wEB.prod.nomad", "1:8080 1:8081 2:8080 3:0 4:80 4:80 3:80",
     "10.0.0.1 10.0.0.2 2001:db8::2 192.0.2.7 10.0.0.9 10.0.0.8"},
	{"web.PROD.nomad", "1:8080 1:8081 2:8080 3:0 4:80 4:80 3:80",
     "10.0.0.1 10.0.0.2 2001:db8::2 192.0.2.7 10.0.0.9 10.0.0.8"},
	{"Web.nomad", "4:80", "10.0.0.9"},
	{"_web._tcp.prod.nomad", "1:8080 1:8081 2:8080 3:0 4:80", "10.0.0.1 10.0.0.2 2001:db8::2 192.0.2.7"},
	/* by address, any spelling of it */
	{"10-0-0-1.web.prod.nomad", "1:8080 1:8081", "10.0.0.1"},
	{"10-0-0-2.web.prod.nomad", "2:8080 3:0", "10.0.0.2"},
	{"2001-db8--2.web.prod.nomad", "2:8080", "2001:db8::2"},
	{"2001-0DB8-0-0-0-0-0-2.web.prod.nomad", "2:8080", "2001:db8::2"},
	{"192-0-2-7.web.prod.nomad", "3:0", "192.0.2.7"},
	{"10-0-0-9.web.prod.nomad", "no name", "no name"}, /* of another spelling */
	{"10-0-0-9.wEB.prod.nomad", "4:80", "10.0.0.9"},
	{"10-9-9-9.web.prod.nomad", "no name", "no name"},
	/* by allocation */
	{ONE ".web.prod.nomad", "1:8080 1:8081", "10.0.0.1"},
	{"22222222-BBBB-4000-8000-000000000002.web.prod.nomad", "2:8080", "10.0.0.2 2001:db8::2"},
	{"22222222.web.prod.nomad", "2:8080", "10.0.0.2 2001:db8::2"},
	{"2222222.web.prod.nomad", "no name", "no name"},
	{"22222222-bbbb.web.prod.nomad", "no name", "no name"},
	{"44444444.web.prod.nomad", "4:80", "no data"}, /* exists, without an address */
	/* an allocation comes before a tag that looks like one, an address before a tag that does */
	{"11111111.web.prod.nomad", "1:8080 1:8081", "10.0.0.1"},
	/* by tag */
	{"eu.web.prod.nomad", "1:8080 2:8080", "10.0.0.1 10.0.0.2 2001:db8::2"},
	{"EU.web.prod.nomad", "1:8080 2:8080", "10.0.0.1 10.0.0.2 2001:db8::2"},
	{"backup.web.prod.nomad", "3:0", "192.0.2.7 10.0.0.2"},
	{"admin.web.prod.nomad", "1:8081", "10.0.0.1"},
	{"primary.wEB.prod.nomad", "1:8080 4:80 3:80", "10.0.0.1 10.0.0.9 10.0.0.8"},
	{"empty.web.prod.nomad", "4:80", "no data"},
	{"nosuch.web.prod.nomad", "no name", "no name"},
	{"_web._eu.prod.nomad", "1:8080 2:8080", "10.0.0.1 10.0.0.2 2001:db8::2"},
	{"_web._nosuch.prod.nomad", "no name", "no name"},
	{"_web._10-0-0-1.prod.nomad", "2:8080", "10.0.0.2 2001:db8::2"}, /* here it is a tag and nothing else */
	{"_web._11111111.prod.nomad", "3:0", "192.0.2.7 10.0.0.2"},
	/* above others */
	{"_tcp.web.prod.nomad", "no data", "no data"},
};

START_TEST(a_name_selects_what_the_table_says)
{
	struct service *service = support_service(web);
	struct name name = support_name(rows[_i].name);

	ck_assert_int_eq(name.kind, NAME_SERVICE);
	ck_assert_str_eq(selected(service, &name), rows[_i].instances);
	ck_assert_str_eq(addresses_of(service, &name), rows[_i].addresses);
	free(service);
}
END_TEST

static const char single[] = "prod Web " ONE " 10.0.0.2,10.0.0.1,2001:db8::2 80 a\n"
                             "prod Web " TWO " 10.0.0.1,10.0.0.3 80 b\n";

/* A service as record_read() makes it of the head alone. */
static struct service in_part(const struct service *whole)
{
	return (struct service){.spelling_count = whole->spelling_count,
	                        .address_count = whole->address_count,
	                        .addresses = whole->addresses};
}

static const struct part {
	const char *name;
	bool suffices;
} parts[] = {
	{"web.prod.nomad", true},
	{"Web.prod.nomad", true},
	{"web.nomad", true},
	{"_web._tcp.prod.nomad", true},
	{"10-0-0-3.web.prod.nomad", true},
	{"2001-db8--2.web.prod.nomad", true},
	{"_tcp.web.prod.nomad", true},
	{"10-0-0-4.web.prod.nomad", false}, /* may be a tag */
	{"a.web.prod.nomad", false},
	{"11111111.web.prod.nomad", false},
	{"_web._a.prod.nomad", false},
};

START_TEST(a_part_answers_as_the_whole_does)
{
	struct service *whole = support_service(single);
	struct service part = in_part(whole);
	struct name name = support_name(parts[_i].name);
	char wanted[SUPPORT_TEXT_MAX];

	ck_assert_int_eq(service_in_part_suffices(&part, &name), parts[_i].suffices);
	if (parts[_i].suffices) {
		strcpy(wanted, addresses_of(whole, &name));
		ck_assert_str_eq(addresses_of(&part, &name), wanted);
	}
	free(whole);
}
END_TEST

START_TEST(a_part_does_not_suffice_for_several_spellings_or_for_instances)
{
	struct service *several = support_service(web), *one = support_service(single);
	struct service part = in_part(several);
	struct name name = support_name("web.prod.nomad");

	ck_assert(!service_in_part_suffices(&part, &name));
	part = in_part(one);
	ck_assert(service_in_part_suffices(&part, &name));
	name.whole = true;
	ck_assert(!service_in_part_suffices(&part, &name));
	free(several);
	free(one);
}
END_TEST

START_TEST(a_copy_is_the_same_and_stands_alone)
{
	struct service *first = support_service(web);
	char wanted[SUPPORT_TEXT_MAX];

	strcpy(wanted, support_instances(first));
	struct service *copy = service_copy(first);
	memset(first, 0xa5, sizeof *first);
	free(first);
	ck_assert_str_eq(support_instances(copy), wanted);
	ck_assert_str_eq(support_addresses(copy->addresses, copy->address_count),
	                 "10.0.0.1 10.0.0.2 2001:db8::2 192.0.2.7 10.0.0.9 10.0.0.8");
	free(copy);
}
END_TEST

START_TEST(nothing_can_be_copied)
{
	struct service *copy = service_copy(&(struct service){0});
	struct name name = support_name("web.prod.nomad");

	ck_assert_ptr_nonnull(copy);
	ck_assert_uint_eq(copy->instance_count, 0);
	ck_assert_uint_eq(copy->address_count, 0);
	ck_assert_str_eq(addresses_of(copy, &name), "no data");
	free(copy);
}
END_TEST

START_TEST(instances_without_any_address_are_no_data)
{
	struct service *service = support_service("prod web " ONE " - 80 -\nprod web " TWO " db.example.com 80 -\n");
	struct name name = support_name("web.prod.nomad");

	ck_assert_str_eq(selected(service, &name), "1:80 2:80");
	ck_assert_str_eq(addresses_of(service, &name), "no data");
	free(service);
}
END_TEST

/* So many that the set of addresses grows, and collides. */
START_TEST(thousands_of_addresses_are_told_apart)
{
	enum { COUNT = 5000 };
	struct address *addresses = calloc(2 * COUNT, sizeof *addresses);
	struct instance instance = {.id = "", .allocation = "", .node = "", .job = "", .datacenter = ""};
	struct spelling spelling = {.namespace = "prod", .service = "web", .count = 1};

	for (unsigned i = 0; i < 2 * COUNT; i++)
		addresses[i] = (struct address){.family = i % 3 == 0 ? 2 : 10,
		                                .octets = {10, 0, (uint8_t)(i % COUNT / 250), (uint8_t)(i % COUNT % 250 + 1)}};
	instance.addresses = addresses;
	instance.address_count = 2 * COUNT;
	struct service *service = service_copy(&(struct service){
		.spelling_count = 1, .spellings = &spelling, .instance_count = 1, .instances = &instance});

	/* the second half repeats the octets; of one that was IPv4 the second is IPv6 or the same, by i modulo 3 */
	size_t different = COUNT;
	for (unsigned i = 0; i < COUNT; i++)
		different += (i % 3 == 0) != ((i + COUNT) % 3 == 0);
	ck_assert_uint_eq(service->address_count, different);
	for (size_t i = 0; i < COUNT; i++)
		ck_assert(address_equal(&service->addresses[i], &addresses[i]));
	free(service);
	free(addresses);
}
END_TEST

/*
 * web: one instance at 192.0.2.1 (tag v4), and one at a host's name that leads to 10.0.0.7 and perhaps to more (tag v6, its
 * bits `unresolved`); of a read that told of more than this, where it is `partial`.
 */
static struct service *uncertain(uint8_t unresolved, bool partial)
{
	static const struct spelling spelling = {.namespace = "prod", .service = "web", .count = 2};
	static const char *const tags[] = {"v4", "v6"};
	struct address addresses[2];
	struct instance instances[2] = {
		{.id = "1", .allocation = ONE, .node = "", .job = "", .datacenter = "", .addresses = &addresses[0],
	     .address_count = 1, .tags = &tags[0], .tag_count = 1, .port = 80},
		{.id = "2", .allocation = TWO, .node = "", .job = "", .datacenter = "", .host = "six.example",
	     .addresses = &addresses[1], .address_count = (unresolved & FAMILY_IPV4) == 0, .tags = &tags[1], .tag_count = 1,
	     .port = 80, .unresolved = unresolved},
	};

	ck_assert(address_parse("192.0.2.1", &addresses[0]));
	ck_assert(address_parse("10.0.0.7", &addresses[1]));
	return service_copy(&(struct service){
		.spelling_count = 1, .spellings = &spelling, .instance_count = 2, .instances = instances, .partial = partial});
}

static const struct doubt {
	uint8_t unresolved;
	bool partial;
	const char *name, *addresses; /* with what may be missing: 4, 6 */
} doubts[] = {
	{FAMILY_IPV6, false, "web.prod.nomad", "192.0.2.1 10.0.0.7 6"},
	{FAMILY_ANY, false, "web.prod.nomad", "192.0.2.1 46"},
	{0, true, "web.prod.nomad", "192.0.2.1 10.0.0.7 46"},
	/* an address may be the host's, of the family that could not be resolved */
	{FAMILY_IPV6, false, "2001-db8--6.web.prod.nomad", "unknown"},
	{FAMILY_IPV6, false, "192-0-2-9.web.prod.nomad", "no name"},
	{FAMILY_ANY, false, "192-0-2-9.web.prod.nomad", "unknown"},
	{0, true, "192-0-2-9.web.prod.nomad", "unknown"},
	/* one that is there is all that its name holds */
	{FAMILY_ANY, true, "192-0-2-1.web.prod.nomad", "192.0.2.1"},
	/* tags and allocations are certain, but for instances that nobody could read */
	{FAMILY_ANY, false, "v4.web.prod.nomad", "192.0.2.1"},
	{FAMILY_ANY, false, "v6.web.prod.nomad", "unknown"},
	{FAMILY_IPV6, false, "v6.web.prod.nomad", "10.0.0.7 6"},
	{FAMILY_ANY, false, "22222222.web.prod.nomad", "unknown"},
	{FAMILY_ANY, false, "v5.web.prod.nomad", "no name"},
	{FAMILY_ANY, false, "33333333.web.prod.nomad", "no name"},
	{FAMILY_ANY, false, "_web._v5.prod.nomad", "no name"},
	{FAMILY_ANY, false, "_web._2001-db8--6.prod.nomad", "no name"},
	{0, true, "v5.web.prod.nomad", "unknown"},
	{0, true, "_web._v5.prod.nomad", "unknown"},
	{0, true, "33333333.web.prod.nomad", "unknown"},
	{0, true, "v4.web.prod.nomad", "192.0.2.1 46"},
	{FAMILY_ANY, true, "_tcp.web.prod.nomad", "no data"},
};

/* Whole, and in part where that suffices. */
START_TEST(what_is_not_there_is_so_only_where_nothing_is_missing)
{
	const struct doubt *doubt = &doubts[_i];
	struct service *whole = uncertain(doubt->unresolved, doubt->partial), part;
	struct name name = support_name(doubt->name);

	part = (struct service){.spelling_count = 1, .address_count = whole->address_count, .addresses = whole->addresses,
	                        .unresolved = whole->unresolved, .partial = whole->partial};
	ck_assert_str_eq(addresses_of(whole, &name), doubt->addresses);
	if (service_in_part_suffices(&part, &name))
		ck_assert_str_eq(addresses_of(&part, &name), doubt->addresses);
	free(whole);
}
END_TEST

START_TEST(without_memory_there_is_no_copy)
{
	struct service *service = support_service(web);
	unsigned nth = 1;

	for (bool failed = true; failed; nth++) {
		support_fail_allocation(nth);
		struct service *copy = service_copy(service);
		failed = support_fail_allocation(0);
		ck_assert_int_eq(copy == NULL, failed);
		free(copy);
	}
	ck_assert_uint_eq(nth, 1 + 3 + 1); /* addresses, slots, block; then none failed */
	free(service);
}
END_TEST

/* Asks while the nth allocation fails; true where there was one. */
static bool addresses_fail(const struct service *service, const struct name *name, unsigned nth)
{
	struct address *addresses = NULL;
	size_t count;
	uint8_t unresolved;

	support_fail_allocation(nth);
	enum verdict verdict = service_addresses(service, name, &addresses, &count, &unresolved);
	bool failed = support_fail_allocation(0);
	ck_assert_int_eq(verdict, failed ? VERDICT_UNKNOWN : VERDICT_FOUND);
	ck_assert_int_eq(addresses == NULL, failed);
	free(addresses);
	return failed;
}

START_TEST(without_memory_nobody_can_tell)
{
	static const char *const names[] = {"wEB.prod.nomad", "10-0-0-1.web.prod.nomad", "eu.web.prod.nomad",
	                                    "web.prod.nomad"};
	struct service *service = support_service(web);

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct name name = support_name(names[i]);
		unsigned failures = 0;
		while (addresses_fail(service, &name, failures + 1))
			failures++;
		ck_assert_uint_ge(failures, 2);
	}
	free(service);
}
END_TEST

START_TEST(without_memory_a_part_cannot_tell)
{
	struct service *whole = support_service(single);
	struct service part = in_part(whole);
	struct name name = support_name("web.prod.nomad");

	ck_assert(addresses_fail(&part, &name, 1));
	ck_assert(!addresses_fail(&part, &name, 2));
	free(whole);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{a_name_selects_what_the_table_says, sizeof rows / sizeof *rows},
		{a_part_answers_as_the_whole_does, sizeof parts / sizeof *parts},
		{a_part_does_not_suffice_for_several_spellings_or_for_instances, 1},
		{a_copy_is_the_same_and_stands_alone, 1},
		{nothing_can_be_copied, 1},
		{instances_without_any_address_are_no_data, 1},
		{thousands_of_addresses_are_told_apart, 1},
		{what_is_not_there_is_so_only_where_nothing_is_missing, sizeof doubts / sizeof *doubts},
		{without_memory_there_is_no_copy, 1},
		{without_memory_nobody_can_tell, 1},
		{without_memory_a_part_cannot_tell, 1},
	};

	return support_run("service", tests, sizeof tests / sizeof *tests);
}
