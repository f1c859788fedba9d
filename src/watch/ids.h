/*
 * Where in an array of instances the ones with an ID stand: found at the same cost however many there are. Called by draft.c;
 * the hash by registry_leaving.c too.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_IDS_H
#define NSS_NOMAD_IDS_H

#include "registry.h"

#include <stdbool.h>

enum { IDS_NONE = UINT32_MAX };

struct ids_node {
	uint32_t next; /* the place of another one with the same number, IDS_NONE after the last */
	uint32_t hash;
};

/* Zeroed: it knows of nothing. */
struct ids {
	uint32_t *heads; /* by the hash' lowest bits; NULL: nothing is known */
	size_t mask;
	struct ids_node *nodes; /* by place */
	size_t room;
	uint64_t seed; /* so that nobody can register IDs of the same number */
};

/* A start for hashes that is unknown to others: another one each time, but for a machine without randomness yet. Any thread. */
uint64_t ids_seed(void);

/* The hash of an ID, from that start. Any thread. */
uint32_t ids_hash(uint64_t seed, const char *id);

/* Learns of all `count` items, in place of what it knew: 0, or -ENOMEM, then it knows of nothing. */
int ids_fill(struct ids *ids, const struct registered *items, size_t count);

/* Forgets all. */
void ids_done(struct ids *ids);

/* The first place where an item with the ID may stand, and the one after `place`; IDS_NONE: no more. Others may be among them. */
uint32_t ids_first(const struct ids *ids, const char *id);
uint32_t ids_next(const struct ids *ids, uint32_t place);

/* An item was added at the end, as the one of that place; without memory it knows of nothing from now on. */
void ids_add(struct ids *ids, const struct registered *items, size_t place);

/* The item at a place goes, and the last one takes its place. */
void ids_remove(struct ids *ids, size_t place, size_t last);

#endif
