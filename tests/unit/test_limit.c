/*
 * Tests of src/dns/limit.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dns/limit.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

enum { RATE = 10, NOW = 1000 };

static const struct dns_outcome positive = {.kind = OUTCOME_POSITIVE};
static const struct dns_outcome negative = {.kind = OUTCOME_NEGATIVE, .rcode = DNS_NXDOMAIN};
static const struct dns_outcome malformed = {.kind = OUTCOME_ERROR, .rcode = DNS_FORMERR};

static struct limit *limit_new(uint32_t rate)
{
	struct limit *limit = calloc(1, sizeof *limit);

	ck_assert_ptr_nonnull(limit);
	limit_init(limit, 12345);
	limit_set_rate(limit, rate, 1);
	return limit;
}

/* How many of `count` answers to a client pass. */
static unsigned passing(struct limit *limit, const char *client, const struct dns_outcome *outcome, unsigned count,
                        uint32_t now)
{
	struct address address;
	unsigned passed = 0;

	ck_assert(address_parse(client, &address));
	while (count-- > 0)
		passed += limit_check(limit, &address, outcome, now) == LIMIT_PASS;
	return passed;
}

/* Who uses up the rate, and how much is left to another one then. */
static const struct {
	const char *first, *second;
	unsigned left;
} pairs[] = {
	{"192.0.2.1", "192.0.2.200", 0},          /* one /24 */
	{"192.0.2.1", "192.0.3.1", RATE},
	{"2001:db8:0:1::1", "2001:db8:0:ff::2", 0}, /* one /56 */
	{"2001:db8:0:1::1", "2001:db8:0:100::1", RATE},
	{"192.0.2.1", "2001:db8::1", RATE},
};

/* A rate, and how much of it each of several workers gives: together never more than one too many each. */
static const struct {
	uint32_t rate;
	size_t workers;
	uint32_t share;
} shares[] = {{200, 1, 200}, {200, 4, 50}, {200, 32, 7}, {1, 32, 1}, {0, 4, 0}, {1000000, 3, 333334}};

START_TEST(workers_share_the_rate)
{
	struct limit *limit = limit_new(RATE);

	limit_set_rate(limit, shares[_i].rate, shares[_i].workers);
	ck_assert_uint_eq(limit->rate, shares[_i].share);
	free(limit);
}
END_TEST

START_TEST(a_prefix_shares_one_rate)
{
	struct limit *limit = limit_new(RATE);

	ck_assert_uint_eq(passing(limit, pairs[_i].first, &positive, 3 * RATE, NOW), RATE);
	ck_assert_uint_eq(passing(limit, pairs[_i].second, &positive, 3 * RATE, NOW), pairs[_i].left);
	free(limit);
}
END_TEST

START_TEST(every_second_has_its_own)
{
	struct limit *limit = limit_new(RATE);

	ck_assert_uint_eq(passing(limit, "192.0.2.1", &positive, 3 * RATE, NOW), RATE);
	ck_assert_uint_eq(passing(limit, "192.0.2.1", &positive, 3 * RATE, NOW + 1), RATE);
	free(limit);
}
END_TEST

START_TEST(kinds_of_answer_are_counted_apart)
{
	struct limit *limit = limit_new(RATE);

	ck_assert_uint_eq(passing(limit, "192.0.2.1", &negative, 3 * RATE, NOW), RATE);
	ck_assert_uint_eq(passing(limit, "192.0.2.1", &positive, 3 * RATE, NOW), RATE);
	free(limit);
}
END_TEST

START_TEST(every_other_answer_over_it_is_cut)
{
	struct address client = {.family = 2, .octets = {192, 0, 2, 1}};
	struct limit *limit = limit_new(RATE);
	unsigned cut = 0, dropped = 0;

	for (unsigned i = 0; i < 3 * RATE; i++) {
		enum limit_verdict verdict = limit_check(limit, &client, &positive, NOW);
		cut += verdict == LIMIT_CUT;
		dropped += verdict == LIMIT_DROP;
	}
	ck_assert_uint_eq(cut, RATE);
	ck_assert_uint_eq(dropped, RATE);
	free(limit);
}
END_TEST

static const char *const local[] = {"127.0.0.1", "::1", "10.0.0.1", "fd00::1"}; /* all kinds: test_prefix.c */

START_TEST(clients_that_cannot_be_forged_from_elsewhere_are_not_limited)
{
	struct limit *limit = limit_new(RATE);

	ck_assert_uint_eq(passing(limit, local[_i], &positive, 3 * RATE, NOW), 3 * RATE);
	ck_assert_uint_eq(passing(limit, local[_i], &malformed, 3 * LIMIT_ERRORS, NOW), 3 * LIMIT_ERRORS);
	free(limit);
}
END_TEST

START_TEST(clients_that_have_shown_a_cookie_are_not_limited)
{
	const struct dns_outcome proven = {.kind = OUTCOME_POSITIVE, .proven = true};
	struct limit *limit = limit_new(RATE);

	ck_assert_uint_eq(passing(limit, "192.0.2.1", &proven, 3 * RATE, NOW), 3 * RATE);
	free(limit);
}
END_TEST

START_TEST(a_rate_of_0_is_none)
{
	struct limit *limit = limit_new(0);

	ck_assert_uint_eq(passing(limit, "192.0.2.1", &positive, 3 * RATE, NOW), 3 * RATE);
	free(limit);
}
END_TEST

START_TEST(errors_are_limited_over_all_sources)
{
	struct limit *limit = limit_new(1000);
	unsigned passed = 0;
	char client[32];

	for (unsigned i = 0; i < 3 * LIMIT_ERRORS; i++) {
		snprintf(client, sizeof client, "192.%u.%u.1", 2 + i / 256, i % 256);
		passed += passing(limit, client, &malformed, 1, NOW);
	}
	ck_assert_uint_eq(passed, LIMIT_ERRORS);
	ck_assert_uint_eq(passing(limit, "192.0.2.1", &positive, 1, NOW), 1);
	ck_assert_uint_eq(passing(limit, "192.0.2.1", &malformed, 1, NOW + 1), 1);
	free(limit);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{workers_share_the_rate, sizeof shares / sizeof *shares},
		{a_prefix_shares_one_rate, sizeof pairs / sizeof *pairs},
		{every_second_has_its_own, 1},
		{kinds_of_answer_are_counted_apart, 1},
		{every_other_answer_over_it_is_cut, 1},
		{clients_that_cannot_be_forged_from_elsewhere_are_not_limited, sizeof local / sizeof *local},
		{clients_that_have_shown_a_cookie_are_not_limited, 1},
		{a_rate_of_0_is_none, 1},
		{errors_are_limited_over_all_sources, 1},
	};

	return support_run("limit", tests, sizeof tests / sizeof *tests);
}
