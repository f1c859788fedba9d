/*
 * Tests of src/dns/message.c: what a query's octets say.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dns/message.h"
#include "support.h"

#include <string.h>

#define ID_FLAGS "\xab\xcd\x01\x00"
#define ONE "\0\1\0\0\0\0\0\0"
#define ONE_AND_OPT "\0\1\0\0\0\0\0\1"
#define WEB "\3web\5nomad\0\0\1\0\1"
#define OPT(size) "\0\0\x29\x10\0\0\0\x80\0" size
#define L63 "\x3f" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define L61 "\x3d" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define M(text) text, sizeof text - 1

static const struct {
	const char *octets;
	size_t size;
	enum message_kind kind;
	bool has_opt;
} rows[] = {
	{M(""), MESSAGE_IGNORED, false},
	{M(ID_FLAGS "\0\1\0\0\0\0\0"), MESSAGE_IGNORED, false}, /* 11 octets */
	{M("\xab\xcd\x80\0" ONE WEB), MESSAGE_IGNORED, false},  /* an answer */
	{M(ID_FLAGS ONE WEB), MESSAGE_QUERY, false},
	{M("\xab\xcd\x07\xff" ONE WEB), MESSAGE_QUERY, false},      /* every other bit set, an rcode too */
	{M("\xab\xcd\x28\0" ONE WEB), MESSAGE_OTHER_OPCODE, false}, /* UPDATE */
	{M("\xab\xcd\x28\0" ONE_AND_OPT WEB OPT("\0\0")), MESSAGE_OTHER_OPCODE, true},
	{M("\xab\xcd\x28\0\xff\xff\xff\xff\xff\xff\xff\xff"), MESSAGE_OTHER_OPCODE, false},
	{M(ID_FLAGS "\0\0\0\0\0\0\0\0"), MESSAGE_MALFORMED, false}, /* no question */
	{M(ID_FLAGS "\0\2\0\0\0\0\0\0" WEB WEB), MESSAGE_MALFORMED, false},
	{M(ID_FLAGS "\0\1\0\1\0\0\0\0" WEB "\0\0\1\0\1\0\0\0\0\0\0"), MESSAGE_MALFORMED, false},
	{M(ID_FLAGS "\0\1\0\0\0\1\0\0" WEB "\0\0\1\0\1\0\0\0\0\0\0"), MESSAGE_MALFORMED, false},
	{M(ID_FLAGS ONE "\3web\5nomad\0\0\1\0"), MESSAGE_MALFORMED, false},
	{M(ID_FLAGS ONE "\3web\5noma"), MESSAGE_MALFORMED, false},
	{M(ID_FLAGS ONE "\3web\xc0\x0c\0\1\0\1"), MESSAGE_MALFORMED, false}, /* a pointer */
	{M(ID_FLAGS ONE "\x40" "web\0\0\1\0\1"), MESSAGE_MALFORMED, false},
	{M(ID_FLAGS ONE "\x80" "web\0\0\1\0\1"), MESSAGE_MALFORMED, false},
	{M(ID_FLAGS ONE L63 L63 L63 L61 "\0\0\1\0\1"), MESSAGE_QUERY, false},     /* 255 octets */
	{M(ID_FLAGS ONE L63 L63 L63 L61 "\1a\0\0\1\0\1"), MESSAGE_MALFORMED, false}, /* 257 */
	{M(ID_FLAGS ONE L63 L63 L63 "\x3e" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" "\0\0\1\0\1"),
	 MESSAGE_MALFORMED, false}, /* 256 */
	{M(ID_FLAGS ONE "\0\0\2\0\1"), MESSAGE_QUERY, false}, /* the root */
	{M(ID_FLAGS ONE "\3a\0.\5nomad\0\0\1\0\1"), MESSAGE_QUERY, false},
	{M(ID_FLAGS ONE WEB "trailing"), MESSAGE_QUERY, false},
	{M(ID_FLAGS ONE_AND_OPT WEB), MESSAGE_MALFORMED, false}, /* a record is promised */
	{M(ID_FLAGS ONE_AND_OPT WEB OPT("\0\0")), MESSAGE_QUERY, true},
	{M(ID_FLAGS ONE_AND_OPT WEB OPT("\0\1")), MESSAGE_MALFORMED, false},
	{M(ID_FLAGS ONE_AND_OPT WEB OPT("\0\4\0\x64\0\1")), MESSAGE_MALFORMED, false}, /* an option that is cut */
	{M(ID_FLAGS ONE_AND_OPT WEB OPT("\0\3\0\x64\0")), MESSAGE_MALFORMED, false},
	{M(ID_FLAGS ONE_AND_OPT WEB OPT("\0\5\0\x64\0\1x")), MESSAGE_QUERY, true},
	{M(ID_FLAGS "\0\1\0\0\0\0\0\2" WEB OPT("\0\0") OPT("\0\0")), MESSAGE_MALFORMED, false},
	{M(ID_FLAGS ONE_AND_OPT WEB "\1a" OPT("\0\0")), MESSAGE_MALFORMED, false}, /* not the root's */
	{M(ID_FLAGS ONE_AND_OPT WEB "\xc0\x14\0\x29\x10\0\0\0\0\0\0\0"), MESSAGE_MALFORMED, false},
	{M(ID_FLAGS "\0\1\0\0\0\0\0\2" WEB "\xc0\x0c\0\1\0\1\0\0\0\0\0\4\1\2\3\4" OPT("\0\0")), MESSAGE_QUERY, true},
	{M(ID_FLAGS ONE_AND_OPT WEB "\xc0"), MESSAGE_MALFORMED, false},
	{M(ID_FLAGS "\0\0\0\0\0\0\0\1" OPT("\0\x0c\0\x0a\0\x08" "12345678")), MESSAGE_COOKIE_REQUEST, true},
	{M(ID_FLAGS "\0\0\0\0\0\0\0\1" OPT("\0\0")), MESSAGE_MALFORMED, true},
};

START_TEST(a_message_is_what_it_is)
{
	struct query query = {.has_opt = false};
	uint8_t *fenced = support_fence(rows[_i].size);

	memcpy(fenced, rows[_i].octets, rows[_i].size);
	ck_assert_int_eq(message_parse(fenced, rows[_i].size, &query), rows[_i].kind);
	if (rows[_i].kind != MESSAGE_IGNORED) {
		ck_assert_uint_eq(query.id, 0xabcd);
		ck_assert_int_eq(query.has_opt, rows[_i].has_opt);
	}
	support_unfence(fenced, rows[_i].size);
}
END_TEST

START_TEST(a_message_cut_anywhere_is_never_a_query)
{
	static const char whole[] = ID_FLAGS ONE_AND_OPT WEB OPT("\0\x10\0\x0a\0\x08" "12345678\0\3\0\0");
	struct query query;

	for (size_t size = 0; size < sizeof whole - 1; size++) {
		uint8_t *fenced = support_fence(size);
		memcpy(fenced, whole, size);
		ck_assert_int_eq(message_parse(fenced, size, &query), size < 12 ? MESSAGE_IGNORED : MESSAGE_MALFORMED);
		support_unfence(fenced, size);
	}
	ck_assert_int_eq(message_parse((const uint8_t *)whole, sizeof whole - 1, &query), MESSAGE_QUERY);
	ck_assert_uint_eq(query.cookie_size, 8);
	ck_assert(query.nsid);
	ck_assert(query.dnssec);
	ck_assert(query.recursion);
	ck_assert_uint_eq(query.payload, 4096);
	ck_assert_uint_eq(query.version, 0);
	ck_assert_uint_eq(query.label_count, 2);
	ck_assert_uint_eq(query.labels[1].length, 5);
	ck_assert_uint_eq(query.question_size, sizeof WEB - 1);
}
END_TEST

/* Sizes of answers, and whether a record that would end there is taken. */
START_TEST(a_record_that_does_not_fit_is_taken_back_whole)
{
	static const char whole[] = ID_FLAGS ONE_AND_OPT WEB OPT("\0\0");
	enum { RECORD = 12 + 4, BEFORE = 12 + sizeof WEB - 1, OPT_SIZE = 11 };
	struct query query;

	ck_assert_int_eq(message_parse((const uint8_t *)whole, sizeof whole - 1, &query), MESSAGE_QUERY);
	for (size_t room = 0; room < 200; room++) {
		uint8_t *fenced = support_fence(room);
		struct reply reply = {.query = &query, .options.payload = 1232};
		bool begun = reply_begin(&reply, (const uint8_t *)whole, fenced, room, true, false);
		ck_assert_int_eq(begun, room >= BEFORE + OPT_SIZE);
		for (size_t records = 0; begun; records++) {
			uint8_t *mark = reply.writer.at;
			reply_head(&reply, MESSAGE_QUESTION, DNS_A, 5, 4);
			writer_put(&reply.writer, "1234", 4);
			ck_assert_int_eq(reply_fits(&reply, mark), BEFORE + OPT_SIZE + (records + 1) * RECORD <= room);
			if (reply.writer.at == mark) {
				ck_assert_uint_eq(reply_end(&reply), BEFORE + OPT_SIZE + records * RECORD);
				break;
			}
		}
		support_unfence(fenced, room);
	}
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{a_message_is_what_it_is, sizeof rows / sizeof *rows},
		{a_message_cut_anywhere_is_never_a_query, 1},
		{a_record_that_does_not_fit_is_taken_back_whole, 1},
	};

	return support_run("message", tests, sizeof tests / sizeof *tests);
}
