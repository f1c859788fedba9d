/*
 * Nomad's JSON to structs; see registrations.h. Called by nomad/fetch.c, nomad/stream.c and watch/.
 *
 * Every list is one block: the items, then the arrays of tags, then all texts. Unescaped texts are never longer than
 * the JSON they stand in, so the size of the block is known before.
 *
 * SPDX-License-Identifier: MIT
 */
#include "nomad/registrations.h"

#include "nomad/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Where the pieces of a block are taken from. */
struct block {
	void *items;
	const char **tags;
	char *texts;
};

/* Room for `count` items of `size` octets, all tags and all texts of a document; false without memory. */
static bool block_new(const struct json *json, size_t length, size_t count, size_t size, struct block *block)
{
	size_t tags = 0;

	for (size_t i = 1; i < json->count; i++)
		if (json_is(json, i, JSMN_ARRAY))
			tags += (size_t)json->tokens[i].size;
	char *memory = malloc(count * size + tags * sizeof(char *) + length + 1);
	if (memory == NULL)
		return false;
	block->items = memory;
	block->tags = (const char **)(void *)(memory + count * size);
	block->texts = memory + count * size + tags * sizeof(char *);
	return true;
}

/* The members of a registration, and where they go. */
static const struct member {
	const char *key;
	enum { MEMBER_TEXT, MEMBER_NUMBER, MEMBER_INDEX, MEMBER_TAGS } kind;
	size_t offset;
} members[] = {
	{"ID", MEMBER_TEXT, offsetof(struct registration, id)},
	{"ServiceName", MEMBER_TEXT, offsetof(struct registration, service)},
	{"Namespace", MEMBER_TEXT, offsetof(struct registration, namespace)},
	{"AllocID", MEMBER_TEXT, offsetof(struct registration, allocation)},
	{"NodeID", MEMBER_TEXT, offsetof(struct registration, node)},
	{"JobID", MEMBER_TEXT, offsetof(struct registration, job)},
	{"Datacenter", MEMBER_TEXT, offsetof(struct registration, datacenter)},
	{"Address", MEMBER_TEXT, offsetof(struct registration, address)},
	{"Tags", MEMBER_TAGS, 0},
	{"Port", MEMBER_NUMBER, offsetof(struct registration, port)},
	{"CreateIndex", MEMBER_INDEX, offsetof(struct registration, create_index)},
	{"ModifyIndex", MEMBER_INDEX, offsetof(struct registration, modify_index)},
};

static bool get_text(const struct json *json, size_t token, struct block *block, const char **text)
{
	char *start = block->texts;

	if (!json_text(json, token, &block->texts) || block->texts - start > REGISTRATIONS_TEXT_MAX)
		return false;
	*text = start;
	return true;
}

static bool get_tags(const struct json *json, size_t token, struct block *block, struct registration *registration)
{
	const char **tags = block->tags;
	size_t count = 0, end = json_after(json, token);

	if (!json_is(json, token, JSMN_ARRAY))
		return false;
	for (token++; token < end; token = json_after(json, token))
		if (!get_text(json, token, block, &tags[count++]))
			return false;
	block->tags += count;
	registration->tags = tags;
	registration->tag_count = count;
	return true;
}

static bool get_member(const struct json *json, size_t value, const struct member *member, struct block *block,
                       struct registration *registration)
{
	char *field = (char *)registration + member->offset;

	if (json_is_null(json, value))
		return true;
	switch (member->kind) {
	case MEMBER_TEXT:
		return get_text(json, value, block, (const char **)(void *)field);
	case MEMBER_NUMBER:
		return json_signed(json, value, (int64_t *)(void *)field);
	case MEMBER_INDEX:
		return json_unsigned(json, value, (uint64_t *)(void *)field);
	case MEMBER_TAGS:
		return get_tags(json, value, block, registration);
	}
	return false;
}

static const struct registration empty = {.id = "", .service = "", .namespace = "", .allocation = "", .node = "",
                                          .job = "", .datacenter = "", .address = ""};

/* Reads one registration; false where its shape is wrong. */
static bool get_registration(const struct json *json, size_t object, struct block *block,
                             struct registration *registration)
{
	*registration = empty;
	if (!json_is(json, object, JSMN_OBJECT))
		return false;
	size_t end = json_after(json, object);
	for (size_t key = object + 1; key < end; key = json_after(json, key + 1))
		for (size_t i = 0; i < sizeof members / sizeof *members; i++)
			if (json_equals(json, key, members[i].key) &&
			    !get_member(json, key + 1, &members[i], block, registration))
				return false;
	return registration->id[0] != '\0' && registration->service[0] != '\0' && registration->namespace[0] != '\0';
}

static int parse(const char *text, size_t size, struct json *json)
{
	return json_parse(text, size, REGISTRATIONS_DEPTH_MAX, REGISTRATIONS_TOKENS_MAX, json);
}

int registrations_parse(const char *body, size_t size, struct registrations *set)
{
	struct block block;
	struct json json;
	int result = parse(body, size, &json);

	if (result < 0)
		return result;
	result = -EBADMSG;
	if (!json_is(&json, 0, JSMN_ARRAY))
		goto done;
	result = -ENOMEM;
	if (!block_new(&json, size, (size_t)json.tokens[0].size, sizeof(struct registration), &block))
		goto done;
	*set = (struct registrations){.items = block.items};
	for (size_t element = 1; element < json.count; element = json_after(&json, element)) {
		if (get_registration(&json, element, &block, &set->items[set->count]))
			set->count++;
		else
			set->skipped++;
	}
	result = 0;
done:
	json_done(&json);
	return result;
}

void registrations_done(struct registrations *set)
{
	free(set->items);
	*set = (struct registrations){0};
}

/* The value of a member, the last one of that name; 0 where there is none, or null. */
static size_t value_of(const struct json *json, size_t object, const char *key)
{
	size_t found = 0;

	if (!json_is(json, object, JSMN_OBJECT))
		return 0;
	size_t end = json_after(json, object);
	for (size_t member = object + 1; member < end; member = json_after(json, member + 1))
		if (json_equals(json, member, key))
			found = json_is_null(json, member + 1) ? 0 : member + 1;
	return found;
}

/* Whether a member is there and a string, of whatever content. */
static bool is_text(const struct json *json, size_t token)
{
	return token != 0 && json_is(json, token, JSMN_STRING);
}

/* One namespace of the list. */
static void get_names(const struct json *json, size_t object, struct block *block, struct service_list *names)
{
	size_t namespace = value_of(json, object, "Namespace"), services = value_of(json, object, "Services");
	const char *name;

	if (!is_text(json, namespace) || services == 0 || !json_is(json, services, JSMN_ARRAY)) {
		names->skipped++;
		return;
	}
	if (!get_text(json, namespace, block, &name))
		return;
	size_t end = json_after(json, services);
	for (size_t service = services + 1; service < end; service = json_after(json, service)) {
		struct listed_service *item = &names->items[names->count];
		size_t text = value_of(json, service, "ServiceName");
		item->namespace = name;
		if (!is_text(json, text))
			names->skipped++;
		else if (get_text(json, text, block, &item->service))
			names->count++;
	}
}

/* The number of all array elements is more than that of the services; tags lie in arrays too. */
static size_t count_elements(const struct json *json)
{
	size_t count = 0;

	for (size_t i = 0; i < json->count; i++)
		if (json_is(json, i, JSMN_ARRAY))
			count += (size_t)json->tokens[i].size;
	return count;
}

int service_list_parse(const char *body, size_t size, struct service_list *names)
{
	struct block block;
	struct json json;
	int result = parse(body, size, &json);

	if (result < 0)
		return result;
	result = -EBADMSG;
	if (!json_is(&json, 0, JSMN_ARRAY))
		goto done;
	result = -ENOMEM;
	if (!block_new(&json, size, count_elements(&json), sizeof(struct listed_service), &block))
		goto done;
	*names = (struct service_list){.items = block.items};
	for (size_t element = 1; element < json.count; element = json_after(&json, element))
		get_names(&json, element, &block, names);
	result = 0;
done:
	json_done(&json);
	return result;
}

void service_list_done(struct service_list *names)
{
	free(names->items);
	*names = (struct service_list){0};
}

int namespace_list_made_after(const char *body, size_t size, uint64_t index, uint64_t *made)
{
	uint64_t oldest = UINT64_MAX, created;
	struct json json;
	int result = parse(body, size, &json);

	if (result < 0)
		return result;
	if (!json_is(&json, 0, JSMN_ARRAY))
		result = -EBADMSG;
	for (size_t element = 1; result == 0 && element < json.count; element = json_after(&json, element)) {
		size_t number = value_of(&json, element, "CreateIndex");
		if (number == 0 || !json_unsigned(&json, number, &created))
			result = -EBADMSG;
		else if (created > index && created < oldest)
			oldest = created;
	}
	json_done(&json);
	if (result == 0)
		*made = oldest;
	return result;
}

static enum event_type type_of(const struct json *json, size_t type)
{
	static const char *const deletions[] = {"ServiceDeregistration", "PlanResult", "AllocationUpdated"};

	if (json_equals(json, type, "ServiceRegistration"))
		return EVENT_UPSERT;
	for (size_t i = 0; i < sizeof deletions / sizeof *deletions; i++)
		if (json_equals(json, type, deletions[i]))
			return EVENT_DELETE;
	return EVENT_OTHER;
}

/*
 * Of which service an event is that cannot be read; false where it does not say. Where no name can ask for it, the event is
 * passed over.
 */
static bool get_service(const struct json *json, size_t object, struct block *block, struct event *event, bool *taken)
{
	size_t namespace = value_of(json, object, "Namespace"), service = value_of(json, object, "ServiceName");

	event->registration = empty;
	event->type = EVENT_OTHER;
	if (!is_text(json, namespace) || !is_text(json, service))
		return false;
	*taken = get_text(json, namespace, block, &event->registration.namespace) &&
	         get_text(json, service, block, &event->registration.service);
	return true;
}

/* One event; false where it is about services, but nobody can tell which. Others are passed over: `taken` is false. */
static bool get_event(const struct json *json, size_t object, struct block *block, uint64_t index, struct event *event,
                      bool *taken)
{
	size_t topic = value_of(json, object, "Topic"), type = value_of(json, object, "Type");
	size_t number = value_of(json, object, "Index"), payload = value_of(json, object, "Payload");
	size_t service = payload == 0 ? 0 : value_of(json, payload, "Service");

	*taken = false;
	if (topic == 0 || !json_equals(json, topic, "Service"))
		return json_is(json, object, JSMN_OBJECT);
	event->index = index;
	if (service == 0)
		return false;
	if (type == 0 || (number != 0 && !json_unsigned(json, number, &event->index)) ||
	    !get_registration(json, service, block, &event->registration))
		return get_service(json, service, block, event, taken);
	event->type = type_of(json, type);
	*taken = true;
	return true;
}

static void get_events(const struct json *json, size_t array, struct block *block, struct frame *frame)
{
	size_t end = json_after(json, array);

	for (size_t element = array + 1; element < end; element = json_after(json, element)) {
		bool taken;
		if (!get_event(json, element, block, frame->index, &frame->events[frame->count], &taken))
			frame->skipped++;
		else if (taken)
			frame->count++;
	}
}

int frame_parse(const char *line, size_t size, struct frame *frame)
{
	struct frame got = {0};
	struct block block;
	struct json json;
	int result = parse(line, size, &json);

	if (result < 0)
		return result;
	result = -EBADMSG;
	if (!json_is(&json, 0, JSMN_OBJECT))
		goto done;
	size_t index = value_of(&json, 0, "Index"), events = value_of(&json, 0, "Events");
	if ((index != 0 && !json_unsigned(&json, index, &got.index)) || (events != 0 && !json_is(&json, events, JSMN_ARRAY)))
		goto done;
	got.heartbeat = json.count == 1;
	result = 0;
	if (events == 0)
		goto done;
	result = -ENOMEM;
	if (!block_new(&json, size, (size_t)json.tokens[events].size, sizeof(struct event), &block))
		goto done;
	got.events = block.items;
	get_events(&json, events, &block, &got);
	result = 0;
done:
	json_done(&json);
	if (result == 0)
		*frame = got;
	return result;
}

void frame_done(struct frame *frame)
{
	free(frame->events);
	*frame = (struct frame){0};
}
