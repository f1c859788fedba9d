/*
 * Tests of src/dns/records.c: the records of a name, in the order and the sections in which they stand. The answers are
 * taken apart by libresolv.
 *
 * SPDX-License-Identifier: MIT
 */
#include "asking.h"
#include "dns/records.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <resolv.h>

enum { TTL = 7, NEGATIVE_TTL = 3, TEXT = 1 << 18, LARGE = 600 };

static const char *const services[] = {
	"default redis aaaaaaaa-1 10.1.0.1 6379 prod\n"
	"default redis bbbbbbbb-1 10.1.0.1 6380 prod,v2\n"
	"default redis cccccccc-1 2001:db8::1 6381 -",
	"default twice aaaaaaaa-2 10.2.0.1 80 prod\n"
	"default twice bbbbbbbb-2 10.2.0.1 80 prod",
	"default mixed aaaaaaaa-3 db.example.com 5432 -\n"
	"default mixed bbbbbbbb-3 10.3.0.1 0 -",
	"default one aaaaaaaa-4 10.4.0.1 80 blue,v=1",
	NULL,
};

static const struct dns_client client = {.local = {AF_INET, {127, 0, 0, 1}}, .address = {AF_INET, {127, 0, 0, 1}}};

/* The data of a record, as far as a test looks at it. */
static void add_data(char *text, size_t room, const ns_msg *message, const ns_rr *record)
{
	const uint8_t *data = ns_rr_rdata(*record), *end = ns_msg_end(*message);
	char name[NS_MAXDNAME] = "", line[NS_MAXDNAME + 64] = "";
	size_t lead = ns_rr_type(*record) == ns_t_srv ? 6 : 0;

	if (ns_rr_type(*record) == ns_t_a || ns_rr_type(*record) == ns_t_aaaa)
		inet_ntop(ns_rr_type(*record) == ns_t_a ? AF_INET : AF_INET6, data, line, sizeof line);
	else if (ns_rr_type(*record) != ns_t_txt)
		ck_assert_int_gt(dn_expand(ns_msg_base(*message), end, data + lead, name, sizeof name), 0);
	if (lead > 0)
		snprintf(line, sizeof line, "%u %u %u %s", ns_get16(data), ns_get16(data + 2), ns_get16(data + 4), name);
	else if (name[0] != '\0')
		strcpy(line, name);
	if (ns_rr_type(*record) != ns_t_txt)
		strncat(text, line, room);
	for (size_t at = 0; ns_rr_type(*record) == ns_t_txt && at < ns_rr_rdlen(*record); at += 1U + data[at])
		snprintf(text + strlen(text), room, "%s[%.*s]", at > 0 ? " " : "", data[at], (const char *)data + at + 1);
}

static const char *type_name(ns_type type)
{
	static const char *const names[] = {[ns_t_a] = "A", [ns_t_ns] = "NS", [ns_t_soa] = "SOA", [ns_t_ptr] = "PTR",
	                                    [ns_t_txt] = "TXT", [ns_t_aaaa] = "AAAA", [ns_t_srv] = "SRV"};

	ck_assert(type < sizeof names / sizeof *names && names[type] != NULL);
	return names[type];
}

/* All records of a message: "answer NAME TYPE DATA", one a line; "tc" first where it is cut. */
static const char *records_of(const uint8_t *octets, size_t size)
{
	static const char *const sections[] = {"", "answer ", "authority ", "more "};
	static char text[TEXT];
	ns_msg message;
	ns_rr record;

	ck_assert_int_eq(0, ns_initparse(octets, (int)size, &message));
	strcpy(text, ns_msg_getflag(message, ns_f_tc) ? "tc\n" : "");
	for (int section = ns_s_an; section <= ns_s_ar; section++)
		for (int i = 0; i < ns_msg_count(message, (ns_sect)section); i++) {
			ck_assert_int_eq(0, ns_parserr(&message, (ns_sect)section, i, &record));
			size_t used = strlen(text);
			ck_assert_uint_lt(used, TEXT / 2);
			ck_assert_uint_eq(section == ns_s_ns ? NEGATIVE_TTL : TTL, ns_rr_ttl(record));
			snprintf(text + used, TEXT - used, "%s%s %s ", sections[section], ns_rr_name(record),
			         type_name(ns_rr_type(record)));
			add_data(text, TEXT / 4, &message, &record);
			strcat(text, "\n");
		}
	return text;
}

static void begin_reply(struct asking *asking, struct reply *reply, uint8_t *answer, size_t room)
{
	*reply = (struct reply){.query = &asking->query};
	ck_assert(reply_begin(reply, asking->octets, answer, room, true, false));
}

/* The records of a type at a name, in an answer of at most `room` octets. */
static const char *ask_within(struct asking *asking, const char *name, uint16_t type, size_t room)
{
	uint8_t *answer = malloc(room);
	struct reply reply;

	asking_find(asking, name, type);
	begin_reply(asking, &reply, answer, room);
	records_write(&reply, &asking->view, &asking->node, &client, type, TTL);
	const char *text = records_of(answer, reply_end(&reply));
	free(answer);
	return text;
}

static const struct {
	const char *name;
	uint16_t type;
	const char *wanted; /* with the rotation's first turn */
} rows[] = {
	{"redis.default.nomad", DNS_A, "answer redis.default.nomad A 10.1.0.1\n"},
	{"redis.default.nomad", DNS_AAAA, "answer redis.default.nomad AAAA 2001:db8::1\n"},
	{"redis.default.nomad", DNS_HTTPS, ""},
	{"redis.default.nomad", DNS_TXT, ""},
	{"redis.default.nomad", DNS_SOA, ""},
	{"redis.default.nomad", DNS_PTR, ""},
	{"Prod.Redis.default.nomad", DNS_A, "answer Prod.Redis.default.nomad A 10.1.0.1\n"},
	{"2001-db8--1.redis.default.nomad", DNS_AAAA, "answer 2001-db8--1.redis.default.nomad AAAA 2001:db8::1\n"},
	{"2001-db8--1.redis.default.nomad", DNS_A, ""},
	{"one.default.nomad", DNS_SRV, "answer one.default.nomad SRV 10 10 80 10-4-0-1.one.default.nomad\n"
	                               "more 10-4-0-1.one.default.nomad A 10.4.0.1\n"},
	{"one.default.service.nomad", DNS_SRV,
	 "answer one.default.service.nomad SRV 10 10 80 10-4-0-1.one.default.service.nomad\n"
	 "more 10-4-0-1.one.default.service.nomad A 10.4.0.1\n"},
	{"_one._tcp.default.nomad", DNS_SRV, "answer _one._tcp.default.nomad SRV 10 10 80 10-4-0-1.one.default.nomad\n"
	                                     "more 10-4-0-1.one.default.nomad A 10.4.0.1\n"},
	/* The same address and port twice is one record; and so among the chosen. */
	{"twice.default.nomad", DNS_A, "answer twice.default.nomad A 10.2.0.1\n"},
	{"prod.twice.default.nomad", DNS_A, "answer prod.twice.default.nomad A 10.2.0.1\n"},
	{"twice.default.nomad", DNS_SRV, "answer twice.default.nomad SRV 10 10 80 10-2-0-1.twice.default.nomad\n"
	                                 "more 10-2-0-1.twice.default.nomad A 10.2.0.1\n"},
	{"prod.twice.default.nomad", DNS_SRV, "answer prod.twice.default.nomad SRV 10 10 80 10-2-0-1.twice.default.nomad\n"
	                                      "more 10-2-0-1.twice.default.nomad A 10.2.0.1\n"},
	/* Some of the instances: those that a tag selects. */
	{"_redis._v2.default.nomad", DNS_SRV, "answer _redis._v2.default.nomad SRV 10 10 6380 10-1-0-1.redis.default.nomad\n"
	                                      "more 10-1-0-1.redis.default.nomad A 10.1.0.1\n"},
	{"v2.redis.default.service.nomad", DNS_SRV,
	 "answer v2.redis.default.service.nomad SRV 10 10 6380 10-1-0-1.redis.default.service.nomad\n"
	 "more 10-1-0-1.redis.default.service.nomad A 10.1.0.1\n"},
	/* A host's name is the target, also under the alias; without a port there is none. */
	{"mixed.default.nomad", DNS_SRV, "answer mixed.default.nomad SRV 10 10 5432 db.example.com\n"},
	{"mixed.default.service.nomad", DNS_SRV, "answer mixed.default.service.nomad SRV 10 10 5432 db.example.com\n"},
	{"mixed.default.nomad", DNS_A, "answer mixed.default.nomad A 10.3.0.1\n"},
	{"aaaaaaaa.one.default.nomad", DNS_TXT,
	 "answer aaaaaaaa.one.default.nomad TXT [id=_nomad-task-aaaaaaaa-4-0]\n"
	 "answer aaaaaaaa.one.default.nomad TXT [allocation=aaaaaaaa-4]\n"
	 "answer aaaaaaaa.one.default.nomad TXT [node=node-1]\n"
	 "answer aaaaaaaa.one.default.nomad TXT [job=job-1]\n"
	 "answer aaaaaaaa.one.default.nomad TXT [datacenter=dc1]\n"
	 "answer aaaaaaaa.one.default.nomad TXT [tag=blue]\n"
	 "answer aaaaaaaa.one.default.nomad TXT [tag=v=1]\n"},
	{"nomad", DNS_NS, "answer nomad NS ns.nomad\nmore ns.nomad A 127.0.0.1\n"},
	{"nomad", DNS_SOA, "answer nomad SOA ns.nomad\n"},
	{"service.nomad", DNS_SOA, "answer service.nomad SOA ns.service.nomad\n"},
	{"nomad", DNS_A, ""},
	{"ns.nomad", DNS_A, "answer ns.nomad A 127.0.0.1\n"},
	{"ns.nomad", DNS_AAAA, ""},
	{"10.in-addr.arpa", DNS_SOA, "answer 10.in-addr.arpa SOA ns.nomad\n"},
	{"1.0.4.10.in-addr.arpa", DNS_PTR, "answer 1.0.4.10.in-addr.arpa PTR one.default.nomad\n"},
	{"1.0.4.10.in-addr.arpa", DNS_A, ""},
	/* ANY: the first set that there is. */
	{"one.default.nomad", DNS_ANY, "answer one.default.nomad A 10.4.0.1\n"},
	{"2001-db8--1.redis.default.nomad", DNS_ANY, "answer 2001-db8--1.redis.default.nomad AAAA 2001:db8::1\n"},
	{"nomad", DNS_ANY, "answer nomad SOA ns.nomad\n"},
	{"1.0.4.10.in-addr.arpa", DNS_ANY, "answer 1.0.4.10.in-addr.arpa PTR one.default.nomad\n"},
	{"default.nomad", DNS_ANY, ""},
};

START_TEST(a_name_has_these_records)
{
	struct asking asking;

	asking_begin(&asking, services);
	ck_assert_str_eq(ask_within(&asking, rows[_i].name, rows[_i].type, MESSAGE_PLAIN_MAX), rows[_i].wanted);
	asking_end(&asking);
}
END_TEST

/* How often a word stands in a text. */
static size_t times(const char *text, const char *word)
{
	size_t count = 0;

	for (; (text = strstr(text, word)) != NULL; text++)
		count++;
	return count;
}

START_TEST(each_port_stays_with_its_address_and_each_address_comes_once)
{
	struct asking asking;

	asking_begin(&asking, services);
	for (size_t i = 0; i < 4; i++) {
		const char *name = i % 2 == 0 ? "redis.default.nomad" : "_redis._tcp.default.nomad";
		const char *text = ask_within(&asking, name, DNS_SRV, MESSAGE_PLAIN_MAX);
		ck_assert_uint_eq(1, times(text, "10 10 6379 10-1-0-1.redis.default.nomad\n"));
		ck_assert_uint_eq(1, times(text, "10 10 6380 10-1-0-1.redis.default.nomad\n"));
		ck_assert_uint_eq(1, times(text, "10 10 6381 2001-db8--1.redis.default.nomad\n"));
		ck_assert_uint_eq(1, times(text, "more 10-1-0-1.redis.default.nomad A 10.1.0.1\n"));
		ck_assert_uint_eq(1, times(text, "more 2001-db8--1.redis.default.nomad AAAA 2001:db8::1\n"));
		ck_assert_uint_eq(5, times(text, "\n"));
	}
	asking_end(&asking);
}
END_TEST

START_TEST(every_record_comes_first_now_and_then)
{
	static const char *const first[] = {"10 10 6379 ", "10 10 6380 ", "10 10 6381 "};
	static const char *const names[] = {"redis.default.nomad", "REDIS.nomad", "redis.default.service.nomad"};
	struct asking asking;
	size_t seen[3] = {0};

	asking_begin(&asking, services);
	for (size_t i = 0; i < 300; i++) {
		const char *text = ask_within(&asking, names[_i], DNS_SRV, MESSAGE_PLAIN_MAX);
		const char *line_end = strchr(text, '\n');
		for (size_t j = 0; j < 3; j++) {
			const char *place = strstr(text, first[j]);
			seen[j] += place != NULL && place < line_end;
		}
	}
	ck_assert(seen[0] > 30 && seen[1] > 30 && seen[2] > 30);
	ck_assert_uint_eq(300, seen[0] + seen[1] + seen[2]);
	asking_end(&asking);
}
END_TEST

/* A room one octet smaller each time: additional records go before answers, and only the loss of answers is said. */
START_TEST(additional_records_go_first_and_unsaid)
{
	struct asking asking;
	size_t answers = 3, alone = 0;

	asking_begin(&asking, services);
	for (size_t room = MESSAGE_PLAIN_MAX; room > asking.size + 40; room--) {
		const char *text = ask_within(&asking, "redis.default.nomad", DNS_SRV, room);
		answers = times(text, "answer ");
		size_t more = times(text, "more ");
		ck_assert_int_eq(strncmp(text, "tc\n", 3) == 0, answers < 3);
		ck_assert(answers == 3 || more == 0);
		alone += answers == 3 && more < 2;
	}
	ck_assert_uint_eq(0, answers);
	ck_assert_uint_gt(alone, 16);
	asking_end(&asking);
}
END_TEST

/* A service with so many instances at 10.7.X.Y, each with a tag. */
static void put_large(struct asking *asking)
{
	struct spelling spelling = {.namespace = "default", .service = "large", .count = LARGE};
	struct instance *instances = calloc(LARGE, sizeof *instances);
	struct address *addresses = calloc(LARGE, sizeof *addresses);
	static const char *const tags[] = {"all"};
	const struct service_key key = {"default", "large"};

	for (size_t i = 0; i < LARGE; i++) {
		addresses[i] = (struct address){AF_INET, {10, 7, (uint8_t)(i >> 8), (uint8_t)i}};
		instances[i] = (struct instance){.id = "id", .allocation = "a", .node = "n", .job = "j", .datacenter = "d",
		                                 .addresses = &addresses[i], .address_count = 1, .tags = tags,
		                                 .tag_count = 1, .port = (uint16_t)(1000 + i)};
	}
	ck_assert_int_eq(0, catalogue_put(asking->catalogue, &key, service_copy(&(struct service){
		.spelling_count = 1, .spellings = &spelling, .instance_count = LARGE, .instances = instances})));
	free(instances);
	free(addresses);
}

/* Beyond 16384 octets no compression pointer reaches: owners are written out there. */
START_TEST(targets_have_their_addresses_however_far_they_stand)
{
	static const char *const names[] = {"large.default.nomad", "all.large.default.nomad", "large.default.service.nomad",
	                                    "_large._all.default.service.nomad"};
	const char *zone = strstr(names[_i], "service") != NULL ? "service.nomad" : "nomad";
	struct asking asking;
	char line[128];

	asking_begin(&asking, services);
	put_large(&asking);
	const char *text = ask_within(&asking, names[_i], DNS_SRV, MESSAGE_STREAM_MAX);
	ck_assert(strncmp(text, "tc\n", 3) != 0);
	ck_assert_uint_eq(2 * LARGE, times(text, "\n"));
	for (unsigned i = 0; i < LARGE; i++) {
		snprintf(line, sizeof line, " SRV 10 10 %u 10-7-%u-%u.large.default.%s\n", 1000 + i, i >> 8, i & 255, zone);
		ck_assert_msg(strstr(text, line) != NULL, "%s", line);
		snprintf(line, sizeof line, "more 10-7-%u-%u.large.default.%s A 10.7.%u.%u\n", i >> 8, i & 255, zone, i >> 8,
		         i & 255);
		ck_assert_msg(strstr(text, line) != NULL, "%s", line);
	}
	asking_end(&asking);
}
END_TEST

START_TEST(what_does_not_fit_is_cut_at_whole_records)
{
	static const uint16_t types[] = {DNS_A, DNS_SRV};
	static const char *const names[] = {"large.default.nomad", "all.large.default.nomad"};
	struct asking asking;

	asking_begin(&asking, services);
	put_large(&asking);
	for (size_t i = 0; i < 2; i++) {
		const char *text = ask_within(&asking, names[i], types[_i], 1232);
		ck_assert(strncmp(text, "tc\n", 3) == 0);
		ck_assert_uint_eq(0, times(text, "more "));
		/* An A record takes 16 octets: there is no room for one more. */
		if (types[_i] == DNS_A)
			ck_assert_uint_eq((1232 - asking.size) / 16, times(text, "answer "));
		else
			ck_assert_uint_gt(times(text, "answer "), 18);
	}
	asking_end(&asking);
}
END_TEST

START_TEST(a_long_tag_takes_several_strings_of_one_record)
{
	struct asking asking;
	char long_tag[256], line[512];
	const char *rest;

	memset(long_tag, 'x', sizeof long_tag);
	long_tag[sizeof long_tag - 1] = '\0'; /* "tag=" and 251 of them are one string */
	snprintf(line, sizeof line, "default long aaaaaaaa-5 10.5.0.1 80 %s", long_tag);
	asking_begin(&asking, services);
	asking_put(&asking, line);
	const char *text = ask_within(&asking, "aaaaaaaa.long.default.nomad", DNS_TXT, 1232);
	ck_assert_ptr_nonnull(rest = strstr(text, "[tag="));
	ck_assert_uint_eq(255 + 1, strcspn(rest, "]"));
	ck_assert_str_eq(strchr(rest, ']'), "] [xxxx]\n");
	asking_end(&asking);
}
END_TEST

START_TEST(a_negative_answer_has_the_zones_soa)
{
	static const char *const wanted[][2] = {
		{"x.default.nomad", "authority nomad SOA ns.nomad\n"},
		{"x.default.service.nomad", "authority service.nomad SOA ns.service.nomad\n"},
		{"9.9.9.10.in-addr.arpa", "authority 10.in-addr.arpa SOA ns.nomad\n"},
	};
	uint8_t answer[MESSAGE_PLAIN_MAX];
	struct asking asking;
	struct reply reply;

	asking_begin(&asking, services);
	asking_find(&asking, wanted[_i][0], DNS_A);
	begin_reply(&asking, &reply, answer, sizeof answer);
	records_write_negative(&reply, &asking.view, &asking.node, TTL);
	ck_assert_str_eq(records_of(answer, reply_end(&reply)), wanted[_i][1]);
	begin_reply(&asking, &reply, answer, asking.size + 20);
	records_write_negative(&reply, &asking.view, &asking.node, TTL);
	ck_assert_str_eq(records_of(answer, reply_end(&reply)), "tc\n");
	asking_end(&asking);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{a_name_has_these_records, sizeof rows / sizeof *rows},
		{each_port_stays_with_its_address_and_each_address_comes_once, 1},
		{every_record_comes_first_now_and_then, 3},
		{additional_records_go_first_and_unsaid, 1},
		{targets_have_their_addresses_however_far_they_stand, 4},
		{what_does_not_fit_is_cut_at_whole_records, 2},
		{a_long_tag_takes_several_strings_of_one_record, 1},
		{a_negative_answer_has_the_zones_soa, 3},
	};

	return support_run("records", tests, sizeof tests / sizeof *tests);
}
