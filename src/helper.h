/*
 * Running nomad-lookup from inside somebody else's process, unseen. Called by the module through lookup.c
 * on a miss; nomad-lookup answers it with --for-module.
 *
 * The helper is a grandchild that init inherits: no SIGCHLD, nothing for the host's wait() to find; the host's
 * descriptors, handlers and signal mask stay out of it, and of its environment it gets NOMAD_* alone. No memory
 * is copied, however large the host (vfork's way).
 *
 * A host that inherits orphans itself (a container's first process, a subreaper) inherits this one, and is sent its
 * SIGCHLD as any orphan's; helper_run() has reaped it when it returns.
 *
 * What the helper writes to its standard output: its own limit of time (u32, milliseconds from the start of the
 * lookup, in network order), as soon as it runs; then a whole record, also when it failed (VERDICT_UNKNOWN).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_HELPER_H
#define NSS_NOMAD_HELPER_H

#include "record.h"

#include <stdint.h>

enum {
	HELPER_START_LIMIT = 2000, /* milliseconds of the lookup until the helper has said its limit */
	HELPER_MOST_LIMIT = 60000, /* milliseconds; what it may say at the most */
	HELPER_GRACE = 100,        /* milliseconds on top of its limit, in which it reports its failure */
	HELPER_LOCK = 3,           /* the helper's descriptor that holds the lock, where there is one */
};

/*
 * Runs the helper for one name and reads its answer.
 *
 * program  path of nomad-lookup
 * text     the name as it was asked for
 * lock     of cache_lock(), which the helper holds too, so that it outlives a host that is killed; or -1
 * started  when the lookup began, by deadline_now()
 * record   on success whole, released with record_done(); otherwise untouched
 *
 * 0, -ETIMEDOUT, or another negative errno where the helper could not be run or did not answer. Any thread.
 * Changes errno.
 */
int helper_run(const char *program, const char *text, int lock, int64_t started, struct record *record);

#endif
