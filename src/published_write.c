/*
 * Writing the daemon's files; see published_write.h. Called by watch/publisher.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "published_write.h"

#include "file.h"
#include "place.h"
#include "published.h"
#include "published_folder.h"
#include "record_layout.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

int published_fail(char reason[PUBLISHED_REASON_MAX], int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason, PUBLISHED_REASON_MAX, format, arguments);
	va_end(arguments);
	return error;
}

int published_fail_errno(const struct published_folder *folder, char reason[PUBLISHED_REASON_MAX], const char *doing,
                         const char *name)
{
	int error = errno;
	const char *advice = error == ENOSPC || error == EDQUOT ? "; make room there"
	                   : error == EROFS                     ? "; mount it writable, or choose another --publish directory"
	                   : error == EACCES || error == EPERM  ? "; make a directory that is the daemon's alone"
	                                                        : "";

	return published_fail(reason, -error, "cannot %s %s/%s: %s%s", doing, folder->dir, name, strerror(error), advice);
}

/* Opens a folder, made where it is missing. */
static int open_folder(int at, const char *path)
{
	if (mkdirat(at, path, FOLDER_MODE) < 0 && errno != EEXIST)
		return -1;
	return openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* A look at whether a daemon runs may hold the lock for a moment (watch/running.c): tried for a tenth of a second. */
static bool take_lock(int descriptor)
{
	for (int tries = 10; flock(descriptor, LOCK_EX | LOCK_NB) < 0; tries--) {
		if (errno != EWOULDBLOCK || tries == 0)
			return false;
		nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
	}
	return true;
}

static int lock_folder(struct published_folder *folder, char reason[PUBLISHED_REASON_MAX])
{
	/* Not for writing, or the file system could not be made read-only while the daemon runs. */
	folder->lock = openat(folder->root, PUBLISHED_LOCK, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (folder->lock < 0)
		return published_fail_errno(folder, reason, "open", PUBLISHED_LOCK);
	if (take_lock(folder->lock))
		return 0;
	if (errno != EWOULDBLOCK)
		return published_fail_errno(folder, reason, "lock", PUBLISHED_LOCK);
	return published_fail(reason, -EBUSY, "another nomad-dns-srv publishes in %s; stop it or choose another --publish directory",
	            folder->dir);
}

static int open_parts(struct published_folder *folder, char reason[PUBLISHED_REASON_MAX])
{
	struct stat status;
	int result;

	folder->root = open_folder(AT_FDCWD, folder->dir);
	if (folder->root < 0 || fstat(folder->root, &status) < 0)
		return published_fail_errno(folder, reason, "open", "");
	result = published_check_owner(folder->dir, &status, reason);
	if (result == 0)
		result = lock_folder(folder, reason);
	if (result < 0)
		return result;
	folder->device = status.st_dev;
	folder->inode = status.st_ino;
	unlinkat(folder->root, PUBLISHED_TEMPORARY, 0);
	folder->services = open_folder(folder->root, PUBLISHED_SERVICES);
	if (folder->services < 0)
		return published_fail_errno(folder, reason, "open", PUBLISHED_SERVICES);
	return published_set_access(folder, reason);
}

int published_open(const struct published_layout *layout, struct published_folder **folder,
                   char reason[PUBLISHED_REASON_MAX])
{
	struct published_folder *opened;
	int result;

	if (strlen(layout->dir) >= PLACE_FOLDER_MAX - 16)
		return published_fail(reason, -ENAMETOOLONG, "%s is too long a path for --publish; at most %d characters are allowed",
		            layout->dir, PLACE_FOLDER_MAX - 17);
	opened = malloc(sizeof *opened);
	if (opened == NULL)
		return published_fail(reason, -ENOMEM, "out of memory");
	*opened = (struct published_folder){.root = -1, .lock = -1, .services = -1, .access = layout->access};
	strcpy(opened->dir, layout->dir);
	result = open_parts(opened, reason);
	if (result == 0)
		result = published_set_links(opened, layout, reason);
	if (result < 0)
		published_close(opened);
	else
		*folder = opened;
	return result;
}

static void close_if_open(int descriptor)
{
	if (descriptor >= 0)
		close(descriptor);
}

void published_close(struct published_folder *folder)
{
	if (folder == NULL)
		return;
	close_if_open(folder->services);
	close_if_open(folder->root);
	close_if_open(folder->lock);
	scope_done(&folder->scope);
	free(folder);
}

/* Makes the link, or replaces one that leads elsewhere; a folder in its place (a namespace of that name) goes. */
static int set_link(struct published_folder *folder, const char *name, const char *target,
                    char reason[PUBLISHED_REASON_MAX])
{
	char found[NAME_LABEL_MAX + 2];
	ssize_t size = readlinkat(folder->services, name, found, sizeof found);

	if (size == (ssize_t)strlen(target) && memcmp(found, target, (size_t)size) == 0)
		return 0;
	if (size < 0 && errno == EINVAL)
		published_remove_namespace(folder, name);
	unlinkat(folder->services, PUBLISHED_TEMPORARY, 0);
	if (symlinkat(target, folder->services, PUBLISHED_TEMPORARY) < 0 ||
	    renameat(folder->services, PUBLISHED_TEMPORARY, folder->services, name) < 0)
		return published_fail_errno(folder, reason, "make the link", name);
	return 0;
}

static int remove_link(struct published_folder *folder, const char *name, char reason[PUBLISHED_REASON_MAX])
{
	char found[NAME_LABEL_MAX + 2];

	if (readlinkat(folder->services, name, found, sizeof found) < 0 || unlinkat(folder->services, name, 0) == 0)
		return 0;
	return published_fail_errno(folder, reason, "remove the link", name);
}

void published_drop_empty(const struct published_folder *folder, const char *name)
{
	bool followed = !folder->scope.all && scope_holds(&folder->scope, name);
	bool sealed = published_is_sealed(folder, ".");

	/* With something in it this fails. */
	if (strcmp(name, folder->kept) != 0 && !followed && unlinkat(folder->services, name, AT_REMOVEDIR) == 0)
		published_reseal(folder, ".", sealed);
}

/* Keeps the default namespace's folder; the one kept before goes with the next look at all files, if it is empty. */
static int keep_namespace(struct published_folder *folder, const char *name, char reason[PUBLISHED_REASON_MAX])
{
	struct stat status;

	strcpy(folder->kept, name);
	if (name[0] == '\0')
		return 0;
	if (fstatat(folder->services, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(status.st_mode))
		unlinkat(folder->services, name, 0);
	if (published_make_folder(folder, name) == 0 || errno == EEXIST)
		return 0;
	return published_fail_errno(folder, reason, "make services", name);
}

int published_set_links(struct published_folder *folder, const struct published_layout *layout,
                        char reason[PUBLISHED_REASON_MAX])
{
	char target[NAME_LABEL_MAX + 1] = "";
	int result;

	if (published_make_folder(folder, PUBLISHED_DRAFTS) < 0 && errno != EEXIST)
		return published_fail_errno(folder, reason, "make", PUBLISHED_SERVICES "/" PUBLISHED_DRAFTS);
	if (strlen(layout->default_namespace) < sizeof target)
		text_lower(layout->default_namespace, target);
	result = target[0] == '\0' ? remove_link(folder, NAME_DEFAULT_NAMESPACE, reason)
	                           : set_link(folder, NAME_DEFAULT_NAMESPACE, target, reason);
	if (result < 0)
		return result;
	result = keep_namespace(folder, target, reason);
	if (result < 0)
		return result;
	return layout->reading == NAME_SERVICE_LABEL ? set_link(folder, PLACE_SERVICE_LABEL, ".", reason)
	                                             : remove_link(folder, PLACE_SERVICE_LABEL, reason);
}

/* Writes a new file at `temporary`, also where a killed daemon left one; -1 and errno. */
static int write_temporary(int at, const char *temporary, const struct published_bytes *bytes)
{
	enum { FLAGS = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC };
	const struct published_access *access = &bytes->access;
	int descriptor = openat(at, temporary, FLAGS, access->mode), result = 0;

	if (descriptor < 0 && errno == EEXIST && unlinkat(at, temporary, 0) == 0)
		descriptor = openat(at, temporary, FLAGS, access->mode);
	if (descriptor < 0)
		return -1;
	if (access->group != (gid_t)-1 && fchown(descriptor, (uid_t)-1, access->group) < 0)
		result = -errno;
	if (result == 0)
		result = file_write(descriptor, bytes->bytes, bytes->size);
	if (close(descriptor) < 0 && result == 0)
		result = -errno;
	if (result == 0)
		return 0;
	unlinkat(at, temporary, 0);
	errno = -result;
	return -1;
}

int published_replace(int at, const char *temporary, const char *path, const struct published_bytes *bytes)
{
	if (write_temporary(at, temporary, bytes) < 0)
		return -1;
	if (renameat(at, temporary, at, path) == 0)
		return 0;
	int error = errno;
	unlinkat(at, temporary, 0);
	errno = error;
	return -1;
}

/* Whether two records of the same size differ in nothing but when they were made, and so in the head's checksum. */
static bool is_same_record(const uint8_t *a, const uint8_t *b, size_t size)
{
	enum { MADE_AT = FIELDS_AT, MADE_END = FIELDS_AT + 16 }; /* by both clocks */

	return memcmp(a, b, HEAD_SUM_AT) == 0 && memcmp(a + BODY_SUM_AT, b + BODY_SUM_AT, MADE_AT - BODY_SUM_AT) == 0 &&
	       memcmp(a + MADE_END, b + MADE_END, size - MADE_END) == 0;
}

/* Whether the file holds this record already. */
static bool is_stored(const struct published_folder *folder, const char *path, const uint8_t *bytes, size_t size)
{
	int descriptor = openat(folder->services, path, PLACE_OPEN_FLAGS);
	struct stat status;
	uint8_t *found = NULL;
	bool same = false;

	if (descriptor < 0)
		return false;
	if (fstat(descriptor, &status) < 0 || !S_ISREG(status.st_mode) || (size_t)status.st_size != size ||
	    status.st_uid != geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		goto done;
	found = malloc(size);
	if (found != NULL && read(descriptor, found, size) == (ssize_t)size)
		same = is_same_record(found, bytes, size);
done:
	free(found);
	close(descriptor);
	return same;
}

/* The path of a record below services/, and of its namespace. */
struct record_paths {
	char folder[NAME_LABEL_MAX + 1];
	char file[2 * (NAME_LABEL_MAX + 1)];
};

static void set_paths(const struct service_key *key, struct record_paths *paths)
{
	text_lower(key->namespace, paths->folder);
	text_lower(key->service, stpcpy(stpcpy(paths->file, paths->folder), "/"));
}

/* The record takes its place; -1 and errno. */
static int put_record(struct published_folder *folder, const struct record_paths *paths, const uint8_t *bytes,
                      size_t size)
{
	bool sealed = published_is_sealed(folder, paths->folder);
	const struct published_bytes record = {bytes, size, folder->access};
	int result = published_replace(folder->services, PUBLISHED_DRAFT, paths->file, &record);

	if (result < 0 && errno == ENOENT) {
		published_make_namespace(folder, paths->folder);
		sealed = published_is_sealed(folder, paths->folder);
		result = published_replace(folder->services, PUBLISHED_DRAFT, paths->file, &record);
	}
	published_reseal(folder, paths->folder, sealed);
	return result;
}

int published_store(struct published_folder *folder, const struct record *record,
                    char reason[PUBLISHED_REASON_MAX])
{
	struct record_paths paths;
	uint8_t *bytes;
	size_t size;
	int result = record_encode(record, &bytes, &size);

	set_paths(&record->key, &paths);
	if (result < 0)
		return published_fail(reason, result, "cannot write %s/services/%s: %s", folder->dir, paths.file,
		            result == -E2BIG ? "the service has too many instances" : "out of memory");
	if (!is_stored(folder, paths.file, bytes, size) && put_record(folder, &paths, bytes, size) < 0)
		result = published_fail_errno(folder, reason, "write services", paths.file);
	free(bytes);
	return result;
}

int published_remove(struct published_folder *folder, const struct service_key *key,
                     char reason[PUBLISHED_REASON_MAX])
{
	struct record_paths paths;

	set_paths(key, &paths);
	bool sealed = published_is_sealed(folder, paths.folder);
	if (unlinkat(folder->services, paths.file, 0) < 0 && errno != ENOENT && errno != ENOTDIR)
		return published_fail_errno(folder, reason, "remove services", paths.file);
	published_reseal(folder, paths.folder, sealed);
	/* One whose seal somebody else broke stays, or what he removed there would seem never to have been. */
	if (sealed || !folder->sealed || !scope_holds(&folder->scope, paths.folder))
		published_drop_empty(folder, paths.folder);
	return 0;
}

bool published_has(const struct published_folder *folder, const struct service_key *key)
{
	struct record_paths paths;
	struct stat status;

	set_paths(key, &paths);
	return fstatat(folder->services, paths.file, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode);
}

int published_store_file(struct published_folder *folder, const char *name, const void *bytes, size_t size,
                         char reason[PUBLISHED_REASON_MAX])
{
	const struct published_bytes file = {bytes, size, PUBLISHED_FOR_ALL};

	if (published_replace(folder->root, PUBLISHED_TEMPORARY, name, &file) < 0)
		return published_fail_errno(folder, reason, "write", name);
	return 0;
}
