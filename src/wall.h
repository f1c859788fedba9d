/*
 * Points in time by the clock on the wall, which people and NTP set, and by one that they do not: for what is kept in
 * files, and read by other processes later. What a process waits for itself is deadline.h's. Used by record.c, cache.c,
 * published.c and watch/.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_WALL_H
#define NSS_NOMAD_WALL_H

#include <stdint.h>

struct stat;

/* Milliseconds since 1970. No system call. Any thread. */
int64_t wall_now(void);

/*
 * Milliseconds since the host was started, also those in which it slept: by a clock that nobody sets, and that all
 * processes of the host have in common. No system call. Any thread.
 */
int64_t wall_since_boot(void);

/* Milliseconds since a file was changed; -1 where that is in the future. Any thread. */
int64_t wall_age(const struct stat *status);

#endif
