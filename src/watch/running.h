/*
 * Whether a daemon runs: it holds DIR/lock (flock) from its start to its end, whether Nomad answers or not. Called by
 * status.c, by nomad-dns-srv --status and by nomad-lookup --check.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_RUNNING_H
#define NSS_NOMAD_RUNNING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum running_state {
	RUNNING_UNKNOWN, /* this process may not see the lock, or not who holds it */
	RUNNING_NO,
	RUNNING_YES,
};

struct running {
	enum running_state state;
	int64_t pid; /* of the daemon; 0: not known */
	int64_t own; /* the same as the daemon itself sees it, in its own namespace of processes; 0: not known */
};

/*
 * Looks whether a daemon publishes into `dir`. The lock's file is the daemon's alone, so that no user can hold it up:
 * it is looked for among the kernel's locks (/proc/locks), which everybody may read. Where that cannot tell, it is tried
 * for a moment, by a user who may. Any thread. Changes errno.
 */
struct running running_look(const char *dir);

/* Where a daemon runs that publishes into the directory, says which in `reason`, of `size` bytes. Any thread. */
bool running_names(const char *dir, char *reason, size_t size);

#endif
