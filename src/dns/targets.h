/*
 * What SRV records of a service lead to: the names of its instances' hosts, and which of them say the same twice.
 * Computed when a service changes, not when it is asked for. Called by server.c (as catalogue_prepare), zone.c, records.c,
 * records_services.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_TARGETS_H
#define NSS_NOMAD_DNS_TARGETS_H

#include "index.h"
#include "message.h"
#include "service.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the names of targets end in, in the form of the wire, with the root. */
#define TARGET_ZONE ((const uint8_t[]){5, 'n', 'o', 'm', 'a', 'd', 0})

enum {
	SRV_PRIORITY = 10,
	SRV_WEIGHT = 10, /* never 0, which HAProxy takes for "no traffic" */
	SRV_HEAD = RECORD_HEAD + 6, /* octets before the target: and priority, weight, port (RFC 2782) */
};

/*
 * Where an instance is reached: an SRV record as it stands in an answer, its owner a pointer to the question, its TTL
 * still 0. Its target is LABEL.SERVICE.NAMESPACE.nomad, or the name of a host. Behind it, unless that is a host, the
 * target's address record, its owner and TTL still 0.
 */
struct target {
	const uint8_t *record;
	uint16_t size;        /* octets of the SRV record; of no use without has_row */
	uint8_t address_size; /* octets of the record behind it; 0: a host, whose addresses are not ours to say */
	bool has_row;     /* it has a port, and an address or a host: there is an SRV record */
	bool first_row;   /* ... which no instance before it has */
	bool first_address; /* ... and whose address no instance before it with a first row has */
};

/* More octets than any answer has: those of a service with so many instances that none is marked. */
enum { TARGETS_UNMARKED = 1 << 30 };

/* One for each instance, in the service's order, and all their records behind: what a question needs lies together. */
struct targets {
	size_t count;
	size_t row_octets;  /* of all records with first_row; */
	size_t octets;      /* ... and of the records behind them with first_address; or TARGETS_UNMARKED */
	uint16_t rows;      /* how many of the ones there are, and of the others */
	uint16_t addresses;
	bool one_spelling; /* the service has no other: nothing is to be selected by it */
	bool partial;      /* as in struct service, which a question for SRV need not touch; and unknown, too */
	bool unknown;
	const struct index *index; /* of a large service, in the same block; NULL: of a small one */
	struct target targets[];
};

/* The targets of a service, in one block released with free(); NULL without memory. Of type catalogue_prepare. */
void *targets_prepare(const struct service *service);

/* Writes a label in the form of the wire: its length, at most 63, and its octets. Where it ends. */
uint8_t *target_put_label(uint8_t *at, const char *label, size_t length);

/* Whether an instance has an SRV record: it has a port, and an address or a host. */
bool target_has_row(const struct instance *instance);

/* Whether two instances have the same SRV record, and a number that is then the same. */
bool target_same_row(const void *a, const void *b);
uint64_t target_hash_row(const struct instance *instance);

#endif
