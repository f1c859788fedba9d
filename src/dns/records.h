/*
 * The records of a name: those of the type asked for, and what goes with them. Called by reply.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_RECORDS_H
#define NSS_NOMAD_DNS_RECORDS_H

#include "zone.h"

/*
 * Writes the records of one type into the answer section, rotated, without doubles, and their targets' addresses into
 * the additional section. Records that do not fit set TC (RFC 2181 section 9), additional ones are left out quietly.
 *
 * node  FOUND or NO_DATA
 * type  of the question; ANY gets the first that there is (RFC 8482 section 4.1)
 */
void records_write(struct reply *reply, const struct dns_view *view, const struct zone_node *node,
                   const struct dns_client *client, uint16_t type, uint32_t ttl);

/*
 * Writes the zone's SOA record into the authority section, which a negative answer has (RFC 2308 section 2). It is kept no
 * longer than `ttl`, with which records are answered now.
 */
void records_write_negative(struct reply *reply, const struct dns_view *view, const struct zone_node *node, uint32_t ttl);

#endif
