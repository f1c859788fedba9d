/*
 * Bounded reading and writing of octets, for records (record.c) and DNS messages (dns/message.c).
 * Numbers are in network order. Failure sticks: after it reads give 0 and writes do nothing, so a
 * caller checks `failed` once per record, and before any value sizes a loop, a copy or an allocation.
 *
 * What a DNS answer is made of stands here, to be inlined: called, it would cost more than all else in the answer.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_BYTES_H
#define NSS_NOMAD_BYTES_H

#include <assert.h>
#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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
static inline void reader_init(struct reader *reader, const void *data, size_t size)
{
	reader->at = data;
	reader->end = reader->at + size;
	reader->failed = false;
}

/* The octets that are left; 0 after a failure. */
static inline size_t reader_left(const struct reader *reader)
{
	return reader->failed ? 0 : (size_t)(reader->end - reader->at);
}

/* The next `size` octets, in place; NULL where there are not so many. */
static inline const uint8_t *reader_take(struct reader *reader, size_t size)
{
	if (reader->failed || (size_t)(reader->end - reader->at) < size) {
		reader->failed = true;
		return NULL;
	}
	const uint8_t *taken = reader->at;
	reader->at += size;
	return taken;
}

/* The next octet; 0 where there is none, and from then on. The same holds for numbers of 2, 4 and 8 octets. */
static inline uint8_t reader_u8(struct reader *reader)
{
	const uint8_t *octet = reader_take(reader, 1);
	return octet == NULL ? 0 : *octet;
}

/* ... of 2 octets. */
static inline uint16_t reader_u16(struct reader *reader)
{
	uint16_t value = 0;
	const uint8_t *octets = reader_take(reader, sizeof value);
	if (octets != NULL)
		memcpy(&value, octets, sizeof value);
	return be16toh(value);
}

/* ... of 4 and of 8. */
uint32_t reader_u32(struct reader *reader);
uint64_t reader_u64(struct reader *reader);

/* Sets a writer on `size` octets at `data`, which the caller keeps alive. */
static inline void writer_init(struct writer *writer, void *data, size_t size)
{
	writer->start = data;
	writer->at = writer->start;
	writer->end = writer->start + size;
	writer->failed = false;
}

/* The octets written so far. */
static inline size_t writer_size(const struct writer *writer)
{
	return (size_t)(writer->at - writer->start);
}

/* Appends `size` octets from `data`, which may be NULL where size is 0. */
static inline void writer_put(struct writer *writer, const void *data, size_t size)
{
	if (writer->failed || (size_t)(writer->end - writer->at) < size) {
		writer->failed = true;
		return;
	}
	if (size > 0)
		memcpy(writer->at, data, size);
	writer->at += size;
}

/* Appends an octet. */
static inline void writer_u8(struct writer *writer, uint8_t value)
{
	writer_put(writer, &value, sizeof value);
}

/* Appends a number of 2 octets. */
static inline void writer_u16(struct writer *writer, uint16_t value)
{
	value = htobe16(value);
	writer_put(writer, &value, sizeof value);
}

/* ... of 4. */
static inline void writer_u32(struct writer *writer, uint32_t value)
{
	value = htobe32(value);
	writer_put(writer, &value, sizeof value);
}

/* ... of 8. */
void writer_u64(struct writer *writer, uint64_t value);

/* Writes a number of 2 octets over what stands at `offset`, which was written before. */
static inline void writer_u16_at(struct writer *writer, size_t offset, uint16_t value)
{
	if (writer->failed)
		return;
	assert(offset + sizeof value <= writer_size(writer));
	value = htobe16(value);
	memcpy(writer->start + offset, &value, sizeof value);
}

#endif
