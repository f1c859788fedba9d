/*
 * A service while it is being changed; see draft.h. Called by registry.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "draft.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 16 * 1024 }; /* octets that are taken at once: about 50 instances */

struct pool_chunk {
	struct pool_chunk *next;
	size_t used;
	size_t room;
	char octets[];
};

static void *pool_take(struct pool *pool, size_t size, size_t alignment)
{
	struct pool_chunk *chunk = pool->chunks;
	size_t at = chunk == NULL ? 0 : (chunk->used + alignment - 1) & ~(alignment - 1);

	if (chunk == NULL || at > chunk->room || size > chunk->room - at) {
		size_t room = size > CHUNK ? size : CHUNK;
		chunk = malloc(sizeof *chunk + room);
		if (chunk == NULL)
			return NULL;
		*chunk = (struct pool_chunk){.next = pool->chunks, .room = room};
		pool->chunks = chunk;
		at = 0;
	}
	chunk->used = at + size;
	return chunk->octets + at;
}

void pool_done(struct pool *pool)
{
	while (pool->chunks != NULL) {
		struct pool_chunk *chunk = pool->chunks;
		pool->chunks = chunk->next;
		free(chunk);
	}
}

/* Copies a text, which may be NULL; clears `good` without memory. */
static const char *copy_text(struct pool *pool, const char *text, bool *good)
{
	char *copy = text == NULL ? NULL : pool_take(pool, strlen(text) + 1, 1);

	if (copy != NULL)
		strcpy(copy, text);
	*good = *good && (text == NULL || copy != NULL);
	return copy;
}

static const char *const *copy_tags(struct pool *pool, const struct instance *from, bool *good)
{
	const char **tags = pool_take(pool, from->tag_count * sizeof *tags, alignof(char *));

	if (tags == NULL) {
		*good = false;
		return NULL;
	}
	for (size_t i = 0; i < from->tag_count; i++)
		tags[i] = copy_text(pool, from->tags[i], good);
	return tags;
}

static bool copy_item(struct pool *pool, const struct registered *from, struct registered *to)
{
	const struct instance *instance = &from->instance;
	struct address *addresses =
		pool_take(pool, instance->address_count * sizeof *addresses, alignof(struct address));
	bool good = addresses != NULL;

	if (good && instance->address_count > 0)
		memcpy(addresses, instance->addresses, instance->address_count * sizeof *addresses);
	*to = *from;
	to->namespace = copy_text(pool, from->namespace, &good);
	to->service = copy_text(pool, from->service, &good);
	to->instance.id = copy_text(pool, instance->id, &good);
	to->instance.allocation = copy_text(pool, instance->allocation, &good);
	to->instance.node = copy_text(pool, instance->node, &good);
	to->instance.job = copy_text(pool, instance->job, &good);
	to->instance.datacenter = copy_text(pool, instance->datacenter, &good);
	to->instance.host = copy_text(pool, instance->host, &good);
	to->instance.tags = copy_tags(pool, instance, &good);
	to->instance.addresses = addresses;
	return good;
}

static int make_room(struct draft *draft, size_t more)
{
	size_t room = draft->room > 0 ? draft->room : 4;

	while (room < draft->count + more)
		room *= 2;
	if (room == draft->room)
		return 0;
	struct registered *items = realloc(draft->items, room * sizeof *items);
	if (items == NULL)
		return -ENOMEM;
	draft->items = items;
	draft->room = room;
	return 0;
}

static void load_spelling(struct draft *draft, const struct service *service, const struct spelling *spelling)
{
	for (size_t i = spelling->first; i < spelling->first + spelling->count; i++)
		draft->items[draft->count++] =
			(struct registered){spelling->namespace, spelling->service, service->instances[i]};
}

uint32_t draft_hash(const struct service_key *key)
{
	const uint8_t *octets = (const uint8_t *)key;
	uint32_t hash = 0;

	for (size_t i = 0; i < sizeof *key; i++)
		hash = (hash ^ octets[i]) * UINT32_C(16777619); /* FNV-1a's prime */
	return hash;
}

static struct doubt *find_doubt(const struct draft *draft, const char *namespace, const char *service)
{
	for (size_t i = 0; i < draft->doubt_count; i++)
		if (strcmp(draft->doubts[i].service, service) == 0 && strcmp(draft->doubts[i].namespace, namespace) == 0)
			return &draft->doubts[i];
	return NULL;
}

static int add_doubt(struct draft *draft, const char *namespace, const char *service)
{
	struct doubt *doubts = realloc(draft->doubts, (draft->doubt_count + 1) * sizeof *doubts);

	if (doubts == NULL)
		return -ENOMEM;
	draft->doubts = doubts;
	draft->doubts[draft->doubt_count++] = (struct doubt){namespace, service};
	return 0;
}

/* As add_doubt(), for texts that do not last. */
static int copy_doubt(struct draft *draft, const struct doubt *doubt, struct pool *pool)
{
	bool good = true;
	const char *namespace = copy_text(pool, doubt->namespace, &good), *service = copy_text(pool, doubt->service, &good);

	return good ? add_doubt(draft, namespace, service) : -ENOMEM;
}

int draft_doubt(struct draft *draft, const char *namespace, const char *service, struct pool *pool)
{
	if (find_doubt(draft, namespace, service) != NULL)
		return 0;
	int result = copy_doubt(draft, &(struct doubt){namespace, service}, pool);
	draft->broken = draft->broken || result < 0;
	return result;
}

void draft_trust(struct draft *draft, const char *namespace, const char *service)
{
	struct doubt *doubt = find_doubt(draft, namespace, service);

	if (doubt != NULL)
		*doubt = draft->doubts[--draft->doubt_count];
}

struct draft *draft_new(const struct service_key *key, const struct service *service)
{
	struct draft *draft = malloc(sizeof *draft);

	if (draft == NULL)
		return NULL;
	*draft = (struct draft){.key = *key, .unread = service != NULL && service->unknown};
	if (service == NULL)
		return draft;
	bool good = make_room(draft, service->instance_count) == 0;
	for (size_t i = 0; i < service->spelling_count && good; i++) {
		const struct spelling *spelling = &service->spellings[i];
		load_spelling(draft, service, spelling);
		good = !spelling->partial || add_doubt(draft, spelling->namespace, spelling->service) == 0;
	}
	if (good)
		return draft;
	draft_free(draft);
	return NULL;
}

void draft_free(struct draft *draft)
{
	if (draft == NULL)
		return;
	ids_done(&draft->ids);
	free(draft->items);
	free(draft->doubts);
	free(draft);
}

static bool is_of(const struct registered *item, const char *namespace, const char *service)
{
	return strcmp(item->service, service) == 0 && strcmp(item->namespace, namespace) == 0;
}

static bool is_with(const struct registered *item, const char *namespace, const char *service, const char *id)
{
	return strcmp(item->instance.id, id) == 0 && is_of(item, namespace, service);
}

/* Of a few items, or for a few times, looking through all is as cheap. */
static bool knows_ids(struct draft *draft)
{
	enum { ITEMS = 32, FINDS = 4 };

	if (draft->ids.heads != NULL)
		return true;
	return draft->count >= ITEMS && ++draft->finds > FINDS && ids_fill(&draft->ids, draft->items, draft->count) == 0;
}

struct registered *draft_find(struct draft *draft, const char *namespace, const char *service, const char *id)
{
	if (!knows_ids(draft)) {
		draft->looks += draft->count;
		for (size_t i = 0; i < draft->count; i++)
			if (is_with(&draft->items[i], namespace, service, id))
				return &draft->items[i];
		return NULL;
	}
	for (uint32_t i = ids_first(&draft->ids, id); i != IDS_NONE; i = ids_next(&draft->ids, i)) {
		draft->looks++;
		if (is_with(&draft->items[i], namespace, service, id))
			return &draft->items[i];
	}
	return NULL;
}

int draft_add(struct draft *draft, const struct registered *item, struct pool *pool)
{
	if (make_room(draft, 1) < 0 || !copy_item(pool, item, &draft->items[draft->count])) {
		draft->broken = true;
		return -ENOMEM;
	}
	draft->count++;
	if (draft->ids.heads != NULL)
		ids_add(&draft->ids, draft->items, draft->count - 1);
	return 0;
}

int draft_detach(struct draft *draft, struct pool *pool)
{
	for (size_t i = 0; i < draft->count; i++) {
		struct registered copy;
		if (!copy_item(pool, &draft->items[i], &copy))
			return -ENOMEM;
		draft->items[i] = copy;
	}
	bool good = true;
	for (size_t i = 0; i < draft->doubt_count; i++) {
		struct doubt *doubt = &draft->doubts[i];
		struct doubt copy = {copy_text(pool, doubt->namespace, &good), copy_text(pool, doubt->service, &good)};
		if (!good)
			return -ENOMEM;
		*doubt = copy;
	}
	return 0;
}

void draft_remove(struct draft *draft, struct registered *item)
{
	draft->count--;
	if (draft->ids.heads != NULL)
		ids_remove(&draft->ids, (size_t)(item - draft->items), draft->count);
	*item = draft->items[draft->count];
}

void draft_clear(struct draft *draft)
{
	draft->count = 0;
	ids_done(&draft->ids);
}

void draft_remove_spelling(struct draft *draft, const char *namespace, const char *service)
{
	size_t kept = 0;

	for (size_t i = 0; i < draft->count; i++)
		if (!is_of(&draft->items[i], namespace, service))
			draft->items[kept++] = draft->items[i];
	draft->count = kept;
	ids_done(&draft->ids);
}

static int by_spelling_and_id(const void *left, const void *right)
{
	const struct registered *a = left, *b = right;
	int order = strcmp(a->namespace, b->namespace);

	if (order == 0)
		order = strcmp(a->service, b->service);
	return order != 0 ? order : strcmp(a->instance.id, b->instance.id);
}

/* Puts what an instance's host name leads to. Whether that is not awaited any more. */
static bool resolve(struct instance *instance, const char *namespace, const struct registry_owner *owner)
{
	if (instance->host == NULL)
		return true;
	struct registry_host found = owner->resolve(owner->context, namespace, instance->host);
	instance->addresses = found.addresses;
	instance->address_count = found.count;
	instance->unresolved = found.unresolved;
	return !found.awaited;
}

/* Marks the spelling, which perhaps has nothing else: then it is the last one. */
static void put_doubt(const struct doubt *doubt, struct service *service, struct spelling *spellings)
{
	struct spelling *spelling = spellings, *end = spellings + service->spelling_count;

	while (spelling < end && (strcmp(spelling->service, doubt->service) != 0 ||
	                          strcmp(spelling->namespace, doubt->namespace) != 0))
		spelling++;
	if (spelling == end) {
		*spelling = (struct spelling){.namespace = doubt->namespace, .service = doubt->service,
		                              .first = service->instance_count};
		service->spelling_count++;
	}
	spelling->partial = true;
}

/* Lays the sorted items out as a service that points into them. Whether no host name's addresses are awaited. */
static bool lay_out(const struct draft *draft, const struct registry_owner *owner, struct spelling *spellings,
                    struct instance *instances, struct service *service)
{
	bool resolved = true;

	*service = (struct service){
		.spellings = spellings, .instance_count = draft->count, .instances = instances, .unknown = draft->unread};
	for (size_t i = 0; i < draft->count; i++) {
		const struct registered *item = &draft->items[i];
		if (i == 0 || !is_of(&draft->items[i - 1], item->namespace, item->service))
			spellings[service->spelling_count++] =
				(struct spelling){.namespace = item->namespace, .service = item->service, .first = i};
		spellings[service->spelling_count - 1].count++;
		instances[i] = item->instance;
		resolved = resolve(&instances[i], item->namespace, owner) && resolved;
	}
	for (size_t i = 0; i < draft->doubt_count; i++)
		put_doubt(&draft->doubts[i], service, spellings);
	return resolved;
}

struct service *draft_build(struct draft *draft, const struct registry_owner *owner, bool *resolved)
{
	struct spelling *spellings = calloc(draft->count + draft->doubt_count + 1, sizeof *spellings);
	struct instance *instances = calloc(draft->count + 1, sizeof *instances);
	struct service *built = NULL, service;

	if (spellings == NULL || instances == NULL)
		goto done;
	ids_done(&draft->ids);
	if (draft->count > 0)
		qsort(draft->items, draft->count, sizeof *draft->items, by_spelling_and_id);
	*resolved = lay_out(draft, owner, spellings, instances, &service);
	built = service_copy(&service);
done:
	free(spellings);
	free(instances);
	return built;
}
