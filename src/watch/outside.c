/*
 * Requests to Nomad as the watcher makes them; see outside.h. Called by watch/reading.c and watch/signal.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watch/outside.h"

#include <stdio.h>
#include <stdlib.h>

bool watch_set_path(struct watch_request *request, const char *prefix, const char *name, const char *namespace,
                    const char *extra)
{
	char *path = agent_path(prefix, name, namespace);
	int length;

	if (path == NULL)
		return false;
	length = snprintf(request->path, sizeof request->path, "%s%s%s", path, extra == NULL ? "" : "&",
	                  extra == NULL ? "" : extra);
	free(path);
	return length > 0 && (size_t)length < sizeof request->path;
}

void watch_count(const struct outside *outside, enum watch_count what)
{
	if (outside->count != NULL)
		outside->count(outside->context, what);
}
