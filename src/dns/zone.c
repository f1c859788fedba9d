/*
 * What a name stands for; see zone.h. Called by reply.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "zone_part.h"

#include "text.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

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
		zone_locate_reverse(view->settings, query, node);
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

/* Whether there is such a namespace: the default one is there also while it is empty. */
static bool has_namespace(const struct dns_view *view, const char *label)
{
	return text_same(label, view->settings->default_namespace) || catalogue_has_namespace(view->catalogue, label);
}

/*
 * A name of one label may be a namespace's, or our own. Where not all are followed it may be that of one which is not: then
 * it holds nothing at least, and resolvers that ask label by label go on to the names below it.
 */
static void find_other(const struct dns_view *view, const struct name *name, struct zone_node *node)
{
	const char *label = name->key.service;

	node->verdict = VERDICT_NO_NAME;
	node->absent = true;
	if (!name->bare || name->is_other)
		return;
	node->is_server = name->select == SELECT_ALL && text_same(label, server_labels[SERVER_USUAL]);
	node->absent = !node->is_server && !has_namespace(view, label);
	if (!node->absent || !catalogue_follows_all(view->catalogue))
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
	node->absent = node->verdict == VERDICT_NO_NAME;
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
		node->absent = true;
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

	node->absent = false;
	if (name->bare)
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

/*
 * Whether there is the namespace that a name of two marks gives, or is one that the settings name: those are there also while
 * they are empty.
 */
static bool gives_namespace(const struct dns_view *view, const struct name *name)
{
	const char *namespace = name->key.namespace;

	return has_namespace(view, namespace) ||
	       (!catalogue_follows_all(view->catalogue) && catalogue_follows(view->catalogue, namespace));
}

/*
 * The first reading of the name that holds. Where nobody can tell whether there is the namespace, the service of the default
 * one answers with what it has; what it has not is judged by the namespace of which less is known. The catalogue may change
 * meanwhile: the namespace is looked at before and after.
 */
static void find_named(const struct dns_view *view, struct zone_node *node)
{
	struct name name = node->name;

	find_service(view, &name, node);
	if (node->service != NULL || !name.maybe_service)
		return;
	if (gives_namespace(view, &name)) {
		find_service(view, &name, node);
		return;
	}
	name_as_service(&name, &node->name);
	find_service(view, &node->name, node);
	if (!node->absent)
		return;
	if (gives_namespace(view, &name)) {
		node->verdict = VERDICT_UNKNOWN;
		node->absent = false;
	} else if (catalogue_follows(view->catalogue, view->settings->default_namespace)) {
		node->name = name;
	}
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

/* The namespace that a name is in; one that was not taken apart has it in its second label. */
static void namespace_of(const struct dns_view *view, const struct query *query, const struct zone_node *node,
                         char namespace[NAME_LABEL_MAX + 1])
{
	if (!node->plain) {
		strcpy(namespace, node->name.bare ? view->settings->default_namespace : node->name.key.namespace);
		return;
	}
	memcpy(namespace, query->labels[1].start, query->labels[1].length);
	namespace[query->labels[1].length] = '\0';
}

/* What is not in the catalogue is nowhere, if its namespace is followed. */
static void judge_absent(const struct dns_view *view, const struct query *query, struct zone_node *node)
{
	char namespace[NAME_LABEL_MAX + 1];

	if (catalogue_follows_all(view->catalogue))
		return;
	namespace_of(view, query, node, namespace);
	if (catalogue_follows(view->catalogue, namespace))
		return;
	node->verdict = VERDICT_UNKNOWN;
	node->unfollowed = true;
}

void zone_find(const struct dns_view *view, const struct query *query, struct zone_node *node)
{
	const struct name *name = &node->name;

	if (node->zone == ZONE_REVERSE) {
		zone_find_reverse(view, query, node);
		return;
	}
	if (!node->plain || !find_plain(view, query, node)) {
		if (node->plain)
			name_parse_labels(query->labels, query->label_count, view->settings->reading, &node->name);
		if (name->kind == NAME_SERVICE)
			find_named(view, node);
		else if (name->kind == NAME_EMPTY)
			find_empty(view, query, node);
		else
			node->verdict = VERDICT_NO_NAME;
	}
	if (cannot_tell(query, node))
		node->verdict = VERDICT_UNKNOWN;
	else if (node->absent)
		judge_absent(view, query, node);
}
