/*
 * What index.c, which asks an index, and index_new.c, which makes it, have of each other.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_INDEX_PART_H
#define NSS_NOMAD_DNS_INDEX_PART_H

#include "index.h"

/* What selects. SPELLING selects no instances: its list has the spellings of one name, in namespaces that differ in case. */
enum index_kind { INDEX_ALL, INDEX_ADDRESS, INDEX_ALLOCATION, INDEX_TAG, INDEX_SPELLING };

struct index_key {
	enum index_kind kind;
	uint32_t range;
	size_t size; /* at most NAME_LABEL_MAX octets: no name asks for more */
	const void *octets;
};

/* The hash of a key, with the index' secret. */
uint64_t index_hash(const struct index *index, const struct index_key *key);

/* Whether a selection is that of the key, which has this hash. */
bool index_is(const struct selection *selection, uint64_t hash, const struct index_key *key);

#endif
