/*
 * The records of a zone itself: SOA, NS, and the name server's addresses. Called by records.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_APEX_H
#define NSS_NOMAD_DNS_APEX_H

#include "zone.h"

/* Answers a question for SOA or NS at the zone's top. */
void apex_write(struct reply *reply, const struct dns_view *view, const struct zone_node *node,
                const struct dns_client *client, uint16_t type, uint32_t ttl);

/* Answers a question for the name server's addresses, A or AAAA. */
void apex_write_server(struct reply *reply, const struct dns_view *view, const struct dns_client *client, uint16_t type,
                       uint32_t ttl);

/* Writes the SOA record, uncounted. */
void apex_write_soa(struct reply *reply, const struct dns_view *view, const struct zone_node *node, uint32_t ttl);

#endif
