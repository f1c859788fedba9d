/*
 * How long the event loop is away from waiting, each time: while it is, no heartbeat is written, no event of Nomad's is taken
 * in and nobody over TCP is answered. Called by daemon.c; read by measures.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_ABSENCE_H
#define NSS_NOMAD_ABSENCE_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

enum { ABSENCE_BUCKETS = 10 };

/* Since the start. */
struct absences {
	uint64_t buckets[ABSENCE_BUCKETS]; /* by their length, each in one; see absence_limit() */
	uint64_t nanoseconds;              /* of all of them */
};

struct absence {
	uv_prepare_t prepare; /* just before the loop waits */
	uint64_t at;          /* when it was so last, by uv_hrtime() */
	uint64_t slept;       /* nanoseconds that it has waited up to then */
	struct absences absences;
};

/* Measures from now on; before the loop runs. The handle is for the caller to close, and keeps no loop running. */
void absence_init(struct absence *absence, uv_loop_t *loop);

/* Counts one of so many nanoseconds. */
void absence_count(struct absences *absences, uint64_t nanoseconds);

/* The longest in a bucket, in nanoseconds; of the last one UINT64_MAX. */
uint64_t absence_limit(size_t bucket);

#endif
