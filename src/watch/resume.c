/*
 * Where a stream ended, so that the next one can begin there; see resume.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watch/resume.h"

/* FNV-1a, and never 0. */
static uint64_t print_of(const char *text, size_t size)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
	return hash == 0 ? 1 : hash;
}

void resume_note_frame(struct resume *resume, uint64_t index, const char *text, size_t size)
{
	*resume = (struct resume){index, print_of(text, size)};
}

void resume_note_reading(struct resume *resume, uint64_t index)
{
	/* One whose frame was seen is as good as it was. */
	if (resume->index != index)
		*resume = (struct resume){.index = index};
}

/* A deletion says nothing: what it is about is gone in any cluster. */
static bool was_read(const struct frame *frame, const struct registry *registry)
{
	size_t held = 0;

	for (size_t i = 0; i < frame->count; i++) {
		const struct registration *one = &frame->events[i].registration;
		if (frame->events[i].type != EVENT_UPSERT)
			continue;
		if (!registry_holds(registry, one->namespace, one->service, one->id, frame->index))
			return false;
		held++;
	}
	return held > 0;
}

bool resume_is_known(const struct resume *resume, const struct frame *frame, const char *text, size_t size,
                     const struct registry *registry)
{
	if (resume->index == 0 || frame->index != resume->index)
		return false;
	return resume->print == 0 ? was_read(frame, registry) : print_of(text, size) == resume->print;
}
