/*
 * Tests of src/dns/zone.c: in which zone a name lies, and what it stands for.
 *
 * SPDX-License-Identifier: MIT
 */
#include "asking.h"

#include <arpa/inet.h>
#include <resolv.h>

static const char *const services[] = {
	"default redis aaaaaaaa-1 10.1.0.1 6379 prod\n"
	"default redis bbbbbbbb-1 10.1.0.1 6380 prod,v2\n"
	"default redis cccccccc-1 2001:db8::1 6381 -",
	"prod Web aaaaaaaa-2 10.2.0.1 80 -\n"
	"prod web bbbbbbbb-2 10.2.0.2 80 -\n"
	"prod web cccccccc-2 10.2.0.3 80 -",
	"prod host dddddddd-3 db.example.com 5432 -",
	"other ns eeeeeeee-4 10.3.0.1 53 -",
	NULL,
};

/* The name at an offset of the question, as text. */
static const char *name_at(const struct asking *asking, size_t offset)
{
	static char text[NS_MAXDNAME];
	const uint8_t *start = asking->octets;

	ck_assert_int_gt(dn_expand(start, start + asking->size, start + offset, text, sizeof text), 0);
	return text;
}

static const struct {
	const char *name;
	enum zone zone;
	const char *origin;
	bool is_apex;
	enum name_reading reading;
} located[] = {
	{"redis.default.nomad", ZONE_NOMAD, "nomad", false, NAME_SERVICE_LABEL},
	{"redis.default.NoMaD", ZONE_NOMAD, "NoMaD", false, NAME_SERVICE_LABEL},
	{"redis.nomad", ZONE_NOMAD, "nomad", false, NAME_SERVICE_LABEL},
	{"nomad", ZONE_NOMAD, "nomad", true, NAME_SERVICE_LABEL},
	{"a.b.c.d.e.f.g.h.i.nomad", ZONE_NOMAD, "nomad", false, NAME_SERVICE_LABEL},
	{"service.nomad", ZONE_ALIAS, "service.nomad", true, NAME_SERVICE_LABEL},
	{"redis.service.nomad", ZONE_ALIAS, "service.nomad", false, NAME_SERVICE_LABEL},
	{"redis.default.SERVICE.nomad", ZONE_ALIAS, "SERVICE.nomad", false, NAME_SERVICE_LABEL},
	{"service.nomad", ZONE_NOMAD, "nomad", false, NAME_PLAIN},
	{"redis.service.nomad", ZONE_NOMAD, "nomad", false, NAME_PLAIN},
	{"", ZONE_NONE, NULL, false, NAME_SERVICE_LABEL},
	{"example.com", ZONE_NONE, NULL, false, NAME_SERVICE_LABEL},
	{"nomad.example", ZONE_NONE, NULL, false, NAME_SERVICE_LABEL},
	{"notnomad", ZONE_NONE, NULL, false, NAME_SERVICE_LABEL},
	{"redis.default.nomads", ZONE_NONE, NULL, false, NAME_SERVICE_LABEL},
	/* Reverse zones: cut at whole labels, and only for what is in the prefix. */
	{"10.in-addr.arpa", ZONE_REVERSE, "10.in-addr.arpa", true, NAME_SERVICE_LABEL},
	{"1.0.1.10.in-addr.ARPA", ZONE_REVERSE, "10.in-addr.ARPA", false, NAME_SERVICE_LABEL},
	{"x.1.0.1.10.in-addr.arpa", ZONE_REVERSE, "10.in-addr.arpa", false, NAME_SERVICE_LABEL},
	{"1.0.1.11.in-addr.arpa", ZONE_NONE, NULL, false, NAME_SERVICE_LABEL},
	{"16.172.in-addr.arpa", ZONE_REVERSE, "16.172.in-addr.arpa", true, NAME_SERVICE_LABEL},
	{"1.0.31.172.in-addr.arpa", ZONE_REVERSE, "31.172.in-addr.arpa", false, NAME_SERVICE_LABEL},
	{"1.0.32.172.in-addr.arpa", ZONE_NONE, NULL, false, NAME_SERVICE_LABEL},
	{"172.in-addr.arpa", ZONE_NONE, NULL, false, NAME_SERVICE_LABEL},
	{"in-addr.arpa", ZONE_NONE, NULL, false, NAME_SERVICE_LABEL},
	{"arpa", ZONE_NONE, NULL, false, NAME_SERVICE_LABEL},
	{"010.in-addr.arpa", ZONE_NONE, NULL, false, NAME_SERVICE_LABEL},
	{"266.in-addr.arpa", ZONE_NONE, NULL, false, NAME_SERVICE_LABEL},
	{"8.b.d.0.1.0.0.2.ip6.arpa", ZONE_REVERSE, "8.b.d.0.1.0.0.2.ip6.arpa", true, NAME_SERVICE_LABEL},
	{"0.8.B.D.0.1.0.0.2.ip6.arpa", ZONE_REVERSE, "8.B.D.0.1.0.0.2.ip6.arpa", false, NAME_SERVICE_LABEL},
	{"b.d.0.1.0.0.2.ip6.arpa", ZONE_NONE, NULL, false, NAME_SERVICE_LABEL},
	{"9.b.d.0.1.0.0.2.ip6.arpa", ZONE_NONE, NULL, false, NAME_SERVICE_LABEL},
};

START_TEST(a_name_lies_in_one_zone)
{
	struct asking asking;

	asking_begin(&asking, services);
	asking.settings.reading = located[_i].reading;
	asking_locate(&asking, located[_i].name, DNS_A);
	ck_assert_int_eq(asking.node.zone, located[_i].zone);
	if (located[_i].origin != NULL) {
		ck_assert_str_eq(name_at(&asking, asking.node.origin), located[_i].origin);
		ck_assert_int_eq(asking.node.is_apex, located[_i].is_apex);
	}
	asking_end(&asking);
}
END_TEST

START_TEST(the_longest_of_nested_prefixes_wins)
{
	struct asking asking;

	asking_begin(&asking, services);
	ck_assert(prefix_parse("10.1.0.0/16", &asking.reverse[1]));
	asking_locate(&asking, "1.0.1.10.in-addr.arpa", DNS_PTR);
	ck_assert_str_eq(name_at(&asking, asking.node.origin), "1.10.in-addr.arpa");
	asking_locate(&asking, "1.0.2.10.in-addr.arpa", DNS_PTR);
	ck_assert_str_eq(name_at(&asking, asking.node.origin), "10.in-addr.arpa");
	asking_end(&asking);
}
END_TEST

START_TEST(without_prefixes_no_reverse_name_is_ours)
{
	struct asking asking;

	asking_begin(&asking, services);
	asking.settings.reverse_count = 0;
	asking_locate(&asking, "1.0.1.10.in-addr.arpa", DNS_PTR);
	ck_assert_int_eq(ZONE_NONE, asking.node.zone);
	asking_end(&asking);
}
END_TEST

static const struct {
	const char *name;
	enum verdict verdict;
	size_t count;      /* instances, with FOUND; names of a reverse zone */
	bool is_instance;
	const char *only;  /* the address that the name gives; NULL: none */
} found[] = {
	{"redis.default.nomad", VERDICT_FOUND, 3, false, NULL},
	{"REDIS.Default.nomad", VERDICT_FOUND, 3, false, NULL},
	{"redis.nomad", VERDICT_FOUND, 3, false, NULL},
	{"redis.default.service.nomad", VERDICT_FOUND, 3, false, NULL},
	{"_redis._tcp.default.nomad", VERDICT_FOUND, 3, false, NULL},
	{"_redis._v2.default.nomad", VERDICT_FOUND, 1, false, NULL},
	{"_redis._none.default.nomad", VERDICT_NO_NAME, 0, false, NULL},
	{"_http._tcp.redis.default.nomad", VERDICT_FOUND, 3, false, NULL},
	{"10-1-0-1.redis.default.nomad", VERDICT_FOUND, 2, true, "10.1.0.1"},
	{"2001-db8--1.redis.default.nomad", VERDICT_FOUND, 1, true, "2001:db8::1"},
	{"10-1-0-2.redis.default.nomad", VERDICT_NO_NAME, 0, false, NULL},
	{"bbbbbbbb.redis.default.nomad", VERDICT_FOUND, 1, true, NULL},
	{"prod.redis.default.nomad", VERDICT_FOUND, 2, true, NULL},
	{"_tcp.redis.default.nomad", VERDICT_NO_DATA, 0, false, NULL},
	{"x.redis.default.nomad", VERDICT_NO_NAME, 0, false, NULL},
	{"redis.prod.nomad", VERDICT_NO_NAME, 0, false, NULL},
	{"redi.default.nomad", VERDICT_NO_NAME, 0, false, NULL},
	{"a.b.c.d.e.f.g.h.i.nomad", VERDICT_NO_NAME, 0, false, NULL},
	/* Two spellings: the exact one, else all. */
	{"Web.prod.nomad", VERDICT_FOUND, 1, false, NULL},
	{"web.prod.nomad", VERDICT_FOUND, 2, false, NULL},
	{"WEB.prod.nomad", VERDICT_FOUND, 3, false, NULL},
	{"host.prod.nomad", VERDICT_FOUND, 1, false, NULL},
	/* Names that exist and hold nothing. */
	{"nomad", VERDICT_NO_DATA, 0, false, NULL},
	{"service.nomad", VERDICT_NO_DATA, 0, false, NULL},
	{"default.nomad", VERDICT_NO_DATA, 0, false, NULL},
	{"Prod.nomad", VERDICT_NO_DATA, 0, false, NULL},
	{"other.service.nomad", VERDICT_NO_DATA, 0, false, NULL},
	{"_tcp.nomad", VERDICT_NO_DATA, 0, false, NULL},
	{"nobody.nomad", VERDICT_NO_NAME, 0, false, NULL},
	/* Reverse: names above an address exist, whoever is below. */
	{"1.0.1.10.in-addr.arpa", VERDICT_FOUND, 1, false, NULL},
	{"1.0.0.10.in-addr.arpa", VERDICT_NO_NAME, 0, false, NULL},
	{"7.7.10.in-addr.arpa", VERDICT_NO_DATA, 0, false, NULL},
	{"10.in-addr.arpa", VERDICT_NO_DATA, 0, false, NULL},
	{"x.7.10.in-addr.arpa", VERDICT_NO_NAME, 0, false, NULL},
	{"256.7.10.in-addr.arpa", VERDICT_NO_NAME, 0, false, NULL},
	{"01.7.10.in-addr.arpa", VERDICT_NO_NAME, 0, false, NULL},
	{"5.1.0.1.10.in-addr.arpa", VERDICT_NO_NAME, 0, false, NULL},
	{"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", VERDICT_FOUND, 1, false, NULL},
	{"2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", VERDICT_NO_NAME, 0, false, NULL},
	{"g.8.b.d.0.1.0.0.2.ip6.arpa", VERDICT_NO_NAME, 0, false, NULL},
	{"10.8.b.d.0.1.0.0.2.ip6.arpa", VERDICT_NO_NAME, 0, false, NULL},
};

START_TEST(a_name_stands_for_what_the_catalogue_has)
{
	struct asking asking;
	char only[INET6_ADDRSTRLEN] = "";

	asking_begin(&asking, services);
	asking_find(&asking, found[_i].name, DNS_A);
	const struct zone_node *node = &asking.node;
	ck_assert_str_eq(support_verdict(node->verdict), support_verdict(found[_i].verdict));
	if (node->verdict == VERDICT_FOUND)
		ck_assert_uint_eq(node->zone == ZONE_REVERSE ? node->names->count : node->chosen_count, found[_i].count);
	ck_assert_int_eq(node->is_instance && node->verdict == VERDICT_FOUND, found[_i].is_instance);
	ck_assert_int_eq(node->has_only, found[_i].only != NULL);
	if (node->has_only) {
		inet_ntop(node->only.family, node->only.octets, only, sizeof only);
		ck_assert_str_eq(only, found[_i].only);
	}
	asking_end(&asking);
}
END_TEST

START_TEST(the_name_server_is_a_name_until_a_service_takes_it)
{
	struct asking asking;

	asking_begin(&asking, services);
	asking_find(&asking, "ns.nomad", DNS_A);
	ck_assert(asking.node.is_server && asking.node.verdict == VERDICT_NO_DATA);
	asking_find(&asking, "ns.service.nomad", DNS_A);
	ck_assert(asking.node.is_server && asking.node.verdict == VERDICT_NO_DATA);
	asking_find(&asking, "ns.other.nomad", DNS_A);
	ck_assert(!asking.node.is_server && asking.node.verdict == VERDICT_FOUND);
	asking_put(&asking, "default ns ffffffff-1 10.4.0.1 53 -");
	asking_find(&asking, "ns.nomad", DNS_A);
	ck_assert(!asking.node.is_server && asking.node.verdict == VERDICT_FOUND);
	asking_end(&asking);
}
END_TEST

START_TEST(a_name_of_one_label_is_in_the_default_namespace_of_the_settings)
{
	struct asking asking;

	asking_begin(&asking, services);
	strcpy(asking.settings.default_namespace, "prod");
	asking_find(&asking, "host.nomad", DNS_A);
	ck_assert_int_eq(VERDICT_FOUND, asking.node.verdict);
	asking_find(&asking, "redis.nomad", DNS_A);
	ck_assert_int_eq(VERDICT_NO_NAME, asking.node.verdict);
	asking_find(&asking, "default.nomad", DNS_A);
	ck_assert_int_eq(VERDICT_NO_DATA, asking.node.verdict);
	asking_end(&asking);
}
END_TEST

START_TEST(what_was_not_prepared_is_unknown_and_not_absent)
{
	struct asking asking;

	asking_begin(&asking, (const char *const[]){NULL});
	catalogue_prepare_with(asking.catalogue, NULL);
	asking_put(&asking, "default bare aaaaaaaa-9 10.9.0.1 80 -");
	for (size_t i = 0; i < 2; i++) {
		asking_find(&asking, i == 0 ? "bare.default.nomad" : "bare.nomad", DNS_A);
		ck_assert_int_eq(VERDICT_UNKNOWN, asking.node.verdict);
	}
	asking_end(&asking);
}
END_TEST

/* Puts what is known of a service to be there, and nothing else. */
static void put_unknown(struct asking *asking, bool unknown, const struct instance *instance)
{
	static const struct spelling spelling = {.namespace = "default", .service = "veiled", .count = 1};
	const struct service_key key = {"default", "veiled"};
	const struct spelling none = {.namespace = "default", .service = "veiled", .count = 0};

	ck_assert_int_eq(0, catalogue_put(asking->catalogue, &key, service_copy(&(struct service){
		.unknown = unknown, .spelling_count = 1, .spellings = instance == NULL ? &none : &spelling,
		.instance_count = instance != NULL, .instances = instance})));
}

/* Of a service that may not be read, and one at a host's name alone that could not be resolved (SRV does not need that). */
START_TEST(what_nobody_can_tell_is_unknown_whatever_is_asked)
{
	static const char *const names[] = {"veiled.default.nomad", "veiled.nomad", "_veiled._tcp.default.nomad",
	                                    "veiled.default.service.nomad", "_tcp.veiled.default.nomad"};
	static const uint16_t types[] = {DNS_A, DNS_AAAA, DNS_ANY, DNS_SRV, DNS_TXT};
	const struct instance unresolved = {.id = "id", .allocation = "aaaaaaaa-1", .node = "", .job = "", .datacenter = "",
	                                    .host = "db.example.com", .unresolved = FAMILY_ANY, .port = 80};
	struct asking asking;

	asking_begin(&asking, services);
	for (size_t i = 0; i < 5; i++)
		for (size_t j = 0; j < 5; j++) {
			put_unknown(&asking, true, NULL);
			asking_find(&asking, names[i], types[j]);
			ck_assert_int_eq(VERDICT_UNKNOWN, asking.node.verdict);
			put_unknown(&asking, false, &unresolved);
			asking_find(&asking, names[i], types[j]);
			ck_assert_int_eq(i == 4 ? VERDICT_NO_DATA : j < 3 ? VERDICT_UNKNOWN : VERDICT_FOUND, asking.node.verdict);
		}
	asking_end(&asking);
}
END_TEST

static const struct {
	const char *name;
	uint16_t type;
	bool partial;
	enum verdict verdict;
} doubts[] = {
	/* veiled is at 192.0.2.1 (tag v4) and at a name that leads to 10.9.0.1 and perhaps to IPv6 addresses (tag v6) */
	{"veiled.default.nomad", DNS_A, false, VERDICT_FOUND},
	{"veiled.default.nomad", DNS_AAAA, false, VERDICT_UNKNOWN},
	{"veiled.default.nomad", DNS_SRV, false, VERDICT_FOUND},
	{"veiled.default.nomad", DNS_ANY, false, VERDICT_FOUND},
	{"veiled.default.nomad", DNS_TXT, false, VERDICT_FOUND},
	{"VEILED.nomad", DNS_AAAA, false, VERDICT_UNKNOWN},
	{"veiled.default.service.nomad", DNS_AAAA, false, VERDICT_UNKNOWN},
	{"2001-db8--6.veiled.default.nomad", DNS_AAAA, false, VERDICT_UNKNOWN},
	{"2001-db8--6.veiled.default.nomad", 15, false, VERDICT_UNKNOWN}, /* MX: whether there is such a name */
	{"192-0-2-9.veiled.default.nomad", DNS_A, false, VERDICT_NO_NAME},
	{"192-0-2-1.veiled.default.nomad", DNS_AAAA, false, VERDICT_FOUND}, /* and holds none */
	{"v4.veiled.default.nomad", DNS_AAAA, false, VERDICT_FOUND},
	{"v6.veiled.default.nomad", DNS_A, false, VERDICT_FOUND},
	{"v6.veiled.default.nomad", DNS_AAAA, false, VERDICT_UNKNOWN},
	{"v5.veiled.default.nomad", DNS_AAAA, false, VERDICT_NO_NAME},
	{"_veiled._v6.default.nomad", DNS_AAAA, false, VERDICT_UNKNOWN},
	{"v5.veiled.default.nomad", DNS_AAAA, true, VERDICT_UNKNOWN},
	{"v5.veiled.default.nomad", DNS_SRV, true, VERDICT_UNKNOWN},
	{"v4.veiled.default.nomad", DNS_AAAA, true, VERDICT_UNKNOWN},
	{"v4.veiled.default.nomad", DNS_SRV, true, VERDICT_UNKNOWN}, /* it has no port, another one may */
	{"veiled.nomad", DNS_SRV, true, VERDICT_FOUND},
	{"_tcp.veiled.nomad", DNS_A, true, VERDICT_NO_DATA},
};

START_TEST(what_is_not_there_is_so_only_where_nothing_is_missing)
{
	static const struct spelling spelling = {.namespace = "default", .service = "veiled", .count = 2};
	static const char *const tags[] = {"v4", "v6"};
	const struct service_key key = {"default", "veiled"};
	struct address addresses[2];
	const struct instance instances[2] = {
		{.id = "1", .allocation = "aaaaaaaa-1", .node = "", .job = "", .datacenter = "", .addresses = &addresses[0],
	     .address_count = 1, .tags = &tags[0], .tag_count = 1},
		{.id = "2", .allocation = "aaaaaaaa-2", .node = "", .job = "", .datacenter = "", .host = "six.example",
	     .addresses = &addresses[1], .address_count = 1, .tags = &tags[1], .tag_count = 1, .port = 80,
	     .unresolved = FAMILY_IPV6},
	};
	struct asking asking;

	ck_assert(address_parse("192.0.2.1", &addresses[0]) && address_parse("10.9.0.1", &addresses[1]));
	asking_begin(&asking, services);
	ck_assert_int_eq(0, catalogue_put(asking.catalogue, &key, service_copy(&(struct service){
		.partial = doubts[_i].partial, .spelling_count = 1, .spellings = &spelling, .instance_count = 2,
		.instances = instances})));
	asking_find(&asking, doubts[_i].name, doubts[_i].type);
	ck_assert_str_eq(support_verdict(asking.node.verdict), support_verdict(doubts[_i].verdict));
	asking_end(&asking);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{a_name_lies_in_one_zone, sizeof located / sizeof *located},
		{the_longest_of_nested_prefixes_wins, 1},
		{without_prefixes_no_reverse_name_is_ours, 1},
		{a_name_stands_for_what_the_catalogue_has, sizeof found / sizeof *found},
		{the_name_server_is_a_name_until_a_service_takes_it, 1},
		{a_name_of_one_label_is_in_the_default_namespace_of_the_settings, 1},
		{what_was_not_prepared_is_unknown_and_not_absent, 1},
		{what_nobody_can_tell_is_unknown_whatever_is_asked, 1},
		{what_is_not_there_is_so_only_where_nothing_is_missing, sizeof doubts / sizeof *doubts},
	};

	return support_run("zone", tests, sizeof tests / sizeof *tests);
}
