/*
 * Bounded reading and writing of octets, the part that is not inlined; see bytes.h. Called by record.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bytes.h"

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

void writer_u64(struct writer *writer, uint64_t value)
{
	value = htobe64(value);
	writer_put(writer, &value, sizeof value);
}
