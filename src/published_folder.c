/*
 * Whether a directory may be the daemon's; see published_folder.h. Called by published_write.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "published_folder.h"

#include "published.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char own_directory[] = "choose a directory that is the daemon's alone, this one holds other things";

/* Whether a directory holds anything that no daemon puts there: then it is not given to one. */
static bool holds_other_things(const char *dir)
{
	static const char *const ours[] = {".", "..", PUBLISHED_TEMPORARY, PUBLISHED_DRAFTS, PUBLISHED_ALIVE, PUBLISHED_LOCK,
	                                   PUBLISHED_SERVICES, PUBLISHED_FOLLOWS, "status.json"};
	DIR *names = opendir(dir);
	bool other = names == NULL;

	for (struct dirent *entry; !other && (entry = readdir(names)) != NULL;) {
		size_t i = 0;
		while (i < sizeof ours / sizeof *ours && strcmp(entry->d_name, ours[i]) != 0)
			i++;
		other = i == sizeof ours / sizeof *ours;
	}
	if (names != NULL)
		closedir(names);
	return other;
}

int published_check_owner(const char *dir, const struct stat *status, char reason[PUBLISHED_REASON_MAX])
{
	if (status->st_uid != geteuid())
		return published_fail(reason, -EPERM, "%s belongs to user %u, not to the daemon's user %u; %s", dir,
		            (unsigned int)status->st_uid, (unsigned int)geteuid(),
		            holds_other_things(dir) ? own_directory : "remove it, or chown it");
	if ((status->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return published_fail(reason, -EPERM, "%s may be written by others (mode %o); %s", dir,
		            (unsigned int)(status->st_mode & 07777), holds_other_things(dir) ? own_directory : "chmod go-w it");
	return 0;
}
