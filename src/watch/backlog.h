/*
 * Frames that come before they may be taken: while everything is read, and while a stream has yet to show where it
 * goes on. Called by follow.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_BACKLOG_H
#define NSS_NOMAD_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>

enum { BACKLOG_MAX = 64 * 1024 * 1024 }; /* bytes of all frames that wait */

/* A frame, and the signal that it is of. */
struct backlog_frame {
	void *signal;
	char *text;
	size_t size;
};

struct backlog {
	struct backlog_frame *frames; /* in the order in which they came */
	size_t count, room;
	size_t size;
	bool lost; /* there was no room for one of them */
};

/* Keeps a copy of a frame; where there is no room for it, it and all later ones are lost. */
void backlog_add(struct backlog *backlog, void *signal, const char *text, size_t size);

/* Frees the frames, and forgets that any was lost. Accepts zeroes. */
void backlog_clear(struct backlog *backlog);

#endif
