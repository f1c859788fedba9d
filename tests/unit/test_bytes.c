/*
 * Tests of src/bytes.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bytes.h"
#include "support.h"

#include <string.h>

static const uint8_t fifteen[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

START_TEST(numbers_are_in_network_order)
{
	uint8_t octets[sizeof fifteen];
	struct reader reader;
	struct writer writer;

	reader_init(&reader, fifteen, sizeof fifteen);
	ck_assert_uint_eq(reader_u8(&reader), 0x01);
	ck_assert_uint_eq(reader_u16(&reader), 0x0203);
	ck_assert_uint_eq(reader_u32(&reader), 0x04050607);
	ck_assert_uint_eq(reader_u64(&reader), UINT64_C(0x08090a0b0c0d0e0f));
	ck_assert_uint_eq(reader_left(&reader), 0);
	ck_assert(!reader.failed);

	writer_init(&writer, octets, sizeof octets);
	writer_u8(&writer, 0x01);
	writer_u16(&writer, 0x0203);
	writer_u32(&writer, 0x04050607);
	writer_u64(&writer, UINT64_C(0x08090a0b0c0d0e0f));
	ck_assert_uint_eq(writer_size(&writer), sizeof octets);
	ck_assert(!writer.failed);
	ck_assert_mem_eq(octets, fifteen, sizeof octets);
}
END_TEST

/* Reads a number of `size` octets from as many octets as there are, at the edge of what may be touched. */
static uint64_t read_number(size_t size, struct reader *reader)
{
	switch (size) {
	case 1:
		return reader_u8(reader);
	case 2:
		return reader_u16(reader);
	case 4:
		return reader_u32(reader);
	default:
		return reader_u64(reader);
	}
}

START_TEST(a_number_that_is_cut_fails_and_is_zero)
{
	static const size_t sizes[] = {1, 2, 4, 8};
	size_t size = sizes[_i];
	struct reader reader;

	for (size_t have = 0; have <= size; have++) {
		uint8_t *fenced = support_fence(have);
		memset(fenced, 0xff, have);
		reader_init(&reader, fenced, have);
		ck_assert_int_eq(read_number(size, &reader) == 0, have < size);
		ck_assert_int_eq(reader.failed, have < size);
		support_unfence(fenced, have);
	}
}
END_TEST

START_TEST(a_failed_reader_reads_nothing_more)
{
	struct reader reader;

	reader_init(&reader, fifteen, 3);
	ck_assert_uint_eq(reader_u32(&reader), 0);
	ck_assert(reader.failed);
	ck_assert_uint_eq(reader_left(&reader), 0);
	ck_assert_uint_eq(reader_u8(&reader), 0);
	ck_assert_uint_eq(reader_u16(&reader), 0);
	ck_assert_ptr_null(reader_take(&reader, 1));
	ck_assert_ptr_null(reader_take(&reader, 0));
	ck_assert(reader.failed);
}
END_TEST

START_TEST(octets_are_taken_in_place)
{
	struct reader reader;

	reader_init(&reader, fifteen, sizeof fifteen);
	ck_assert_ptr_eq(reader_take(&reader, 0), fifteen);
	ck_assert_ptr_eq(reader_take(&reader, 10), fifteen);
	ck_assert_uint_eq(reader_left(&reader), 5);
	ck_assert_ptr_eq(reader_take(&reader, 5), fifteen + 10);
	ck_assert_ptr_null(reader_take(&reader, 1));
}
END_TEST

START_TEST(no_size_is_so_large_that_it_fits_again)
{
	struct reader reader;
	struct writer writer;
	uint8_t octets[8];

	reader_init(&reader, fifteen, sizeof fifteen);
	ck_assert_ptr_null(reader_take(&reader, SIZE_MAX));
	writer_init(&writer, octets, sizeof octets);
	writer_put(&writer, fifteen, SIZE_MAX);
	ck_assert(writer.failed);
}
END_TEST

START_TEST(a_full_writer_writes_nothing_more)
{
	uint8_t *fenced = support_fence(5);
	struct writer writer;

	writer_init(&writer, fenced, 5);
	writer_u32(&writer, 0x01020304);
	writer_u16(&writer, 0xffff);
	ck_assert(writer.failed);
	writer_u8(&writer, 0xff); /* would have fitted */
	writer_u16_at(&writer, 0, 0xffff);
	ck_assert_uint_eq(writer_size(&writer), 4);
	ck_assert_mem_eq(fenced, fifteen, 4);
	ck_assert_uint_eq(fenced[4], 0);
	support_unfence(fenced, 5);
}
END_TEST

START_TEST(nothing_can_be_put_anywhere)
{
	struct writer writer;
	uint8_t octet = 7;

	writer_init(&writer, &octet, 0);
	writer_put(&writer, NULL, 0);
	ck_assert(!writer.failed);
	writer_u8(&writer, 1);
	ck_assert(writer.failed);
	ck_assert_uint_eq(octet, 7);
}
END_TEST

START_TEST(a_number_is_written_over_an_earlier_one)
{
	static const uint8_t wanted[] = {1, 0xab, 0xcd, 4};
	uint8_t octets[4];
	struct writer writer;

	writer_init(&writer, octets, sizeof octets);
	writer_put(&writer, fifteen, 4);
	writer_u16_at(&writer, 1, 0xabcd);
	ck_assert_mem_eq(octets, wanted, sizeof wanted);
	ck_assert_uint_eq(writer_size(&writer), 4);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{numbers_are_in_network_order, 1},
		{a_number_that_is_cut_fails_and_is_zero, 4},
		{a_failed_reader_reads_nothing_more, 1},
		{octets_are_taken_in_place, 1},
		{no_size_is_so_large_that_it_fits_again, 1},
		{a_full_writer_writes_nothing_more, 1},
		{nothing_can_be_put_anywhere, 1},
		{a_number_is_written_over_an_earlier_one, 1},
	};

	return support_run("bytes", tests, sizeof tests / sizeof *tests);
}
