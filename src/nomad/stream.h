/*
 * The event stream's framing: bytes in pieces of any size to frames, one JSON object per line. Called by
 * watch/watcher.c; where the bytes come from is not its business, so that recordings can drive it.
 *
 * Nomad writes `{}` first, once the subscriber is accepted, and again every 30 s; anything else is a frame of events.
 * https://developer.hashicorp.com/nomad/api-docs/events
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_STREAM_H
#define NSS_NOMAD_STREAM_H

#include <stdbool.h>
#include <stddef.h>

/* Octets of a line. Nomad knows no limit: 1,000 services of a group, registered at once, are 545,584. */
enum { STREAM_LINE_MAX = 64 * 1024 * 1024 };

/*
 * Gets a frame of events, without its newline.
 *
 * text  `size` octets of any content, and no NUL after them; valid until it returns
 */
typedef void (*stream_frame)(void *context, const char *text, size_t size);

struct stream {
	char *line; /* the start of a line whose end has not come */
	size_t used;
	size_t room;
	size_t beats; /* `{}` so far; the first one means: accepted */
};

/* A stream at its start. */
void stream_init(struct stream *stream);

/*
 * Takes the next bytes and calls `frame` for every frame that ends in them.
 *
 * 0; -EMSGSIZE where a line is longer than STREAM_LINE_MAX; -ENOMEM. After an error the stream is of no use, and a
 * line that was not complete is lost. One thread at a time.
 */
int stream_feed(struct stream *stream, const char *bytes, size_t size, stream_frame frame, void *context);

/* Releases what it holds. Accepts zeroes. */
void stream_done(struct stream *stream);

#endif
