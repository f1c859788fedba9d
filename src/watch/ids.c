/*
 * Where in an array of instances the ones with an ID stand; see ids.h. Called by draft.c, registry_leaving.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "ids.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { HEADS_FIRST = 64 };

uint64_t ids_seed(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == (ssize_t)sizeof seed)
		return seed;
	return UINT64_C(0xcbf29ce484222325); /* without randomness yet, at boot: its usual start */
}

/* FNV-1a, from a start that nobody else knows. */
uint32_t ids_hash(uint64_t seed, const char *id)
{
	uint64_t hash = seed;

	for (; *id != '\0'; id++)
		hash = (hash ^ (uint8_t)*id) * UINT64_C(0x100000001b3);
	return (uint32_t)(hash ^ hash >> 32);
}

static void link_node(struct ids *ids, uint32_t place)
{
	uint32_t *head = &ids->heads[ids->nodes[place].hash & ids->mask];

	ids->nodes[place].next = *head;
	*head = place;
}

/* What leads to a place: a head, or the node before it. */
static uint32_t *link_to(struct ids *ids, uint32_t place)
{
	uint32_t *at = &ids->heads[ids->nodes[place].hash & ids->mask];

	while (*at != place)
		at = &ids->nodes[*at].next;
	return at;
}

int ids_fill(struct ids *ids, const struct registered *items, size_t count)
{
	size_t room = HEADS_FIRST;

	ids_done(ids);
	while (room < 2 * count)
		room *= 2;
	ids->seed = ids_seed();
	ids->heads = malloc(room * sizeof *ids->heads);
	ids->nodes = malloc(room * sizeof *ids->nodes);
	if (ids->heads == NULL || ids->nodes == NULL) {
		ids_done(ids);
		return -ENOMEM;
	}
	memset(ids->heads, 0xff, room * sizeof *ids->heads); /* IDS_NONE */
	ids->mask = room - 1;
	ids->room = room;
	for (size_t i = 0; i < count; i++)
		ids_add(ids, items, i);
	return 0;
}

void ids_done(struct ids *ids)
{
	free(ids->heads);
	free(ids->nodes);
	*ids = (struct ids){.heads = NULL};
}

uint32_t ids_first(const struct ids *ids, const char *id)
{
	uint32_t hash = ids_hash(ids->seed, id), place = ids->heads[hash & ids->mask];

	while (place != IDS_NONE && ids->nodes[place].hash != hash)
		place = ids->nodes[place].next;
	return place;
}

uint32_t ids_next(const struct ids *ids, uint32_t place)
{
	uint32_t hash = ids->nodes[place].hash;

	do
		place = ids->nodes[place].next;
	while (place != IDS_NONE && ids->nodes[place].hash != hash);
	return place;
}

void ids_add(struct ids *ids, const struct registered *items, size_t place)
{
	if (place == ids->room) {
		ids_fill(ids, items, place + 1);
		return;
	}
	ids->nodes[place].hash = ids_hash(ids->seed, items[place].instance.id);
	link_node(ids, (uint32_t)place);
}

void ids_remove(struct ids *ids, size_t place, size_t last)
{
	*link_to(ids, (uint32_t)place) = ids->nodes[place].next;
	if (place == last)
		return;
	*link_to(ids, (uint32_t)last) = (uint32_t)place;
	ids->nodes[place] = ids->nodes[last];
}
