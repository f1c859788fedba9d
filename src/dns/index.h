/*
 * What each selector takes of a large service, laid out for answers: made when the service changes, so that a question costs
 * what its answer holds, and not what the service does. The rules are service_select()'s. A small service has none: looking
 * at all of it is as cheap, and takes no memory. Called by targets.c, which makes it, zone.c, records.c, records_services.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_INDEX_H
#define NSS_NOMAD_DNS_INDEX_H

#include "service.h"
#include "siphash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Things of instances to look at, of which a service has fewer that is looked through for each question: microseconds. */
enum { INDEX_FROM = 128 };

/* What a name takes: places in the index' list, of instances or of addresses, each in the service's order. */
struct selection {
	uint32_t first, count;    /* its instances */
	uint32_t rows, row_count; /* those of them that have an SRV record which none before has */
	uint32_t addresses, v4_count, v6_count; /* without duplicates; those of IPv4 first */
	uint32_t range;           /* the spelling that it is of; as many as there are: all of them */
	uint8_t kind;             /* what selects: index.c's own */
	uint8_t key_size;         /* octets of the key */
	uint8_t unresolved;       /* families in which one of them may have addresses that are not here */
	const void *key;          /* in the service */
	uint64_t hash;
};

/* One block, which is the same wherever it is copied to; it points into the service. */
struct index {
	uint8_t secret[SIPHASH_KEY]; /* so that nobody can register what makes it slow */
	uint32_t count;              /* of the selections */
	uint32_t listed;             /* ... of the list */
	uint32_t mask;               /* ... of the slots, less one */
	struct selection selections[]; /* behind them the list, and slots with their numbers and one, 0 where free */
};

/* Whether the service is so large that questions need one. */
bool index_is_wanted(const struct service *service);

/* One for a service that has instances, and its size; released with free(). NULL without memory. Any thread. */
struct index *index_new(const struct service *service, size_t *size);

/*
 * What service_select() would choose. The verdict is its own; `selection` is set on FOUND.
 *
 * index    of that service
 * service  the one that it was made of
 *
 * No allocation, any thread. Costs the same whatever the service holds.
 */
enum verdict index_select(const struct index *index, const struct service *service, const struct name *name,
                          const struct selection **selection);

/* What the whole of a service with one spelling is. */
static inline const struct selection *index_all(const struct index *index)
{
	return &index->selections[0];
}

static inline const void *const *index_list(const struct index *index, uint32_t place)
{
	return (const void *const *)(const void *)&index->selections[index->count] + place;
}

/* The instances of a selection, `count` of them, in the form in which service_select() has them. */
static inline const struct instance *const *index_instances(const struct index *index, const struct selection *selection)
{
	return (const struct instance *const *)index_list(index, selection->first);
}

/* Those of them that have an SRV record of their own, `row_count`. */
static inline const struct instance *const *index_rows(const struct index *index, const struct selection *selection)
{
	return (const struct instance *const *)index_list(index, selection->rows);
}

/* Its addresses of one family, AF_INET or AF_INET6, and how many they are. */
const struct address *const *index_addresses(const struct index *index, const struct selection *selection, int family);
size_t index_count_addresses(const struct selection *selection, int family);

#endif
