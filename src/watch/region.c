/*
 * The name of the region that is followed; see region.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watch/region.h"

#include "nomad/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void ask(struct region *region, const char *path);

/* Takes a text that is a name, and none that could not stand on a line of its own. */
static void take_name(struct region *region, const struct json *json, size_t token)
{
	char name[REGION_MAX * 6] = "", *end = name;

	if (json->tokens[token].end - json->tokens[token].start >= REGION_MAX || !json_text(json, token, &end))
		return;
	for (const char *at = name; *at != '\0'; at++)
		if ((unsigned char)*at <= ' ' || *at == 0x7f)
			return;
	snprintf(region->name, sizeof region->name, "%.*s", REGION_MAX - 1, name);
}

/* A key of an object; the value's token, 0 where there is none. */
static size_t value_of(const struct json *json, size_t object, const char *key)
{
	size_t end = json_after(json, object);

	for (size_t at = object + 1; json_is(json, object, JSMN_OBJECT) && at + 1 < end; at = json_after(json, at + 1))
		if (json_equals(json, at, key))
			return at + 1;
	return 0;
}

/* /v1/regions is a list of names, /v1/agent/self an object with config.Region. */
static void read_answer(struct region *region)
{
	enum { DEPTH = 16, TOKENS_MAX = 10000 };
	struct json json;

	if (json_parse(region->answer, region->size, DEPTH, TOKENS_MAX, &json) < 0)
		return;
	if (json_is(&json, 0, JSMN_ARRAY) && json.tokens[0].size == 1)
		take_name(region, &json, 1);
	size_t config = value_of(&json, 0, "config"), own = config > 0 ? value_of(&json, config, "Region") : 0;
	if (own > 0)
		take_name(region, &json, own);
	json_done(&json);
}

static void came(struct watch_request *request, const char *octets, size_t size)
{
	struct region *region = request->owner;

	if (size > sizeof region->answer - region->size)
		size = sizeof region->answer - region->size; /* then it is no JSON any more */
	memcpy(region->answer + region->size, octets, size);
	region->size += size;
}

/* Where it could not be had nobody knows: a variable then names another cluster, as far as programs can tell. */
static void ended(struct watch_request *request, const struct agent_answer *answer)
{
	struct region *region = request->owner;

	region->running = false;
	if (answer->result == AGENT_BELIEVED)
		read_answer(region);
	if (region->name[0] == '\0' && !region->asks_self && answer->result == AGENT_BELIEVED) {
		region->asks_self = true;
		ask(region, "/v1/agent/self");
	}
}

static void ask(struct region *region, const char *path)
{
	region->request = (struct watch_request){
		.limit = REGION_LIMIT, .is_stream = true, .owner = region, .data = came, .done = ended};
	snprintf(region->request.path, sizeof region->request.path, "%s", path);
	region->size = 0;
	region->running = true;
	region->outside->start(region->outside->context, &region->request);
}

void region_ask(struct region *region)
{
	if (region->running || region->name[0] != '\0')
		return;
	region->asks_self = false;
	ask(region, "/v1/regions");
}

void region_forget(struct region *region)
{
	if (region->running)
		region->outside->cancel(region->outside->context, &region->request);
	region->running = false;
	region->name[0] = '\0';
}
