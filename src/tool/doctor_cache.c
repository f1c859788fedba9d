/*
 * The doctor on the cache, which serves without the daemon: can this user keep answers; see doctor.h. Called by doctor.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cache.h"
#include "tool/doctor.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* The directory of all users: who may remove another's directory in it takes his cache away. */
static bool check_users(struct doctor *doctor)
{
	struct stat status;
	enum doctor_state state = doctor->daemon_lives ? DOCTOR_NOTE : DOCTOR_FAULT;

	if (lstat(CACHE_USERS, &status) < 0)
		doctor_say(doctor, state, "cache", "systemd-tmpfiles --create, or: install -d -m 1777 " CACHE_USERS,
		           CACHE_USERS ": %s: without the daemon each lookup asks Nomad, and none has an answer while it is away",
		           strerror(errno));
	else if (!S_ISDIR(status.st_mode) || status.st_uid != 0)
		doctor_say(doctor, DOCTOR_FAULT, "cache", "find out which user made it; then: rm -r " CACHE_USERS "; systemd-tmpfiles --create",
		           CACHE_USERS " is not a directory of root's");
	else if ((status.st_mode & S_IWOTH) != 0 && (status.st_mode & S_ISVTX) == 0)
		doctor_say(doctor, DOCTOR_FAULT, "cache", "chmod 1777 " CACHE_USERS, CACHE_USERS " has mode %04o: every user may "
		           "take the others' caches away", (unsigned int)(status.st_mode & 07777));
	else
		return true;
	return false;
}

void doctor_cache(struct doctor *doctor)
{
	struct cache cache;
	enum doctor_state state = doctor->daemon_lives ? DOCTOR_NOTE : DOCTOR_FAULT;

	if (!check_users(doctor))
		return;
	cache_init(&cache, CACHE_DIR, CACHE_RUN, "", &(struct origin){0});
	int error = cache_choose(&cache, true);
	if (error == 0 && cache.chosen == 0)
		doctor_say(doctor, DOCTOR_OK, "cache", NULL, "answers are kept in %s", cache.folders[0]);
	else if (error == 0)
		doctor_say(doctor, DOCTOR_NOTE, "cache", "let root remove what is in the way", "answers are kept in %s, for the "
		           "directories of %s cannot be had or are not this user's alone", cache.folders[1], cache.folders[0]);
	else if (error == -EPERM)
		doctor_say(doctor, state, "cache", "let root remove it", "the directory that holds %s is not this user's alone, so "
		           "nothing is kept in it", cache.folders[0]);
	else
		doctor_say(doctor, state, "cache", error == -ENOENT ? "systemd-tmpfiles --create" : "chmod 1777 " CACHE_USERS,
		           "answers cannot be kept in %s: %s", cache.folders[0], strerror(-error));
}
