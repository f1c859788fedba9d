/*
 * The lock of a name, or of one of the user's connections: a file that is locked by whoever asks Nomad, and by nobody
 * else. The helper alone holds it (helper_child.c takes it), so that no program that is stopped, forks or jumps out of
 * its lookup holds others up; those look at it, without holding anything. And it says until when its holder may take: one
 * that is over its time, stopped or frozen, loses it.
 *
 * The locks are those of open files (F_OFD_SETLK), which can be looked at. They go with the process.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_LOCK_H
#define NSS_NOMAD_LOCK_H

#include <stdbool.h>
#include <stdint.h>

enum {
	LOCK_SIZE = 12,          /* octets in a lock's file: the holder's limit u32, until when it may take u64, network order */
	LOCK_LIMIT_MOST = 60000, /* milliseconds that are believed */
	LOCK_GRACE = 300,        /* milliseconds over its time, in which a holder reports its failure */
};

/* What stands in a lock's file. `limit` is the holder's timeout, `until` is by deadline_now(). */
void lock_write(uint8_t octets[LOCK_SIZE], uint32_t limit, int64_t until);

/*
 * Takes a lock, and its file says until when. The descriptor, whose closing gives the lock back; -EWOULDBLOCK where
 * another process holds it, or another negative errno where there can be no lock. Any thread. Changes errno.
 */
int lock_take(const char *path, uint32_t limit, int64_t until);

/* Says it anew, of a lock that is held. */
void lock_say(int lock, uint32_t limit, int64_t until);

/* Whether a descriptor is of that lock's file. */
bool lock_is(int descriptor, const char *path);

/* Whether another process holds the lock. At most three system calls. Any thread. Changes errno. */
bool lock_is_held(const char *path);

/*
 * Waits, with nothing open meanwhile, until no process holds the lock. One whose holder is over its time is removed.
 *
 * started  when the lookup began, by deadline_now()
 * limit    milliseconds from then that the wait may take, unless the lock's file has its holder's own
 *
 * 0, or -ETIMEDOUT. Any thread. Changes errno.
 */
int lock_wait(const char *path, int64_t started, int64_t limit);

/* Removes a lock that no process holds, by its name in an open directory. One that is held, or was made anew, stays. */
void lock_remove(int folder, const char *name);

/* Removes a lock whose holder is over its time. Whether it was one. */
bool lock_break(const char *path);

#endif
