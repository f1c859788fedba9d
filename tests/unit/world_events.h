/*
 * The events that a server keeps for new streams, as world.c has them.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_TEST_WORLD_EVENTS_H
#define NSS_NOMAD_TEST_WORLD_EVENTS_H

#include "watch/outside.h"

/* Keeps the frame of an index, and no more than `most` of them. */
void world_events_keep(uint64_t index, const char *namespace, const char *frame, size_t most);

/*
 * What a new stream is sent first: from the index on that it wants, or from the oldest that is there. Octets go to the
 * request for as long as it is the one at `running`.
 *
 * namespace  of the stream, or "*"
 * otherwise  in other words
 */
void world_events_replay(struct watch_request *const *running, const char *namespace, uint64_t index, bool otherwise);

/* Forgets them all. */
void world_events_forget(void);

#endif
