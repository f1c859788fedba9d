/*
 * Frames that come before they may be taken; see backlog.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watch/backlog.h"

#include <stdlib.h>
#include <string.h>

/* Room for one more; false without memory. */
static bool grow(struct backlog *backlog)
{
	size_t room = backlog->room == 0 ? 64 : backlog->room * 2;
	struct backlog_frame *more;

	if (backlog->count < backlog->room)
		return true;
	more = realloc(backlog->frames, room * sizeof *more);
	if (more == NULL)
		return false;
	backlog->frames = more;
	backlog->room = room;
	return true;
}

void backlog_add(struct backlog *backlog, void *signal, const char *text, size_t size)
{
	bool fits = !backlog->lost && size <= BACKLOG_MAX - backlog->size && grow(backlog);
	char *copy = fits ? malloc(size) : NULL;

	if (copy == NULL) {
		backlog->lost = true;
		return;
	}
	memcpy(copy, text, size);
	backlog->frames[backlog->count++] = (struct backlog_frame){signal, copy, size};
	backlog->size += size;
}

void backlog_clear(struct backlog *backlog)
{
	for (size_t i = 0; i < backlog->count; i++)
		free(backlog->frames[i].text);
	free(backlog->frames);
	*backlog = (struct backlog){0};
}
