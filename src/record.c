/*
 * Reading records; see record.h for the layout.
 * Called by published.c and cache.c (files), helper.c (the pipe), and whoever writes records, to compare.
 *
 * SPDX-License-Identifier: MIT
 */
#include "record.h"

#include "bytes.h"
#include "record_layout.h"
#include "text.h"
#include "wall.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * Any change within one word of 8 octets changes the sum for certain: a word enters by exclusive or, and the
 * two steps after it (an odd factor, FNV-1a's prime; a shift) can be undone. Damage, not malice, is meant.
 */
static uint64_t checksum(uint64_t sum, const uint8_t *octets, size_t size)
{
	while (size > 0) {
		uint64_t word = 0;
		size_t take = size < sizeof word ? size : sizeof word;
		for (size_t i = 0; i < take; i++)
			word = word << 8 | octets[i];
		sum = (sum ^ word) * UINT64_C(0x100000001b3);
		sum ^= sum >> 29;
		octets += take;
		size -= take;
	}
	return sum;
}

uint64_t record_head_checksum(const uint8_t *head, size_t size)
{
	return checksum(checksum(size, head, HEAD_SUM_AT), head + BODY_SUM_AT, size - BODY_SUM_AT);
}

uint64_t record_body_checksum(const uint8_t *body, size_t size)
{
	return checksum(size, body, size);
}

size_t record_size(const uint8_t *prefix)
{
	struct reader reader;

	reader_init(&reader, prefix, RECORD_PREFIX);
	if (reader_u32(&reader) != RECORD_MAGIC || reader_u16(&reader) != RECORD_VERSION)
		return 0;
	reader_u16(&reader);
	uint32_t head = reader_u32(&reader), total = reader_u32(&reader);
	return head < HEAD_MIN || total < head || total > RECORD_SIZE_MAX ? 0 : total;
}

/* The head's length, of a prefix that record_size() took. */
static size_t head_size(const uint8_t *prefix)
{
	struct reader reader;

	reader_init(&reader, prefix + 8, 4);
	return reader_u32(&reader);
}

static bool get_label(struct reader *reader, char *label)
{
	size_t length = reader_u8(reader);
	const uint8_t *octets = reader_take(reader, length);

	if (octets == NULL || length == 0 || length > NAME_LABEL_MAX || memchr(octets, '\0', length) != NULL)
		return false;
	memcpy(label, octets, length);
	label[length] = '\0';
	return true;
}

static uint32_t at_most(uint32_t value, uint32_t most)
{
	return value < most ? value : most;
}

/* Reads the head from `size` octets, which hold all of it; false where anything is wrong. */
static bool get_head(const uint8_t *bytes, size_t size, struct record_head *head)
{
	struct reader reader;

	*head = (struct record_head){.size = head_size(bytes), .total = record_size(bytes)};
	if (head->total == 0 || head->size > size)
		return false;
	reader_init(&reader, bytes + HEAD_SUM_AT, head->size - HEAD_SUM_AT);
	if (reader_u64(&reader) != record_head_checksum(bytes, head->size) || bytes[6] > VERDICT_NO_NAME ||
	    (bytes[7] & ~FLAGS_ALL) != 0)
		return false;
	head->record.verdict = bytes[6];
	head->record.complete = (bytes[7] & FLAG_COMPLETE) != 0;
	head->unresolved = bytes[7] >> FLAGS_UNRESOLVED & FAMILY_ANY;
	head->partial = (bytes[7] & FLAG_PARTIAL) != 0;
	head->body_sum = reader_u64(&reader);
	head->record.made = reader_u64(&reader);
	head->record.since_boot = reader_u64(&reader);
	head->record.ttl = at_most(reader_u32(&reader), RECORD_TTL_MAX);
	head->record.max_stale = at_most(reader_u32(&reader), RECORD_STALE_MAX);
	if (!get_label(&reader, head->record.key.namespace) || !get_label(&reader, head->record.key.service))
		return false;
	head->spelling_count = reader_u32(&reader);
	head->v4_count = reader_u32(&reader);
	head->v6_count = reader_u32(&reader);
	size_t left = reader_left(&reader);
	if (head->v4_count > left / 4 || head->v6_count > left / 16)
		return false;
	head->addresses = reader_take(&reader, head->v4_count * 4 + head->v6_count * 16);
	return !reader.failed && reader_left(&reader) == 0;
}

static void get_family(const uint8_t *octets, size_t count, uint8_t family, struct address *addresses)
{
	size_t size = family == AF_INET ? 4 : 16;

	for (size_t i = 0; i < count; i++) {
		addresses[i] = (struct address){.family = family};
		memcpy(addresses[i].octets, octets + i * size, size);
	}
}

/* The service in part: one block with the union of its addresses. */
static struct service *service_in_part(const struct record_head *head)
{
	size_t count = head->v4_count + head->v6_count;
	struct service *part = malloc(sizeof *part + count * sizeof(struct address));

	if (part == NULL)
		return NULL;
	struct address *addresses = (struct address *)(part + 1);
	get_family(head->addresses, head->v4_count, AF_INET, addresses);
	get_family(head->addresses + head->v4_count * 4, head->v6_count, AF_INET6, addresses + head->v4_count);
	*part = (struct service){
		.spelling_count = head->spelling_count, .address_count = count, .addresses = addresses,
		.unresolved = head->unresolved, .partial = head->partial};
	return part;
}

int record_decode(const uint8_t *bytes, size_t size, struct record *record)
{
	struct record_head head;
	struct service *service = NULL;

	if (size < RECORD_PREFIX || !get_head(bytes, size, &head) || head.total != size)
		return -EBADMSG;
	int result = record_body(bytes + head.size, size - head.size, &head, &service);
	if (result < 0)
		return result;
	*record = head.record;
	record->service = service;
	if (record->verdict != VERDICT_FOUND)
		record_done(record);
	return 0;
}

/* Reads on until `wanted` octets are there; 0, -EBADMSG where the file ends before, or what read() said. */
static int read_up_to(int descriptor, uint8_t *bytes, size_t *have, size_t wanted)
{
	while (*have < wanted) {
		ssize_t count = read(descriptor, bytes + *have, wanted - *have);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return count < 0 ? -errno : -EBADMSG;
		*have += (size_t)count;
	}
	return 0;
}

/* The first read takes what comes, for it is all there is to most files. */
static int read_start(int descriptor, uint8_t *bytes, size_t *have)
{
	ssize_t count;

	do
		count = read(descriptor, bytes, RECORD_HEAD_READ);
	while (count < 0 && errno == EINTR);
	if (count < 0)
		return -errno;
	*have = (size_t)count;
	return *have < RECORD_PREFIX || record_size(bytes) == 0 ? -EBADMSG : 0;
}

static int read_more(int descriptor, uint8_t **bytes, size_t *have, size_t wanted)
{
	if (wanted > RECORD_HEAD_READ) {
		uint8_t *larger = realloc(*bytes, wanted);
		if (larger == NULL)
			return -ENOMEM;
		*bytes = larger;
	}
	return read_up_to(descriptor, *bytes, have, wanted);
}

int record_read(int descriptor, const struct name *name, struct record *record)
{
	struct service *service = NULL;
	struct record_head head;
	size_t have = 0;
	int result = -ENOMEM;
	uint8_t *bytes = malloc(RECORD_HEAD_READ);

	if (bytes == NULL)
		return -ENOMEM;
	result = read_start(descriptor, bytes, &have);
	if (result == 0)
		result = read_more(descriptor, &bytes, &have, head_size(bytes));
	if (result < 0)
		goto done;
	result = get_head(bytes, have, &head) && have <= head.total ? -ENOENT : -EBADMSG;
	if (result == -EBADMSG || !record_answers(&head.record, name))
		goto done;
	result = 0;
	if (head.record.verdict != VERDICT_FOUND)
		goto done;
	service = service_in_part(&head);
	if (service == NULL) {
		result = -ENOMEM;
	} else if (!service_in_part_suffices(service, name)) {
		free(service);
		service = NULL;
		result = read_more(descriptor, &bytes, &have, head.total);
		if (result == 0)
			result = record_body(bytes + head.size, head.total - head.size, &head, &service);
	}
done:
	free(bytes);
	if (result == 0) {
		*record = head.record;
		record->service = service;
	}
	return result;
}

bool record_is_of(const struct record *record, const struct name *name)
{
	return text_same(record->key.service, name->key.service) &&
	       (name_in_default_namespace(&name->key) ||
	        text_same(record->key.namespace, name->key.namespace));
}

bool record_answers(const struct record *record, const struct name *name)
{
	if (!record->complete && (text_has_upper(name->key.service) || text_has_upper(name->key.namespace)))
		return false;
	return record_is_of(record, name);
}

int64_t record_age(const struct record *record)
{
	uint64_t now = (uint64_t)wall_now();

	return now < record->made ? -1 : (int64_t)(now - record->made);
}

void record_stamp(struct record *record)
{
	record->made = (uint64_t)wall_now();
	record->since_boot = (uint64_t)wall_since_boot();
}

/* Whether the two clocks tell of the same age: NTP, which makes one of them slower or faster, may set them apart a little. */
static bool clocks_agree(uint64_t age, uint64_t other)
{
	enum { TOGETHER = 100, DRIFT = 1000 }; /* milliseconds; and one in so many, twice what the kernel lets NTP do */
	uint64_t apart = age > other ? age - other : other - age;

	return apart <= TOGETHER + age / DRIFT;
}

bool record_is_fresh(const struct record *record)
{
	int64_t age = record_age(record);
	uint64_t other = (uint64_t)wall_since_boot() - record->since_boot; /* one from the future is very large */
	uint64_t limit = (uint64_t)record->ttl * 1000;

	return age >= 0 && (uint64_t)age < limit && other < limit && record->since_boot != 0 &&
	       clocks_agree((uint64_t)age, other);
}

bool record_may_serve_stale(const struct record *record)
{
	int64_t age = record_age(record);

	return record->verdict == VERDICT_FOUND && age >= 0 &&
	       age < ((int64_t)record->ttl + record->max_stale) * 1000;
}

void record_done(struct record *record)
{
	free((void *)record->service);
	record->service = NULL;
}
