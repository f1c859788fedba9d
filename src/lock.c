/*
 * The locks of those who ask Nomad; see lock.h. Called by lookup.c, which looks, and by nomad-lookup, which takes them.
 *
 * SPDX-License-Identifier: MIT
 */
#include "lock.h"

#include "bytes.h"
#include "deadline.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	MODE = S_IRUSR | S_IWUSR,
	FLAGS = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
	WAIT_FIRST = 1, /* milliseconds between two looks at a lock, doubled each time ... */
	WAIT_MOST = 16, /* ... up to these */
};

/* A lock as it is found. */
struct look {
	bool held;
	bool over;     /* its holder had to be done by now */
	int64_t limit; /* of its holder, milliseconds; 0 where it does not say */
};

void lock_write(uint8_t octets[LOCK_SIZE], uint32_t limit, int64_t until)
{
	struct writer writer;

	writer_init(&writer, octets, LOCK_SIZE);
	writer_u32(&writer, limit);
	writer_u64(&writer, (uint64_t)until);
}

void lock_say(int lock, uint32_t limit, int64_t until)
{
	uint8_t octets[LOCK_SIZE];

	lock_write(octets, limit, until);
	if (pwrite(lock, octets, sizeof octets, 0) < 0)
		return; /* then others wait as long as is usual */
}

static int take_at(int folder, const char *path, int flags)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int lock = openat(folder, path, O_RDWR | flags | FLAGS, MODE);

	if (lock < 0)
		return -errno;
	if (fcntl(lock, F_OFD_SETLK, &whole) == 0)
		return lock;
	int error = errno == EACCES || errno == EAGAIN ? EWOULDBLOCK : errno;
	close(lock);
	return -error;
}

int lock_take(const char *path, uint32_t limit, int64_t until)
{
	int lock = take_at(AT_FDCWD, path, O_CREAT);

	if (lock >= 0)
		lock_say(lock, limit, until);
	return lock;
}

void lock_remove(int folder, const char *name)
{
	int lock = take_at(folder, name, 0);
	struct stat status;

	if (lock < 0)
		return;
	/* What another process has removed: what has its name by now is somebody's. */
	if (fstat(lock, &status) == 0 && status.st_nlink > 0)
		unlinkat(folder, name, 0);
	close(lock);
}

bool lock_is(int descriptor, const char *path)
{
	struct stat opened, named;

	return fstat(descriptor, &opened) == 0 && lstat(path, &named) == 0 && opened.st_dev == named.st_dev &&
	       opened.st_ino == named.st_ino;
}

/* Reads what an open lock's file says. A time that is further away than any limit is no holder's own. */
static void read_times(int lock, struct look *look)
{
	uint8_t octets[LOCK_SIZE];
	struct reader reader;
	int64_t now = deadline_now();

	if (pread(lock, octets, sizeof octets, 0) != sizeof octets)
		return;
	reader_init(&reader, octets, sizeof octets);
	uint32_t limit = reader_u32(&reader);
	int64_t until = (int64_t)reader_u64(&reader);
	if (limit > LOCK_LIMIT_MOST || until > now + LOCK_LIMIT_MOST)
		return;
	look->limit = limit;
	look->over = now > until + LOCK_GRACE;
}

static struct look look_at(const char *path, bool times)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct look look = {0};
	int lock = open(path, O_RDONLY | FLAGS);

	if (lock < 0)
		return look;
	look.held = fcntl(lock, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
	if (look.held && times)
		read_times(lock, &look);
	close(lock);
	return look;
}

bool lock_is_held(const char *path)
{
	return look_at(path, false).held;
}

static void sleep_for(long milliseconds)
{
	nanosleep(&(struct timespec){.tv_nsec = milliseconds * 1000000}, NULL);
}

/* A holder that has just taken a lock has not said its time yet, and the last one's stands there: hence the second look. */
bool lock_break(const char *path)
{
	if (!look_at(path, true).over)
		return false;
	sleep_for(WAIT_MOST);
	struct look again = look_at(path, true);
	return again.held && again.over && unlink(path) == 0;
}

int lock_wait(const char *path, int64_t started, int64_t limit)
{
	for (long wait = WAIT_FIRST;; wait = wait * 2 > WAIT_MOST ? WAIT_MOST : wait * 2) {
		struct look look = look_at(path, true);
		if (!look.held || (look.over && lock_break(path)))
			return 0;
		if (deadline_left(started + (look.limit > 0 ? look.limit : limit)) <= 0)
			return -ETIMEDOUT;
		sleep_for(wait);
	}
}
