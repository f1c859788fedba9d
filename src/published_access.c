/*
 * Whose the published services are to read: the mode and the group of their files and directories; see published_folder.h.
 * Called by published_write.c and published_seal.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "published_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { BELOW = 2 }; /* services/NAMESPACE/SERVICE */

/* A directory is searched by those who may read it. */
static mode_t folder_mode(const struct published_access *access)
{
	return access->mode | S_IXUSR | (access->mode & (S_IRGRP | S_IROTH)) >> 2;
}

static bool has_group(const struct published_access *access)
{
	return access->group != (gid_t)-1;
}

static int give(const struct published_folder *folder, int at, const char *name)
{
	return fchownat(at, name, (uid_t)-1, folder->access.group, AT_SYMLINK_NOFOLLOW);
}

int published_make_folder(const struct published_folder *folder, const char *name)
{
	if (mkdirat(folder->services, name, folder_mode(&folder->access)) < 0)
		return -1;
	if (!has_group(&folder->access) || give(folder, folder->services, name) == 0)
		return 0;
	int error = errno;
	unlinkat(folder->services, name, AT_REMOVEDIR);
	errno = error;
	return -1;
}

/* First nobody may read any more who should not, then the group may. 1 for a directory, 0 for others, -1 and errno. */
static int set_one(const struct published_folder *folder, int at, const char *name)
{
	const struct published_access *access = &folder->access;
	struct stat status;

	if (fstatat(at, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode))
		return 0;
	mode_t mode = S_ISDIR(status.st_mode) ? folder_mode(access) : access->mode;
	if ((status.st_mode & ALLPERMS) != mode && fchmodat(at, name, mode, 0) < 0)
		return -1;
	if (has_group(access) && status.st_gid != access->group && give(folder, at, name) < 0)
		return -1;
	return S_ISDIR(status.st_mode);
}

/* All in a directory, and in those in it: 0, or -1 and errno. */
static int set_all(const struct published_folder *folder, int at, const char *name, int depth)
{
	int descriptor = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), result = 0;
	DIR *names = descriptor < 0 ? NULL : fdopendir(descriptor);

	if (names == NULL) {
		if (descriptor >= 0)
			close(descriptor);
		return -1;
	}
	for (struct dirent *entry; result == 0 && (entry = readdir(names)) != NULL;) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		result = set_one(folder, dirfd(names), entry->d_name);
		if (result == 1)
			result = depth < BELOW ? set_all(folder, dirfd(names), entry->d_name, depth + 1) : 0;
	}
	int error = errno;
	closedir(names);
	errno = error;
	return result;
}

int published_set_access(const struct published_folder *folder, char reason[PUBLISHED_REASON_MAX])
{
	if (set_one(folder, folder->services, ".") >= 0 && set_all(folder, folder->services, ".", 1) == 0)
		return 0;
	if (errno != EPERM || !has_group(&folder->access))
		return published_fail_errno(folder, reason, "set the mode and group of", PUBLISHED_SERVICES);
	return published_fail(reason, -EPERM, "cannot give %s/%s to group %u: the daemon's user is no member of it; make it one "
	                      "(SupplementaryGroups= in its unit), or correct publish-group in the section [daemon]", folder->dir,
	                      PUBLISHED_SERVICES, (unsigned int)folder->access.group);
}
