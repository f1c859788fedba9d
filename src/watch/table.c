/*
 * A hash table of immutable entries; see table.h. Open addressing: a reader walks from the hash's place until a
 * free slot. What was removed leaves a mark, so that the walk goes on; the marks go when the table is rebuilt.
 *
 * SPDX-License-Identifier: MIT
 */
#include "table.h"

#include "lower.h"

#include <byteswap.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_FIRST = 64 }; /* a small cluster's services, in 1 KiB */

/* Stands where an entry was removed. Its key is empty, which no entry's is. */
static struct entry removed;

/*
 * Eight octets at a time. A multiplication carries each bit upwards only; turned around, the product's highest octet, which
 * all of them have reached, mixes into the lowest, which a slot is chosen by.
 */
static uint64_t mix(uint64_t hash, uint64_t word)
{
	uint64_t product = (hash ^ lower_eight(word)) * UINT64_C(0x9e3779b97f4a7c15); /* 2^64 / golden ratio */

	return product ^ bswap_64(product);
}

uint64_t table_hash(const uint8_t *key, size_t size)
{
	uint64_t hash = UINT64_C(0xa0761d6478bd642f) + size, word;
	size_t at = 0;

	for (; size - at >= sizeof word; at += sizeof word) {
		memcpy(&word, key + at, sizeof word);
		hash = mix(hash, word);
	}
	word = 0;
	if (size >= sizeof word)
		memcpy(&word, key + size - sizeof word, sizeof word); /* some of it once more: cheaper than what is left alone */
	else
		memcpy(&word, key, size);
	return mix(hash, word);
}

struct entry *table_entry(const uint8_t *key, size_t size)
{
	struct entry *entry = calloc(1, sizeof *entry + size);

	if (entry == NULL)
		return NULL;
	entry->hash = table_hash(key, size);
	entry->key_size = size;
	memcpy(entry->key, key, size);
	return entry;
}

void table_free_entry(struct entry *entry)
{
	if (entry == NULL)
		return;
	free(entry->retired.owned[0]);
	free(entry->retired.owned[1]);
	free(entry);
}

static struct slots *slots_new(size_t count)
{
	struct slots *slots = malloc(sizeof *slots + count * sizeof *slots->slots);

	if (slots == NULL)
		return NULL;
	slots->retired = (struct retired){.next = NULL};
	slots->mask = count - 1;
	for (size_t i = 0; i < count; i++) {
		atomic_init(&slots->slots[i].hash, 0);
		atomic_init(&slots->slots[i].entry, NULL);
	}
	return slots;
}

int table_init(struct table *table)
{
	struct slots *slots = slots_new(SLOTS_FIRST);

	if (slots == NULL)
		return -ENOMEM;
	atomic_init(&table->slots, slots);
	table->used = table->live = 0;
	return 0;
}

void table_done(struct table *table)
{
	struct slots *slots = atomic_load(&table->slots);

	if (slots == NULL)
		return;
	for (size_t i = 0; i <= slots->mask; i++) {
		struct entry *entry = atomic_load(&slots->slots[i].entry);
		if (entry != &removed)
			table_free_entry(entry);
	}
	free(slots);
}

bool entry_is(const struct entry *entry, const uint8_t *key, size_t size)
{
	return entry->key_size == size && memcmp(entry->key, key, size) == 0;
}

/* Whether the slot, whose entry is not NULL, has the key's. Readers see its hash, written before its entry. */
static bool slot_is(const struct slot *slot, const struct entry *entry, uint64_t hash, const uint8_t *key, size_t size)
{
	return atomic_load_explicit(&slot->hash, memory_order_relaxed) == hash && entry_is(entry, key, size);
}

/* The position of the key's entry, or of the free slot that ends the walk. */
static size_t locate(const struct slots *slots, uint64_t hash, const uint8_t *key, size_t size)
{
	size_t at = (size_t)hash & slots->mask;

	for (;; at = (at + 1) & slots->mask) {
		const struct entry *entry = atomic_load(&slots->slots[at].entry);
		if (entry == NULL || slot_is(&slots->slots[at], entry, hash, key, size))
			return at;
	}
}

struct entry *table_find(const struct table *table, uint64_t hash, const uint8_t *key, size_t size)
{
	const struct slots *slots = atomic_load(&table->slots);

	for (size_t at = (size_t)hash & slots->mask;; at = (at + 1) & slots->mask) {
		struct entry *entry = atomic_load(&slots->slots[at].entry);
		if (entry == NULL || slot_is(&slots->slots[at], entry, hash, key, size))
			return entry;
	}
}

void table_fetch_slot(const struct table *table, uint64_t hash)
{
	const struct slots *slots = atomic_load(&table->slots);

	__builtin_prefetch(&slots->slots[(size_t)hash & slots->mask]);
}

const struct entry *table_fetch_entry(const struct table *table, uint64_t hash)
{
	const struct slots *slots = atomic_load(&table->slots);
	const struct slot *slot = &slots->slots[(size_t)hash & slots->mask];
	const struct entry *entry = atomic_load(&slot->entry);

	if (entry == NULL || entry == &removed || atomic_load_explicit(&slot->hash, memory_order_relaxed) != hash)
		return NULL;
	__builtin_prefetch(entry);
	__builtin_prefetch(entry->key);
	return entry;
}

static void fill(struct slot *slot, struct entry *entry)
{
	atomic_store_explicit(&slot->hash, entry->hash, memory_order_relaxed);
	atomic_store(&slot->entry, entry);
}

/* Half of the slots stay free, so that a walk is short and always ends. */
static bool has_room(const struct slots *slots, size_t used)
{
	return used <= (slots->mask + 1) / 2;
}

int table_reserve(struct table *table, size_t more, struct epochs *epochs)
{
	struct slots *old = atomic_load(&table->slots);
	size_t count = SLOTS_FIRST;

	if (has_room(old, table->used + more))
		return 0;
	while (count / 4 < table->live + more)
		count *= 2;
	struct slots *slots = slots_new(count);
	if (slots == NULL)
		return -ENOMEM;
	for (size_t i = 0; i <= old->mask; i++) {
		struct entry *entry = atomic_load(&old->slots[i].entry);
		if (entry != NULL && entry != &removed)
			fill(&slots->slots[locate(slots, entry->hash, entry->key, entry->key_size)], entry);
	}
	atomic_store(&table->slots, slots);
	table->used = table->live;
	epoch_retire(epochs, &old->retired);
	return 0;
}

void table_set(struct table *table, struct entry *entry, struct epochs *epochs)
{
	struct slots *slots = atomic_load(&table->slots);
	size_t at = locate(slots, entry->hash, entry->key, entry->key_size);
	struct entry *old = atomic_load(&slots->slots[at].entry);

	fill(&slots->slots[at], entry);
	if (old != NULL) {
		epoch_retire(epochs, &old->retired);
	} else {
		table->used++;
		table->live++;
	}
}

void table_remove(struct table *table, struct entry *entry, struct epochs *epochs)
{
	struct slots *slots = atomic_load(&table->slots);
	size_t at = locate(slots, entry->hash, entry->key, entry->key_size);

	atomic_store(&slots->slots[at].entry, &removed);
	table->live--;
	epoch_retire(epochs, &entry->retired);
}

size_t table_positions(const struct table *table)
{
	return atomic_load(&table->slots)->mask + 1;
}

struct entry *table_next(const struct table *table, size_t *position)
{
	const struct slots *slots = atomic_load(&table->slots);

	while (*position <= slots->mask) {
		struct entry *entry = atomic_load(&slots->slots[(*position)++].entry);
		if (entry != NULL && entry != &removed)
			return entry;
	}
	return NULL;
}
