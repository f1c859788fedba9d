/*
 * Settings that name users, groups and modes of files; see config_users.h. Called by config_keys.c, publisher.c and dns/.
 *
 * SPDX-License-Identifier: MIT
 */
#include "config_users.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool config_is_user(const char *text, const char **wrong)
{
	enum { NAME_MOST = 32 }; /* octets, LOGIN_NAME_MAX without the NUL is more; useradd(8) takes as many */

	(void)wrong;
	return strlen(text) <= NAME_MOST && text[0] != '-' &&
	       text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.$@")] == '\0';
}

bool config_is_mode(const char *text, const char **wrong)
{
	const mode_t owner = S_IRUSR | S_IWUSR;

	(void)wrong;
	if (strlen(text) < 3 || strlen(text) > 4 || text[strspn(text, "01234567")] != '\0')
		return false;
	mode_t mode = config_mode(text);
	return (mode & owner) == owner && (mode & ~(owner | S_IRGRP | S_IROTH)) == 0;
}

mode_t config_mode(const char *text)
{
	enum { OCTAL = 8, USUAL = 0644 };

	return text == NULL ? USUAL : (mode_t)strtoul(text, NULL, OCTAL);
}

/* By its name: the same. */
static int find_named(const char *name, gid_t *group)
{
	enum { ROOM = 64 * 1024 }; /* octets: a group of some thousand members */
	struct group entry, *found = NULL;
	char *room = malloc(ROOM);

	if (room == NULL)
		return -ENOMEM;
	int result = -getgrnam_r(name, &entry, room, ROOM, &found);
	/* getgrnam(3) lists what "not found" may look like besides. */
	bool missing = found == NULL && (result == 0 || result == -ENOENT || result == -ESRCH);
	if (found != NULL)
		*group = found->gr_gid;
	free(room);
	return missing ? -ENOENT : result;
}

int config_find_group(const char *text, gid_t *group, char reason[CONFIG_REASON_MAX])
{
	enum { DECIMAL = 10 };
	int result = 0;

	if (text == NULL)
		*group = (gid_t)-1;
	else if (text[strspn(text, "0123456789")] == '\0')
		*group = (gid_t)strtoul(text, NULL, DECIMAL);
	else
		result = find_named(text, group);
	if (result < 0)
		snprintf(reason, CONFIG_REASON_MAX, "[daemon] publish-group: cannot find group \"%.100s\": %s; make it, or correct the "
		         "setting", text, result == -ENOENT ? "there is none" : strerror(-result));
	return result;
}
