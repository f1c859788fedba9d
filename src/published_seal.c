/*
 * Sealing the daemon's directories: what says to readers that all is there which should be, and breaks by itself where
 * anybody else adds or removes something; see published.h. Called by published_write.c and watch/publisher.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "published_folder.h"

#include "published.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool published_is_sealed(const struct published_folder *folder, const char *name)
{
	struct stat status;

	return fstatat(folder->services, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode) &&
	       status.st_mtim.tv_sec == PUBLISHED_SEAL && status.st_mtim.tv_nsec == 0;
}

/* Sets the time of change: to the seal, or to now. -1 and errno. */
static int set_seal(const struct published_folder *folder, const char *name, bool whole)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}};

	if (whole)
		times[1] = (struct timespec){.tv_sec = PUBLISHED_SEAL};
	return utimensat(folder->services, name, times, AT_SYMLINK_NOFOLLOW);
}

void published_reseal(const struct published_folder *folder, const char *name, bool was_sealed)
{
	if (was_sealed)
		set_seal(folder, name, true);
}

int published_make_namespace(const struct published_folder *folder, const char *name)
{
	bool sealed = published_is_sealed(folder, ".");

	if (published_make_folder(folder, name) < 0)
		return -1;
	/* Where others changed services/, it may be one that they removed with all that was in it. */
	published_reseal(folder, name, sealed && folder->sealed && scope_holds(&folder->scope, name));
	published_reseal(folder, ".", sealed);
	return 0;
}

/* Whether it is a namespace's directory, and not the link `service`; not all file systems say so in the list. */
static bool is_namespace(const struct published_folder *folder, const struct dirent *entry)
{
	struct stat status;

	if (!name_is_label(entry->d_name) || entry->d_type != DT_UNKNOWN)
		return name_is_label(entry->d_name) && entry->d_type == DT_DIR;
	return fstatat(folder->services, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
}

/* Calls `visit` for every namespace's directory until it returns other than 0; that, or a negative errno. */
static int each_namespace(const struct published_folder *folder,
                          int (*visit)(const struct published_folder *folder, const char *name))
{
	int descriptor = openat(folder->services, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;
	DIR *names = descriptor < 0 ? NULL : fdopendir(descriptor);

	if (names == NULL) {
		result = -errno;
		if (descriptor >= 0)
			close(descriptor);
		return result;
	}
	for (struct dirent *entry; result == 0 && (entry = readdir(names)) != NULL;)
		if (is_namespace(folder, entry))
			result = visit(folder, entry->d_name);
	closedir(names);
	return result;
}

static int seal_namespace(const struct published_folder *folder, const char *name)
{
	bool whole = scope_holds(&folder->scope, name);

	if (whole == published_is_sealed(folder, name))
		return 0;
	return set_seal(folder, name, whole) < 0 ? -errno : 0;
}

int published_seal(struct published_folder *folder, const struct scope *scope, char reason[PUBLISHED_REASON_MAX])
{
	struct scope copy;

	if (scope_copy(scope, &copy) < 0)
		return published_fail(reason, -ENOMEM, "out of memory");
	scope_done(&folder->scope);
	folder->scope = copy;
	folder->sealed = true;
	for (size_t i = 0; i < copy.count; i++)
		if (published_make_folder(folder, copy.names[i]) < 0 && errno != EEXIST)
			return published_fail_errno(folder, reason, "make services", copy.names[i]);
	int result = each_namespace(folder, seal_namespace);
	if (result == 0 && set_seal(folder, ".", true) < 0)
		result = -errno;
	if (result < 0) {
		errno = -result;
		return published_fail_errno(folder, reason, "seal", PUBLISHED_SERVICES);
	}
	return 0;
}

/* 1 where a directory that should be sealed is not. */
static int is_broken(const struct published_folder *folder, const char *name)
{
	return scope_holds(&folder->scope, name) && !published_is_sealed(folder, name);
}

int published_check_seals(const struct published_folder *folder)
{
	int result = folder->sealed && !published_is_sealed(folder, ".") ? 1 : 0;

	if (result == 0 && folder->sealed)
		result = each_namespace(folder, is_broken);
	return result == 1 ? -ESTALE : result;
}
