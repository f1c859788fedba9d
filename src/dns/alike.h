/*
 * Which of many items are the same: found out once for all, so that lists without duplicates can be made of any of them at
 * the cost of a look each. Called by index_new.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_ALIKE_H
#define NSS_NOMAD_DNS_ALIKE_H

#include "siphash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct alike {
	size_t count;
	const void **items; /* for the caller to fill in; NULL: none */
	uint32_t *first;    /* of each the number of the first one that is the same */
	uint32_t *stamps;   /* by such a number: the last list that has it, and one */
};

/* Room for `count` items, all NULL; false without memory. Released with alike_done() in either case, which accepts zeroes. */
bool alike_init(struct alike *alike, size_t count);
void alike_done(struct alike *alike);

/*
 * Compares all items: instances, which all have an SRV record, by that; or addresses.
 *
 * secret  that nobody knows who chose the items
 *
 * False without memory.
 */
bool alike_compare_rows(struct alike *alike, const uint8_t secret[SIPHASH_KEY]);
bool alike_compare_addresses(struct alike *alike, const uint8_t secret[SIPHASH_KEY]);

/* Whether no item that is the same was asked for with this list's number yet; lists come one after the other. */
bool alike_is_new(struct alike *alike, size_t item, uint32_t list);

#endif
