/*
 * When a block that readers may still hold can be freed: after every reader has passed through a moment in which
 * it holds nothing. Called by table.c and catalogue.c; one writer, up to EPOCH_READERS readers, no locks.
 *
 * The writer numbers its removals. A reader notes the number it began with; what was removed at that number or
 * later may still be in its hands, what was removed before cannot be.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_EPOCH_H
#define NSS_NOMAD_EPOCH_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { EPOCH_READERS = 64 };

/* The head of every block that can be retired; its first member, so that free() takes either. */
struct retired {
	struct retired *next;
	uint64_t epoch;
	void *owned[2]; /* freed together with the block; may be NULL */
};

struct epoch_reader {
	_Alignas(64) atomic_uint_fast64_t began; /* the epoch in which it began to read; 0: it holds nothing */
	atomic_bool taken;                       /* a line of cache each, for two cores write side by side */
};

struct epochs {
	struct epoch_reader readers[EPOCH_READERS];
	_Alignas(64) atomic_uint_fast64_t now;
	struct retired *oldest; /* in the order they were retired; the writer's alone */
	struct retired *newest;
};

/* Sets up zeroed memory. */
void epochs_init(struct epochs *epochs);

/* Frees what was retired; no reader is left. */
void epochs_done(struct epochs *epochs);

/* A free reader, NULL where all are taken; and its return, when it holds nothing. Any thread. */
struct epoch_reader *epoch_join(struct epochs *epochs);
void epoch_part(struct epoch_reader *reader);

/* From enter to leave nothing that the reader finds is freed. The reader's thread. */
void epoch_enter(struct epochs *epochs, struct epoch_reader *reader);
void epoch_leave(struct epoch_reader *reader);

/* Hands over a block that no reader can find any more, to be freed when none holds it. The writer's thread. */
void epoch_retire(struct epochs *epochs, struct retired *block);

/* Frees what no reader holds. The writer's thread. */
void epoch_collect(struct epochs *epochs);

#endif
