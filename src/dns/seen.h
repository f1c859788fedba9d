/*
 * What an answer holds already: a set that is emptied at no cost. An RRset has no doubles (RFC 2181 section 5), however
 * many instances share a host. Called by records.c, records_services.c, targets.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_SEEN_H
#define NSS_NOMAD_DNS_SEEN_H

#include "address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SEEN_MOST = 4096, /* items; 65535 octets hold no more records: the shortest, an A, takes 16 */
};

struct seen {
	uint32_t generation; /* slots of another one are free */
	uint32_t mask; /* of the slots in use */
	uint32_t most; /* ... of all */
	struct {
		uint32_t generation;
		const void *item;
	} slots[];
};

/* Room for `most` items, up to SEEN_MOST; NULL without memory. Released with free(). */
struct seen *seen_new(size_t most);

/* Empties it, for about `most` items: as few lines of cache are used as will do. */
void seen_reset(struct seen *seen, size_t most);

/* Adds an item with its hash, unless `same` says that it is there. True where it is new, and there was room. */
bool seen_add(struct seen *seen, uint64_t hash, const void *item, bool (*same)(const void *a, const void *b));

/* For addresses: their hash, and whether two are the same. */
uint64_t seen_hash_address(const struct address *address);
bool seen_same_address(const void *a, const void *b);

#endif
