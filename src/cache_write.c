/*
 * Filling the user's cache; see cache_write.h. Called by nomad-lookup, once Nomad has answered or has not.
 *
 * A record's modification time is set to the end of its usefulness, so that pruning reads no file. A link has that of
 * the record that is of use longest: what cleans by age (share/tmpfiles.d) would otherwise take the link and leave the record.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cache_write.h"

#include "deadline.h"
#include "file.h"
#include "lock.h"
#include "place.h"
#include "text.h"
#include "wall.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	MODE = S_IRUSR | S_IWUSR,
	TEMPORARY_MAX = 32,   /* octets with the NUL */
	WAIT_FIRST = 4,       /* milliseconds between two looks at the places, doubled each time ... */
	WAIT_MOST = 32,       /* ... up to these */
	PRUNE_ONE_IN = 64,    /* stores */
};

static uint64_t random_number(void)
{
	uint64_t number = 0;

	if (getrandom(&number, sizeof number, GRND_NONBLOCK) < 0)
		number = (uint64_t)deadline_now() ^ (uint64_t)getpid() << 32;
	return number;
}

int cache_open(struct cache *cache)
{
	struct stat status;
	int result = cache_choose(cache, true);

	if (result < 0)
		return result;
	int descriptor = open(cache->folders[cache->chosen], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (descriptor < 0)
		return -errno;
	if (fstat(descriptor, &status) < 0 || status.st_uid != cache->user) {
		close(descriptor);
		return -EPERM;
	}
	cache->descriptor = descriptor;
	return 0;
}

void cache_close(struct cache *cache)
{
	close(cache->descriptor);
	cache->descriptor = -1;
}

/* Makes the directories on the way to a path, as far as they are missing; that they could not be made shows later. */
static void make_folders(const struct cache *cache, char *path)
{
	for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdirat(cache->descriptor, path, S_IRWXU);
		*slash = '/';
	}
}

/* A name of our own, beside which nothing else is called so; cache_prune() knows it by its end. */
static void name_temporary(char temporary[TEMPORARY_MAX])
{
	snprintf(temporary, TEMPORARY_MAX, ".%016" PRIx64 ".tmp", random_number());
}

/* Writes a file under another name and renames it, whatever stood there: an empty folder, a link, somebody's file. */
static int replace_file(const struct cache *cache, char *path, const void *bytes, size_t size, int64_t until)
{
	char temporary[TEMPORARY_MAX];
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = until}};

	make_folders(cache, path);
	name_temporary(temporary);
	int descriptor = openat(cache->descriptor, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, MODE);
	if (descriptor < 0)
		return -errno;
	int result = file_write(descriptor, bytes, size);
	if (result == 0 && until != 0 && futimens(descriptor, times) < 0)
		result = -errno;
	if (close(descriptor) < 0 && result == 0)
		result = -errno;
	if (result == 0 && renameat(cache->descriptor, temporary, cache->descriptor, path) < 0) {
		result = -errno;
		if (result == -EISDIR && unlinkat(cache->descriptor, path, AT_REMOVEDIR) == 0)
			result = renameat(cache->descriptor, temporary, cache->descriptor, path) < 0 ? -errno : 0;
	}
	if (result < 0)
		unlinkat(cache->descriptor, temporary, 0);
	return result;
}

/* For file systems that cannot exchange (NFS, ZFS before 2.2). Locks in it stay held; cache_prune() removes it. */
static void move_folder_away(const struct cache *cache, const char *path)
{
	char temporary[TEMPORARY_MAX];
	struct stat status;

	if (fstatat(cache->descriptor, path, &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(status.st_mode))
		return;
	name_temporary(temporary);
	renameat(cache->descriptor, path, cache->descriptor, temporary);
}

/* When a record is of no more use, in seconds since 1970. */
static int64_t end_of(const struct record *record)
{
	uint64_t seconds = record->ttl + (record->verdict == VERDICT_FOUND ? record->max_stale : 0);

	return (int64_t)(record->made / 1000 + seconds) + 1;
}

/* Has a link lead to its target. */
static int point(const struct cache *cache, char *path, const char *target)
{
	char stands[PLACE_MAX] = "", temporary[TEMPORARY_MAX];

	if (readlinkat(cache->descriptor, path, stands, sizeof stands - 1) > 0 && strcmp(stands, target) == 0)
		return 0;
	make_folders(cache, path);
	name_temporary(temporary);
	if (symlinkat(target, cache->descriptor, temporary) < 0)
		return -errno;
	/* A lookup before the first answer has made a folder there, for its lock: the two change places. */
	int result = renameat2(cache->descriptor, temporary, cache->descriptor, path, RENAME_EXCHANGE) < 0 ? -errno : 0;
	if (result == -EINVAL || result == -ENOSYS) {
		move_folder_away(cache, path);
		result = -ENOENT;
	}
	if (result == -ENOENT && renameat(cache->descriptor, temporary, cache->descriptor, path) == 0)
		return 0;
	unlinkat(cache->descriptor, temporary, 0);
	return result;
}

/* Makes a link's time later, never earlier: another record that it leads to may be of use longer. */
static int keep_until(const struct cache *cache, const char *path, int64_t until)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = until}};
	struct stat status;

	if (fstatat(cache->descriptor, path, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (status.st_mtim.tv_sec >= until)
		return 0;
	return utimensat(cache->descriptor, path, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int set_link(const struct cache *cache, const char *link, const char *target, int64_t until)
{
	char path[PLACE_MAX];

	strcpy(path, link);
	int result = point(cache, path, target);
	return result < 0 ? result : keep_until(cache, path, until);
}

int cache_set_links(const struct cache *cache, const char *default_namespace, enum name_reading reading,
                    const struct record *record)
{
	char lowered[NAME_LABEL_MAX + 1];
	struct stat status;

	if (strlen(default_namespace) > NAME_LABEL_MAX)
		return -ENAMETOOLONG;
	text_lower(default_namespace, lowered);
	int result = set_link(cache, NAME_DEFAULT_NAMESPACE, lowered, end_of(record));
	if (result < 0)
		return result;
	if (reading == NAME_SERVICE_LABEL)
		return set_link(cache, PLACE_SERVICE_LABEL, ".", end_of(record));
	if (fstatat(cache->descriptor, PLACE_SERVICE_LABEL, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode))
		unlinkat(cache->descriptor, PLACE_SERVICE_LABEL, 0);
	return 0;
}

/* The name that a record is for, read plainly: its place has no alias in it. */
static struct name name_of(const struct record *record)
{
	return (struct name){.kind = NAME_SERVICE, .key = record->key};
}

/* The path of a failure's mark in the directory; NULL: of the agent's. */
static void failed_path(const struct cache *cache, const struct name *name, char *path)
{
	char suffix[PLACE_SUFFIX_MAX];

	cache_suffix(cache, CACHE_FAILED, suffix);
	if (name == NULL)
		strcpy(path, suffix);
	else
		place_of("", name, suffix, path);
}

static void forget_failure(const struct cache *cache, const struct name *name)
{
	char path[PLACE_MAX];

	failed_path(cache, name, path);
	unlinkat(cache->descriptor, path, 0);
	failed_path(cache, NULL, path);
	unlinkat(cache->descriptor, path, 0);
}

int cache_store(const struct cache *cache, const struct record *record)
{
	struct name name = name_of(record);
	char path[PLACE_MAX];
	uint8_t *bytes;
	size_t size;
	int result = record_encode(record, &bytes, &size);

	if (result < 0)
		return result;
	place_of("", &name, "", path);
	result = replace_file(cache, path, bytes, size, end_of(record));
	free(bytes);
	if (result == 0)
		forget_failure(cache, &name);
	if (random_number() % PRUNE_ONE_IN == 0)
		cache_prune(cache);
	return result;
}

int cache_fail(const struct cache *cache, const struct name *name, const char *reason)
{
	char path[PLACE_MAX];

	failed_path(cache, name, path);
	return replace_file(cache, path, reason, strlen(reason), 0);
}

static int read_failure(const struct cache *cache, const char *path, char reason[CACHE_REASON_MAX], int64_t *age)
{
	struct stat status;
	int descriptor = openat(cache->descriptor, path, PLACE_OPEN_FLAGS);

	if (descriptor < 0)
		return -ENOENT;
	ssize_t count = read(descriptor, reason, CACHE_REASON_MAX - 1);
	int failed = fstat(descriptor, &status);
	close(descriptor);
	if (failed < 0 || count < 0)
		return -ENOENT;
	reason[count] = '\0';
	*age = wall_age(&status);
	return 0;
}

int cache_failure(const struct cache *cache, const struct name *name, char reason[CACHE_REASON_MAX], int64_t *age)
{
	char path[PLACE_MAX];

	failed_path(cache, name, path);
	if (read_failure(cache, path, reason, age) == 0)
		return 0;
	failed_path(cache, NULL, path);
	return read_failure(cache, path, reason, age);
}

/* One of the places, if it is free; -EWOULDBLOCK if not. */
static int try_place(const struct cache *cache, uint64_t number, uint32_t limit, int64_t deadline)
{
	char path[PLACE_MAX], suffix[PLACE_SUFFIX_MAX], place[] = "-0" CACHE_LOCK;

	place[1] = (char)('0' + number % CACHE_CONNECTIONS_MAX);
	cache_suffix(cache, place, suffix);
	stpcpy(stpcpy(stpcpy(path, cache->folders[cache->chosen]), "/"), suffix);
	int taken = lock_take(path, limit, deadline);
	return taken == -EWOULDBLOCK && lock_break(path) ? lock_take(path, limit, deadline) : taken;
}

int cache_take_place(const struct cache *cache, uint32_t limit, int64_t deadline)
{
	uint64_t first = random_number();
	long wait = WAIT_FIRST;

	for (;;) {
		for (uint64_t i = 0; i < CACHE_CONNECTIONS_MAX; i++) {
			int place = try_place(cache, first + i, limit, deadline);
			if (place != -EWOULDBLOCK)
				return place;
		}
		if (deadline_left(deadline) == 0)
			return -ETIMEDOUT;
		nanosleep(&(struct timespec){.tv_nsec = wait * 1000000}, NULL);
		wait = wait * 2 > WAIT_MOST ? WAIT_MOST : wait * 2;
	}
}
