/*
 * Whether the helper's program may be run; see program.h. Called by helper.c, in the host's own process.
 *
 * SPDX-License-Identifier: MIT
 */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	OVERFLOW_USER = 65534, /* /proc/sys/kernel/overflowuid, as whom a user namespace shows users that it does not know */
	MAP_MAX = 64,          /* octets of a map that tells all users: "         0          0 4294967295\n" is one */
};

/* Whether this is a user namespace with fewer users than there are, so that a file may be nobody's it knows. */
static bool lacks_users(void)
{
	static const char all[] = "4294967295\n";
	char map[MAP_MAX];
	int descriptor = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);

	if (descriptor < 0)
		return false;
	ssize_t size = read(descriptor, map, sizeof map);
	close(descriptor);
	if (size < (ssize_t)sizeof all)
		return false;
	return memcmp(map + size - (sizeof all - 1), all, sizeof all - 1) != 0;
}

static bool is_owned_by(const struct stat *status, uid_t owner)
{
	return status->st_uid == owner || status->st_uid == 0 || (status->st_uid == OVERFLOW_USER && lacks_users());
}

/* Whether nobody but its owner can put another program in the place of one that is there. */
static int judge_directory(const char *path, uid_t owner)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return -errno;
	bool is_open = (status.st_mode & S_IWOTH) != 0 && (status.st_mode & S_ISVTX) == 0;
	return is_owned_by(&status, owner) && !is_open ? 0 : -EPERM;
}

__attribute__((noinline)) static int judge_way(const char *path, uid_t owner)
{
	char part[256];
	size_t length = strlen(path);
	int result = 0;

	if (length >= sizeof part)
		return -ENAMETOOLONG;
	for (size_t i = 0; i < length && result == 0; i++) {
		part[i] = path[i];
		if (path[i] != '/')
			continue;
		part[i + 1] = '\0';
		result = judge_directory(part, owner);
	}
	return result;
}

int program_open(const char *path, uid_t owner)
{
	struct stat status;
	int result = judge_way(path, owner);

	if (result < 0)
		return result;
	int descriptor = open(path, O_PATH | O_CLOEXEC);
	if (descriptor < 0)
		return -errno;
	if (fstat(descriptor, &status) < 0)
		result = -errno;
	else if (!S_ISREG(status.st_mode))
		result = -EACCES;
	else if (!is_owned_by(&status, owner) || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		result = -EPERM;
	if (result == 0)
		return descriptor;
	close(descriptor);
	return result;
}
