/*
 * What records.c (the records of a name), records_services.c (SRV, which is the most asked for) and records_texts.c (TXT)
 * have of each other.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_RECORDS_PART_H
#define NSS_NOMAD_DNS_RECORDS_PART_H

#include "records.h"

/* An answer being written. */
struct pen {
	struct reply *reply;
	const struct dns_view *view;
	const struct zone_node *node;
	uint32_t ttl;
};

/* Ends one record of the answer section, begun at `mark`; false where it did not fit, and TC is set. */
static inline bool answer_fits(struct reply *reply, uint8_t *mark)
{
	if (!reply_fits(reply, mark)) {
		reply->flags |= FLAG_TC;
		return false;
	}
	reply->answers++;
	return true;
}

/* Writes the SRV records of a service or of some of its instances, and the addresses of their targets. */
void records_answer_services(struct pen *pen);

/*
 * Writes the TXT records of the chosen instances, of which there is at least one. What they have in common is there once.
 * It ends, with TC, where about as much was looked at as an answer holds.
 */
void records_answer_texts(struct pen *pen);

#endif
