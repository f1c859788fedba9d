/*
 * When something is tried again that could not be had: after 2 seconds, then after twice as long each time, up to a minute.
 * Called by daemon.c and daemon_report.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_WATCH_RETRY_H
#define NSS_NOMAD_WATCH_RETRY_H

#include <stdbool.h>

enum { RETRY_FIRST = 2, RETRY_MOST = 60 }; /* seconds */

/* Zeroes: nothing is to be tried again. */
struct retry {
	unsigned wait; /* seconds from the last try to the next; 0: none is due */
	unsigned left; /* seconds of those */
};

/* It could not be had. */
static inline void retry_later(struct retry *retry)
{
	retry->wait = retry->wait == 0 ? RETRY_FIRST : 2 * retry->wait;
	if (retry->wait > RETRY_MOST)
		retry->wait = RETRY_MOST;
	retry->left = retry->wait;
}

/* It is there. */
static inline void retry_done(struct retry *retry)
{
	*retry = (struct retry){0};
}

/* To be asked every second: whether it is to be tried now. */
static inline bool retry_is_due(struct retry *retry)
{
	return retry->wait > 0 && --retry->left == 0;
}

#endif
