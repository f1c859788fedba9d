/*
 * Bounded reading and writing of octets, for records (record.c) and DNS messages (dns/message.c).
 * Numbers are in network order. Failure sticks: after it reads give 0 and writes do nothing, so a
 * caller checks `failed` once per record, and before any value sizes a loop, a copy or an allocation.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_BYTES_H
#define NSS_NOMAD_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

struct writer {
	uint8_t *start;
	uint8_t *at;
	uint8_t *end;
	bool failed;
};

/* Sets a reader on `size` octets at `data`, which the caller keeps alive. */
void reader_init(struct reader *reader, const void *data, size_t size);

/* The octets that are left; 0 after a failure. */
size_t reader_left(const struct reader *reader);

/* The next number of 1, 2, 4 or 8 octets; 0 where it does not fit, and from then on. */
uint8_t reader_u8(struct reader *reader);
uint16_t reader_u16(struct reader *reader);
uint32_t reader_u32(struct reader *reader);
uint64_t reader_u64(struct reader *reader);

/* The next `size` octets, in place; NULL where there are not so many. */
const uint8_t *reader_take(struct reader *reader, size_t size);

/* Sets a writer on `size` octets at `data`, which the caller keeps alive. */
void writer_init(struct writer *writer, void *data, size_t size);

/* The octets written so far. */
size_t writer_size(const struct writer *writer);

/* Appends a number of 1, 2, 4 or 8 octets. */
void writer_u8(struct writer *writer, uint8_t value);
void writer_u16(struct writer *writer, uint16_t value);
void writer_u32(struct writer *writer, uint32_t value);
void writer_u64(struct writer *writer, uint64_t value);

/* Appends `size` octets from `data`, which may be NULL where size is 0. */
void writer_put(struct writer *writer, const void *data, size_t size);

/* Writes a number of 2 octets over what stands at `offset`, which was written before. */
void writer_u16_at(struct writer *writer, size_t offset, uint16_t value);

#endif
