/*
 * The daemon's heartbeat, the side that writes; see published_write.h. Called by watch/publisher.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "published_folder.h"

#include "published.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Whether the file at the lock's name is the one that is held: by another one the folder could be another daemon's. */
static bool has_lock(const struct published_folder *folder)
{
	struct stat held, found;

	return fstat(folder->lock, &held) == 0 && fstatat(folder->root, PUBLISHED_LOCK, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
	       held.st_dev == found.st_dev && held.st_ino == found.st_ino;
}

/* Whether the folder at the path is the one that is open, with what belongs in it. */
static int check_place(const struct published_folder *folder, char reason[PUBLISHED_REASON_MAX])
{
	struct stat status, services;

	if (stat(folder->dir, &status) < 0 || status.st_dev != folder->device || status.st_ino != folder->inode)
		return published_fail(reason, -ESTALE, "%s was removed or replaced; it is made again", folder->dir);
	if (fstat(folder->services, &services) < 0 || services.st_nlink == 0)
		return published_fail(reason, -ESTALE, "%s/" PUBLISHED_SERVICES " was removed; it is made again", folder->dir);
	if (!has_lock(folder))
		return published_fail(reason, -ESTALE, "%s/" PUBLISHED_LOCK " was removed; it is made again", folder->dir);
	return published_check_owner(folder->dir, &status, reason);
}

/* Whether the heartbeat is a file of ours alone, as readers trust it, and says that already. */
static bool says(const struct published_folder *folder, enum published_state state)
{
	struct stat status;

	return fstatat(folder->root, PUBLISHED_ALIVE, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode) &&
	       status.st_uid == geteuid() && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
	       (size_t)status.st_size == published_texts[state].size;
}

int published_beat(struct published_folder *folder, enum published_state state, char reason[PUBLISHED_REASON_MAX])
{
	const struct published_text *text = &published_texts[state];
	const struct published_bytes bytes = {text->text, text->size, PUBLISHED_FOR_ALL};
	int result = check_place(folder, reason);

	if (result < 0)
		return result;
	if (says(folder, state) && utimensat(folder->root, PUBLISHED_ALIVE, NULL, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	unlinkat(folder->root, PUBLISHED_ALIVE, AT_REMOVEDIR); /* where somebody made it a directory */
	if (published_replace(folder->root, PUBLISHED_TEMPORARY, PUBLISHED_ALIVE, &bytes) < 0)
		return published_fail_errno(folder, reason, "write", PUBLISHED_ALIVE);
	return 0;
}

void published_stop(struct published_folder *folder)
{
	unlinkat(folder->root, PUBLISHED_ALIVE, 0);
}
