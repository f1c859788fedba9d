/*
 * Tests of src/record.c, record_body.c and record_encode.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "record.h"
#include "record_layout.h"
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * One small record, octet for octet: what any machine writes and reads. Whoever changes it changes RECORD_VERSION.
 */
static const uint8_t golden[] = {
	/* 0: magic, version, verdict, flags (all: partial, so that both families may have more), length of the head, of all */
	'n', 'm', 'd', 'r', 0, 2, 1, 15, 0, 0, 0, 97, 0, 0, 0, 195,
	/* 16: checksums of head and body */
	0xec, 0x4d, 0x25, 0x45, 0x60, 0xf2, 0x1d, 0x1b, 0xf3, 0x81, 0xd3, 0x86, 0xae, 0x2c, 0x16, 0xe8,
	/* 32: made, since boot, ttl, max-stale */
	0, 0, 0x01, 0x93, 0x45, 0x67, 0x89, 0xab, 0, 0, 0, 0, 0x12, 0x34, 0x56, 0x78, 0, 0, 0, 10, 0, 0, 0x0e, 0x10,
	/* 56: namespace, service; spellings, IPv4, IPv6 addresses */
	4, 'p', 'r', 'o', 'd', 3, 'w', 'e', 'b', 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1,
	/* 77: the addresses */
	10, 0, 0, 1, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
	/* 97: instances, addresses, tags */
	0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1,
	/* 109: the spelling, its instances */
	0, 5, 'P', 'r', 'o', 'd', 0, 0, 4, 'W', 'e', 'b', 0, 0, 0, 0, 1,
	/* 126: id, allocation, node, job, datacenter, host */
	0, 3, 'i', '1', 0, 0, 3, 'a', '2', 0, 0, 2, 'n', 0, 0, 2, 'j', 0, 0, 2, 'd', 0, 0, 2, 'h', 0,
	/* 152: port, unresolved, addresses, tags */
	0x1f, 0x90, 2, 0, 0, 0, 2, 0, 0, 0, 1,
	/* 163 */
	6, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 4, 10, 0, 0, 1,
	/* 185 */
	0, 8, 'p', 'r', 'i', 'm', 'a', 'r', 'y', 0,
};

enum { HEAD = 97 }; /* octets of its head */

/* The same as a record. */
static struct service *golden_service(void)
{
	static const char *const tags[] = {"primary"};
	struct address addresses[2];
	struct instance instance = {.id = "i1",
	                            .allocation = "a2",
	                            .node = "n",
	                            .job = "j",
	                            .datacenter = "d",
	                            .host = "h",
	                            .unresolved = FAMILY_IPV6,
	                            .addresses = addresses,
	                            .address_count = 2,
	                            .tags = tags,
	                            .tag_count = 1,
	                            .port = 8080,
	                            .modified = 17};
	struct spelling spelling = {.namespace = "Prod", .service = "Web", .count = 1};

	ck_assert(address_parse("2001:db8::1", &addresses[0]));
	ck_assert(address_parse("10.0.0.1", &addresses[1]));
	return service_copy(&(struct service){
		.spelling_count = 1, .spellings = &spelling, .instance_count = 1, .instances = &instance, .partial = true});
}

static struct record golden_record(const struct service *service)
{
	struct record record = support_record("Prod", "WEB", VERDICT_FOUND, service);

	record.made = UINT64_C(0x0193456789ab);
	record.since_boot = UINT64_C(0x12345678);
	record.ttl = 10;
	return record;
}

START_TEST(the_layout_stays_as_it_is)
{
	struct service *service = golden_service();
	struct record record = golden_record(service);
	uint8_t *bytes;
	size_t size;

	ck_assert_int_eq(record_encode(&record, &bytes, &size), 0);
	ck_assert_uint_eq(size, sizeof golden);
	for (size_t i = 0; i < size; i++)
		ck_assert_msg(bytes[i] == golden[i], "octet %zu is 0x%02x, wanted 0x%02x", i, bytes[i], golden[i]);
	free(bytes);
	free(service);
}
END_TEST

START_TEST(what_was_written_is_read)
{
	struct record record;

	ck_assert_int_eq(record_decode(golden, sizeof golden, &record), 0);
	ck_assert_int_eq(record.verdict, VERDICT_FOUND);
	ck_assert(record.complete);
	ck_assert_str_eq(record.key.namespace, "prod");
	ck_assert_str_eq(record.key.service, "web");
	ck_assert_uint_eq(record.made, UINT64_C(0x0193456789ab));
	ck_assert_uint_eq(record.ttl, 10);
	ck_assert_uint_eq(record.max_stale, 3600);
	ck_assert_uint_eq(record.since_boot, UINT64_C(0x12345678));
	ck_assert_uint_eq(record.service->instances[0].unresolved, FAMILY_IPV6);
	ck_assert_uint_eq(record.service->unresolved, FAMILY_ANY);
	ck_assert(record.service->partial);
	ck_assert_str_eq(support_instances(record.service), "Prod/Web\ni1 a2 n j d h :8080 2001:db8::1 10.0.0.1 #primary\n");
	record_done(&record);
	ck_assert_ptr_null(record.service);
	record_done(&record);
}
END_TEST

static const enum verdict negative[] = {VERDICT_UNKNOWN, VERDICT_NO_DATA, VERDICT_NO_NAME};

START_TEST(a_record_without_service_is_read_too)
{
	struct record record = support_record("_", "web", negative[_i], NULL), again;
	uint8_t *bytes;
	size_t size;

	record.complete = false;
	ck_assert_int_eq(record_encode(&record, &bytes, &size), 0);
	ck_assert_int_eq(record_decode(bytes, size, &again), 0);
	ck_assert_int_eq(again.verdict, negative[_i]);
	ck_assert(!again.complete);
	ck_assert_ptr_null(again.service);
	ck_assert_str_eq(again.key.namespace, "_");
	record_done(&again);
	free(bytes);
}
END_TEST

/* A service of `count` instances, each with an address and a tag of its own. */
static struct service *many(size_t count)
{
	struct instance *instances = calloc(count + 1, sizeof *instances);
	struct address *addresses = calloc(count + 1, sizeof *addresses);
	struct spelling spelling = {.namespace = "prod", .service = "web", .count = count};
	char(*words)[32] = calloc(count + 1, sizeof *words);
	const char **tags = calloc(count + 1, sizeof *tags);

	for (size_t i = 0; i < count; i++) {
		addresses[i] =
			(struct address){.family = 2, .octets = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
		snprintf(words[i], sizeof words[i], "tag%zu", i);
		tags[i] = words[i];
		instances[i] = (struct instance){.id = words[i],
		                                 .allocation = "11111111-aaaa-4000-8000-000000000001",
		                                 .node = "n",
		                                 .job = "j",
		                                 .datacenter = "d",
		                                 .addresses = &addresses[i],
		                                 .address_count = 1,
		                                 .tags = &tags[i],
		                                 .tag_count = 1,
		                                 .port = (uint16_t)i};
	}
	struct service *service = service_copy(&(struct service){.spelling_count = 1,
	                                                         .spellings = &spelling,
	                                                         .instance_count = count,
	                                                         .instances = instances});
	ck_assert_ptr_nonnull(service);
	free(instances);
	free(addresses);
	free(words);
	free(tags);
	return service;
}

/* Encodes; the caller releases the bytes. */
static uint8_t *encode(const struct record *record, size_t *size)
{
	uint8_t *bytes;

	ck_assert_int_eq(record_encode(record, &bytes, size), 0);
	return bytes;
}

/* An open file with these octets, its position at the start. */
static int open_bytes(const void *bytes, size_t size)
{
	int descriptor = memfd_create("record", MFD_CLOEXEC);

	ck_assert_int_ge(descriptor, 0);
	for (size_t done = 0; done < size;) {
		ssize_t count = write(descriptor, (const char *)bytes + done, size - done);
		ck_assert_int_gt(count, 0);
		done += (size_t)count;
	}
	ck_assert_int_eq(lseek(descriptor, 0, SEEK_SET), 0);
	return descriptor;
}

static int read_bytes(const void *bytes, size_t size, const char *text, struct record *record)
{
	struct name name = support_name(text);
	int descriptor = open_bytes(bytes, size);
	int result = record_read(descriptor, &name, record);

	close(descriptor);
	return result;
}

static const size_t sizes[] = {0, 1, 2, 1000, 4000, 5000, 100000};

START_TEST(any_number_of_instances_makes_the_round)
{
	size_t count = sizes[_i], size;
	struct service *service = many(count);
	struct record record = support_record("prod", "web", VERDICT_FOUND, service), again;
	uint8_t *bytes = encode(&record, &size);

	ck_assert_int_eq(record_decode(bytes, size, &again), 0);
	ck_assert_uint_eq(again.service->instance_count, count);
	ck_assert_uint_eq(again.service->address_count, count);
	for (size_t i = 0; i < count; i++) {
		ck_assert(address_equal(&again.service->instances[i].addresses[0], &service->addresses[i]));
		ck_assert_str_eq(again.service->instances[i].tags[0], service->instances[i].tags[0]);
		ck_assert_uint_eq(again.service->instances[i].port, (uint16_t)i);
	}
	record_done(&again);
	free(bytes);
	free(service);
}
END_TEST

START_TEST(a_plain_name_is_answered_by_the_head_alone)
{
	size_t count = sizes[_i], size;
	struct service *service = many(count);
	struct record record = support_record("prod", "web", VERDICT_FOUND, service), again = {0};
	uint8_t *bytes = encode(&record, &size);
	size_t head = FIELDS_AT + 24 + 5 + 4 + 12 + 4 * count;

	/* with the body cut off */
	ck_assert_int_eq(read_bytes(bytes, head, "web.prod.nomad", &again), 0);
	ck_assert_uint_eq(again.service->instance_count, 0);
	ck_assert_uint_eq(again.service->spelling_count, 1);
	ck_assert_uint_eq(again.service->address_count, count);
	for (size_t i = 0; i < count; i++)
		ck_assert(address_equal(&again.service->addresses[i], &service->addresses[i]));
	record_done(&again);
	ck_assert_int_eq(read_bytes(bytes, head - 1, "web.prod.nomad", &again), -EBADMSG);
	free(bytes);
	free(service);
}
END_TEST

START_TEST(a_selector_is_answered_by_the_whole)
{
	size_t count = sizes[_i], size;
	struct service *service = many(count);
	struct record record = support_record("prod", "web", VERDICT_FOUND, service), again = {0};
	uint8_t *bytes = encode(&record, &size);

	ck_assert_int_eq(read_bytes(bytes, size, "tag0.web.prod.nomad", &again), 0);
	ck_assert_uint_eq(again.service->instance_count, count);
	record_done(&again);
	ck_assert_int_eq(read_bytes(bytes, size - 1, "tag0.web.prod.nomad", &again), -EBADMSG);
	free(bytes);
	free(service);
}
END_TEST

START_TEST(one_read_is_enough_for_a_plain_name)
{
	size_t size;
	struct service *service = many(4000);
	struct record record = support_record("prod", "web", VERDICT_FOUND, service), again = {0};
	struct name name = support_name("web.prod.nomad");
	uint8_t *bytes = encode(&record, &size);
	int descriptor = open_bytes(bytes, size);

	ck_assert_int_eq(record_read(descriptor, &name, &again), 0);
	ck_assert_int_eq(lseek(descriptor, 0, SEEK_CUR), RECORD_HEAD_READ);
	record_done(&again);
	close(descriptor);
	free(bytes);
	free(service);
}
END_TEST

/* Names for the golden record: the first reads its head, the second all of it. */
#define IN_PART "web.prod.nomad"
#define WHOLE "primary.web.prod.nomad"

START_TEST(truncated_anywhere_it_is_damaged)
{
	struct record untouched = {.ttl = 99}, record = untouched;

	for (size_t size = 0; size < sizeof golden; size++) {
		uint8_t *fenced = support_fence(size);
		memcpy(fenced, golden, size);
		ck_assert_int_eq(record_decode(fenced, size, &record), -EBADMSG);
		support_unfence(fenced, size);
		ck_assert_int_eq(read_bytes(golden, size, WHOLE, &record), -EBADMSG);
		ck_assert_mem_eq(&record, &untouched, sizeof record);
		ck_assert_int_eq(read_bytes(golden, size, IN_PART, &record), size < HEAD ? -EBADMSG : 0);
		record_done(&record);
		record = untouched;
	}
}
END_TEST

START_TEST(with_any_bit_flipped_it_is_damaged)
{
	struct record untouched = {.ttl = 99}, record = untouched;
	uint8_t bytes[sizeof golden];

	for (size_t bit = 0; bit < 8 * sizeof golden; bit++) {
		memcpy(bytes, golden, sizeof bytes);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_msg(record_decode(bytes, sizeof bytes, &record) == -EBADMSG, "bit %zu", bit);
		ck_assert_msg(read_bytes(bytes, sizeof bytes, WHOLE, &record) == -EBADMSG, "bit %zu", bit);
		ck_assert_mem_eq(&record, &untouched, sizeof record);
		if (read_bytes(bytes, sizeof bytes, IN_PART, &record) == 0) {
			ck_assert_msg(bit / 8 >= HEAD, "bit %zu of the head", bit);
			ck_assert_str_eq(support_addresses(record.service->addresses, record.service->address_count),
			                 "10.0.0.1 2001:db8::1");
			record_done(&record);
			record = untouched;
		}
	}
}
END_TEST

START_TEST(with_something_behind_it_it_is_damaged)
{
	uint8_t bytes[sizeof golden + 1] = {0};
	struct record record = {0};

	memcpy(bytes, golden, sizeof golden);
	ck_assert_int_eq(record_decode(bytes, sizeof bytes, &record), -EBADMSG);
	ck_assert_int_eq(read_bytes(bytes, sizeof bytes, IN_PART, &record), -EBADMSG);
	ck_assert_int_eq(read_bytes(bytes, sizeof bytes, WHOLE, &record), -EBADMSG);
}
END_TEST

static uint32_t number_at(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put_number(uint8_t *at, size_t octets, uint64_t number)
{
	for (size_t i = 0; i < octets; i++)
		at[i] = (uint8_t)(number >> 8 * (octets - 1 - i));
}

/* Makes the checksums right again, so that the lie behind them is met. */
static void sign(uint8_t *bytes, size_t size)
{
	size_t head = number_at(bytes + 8);

	if (head < FIELDS_AT || head > size)
		return;
	put_number(bytes + BODY_SUM_AT, 8, record_body_checksum(bytes + head, size - head));
	put_number(bytes + HEAD_SUM_AT, 8, record_head_checksum(bytes, head));
}

static const struct lie {
	const char *about;
	size_t at, octets;
	uint64_t value;
} lies[] = {
	{"another magic", 0, 4, 0x6e6d6473},
	{"version 0", 4, 2, 0},
	{"the version before", 4, 2, RECORD_VERSION - 1},
	{"the next version", 4, 2, RECORD_VERSION + 1},
	{"a verdict that is none", 6, 1, 4},
	{"a verdict that is none", 6, 1, 255},
	{"a flag that is none", 7, 1, 16},
	{"no head", 8, 4, 0},
	{"a head of the fields before it", 8, 4, FIELDS_AT},
	{"a head too short by 1", 8, 4, 96},
	{"a head too long by 1", 8, 4, 98},
	{"a head as long as all", 8, 4, 195},
	{"a head longer than all", 8, 4, 196},
	{"a head of 64 MiB", 8, 4, RECORD_SIZE_MAX},
	{"a head of 4 GiB", 8, 4, UINT32_MAX},
	{"nothing in all", 12, 4, 0},
	{"all shorter than the head", 12, 4, 96},
	{"all too short by 1", 12, 4, 194},
	{"all too long by 1", 12, 4, 196},
	{"the largest record", 12, 4, RECORD_SIZE_MAX},
	{"more than the largest record", 12, 4, RECORD_SIZE_MAX + 1},
	{"4 GiB", 12, 4, UINT32_MAX},
	{"no namespace", 56, 1, 0},
	{"a namespace of 64", 56, 1, 64},
	{"a namespace of 255", 56, 1, 255},
	{"no service", 61, 1, 0},
	{"a service of 64", 61, 1, 64},
	{"no spelling", 65, 4, 0},
	{"two spellings", 65, 4, 2},
	{"4 G spellings", 65, 4, UINT32_MAX},
	{"no IPv4 address", 69, 4, 0},
	{"5 IPv4 addresses", 69, 4, 5},
	{"1 G IPv4 addresses, 2^32 octets", 69, 4, 0x40000000},
	{"4 G IPv4 addresses", 69, 4, UINT32_MAX},
	{"no IPv6 address", 73, 4, 0},
	{"2 IPv6 addresses", 73, 4, 2},
	{"256 M IPv6 addresses, 2^32 octets", 73, 4, 0x10000000},
	{"4 G IPv6 addresses", 73, 4, UINT32_MAX},
	{"no instance", 97, 4, 0},
	{"2 instances", 97, 4, 2},
	{"4 G instances", 97, 4, UINT32_MAX},
	{"1 address", 101, 4, 1},
	{"3 addresses", 101, 4, 3},
	{"4 G addresses", 101, 4, UINT32_MAX},
	{"no tag", 105, 4, 0},
	{"2 tags", 105, 4, 2},
	{"4 G tags", 105, 4, UINT32_MAX},
	{"a spelling without namespace", 109, 2, 0},
	{"a spelling's namespace too short", 109, 2, 4},
	{"a spelling's namespace too long", 109, 2, 6},
	{"a spelling's namespace of 64 KiB", 109, 2, 65535},
	{"a NUL within", 113, 1, 0},
	{"no NUL at the end", 115, 1, 'x'},
	{"a spelling of no instance", 122, 4, 0},
	{"a spelling of 2 instances", 122, 4, 2},
	{"a spelling of 4 G instances", 122, 4, UINT32_MAX},
	{"no id", 126, 2, 0},
	{"an id of 64 KiB", 126, 2, 65535},
	{"no host and its text", 148, 2, 0},
	{"a host too short", 148, 2, 1},
	{"a family that is none", 154, 1, 4},
	{"an instance with 1 address", 155, 4, 1},
	{"an instance with 3 addresses", 155, 4, 3},
	{"an instance with 4 G addresses", 155, 4, UINT32_MAX},
	{"an instance without tag", 159, 4, 0},
	{"an instance with 4 G tags", 159, 4, UINT32_MAX},
	{"an IPv5 address", 163, 1, 5},
	{"an IPv6 address that is IPv4", 163, 1, 4},
	{"an IPv4 address that is IPv6", 180, 1, 6},
	{"a tag too short", 185, 2, 7},
	{"a tag too long", 185, 2, 9},
};

START_TEST(a_length_that_lies_is_damage)
{
	const struct lie *lie = &lies[_i];
	struct record untouched = {.ttl = 99}, record = untouched;
	uint8_t *fenced = support_fence(sizeof golden);

	memcpy(fenced, golden, sizeof golden);
	put_number(fenced + lie->at, lie->octets, lie->value);
	sign(fenced, sizeof golden);
	ck_assert_msg(record_decode(fenced, sizeof golden, &record) == -EBADMSG, "%s", lie->about);
	ck_assert_msg(read_bytes(fenced, sizeof golden, WHOLE, &record) == -EBADMSG, "%s", lie->about);
	ck_assert_mem_eq(&record, &untouched, sizeof record);
	/* the head alone does not know how much really follows, nor what */
	if (lie->at + lie->octets <= HEAD && !(lie->at == 12 && lie->value > sizeof golden) && lie->at != 65)
		ck_assert_msg(read_bytes(fenced, sizeof golden, IN_PART, &record) == -EBADMSG, "%s", lie->about);
	support_unfence(fenced, sizeof golden);
}
END_TEST

START_TEST(with_something_behind_its_body_it_is_damaged)
{
	uint8_t bytes[sizeof golden + 1] = {0};
	struct record record = {0};

	memcpy(bytes, golden, sizeof golden);
	put_number(bytes + 12, 4, sizeof bytes);
	sign(bytes, sizeof bytes);
	ck_assert_int_eq(record_decode(bytes, sizeof bytes, &record), -EBADMSG);
	ck_assert_int_eq(read_bytes(bytes, sizeof bytes, WHOLE, &record), -EBADMSG);
}
END_TEST

/* With right checksums and one octet of any value: damage, or a record that can be written and read again. */
START_TEST(no_octet_does_harm)
{
	for (size_t at = 0; at < sizeof golden; at++)
		for (unsigned value = 0; value < 256; value++) {
			struct record record, again;
			size_t size;
			uint8_t *fenced = support_fence(sizeof golden);
			memcpy(fenced, golden, sizeof golden);
			fenced[at] = (uint8_t)value;
			sign(fenced, sizeof golden);
			if (record_decode(fenced, sizeof golden, &record) == 0) {
				uint8_t *bytes = encode(&record, &size);
				ck_assert_int_eq(record_decode(bytes, size, &again), 0);
				free(bytes);
				record_done(&again);
				record_done(&record);
			}
			support_unfence(fenced, sizeof golden);
		}
}
END_TEST

START_TEST(a_prefix_says_how_long_a_record_is)
{
	uint8_t prefix[RECORD_PREFIX];

	memcpy(prefix, golden, sizeof prefix);
	ck_assert_uint_eq(record_size(prefix), sizeof golden);
	put_number(prefix + 12, 4, RECORD_SIZE_MAX);
	ck_assert_uint_eq(record_size(prefix), RECORD_SIZE_MAX);
	put_number(prefix + 12, 4, RECORD_SIZE_MAX + 1);
	ck_assert_uint_eq(record_size(prefix), 0);
	put_number(prefix, 4, 0);
	ck_assert_uint_eq(record_size(prefix), 0);
}
END_TEST

static const struct asked {
	const char *name;
	bool complete, answers;
} asked[] = {
	{"web.prod.nomad", true, true},
	{"web.prod.nomad", false, true},
	{"WEB.prod.nomad", true, true},
	{"WEB.prod.nomad", false, false}, /* another spelling may have been meant, and was not asked for */
	{"web.PROD.nomad", true, true},
	{"web.PROD.nomad", false, false},
	{"web.nomad", true, true}, /* found through the default namespace's link */
	{"Web.nomad", false, false},
	{"web.dev.nomad", true, false},
	{"webx.prod.nomad", true, false},
	{"we.prod.nomad", true, false},
	{"primary.web.prod.nomad", true, true},
	{"prod.web.nomad", true, false},
};

START_TEST(a_record_answers_its_own_name_only)
{
	struct record record = support_record("prod", "web", VERDICT_NO_NAME, NULL), again = {0};
	struct name name = support_name(asked[_i].name);
	size_t size;

	record.complete = asked[_i].complete;
	ck_assert_int_eq(record_answers(&record, &name), asked[_i].answers);
	uint8_t *bytes = encode(&record, &size);
	ck_assert_int_eq(read_bytes(bytes, size, asked[_i].name, &again), asked[_i].answers ? 0 : -ENOENT);
	free(bytes);
}
END_TEST

static const struct age {
	const char *about;
	enum verdict verdict;
	int64_t made; /* milliseconds from now */
	bool from_now_on, fresh, stale;
} ages[] = {
	/* ttl 60 s, max-stale 3600 s; half a minute of margin for a slow machine */
	{"just made", VERDICT_FOUND, 0, false, true, true},
	{"30 s old", VERDICT_FOUND, -30000, false, true, true},
	{"60 s old", VERDICT_FOUND, -60000, false, false, true},
	{"an hour old", VERDICT_FOUND, -3600000, false, false, true},
	{"an hour and 60 s old", VERDICT_FOUND, -3660000, false, false, false},
	{"from the future", VERDICT_FOUND, 100000, true, false, false},
	{"a negative one, just made", VERDICT_NO_NAME, 0, false, true, false},
	{"a negative one, 60 s old", VERDICT_NO_NAME, -60000, false, false, false},
	{"an empty one, 60 s old", VERDICT_NO_DATA, -60000, false, false, false},
	{"a failure, 60 s old", VERDICT_UNKNOWN, -60000, false, false, false},
};

START_TEST(age_decides_what_a_record_is_good_for)
{
	const struct age *age = &ages[_i];
	struct record record = support_record("prod", "web", age->verdict, NULL);

	record.made += (uint64_t)age->made;
	record.since_boot += (uint64_t)age->made;
	ck_assert_msg((record_age(&record) == -1) == age->from_now_on, "%s", age->about);
	ck_assert_msg(record_is_fresh(&record) == age->fresh, "%s", age->about);
	ck_assert_msg(record_may_serve_stale(&record) == age->stale, "%s", age->about);
}
END_TEST

static const struct clocks {
	const char *about;
	int64_t made, since_boot; /* milliseconds from now */
	bool fresh;
} clocks[] = {
	{"both 20 s ago", -20000, -20000, true},
	{"made an hour ago, by a clock that was an hour ahead", -1000, -3600000, false},
	{"the same within its time: the clock was set back by 20 s", -10000, -30000, false},
	{"the clock was set forward by 20 s", -30000, -10000, false},
	{"NTP has slowed the clock down meanwhile", -29950, -30000, true},
	{"made before the host was started again, when it had run for longer", -1000, 3600000, false},
	{"not noted", -1000, INT64_MIN, false},
};

/* A record of a clock that ran ahead is one of the future, and not the present's when its time comes. */
START_TEST(two_clocks_have_to_agree_on_a_records_age)
{
	struct record record = support_record("prod", "web", VERDICT_NO_NAME, NULL);

	record.made += (uint64_t)clocks[_i].made;
	record.since_boot = clocks[_i].since_boot == INT64_MIN ? 0 : record.since_boot + (uint64_t)clocks[_i].since_boot;
	ck_assert_msg(record_is_fresh(&record) == clocks[_i].fresh, "%s", clocks[_i].about);
}
END_TEST

/* Whatever it says: no record is fresh for 136 years. */
START_TEST(times_are_bounded_when_they_are_read)
{
	struct record record = support_record("prod", "web", VERDICT_NO_NAME, NULL), again = {0};
	size_t size;

	record.ttl = record.max_stale = UINT32_MAX;
	uint8_t *bytes = encode(&record, &size);
	ck_assert_int_eq(record_decode(bytes, size, &again), 0);
	ck_assert_uint_eq(again.ttl, RECORD_TTL_MAX);
	ck_assert_uint_eq(again.max_stale, RECORD_STALE_MAX);
	ck_assert_int_eq(read_bytes(bytes, size, IN_PART, &again), 0);
	ck_assert_uint_eq(again.ttl, RECORD_TTL_MAX);
	ck_assert_uint_eq(again.max_stale, RECORD_STALE_MAX);
	free(bytes);
}
END_TEST

START_TEST(no_time_overflows)
{
	static const uint64_t times[] = {0, 1, INT64_MAX, UINT64_C(1) << 63, UINT64_MAX - 1, UINT64_MAX};

	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		struct record record = {.verdict = VERDICT_FOUND, .made = times[i], .ttl = UINT32_MAX, .max_stale = UINT32_MAX};
		bool past = times[i] < 2;
		ck_assert_int_eq(record_age(&record) >= 0, past);
		for (size_t j = 0; j < sizeof times / sizeof *times; j++) {
			record.since_boot = times[j];
			ck_assert(!record_is_fresh(&record));
		}
		ck_assert_int_eq(record_may_serve_stale(&record), past);
	}
}
END_TEST

/* A text of as many octets; released with free(). */
static char *long_text(size_t length)
{
	char *text = malloc(length + 1);

	memset(text, 'x', length);
	text[length] = '\0';
	return text;
}

/* A service of one instance with this id and these two tags. */
static int encode_texts(const char *id, const char *const tags[2], uint8_t **bytes, size_t *size)
{
	struct instance instance = {
		.id = id, .allocation = "", .node = "", .job = "", .datacenter = "", .tags = tags, .tag_count = 2};
	struct spelling spelling = {.namespace = "prod", .service = "web", .count = 1};
	struct service service = {
		.spelling_count = 1, .spellings = &spelling, .instance_count = 1, .instances = &instance};
	struct record record = support_record("prod", "web", VERDICT_FOUND, &service);

	return record_encode(&record, bytes, size);
}

START_TEST(a_tag_that_is_too_long_is_left_out)
{
	char *longest = long_text(UINT16_MAX - 1), *too_long = long_text(UINT16_MAX);
	struct record record;
	uint8_t *bytes;
	size_t size;

	ck_assert_int_eq(encode_texts("i", (const char *[]){longest, "last"}, &bytes, &size), 0);
	ck_assert_int_eq(record_decode(bytes, size, &record), 0);
	ck_assert_uint_eq(record.service->instances[0].tag_count, 2);
	ck_assert_str_eq(record.service->instances[0].tags[0], longest);
	record_done(&record);
	free(bytes);

	ck_assert_int_eq(encode_texts("i", (const char *[]){too_long, "last"}, &bytes, &size), 0);
	ck_assert_int_eq(record_decode(bytes, size, &record), 0);
	ck_assert_uint_eq(record.service->instances[0].tag_count, 1);
	ck_assert_str_eq(record.service->instances[0].tags[0], "last");
	record_done(&record);
	free(bytes);
	free(longest);
	free(too_long);
}
END_TEST

START_TEST(another_text_that_is_too_long_cannot_be_written)
{
	char *too_long = long_text(UINT16_MAX);
	uint8_t *bytes = NULL;
	size_t size = 99;

	ck_assert_int_eq(encode_texts(too_long, (const char *[]){"a", "b"}, &bytes, &size), -E2BIG);
	ck_assert_ptr_null(bytes);
	ck_assert_uint_eq(size, 99);
	free(too_long);
}
END_TEST

START_TEST(what_cannot_be_read_says_why)
{
	struct name name = support_name(WHOLE);
	struct record record;

	ck_assert_int_eq(record_read(-1, &name, &record), -EBADF);
	ck_assert_int_eq(read_bytes("", 0, WHOLE, &record), -EBADMSG);
}
END_TEST

/* One way of reading or writing, with the nth allocation failing; true where one did. */
static bool fails(int way, unsigned nth)
{
	struct name name = support_name(way == 1 ? IN_PART : WHOLE);
	struct record record = {0};
	uint8_t *bytes = NULL;
	size_t size;
	int result, descriptor = open_bytes(golden, sizeof golden);

	support_fail_allocation(nth);
	if (way == 0)
		result = record_decode(golden, sizeof golden, &record);
	else if (way < 3)
		result = record_read(descriptor, &name, &record);
	else
		result = record_encode(&(struct record){.key = {"prod", "web"}}, &bytes, &size);
	bool failed = support_fail_allocation(0);
	ck_assert_int_eq(result, failed ? -ENOMEM : 0);
	record_done(&record);
	free(bytes);
	close(descriptor);
	return failed;
}

START_TEST(without_memory_it_says_so)
{
	static const unsigned allocations[] = {4 + 3, 2, 2 + 4 + 3, 1};
	unsigned nth = 1;

	while (fails(_i, nth))
		nth++;
	ck_assert_uint_eq(nth - 1, allocations[_i]);
}
END_TEST

/* A record that is larger than what is read first: the allocation that grows with it. */
START_TEST(without_memory_for_all_of_it_it_says_so)
{
	size_t size;
	struct service *service = many(5000);
	struct record record = support_record("prod", "web", VERDICT_FOUND, service), again = {0};
	struct name name = support_name("web.prod.nomad");
	uint8_t *bytes = encode(&record, &size);
	int descriptor = open_bytes(bytes, size);

	support_fail_allocation(2);
	int result = record_read(descriptor, &name, &again);
	ck_assert(support_fail_allocation(0));
	ck_assert_int_eq(result, -ENOMEM);
	ck_assert_ptr_null(again.service);
	close(descriptor);
	free(bytes);
	free(service);
}
END_TEST

int main(void)
{
	enum { SIZES = sizeof sizes / sizeof *sizes };
	const struct support_test tests[] = {
		{the_layout_stays_as_it_is, 1},
		{what_was_written_is_read, 1},
		{a_record_without_service_is_read_too, sizeof negative / sizeof *negative},
		{any_number_of_instances_makes_the_round, SIZES},
		{a_plain_name_is_answered_by_the_head_alone, SIZES},
		{a_selector_is_answered_by_the_whole, SIZES},
		{one_read_is_enough_for_a_plain_name, 1},
		{truncated_anywhere_it_is_damaged, 1},
		{with_any_bit_flipped_it_is_damaged, 1},
		{with_something_behind_it_it_is_damaged, 1},
		{a_length_that_lies_is_damage, sizeof lies / sizeof *lies},
		{with_something_behind_its_body_it_is_damaged, 1},
		{no_octet_does_harm, 1},
		{a_prefix_says_how_long_a_record_is, 1},
		{a_record_answers_its_own_name_only, sizeof asked / sizeof *asked},
		{age_decides_what_a_record_is_good_for, sizeof ages / sizeof *ages},
		{two_clocks_have_to_agree_on_a_records_age, sizeof clocks / sizeof *clocks},
		{times_are_bounded_when_they_are_read, 1},
		{no_time_overflows, 1},
		{a_tag_that_is_too_long_is_left_out, 1},
		{another_text_that_is_too_long_cannot_be_written, 1},
		{what_cannot_be_read_says_why, 1},
		{without_memory_it_says_so, 4},
		{without_memory_for_all_of_it_it_says_so, 1},
	};

	return support_run("record", tests, sizeof tests / sizeof *tests);
}
