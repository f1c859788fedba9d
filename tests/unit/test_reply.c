/*
 * Tests of src/dns/reply.c: what every answer has in common. What it says is tested from outside (tests/system), and for
 * messages of any content by tests/fuzz/fuzz_message.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "asking.h"
#include "dns/reply.h"

#include <sys/socket.h>

enum { ROOM = 1232, ID = 0x1234 };

static const char *const services[] = {
	"default redis aaaaaaaa-1 10.1.0.1 6379 prod\n"
	"default redis bbbbbbbb-1 10.1.0.2 6380 prod,v2\n"
	"default redis cccccccc-1 2001:db8::1 6381 -",
	NULL,
};

/* A catalogue to answer from, and who asks. */
struct answering {
	struct asking asking;
	struct prefix allow;
	struct dns_client client;
	uint8_t octets[2 * ROOM];
	size_t size;
	uint8_t answer[ROOM];
};

static void answering_begin(struct answering *answering)
{
	asking_begin(&answering->asking, services);
	answering->allow = (struct prefix){.family = AF_INET};
	answering->client = (struct dns_client){.address = {AF_INET, {192, 0, 2, 1}}}; /* of no private network: with cookies */
	struct dns_settings *settings = &answering->asking.settings;
	settings->ttl = 10;
	settings->udp_size = ROOM;
	settings->allow = &answering->allow;
	settings->allow_count = 1;
	settings->cookies = true;
	catalogue_set_state(answering->asking.catalogue, CATALOGUE_CURRENT, 1);
}

/* The root, OPT, 1232 octets, version 0 without flags, and a cookie of a client that has none of ours yet. */
static const char with_cookie[] = "\0\0\x29\x04\xd0\0\0\0\0\0\x0c\0\x0a\0\x08" "clientpt";

/* Writes a question, with that behind it or without. */
static void write_query(struct answering *answering, const char *name, uint16_t type, bool opt)
{
	struct asking *asking = &answering->asking;

	asking_write(asking, name, type);
	uint8_t *end = mempcpy(answering->octets, asking->octets, asking->size);
	answering->octets[0] = ID >> 8;
	answering->octets[1] = ID & 255;
	answering->octets[11] = opt;
	if (opt)
		end = mempcpy(end, with_cookie, sizeof with_cookie - 1);
	answering->size = (size_t)(end - answering->octets);
}

/* Answers it; the answer's size. */
static size_t answer(struct answering *answering)
{
	struct asking *asking = &answering->asking;

	return dns_answer(&asking->view, &answering->client, answering->octets, answering->size, answering->answer, ROOM);
}

static const struct {
	const char *name;
	uint16_t type;
} questions[] = {
	{"redis.default.nomad", DNS_A},         {"redis.default.nomad", DNS_AAAA},  {"redis.default.nomad", DNS_SRV},
	{"REDIS.default.nomad", DNS_SRV},       {"redis.nomad", DNS_SRV},           {"redis.default.service.nomad", DNS_SRV},
	{"_redis._tcp.default.nomad", DNS_SRV}, {"prod.redis.default.nomad", DNS_A}, {"v2.redis.default.nomad", DNS_TXT},
	{"redis.default.nomad", DNS_HTTPS},     {"nobody.default.nomad", DNS_SRV},  {"default.nomad", DNS_A},
	{"nomad", DNS_SOA},                     {"nomad", DNS_NS},                  {"1.0.1.10.in-addr.arpa", DNS_PTR},
	{"example.com", DNS_A},                 {"redis.default.nomad", DNS_ANY},   {"nomad", DNS_AXFR},
};

/* Once the memory for choosing among instances is there. */
START_TEST(no_answer_allocates)
{
	struct answering answering;

	answering_begin(&answering);
	write_query(&answering, "prod.redis.default.nomad", DNS_A, false);
	ck_assert_uint_gt(answer(&answering), MESSAGE_HEADER);
	for (int opt = 0; opt < 2; opt++) {
		write_query(&answering, questions[_i].name, questions[_i].type, opt);
		support_fail_allocation(1);
		size_t size = answer(&answering);
		ck_assert(!support_fail_allocation(0));
		ck_assert_uint_gt(size, MESSAGE_HEADER);
	}
	asking_end(&answering.asking);
}
END_TEST

/* Header and question, and the OPT record if there was one: with its cookie, and why there is no answer. */
START_TEST(a_cut_answer_has_the_question_and_the_opt_record_alone)
{
	enum { OPT_SIZE = 11 + 4 + MESSAGE_COOKIE_CLIENT + 16, REASON_SIZE = 4 + 2 };
	struct answering answering;

	answering_begin(&answering);
	for (int opt = 0; opt < 2; opt++) {
		write_query(&answering, questions[_i].name, questions[_i].type, opt);
		size_t size = answer(&answering);
		uint8_t before[ROOM];
		memcpy(before, answering.answer, size);
		const struct dns_outcome *outcome = &answering.asking.view.scratch->outcome;
		size_t reason = outcome->rcode == DNS_REFUSED ? REASON_SIZE : 0;
		size_t question = answering.asking.size, wanted = question + (opt ? OPT_SIZE + reason : 0);
		ck_assert_uint_eq(wanted, dns_answer_cut(answering.answer, size, outcome->opt_size));
		ck_assert_uint_eq(answering.answer[2], before[2] | FLAG_TC >> 8);
		ck_assert_uint_eq(answering.answer[3], before[3]);
		ck_assert_int_eq(0, memcmp(answering.answer + 4, (const uint8_t[]){0, 1, 0, 0, 0, 0, 0, (uint8_t)opt}, 8));
		ck_assert_int_eq(0, memcmp(answering.answer + 12, answering.octets + 12, question - 12));
		ck_assert_int_eq(0, memcmp(answering.answer + question, before + size - (wanted - question), wanted - question));
	}
	asking_end(&answering.asking);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{no_answer_allocates, sizeof questions / sizeof *questions},
		{a_cut_answer_has_the_question_and_the_opt_record_alone, sizeof questions / sizeof *questions},
	};

	return support_run("reply", tests, sizeof tests / sizeof *tests);
}
