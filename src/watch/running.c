/*
 * Whether a daemon runs; see running.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watch/running.h"

#include "published_write.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static const ino_t first_namespace = 0xEFFFFFFC; /* of processes: the kernel's PROC_PID_INIT_INO */

/* The last number of "NSpid:\t12\t3": how a process is called in its own namespace. 0 where it may not be seen. */
static int64_t own_pid(int64_t pid)
{
	char path[64], line[512];
	int64_t own = 0;

	snprintf(path, sizeof path, "/proc/%" PRId64 "/status", pid);
	FILE *file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		if (strncmp(line, "NSpid:", 6) == 0)
			sscanf(strrchr(line, '\t') == NULL ? "" : strrchr(line, '\t'), "%" SCNd64, &own);
	if (file != NULL)
		fclose(file);
	return own;
}

/* Whether no process is hidden from this one, and so no lock that one holds. */
static bool sees_all(void)
{
	struct stat status;

	return stat("/proc/self/ns/pid", &status) == 0 && status.st_ino == first_namespace;
}

/*
 * Looks in /proc/locks: "1: FLOCK  ADVISORY  WRITE 1234 00:19:56 0 EOF". Some file systems (btrfs, overlay) call their
 * device otherwise there than stat() does; a lock on that inode may then be this one, or not.
 */
static struct running look_among_locks(const struct stat *lock)
{
	struct running running = {RUNNING_UNKNOWN, 0, 0};
	FILE *file = fopen("/proc/locks", "re");
	bool doubtful = file == NULL || !sees_all();
	unsigned int major, minor;
	char line[256];
	uint64_t inode;
	int64_t pid;

	while (file != NULL && running.state == RUNNING_UNKNOWN && fgets(line, sizeof line, file) != NULL) {
		if (sscanf(line, "%*d: FLOCK %*s WRITE %" SCNd64 " %x:%x:%" SCNu64, &pid, &major, &minor, &inode) != 4 ||
		    inode != lock->st_ino)
			continue;
		if (makedev(major, minor) == lock->st_dev)
			running = (struct running){RUNNING_YES, pid > 0 ? pid : 0, pid > 0 ? own_pid(pid) : 0};
		else
			doubtful = true;
	}
	if (file != NULL)
		fclose(file);
	if (running.state == RUNNING_UNKNOWN && !doubtful)
		running.state = RUNNING_NO;
	return running;
}

/* Tries to lock the file. A daemon that starts in this very moment tries again, see published_write.c. */
static enum running_state try_lock(const char *path)
{
	int descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	enum running_state state = RUNNING_UNKNOWN;

	if (descriptor < 0)
		return state;
	if (flock(descriptor, LOCK_SH | LOCK_NB) == 0)
		state = RUNNING_NO;
	else if (errno == EWOULDBLOCK)
		state = RUNNING_YES;
	close(descriptor);
	return state;
}

struct running running_look(const char *dir)
{
	struct running running = {RUNNING_UNKNOWN, 0, 0};
	char path[PATH_MAX];
	struct stat status;

	snprintf(path, sizeof path, "%s/" PUBLISHED_LOCK, dir);
	if (lstat(path, &status) < 0) {
		running.state = errno == ENOENT || errno == ENOTDIR ? RUNNING_NO : RUNNING_UNKNOWN;
		return running;
	}
	if (!S_ISREG(status.st_mode))
		return running;
	running = look_among_locks(&status);
	if (running.state == RUNNING_UNKNOWN)
		running.state = try_lock(path);
	return running;
}

bool running_names(const char *dir, char *reason, size_t size)
{
	struct running running = running_look(dir);
	char process[32] = "";

	if (running.state != RUNNING_YES)
		return false;
	if (running.pid != 0)
		snprintf(process, sizeof process, " (process %" PRId64 ")", running.pid);
	snprintf(reason, size, "another nomad-dns-srv runs%s and publishes in %s; stop it (systemctl status nomad-dns-srv), or choose "
	         "another --publish directory", process, dir);
	return true;
}
