/*
 * What zone.c (names of services) and zone_reverse.c (names of addresses) have of each other.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_ZONE_PART_H
#define NSS_NOMAD_DNS_ZONE_PART_H

#include "zone.h"

#include "text.h"

#include <string.h>

/* Whether it is a word of lower case. Mostly its length or first letter tells, or it is so to the letter; else there is a call. */
static inline bool label_is(const struct label *label, const char *word)
{
	size_t length = strlen(word);

	if (label->length != length || (label->start[0] | 0x20) != word[0])
		return false;
	return memcmp(label->start, word, length) == 0 || text_same_letters(label->start, word, length);
}

/* Where the name of the last `count` labels stands in the message; the root alone, count 0, is never asked for. */
static inline size_t offset_of(const struct query *query, size_t count)
{
	const struct label *label = &query->labels[query->label_count - count];

	return MESSAGE_QUESTION + (size_t)(label->start - query->labels[0].start);
}

/*
 * Sets which zone the name lies in, by its labels, and those of the one above it if that is ours; else 0. A question for DS
 * at a zone's own name is for the zone above: who is authoritative for both answers there, where the zone is cut off
 * (RFC 4035 section 3.1.4.1).
 */
static inline void set_zone(struct zone_node *node, const struct query *query, size_t labels, size_t above)
{
	node->is_apex = query->label_count == labels;
	node->is_nested = above > 0;
	node->origin = offset_of(query, node->is_apex && above > 0 && query->type == DNS_DS ? above : labels);
}

/* Where a name of a reverse zone lies; nothing is set where it lies in none that is configured. */
void zone_locate_reverse(const struct dns_settings *settings, const struct query *query, struct zone_node *node);

/* What it stands for. Names above an address exist, so that a resolver that asks label by label comes through (RFC 8020). */
void zone_find_reverse(const struct dns_view *view, const struct query *query, struct zone_node *node);

#endif
