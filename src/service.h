/*
 * The instances of a service, as Nomad registered them: what a record holds, what is selected from it.
 * The one type for all programs: record.c reads and writes it, lookup.c and dns/zone.c select from it,
 * nomad/fetch.c and watch/catalogue.c build it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_SERVICE_H
#define NSS_NOMAD_SERVICE_H

#include "address.h"
#include "name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The answer to "is there such a name?". UNKNOWN is 0: what is forgotten can never become "no such name". */
enum verdict {
	VERDICT_UNKNOWN, /* cannot tell */
	VERDICT_FOUND,
	VERDICT_NO_DATA, /* the name exists and holds nothing of that sort */
	VERDICT_NO_NAME,
};

/*
 * One registration. Its address was either an IP address, then `host` is NULL and `addresses` holds that
 * one; or a host name, then `addresses` holds what the name resolved to, perhaps nothing. Where its address was
 * neither, it is left out; the daemon keeps it without either, as a sign that there is such a service.
 */
struct instance {
	const char *id; /* unique in the namespace */
	const char *allocation;
	const char *node;
	const char *job;
	const char *datacenter;
	const char *host;
	const struct address *addresses;
	size_t address_count;
	const char *const *tags;
	size_t tag_count;
	uint16_t port;     /* 0: none, or not one of 1 to 65535 */
	uint8_t unresolved; /* families in which its host name may have addresses that are not here */
	uint64_t modified; /* Nomad's ModifyIndex; records do not keep it, then it is 0 */
};

/* Nomad tells Web from web, names do not: the instances of one spelling stand together. */
struct spelling {
	const char *namespace;
	const char *service;
	size_t first; /* in `instances` */
	size_t count;
	bool partial; /* it may have instances that are not here: what was told of them could not be understood */
};

/*
 * `addresses` is the union over all instances, without doubles; a service read in part (record.h) has
 * them, what is missing from them, and the spellings' count alone, and no instances.
 *
 * What is there is certain. What is not there is so only where nothing is missing: `unresolved` and `partial`.
 */
struct service {
	size_t spelling_count;
	const struct spelling *spellings;
	size_t instance_count;
	const struct instance *instances;
	size_t address_count;
	const struct address *addresses;
	uint8_t unresolved; /* families in which it may have addresses that are not here */
	bool partial; /* any of its spellings is */
	bool unknown; /* there is such a service, and what it has nobody can tell; records have a verdict for it */
};

/* Whether an instance has the address. Any thread. */
bool service_is_at(const struct instance *instance, const struct address *address);

/* The families in which `count` chosen instances may have addresses that are not here. Any thread. */
uint8_t service_chosen_unresolved(const struct instance *const *chosen, size_t count);

/*
 * Copies a service into one block of memory, released with free(): strings, tags, addresses and all. The
 * union of addresses, and what is missing from it, are computed again, in order of first appearance. NULL without
 * memory. Any thread.
 */
struct service *service_copy(const struct service *service);

/*
 * The instances a name asks for: those of the exact spelling, else of the single one that differs in case
 * only, else of all; from them what the selector takes (address, else allocation, else tag).
 *
 * service   whole, not in part
 * name      of kind NAME_SERVICE
 * chosen    gets pointers into the service, in its order; room for service->instance_count
 * count     how many
 *
 * FOUND: at least one. NO_DATA: the selector is SELECT_NOTHING, or SELECT_ALL and there is no instance to be had.
 * NO_NAME: the selector takes none. UNKNOWN: it takes none of those that are here, and may take what is missing: an
 * address that a host name may lead to, anything of a service that is partial or unknown.
 * No allocation, any thread.
 */
enum verdict service_select(const struct service *service, const struct name *name,
                            const struct instance **chosen, size_t *count);

/*
 * What service_select() says where a selector takes none of the instances that the name's spelling means.
 *
 * unresolved  the families in which those may have addresses that are not here
 */
enum verdict service_selects_none(const struct service *service, const struct name *name, uint8_t unresolved);

/*
 * The addresses a name asks for, without doubles, in the service's order, in the same way.
 *
 * addresses   a new array on FOUND, released with free(); otherwise untouched
 * count       of them, at least 1 on FOUND
 * unresolved  on FOUND the families in which there may be more
 *
 * NO_DATA also where what is selected has no address. UNKNOWN without memory, and where it has none that is known.
 * Any thread. Works on a service in part where service_in_part_suffices() says so.
 */
enum verdict service_addresses(const struct service *service, const struct name *name,
                               struct address **addresses, size_t *count, uint8_t *unresolved);

/* Whether the union of addresses answers the name: one spelling, and all instances or an address of it asked for. */
bool service_in_part_suffices(const struct service *part, const struct name *name);

#endif
