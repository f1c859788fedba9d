/*
 * The instances in a record's body, read with every length checked; see record.h for the layout.
 * Called by record.c, where a name needs more than the addresses in the head.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bytes.h"
#include "record_layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Text with its NUL, in place; NULL and failed where it is none. */
static const char *get_text(struct reader *reader)
{
	size_t size = reader_u16(reader);
	const uint8_t *octets = reader_take(reader, size);

	if (octets == NULL || size == 0 || strnlen((const char *)octets, size) != size - 1) {
		reader->failed = true;
		return NULL;
	}
	return (const char *)octets;
}

/* As get_text(), but of size 0 for none. */
static const char *get_text_or_none(struct reader *reader)
{
	struct reader ahead = *reader;

	if (reader_u16(&ahead) != 0)
		return get_text(reader);
	*reader = ahead;
	return NULL;
}

/* What the body's strings and numbers are read into before service_copy() makes one block of it. */
struct pool {
	struct spelling *spellings;
	struct instance *instances;
	struct address *addresses;
	const char **tags;
	size_t address_count, address_used, tag_count, tag_used;
};

static bool pool_take(size_t count, size_t limit, size_t *used, size_t *first)
{
	if (count > limit - *used)
		return false;
	*first = *used;
	*used += count;
	return true;
}

static void get_address(struct reader *reader, struct address *address)
{
	uint8_t version = reader_u8(reader);

	*address = (struct address){.family = version == 4 ? AF_INET : AF_INET6};
	const uint8_t *octets = reader_take(reader, address_size(address));
	if (octets == NULL || (version != 4 && version != 6)) {
		reader->failed = true;
		return;
	}
	memcpy(address->octets, octets, address_size(address));
}

static void get_instance(struct reader *reader, struct pool *pool, struct instance *instance)
{
	size_t address, tag;

	instance->id = get_text(reader);
	instance->allocation = get_text(reader);
	instance->node = get_text(reader);
	instance->job = get_text(reader);
	instance->datacenter = get_text(reader);
	instance->host = get_text_or_none(reader);
	instance->port = reader_u16(reader);
	instance->unresolved = reader_u8(reader);
	instance->address_count = reader_u32(reader);
	instance->tag_count = reader_u32(reader);
	if (reader->failed || instance->unresolved > FAMILY_ANY ||
	    !pool_take(instance->address_count, pool->address_count, &pool->address_used, &address) ||
	    !pool_take(instance->tag_count, pool->tag_count, &pool->tag_used, &tag)) {
		reader->failed = true;
		return;
	}
	for (size_t i = 0; i < instance->address_count; i++)
		get_address(reader, &pool->addresses[address + i]);
	for (size_t i = 0; i < instance->tag_count; i++)
		pool->tags[tag + i] = get_text(reader);
	instance->addresses = &pool->addresses[address];
	instance->tags = &pool->tags[tag];
}

/* Which of them is partial the record does not say: all are. */
static void get_spellings(struct reader *reader, struct spelling *spellings, size_t count, size_t instances, bool partial)
{
	size_t first = 0;

	for (size_t i = 0; i < count; i++) {
		spellings[i].namespace = get_text(reader);
		spellings[i].service = get_text(reader);
		spellings[i].first = first;
		spellings[i].count = reader_u32(reader);
		spellings[i].partial = partial;
		if (!pool_take(spellings[i].count, instances, &first, &spellings[i].first))
			reader->failed = true;
	}
	if (first != instances)
		reader->failed = true;
}

/* Allocates the pool; true where that was possible. calloc(0) may be NULL, so everything has one to spare. */
static bool pool_init(struct pool *pool, size_t spellings, size_t instances)
{
	pool->spellings = calloc(spellings + 1, sizeof *pool->spellings);
	pool->instances = calloc(instances + 1, sizeof *pool->instances);
	pool->addresses = calloc(pool->address_count + 1, sizeof *pool->addresses);
	pool->tags = calloc(pool->tag_count + 1, sizeof *pool->tags);
	return pool->spellings != NULL && pool->instances != NULL && pool->addresses != NULL &&
	       pool->tags != NULL;
}

static void pool_done(struct pool *pool)
{
	free(pool->spellings);
	free(pool->instances);
	free(pool->addresses);
	free(pool->tags);
}

int record_body(const uint8_t *body, size_t size, const struct record_head *head, struct service **service)
{
	struct pool pool = {0};
	struct reader reader;
	int result = -EBADMSG;

	if (record_body_checksum(body, size) != head->body_sum)
		return -EBADMSG;
	reader_init(&reader, body, size);
	size_t instances = reader_u32(&reader);
	pool.address_count = reader_u32(&reader);
	pool.tag_count = reader_u32(&reader);
	if (head->spelling_count > size / SPELLING_MIN || instances > size / INSTANCE_MIN ||
	    pool.address_count > size / ADDRESS_MIN || pool.tag_count > size / TAG_MIN)
		return -EBADMSG;
	if (!pool_init(&pool, head->spelling_count, instances)) {
		result = -ENOMEM;
		goto done;
	}
	get_spellings(&reader, pool.spellings, head->spelling_count, instances, head->partial);
	for (size_t i = 0; i < instances && !reader.failed; i++)
		get_instance(&reader, &pool, &pool.instances[i]);
	if (reader.failed || reader_left(&reader) > 0 || pool.address_used != pool.address_count ||
	    pool.tag_used != pool.tag_count)
		goto done;
	*service = service_copy(&(struct service){.spelling_count = head->spelling_count,
	                                          .spellings = pool.spellings,
	                                          .instance_count = instances,
	                                          .instances = pool.instances,
	                                          .partial = head->partial});
	result = *service == NULL ? -ENOMEM : 0;
done:
	pool_done(&pool);
	return result;
}
