/*
 * Where a service's record lies below a folder; see place.h. Called by published.c and cache.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "place.h"

#include "text.h"

#include <string.h>

char *place_of(const char *folder, const struct name *name, const char *suffix, char *path)
{
	char *end = stpcpy(path, folder);

	if (name->aliased)
		end = stpcpy(end, PLACE_SERVICE_LABEL "/");
	text_lower(name->key.namespace, end);
	end = stpcpy(end + strlen(end), "/");
	text_lower(name->key.service, end);
	return stpcpy(end + strlen(end), suffix);
}
