/*
 * The user's own cache, as the module uses it; see cache.h. Called by lookup.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cache.h"

#include "bytes.h"
#include "deadline.h"
#include "place.h"
#include "text.h"
#include "wall.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	OTHERS = S_IRWXG | S_IRWXO,
	WAIT_FIRST = 1, /* milliseconds between two looks at a lock, doubled each time ... */
	WAIT_MOST = 16, /* ... up to these */
};

static int open_folder(const char *path)
{
	int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return descriptor < 0 ? -errno : descriptor;
}

/*
 * Folders and locks are for us alone, whatever the mask that a program was started with: they outlive it.
 * glibc needs /proc for fchmodat() as it is called here; without it the mask has its way.
 */
static int make_folder(int at, const char *path)
{
	if (mkdirat(at, path, S_IRWXU) < 0)
		return -errno;
	return fchmodat(at, path, S_IRWXU, AT_SYMLINK_NOFOLLOW) < 0 && errno != EOPNOTSUPP ? -errno : 0;
}

int cache_open(const char *users, const char *cluster, bool create, struct cache *cache)
{
	char path[PLACE_MAX];
	struct stat status;
	uid_t user = geteuid();

	text_number(stpcpy(stpcpy(path, users), "/"), user);
	int descriptor = open_folder(path);
	if (descriptor == -ENOENT && create) {
		int made = make_folder(AT_FDCWD, path);
		descriptor = made < 0 && made != -EEXIST ? made : open_folder(path);
	}
	if (descriptor < 0)
		return descriptor;
	if (fstat(descriptor, &status) < 0 || status.st_uid != user || (status.st_mode & OTHERS) != 0) {
		close(descriptor);
		return -EPERM;
	}
	cache->descriptor = descriptor;
	cache->prefix[0] = '\0';
	if (cluster[0] != '\0')
		stpcpy(stpcpy(stpcpy(cache->prefix, "@"), cluster), "/");
	return 0;
}

void cache_close(struct cache *cache)
{
	close(cache->descriptor);
	cache->descriptor = -1;
}

int cache_find(const struct cache *cache, const struct name *name, struct record *record)
{
	char path[PLACE_MAX];

	place_of(cache->prefix, name, "", path);
	int descriptor = openat(cache->descriptor, path, PLACE_OPEN_FLAGS);
	if (descriptor < 0)
		return -errno;
	int result = record_read(descriptor, name, record);
	close(descriptor);
	return result;
}

static bool is_recent(const struct cache *cache, const char *path)
{
	struct stat status;

	if (fstatat(cache->descriptor, path, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	int64_t age = wall_age(&status);
	return age >= 0 && age < CACHE_FAILED_FOR;
}

bool cache_failed_recently(const struct cache *cache, const struct name *name)
{
	char path[PLACE_MAX];

	stpcpy(stpcpy(path, cache->prefix), CACHE_FAILED);
	if (is_recent(cache, path))
		return true;
	place_of(cache->prefix, name, CACHE_FAILED, path);
	return is_recent(cache, path);
}

void cache_make_folders(const struct cache *cache, char *path)
{
	for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		make_folder(cache->descriptor, path);
		*slash = '/';
	}
}

/* The lock's file, made where it is missing; a descriptor or a negative errno. */
static int open_or_make(int at, const char *path)
{
	enum { FLAGS = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, MODE = S_IRUSR | S_IWUSR };
	int descriptor = openat(at, path, FLAGS);

	if (descriptor < 0 && errno == ENOENT) {
		descriptor = openat(at, path, FLAGS | O_CREAT | O_EXCL, MODE);
		if (descriptor >= 0)
			fchmod(descriptor, MODE);
		else if (errno == EEXIST) /* somebody was faster */
			descriptor = openat(at, path, FLAGS);
	}
	return descriptor < 0 ? -errno : descriptor;
}

static int open_lock(const struct cache *cache, const struct name *name)
{
	char path[PLACE_MAX];

	place_of(cache->prefix, name, CACHE_LOCK, path);
	int descriptor = open_or_make(cache->descriptor, path);
	if (descriptor == -ENOENT) {
		cache_make_folders(cache, path);
		descriptor = open_or_make(cache->descriptor, path);
	}
	return descriptor;
}

/* What the last one that asked for this name had as its time, in milliseconds, as cache_say_limit() wrote it. */
static int64_t limit_said(int lock, int64_t otherwise)
{
	uint8_t octets[CACHE_LIMIT_SIZE];
	struct reader reader;

	if (pread(lock, octets, sizeof octets, 0) != sizeof octets)
		return otherwise;
	reader_init(&reader, octets, sizeof octets);
	uint32_t limit = reader_u32(&reader);
	return limit <= CACHE_LIMIT_MOST ? limit : otherwise;
}

/* Takes the descriptor over; it comes back locked, or a negative errno does. */
static int wait_for(int lock, int64_t started, int64_t limit)
{
	/* flock() has no time limit of its own, and a signal to end it would be seen by the host: so look, and look again. */
	for (long wait = WAIT_FIRST; flock(lock, LOCK_EX | LOCK_NB) < 0;
	     wait = wait * 2 > WAIT_MOST ? WAIT_MOST : wait * 2) {
		int error = errno;
		if (error == EWOULDBLOCK && deadline_left(started + limit_said(lock, limit)) <= 0)
			error = ETIMEDOUT;
		if (error != EWOULDBLOCK && error != EINTR) {
			close(lock);
			return -error;
		}
		nanosleep(&(struct timespec){.tv_nsec = wait * 1000000}, NULL);
	}
	return lock;
}

/* Whether a lock was pruned while somebody waited for it: who comes next makes another. */
static bool is_removed(int lock)
{
	struct stat status;

	return fstat(lock, &status) == 0 && status.st_nlink == 0;
}

int cache_lock(const struct cache *cache, const struct name *name, int64_t started, int64_t limit)
{
	for (;;) {
		int lock = open_lock(cache, name);
		if (lock >= 0)
			lock = wait_for(lock, started, limit);
		if (lock < 0 || !is_removed(lock))
			return lock;
		close(lock);
	}
}

void cache_unlock(int lock)
{
	flock(lock, LOCK_UN);
	close(lock);
}
