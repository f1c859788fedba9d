/*
 * Tests of src/nomad/certificate.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "nomad/certificate.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

enum { MESSAGE_MAX = 1024, NOW = 1700000000 /* 2023-11-14 */ };

/* A message under construction. */
struct draft {
	size_t size;
	uint8_t bytes[MESSAGE_MAX];
};

/* Puts one draft into another, with a tag and its length of DER before it. */
static void put_element(struct draft *draft, uint8_t tag, const void *bytes, size_t size)
{
	draft->bytes[draft->size++] = tag;
	if (size >= 0x80) {
		draft->bytes[draft->size++] = 0x82;
		draft->bytes[draft->size++] = (uint8_t)(size >> 8);
	}
	draft->bytes[draft->size++] = (uint8_t)size;
	memcpy(draft->bytes + draft->size, bytes, size);
	draft->size += size;
}

static void put_length(struct draft *draft, size_t length)
{
	for (int shift = 16; shift >= 0; shift -= 8)
		draft->bytes[draft->size++] = (uint8_t)(length >> shift);
}

static void put_time(struct draft *draft, const char *text)
{
	put_element(draft, strlen(text) == 13 ? 0x17 : 0x18, text, strlen(text));
}

/* A certificate that holds what is read of one, and padding. */
static void make_certificate(const char *from, const char *to, struct draft *certificate)
{
	static const uint8_t version[] = {2, 1, 2}, padding[200];
	struct draft times = {0}, body = {0}, whole = {0};

	put_time(&times, from);
	put_time(&times, to);
	put_element(&body, 0xa0, version, sizeof version);
	put_element(&body, 0x02, "\x01", 1);
	put_element(&body, 0x30, "", 0);
	put_element(&body, 0x30, padding, 3);
	put_element(&body, 0x30, times.bytes, times.size);
	put_element(&body, 0x30, padding, sizeof padding);
	put_element(&whole, 0x30, body.bytes, body.size);
	*certificate = (struct draft){0};
	put_element(certificate, 0x30, whole.bytes, whole.size);
}

/* A message with one or two certificates. */
static void make_message(bool extended, const struct draft *first, const struct draft *second, struct draft *message)
{
	struct draft list = {0};

	for (int i = 0; i < 2; i++) {
		const struct draft *one = i == 0 ? first : second;
		if (one == NULL)
			continue;
		put_length(&list, one->size);
		memcpy(list.bytes + list.size, one->bytes, one->size);
		list.size += one->size + (extended ? 2 : 0);
	}
	*message = (struct draft){.size = 1, .bytes = {11}};
	put_length(message, list.size + 3 + extended);
	message->size += extended;
	put_length(message, list.size);
	memcpy(message->bytes + message->size, list.bytes, list.size);
	message->size += list.size;
}

#define GOOD "201231235959Z", "20991231235959Z"
#define OLD "191231235959Z", "210101000000Z"

static const struct {
	bool extended;
	const char *first[2], *second[2];
	int64_t to;
	bool own;
} chains[] = {
	{false, {OLD}, {NULL}, 1609459200, true},
	{true, {OLD}, {NULL}, 1609459200, true},
	{false, {GOOD}, {OLD}, 1609459200, false},
	{true, {GOOD}, {OLD}, 1609459200, false},
	{true, {OLD}, {GOOD}, 1609459200, true},
	{true, {GOOD}, {NULL}, 4102444799, true},
};

START_TEST(first_certificate_that_is_out_of_date_is_found)
{
	struct draft first, second, message;
	struct validity validity;
	bool own;

	make_certificate(chains[_i].first[0], chains[_i].first[1], &first);
	if (chains[_i].second[0] != NULL)
		make_certificate(chains[_i].second[0], chains[_i].second[1], &second);
	make_message(chains[_i].extended, &first, chains[_i].second[0] == NULL ? NULL : &second, &message);
	ck_assert(certificate_validity(message.bytes, message.size, NOW, &validity, &own));
	ck_assert_int_eq(validity.to, chains[_i].to);
	ck_assert_int_eq(own, chains[_i].own);
}
END_TEST

START_TEST(message_that_is_cut_short_is_none)
{
	struct draft certificate, message;
	struct validity validity = {1, 2};
	bool own;

	make_certificate(OLD, &certificate);
	make_message(true, &certificate, NULL, &message);
	for (size_t size = 0; size < message.size; size++) {
		uint8_t *copy = malloc(size + 1); /* so that a sanitizer sees what is read behind it */
		memcpy(copy, message.bytes, size);
		ck_assert(!certificate_validity(copy, size, NOW, &validity, &own));
		free(copy);
	}
	ck_assert(validity.from == 1 && validity.to == 2);
}
END_TEST

START_TEST(message_of_another_type_is_none)
{
	struct draft certificate, message;
	struct validity validity;
	bool own;

	make_certificate(OLD, &certificate);
	make_message(false, &certificate, NULL, &message);
	message.bytes[0] = 2;
	ck_assert(!certificate_validity(message.bytes, message.size, NOW, &validity, &own));
}
END_TEST

START_TEST(time_that_is_none_is_refused)
{
	struct draft certificate, message;
	struct validity validity;
	bool own;

	make_certificate("191231235959Z", "2101010000xxZ", &certificate);
	make_message(false, &certificate, NULL, &message);
	ck_assert(!certificate_validity(message.bytes, message.size, NOW, &validity, &own));
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{first_certificate_that_is_out_of_date_is_found, sizeof chains / sizeof *chains},
		{message_that_is_cut_short_is_none, 1},
		{message_of_another_type_is_none, 1},
		{time_that_is_none_is_refused, 1},
	};

	return support_run("certificate", tests, sizeof tests / sizeof *tests);
}
