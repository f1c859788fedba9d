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
		if (strcmp(names->names[i], name) == 0)
			return true;
	return false;
}

int reading_add_name(struct reading_names *names, const char *name)
{
	if (reading_has_name(names, name))
		return 0;
	char(*more)[NAME_LABEL_MAX + 1] = realloc(names->names, (names->count + 1) * sizeof *more);
	if (more == NULL)
		return -ENOMEM;
	names->names = more;
	snprintf(more[names->count++], sizeof *more, "%s", name);
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
	return reading_add_name(&reading->kept, namespace);
}

void reading_stop_keeping(struct reading *reading, const char *namespace)
{
	struct reading_names *kept = &reading->kept;

	for (size_t i = 0; i < kept->count; i++)
		if (strcmp(kept->names[i], namespace) == 0)
			memmove(kept->names[i], kept->names[--kept->count], sizeof *kept->names);
}
