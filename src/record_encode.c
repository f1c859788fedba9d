/*
 * Writing records; see record.h for the layout. Called by nomad/fetch.c and watch/; no part of the module.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bytes.h"
#include "record_layout.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void put_u64_at(uint8_t *at, uint64_t value)
{
	struct writer writer;

	writer_init(&writer, at, sizeof value);
	writer_u64(&writer, value);
}

static bool text_fits(const char *text)
{
	return strlen(text) < UINT16_MAX;
}

static void put_text(struct writer *writer, const char *text)
{
	size_t size = strlen(text) + 1;

	if (!text_fits(text)) {
		writer->failed = true;
		return;
	}
	writer_u16(writer, (uint16_t)size);
	writer_put(writer, text, size);
}

static void put_label(struct writer *writer, const char *label)
{
	char lowered[NAME_LABEL_MAX + 1];

	text_lower(label, lowered);
	writer_u8(writer, (uint8_t)strlen(lowered));
	writer_put(writer, lowered, strlen(lowered));
}

static size_t count_family(const struct service *service, int family)
{
	size_t count = 0;

	for (size_t i = 0; i < service->address_count; i++)
		count += service->addresses[i].family == family;
	return count;
}

static void put_family(struct writer *writer, const struct service *service, int family)
{
	for (size_t i = 0; i < service->address_count; i++)
		if (service->addresses[i].family == family)
			writer_put(writer, service->addresses[i].octets, address_size(&service->addresses[i]));
}

static void put_fields(struct writer *writer, const struct record *record, const struct service *service)
{
	writer_u64(writer, record->made);
	writer_u64(writer, record->since_boot);
	writer_u32(writer, record->ttl);
	writer_u32(writer, record->max_stale);
	put_label(writer, record->key.namespace);
	put_label(writer, record->key.service);
	writer_u32(writer, (uint32_t)service->spelling_count);
	writer_u32(writer, (uint32_t)count_family(service, AF_INET));
	writer_u32(writer, (uint32_t)count_family(service, AF_INET6));
	put_family(writer, service, AF_INET);
	put_family(writer, service, AF_INET6);
}

/* A tag that is too long is left out: no name can ask for it, and its service must not be lost for it. */
static size_t count_tags(const struct instance *instance)
{
	size_t count = 0;

	for (size_t i = 0; i < instance->tag_count; i++)
		count += text_fits(instance->tags[i]);
	return count;
}

static void put_instance(struct writer *writer, const struct instance *instance)
{
	put_text(writer, instance->id);
	put_text(writer, instance->allocation);
	put_text(writer, instance->node);
	put_text(writer, instance->job);
	put_text(writer, instance->datacenter);
	if (instance->host == NULL)
		writer_u16(writer, 0);
	else
		put_text(writer, instance->host);
	writer_u16(writer, instance->port);
	writer_u8(writer, instance->unresolved);
	writer_u32(writer, (uint32_t)instance->address_count);
	writer_u32(writer, (uint32_t)count_tags(instance));
	for (size_t i = 0; i < instance->address_count; i++) {
		writer_u8(writer, instance->addresses[i].family == AF_INET ? 4 : 6);
		writer_put(writer, instance->addresses[i].octets, address_size(&instance->addresses[i]));
	}
	for (size_t i = 0; i < instance->tag_count; i++)
		if (text_fits(instance->tags[i]))
			put_text(writer, instance->tags[i]);
}

static void put_body(struct writer *writer, const struct service *service)
{
	size_t addresses = 0, tags = 0;

	for (size_t i = 0; i < service->instance_count; i++) {
		addresses += service->instances[i].address_count;
		tags += count_tags(&service->instances[i]);
	}
	writer_u32(writer, (uint32_t)service->instance_count);
	writer_u32(writer, (uint32_t)addresses);
	writer_u32(writer, (uint32_t)tags);
	for (size_t i = 0; i < service->spelling_count; i++) {
		put_text(writer, service->spellings[i].namespace);
		put_text(writer, service->spellings[i].service);
		writer_u32(writer, (uint32_t)service->spellings[i].count);
	}
	for (size_t i = 0; i < service->instance_count; i++)
		put_instance(writer, &service->instances[i]);
}

/* What a plain address lookup has to know besides the addresses: whether there may be more than these. */
static uint8_t flags_of(bool complete, const struct service *service)
{
	return (uint8_t)((complete ? FLAG_COMPLETE : 0) | service->unresolved << FLAGS_UNRESOLVED |
	                 (service->partial ? FLAG_PARTIAL : 0));
}

/* Writes head and body; the writer has failed where they do not fit. */
static void put_record(struct writer *writer, const struct record *record)
{
	static const struct service none;
	const struct service *service = record->service == NULL ? &none : record->service;

	writer_u32(writer, RECORD_MAGIC);
	writer_u16(writer, RECORD_VERSION);
	writer_u8(writer, (uint8_t)record->verdict);
	writer_u8(writer, flags_of(record->complete, service));
	uint8_t *lengths = writer->at;
	writer_u32(writer, 0);
	writer_u32(writer, 0);
	writer_u64(writer, 0);
	writer_u64(writer, 0);
	put_fields(writer, record, service);
	size_t head = writer_size(writer);
	put_body(writer, service);
	size_t total = writer_size(writer);
	if (writer->failed)
		return;

	struct writer fields;
	writer_init(&fields, lengths, 8);
	writer_u32(&fields, (uint32_t)head);
	writer_u32(&fields, (uint32_t)total);
	put_u64_at(writer->start + BODY_SUM_AT, record_body_checksum(writer->start + head, total - head));
	put_u64_at(writer->start + HEAD_SUM_AT, record_head_checksum(writer->start, head));
}

int record_encode(const struct record *record, uint8_t **bytes, size_t *size)
{
	enum { FIRST_TRY = 4096 }; /* octets: most services fit */

	for (size_t room = FIRST_TRY; room <= RECORD_SIZE_MAX; room *= 4) {
		struct writer writer;
		uint8_t *block = malloc(room);
		if (block == NULL)
			return -ENOMEM;
		writer_init(&writer, block, room);
		put_record(&writer, record);
		if (!writer.failed) {
			*bytes = block;
			*size = writer_size(&writer);
			return 0;
		}
		free(block);
	}
	return -E2BIG;
}
