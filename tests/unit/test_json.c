/*
 * Tests of src/nomad/json.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "nomad/json.h"
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 4, TOKENS = 64 };

/* Parses text that ends at a page that may not be touched; the result is thrown away. */
static int parse(const char *text, size_t size)
{
	char *fenced = support_fence(size);
	struct json json = {0};

	memcpy(fenced, text, size);
	int result = json_parse(fenced, size, DEPTH, TOKENS, &json);
	json_done(&json);
	support_unfence(fenced, size);
	return result;
}

static const struct {
	const char *text;
	int wanted;
} documents[] = {
	{"[]", 0},
	{" {} \r\n", 0},
	{"{\"a\":[1,-2.5e3,true,false,null,\"b\"]}", 0},
	{"[[[[]]]]", 0},
	{"[[[[[]]]]]", -E2BIG},
	{"[[[[{}]]]]", -E2BIG},
	{"[\"[[[[[[\", \"\\\"{{{{{{\"]", 0},
	{"", -EBADMSG},
	{" ", -EBADMSG},
	{"[", -EBADMSG},
	{"]", -EBADMSG},
	{"[}", -EBADMSG},
	{"{\"a\":1", -EBADMSG},
	{"{\"a\":\"b", -EBADMSG},
	{"{\"a\"}", -EBADMSG},
	{"{\"a\":}", -EBADMSG},
	{"{\"a\",\"b\"}", -EBADMSG},
	{"{1:2}", -EBADMSG},
	{"{{}:1}", -EBADMSG},
	{"{\"a\":1 2}", -EBADMSG},
	{"[\"a\":1]", -EBADMSG},
	{"[][]", -EBADMSG},
	{"[[]:{},{}]", -EBADMSG},
	{"[{\"a\":[]}:[],[]]", -EBADMSG},
	{"{\"a\":[]:\"b\"}", -EBADMSG},
	{"\"a\":{}", -EBADMSG},
	{"[]{}", -EBADMSG},
	{"[] x", -EBADMSG},
	{"[\"\\x\"]", -EBADMSG},
	{"[\"\\u12g4\"]", -EBADMSG},
	{"<html></html>", -EBADMSG},
	{"Permission denied", -EBADMSG},
};

START_TEST(document_is_one_value_of_bounded_depth)
{
	ck_assert_msg(parse(documents[_i].text, strlen(documents[_i].text)) == documents[_i].wanted, "%s",
	              documents[_i].text);
}
END_TEST

START_TEST(nothing_may_follow_a_nul)
{
	ck_assert_int_eq(parse("[]\0[]", 5), -EBADMSG);
	ck_assert_int_eq(parse("[\"a\0\"]", 6), -EBADMSG);
}
END_TEST

START_TEST(number_of_tokens_is_bounded)
{
	char text[3 * TOKENS] = "[1"; /* two tokens */

	for (int i = 2; i < TOKENS; i++)
		strcat(text, ",1");
	strcat(text, "]");
	ck_assert_int_eq(parse(text, strlen(text)), 0);
	strcpy(text + strlen(text) - 1, ",1]");
	ck_assert_int_eq(parse(text, strlen(text)), -E2BIG);
}
END_TEST

/* A string between quotes, and what it says; NULL where it says nothing good. */
static const struct {
	const char *text, *wanted;
} strings[] = {
	{"", ""},
	{"plain", "plain"},
	{"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"},
	{"\\u0041\\u00e9\\u20aC\\ud83d\\ude00", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
	{"\\uffff\\u0001", "\xef\xbf\xbf\x01"},
	{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f"},
	{"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf", "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"},
	{"a\\u0000b", NULL},
	{"\\ud83d", NULL},
	{"\\ud83dx\\ude00", NULL},
	{"\\ud83d\\u0041", NULL},
	{"\\ude00\\ud83d", NULL},
	{"a\nb", NULL},
	{"a\tb", NULL},
	{"\x80", NULL},
	{"\xc0\xaf", NULL},
	{"\xc3", NULL},
	{"\xe0\x9f\xbf", NULL},
	{"\xe2\x82", NULL},
	{"\xed\xa0\x80", NULL},
	{"\xf0\x8f\xbf\xbf", NULL},
	{"\xf0\x9f\x98", NULL},
	{"\xf4\x90\x80\x80", NULL},
	{"\xf5\x80\x80\x80", NULL},
	{"\xff", NULL},
	{"\xc3""a", NULL},
};

START_TEST(string_is_unescaped_and_is_utf8)
{
	char text[64], said[64], *at = said;
	struct json json;

	int size = snprintf(text, sizeof text, "[\"%s\"]", strings[_i].text);
	ck_assert_int_eq(json_parse(text, (size_t)size, DEPTH, TOKENS, &json), 0);
	bool good = json_text(&json, 1, &at);
	ck_assert_int_eq(good, strings[_i].wanted != NULL);
	if (good) {
		ck_assert_str_eq(said, strings[_i].wanted);
		ck_assert_ptr_eq(at, said + strlen(said) + 1);
	} else {
		ck_assert_ptr_eq(at, said);
	}
	json_done(&json);
}
END_TEST

static const struct {
	const char *text;
	bool is_signed, is_unsigned;
	int64_t as_signed;
	uint64_t as_unsigned;
} numbers[] = {
	{"0", true, true, 0, 0},
	{"8080", true, true, 8080, 8080},
	{"-5", true, false, -5, 0},
	{"9223372036854775808", true, true, INT64_MAX, UINT64_C(9223372036854775808)},
	{"18446744073709551616", true, true, INT64_MAX, UINT64_MAX},
	{"-99999999999999999999", true, false, INT64_MIN, 0},
	{"1.5", false, false, 0, 0},
	{"1e3", false, false, 0, 0},
	{"-", false, false, 0, 0},
	{"true", false, false, 0, 0},
	{"null", false, false, 0, 0},
	{"\"1\"", false, false, 0, 0},
	{"[]", false, false, 0, 0},
};

START_TEST(number_is_an_integer_and_clamped)
{
	char text[64];
	struct json json;
	int64_t as_signed = 0;
	uint64_t as_unsigned = 0;

	int size = snprintf(text, sizeof text, "[%s]", numbers[_i].text);
	ck_assert_int_eq(json_parse(text, (size_t)size, DEPTH, TOKENS, &json), 0);
	ck_assert_int_eq(json_signed(&json, 1, &as_signed), numbers[_i].is_signed);
	ck_assert_int_eq(json_unsigned(&json, 1, &as_unsigned), numbers[_i].is_unsigned);
	ck_assert_int_eq(as_signed, numbers[_i].as_signed);
	ck_assert_uint_eq(as_unsigned, numbers[_i].as_unsigned);
	json_done(&json);
}
END_TEST

START_TEST(value_is_followed_by_what_is_not_in_it)
{
	static const char text[] = "[{\"a\":[1,{\"b\":2}]},[],\"c\"]";
	struct json json;

	ck_assert_int_eq(json_parse(text, sizeof text - 1, DEPTH, TOKENS, &json), 0);
	ck_assert_uint_eq(json_after(&json, 0), json.count);
	size_t second = json_after(&json, 1), third = json_after(&json, second);
	ck_assert(json_is(&json, second, JSMN_ARRAY));
	ck_assert(json_equals(&json, third, "c"));
	ck_assert_uint_eq(json_after(&json, third), json.count);
	ck_assert(!json_is(&json, json.count, JSMN_ARRAY));
	json_done(&json);
}
END_TEST

static const struct {
	const char *text, *written;
} written[] = {
	{"plain", "\"plain\""},
	{"a \"b\" \\", "\"a \\\"b\\\" \\\\\""},
	{"\t\x1b\x7f", "\"\\u0009\\u001b\\u007f\""},
	{"gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\""},
	{"\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""},
	{"w\xff!", "\"w\\ufffd!\""},
	{"\xc3", "\"\\ufffd\""},
	{"\xe2\x82(", "\"\\ufffd\\ufffd(\""},
};

START_TEST(what_is_written_is_json_whatever_the_text)
{
	char *got = NULL;
	size_t size;
	FILE *out = open_memstream(&got, &size);

	ck_assert_ptr_nonnull(out);
	json_put_text(out, written[_i].text);
	ck_assert_int_eq(fclose(out), 0);
	ck_assert_str_eq(got, written[_i].written);
	free(got);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{document_is_one_value_of_bounded_depth, sizeof documents / sizeof *documents},
		{nothing_may_follow_a_nul, 1},
		{number_of_tokens_is_bounded, 1},
		{string_is_unescaped_and_is_utf8, sizeof strings / sizeof *strings},
		{number_is_an_integer_and_clamped, sizeof numbers / sizeof *numbers},
		{value_is_followed_by_what_is_not_in_it, 1},
		{what_is_written_is_json_whatever_the_text, sizeof written / sizeof *written},
	};

	return support_run("json", tests, sizeof tests / sizeof *tests);
}
