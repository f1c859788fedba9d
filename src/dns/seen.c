/*
 * What an answer holds already; see seen.h. Called by records.c, records_services.c, targets.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "seen.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS_LEAST = 8 };

/* Half of the slots stay free. */
static uint32_t slots_for(size_t most)
{
	uint32_t slots = SLOTS_LEAST;

	while (slots < 2 * SEEN_MOST && slots < 2 * most)
		slots *= 2;
	return slots;
}

struct seen *seen_new(size_t most)
{
	uint32_t slots = slots_for(most);
	struct seen *seen = calloc(1, sizeof *seen + slots * sizeof *seen->slots);

	if (seen != NULL)
		seen->most = seen->mask = slots - 1;
	return seen;
}

void seen_reset(struct seen *seen, size_t most)
{
	uint32_t mask = slots_for(most) - 1;

	seen->mask = mask < seen->most ? mask : seen->most;
	if (++seen->generation == 0) {
		memset(seen->slots, 0, (seen->most + (size_t)1) * sizeof *seen->slots);
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

uint64_t seen_hash_address(const struct address *address)
{
	uint64_t half[2];

	memcpy(half, address->octets, sizeof half);
	uint64_t hash = (half[0] ^ half[1] * 3 ^ address->family) * UINT64_C(0x9e3779b97f4a7c15); /* 2^64 / golden ratio */
	return hash ^ hash >> 32;
}

bool seen_same_address(const void *a, const void *b)
{
	return address_equal(a, b);
}
