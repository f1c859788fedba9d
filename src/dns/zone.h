/*
 * What a name stands for: the zone it lies in, and what the catalogue holds for it. Called by reply.c.
 *
 * Zones: nomad; service.nomad, the same names the way CoreDNS' plugin spells them; and the reverse zones of the
 * prefixes configured.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_ZONE_H
#define NSS_NOMAD_DNS_ZONE_H

#include "targets.h"
#include "view.h"

enum zone { ZONE_NONE, ZONE_NOMAD, ZONE_ALIAS, ZONE_REVERSE };

struct zone_node {
	struct name name; /* unless `plain` */
	enum zone zone;  /* NONE: somebody else's name, and nothing else is set */
	size_t origin;   /* where the zone's name stands in the question; with DS perhaps that of the zone above */
	enum verdict verdict;
	bool is_apex;    /* a zone's own name: holds SOA, and NS unless nested */
	bool is_nested;  /* with is_apex: the zone lies in another one of ours */
	bool is_server;  /* the name server's own, ns.nomad */
	bool plain;       /* SERVICE.NAMESPACE.nomad, as far as the question tells */
	bool is_instance; /* selects instances by a label: holds TXT */
	bool absent;      /* the verdict is what it is because the catalogue does not have something */
	bool unfollowed;  /* UNKNOWN: it would have to say "no" of a namespace that is not followed */

	/* With FOUND in a zone of services: all addresses of the service, or one, or those of the chosen. */
	const struct service *service;
	const struct targets *targets;
	const struct selection *selection; /* of a large service, what is chosen; NULL: the service is small */
	const struct instance *const *chosen; /* NULL: all of the service's, in its order */
	size_t chosen_count;
	bool all_addresses;
	bool has_only;
	struct address only;

	const struct service_names *names; /* with FOUND in a reverse zone */
};

/* Which zone the question's name lies in, before the catalogue is asked. Sets zone and origin, all else to 0. */
void zone_locate(const struct dns_view *view, const struct query *query, struct zone_node *node);

/*
 * What the name stands for; `node` comes from zone_locate(), and is not NONE. UNKNOWN where nobody can tell
 * what is asked for: a "no" is of namespaces alone that are followed. What it points to lasts until the reader
 * leaves the catalogue, and until the next call with the same scratch.
 */
void zone_find(const struct dns_view *view, const struct query *query, struct zone_node *node);

/*
 * The first label of the name server's own name, before `nomad` or `service.nomad`: "ns", or "_ns" where a service of the
 * default namespace has the first. So neither is taken for the other.
 */
const char *zone_server_label(const struct dns_view *view);

#endif
