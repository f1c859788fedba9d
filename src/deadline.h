/*
 * Points in time by a clock that nobody sets: milliseconds of CLOCK_MONOTONIC. Used by lookup.c, cache.c, helper.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DEADLINE_H
#define NSS_NOMAD_DEADLINE_H

#include <stdint.h>

/* Now. No system call. Any thread. */
int64_t deadline_now(void);

/* Milliseconds from now to the deadline, 0 where it has passed; at most an hour, so that poll() can take it. */
int deadline_left(int64_t deadline);

#endif
