/*
 * Bounded reading and writing of octets; see bytes.h. Called by record.c and dns/message.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bytes.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

void reader_init(struct reader *reader, const void *data, size_t size)
{
	reader->at = data;
	reader->end = reader->at + size;
	reader->failed = false;
}

size_t reader_left(const struct reader *reader)
{
	return reader->failed ? 0 : (size_t)(reader->end - reader->at);
}

const uint8_t *reader_take(struct reader *reader, size_t size)
{
	if (reader->failed || (size_t)(reader->end - reader->at) < size) {
		reader->failed = true;
		return NULL;
	}
	const uint8_t *taken = reader->at;
	reader->at += size;
	return taken;
}

uint8_t reader_u8(struct reader *reader)
{
	const uint8_t *octet = reader_take(reader, 1);
	return octet == NULL ? 0 : *octet;
}

uint16_t reader_u16(struct reader *reader)
{
	uint16_t value = 0;
	const uint8_t *octets = reader_take(reader, sizeof value);
	if (octets != NULL)
		memcpy(&value, octets, sizeof value);
	return be16toh(value);
}

uint32_t reader_u32(struct reader *reader)
{
	uint32_t value = 0;
	const uint8_t *octets = reader_take(reader, sizeof value);
	if (octets != NULL)
		memcpy(&value, octets, sizeof value);
	return be32toh(value);
}

uint64_t reader_u64(struct reader *reader)
{
	uint64_t value = 0;
	const uint8_t *octets = reader_take(reader, sizeof value);
	if (octets != NULL)
		memcpy(&value, octets, sizeof value);
	return be64toh(value);
}

void writer_init(struct writer *writer, void *data, size_t size)
{
	writer->start = data;
	writer->at = writer->start;
	writer->end = writer->start + size;
	writer->failed = false;
}

size_t writer_size(const struct writer *writer)
{
	return (size_t)(writer->at - writer->start);
}

void writer_put(struct writer *writer, const void *data, size_t size)
{
	if (writer->failed || (size_t)(writer->end - writer->at) < size) {
		writer->failed = true;
		return;
	}
	if (size > 0)
		memcpy(writer->at, data, size);
	writer->at += size;
}

void writer_u8(struct writer *writer, uint8_t value)
{
	writer_put(writer, &value, sizeof value);
}

void writer_u16(struct writer *writer, uint16_t value)
{
	value = htobe16(value);
	writer_put(writer, &value, sizeof value);
}

void writer_u32(struct writer *writer, uint32_t value)
{
	value = htobe32(value);
	writer_put(writer, &value, sizeof value);
}

void writer_u64(struct writer *writer, uint64_t value)
{
	value = htobe64(value);
	writer_put(writer, &value, sizeof value);
}

void writer_u16_at(struct writer *writer, size_t offset, uint16_t value)
{
	if (writer->failed)
		return;
	assert(offset + sizeof value <= writer_size(writer));
	value = htobe16(value);
	memcpy(writer->start + offset, &value, sizeof value);
}
