/*
 * The events that a server keeps for new streams; see world_events.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "world_events.h"

#include <stdio.h>
#include <string.h>

enum { BATCHES = 100, FRAME = 2048 };

struct batch {
	uint64_t index;
	char namespace[160];
	char frame[FRAME];
};

static struct batch batches[BATCHES]; /* the oldest first */
static size_t count;

void world_events_forget(void)
{
	count = 0;
}

void world_events_keep(uint64_t index, const char *namespace, const char *frame, size_t most)
{
	for (; count > 0 && (count >= most || count == BATCHES); count--)
		memmove(batches, batches + 1, (count - 1) * sizeof *batches);
	if (most == 0)
		return;
	batches[count].index = index;
	snprintf(batches[count].namespace, sizeof batches[count].namespace, "%s", namespace);
	snprintf(batches[count].frame, sizeof batches[count].frame, "%s", frame);
	count++;
}

void world_events_replay(struct watch_request *const *running, const char *namespace, uint64_t index, bool otherwise)
{
	struct watch_request *request = *running;

	for (size_t i = 0; i < count && *running == request; i++) {
		const struct batch *batch = &batches[i];
		if (batch->index < index || (strcmp(namespace, "*") != 0 && strcmp(namespace, batch->namespace) != 0))
			continue;
		if (otherwise) /* the same JSON with a space in it */
			request->data(request, "{ ", 2);
		if (*running == request)
			request->data(request, batch->frame + otherwise, strlen(batch->frame) - otherwise);
	}
}
