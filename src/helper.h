/*
 * Running nomad-lookup from inside somebody else's process, unseen. Called by the module through lookup.c
 * on a miss; nomad-lookup answers it with --for-module MILLISECONDS --origin ORIGIN -- NAME.
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

#include "lookup.h"

#include <stdint.h>
#include <sys/types.h>

enum {
	HELPER_START_LIMIT = 2000, /* milliseconds of the lookup until the helper has said its limit */
	HELPER_MOST_LIMIT = 60000, /* milliseconds; what it may say at the most */
	HELPER_GRACE = 100,        /* milliseconds on top of its limit, in which it reports its failure */
	HELPER_LOCK = 3,           /* the helper's descriptor that holds the lock, where there is one */
};

/* The program that is run; see program_open(). */
struct helper {
	const char *program; /* an absolute path */
	uid_t owner;         /* 0 but in tests */
};

/*
 * Runs the helper for one name and reads its answer.
 *
 * question  its lock is taken by the helper's process alone, and goes with it
 * record    on success whole, released with record_done(); otherwise untouched
 *
 * The helper has the effective user and group for all its own, and the other groups of the process.
 *
 * 0, -EWOULDBLOCK where another process holds the lock, -ETIMEDOUT, -EPERM where the program may not be run so, or another
 * negative errno where the helper could not be run or did not answer. Any thread. Changes errno.
 */
int helper_run(const struct helper *helper, const struct lookup_question *question, struct record *record);

/*
 * Runs the helper for no name, as for a lookup. 0 where it runs and says its limit, or what helper_run() says. For
 * nomad-lookup --explain.
 */
int helper_try(const struct helper *helper);

#endif
