/*
 * The instances of a service: copied into one block, and selected by name. See service.h.
 * Called by record.c, lookup.c, dns/zone.c, nomad/fetch.c, watch/catalogue.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "service.h"

#include "text.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

/* Gives out pieces of one block; without a block it only counts them. */
struct arena {
	uint8_t *block;
	size_t used;
};

static void *arena_take(struct arena *arena, size_t size, size_t alignment)
{
	arena->used = (arena->used + alignment - 1) & ~(alignment - 1);
	void *piece = arena->block == NULL ? NULL : arena->block + arena->used;
	arena->used += size;
	return piece;
}

static void *arena_copy(struct arena *arena, const void *from, size_t size, size_t alignment)
{
	void *piece = arena_take(arena, size, alignment);
	if (piece != NULL && size > 0)
		memcpy(piece, from, size);
	return piece;
}

static const char *arena_text(struct arena *arena, const char *text)
{
	return text == NULL ? NULL : arena_copy(arena, text, strlen(text) + 1, 1);
}

static void copy_instance(struct arena *arena, const struct instance *from, struct instance *to)
{
	struct instance copy = *from;
	const char **tags = arena_take(arena, from->tag_count * sizeof *tags, alignof(char *));

	for (size_t i = 0; i < from->tag_count; i++) {
		const char *tag = arena_text(arena, from->tags[i]);
		if (tags != NULL)
			tags[i] = tag;
	}
	copy.tags = tags;
	copy.addresses = arena_copy(arena, from->addresses, from->address_count * sizeof *from->addresses,
	                            alignof(struct address));
	copy.id = arena_text(arena, from->id);
	copy.allocation = arena_text(arena, from->allocation);
	copy.node = arena_text(arena, from->node);
	copy.job = arena_text(arena, from->job);
	copy.datacenter = arena_text(arena, from->datacenter);
	copy.host = arena_text(arena, from->host);
	if (to != NULL)
		*to = copy;
}

static void copy_spelling(struct arena *arena, const struct spelling *from, struct spelling *to)
{
	struct spelling copy = *from;

	copy.namespace = arena_text(arena, from->namespace);
	copy.service = arena_text(arena, from->service);
	if (to != NULL)
		*to = copy;
}

/* A set of addresses that remembers the order in which they came. */
struct address_set {
	struct address *addresses; /* room for all that may come */
	size_t count;
	size_t *slots; /* 1 + position in `addresses`, 0 where free */
	size_t mask;
};

static size_t hash_address(const struct address *address)
{
	uint64_t hash = address->family;

	for (size_t i = 0; i < sizeof address->octets; i++)
		hash = (hash ^ address->octets[i]) * UINT64_C(0x100000001b3); /* FNV-1a's prime */
	return (size_t)(hash ^ hash >> 32);
}

/* Room for `most` addresses; false without memory. `addresses` may come from elsewhere, then it is NULL here. */
static bool set_init(struct address_set *set, size_t most)
{
	size_t slots = 8;

	while (slots < 2 * most)
		slots *= 2;
	set->count = 0;
	set->mask = slots - 1;
	set->addresses = calloc(most > 0 ? most : 1, sizeof *set->addresses);
	set->slots = calloc(slots, sizeof *set->slots);
	return set->addresses != NULL && set->slots != NULL;
}

static void set_done(struct address_set *set)
{
	free(set->addresses);
	free(set->slots);
}

static void set_add(struct address_set *set, const struct address *address)
{
	size_t slot = hash_address(address) & set->mask;

	for (; set->slots[slot] != 0; slot = (slot + 1) & set->mask)
		if (address_equal(&set->addresses[set->slots[slot] - 1], address))
			return;
	set->addresses[set->count++] = *address;
	set->slots[slot] = set->count;
}

static void set_add_all(struct address_set *set, const struct instance *instance)
{
	for (size_t i = 0; i < instance->address_count; i++)
		set_add(set, &instance->addresses[i]);
}

static bool is_partial(const struct service *service)
{
	bool partial = service->partial;

	for (size_t i = 0; i < service->spelling_count; i++)
		partial = partial || service->spellings[i].partial;
	return partial;
}

static uint8_t unresolved_of(const struct service *service)
{
	uint8_t unresolved = is_partial(service) || service->unknown ? FAMILY_ANY : 0;

	for (size_t i = 0; i < service->instance_count; i++)
		unresolved |= service->instances[i].unresolved;
	return unresolved;
}

static struct service *copy_into(struct arena *arena, const struct service *from, const struct address_set *all)
{
	struct service *to = arena_take(arena, sizeof *to, alignof(struct service));
	struct spelling *spellings =
		arena_take(arena, from->spelling_count * sizeof *spellings, alignof(struct spelling));
	struct instance *instances =
		arena_take(arena, from->instance_count * sizeof *instances, alignof(struct instance));
	struct address *addresses =
		arena_copy(arena, all->addresses, all->count * sizeof *addresses, alignof(struct address));

	for (size_t i = 0; i < from->spelling_count; i++)
		copy_spelling(arena, &from->spellings[i], spellings == NULL ? NULL : &spellings[i]);
	for (size_t i = 0; i < from->instance_count; i++)
		copy_instance(arena, &from->instances[i], instances == NULL ? NULL : &instances[i]);
	if (to != NULL)
		*to = (struct service){
			.spelling_count = from->spelling_count,
			.spellings = spellings,
			.instance_count = from->instance_count,
			.instances = instances,
			.address_count = all->count,
			.addresses = addresses,
			.unresolved = unresolved_of(from),
			.partial = is_partial(from),
			.unknown = from->unknown,
		};
	return to;
}

struct service *service_copy(const struct service *service)
{
	struct arena arena = {NULL, 0};
	struct address_set all;
	struct service *copy = NULL;
	size_t most = 0;

	for (size_t i = 0; i < service->instance_count; i++)
		most += service->instances[i].address_count;
	if (!set_init(&all, most))
		goto done;
	for (size_t i = 0; i < service->instance_count; i++)
		set_add_all(&all, &service->instances[i]);

	copy_into(&arena, service, &all);
	arena.block = malloc(arena.used);
	if (arena.block == NULL)
		goto done;
	arena.used = 0;
	copy = copy_into(&arena, service, &all);
done:
	set_done(&all);
	return copy;
}

uint8_t service_chosen_unresolved(const struct instance *const *chosen, size_t count)
{
	uint8_t unresolved = 0;

	for (size_t i = 0; i < count; i++)
		unresolved |= chosen[i]->unresolved;
	return unresolved;
}

/* The range of instances that the name's spelling means. */
static void select_spelling(const struct service *service, const struct service_key *key, size_t *first,
                            size_t *count)
{
	*first = 0;
	*count = service->instance_count;
	for (size_t i = 0; i < service->spelling_count; i++) {
		const struct spelling *spelling = &service->spellings[i];
		if (strcmp(spelling->service, key->service) != 0)
			continue;
		if (!name_in_default_namespace(key) && strcmp(spelling->namespace, key->namespace) != 0)
			continue;
		*first = spelling->first;
		*count = spelling->count;
		return;
	}
}

bool service_is_at(const struct instance *instance, const struct address *address)
{
	for (size_t i = 0; i < instance->address_count; i++)
		if (address_equal(&instance->addresses[i], address))
			return true;
	return false;
}

static bool is_of_address(const struct instance *instance, const struct name *name)
{
	return service_is_at(instance, &name->address);
}

static bool is_of_allocation(const struct instance *instance, const struct name *name)
{
	enum { SHORT_ID = 8 }; /* the digits by which the nomad command shows an allocation */
	const char *label = name->selector;
	char start[SHORT_ID + 1] = "";

	memccpy(start, instance->allocation, '\0', SHORT_ID);
	return text_same(instance->allocation, label) || (strlen(start) == SHORT_ID && text_same(start, label));
}

static bool is_of_tag(const struct instance *instance, const struct name *name)
{
	for (size_t i = 0; i < instance->tag_count; i++)
		if (text_same(instance->tags[i], name->selector))
			return true;
	return false;
}

static bool is_any(const struct instance *instance, const struct name *name)
{
	(void)instance;
	(void)name;
	return true;
}

typedef bool (*instance_test)(const struct instance *instance, const struct name *name);

/* The tests of each selector, in the order in which they are tried. */
static const instance_test selectors[][3] = {
	[SELECT_ALL] = {is_any},
	[SELECT_LABEL] = {is_of_address, is_of_allocation, is_of_tag},
	[SELECT_TAG] = {is_of_tag},
	[SELECT_NOTHING] = {NULL},
};

enum verdict service_selects_none(const struct service *service, const struct name *name, uint8_t unresolved)
{
	if (service->partial || service->unknown)
		return VERDICT_UNKNOWN;
	if (name->select == SELECT_LABEL && name->address.family != 0 &&
	    (unresolved & address_families(name->address.family)) != 0)
		return VERDICT_UNKNOWN;
	return name->select == SELECT_ALL ? VERDICT_NO_DATA : VERDICT_NO_NAME;
}

enum verdict service_select(const struct service *service, const struct name *name,
                            const struct instance **chosen, size_t *count)
{
	size_t first, range;

	*count = 0;
	if (name->select == SELECT_NOTHING)
		return VERDICT_NO_DATA;
	select_spelling(service, &name->key, &first, &range);
	for (size_t test = 0; test < 3 && selectors[name->select][test] != NULL && *count == 0; test++)
		for (size_t i = first; i < first + range; i++)
			if (selectors[name->select][test](&service->instances[i], name))
				chosen[(*count)++] = &service->instances[i];
	if (*count > 0)
		return VERDICT_FOUND;
	uint8_t unresolved = 0;
	for (size_t i = first; i < first + range; i++)
		unresolved |= service->instances[i].unresolved;
	return service_selects_none(service, name, unresolved);
}

bool service_in_part_suffices(const struct service *part, const struct name *name)
{
	if (part->spelling_count != 1 || name->whole)
		return false;
	if (name->select == SELECT_ALL || name->select == SELECT_NOTHING)
		return true;
	if (name->select != SELECT_LABEL || name->address.family == 0)
		return false;
	for (size_t i = 0; i < part->address_count; i++)
		if (address_equal(&part->addresses[i], &name->address))
			return true;
	return false;
}

/* Addresses that were found, and in which families there may be more. */
struct found {
	const struct address *addresses;
	size_t count;
	uint8_t unresolved;
};

static enum verdict give(const struct found *found, struct address **addresses, size_t *count, uint8_t *unresolved)
{
	if (found->count == 0)
		return found->unresolved != 0 ? VERDICT_UNKNOWN : VERDICT_NO_DATA;
	struct address *copy = malloc(found->count * sizeof *copy);
	if (copy == NULL)
		return VERDICT_UNKNOWN;
	memcpy(copy, found->addresses, found->count * sizeof *copy);
	*addresses = copy;
	*count = found->count;
	*unresolved = found->unresolved;
	return VERDICT_FOUND;
}

/* The answer where no instance needs to be looked at. A name that gives an address holds that one, and no other. */
static enum verdict addresses_in_part(const struct service *part, const struct name *name,
                                      struct address **addresses, size_t *count, uint8_t *unresolved)
{
	struct found found = {part->addresses, part->address_count, part->unresolved};

	if (name->select == SELECT_NOTHING)
		return VERDICT_NO_DATA;
	if (name->select == SELECT_LABEL)
		found = (struct found){&name->address, 1, 0};
	return give(&found, addresses, count, unresolved);
}

/* The answer from instances that were selected. */
static enum verdict addresses_of(const struct instance *const *chosen, size_t chosen_count, const struct name *name,
                                 uint8_t missing, struct address **addresses, size_t *count, uint8_t *unresolved)
{
	enum verdict verdict = VERDICT_UNKNOWN;
	struct address_set set = {0};
	size_t most = 0;

	if (name->select == SELECT_LABEL && is_of_address(chosen[0], name))
		return give(&(struct found){&name->address, 1, 0}, addresses, count, unresolved);
	for (size_t i = 0; i < chosen_count; i++)
		most += chosen[i]->address_count;
	if (set_init(&set, most)) {
		for (size_t i = 0; i < chosen_count; i++)
			set_add_all(&set, chosen[i]);
		missing |= service_chosen_unresolved(chosen, chosen_count);
		verdict = give(&(struct found){set.addresses, set.count, missing}, addresses, count, unresolved);
	}
	set_done(&set);
	return verdict;
}

enum verdict service_addresses(const struct service *service, const struct name *name,
                               struct address **addresses, size_t *count, uint8_t *unresolved)
{
	const struct instance **chosen = NULL;
	size_t chosen_count;

	if (service_in_part_suffices(service, name))
		return addresses_in_part(service, name, addresses, count, unresolved);

	chosen = calloc(service->instance_count + 1, sizeof *chosen);
	if (chosen == NULL)
		return VERDICT_UNKNOWN;
	enum verdict verdict = service_select(service, name, chosen, &chosen_count);
	if (verdict == VERDICT_FOUND)
		verdict = addresses_of(chosen, chosen_count, name, service->partial ? FAMILY_ANY : 0, addresses, count,
		                       unresolved);
	free(chosen);
	return verdict;
}
