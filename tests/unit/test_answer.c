/*
 * Tests of src/answer.c: every size of the caller's buffer, at every alignment, with nothing behind it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "answer.h"
#include "support.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { MOST = 8, ROOM = 2048 };

static struct address addresses[MOST];
static size_t count;

/* The addresses in a text, with a blank between. */
static void set_addresses(const char *text)
{
	char words[SUPPORT_TEXT_MAX], *rest = NULL;

	count = 0;
	strcpy(words, text);
	for (char *word = strtok_r(words, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
		ck_assert(address_parse(word, &addresses[count++]));
}

/* A buffer that ends where memory may not be touched. */
struct buffer {
	char *fenced;
	size_t whole;
	struct space space;
};

/* The end cannot be moved, so the start decides the alignment: (end - size) modulo 16. */
static struct buffer new_buffer(size_t size)
{
	struct buffer buffer = {.fenced = support_fence(ROOM), .whole = ROOM};

	ck_assert_uint_le(size, ROOM);
	memset(buffer.fenced, 0x5a, ROOM);
	buffer.space = (struct space){buffer.fenced + ROOM - size, buffer.fenced + ROOM};
	return buffer;
}

/* Nothing before the buffer may have been written. */
static void release(struct buffer *buffer, size_t size)
{
	for (size_t i = 0; i < buffer->whole - size; i++)
		ck_assert_int_eq(buffer->fenced[i], 0x5a);
	support_unfence(buffer->fenced, buffer->whole);
}

static bool is_within(const void *pointer, struct space space)
{
	return (const char *)pointer >= space.at && (const char *)pointer < space.end;
}

static bool is_aligned(const void *pointer, size_t alignment)
{
	return (uintptr_t)pointer % alignment == 0;
}

static void check_hostent(const struct hostent *host, struct space space, const char *wanted)
{
	ck_assert_str_eq(support_hostent(host), wanted);
	ck_assert(is_within(host->h_name, space));
	ck_assert(is_within(host->h_aliases, space));
	ck_assert(is_within(host->h_addr_list, space));
	ck_assert(is_aligned(host->h_aliases, sizeof(char *)));
	ck_assert(is_aligned(host->h_addr_list, sizeof(char *)));
	for (char **address = host->h_addr_list; *address != NULL; address++) {
		ck_assert(is_within(*address, space));
		ck_assert(is_within(*address + host->h_length - 1, space));
		ck_assert(is_aligned(*address, 4));
	}
}

static const struct host_row {
	const char *name;
	int family;
	const char *addresses, *wanted;
	size_t least; /* octets at the best alignment, 64-bit pointers */
} host_rows[] = {
	{"a.nomad", AF_INET, "10.0.0.1", "a.nomad 10.0.0.1", 16 + 8 + 4 + 8},
	{"a.nomad.", AF_INET, "10.0.0.1", "a.nomad 10.0.0.1", 16 + 8 + 4 + 8},
	{"a.nomad", AF_INET6, "2001:db8::1", "a.nomad 2001:db8::1", 16 + 8 + 16 + 8},
	{"web.default.nomad", AF_INET, "10.0.0.1 10.0.0.2 10.0.0.3", "web.default.nomad 10.0.0.1 10.0.0.2 10.0.0.3",
     32 + 8 + 12 + 18},
	{"web.default.nomad", AF_INET, "10.0.0.1 2001:db8::1 10.0.0.2 ::1", "web.default.nomad 10.0.0.1 10.0.0.2",
     24 + 8 + 8 + 18},
	{"web.default.nomad", AF_INET6, "10.0.0.1 2001:db8::1 10.0.0.2 ::1", "web.default.nomad 2001:db8::1 ::1",
     24 + 8 + 32 + 18},
};

START_TEST(a_hostent_fits_or_is_not_begun)
{
	const struct host_row *row = &host_rows[_i];
	size_t fitted = 0;

	set_addresses(row->addresses);
	for (size_t size = 0; size < row->least + 32; size++) {
		struct buffer buffer = new_buffer(size);
		struct hostent untouched, host;
		memset(&untouched, 0xa5, sizeof untouched);
		host = untouched;
		int result = answer_hostent(row->name, row->family, addresses, count, buffer.space, &host);
		size_t padding = -(uintptr_t)buffer.space.at & (sizeof(char *) - 1);
		ck_assert_int_eq(result, size < row->least + padding ? -ERANGE : 0);
		if (result == 0) {
			check_hostent(&host, buffer.space, row->wanted);
			fitted++;
		} else {
			ck_assert_mem_eq(&host, &untouched, sizeof host);
		}
		release(&buffer, size);
	}
	ck_assert_uint_ge(fitted, 16); /* at every alignment */
}
END_TEST

static void check_tuples(const struct gaih_addrtuple *tuples, struct space space, const char *wanted)
{
	ck_assert_str_eq(support_tuples(tuples), wanted);
	for (const struct gaih_addrtuple *tuple = tuples; tuple != NULL; tuple = tuple->next) {
		ck_assert(is_within(tuple->name, space));
		ck_assert_ptr_eq(tuple->name, tuples->name);
		ck_assert_uint_eq(tuple->scopeid, 0);
		if (tuple != tuples) {
			ck_assert(is_within(tuple, space));
			ck_assert(is_aligned(tuple, sizeof(char *)));
		}
		if (tuple->family == AF_INET)
			ck_assert_uint_eq(tuple->addr[1] | tuple->addr[2] | tuple->addr[3], 0);
	}
}

static const struct tuple_row {
	const char *name, *addresses, *wanted;
} tuple_rows[] = {
	{"a.nomad", "10.0.0.1", "a.nomad 10.0.0.1"},
	{"a.nomad.", "2001:db8::1", "a.nomad 2001:db8::1"},
	{"web.default.nomad", "10.0.0.1 2001:db8::1 10.0.0.2", "web.default.nomad 10.0.0.1 2001:db8::1 10.0.0.2"},
};

/* glibc 2.36 hands over NULL and takes a list in the buffer; 2.35 hands over a tuple of its own for the first. */
static void try_tuples(const struct tuple_row *row, size_t size, bool own)
{
	struct buffer buffer = new_buffer(size);
	struct gaih_addrtuple untouched, first, *tuples = own ? &first : NULL;
	size_t least = count * sizeof first + strcspn(row->wanted, " ") + 1;

	memset(&untouched, 0xa5, sizeof untouched);
	first = untouched;
	int result = answer_tuples(row->name, addresses, count, buffer.space, &tuples);
	size_t padding = -(uintptr_t)buffer.space.at & (sizeof(char *) - 1);
	ck_assert_int_eq(result, size < least + padding ? -ERANGE : 0);
	if (result == 0) {
		check_tuples(tuples, buffer.space, row->wanted);
		if (own)
			ck_assert_ptr_eq(tuples, &first);
		else
			ck_assert(is_within(tuples, buffer.space));
	} else {
		ck_assert_ptr_eq(tuples, own ? &first : NULL);
		ck_assert_mem_eq(&first, &untouched, sizeof first);
	}
	release(&buffer, size);
}

START_TEST(tuples_fit_or_are_not_begun)
{
	set_addresses(tuple_rows[_i].addresses);
	for (size_t size = 0; size < count * sizeof(struct gaih_addrtuple) + 64; size++) {
		try_tuples(&tuple_rows[_i], size, false);
		try_tuples(&tuple_rows[_i], size, true);
	}
}
END_TEST

START_TEST(no_buffer_is_too_small)
{
	struct space nothing = {NULL, NULL};
	struct gaih_addrtuple *tuples = NULL;
	struct hostent host;

	set_addresses("10.0.0.1");
	ck_assert_int_eq(answer_hostent("a.nomad", AF_INET, addresses, count, nothing, &host), -ERANGE);
	ck_assert_int_eq(answer_tuples("a.nomad", addresses, count, nothing, &tuples), -ERANGE);
	ck_assert_ptr_null(tuples);
}
END_TEST

START_TEST(ten_thousand_addresses_are_handed_over)
{
	enum { MANY = 10000, SIZE = MANY * 64 };
	struct address *many = calloc(MANY, sizeof *many);
	char *memory = malloc(SIZE);
	struct gaih_addrtuple *tuples = NULL;
	struct hostent host;
	size_t found = 0;

	for (size_t i = 0; i < MANY; i++)
		many[i] = (struct address){.family = AF_INET, .octets = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}};
	ck_assert_int_eq(answer_tuples("a.nomad", many, MANY, (struct space){memory, memory + SIZE}, &tuples), 0);
	for (struct gaih_addrtuple *tuple = tuples; tuple != NULL; tuple = tuple->next, found++)
		ck_assert_mem_eq(tuple->addr, many[found].octets, 16);
	ck_assert_uint_eq(found, MANY);
	ck_assert_int_eq(answer_hostent("a.nomad", AF_INET, many, MANY, (struct space){memory, memory + SIZE}, &host), 0);
	for (found = 0; host.h_addr_list[found] != NULL; found++)
		ck_assert_mem_eq(host.h_addr_list[found], many[found].octets, 4);
	ck_assert_uint_eq(found, MANY);
	free(memory);
	free(many);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{a_hostent_fits_or_is_not_begun, sizeof host_rows / sizeof *host_rows},
		{tuples_fit_or_are_not_begun, sizeof tuple_rows / sizeof *tuple_rows},
		{no_buffer_is_too_small, 1},
		{ten_thousand_addresses_are_handed_over, 1},
	};

	return support_run("answer", tests, sizeof tests / sizeof *tests);
}
