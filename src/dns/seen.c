/*
 * What an answer holds already; see seen.h. Called by records.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "seen.h"

#include <string.h>

enum { SLOTS_LEAST = 8 };

void seen_reset(struct seen *seen, size_t most)
{
	uint32_t slots = SLOTS_LEAST;

	while (slots < SEEN_SLOTS && slots < 2 * most)
		slots *= 2;
	seen->mask = slots - 1;
	if (++seen->generation == 0) {
		memset(seen->slots, 0, sizeof seen->slots);
		seen->generation = 1;
	}
}

bool seen_add(struct seen *seen, uint64_t hash, const void *item, bool (*same)(const void *a, const void *b))
{
	uint32_t at = (uint32_t)hash & seen->mask;

	for (uint32_t tries = 0; tries <= seen->mask; tries++, at = (at + 1) & seen->mask) {
		if (seen->slots[at].generation != seen->generation) {
			seen->slots[at].generation = seen->generation;
			seen->slots[at].item = item;
			return true;
		}
		if (same(seen->slots[at].item, item))
			return false;
	}
	return false;
}
