/*
 * Which namespaces there are; see namespaces.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tool/namespaces.h"

#include "nomad/json.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DEPTH = 8,             /* of nesting in the list */
	TOKENS_MAX = 1 << 18,  /* of JSON */
	NAME_MAX_BYTES = 256,  /* with the NUL; Nomad takes 128 */
};

/* An element's name; false where it has none. */
static bool read_name(const struct json *json, size_t element, char name[NAME_MAX_BYTES])
{
	size_t end = json_after(json, element);

	for (size_t key = element + 1; json_is(json, element, JSMN_OBJECT) && key + 1 < end; key = json_after(json, key + 1)) {
		const jsmntok_t *value = &json->tokens[key + 1];
		if (json_equals(json, key, "Name") && value->end - value->start + 2 < NAME_MAX_BYTES)
			return json_text(json, key + 1, &name);
	}
	return false;
}

static bool list_lacks(const struct json *json, const char *namespace, char others[NAMESPACES_TEXT_MAX])
{
	char name[NAME_MAX_BYTES];
	size_t used = 0;

	others[0] = '\0';
	if (!json_is(json, 0, JSMN_ARRAY))
		return false;
	for (size_t element = 1; element < json->count; element = json_after(json, element)) {
		if (!read_name(json, element, name) || text_same(name, namespace))
			return false;
		if (used + strlen(name) + 3 <= NAMESPACES_TEXT_MAX)
			used += (size_t)sprintf(others + used, "%s%s", used == 0 ? "" : ", ", name);
	}
	return used > 0;
}

bool namespaces_lack(struct agent *agent, const char *namespace, int64_t deadline, char others[NAMESPACES_TEXT_MAX])
{
	struct agent_answer answer = {0};
	struct json json;
	char *path = agent_path("/v1/namespaces", NULL, "*");
	bool lacks = false;

	if (path != NULL && agent_get(agent, path, deadline, &answer) == AGENT_BELIEVED &&
	    json_parse(answer.body, answer.size, DEPTH, TOKENS_MAX, &json) == 0) {
		lacks = list_lacks(&json, namespace, others);
		json_done(&json);
	}
	agent_answer_done(&answer);
	free(path);
	return lacks;
}
