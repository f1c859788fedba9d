/*
 * Tests of src/nomad/registrations.c, also with what a real agent said (tests/recordings, byte for byte).
 *
 * SPDX-License-Identifier: MIT
 */
#include "nomad/registrations.h"
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A whole file of tests/recordings; released with free(). */
static char *recorded(const char *name, size_t *size)
{
	char path[SUPPORT_PATH_MAX], *text = NULL;
	size_t room = 0;

	support_path("tests/recordings", name, path);
	FILE *file = fopen(path, "re");
	ck_assert_msg(file != NULL, "%s: tests run in the project's folder", path);
	ssize_t length = getdelim(&text, &room, '\0', file);
	fclose(file);
	ck_assert_int_gt(length, 0);
	*size = (size_t)length;
	return text;
}

static int parse(const char *text, struct registrations *set)
{
	return registrations_parse(text, strlen(text), set);
}

START_TEST(recorded_service_is_read_whole)
{
	size_t size;
	char *text = recorded("service-redis.json", &size);
	struct registrations set;

	ck_assert_int_eq(registrations_parse(text, size, &set), 0);
	free(text);
	ck_assert_uint_eq(set.count, 2);
	ck_assert_uint_eq(set.skipped, 0);
	const struct registration *first = &set.items[0];
	ck_assert_str_eq(first->id, "_nomad-task-25a0843c-88c8-3c50-4a98-125452fb3bc7-group-g-redis-db");
	ck_assert_str_eq(first->service, "redis");
	ck_assert_str_eq(first->namespace, "default");
	ck_assert_str_eq(first->allocation, "25a0843c-88c8-3c50-4a98-125452fb3bc7");
	ck_assert_str_eq(first->node, "c38b7904-b872-3023-1f39-fc423925f1da");
	ck_assert_str_eq(first->job, "redis");
	ck_assert_str_eq(first->datacenter, "dc1");
	ck_assert_str_eq(first->address, "127.0.0.1");
	ck_assert_int_eq(first->port, 21366);
	ck_assert_uint_eq(first->create_index, 25);
	ck_assert_uint_eq(first->modify_index, 25);
	ck_assert_uint_eq(first->tag_count, 1);
	ck_assert_str_eq(first->tags[0], "cache");
	ck_assert_int_eq(set.items[1].port, 23673);
	ck_assert_uint_eq(set.items[1].create_index, 26);
	registrations_done(&set);
	registrations_done(&set);
}
END_TEST

START_TEST(recorded_tags_are_kept_as_they_are)
{
	static const char *const wanted[] = {"", "é", "a,b", "with space", "dup", "dup"};
	size_t size;
	char *text = recorded("odd-tags.json", &size);
	struct registrations set;

	ck_assert_int_eq(registrations_parse(text, size, &set), 0);
	free(text);
	ck_assert_uint_eq(set.count, 1);
	ck_assert_uint_eq(set.items[0].tag_count, 10);
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		ck_assert_str_eq(set.items[0].tags[i], wanted[i]);
	ck_assert_uint_eq(strlen(set.items[0].tags[6]), 300);
	ck_assert_str_eq(set.items[0].job, "odd/é-job");
	registrations_done(&set);
}
END_TEST

/* What becomes of the recorded odd registrations, by the end of their IDs; NULL where it is no instance. */
static const struct {
	const char *end, *address;
	uint16_t port;
} odd[] = {
	{"-odd-", "192.0.2.1", 0},
	{"-odd--5", "192.0.2.1", 0},
	{"-odd-0", "192.0.2.1", 0},
	{"-odd-8000", "192.0.2.1", 8000},
	{"-odd-8001", "2001:db8::1", 8001},
	{"-odd-8002", NULL, 0}, /* [2001:db8::2] */
	{"-odd-8003", NULL, 0}, /* 10.0.0.1:99 */
	{"-odd-8004", NULL, 0}, /* a blank */
	{"-odd-8005", NULL, 0}, /* not an address! */
	{"-odd-8006", NULL, 0}, /* ${nosuch} */
	{"-odd-8007", NULL, 0}, /* fe80::1%eth0 */
	{"-odd-8008", "::ffff:10.1.2.3", 8008},
	{"-odd-8009", NULL, 0}, /* 0:0:0:0:0:0:0:0 */
	{"-odd-8010", "localhost", 8010},
	{"-odd-8011", "db.example.net", 8011},
	{"-odd-8012", "127.0.0.1", 8012},
	{"-odd-8013", NULL, 0}, /* 010.000.000.001 */
	{"-odd-8014", NULL, 0}, /* 192.0.2 */
	{"-odd-8015", NULL, 0}, /* 0x7f000001 */
	{"-odd-8100", NULL, 0}, /* "" */
	{"-odd-99999", "192.0.2.1", 0},
};

START_TEST(recorded_address_is_an_instance_or_left_out)
{
	size_t size, found = 0;
	char *text = recorded("odd-addresses.json", &size);
	struct registrations set;
	struct address address;
	struct instance instance;
	const char *reason = NULL;

	ck_assert_int_eq(registrations_parse(text, size, &set), 0);
	free(text);
	ck_assert_uint_eq(set.count, sizeof odd / sizeof *odd);
	while (strcmp(strrchr(set.items[found].id, 'o') - 1, odd[_i].end) != 0)
		found++;
	bool good = registration_instance(&set.items[found], &address, &instance, &reason);
	ck_assert_msg(good == (odd[_i].address != NULL), "%s", set.items[found].address);
	if (good) {
		ck_assert_str_eq(instance.host == NULL ? support_addresses(instance.addresses, instance.address_count)
		                                       : instance.host,
		                 odd[_i].address);
		ck_assert_uint_eq(instance.address_count, instance.host == NULL);
		ck_assert_uint_eq(instance.port, odd[_i].port);
		ck_assert_str_eq(instance.id, set.items[found].id);
		ck_assert_str_eq(instance.datacenter, "dc-a");
		ck_assert_uint_eq(instance.modified, 14);
	} else {
		ck_assert_ptr_nonnull(reason);
	}
	registrations_done(&set);
}
END_TEST

#define ONE(members) "{\"ID\":\"i\",\"ServiceName\":\"s\",\"Namespace\":\"n\"" members "}"

/* An element among good ones: whether it is taken. */
static const struct {
	const char *text;
	bool taken;
} elements[] = {
	{ONE(""), true},
	{ONE(",\"Port\":-9223372036854775809"), true},
	{ONE(",\"Tags\":null,\"Address\":null,\"Port\":null,\"ModifyIndex\":null"), true},
	{ONE(",\"New\":{\"a\":[{\"b\":[1,2,{}]}]},\"Newer\":[[],\"\\u0000\"]"), true},
	{ONE(",\"ID\":\"later\""), true},
	{"{}", false},
	{"null", false},
	{"7", false},
	{"\"text\"", false},
	{"[]", false},
	{"{\"ServiceName\":\"s\",\"Namespace\":\"n\"}", false},
	{"{\"ID\":\"i\",\"Namespace\":\"n\"}", false},
	{"{\"ID\":\"i\",\"ServiceName\":\"s\"}", false},
	{ONE(",\"ID\":\"\""), false},
	{ONE(",\"ID\":7"), false},
	{ONE(",\"Address\":7"), false},
	{ONE(",\"Address\":{}"), false},
	{ONE(",\"Address\":\"\xff\""), false},
	{ONE(",\"Address\":\"a\\u0000b\""), false},
	{ONE(",\"Port\":\"80\""), false},
	{ONE(",\"Port\":80.5"), false},
	{ONE(",\"ModifyIndex\":-1"), false},
	{ONE(",\"Tags\":\"a\""), false},
	{ONE(",\"Tags\":[\"a\",7]"), false},
	{ONE(",\"Tags\":[\"a\",null]"), false},
	{ONE(",\"Tags\":{\"a\":\"b\"}"), false},
};

START_TEST(element_of_a_wrong_shape_is_counted_and_spoils_no_other)
{
	char text[512];
	struct registrations set;

	snprintf(text, sizeof text, "[%s,%s,%s]", ONE(",\"Port\":1,\"Tags\":[\"x\"]"), elements[_i].text, ONE(",\"Port\":2"));
	ck_assert_int_eq(parse(text, &set), 0);
	ck_assert_uint_eq(set.count, elements[_i].taken ? 3 : 2);
	ck_assert_uint_eq(set.skipped, elements[_i].taken ? 0 : 1);
	ck_assert_int_eq(set.items[0].port, 1);
	ck_assert_str_eq(set.items[0].tags[0], "x");
	ck_assert_int_eq(set.items[set.count - 1].port, 2);
	ck_assert_uint_eq(set.items[set.count - 1].tag_count, 0);
	ck_assert_str_eq(set.items[set.count - 1].address, "");
	registrations_done(&set);
}
END_TEST

START_TEST(last_of_several_members_counts_and_numbers_are_clamped)
{
	static const char text[] = "[" ONE(",\"Port\":1,\"Port\":99999999999999999999,\"Tags\":[\"a\",\"b\"],\"Tags\":[\"c\"],"
					   "\"Address\":\"first\",\"Address\":\"last\",\"ModifyIndex\":18446744073709551615") "]";
	struct registrations set;

	ck_assert_int_eq(parse(text, &set), 0);
	ck_assert_int_eq(set.items[0].port, INT64_MAX);
	ck_assert_uint_eq(set.items[0].modify_index, UINT64_MAX);
	ck_assert_str_eq(set.items[0].address, "last");
	ck_assert_uint_eq(set.items[0].tag_count, 1);
	ck_assert_str_eq(set.items[0].tags[0], "c");
	registrations_done(&set);
}
END_TEST

static const struct {
	const char *text;
	int wanted;
} bodies[] = {
	{"[]", 0},
	{"{}", -EBADMSG},
	{"", -EBADMSG},
	{"null", -EBADMSG},
	{"[" ONE("") ",", -EBADMSG},
	{"Permission denied", -EBADMSG},
	{"<html>", -EBADMSG},
};

START_TEST(body_that_is_no_array_is_refused)
{
	struct registrations set = {.skipped = 4711};
	int result = parse(bodies[_i].text, &set);

	ck_assert_int_eq(result, bodies[_i].wanted);
	if (result == 0) {
		ck_assert_uint_eq(set.count + set.skipped, 0);
		registrations_done(&set);
	} else {
		ck_assert_uint_eq(set.skipped, 4711);
	}
}
END_TEST

START_TEST(nesting_ends_at_its_limit)
{
	char text[256];
	struct registrations set;

	for (int depth = REGISTRATIONS_DEPTH_MAX; depth <= REGISTRATIONS_DEPTH_MAX + 1; depth++) {
		memset(text, '[', (size_t)depth);
		memset(text + depth, ']', (size_t)depth);
		text[2 * depth] = '\0';
		ck_assert_int_eq(parse(text, &set), depth <= REGISTRATIONS_DEPTH_MAX ? 0 : -E2BIG);
		if (depth <= REGISTRATIONS_DEPTH_MAX) {
			ck_assert_uint_eq(set.skipped, 1);
			registrations_done(&set);
		}
	}
}
END_TEST

START_TEST(recorded_list_is_read)
{
	size_t size;
	char *text = recorded("services-all.json", &size);
	struct service_list list;

	ck_assert_int_eq(service_list_parse(text, size, &list), 0);
	free(text);
	ck_assert_uint_eq(list.count, 10);
	ck_assert_uint_eq(list.skipped, 0);
	ck_assert_str_eq(list.items[1].namespace, "default");
	ck_assert_str_eq(list.items[1].service, "MixedCase");
	ck_assert_str_eq(list.items[9].namespace, "dev");
	ck_assert_str_eq(list.items[9].service, "redis");
	service_list_done(&list);
	service_list_done(&list);
}
END_TEST

START_TEST(recorded_list_keeps_names_that_are_no_labels)
{
	static const char *const wanted[] = {"tags", "up-per", "x-a.b_c/d é", "Odd.Job_é-n", "Up-Per"};
	size_t size;
	char *text = recorded("odd-services.json", &size);
	struct service_list list;

	ck_assert_int_eq(service_list_parse(text, size, &list), 0);
	free(text);
	ck_assert_uint_eq(list.count, 8);
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		ck_assert_str_eq(list.items[i].service, wanted[i]);
	service_list_done(&list);
}
END_TEST

/* A list, and how much of it is taken and skipped; -1: refused. */
static const struct {
	const char *text;
	int count;
	size_t skipped;
} lists[] = {
	{"[]", 0, 0},
	{"[{\"Namespace\":\"n\",\"Services\":[]}]", 0, 0},
	{"[{\"Namespace\":\"n\",\"Services\":[{\"ServiceName\":\"a\"},{\"ServiceName\":\"b\",\"Tags\":[{}]}]}]", 2, 0},
	{"[{\"Namespace\":\"n\",\"Services\":[{\"ServiceName\":7},{},null,{\"ServiceName\":\"b\"}]}]", 1, 3},
	{"[{\"Namespace\":7,\"Services\":[]},{\"Services\":[]},{\"Namespace\":\"n\"},7]", 0, 4},
	{"[{\"Namespace\":\"n\",\"Services\":{\"ServiceName\":\"a\"}}]", 0, 1},
	{"{\"Namespace\":\"n\",\"Services\":[]}", -1, 0},
	{"[{\"Namespace\":\"n\",", -1, 0},
};

START_TEST(list_leaves_out_what_has_a_wrong_shape)
{
	struct service_list list;
	int result = service_list_parse(lists[_i].text, strlen(lists[_i].text), &list);

	ck_assert_int_eq(result, lists[_i].count < 0 ? -EBADMSG : 0);
	if (result < 0)
		return;
	ck_assert_int_eq((int)list.count, lists[_i].count);
	ck_assert_uint_eq(list.skipped, lists[_i].skipped);
	service_list_done(&list);
}
END_TEST

/* A list of namespaces, and the oldest of those in it that were made after index 10; 0: refused. */
static const struct {
	const char *text;
	uint64_t wanted;
} namespaces[] = {
	{"[]", UINT64_MAX},
	{"[{\"CreateIndex\":1,\"ModifyIndex\":99,\"Name\":\"default\"},{\"CreateIndex\":10,\"Name\":\"a\"}]", UINT64_MAX},
	{"[{\"CreateIndex\":12,\"Name\":\"b\"},{\"CreateIndex\":11,\"Name\":\"c\"},{\"CreateIndex\":13}]", 11},
	{"[{\"CreateIndex\":1},{\"Name\":\"a\"}]", 0},
	{"[{\"CreateIndex\":\"11\"}]", 0},
	{"[{\"CreateIndex\":null}]", 0},
	{"[7]", 0},
	{"{\"CreateIndex\":11}", 0},
	{"[{\"CreateIndex\":11}", 0},
	{"", 0},
};

START_TEST(oldest_new_namespace_is_found_or_the_list_is_refused)
{
	uint64_t made = 0;
	int result = namespace_list_made_after(namespaces[_i].text, strlen(namespaces[_i].text), 10, &made);

	ck_assert_int_eq(result, namespaces[_i].wanted == 0 ? -EBADMSG : 0);
	ck_assert_uint_eq(made, namespaces[_i].wanted);
}
END_TEST

START_TEST(recorded_deletes_of_a_lost_node_are_deletes)
{
	size_t size, events = 0, heartbeats = 0;
	char *text = recorded("stream-node-lost.jsonl", &size), *rest = text;

	for (char *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0';) {
		struct frame frame;
		ck_assert_int_eq(frame_parse(line, strlen(line), &frame), 0);
		ck_assert_uint_eq(frame.skipped, 0);
		heartbeats += frame.heartbeat;
		for (size_t i = 0; i < frame.count; i++) {
			ck_assert_int_eq(frame.events[i].type, EVENT_DELETE);
			ck_assert_uint_eq(frame.events[i].index, frame.index);
			ck_assert_uint_lt(frame.events[i].registration.modify_index, frame.index);
			events++;
		}
		frame_done(&frame);
	}
	ck_assert_uint_eq(events, 4);
	ck_assert_uint_eq(heartbeats, 3);
	free(text);
}
END_TEST

#define EVENT(topic, type, service) \
	"{\"Topic\":\"" topic "\",\"Type\":\"" type "\",\"Index\":9,\"Payload\":{\"Service\":" service "}}"

/* A frame, what it holds, and the type of its first event; -1: refused. */
static const struct {
	const char *text;
	int count;
	size_t skipped;
	enum event_type type;
	uint64_t index;
} frames[] = {
	{"{}\n", 0, 0, EVENT_UPSERT, 0},
	{"{\"Index\":7,\"Events\":null}", 0, 0, EVENT_UPSERT, 7},
	{"{\"Index\":7,\"Events\":[]}\r\n", 0, 0, EVENT_UPSERT, 7},
	{"{\"Index\":7,\"Events\":[" EVENT("Service", "ServiceRegistration", ONE("")) "]}", 1, 0, EVENT_UPSERT, 7},
	{"{\"Index\":7,\"Events\":[" EVENT("Service", "ServiceDeregistration", ONE("")) "]}", 1, 0, EVENT_DELETE, 7},
	{"{\"Index\":7,\"Events\":[" EVENT("Service", "AllocationUpdated", ONE("")) "]}", 1, 0, EVENT_DELETE, 7},
	{"{\"Index\":7,\"Events\":[" EVENT("Job", "JobRegistered", "{}") "]}", 0, 0, EVENT_UPSERT, 7},
	{"{\"Index\":7,\"Events\":[" EVENT("Service", "ServiceRegistration", "{}") ","
	 EVENT("Service", "ServiceDeregistration", ONE("")) "]}", 1, 1, EVENT_DELETE, 7},
	{"{\"Index\":7,\"Events\":[{\"Topic\":\"Service\",\"Type\":\"X\"},7,null]}", 0, 3, EVENT_UPSERT, 7},
	{"{\"Index\":\"7\"}", -1, 0, EVENT_UPSERT, 0},
	{"{\"Events\":{}}", -1, 0, EVENT_UPSERT, 0},
	{"[]", -1, 0, EVENT_UPSERT, 0},
	{"No cluster leader", -1, 0, EVENT_UPSERT, 0},
	{"{\"Index\":7,\"Events\":[", -1, 0, EVENT_UPSERT, 0},
};

START_TEST(frame_is_read_or_refused)
{
	struct frame frame = {.skipped = 4711};
	int result = frame_parse(frames[_i].text, strlen(frames[_i].text), &frame);

	ck_assert_int_eq(result, frames[_i].count < 0 ? -EBADMSG : 0);
	if (result < 0) {
		ck_assert_uint_eq(frame.skipped, 4711);
		return;
	}
	ck_assert_int_eq((int)frame.count, frames[_i].count);
	ck_assert_uint_eq(frame.skipped, frames[_i].skipped);
	ck_assert_uint_eq(frame.index, frames[_i].index);
	ck_assert_int_eq(frame.heartbeat, _i == 0);
	if (frame.count > 0) {
		ck_assert_int_eq(frame.events[0].type, frames[_i].type);
		ck_assert_uint_eq(frame.events[0].index, 9);
		ck_assert_str_eq(frame.events[0].registration.id, "i");
	}
	frame_done(&frame);
	frame_done(&frame);
}
END_TEST

/* Were it not linear, this would take hours: 16 MiB of events in one line. */
START_TEST(frame_of_16_mib_is_read)
{
	static const char event[] = EVENT("Service", "ServiceRegistration", ONE(",\"Tags\":[\"a\",\"b\"],\"Address\":\"192.0.2.1\""));
	size_t wanted = 16 * 1024 * 1024 / sizeof event, size = 0;
	char *text = malloc(wanted * sizeof event + 64);
	struct frame frame;

	size += (size_t)sprintf(text, "{\"Index\":7,\"Events\":[");
	for (size_t i = 0; i < wanted; i++) {
		memcpy(text + size, event, sizeof event - 1);
		size += sizeof event;
		text[size - 1] = ',';
	}
	text[size - 1] = ']';
	text[size++] = '}';
	ck_assert_int_eq(frame_parse(text, size, &frame), 0);
	ck_assert_uint_eq(frame.count, wanted);
	ck_assert_str_eq(frame.events[wanted - 1].registration.tags[1], "b");
	frame_done(&frame);
	free(text);
}
END_TEST

START_TEST(parsing_survives_every_failing_allocation)
{
	static const char body[] = "[" ONE(",\"Tags\":[\"a\"]") "]";
	static const char line[] = "{\"Index\":7,\"Events\":[" EVENT("Service", "ServiceRegistration", ONE("")) "]}";
	struct registrations set = {0};
	struct service_list list = {0};
	struct frame frame = {0};
	uint64_t made;
	bool failed = true;

	for (unsigned nth = 1; failed; nth++) {
		support_fail_allocation(nth);
		int results[] = {registrations_parse(body, sizeof body - 1, &set),
		                 service_list_parse(body, sizeof body - 1, &list), frame_parse(line, sizeof line - 1, &frame),
		                 namespace_list_made_after("[]", 2, 0, &made)};
		failed = support_fail_allocation(0);
		int bad = 0;
		for (size_t i = 0; i < sizeof results / sizeof *results; i++)
			bad += results[i] == -ENOMEM;
		ck_assert_int_eq(bad, failed);
		registrations_done(&set);
		service_list_done(&list);
		frame_done(&frame);
	}
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{recorded_service_is_read_whole, 1},
		{recorded_tags_are_kept_as_they_are, 1},
		{recorded_address_is_an_instance_or_left_out, sizeof odd / sizeof *odd},
		{element_of_a_wrong_shape_is_counted_and_spoils_no_other, sizeof elements / sizeof *elements},
		{last_of_several_members_counts_and_numbers_are_clamped, 1},
		{body_that_is_no_array_is_refused, sizeof bodies / sizeof *bodies},
		{nesting_ends_at_its_limit, 1},
		{recorded_list_is_read, 1},
		{recorded_list_keeps_names_that_are_no_labels, 1},
		{list_leaves_out_what_has_a_wrong_shape, sizeof lists / sizeof *lists},
		{oldest_new_namespace_is_found_or_the_list_is_refused, sizeof namespaces / sizeof *namespaces},
		{recorded_deletes_of_a_lost_node_are_deletes, 1},
		{frame_is_read_or_refused, sizeof frames / sizeof *frames},
		{frame_of_16_mib_is_read, 1},
		{parsing_survives_every_failing_allocation, 1},
	};

	return support_run("registrations", tests, sizeof tests / sizeof *tests);
}
