/*
 * The user's own cache: USERS/UID/NAMESPACE/SERVICE, records with an expiry, negative answers too. This is the
 * side that the module links: finding, locking. Called by lookup.c; what writes is cache_write.c.
 *
 * One user writes each folder, so that nobody can put words into another's: USERS is root's with mode 1777,
 * USERS/UID must be ours, no link, and closed to everybody else.
 *
 * Beside a record there may be SERVICE.lock, locked (flock) while somebody asks Nomad for it, and SERVICE.failed,
 * whose age says when that last failed and whose text says why. FAILED in the folder itself is the same for the
 * agent as a whole.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_CACHE_H
#define NSS_NOMAD_CACHE_H

#include "record.h"

#include <stdint.h>

#define CACHE_USERS "/var/cache/nss-nomad/users"
#define CACHE_LOCK ".lock"
#define CACHE_FAILED ".failed"

enum {
	CACHE_LIMIT_SIZE = 4,     /* octets in a lock's file: the limit of who holds it, u32, network order */
	CACHE_LIMIT_MOST = 60000, /* milliseconds that are believed */
	CACHE_FAILED_FOR = 1000, /* milliseconds in which a failure is not tried again */
	CACHE_PREFIX_MAX = 20,   /* octets with the NUL: "@", 16 hex digits, "/" */
};

/* A user's folder, open. */
struct cache {
	int descriptor;
	char prefix[CACHE_PREFIX_MAX]; /* "" or "@CLUSTER/": what NOMAD_* in the environment selects */
};

/*
 * Opens the folder of the effective user.
 *
 * users    the folder of all users, shorter than PLACE_FOLDER_MAX - 12; not kept
 * cluster  "" or 16 hex digits; not kept
 * create   makes the user's folder where it is missing
 * cache    on success to be closed with cache_close(); otherwise untouched
 *
 * 0, -EPERM where the folder is not ours alone, or what open() said. Three system calls. Any thread. Changes errno.
 */
int cache_open(const char *users, const char *cluster, bool create, struct cache *cache);

/* Closes the folder. */
void cache_close(struct cache *cache);

/*
 * Reads the record of a name, whatever its age; record_is_fresh() and record_may_serve_stale() judge it.
 *
 * record  as with record_read()
 *
 * 0, or a negative errno: a miss. Three system calls. Any thread. Changes errno.
 */
int cache_find(const struct cache *cache, const struct name *name, struct record *record);

/* Whether asking Nomad for this name, or the agent at all, failed in the last CACHE_FAILED_FOR milliseconds. */
bool cache_failed_recently(const struct cache *cache, const struct name *name);

/*
 * Waits until nobody else asks Nomad for the name, and keeps others from it.
 *
 * started  when the lookup began, by deadline_now()
 * limit    milliseconds from then that the wait may take, unless the one that holds it has said cache_say_limit()
 *
 * The descriptor that holds the lock, released with cache_unlock(); -ETIMEDOUT where somebody else kept it, or
 * another negative errno where there can be no lock: nothing can be written, then everybody asks for himself.
 * Any thread. Changes errno.
 */
int cache_lock(const struct cache *cache, const struct name *name, int64_t started, int64_t limit);

/*
 * Makes the folders on the way to a path in the user's folder, as far as they are missing; that they could not be made
 * shows when the path is opened. `path` is as it was afterwards. Any thread. Changes errno.
 */
void cache_make_folders(const struct cache *cache, char *path);

/* Releases the lock, also where another thread forked meanwhile and its child still has the descriptor. */
void cache_unlock(int lock);

#endif
