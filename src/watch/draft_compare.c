/*
 * How two blocks of a service differ; see draft.h. Called by registry.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "draft.h"

#include <string.h>

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_tags(const struct instance *a, const struct instance *b)
{
	if (a->tag_count != b->tag_count)
		return false;
	for (size_t i = 0; i < a->tag_count; i++)
		if (strcmp(a->tags[i], b->tags[i]) != 0)
			return false;
	return true;
}

static bool same_addresses(const struct instance *a, const struct instance *b)
{
	if (a->address_count != b->address_count)
		return false;
	for (size_t i = 0; i < a->address_count; i++)
		if (!address_equal(&a->addresses[i], &b->addresses[i]))
			return false;
	return true;
}

static bool same_instance(const struct instance *a, const struct instance *b)
{
	return a->port == b->port && a->unresolved == b->unresolved && same_text(a->id, b->id) &&
	       same_text(a->allocation, b->allocation) && same_text(a->node, b->node) && same_text(a->job, b->job) &&
	       same_text(a->datacenter, b->datacenter) && same_text(a->host, b->host) && same_addresses(a, b) &&
	       same_tags(a, b);
}

static bool same_spellings(const struct service *a, const struct service *b)
{
	if (a->spelling_count != b->spelling_count)
		return false;
	for (size_t i = 0; i < a->spelling_count; i++)
		if (a->spellings[i].count != b->spellings[i].count || a->spellings[i].partial != b->spellings[i].partial ||
		    strcmp(a->spellings[i].namespace, b->spellings[i].namespace) != 0 ||
		    strcmp(a->spellings[i].service, b->spellings[i].service) != 0)
			return false;
	return true;
}

enum difference draft_compare(const struct service *a, const struct service *b)
{
	enum difference difference = DIFFERENCE_NONE;

	if (a->unknown != b->unknown || a->instance_count != b->instance_count || !same_spellings(a, b))
		return DIFFERENCE_SEEN;
	for (size_t i = 0; i < a->instance_count; i++) {
		if (!same_instance(&a->instances[i], &b->instances[i]))
			return DIFFERENCE_SEEN;
		if (a->instances[i].modified != b->instances[i].modified)
			difference = DIFFERENCE_UNSEEN;
	}
	return difference;
}
