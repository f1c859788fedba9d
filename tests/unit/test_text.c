/*
 * Tests of src/text.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "support.h"
#include "text.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

static const struct pair {
	const char *a, *b;
	bool same;
} pairs[] = {
	{"", "", true},
	{"", "a", false},
	{"a", "", false},
	{"service", "SERVICE", true},
	{"sErViCe", "SeRvIcE", true},
	{"service", "services", false},
	{"az", "AZ", true},
	{"@", "`", false}, /* the octets beside A and a differ in the same bit as they do */
	{"[", "{", false},
	{"\xe9", "\xc9", false}, /* e with an accent in Latin-1 is not ASCII */
	{"\xff", "\xff", true},
	{"a-b_9", "A-B_9", true},
};

START_TEST(texts_are_the_same_but_for_ascii_case)
{
	const struct pair *pair = &pairs[_i];

	ck_assert_msg(text_same(pair->a, pair->b) == pair->same, "%s and %s", pair->a, pair->b);
	ck_assert_msg(text_same(pair->b, pair->a) == pair->same, "%s and %s", pair->b, pair->a);
}
END_TEST

START_TEST(only_the_letters_asked_for_are_compared)
{
	ck_assert(text_same_letters("nomad.x", "NOMAD", 5));
	ck_assert(!text_same_letters("nomxd", "NOMAD", 5));
	ck_assert(text_same_letters("a", "b", 0));
}
END_TEST

START_TEST(lowering_changes_ascii_letters_alone)
{
	char text[] = "AZ@[`{az09-_\xc9\xdc";

	text_lower(text, text);
	ck_assert_str_eq(text, "az@[`{az09-_\xc9\xdc");
}
END_TEST

START_TEST(lowering_writes_no_octet_too_many)
{
	char *text = support_fence(4);

	text_lower("ABC", text);
	ck_assert_str_eq(text, "abc");
	support_unfence(text, 4);
}
END_TEST

START_TEST(upper_case_is_ascii_upper_case)
{
	ck_assert(text_has_upper("webA"));
	ck_assert(text_has_upper("Zeb"));
	ck_assert(!text_has_upper(""));
	ck_assert(!text_has_upper("web-9_@[\xc9"));
}
END_TEST

static const struct number {
	unsigned long long value;
	const char *text;
} numbers[] = {
	{0, "0"}, {9, "9"}, {10, "10"}, {4294967295, "4294967295"}, {ULLONG_MAX, "18446744073709551615"},
};

START_TEST(numbers_are_written_in_decimal)
{
	char text[TEXT_NUMBER_MAX];

	ck_assert_ptr_eq(text_number(text, numbers[_i].value), text + strlen(numbers[_i].text));
	ck_assert_str_eq(text, numbers[_i].text);
}
END_TEST

START_TEST(only_control_characters_are_tamed)
{
	char text[] = "\x1b[31m a\tb\r\n\x7f\x01 gr\xc3\xbc\xc3\x9f ~";

	text_tame(text);
	ck_assert_str_eq(text, ".[31m a.b.... gr\xc3\xbc\xc3\x9f ~");
}
END_TEST

START_TEST(a_hex_digit_has_its_value_and_nothing_else_has_one)
{
	static const char digits[] = "0123456789abcdefABCDEF";

	for (int c = 0; c < 256; c++) {
		const char *found = c == 0 ? NULL : strchr(digits, c);
		int place = found == NULL ? -1 : (int)(found - digits);
		ck_assert_int_eq(text_hex_digit((char)c), place < 16 ? place : place - 6);
	}
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{texts_are_the_same_but_for_ascii_case, sizeof pairs / sizeof *pairs},
		{only_the_letters_asked_for_are_compared, 1},
		{lowering_changes_ascii_letters_alone, 1},
		{lowering_writes_no_octet_too_many, 1},
		{upper_case_is_ascii_upper_case, 1},
		{only_control_characters_are_tamed, 1},
		{a_hex_digit_has_its_value_and_nothing_else_has_one, 1},
		{numbers_are_written_in_decimal, sizeof numbers / sizeof *numbers},
	};

	return support_run("text", tests, sizeof tests / sizeof *tests);
}
