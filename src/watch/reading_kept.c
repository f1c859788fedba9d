/*
 * Reading everything: namespaces that the token may not read any more, and what is said of them; see reading.h.
 * Called by reading.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "reading_part.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

bool reading_has_name(const struct reading_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->names[i].name, name) == 0)
			return true;
	return false;
}

int reading_add_name(struct reading_names *names, const char *name)
{
	if (reading_has_name(names, name))
		return 0;
	struct reading_name *more = realloc(names->names, (names->count + 1) * sizeof *more);
	if (more == NULL)
		return -ENOMEM;
	names->names = more;
	more[names->count] = (struct reading_name){.since = INT64_MAX};
	snprintf(more[names->count].name, sizeof more->name, "%s", name);
	names->count++;
	return 0;
}

bool reading_keeps(const struct reading *reading, const char *namespace)
{
	return reading_has_name(&reading->kept, namespace);
}

/* The token may not read the namespace any more. */
int reading_keep(struct reading *reading, const char *namespace)
{
	const struct outside *outside = reading->outside;
	char text[AGENT_REASON_MAX];

	if (reading_keeps(reading, namespace))
		return 0;
	snprintf(text, sizeof text,
	         "the token may not read namespace \"%.63s\"; what is known of it is kept, and grows old: give the token "
	         "the capability read-job there",
	         namespace);
	outside->say(outside->context, LOG_WARNING, text);
	int result = reading_add_name(&reading->kept, namespace);
	if (result < 0)
		return result;
	reading->rights++;
	reading->kept.names[reading->kept.count - 1].since =
		reading->kept_since == INT64_MAX ? outside->now(outside->context) : reading->kept_since;
	return 0;
}

int64_t reading_kept_since(const struct reading *reading)
{
	int64_t since = INT64_MAX;

	for (size_t i = 0; i < reading->kept.count; i++)
		if (reading->kept.names[i].since < since)
			since = reading->kept.names[i].since;
	return since;
}

int reading_expire(struct reading *reading, int64_t most)
{
	int64_t now = reading->outside->now(reading->outside->context);
	int worst = 0;

	for (size_t i = 0; i < reading->kept.count; i++) {
		struct reading_name *kept = &reading->kept.names[i];
		if (kept->since > now - most)
			continue;
		int result = registry_doubt_namespace(reading->intake->registry, kept->name);
		if (result < 0)
			worst = result;
		else
			kept->since = INT64_MAX;
	}
	return worst;
}

void reading_stop_keeping(struct reading *reading, const char *namespace)
{
	struct reading_names *kept = &reading->kept;

	for (size_t i = 0; i < kept->count; i++) {
		if (strcmp(kept->names[i].name, namespace) != 0)
			continue;
		kept->names[i] = kept->names[--kept->count];
		reading->rights++;
		/* The index says nothing of what was missed there. */
		reading->complete = false;
		return;
	}
}
