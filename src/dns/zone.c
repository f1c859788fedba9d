/*
 * What a name stands for; see zone.h. Called by reply.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "zone.h"

#include "text.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

enum { SUFFIX_LABELS = 2 }; /* of in-addr.arpa, ip6.arpa, service.nomad */

/* Whether it is a word of lower case. Mostly its length or first letter tells, or it is so to the letter; else there is a call. */
static inline bool label_is(const struct label *label, const char *word)
{
	size_t length = strlen(word);

	if (label->length != length || (label->start[0] | 0x20) != word[0])
		return false;
	return memcmp(label->start, word, length) == 0 || text_same_letters(label->start, word, length);
}

/* Where the name of the last `count` labels stands in the message; the root alone, count 0, is never asked for. */
static size_t offset_of(const struct query *query, size_t count)
{
	const struct label *label = &query->labels[query->label_count - count];

	return MESSAGE_QUESTION + (size_t)(label->start - query->labels[0].start);
}

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

/*
 * Sets which zone the name lies in, by its labels, and those of the one above it if that is ours; else 0. A question for DS
 * at a zone's own name is for the zone above: who is authoritative for both answers there, where the zone is cut off
 * (RFC 4035 section 3.1.4.1).
 */
static void set_zone(struct zone_node *node, const struct query *query, size_t labels, size_t above)
{
	node->is_apex = query->label_count == labels;
	node->is_nested = above > 0;
	node->origin = offset_of(query, node->is_apex && above > 0 && query->type == DNS_DS ? above : labels);
}

static void locate_reverse(const struct dns_settings *settings, const struct query *query, struct zone_node *node)
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

/* SERVICE.NAMESPACE.nomad, as nearly every question is: where the service is there, the name is not taken apart. */
static bool is_plain(const struct dns_view *view, const struct query *query)
{
	enum { LABELS = 3 };
	const struct label *labels = query->labels;

	return query->label_count == LABELS && labels[0].start[0] != '_' && label_is(&labels[2], "nomad") &&
	       (view->settings->reading == NAME_PLAIN || !label_is(&labels[1], "service"));
}

void zone_locate(const struct dns_view *view, const struct query *query, struct zone_node *node)
{
	size_t size = sizeof *node - offsetof(struct zone_node, zone);

	memset(&node->zone, 0, size);
	if (is_plain(view, query)) {
		node->plain = true;
		node->zone = ZONE_NOMAD;
		node->origin = offset_of(query, 1);
		return;
	}
	name_parse_labels(query->labels, query->label_count, view->settings->reading, &node->name);
	if (node->name.kind == NAME_FOREIGN) {
		locate_reverse(view->settings, query, node);
		return;
	}
	if (node->name.aliased)
		set_zone(node, query, 2, 1);
	else
		set_zone(node, query, 1, 0);
	node->zone = node->origin == offset_of(query, 1) ? ZONE_NOMAD : ZONE_ALIAS;
}

/* Which addresses the name holds, by the rules of service_addresses(): a name that gives an address holds that one. */
static void find_addresses(const struct name *name, struct zone_node *node)
{
	node->only = name->address;
	node->has_only = name->address.family != 0 && service_is_at(node->chosen[0], &name->address);
}

enum server_label { SERVER_USUAL, SERVER_SPARE };

/* With the underscore it is no service's name, whatever is registered, and holds nothing otherwise. */
static const char *const server_labels[] = {[SERVER_USUAL] = "ns", [SERVER_SPARE] = "_ns"};

static enum server_label server_label(const struct dns_view *view)
{
	const void *prepared;

	return catalogue_find_prepared(view->catalogue, view->settings->default_namespace, server_labels[SERVER_USUAL],
	                               &prepared) == NULL ? SERVER_USUAL : SERVER_SPARE;
}

const char *zone_server_label(const struct dns_view *view)
{
	return server_labels[server_label(view)];
}

/* A name that is there whatever the catalogue holds: the zones' own and those that are marked. */
static void find_empty(const struct dns_view *view, const struct query *query, struct zone_node *node)
{
	const struct label *first = &query->labels[0];
	size_t zone_labels = node->name.aliased ? 2 : 1, length = strlen(server_labels[SERVER_SPARE]);

	node->verdict = VERDICT_NO_DATA;
	node->is_server = query->label_count == zone_labels + 1 && first->length == length &&
	                  text_same_letters(first->start, server_labels[SERVER_SPARE], length) &&
	                  server_label(view) == SERVER_SPARE;
}

/* A name of one label may be a namespace's, or our own. */
static void find_other(const struct dns_view *view, const struct name *name, struct zone_node *node)
{
	const char *label = name->key.service;

	node->verdict = VERDICT_NO_NAME;
	if (!name_in_default_namespace(&name->key))
		return;
	node->is_server = name->select == SELECT_ALL && text_same(label, server_labels[SERVER_USUAL]);
	if (node->is_server || text_same(label, view->settings->default_namespace) ||
	    catalogue_has_namespace(view->catalogue, label))
		node->verdict = VERDICT_NO_DATA;
}

/* The only spelling there is stands for all of them: nothing to be selected. */
static void choose_all(struct zone_node *node)
{
	node->all_addresses = true;
	node->selection = node->targets->index == NULL ? NULL : index_all(node->targets->index);
	node->chosen_count = node->targets->count;
	node->verdict = VERDICT_FOUND;
}

/* What the name's selector takes, or its spelling of several. */
static void choose_some(const struct dns_view *view, const struct name *name, struct zone_node *node)
{
	const struct index *index = node->targets->index;

	if (index == NULL) {
		node->verdict = service_select(node->service, name, view->scratch->chosen, &node->chosen_count);
		node->chosen = view->scratch->chosen;
		view->scratch->looked += node->service->instance_count;
	} else {
		node->verdict = index_select(index, node->service, name, &node->selection);
	}
	if (node->selection != NULL) {
		node->chosen = index_instances(index, node->selection);
		node->chosen_count = node->selection->count;
	}
	node->is_instance = name->select == SELECT_LABEL;
	if (node->verdict == VERDICT_FOUND)
		find_addresses(name, node);
}

/*
 * Finds a plain name by the question's own octets. False where that does not tell: the service has several spellings, or
 * nothing was prepared for it.
 */
static bool find_plain(const struct dns_view *view, const struct query *query, struct zone_node *node)
{
	const struct label *labels = query->labels;
	const void *prepared;

	node->service = catalogue_find_labels(view->catalogue, (const uint8_t *)labels[0].start - 1,
	                                      labels[0].length + labels[1].length + 2, view->ahead, &prepared);
	node->targets = prepared;
	if (node->service == NULL) {
		node->verdict = VERDICT_NO_NAME; /* with a namespace it can be no other's name either */
		return true;
	}
	if (node->targets == NULL || !node->targets->one_spelling)
		return false;
	choose_all(node);
	return true;
}

static void find_service(const struct dns_view *view, const struct name *name, struct zone_node *node)
{
	const char *namespace = name->key.namespace;
	const void *prepared;

	if (name_in_default_namespace(&name->key))
		namespace = view->settings->default_namespace;
	node->service = catalogue_find_prepared(view->catalogue, namespace, name->key.service, &prepared);
	if (node->service == NULL) {
		find_other(view, name, node);
		return;
	}
	node->targets = prepared;
	node->verdict = VERDICT_UNKNOWN;
	if (node->targets == NULL)
		return;
	if (name->select == SELECT_ALL && node->targets->one_spelling)
		choose_all(node);
	else
		choose_some(view, name, node);
}

/* Whether an address of the family is missing where it may be: none of those that the name holds is of it. */
static bool lacks_family(const struct zone_node *node, int family)
{
	const struct service *service = node->service;
	uint8_t wanted = address_families(family);

	/* A name that gives an address holds that one, and no other. */
	if ((service->unresolved & wanted) == 0 || node->has_only)
		return false;
	if (node->selection != NULL)
		return (service->partial || (node->selection->unresolved & wanted) != 0) &&
		       index_count_addresses(node->selection, family) == 0;
	if (node->all_addresses)
		return !address_has_family(service->addresses, service->address_count, family);
	if (!service->partial && (service_chosen_unresolved(node->chosen, node->chosen_count) & wanted) == 0)
		return false;
	for (size_t i = 0; i < node->chosen_count; i++)
		if (address_has_family(node->chosen[i]->addresses, node->chosen[i]->address_count, family))
			return false;
	return true;
}

/* Whether there is an SRV record. The name of a host that could not be resolved is one's target all the same. */
static bool has_row(const struct zone_node *node)
{
	const struct targets *targets = node->targets;

	if (node->selection != NULL)
		return node->selection->row_count > 0;
	if (node->all_addresses)
		return targets->rows > 0;
	for (size_t i = 0; i < node->chosen_count; i++)
		if (targets->targets[node->chosen[i] - node->service->instances].has_row)
			return true;
	return false;
}

/* Whether the service is there, and nobody can tell what is asked for: its instances, or where they are. */
static bool cannot_tell(const struct query *query, const struct zone_node *node)
{
	if (node->service == NULL || node->targets == NULL) /* then the verdict says it already */
		return false;
	if (node->targets->unknown)
		return true;
	if (node->verdict != VERDICT_FOUND)
		return false;
	switch (query->type) {
	case DNS_A:
		return lacks_family(node, AF_INET);
	case DNS_AAAA:
		return lacks_family(node, AF_INET6);
	case DNS_ANY:
		return lacks_family(node, AF_INET) && lacks_family(node, AF_INET6);
	case DNS_SRV:
		return node->targets->partial && !has_row(node);
	default:
		return false;
	}
}

/* Names above an address exist, whoever is below; so a resolver that asks label by label comes through (RFC 8020). */
static void find_reverse(const struct dns_view *view, const struct query *query, struct zone_node *node)
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
}

void zone_find(const struct dns_view *view, const struct query *query, struct zone_node *node)
{
	const struct name *name = &node->name;

	if (node->zone == ZONE_REVERSE) {
		find_reverse(view, query, node);
		return;
	}
	if (!node->plain || !find_plain(view, query, node)) {
		if (node->plain)
			name_parse_labels(query->labels, query->label_count, view->settings->reading, &node->name);
		if (name->kind == NAME_SERVICE)
			find_service(view, name, node);
		else if (name->kind == NAME_EMPTY)
			find_empty(view, query, node);
		else
			node->verdict = VERDICT_NO_NAME;
	}
	if (cannot_tell(query, node))
		node->verdict = VERDICT_UNKNOWN;
}
