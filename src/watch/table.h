/*
 * A hash table of immutable entries, changed by one thread and read by others without locks. Called by
 * catalogue.c. An entry is replaced as a whole; entries and tables that were replaced are retired (epoch.h).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_TABLE_H
#define NSS_NOMAD_TABLE_H

#include "epoch.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct entry {
	struct retired retired; /* `owned` are its values, freed with it */
	size_t members;         /* the writer's own count; readers do not look at it */
	uint64_t hash;
	size_t key_size;
	uint8_t key[];
};

/* A place in the table. Its hash is written before its entry and then never changes, also when the entry goes. */
struct slot {
	atomic_uint_fast64_t hash; /* that of the entry, so that others' entries need not be touched */
	_Atomic(struct entry *) entry;
};

struct slots {
	struct retired retired;
	size_t mask; /* of the position; the number of slots is a power of two */
	struct slot slots[];
};

struct table {
	_Atomic(struct slots *) slots;
	size_t used; /* slots that are not NULL: entries and what was removed */
	size_t live; /* entries */
};

/* An empty table: 0 or -ENOMEM. */
int table_init(struct table *table);

/* Frees the table and its entries; no reader is left. Accepts zeroes. */
void table_done(struct table *table);

/* The hash of a key's octets, the same for letters of either case: a question's are hashed as they came. */
uint64_t table_hash(const uint8_t *key, size_t size);

/* An entry for the key, in no table yet and without values; NULL without memory. Freed with table_free_entry(). */
struct entry *table_entry(const uint8_t *key, size_t size);

/* Frees an entry that is in no table, and its values. Accepts NULL. */
void table_free_entry(struct entry *entry);

/* Whether the entry has that key, octet for octet. */
bool entry_is(const struct entry *entry, const uint8_t *key, size_t size);

/* The entry with that key and its table_hash(), NULL where there is none. Readers between enter and leave, and the writer. */
struct entry *table_find(const struct table *table, uint64_t hash, const uint8_t *key, size_t size);

/*
 * Two steps that find entries for many keys at once: memory fetches for all of them while one alone would wait. Each only
 * begins to fetch; the entry may be another's, or NULL where table_find() would have to look further.
 */
void table_fetch_slot(const struct table *table, uint64_t hash);
const struct entry *table_fetch_entry(const struct table *table, uint64_t hash);

/* Makes room for `more` entries: 0 or -ENOMEM. After it as many table_set() cannot fail. The writer's thread. */
int table_reserve(struct table *table, size_t more, struct epochs *epochs);

/* Puts an entry in, in place of one with the same key, which is retired. The writer's thread. */
void table_set(struct table *table, struct entry *entry, struct epochs *epochs);

/* Takes an entry of the table out, and retires it. The writer's thread. */
void table_remove(struct table *table, struct entry *entry, struct epochs *epochs);

/* How many positions there are; more after table_reserve(). The writer's thread. */
size_t table_positions(const struct table *table);

/* The entry at or after `*position`, which is then moved past it; NULL after the last. Starts at 0. The writer's thread. */
struct entry *table_next(const struct table *table, size_t *position);

#endif
