/*
 * Whether the daemon's event loop still runs, as the workers see it who do not run on it: the loop beats every second, and
 * while it is held by whatever it may be, nobody applies what changes. Written by server.c, read by udp.c and framing.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_PULSE_H
#define NSS_NOMAD_DNS_PULSE_H

#include "watch/catalogue.h"

#include <stdatomic.h>

enum { PULSE_LATE_AFTER = 5 }; /* seconds without beat; the published files are left after as many */

/* Zeroed: has not begun to beat, and says nothing. */
struct pulse {
	atomic_int_fast64_t beat;    /* uptime_now() of the last one; 0: none yet */
	atomic_int_fast64_t expires; /* uptime_now() from which on the catalogue is too old, whatever is said of it */
};

/*
 * Beats.
 *
 * now      by uptime_now()
 * expires  by the same clock, when the catalogue will have been unconfirmed for max-stale
 *
 * One thread.
 */
void pulse_beat(struct pulse *pulse, int64_t now, int64_t expires);

/*
 * How current a catalogue is at a moment whose last word about itself is `said`: CURRENT is STALE where the pulse is late, and
 * what is late is EXPIRED from the time on that came with the last beat. Any thread; no lock.
 */
enum catalogue_state pulse_judge(const struct pulse *pulse, int64_t now, enum catalogue_state said);

#endif
