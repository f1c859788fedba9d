/*
 * When a block that readers may still hold can be freed; see epoch.h. Called by table.c and catalogue.c.
 *
 * All atomics are sequentially consistent: either the writer sees that a reader has begun, or the reader, which
 * looks for a block after that, no longer finds what the writer took out before it looked.
 *
 * SPDX-License-Identifier: MIT
 */
#include "epoch.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

void epochs_init(struct epochs *epochs)
{
	atomic_init(&epochs->now, 1);
}

static void release(struct retired *block)
{
	free(block->owned[0]);
	free(block->owned[1]);
	free(block);
}

/* Frees the oldest blocks, those retired before `limit`. */
static void collect_before(struct epochs *epochs, uint64_t limit)
{
	while (epochs->oldest != NULL && epochs->oldest->epoch < limit) {
		struct retired *block = epochs->oldest;
		epochs->oldest = block->next;
		release(block);
	}
	if (epochs->oldest == NULL)
		epochs->newest = NULL;
}

void epochs_done(struct epochs *epochs)
{
	collect_before(epochs, UINT64_MAX);
}

struct epoch_reader *epoch_join(struct epochs *epochs)
{
	for (size_t i = 0; i < EPOCH_READERS; i++) {
		bool taken = false;
		if (atomic_compare_exchange_strong(&epochs->readers[i].taken, &taken, true))
			return &epochs->readers[i];
	}
	return NULL;
}

void epoch_part(struct epoch_reader *reader)
{
	assert(atomic_load(&reader->began) == 0);
	atomic_store(&reader->taken, false);
}

void epoch_enter(struct epochs *epochs, struct epoch_reader *reader)
{
	atomic_store(&reader->began, atomic_load(&epochs->now));
}

void epoch_leave(struct epoch_reader *reader)
{
	atomic_store(&reader->began, 0);
}

void epoch_retire(struct epochs *epochs, struct retired *block)
{
	block->next = NULL;
	block->epoch = atomic_fetch_add(&epochs->now, 1);
	if (epochs->newest == NULL)
		epochs->oldest = block;
	else
		epochs->newest->next = block;
	epochs->newest = block;
}

void epoch_collect(struct epochs *epochs)
{
	uint64_t limit = UINT64_MAX;

	for (size_t i = 0; i < EPOCH_READERS; i++) {
		uint64_t began = atomic_load(&epochs->readers[i].began);
		if (began != 0 && began < limit)
			limit = began;
	}
	collect_before(epochs, limit);
}
