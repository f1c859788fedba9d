/*
 * What NOMAD_* does to lookups, in words; see surroundings.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tool/surroundings.h"

#include "environment.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct saying {
	struct surroundings *list;
	size_t count;
};

static void say(struct saying *saying, enum surroundings_effect effect, const char *variable, const char *value,
                const char *words)
{
	struct surroundings *one = &saying->list[saying->count++];

	one->effect = effect;
	one->variable = variable;
	/* Before an @ there may be a password. */
	snprintf(one->text, sizeof one->text, "%s=%s %s", variable, strchr(value, '@') == NULL ? value : "...", words);
	text_tame(one->text);
}

/* A variable that may name a cluster; `counts` is its value where it does. */
static void say_cluster(struct saying *saying, const struct lookup_places *places, const char *variable,
                        const char *counts)
{
	const char *value = secure_getenv(variable);

	if (value == NULL || value[0] == '\0')
		return;
	if (counts == NULL)
		say(saying, SURROUNDINGS_HARMLESS, variable, value, "says where this task runs, and selects no other cluster");
	else if (places->published != NULL)
		say(saying, SURROUNDINGS_HARMLESS, variable, value, "names the cluster that the daemon follows");
	else
		say(saying, SURROUNDINGS_OTHER, variable, value,
		    "selects another cluster than the daemon says it follows: the daemon's files are not used");
}

size_t surroundings_list(const struct lookup_places *places, struct surroundings list[SURROUNDINGS_MAX])
{
	struct saying saying = {.list = list};
	struct environment environment;

	if (lookup_is_put_on())
		return 0;
	environment_read(&environment);
	say_cluster(&saying, places, "NOMAD_ADDR", environment.address);
	say_cluster(&saying, places, "NOMAD_REGION", environment.region);
	if (places->namespace_wrong)
		say(&saying, SURROUNDINGS_WRONG, "NOMAD_NAMESPACE", environment.namespace,
		    "is not a namespace that a name can give (letters, digits, -, at most 63): names that give none cannot be looked up");
	else if (environment.namespace != NULL)
		say(&saying, SURROUNDINGS_HARMLESS, "NOMAD_NAMESPACE", environment.namespace,
		    "is the namespace that is meant by names that give none (SERVICE.nomad)");
	return saying.count;
}
