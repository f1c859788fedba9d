/*
 * What each selector takes of a large service; see index.h. How it is made is in index_new.c. Called by zone.c and records.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "index_part.h"

#include "text.h"

#include <string.h>
#include <sys/socket.h>

bool index_is_wanted(const struct service *service)
{
	size_t things = service->spelling_count;

	for (size_t i = 0; i < service->instance_count && things < INDEX_FROM; i++)
		things += 2 + service->instances[i].address_count + service->instances[i].tag_count;
	return things >= INDEX_FROM;
}

/* Letters of either case are the same in what a name says, but for the spelling. */
uint64_t index_hash(const struct index *index, const struct index_key *key)
{
	uint8_t octets[8 + NAME_LABEL_MAX + 1];
	uint32_t head[2] = {key->kind, key->range};

	memcpy(octets, head, sizeof head);
	if (key->size > 0)
		memcpy(octets + sizeof head, key->octets, key->size);
	octets[sizeof head + key->size] = '\0';
	if (key->kind == INDEX_ALLOCATION || key->kind == INDEX_TAG)
		text_lower((const char *)octets + sizeof head, (char *)octets + sizeof head);
	return siphash(index->secret, octets, sizeof head + key->size);
}

bool index_is(const struct selection *selection, uint64_t hash, const struct index_key *key)
{
	if (selection->hash != hash || selection->kind != key->kind || selection->range != key->range ||
	    selection->key_size != key->size)
		return false;
	if (key->kind == INDEX_ALLOCATION || key->kind == INDEX_TAG)
		return text_same_letters(selection->key, key->octets, key->size);
	return key->size == 0 || memcmp(selection->key, key->octets, key->size) == 0;
}

static const uint32_t *slots_of(const struct index *index)
{
	return (const uint32_t *)(const void *)index_list(index, index->listed);
}

static const struct selection *find(const struct index *index, const struct index_key *key)
{
	const uint32_t *slots = slots_of(index);
	uint64_t hash = index_hash(index, key);

	for (size_t at = (size_t)hash & index->mask; slots[at] != 0; at = (at + 1) & index->mask) {
		const struct selection *selection = &index->selections[slots[at] - 1];
		if (index_is(selection, hash, key))
			return selection;
	}
	return NULL;
}

/* The number of the spelling that the name means, or how many there are: all of them. */
static uint32_t find_range(const struct index *index, const struct service *service, const struct service_key *key)
{
	if (service->spelling_count == 1)
		return 0;
	const struct selection *spellings =
		find(index, &(struct index_key){INDEX_SPELLING, 0, strlen(key->service), key->service});
	for (uint32_t i = 0; spellings != NULL && i < spellings->count; i++) {
		const struct spelling *spelling = index_list(index, spellings->first)[i];
		if (name_in_default_namespace(key) || strcmp(spelling->namespace, key->namespace) == 0)
			return (uint32_t)(spelling - service->spellings);
	}
	return (uint32_t)service->spelling_count;
}

static const struct selection *find_all(const struct index *index, uint32_t range)
{
	return find(index, &(struct index_key){INDEX_ALL, range, 0, NULL});
}

static const struct selection *find_selected(const struct index *index, uint32_t range, const struct name *name)
{
	const struct selection *found = NULL;
	size_t length = strlen(name->selector);

	if (name->select == SELECT_ALL)
		return find_all(index, range);
	if (name->select == SELECT_LABEL && name->address.family != 0)
		found = find(index, &(struct index_key){INDEX_ADDRESS, range, sizeof name->address, &name->address});
	if (found == NULL && name->select == SELECT_LABEL)
		found = find(index, &(struct index_key){INDEX_ALLOCATION, range, length, name->selector});
	return found != NULL ? found : find(index, &(struct index_key){INDEX_TAG, range, length, name->selector});
}

enum verdict index_select(const struct index *index, const struct service *service, const struct name *name,
                          const struct selection **selection)
{
	if (name->select == SELECT_NOTHING)
		return VERDICT_NO_DATA;
	uint32_t range = find_range(index, service, &name->key);
	const struct selection *found = find_selected(index, range, name);
	if (found == NULL) {
		const struct selection *all = find_all(index, range);
		return service_selects_none(service, name, all == NULL ? 0 : all->unresolved);
	}
	*selection = found;
	return VERDICT_FOUND;
}

const struct address *const *index_addresses(const struct index *index, const struct selection *selection, int family)
{
	uint32_t before = family == AF_INET ? 0 : selection->v4_count;

	return (const struct address *const *)index_list(index, selection->addresses + before);
}

size_t index_count_addresses(const struct selection *selection, int family)
{
	return family == AF_INET ? selection->v4_count : selection->v6_count;
}
