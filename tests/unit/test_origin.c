/*
 * Tests of src/origin.c: the word that the module hands to its helper, and what is read of the kernel.
 *
 * SPDX-License-Identifier: MIT
 */
#include "origin.h"
#include "support.h"

#include <string.h>

START_TEST(it_is_told_and_the_same_each_time)
{
	struct origin one, other;

	origin_set_network(&one);
	ck_assert_str_eq(one.unit, "");
	origin_set_unit(&one);
	origin_set_network(&other);
	origin_set_unit(&other);
	ck_assert_mem_eq(&one, &other, sizeof one);
	ck_assert_uint_gt(strlen(one.network), 1);
	ck_assert_uint_eq(strspn(one.unit, "0123456789abcdef"), ORIGIN_UNIT_MAX - 1);
}
END_TEST

START_TEST(a_unit_that_is_known_stays)
{
	struct origin origin = {.network = "1", .unit = "0123456789abcdef"};

	origin_set_unit(&origin);
	ck_assert_str_eq(origin.unit, "0123456789abcdef");
}
END_TEST

START_TEST(what_is_written_is_read)
{
	struct origin origin = {.network = "18446744073709551615", .unit = "0123456789abcdef"}, read = {0};
	char text[ORIGIN_TEXT_MAX];

	origin_write(&origin, text);
	ck_assert_uint_eq(strlen(text), ORIGIN_TEXT_MAX - 1);
	ck_assert(origin_parse(text, &read));
	ck_assert_str_eq(read.network, origin.network);
	ck_assert_str_eq(read.unit, origin.unit);
}
END_TEST

static const char *const junk[] = {
	"", "-", "1", "1-", "-0123456789abcdef", "1-0123456789abcde", "1-0123456789abcdef0", "1-0123456789ABCDEF",
	"../x-0123456789abcdef", "1/2-0123456789abcdef", "184467440737095516150-0123456789abcdef", "1-0123456789abcdef/",
};

START_TEST(what_is_no_origin_is_not_taken)
{
	struct origin origin = {.network = "7"};

	ck_assert(!origin_parse(junk[_i], &origin));
	ck_assert_str_eq(origin.network, "7");
	ck_assert_str_eq(origin.unit, "");
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{it_is_told_and_the_same_each_time, 1},
		{a_unit_that_is_known_stays, 1},
		{what_is_written_is_read, 1},
		{what_is_no_origin_is_not_taken, sizeof junk / sizeof *junk},
	};

	return support_run("origin", tests, sizeof tests / sizeof *tests);
}
