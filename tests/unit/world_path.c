/*
 * What is asked of the agent that world.c plays; see world_path.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "world_path.h"

#include <stdio.h>
#include <string.h>

enum asked world_asked_for(const char *path)
{
	if (strncmp(path, "/v1/namespaces", 14) == 0)
		return CENSUS;
	if (strncmp(path, "/v1/status/leader", 17) == 0)
		return LEADER;
	if (strncmp(path, "/v1/service/", 12) == 0)
		return strstr(path, "&stale") != NULL ? NEAREST : SERVICE;
	return strstr(path, "stale") != NULL ? KNOCK : LIST;
}

const char *world_part_of(const char *path, const char *before, char value[160])
{
	const char *at = strstr(path, before);

	value[0] = '\0';
	if (at != NULL)
		snprintf(value, 160, "%.*s", (int)strcspn(at + strlen(before), "&?"), at + strlen(before));
	if (strcmp(value, "%2A") == 0)
		strcpy(value, "*");
	return value;
}
