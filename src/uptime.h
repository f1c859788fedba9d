/*
 * A clock that nobody sets, and that goes on while the machine sleeps: for the daemon, whose catalogue grows old then too.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_UPTIME_H
#define NSS_NOMAD_UPTIME_H

#include <stdint.h>

/* Milliseconds since the machine's start (CLOCK_BOOTTIME). No system call. Any thread. */
int64_t uptime_now(void);

#endif
