/*
 * The user's own cache: records with an expiry, negative answers too. This is the side that the module links: finding,
 * and looking whether somebody asks already. Called by lookup.c; what writes is cache_write.c.
 *
 *     /var/cache/nss-nomad/root/NETWORK/NAMESPACE/SERVICE          root's, where nobody else can make anything
 *     /var/cache/nss-nomad/users/UID.NETWORK/NAMESPACE/SERVICE     another user's; `users` is root's, with mode 1777
 *     /run/user/UID/nss-nomad.NETWORK/NAMESPACE/SERVICE            where somebody else was faster to make that one
 *
 * NETWORK is the number of the network namespace from which Nomad was asked, and "@CLUSTER" follows it where the
 * environment selects a cluster. Each user writes a directory of his own, so that nobody can put words into another's: it
 * and the record must be their reader's own, and closed to all others. Both in one name, user and network, are one look.
 *
 * Beside a record there may be SERVICE.UNIT.lock, locked while a process of that unit asks Nomad for it (lock.h), and
 * SERVICE.UNIT.failed, whose age says when that last failed and whose text says why. ".UNIT.failed" in the network's
 * directory is the same for the agent as a whole.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_CACHE_H
#define NSS_NOMAD_CACHE_H

#include "origin.h"
#include "place.h"
#include "record.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CACHE_DIR "/var/cache/nss-nomad"
#define CACHE_USERS CACHE_DIR "/users"
#define CACHE_RUN "/run/user"
#define CACHE_LOCK ".lock"
#define CACHE_FAILED ".failed"

enum {
	CACHE_FAILED_FOR = 1000, /* milliseconds in which a failure is not tried again */
	CACHE_FOLDERS = 2,       /* the usual one, and the one in CACHE_RUN */
};

/* Where the effective user's records are. */
struct cache {
	uid_t user;
	struct origin origin;
	char folders[CACHE_FOLDERS][PLACE_FOLDER_MAX]; /* of the network; the second is "" where it is not to be used */
	size_t chosen;  /* the one that is written, by cache_choose() */
	int descriptor; /* of that one, by cache_open(); -1 while it is not open */
};

/*
 * Sets up the cache of the effective user.
 *
 * dir      CACHE_DIR, or a test's; shorter than PLACE_FOLDER_MAX - 64; not kept
 * run      CACHE_RUN, or a test's, as short; NULL: that one is not used
 * cluster  "" or 16 hex digits; not kept
 * origin   from where the process asks; where its network is "", it is looked up
 *
 * One system call, and one for the network. Any thread. Changes errno.
 */
void cache_init(struct cache *cache, const char *dir, const char *run, const char *cluster, const struct origin *origin);

/*
 * Reads the record of a name, whatever its age; record_is_fresh() and record_may_serve_stale() judge it.
 *
 * record  as with record_read()
 *
 * 0; -EPERM where the directory or the record is not ours alone, or another negative errno: a miss. Five system calls
 * for a hit in the usual directory. Any thread. Changes errno.
 */
int cache_find(const struct cache *cache, const struct name *name, struct record *record);

/*
 * Chooses the directory for what is written: the usual one, or where that is not ours alone, or cannot be made, the one
 * in CACHE_RUN. With `create` it is made where it is missing.
 *
 * 0, -EPERM where it is not ours alone, or what the system said of the usual one. Any thread. Changes errno.
 */
int cache_choose(struct cache *cache, bool create);

/*
 * Whether asking Nomad for this name, or the agent at all, failed in the last CACHE_FAILED_FOR milliseconds, from this
 * origin. After cache_choose(). Any thread. Changes errno.
 */
bool cache_failed_recently(const struct cache *cache, const struct name *name);

/*
 * Writes the path of a name's lock, which is this origin's, and makes the directories on the way as far as they are
 * missing; that they could not be made shows when the lock is taken. `path` has room for PLACE_MAX. After cache_choose().
 * Any thread. Changes errno.
 */
void cache_lock_path(const struct cache *cache, const struct name *name, char *path);

/* What follows a record's path in the name of a file of this origin's: ".UNIT" and `suffix`. Room for PLACE_SUFFIX_MAX. */
void cache_suffix(const struct cache *cache, const char *suffix, char *text);

#endif
