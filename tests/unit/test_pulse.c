/*
 * Tests of src/dns/pulse.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dns/pulse.h"
#include "support.h"

enum {
	BEAT = 1000000, EXPIRES = BEAT + 60000,
};

/* Milliseconds after the beat, what the catalogue says of itself, and what it is. */
static const struct {
	int64_t after;
	enum catalogue_state said, wanted;
} rows[] = {
	{0, CATALOGUE_CURRENT, CATALOGUE_CURRENT},
	{1000, CATALOGUE_CURRENT, CATALOGUE_CURRENT},
	{4999, CATALOGUE_CURRENT, CATALOGUE_CURRENT},
	{-5, CATALOGUE_CURRENT, CATALOGUE_CURRENT}, /* a worker that looked at the clock a little before */
	{5000, CATALOGUE_CURRENT, CATALOGUE_STALE},
	{59999, CATALOGUE_CURRENT, CATALOGUE_STALE},
	{60000, CATALOGUE_CURRENT, CATALOGUE_EXPIRED},
	{INT64_C(1) << 40, CATALOGUE_CURRENT, CATALOGUE_EXPIRED}, /* the machine slept */
	{4999, CATALOGUE_STALE, CATALOGUE_STALE},
	{5000, CATALOGUE_STALE, CATALOGUE_STALE},
	{60000, CATALOGUE_STALE, CATALOGUE_EXPIRED},
	{0, CATALOGUE_EXPIRED, CATALOGUE_EXPIRED},
	{5000, CATALOGUE_EXPIRED, CATALOGUE_EXPIRED},
	{60000, CATALOGUE_LOADING, CATALOGUE_LOADING},
};

START_TEST(a_late_pulse_makes_the_catalogue_old)
{
	struct pulse pulse = {0};

	pulse_beat(&pulse, BEAT, EXPIRES);
	ck_assert_int_eq(pulse_judge(&pulse, BEAT + rows[_i].after, rows[_i].said), rows[_i].wanted);
}
END_TEST

START_TEST(before_the_first_beat_it_says_nothing)
{
	struct pulse pulse = {0};

	ck_assert_int_eq(pulse_judge(&pulse, BEAT, CATALOGUE_CURRENT), CATALOGUE_CURRENT);
}
END_TEST

START_TEST(each_beat_counts_anew)
{
	struct pulse pulse = {0};

	pulse_beat(&pulse, BEAT, EXPIRES);
	ck_assert_int_eq(pulse_judge(&pulse, EXPIRES, CATALOGUE_CURRENT), CATALOGUE_EXPIRED);
	pulse_beat(&pulse, EXPIRES, EXPIRES + 60000);
	ck_assert_int_eq(pulse_judge(&pulse, EXPIRES + 1, CATALOGUE_CURRENT), CATALOGUE_CURRENT);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{a_late_pulse_makes_the_catalogue_old, sizeof rows / sizeof *rows},
		{before_the_first_beat_it_says_nothing, 1},
		{each_beat_counts_anew, 1},
	};

	return support_run("pulse", tests, sizeof tests / sizeof *tests);
}
