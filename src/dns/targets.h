/*
 * What SRV records of a service lead to: the names of its instances' hosts, and which of them say the same twice.
 * Computed when a service changes, not when it is asked for. Called by server.c (as catalogue_prepare), records.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_TARGETS_H
#define NSS_NOMAD_DNS_TARGETS_H

#include "service.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the names of targets end in, in the form of the wire, with the root. */
#define TARGET_ZONE ((const uint8_t[]){5, 'n', 'o', 'm', 'a', 'd', 0})

/* Where an instance is reached, in the form of the wire: LABEL.SERVICE.NAMESPACE.nomad, or the name of a host. */
struct target {
	const uint8_t *name;
	uint8_t size;
	bool is_host;
	bool has_row;     /* it has a port, and an address or a host: there is an SRV record */
	bool first_row;   /* ... which no instance before it has */
	bool first_address; /* ... and whose address no instance before it with a first row has */
};

/* One for each instance, in the service's order. */
struct targets {
	size_t count;
	struct target targets[];
};

/* The targets of a service, in one block released with free(); NULL without memory. Of type catalogue_prepare. */
void *targets_prepare(const struct service *service);

/* Whether two instances have the same SRV record, and a number that is then the same. */
bool target_same_row(const void *a, const void *b);
uint64_t target_hash_row(const struct instance *instance);

#endif
