/*
 * Where a stream ended, so that the next one can begin there: Nomad's servers keep the last events (100 batches, of all
 * topics) and send them again from a wanted index on, that one among them. Called by signal.c and follow.c.
 *
 * What a server sends proves nothing by itself. Where it does not have the wanted index any more it begins with the oldest
 * that it has, without a word; one that has just started may have none, and the index may be another cluster's. So the
 * first frame has to be the one that is known already, to the byte: then all that came since follows it. (A server writes
 * the same frame as any other; where one did not, everything would be read as before.)
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_RESUME_H
#define NSS_NOMAD_RESUME_H

#include "nomad/registrations.h"
#include "watch/registry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RESUME_WAIT = 100 }; /* milliseconds from `{}` to the first frame; they are written together */

/* Up to where everything is known of what one stream shows. Zeroes: nothing is. */
struct resume {
	uint64_t index; /* 0: unknown */
	uint64_t print; /* of the frame of that index; 0: it was read instead */
};

/* A frame was taken, and nothing before it was missed. */
void resume_note_frame(struct resume *resume, uint64_t index, const char *text, size_t size);

/* Everything was read, as of that index. */
void resume_note_reading(struct resume *resume, uint64_t index);

/*
 * Whether the first frame of a new stream is the one that is known: so nothing is missing between the two streams.
 *
 * frame     parsed from `text`, of `size` bytes
 * registry  for a frame that was not seen itself, as everything was read: it has to hold what the frame registers
 */
bool resume_is_known(const struct resume *resume, const struct frame *frame, const char *text, size_t size,
                     const struct registry *registry);

#endif
