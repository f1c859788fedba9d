/*
 * Fuzzes src/record.c and record_body.c: octets of any content are refused, or are a record that is written and read
 * again to the same octets. The input is tried as it is, and with its checksums made right, so that what they protect
 * is met too.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bytes.h"
#include "record.h"
#include "record_layout.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Like assert(), in every build. */
static void must(bool true_or_not)
{
	if (!true_or_not)
		abort();
}

static void put_u64(uint8_t *at, uint64_t value)
{
	struct writer writer;

	writer_init(&writer, at, sizeof value);
	writer_u64(&writer, value);
}

/* Makes magic, version, length and checksums right. */
static void sign(uint8_t *bytes, size_t size)
{
	struct writer writer;
	struct reader reader;

	if (size < HEAD_MIN)
		return;
	writer_init(&writer, bytes, size);
	writer_u32(&writer, RECORD_MAGIC);
	writer_u16(&writer, RECORD_VERSION);
	writer_init(&writer, bytes + 12, 4);
	writer_u32(&writer, (uint32_t)size);
	reader_init(&reader, bytes + 8, 4);
	size_t head = reader_u32(&reader);
	if (head < HEAD_MIN || head > size)
		return;
	put_u64(bytes + BODY_SUM_AT, record_body_checksum(bytes + head, size - head));
	put_u64(bytes + HEAD_SUM_AT, record_head_checksum(bytes, head));
}

/* Every instance is looked at, and asked for. */
static void use(const struct record *record)
{
	const struct instance **chosen = calloc(record->service->instance_count + 1, sizeof *chosen);
	struct name name = {.kind = NAME_SERVICE, .key = record->key, .select = SELECT_LABEL, .selector = "10-0-0-1"};
	struct address *addresses;
	uint8_t unresolved;
	size_t count;

	must(chosen != NULL);
	service_select(record->service, &name, chosen, &count);
	name.select = SELECT_ALL;
	if (service_select(record->service, &name, chosen, &count) == VERDICT_FOUND)
		must(count > 0 && count <= record->service->instance_count);
	if (service_addresses(record->service, &name, &addresses, &count, &unresolved) == VERDICT_FOUND) {
		must(count > 0 && count <= record->service->address_count);
		free(addresses);
	}
	free(chosen);
}

/* What was read is written; that is read and written again, and is the same. */
static void make_the_round(const struct record *record)
{
	struct record again;
	uint8_t *first, *second;
	size_t first_size, second_size;

	must(record_encode(record, &first, &first_size) == 0);
	must(record_decode(first, first_size, &again) == 0);
	must(record_encode(&again, &second, &second_size) == 0);
	must(first_size == second_size && memcmp(first, second, first_size) == 0);
	record_done(&again);
	free(first);
	free(second);
}

/* The same octets as a file: what is read in part must agree with the whole. */
static void read_file(const uint8_t *bytes, size_t size, const struct record *whole)
{
	struct name name = {.kind = NAME_SERVICE, .select = SELECT_ALL};
	struct record record = {0};
	int file = memfd_create("record", MFD_CLOEXEC);

	strcpy(name.key.namespace, NAME_DEFAULT_NAMESPACE);
	strcpy(name.key.service, whole == NULL ? "web" : whole->key.service);
	must(file >= 0 && write(file, bytes, size) == (ssize_t)size && lseek(file, 0, SEEK_SET) == 0);
	int result = record_read(file, &name, &record);
	if (result == 0 && whole != NULL)
		must(record.verdict == whole->verdict && record.made == whole->made && record.ttl == whole->ttl);
	record_age(&record);
	record_is_fresh(&record);
	record_may_serve_stale(&record);
	record_done(&record);
	close(file);
}

static void try(const uint8_t *bytes, size_t size)
{
	struct record record = {0};
	bool whole = record_decode(bytes, size, &record) == 0;

	if (size >= RECORD_PREFIX)
		must(!whole || record_size(bytes) == size);
	if (whole && record.verdict == VERDICT_FOUND)
		use(&record);
	if (whole)
		make_the_round(&record);
	read_file(bytes, size, whole ? &record : NULL);
	record_done(&record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes = calloc(1, size > 0 ? size : 1);

	if (bytes == NULL)
		return 0;
	if (size > 0)
		memcpy(bytes, data, size);
	try(bytes, size);
	sign(bytes, size);
	try(bytes, size);
	free(bytes);
	return 0;
}
