/*
 * Opening a file without following another user's links; see beneath.h. Called by published.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "beneath.h"

#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* One name of a walk: a directory that is only passed through, or the file. Closes `at`. */
static int step(int at, const char *name, int flags)
{
	int descriptor = openat(at, name, flags);
	int error = errno;

	/* O_NOFOLLOW says of a link that it is no directory. */
	if (descriptor < 0 && error == ENOTDIR) {
		struct stat status;
		if (fstatat(at, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode))
			error = ELOOP;
	}
	close(at);
	return descriptor < 0 ? -error : descriptor;
}

/* Name by name: what every kernel and every filter allows. */
__attribute__((noinline)) static int walk(const char *dir, const char *below)
{
	enum { PASS = O_PATH | O_DIRECTORY | O_CLOEXEC };
	char path[PLACE_MAX - PLACE_FOLDER_MAX], *name = path;
	int descriptor = open(dir, PASS);

	if (descriptor < 0)
		return -errno;
	strcpy(path, below);
	for (char *slash; descriptor >= 0 && (slash = strchr(name, '/')) != NULL; name = slash + 1) {
		*slash = '\0';
		descriptor = step(descriptor, name, PASS | O_NOFOLLOW);
	}
	return descriptor < 0 ? descriptor : step(descriptor, name, PLACE_OPEN_FLAGS);
}

/* All at once; glibc has no function for it. */
__attribute__((noinline)) static int open_whole(const char *dir, const char *below)
{
	const struct open_how how = {.flags = PLACE_OPEN_FLAGS, .resolve = RESOLVE_NO_SYMLINKS};
	char path[PLACE_MAX];

	stpcpy(stpcpy(stpcpy(path, dir), "/"), below);
	long descriptor = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
	return descriptor < 0 ? -errno : (int)descriptor;
}

int beneath_open(const char *dir, const char *below)
{
	int descriptor = open_whole(dir, below);

	return descriptor >= 0 || descriptor == -ENOENT || descriptor == -ENOTDIR ? descriptor : walk(dir, below);
}
