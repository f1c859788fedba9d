/*
 * The two children in which the helper is started: the middle one and the helper itself, until exec. What helper.c
 * prepares for them stands in struct launch; see there for how they are made.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_HELPER_CHILD_H
#define NSS_NOMAD_HELPER_CHILD_H

#include "lock.h"

#include <stdint.h>
#include <sys/types.h>

/* What both children need, prepared by the calling thread. */
struct launch {
	int program; /* O_PATH; what is run */
	char *const *arguments;
	char *const *environment;
	int output; /* the pipe's end for writing */
	const char *lock; /* the path of the lock that the helper's process takes; NULL: none */
	uint8_t times[LOCK_SIZE]; /* what its file is to say */
	char *stack; /* of the helper's child; the middle one's lies above it */
	pid_t helper; /* -1 where exec was not reached */
	int error;   /* why exec was not reached, 0 where it was; EWOULDBLOCK: another process holds the lock */
};

enum { HELPER_STACK = 32 * 1024 }; /* octets, for each of the two children */

/*
 * Clones the middle child, which clones the helper. Both share memory and suspend their parent until they exec or exit;
 * neither sends a signal. The middle child's number, to be reaped with __WCLONE, or -1 with errno. All signals are blocked.
 */
pid_t helper_clone(struct launch *launch);

#endif
