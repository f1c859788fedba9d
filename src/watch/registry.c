/*
 * What Nomad says, put into the catalogue; see registry.h. Called by watch/watcher.c and watch/reading.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "registry.h"

#include "registry_part.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct registry *registry_new(struct catalogue *catalogue, const struct registry_owner *owner)
{
	struct registry *registry = calloc(1, sizeof *registry);

	if (registry == NULL)
		return NULL;
	registry->catalogue = catalogue;
	registry->owner = *owner;
	registry->seed = ids_seed();
	registry->held_until = registry->leaving_until = registry->waits_until = INT64_MAX;
	return registry;
}

static void put_draft(struct registry *registry, struct draft *draft)
{
	struct draft **bucket = &registry->drafts[draft_hash(&draft->key) % BUCKETS];

	draft->same_hash = *bucket;
	*bucket = draft;
	draft->next = registry->first;
	registry->first = draft;
}

/* Drops all drafts but those that wait, as their texts lie in the pool, that stays with them. */
static void drop_drafts(struct registry *registry)
{
	struct draft *draft = registry->first, *next;

	registry->first = NULL;
	registry->waits_until = INT64_MAX;
	memset(registry->drafts, 0, sizeof registry->drafts);
	for (; draft != NULL; draft = next) {
		next = draft->next;
		if (!draft->waits) {
			draft_free(draft);
			continue;
		}
		put_draft(registry, draft);
		if (draft->until < registry->waits_until)
			registry->waits_until = draft->until;
	}
	if (registry->first == NULL)
		pool_done(&registry->pool);
}

static void release_held(struct held **at)
{
	struct held *held = *at;

	*at = held->next;
	free(held);
}

void registry_free(struct registry *registry)
{
	if (registry == NULL)
		return;
	for (struct draft *draft = registry->first; draft != NULL; draft = draft->next)
		draft->waits = false;
	drop_drafts(registry);
	for (size_t i = 0; i < BUCKETS; i++)
		while (registry->held[i] != NULL)
			release_held(&registry->held[i]);
	leaving_done(registry);
	free(registry);
}

/* The place of a service that is held, or of the end of its list. */
struct held **registry_held(struct registry *registry, const struct service_key *key)
{
	struct held **at = &registry->held[draft_hash(key) % BUCKETS];

	while (*at != NULL && memcmp(&(*at)->key, key, sizeof *key) != 0)
		at = &(*at)->next;
	return at;
}

/* In lower case, and zeroes after the names, so that keys can be compared as octets. */
void registry_key(const char *namespace, const char *service, struct service_key *key)
{
	*key = (struct service_key){0};
	text_lower(namespace, key->namespace);
	text_lower(service, key->service);
}

/* The draft of a service, made where there is none; NULL without memory. */
struct draft *registry_open(struct registry *registry, const struct service_key *key)
{
	struct draft *draft = registry->drafts[draft_hash(key) % BUCKETS];

	registry->changed = true;
	while (draft != NULL && memcmp(&draft->key, key, sizeof *key) != 0)
		draft = draft->same_hash;
	if (draft != NULL)
		return draft;
	/* One that is held has nothing any more, though the catalogue still shows what it had. */
	bool held = *registry_held(registry, key) != NULL;
	draft = draft_new(key, held ? NULL : catalogue_find(registry->catalogue, key));
	if (draft == NULL)
		return NULL;
	put_draft(registry, draft);
	return draft;
}

static struct draft *open_named(struct registry *registry, const char *namespace, const char *service)
{
	struct service_key key;

	registry_key(namespace, service, &key);
	return registry_open(registry, &key);
}

int registry_add(struct registry *registry, const struct registered *registered, uint64_t index)
{
	struct draft *draft = open_named(registry, registered->namespace, registered->service);
	struct registered *known, copy = *registered;

	if (draft == NULL)
		return -ENOMEM;
	known = draft_find(draft, registered->namespace, registered->service, registered->instance.id);
	if (known != NULL && known->instance.modified >= index)
		return 0;
	if (!leaving_stays(registry, &draft->key, registered, index))
		return 0;
	if (known != NULL)
		draft_remove(draft, known);
	copy.instance.modified = index;
	return draft_add(draft, &copy, &registry->pool);
}

int registry_remove(struct registry *registry, const char *namespace, const char *service, const char *id,
                    uint64_t index)
{
	struct draft *draft = open_named(registry, namespace, service);
	struct registered *known;

	if (draft == NULL)
		return -ENOMEM;
	known = draft_find(draft, namespace, service, id);
	if (known == NULL || known->instance.modified >= index)
		return 0;
	int result = leaving_add(registry, &draft->key, known, index);
	/* All are leaving: the service as a whole is held instead. */
	if (result == 0 && leaving_count(registry, &draft->key) == draft->count) {
		leaving_forget(registry, &draft->key, NULL, NULL);
		draft_clear(draft);
	}
	return result;
}

int registry_replace(struct registry *registry, const char *namespace, const char *service,
                     const struct registered *all, size_t count, bool partial)
{
	struct draft *draft = open_named(registry, namespace, service);

	if (draft == NULL)
		return -ENOMEM;
	draft_remove_spelling(draft, namespace, service);
	leaving_forget(registry, &draft->key, namespace, service);
	draft->unread = false;
	draft_trust(draft, namespace, service);
	if (partial && draft_doubt(draft, namespace, service, &registry->pool) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		int result = draft_add(draft, &all[i], &registry->pool);
		if (result < 0)
			return result;
	}
	return 0;
}

void registry_tell(struct registry *registry, const struct service_key *key, const struct service *service)
{
	registry->changes++;
	registry->owner.changed(registry->owner.context, key, service);
}

/* The service has nothing any more: it is held, from now on or already. */
static int hold(struct registry *registry, const struct service_key *key, int64_t now)
{
	struct held **at = registry_held(registry, key);

	if (*at != NULL || catalogue_find(registry->catalogue, key) == NULL)
		return 0;
	struct held *held = malloc(sizeof *held);
	if (held == NULL)
		return -ENOMEM;
	*held = (struct held){.key = *key, .until = now + REGISTRY_HOLD};
	*at = held;
	if (held->until < registry->held_until)
		registry->held_until = held->until;
	return 0;
}

uint64_t registry_changes(const struct registry *registry)
{
	return registry->changes;
}

static int put(struct registry *registry, const struct draft *draft, struct service *service)
{
	const struct service *old = catalogue_find(registry->catalogue, &draft->key);
	enum difference difference = old == NULL ? DIFFERENCE_SEEN : draft_compare(old, service);
	int result = 0;

	if (difference != DIFFERENCE_NONE)
		result = catalogue_put(registry->catalogue, &draft->key, service);
	if (difference == DIFFERENCE_NONE || result < 0)
		free(service);
	if (difference == DIFFERENCE_SEEN && result == 0)
		registry_tell(registry, &draft->key, service);
	return result;
}

/* It is not known where all of its host names lead: whether there is time to wait for that. */
static bool wait_for_hosts(struct registry *registry, struct draft *draft, int64_t now)
{
	struct held *held = *registry_held(registry, &draft->key);

	if (draft->until == 0)
		draft->until = now + REGISTRY_RESOLVE;
	draft->waits = now < draft->until;
	/* What the catalogue shows meanwhile stays as long. */
	if (draft->waits && held != NULL)
		held->until = draft->until;
	return draft->waits;
}

static int commit(struct registry *registry, struct draft *draft, int64_t now)
{
	struct held **held;
	struct service *service;
	bool resolved;
	int result;

	draft->waits = false;
	if (draft->broken)
		return -ENOMEM;
	if (draft->count == 0 && draft->doubt_count == 0)
		return draft->unread ? 0 : hold(registry, &draft->key, now);
	service = draft_build(draft, &registry->owner, &resolved);
	if (service == NULL)
		return -ENOMEM;
	if (!resolved && wait_for_hosts(registry, draft, now)) {
		result = registry_show_waiting(registry, draft, service);
		free(service);
		return result;
	}
	held = registry_held(registry, &draft->key);
	result = put(registry, draft, service);
	if (result == 0 && *held != NULL)
		release_held(held);
	return result;
}

/* Takes a service away whose time is over. */
static int remove_held(struct registry *registry, struct held **at)
{
	struct service_key key = (*at)->key;
	int result = catalogue_put(registry->catalogue, &key, NULL);

	release_held(at);
	if (result == 0)
		registry_tell(registry, &key, NULL);
	return result;
}

static int remove_all_held(struct registry *registry, int64_t now)
{
	int worst = 0;

	if (registry->held_until > now)
		return 0;
	registry->held_until = INT64_MAX;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct held **at = &registry->held[i]; *at != NULL;) {
			if ((*at)->until <= now) {
				int result = remove_held(registry, at);
				worst = result < 0 ? result : worst;
				continue;
			}
			if ((*at)->until < registry->held_until)
				registry->held_until = (*at)->until;
			at = &(*at)->next;
		}
	return worst;
}

int registry_flush(struct registry *registry, int64_t now)
{
	int worst = leaving_flush(registry, now), result;

	registry->changed = false;
	for (struct draft *draft = registry->first; draft != NULL; draft = draft->next) {
		result = commit(registry, draft, now);
		if (result < 0)
			worst = result;
	}
	drop_drafts(registry);
	result = remove_all_held(registry, now);
	return result < 0 ? result : worst;
}

int64_t registry_due(const struct registry *registry)
{
	if (registry->changed)
		return 0;
	int64_t due = registry->waits_until < registry->held_until ? registry->waits_until : registry->held_until;
	return registry->leaving_until < due ? registry->leaving_until : due;
}

bool registry_waits(const struct registry *registry)
{
	return registry->first != NULL;
}

bool registry_holds(const struct registry *registry, const char *namespace, const char *service, const char *id,
                    uint64_t index)
{
	struct service_key key;
	const struct service *found;

	registry_key(namespace, service, &key);
	found = catalogue_find(registry->catalogue, &key);
	for (size_t i = 0; found != NULL && i < found->instance_count; i++)
		if (found->instances[i].modified == index && strcmp(found->instances[i].id, id) == 0)
			return true;
	return false;
}

struct spelling_visit {
	void (*visit)(void *context, const struct spelling *spelling);
	void *context;
};

static void visit_spellings(void *context, const struct service_key *key, const struct service *service)
{
	const struct spelling_visit *visit = context;

	(void)key;
	for (size_t i = 0; i < service->spelling_count; i++)
		visit->visit(visit->context, &service->spellings[i]);
}

void registry_each_spelling(const struct registry *registry,
                            void (*visit)(void *context, const struct spelling *spelling), void *context)
{
	struct spelling_visit spellings = {visit, context};

	catalogue_each(registry->catalogue, visit_spellings, &spellings);
}
