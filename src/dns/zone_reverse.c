/*
 * Names of addresses: the reverse zones that are configured, and who is at an address; see zone_part.h. Called by zone.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "zone_part.h"

#include <sys/socket.h>

enum { SUFFIX_LABELS = 2 }; /* of in-addr.arpa, ip6.arpa, service.nomad */

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* A label of a reverse name as a number of base 10 or 16 below `limit`, without leading zeroes; -1 where it is none. */
static int parse_digits(const struct label *label, int base, int limit)
{
	int value = 0;

	if (label->length > 3 || (label->length > 1 && label->start[0] == '0'))
		return -1;
	for (size_t i = 0; i < label->length; i++) {
		int digit = digit_of(label->start[i]);
		if (digit >= base)
			return -1;
		value = value * base + digit;
	}
	return value < limit ? value : -1;
}

/* A reverse name taken apart: the address as far as it is given, and how many labels of it (RFC 3596 section 2.5). */
struct reversed {
	struct address address;
	size_t given;
	size_t whole; /* labels of a whole address */
	unsigned bits; /* of a label */
	bool odd;     /* there is a label that belongs to no address */
};

static void take_label(struct reversed *reversed, const struct label *label)
{
	bool is_v4 = reversed->address.family == AF_INET;
	int value = parse_digits(label, is_v4 ? 10 : 16, is_v4 ? 256 : 16);
	size_t place = reversed->given;

	reversed->odd = value < 0 || place == reversed->whole;
	if (reversed->odd)
		return;
	reversed->address.octets[is_v4 ? place : place / 2] |= (uint8_t)(is_v4 || place % 2 == 1 ? value : value << 4);
	reversed->given++;
}

static bool take_apart(const struct query *query, struct reversed *reversed)
{
	size_t count = query->label_count;

	if (count < SUFFIX_LABELS || !label_is(&query->labels[count - 1], "arpa"))
		return false;
	bool is_v4 = label_is(&query->labels[count - 2], "in-addr");
	if (!is_v4 && !label_is(&query->labels[count - 2], "ip6"))
		return false;
	*reversed = (struct reversed){.address.family = is_v4 ? AF_INET : AF_INET6,
	                              .whole = is_v4 ? 4 : 32, .bits = is_v4 ? 8 : 4};
	for (size_t i = count - SUFFIX_LABELS; i > 0 && !reversed->odd; i--)
		take_label(reversed, &query->labels[i - 1]);
	return true;
}

/* The labels, above the suffix, of a prefix's zones: 172.16.0.0/12 lies in sixteen of them, 16.172.in-addr.arpa and on. */
static size_t depth_of(const struct prefix *prefix, const struct reversed *reversed)
{
	return (prefix->bits + reversed->bits - 1) / reversed->bits;
}

/* The labels of the zone that a reverse name lies in, of those of at most `most`; the longest suffix wins. 0: in none. */
static size_t longest_zone(const struct dns_settings *settings, const struct reversed *reversed, size_t most)
{
	size_t best = 0;

	for (size_t i = 0; i < settings->reverse_count; i++) {
		const struct prefix *prefix = &settings->reverse[i];
		size_t depth = depth_of(prefix, reversed) + SUFFIX_LABELS;
		if (depth > best && depth <= most && prefix_holds(prefix, &reversed->address))
			best = depth;
	}
	return best;
}

void zone_locate_reverse(const struct dns_settings *settings, const struct query *query, struct zone_node *node)
{
	struct reversed reversed;

	if (settings->reverse_count == 0 || !take_apart(query, &reversed))
		return;
	size_t labels = longest_zone(settings, &reversed, reversed.given + SUFFIX_LABELS);
	if (labels == 0)
		return;
	node->zone = ZONE_REVERSE;
	set_zone(node, query, labels, query->label_count == labels ? longest_zone(settings, &reversed, labels - 1) : 0);
}

void zone_find_reverse(const struct dns_view *view, const struct query *query, struct zone_node *node)
{
	struct reversed reversed;

	node->verdict = VERDICT_NO_NAME;
	if (!take_apart(query, &reversed) || reversed.odd)
		return;
	node->verdict = VERDICT_NO_DATA;
	if (reversed.given < reversed.whole)
		return;
	node->names = catalogue_names_at(view->catalogue, &reversed.address);
	node->verdict = node->names != NULL ? VERDICT_FOUND : node->is_apex ? VERDICT_NO_DATA : VERDICT_NO_NAME;
	node->absent = node->names == NULL;
}
