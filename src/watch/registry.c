/*
 * What Nomad says, put into the catalogue; see registry.h. Called by watch/watcher.c and watch/reading.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "registry.h"

#include "draft.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1024 }; /* of drafts, and of what is held: as many services as change at once, 10,000 at the most */

/* A service that has lost its last instance. */
struct held {
	struct held *next;
	struct service_key key;
	int64_t until;
};

struct registry {
	struct catalogue *catalogue;
	struct registry_owner owner;
	struct draft *drafts[BUCKETS];
	struct draft *first; /* of all drafts */
	struct held *held[BUCKETS];
	int64_t held_until;  /* the earliest, INT64_MAX without any */
	int64_t waits_until; /* the same of drafts that wait for addresses */
	bool changed;        /* since the last flush */
	struct pool pool;
	uint64_t changes;
};

struct registry *registry_new(struct catalogue *catalogue, const struct registry_owner *owner)
{
	struct registry *registry = calloc(1, sizeof *registry);

	if (registry == NULL)
		return NULL;
	registry->catalogue = catalogue;
	registry->owner = *owner;
	registry->held_until = registry->waits_until = INT64_MAX;
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
	free(registry);
}

/* A service of which nothing is known but that there is one. */
static struct service *unknown_service(const char *namespace, const char *service)
{
	const struct spelling spelling = {namespace, service, 0, 0};

	return service_copy(&(struct service){.spelling_count = 1, .spellings = &spelling, .unknown = true});
}

int registry_load(struct registry *registry, const struct service_key *key, const struct service *service)
{
	struct service *copy = service == NULL ? unknown_service(key->namespace, key->service) : service_copy(service);
	int result = copy == NULL ? -ENOMEM : catalogue_put(registry->catalogue, key, copy);

	if (result < 0)
		free(copy);
	return result;
}

/* The place of a service that is held, or of the end of its list. */
static struct held **find_held(struct registry *registry, const struct service_key *key)
{
	struct held **at = &registry->held[draft_hash(key) % BUCKETS];

	while (*at != NULL && memcmp(&(*at)->key, key, sizeof *key) != 0)
		at = &(*at)->next;
	return at;
}

/* In lower case, and zeroes after the names, so that keys can be compared as octets. */
static void set_key(const char *namespace, const char *service, struct service_key *key)
{
	*key = (struct service_key){0};
	text_lower(namespace, key->namespace);
	text_lower(service, key->service);
}

/* The draft of a service, made where there is none; NULL without memory. */
static struct draft *open_draft(struct registry *registry, const struct service_key *key)
{
	struct draft *draft = registry->drafts[draft_hash(key) % BUCKETS];

	registry->changed = true;
	while (draft != NULL && memcmp(&draft->key, key, sizeof *key) != 0)
		draft = draft->same_hash;
	if (draft != NULL)
		return draft;
	/* One that is held has nothing any more, though the catalogue still shows what it had. */
	bool held = *find_held(registry, key) != NULL;
	draft = draft_new(key, held ? NULL : catalogue_find(registry->catalogue, key));
	if (draft == NULL)
		return NULL;
	put_draft(registry, draft);
	return draft;
}

static struct draft *open_named(struct registry *registry, const char *namespace, const char *service)
{
	struct service_key key;

	set_key(namespace, service, &key);
	return open_draft(registry, &key);
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
	if (known != NULL && known->instance.modified < index)
		draft_remove(draft, known);
	return 0;
}

int registry_replace(struct registry *registry, const char *namespace, const char *service,
                     const struct registered *all, size_t count)
{
	struct draft *draft = open_named(registry, namespace, service);

	if (draft == NULL)
		return -ENOMEM;
	draft_remove_spelling(draft, namespace, service);
	draft->unread = false;
	for (size_t i = 0; i < count; i++) {
		int result = draft_add(draft, &all[i], &registry->pool);
		if (result < 0)
			return result;
	}
	return 0;
}

static void tell(struct registry *registry, const struct service_key *key, const struct service *service)
{
	registry->changes++;
	registry->owner.changed(registry->owner.context, key, service);
}

int registry_doubt(struct registry *registry, const char *namespace, const char *service)
{
	struct service_key key;

	set_key(namespace, service, &key);
	if (catalogue_find(registry->catalogue, &key) != NULL)
		return 0;
	struct service *unknown = unknown_service(namespace, service);
	int result = unknown == NULL ? -ENOMEM : catalogue_put(registry->catalogue, &key, unknown);
	if (result == 0)
		tell(registry, &key, unknown);
	else
		free(unknown);
	return result;
}

struct namespace_search {
	struct registry *registry;
	const char *namespace;
	int result;
};

static void doubt_if_in(void *context, const struct service_key *key, const struct service *service)
{
	struct namespace_search *search = context;
	struct draft *draft;

	if (service->unknown || !text_same(key->namespace, search->namespace))
		return;
	draft = open_named(search->registry, key->namespace, key->service);
	if (draft == NULL)
		search->result = -ENOMEM;
	else
		draft->unread = true;
}

int registry_doubt_namespace(struct registry *registry, const char *namespace)
{
	struct namespace_search search = {registry, namespace, 0};

	catalogue_each(registry->catalogue, doubt_if_in, &search);
	return search.result;
}

struct host_search {
	struct registry *registry;
	const char *host;
	int result;
};

static void open_if_at_host(void *context, const struct service_key *key, const struct service *service)
{
	struct host_search *search = context;
	struct service_key lowered;

	for (size_t i = 0; i < service->instance_count; i++) {
		const char *host = service->instances[i].host;
		if (host == NULL || !text_same(host, search->host))
			continue;
		set_key(key->namespace, key->service, &lowered);
		if (*find_held(search->registry, &lowered) == NULL && open_draft(search->registry, &lowered) == NULL)
			search->result = -ENOMEM;
		return;
	}
}

int registry_host_changed(struct registry *registry, const char *host)
{
	struct host_search search = {registry, host, 0};

	registry->changed = registry->changed || registry->first != NULL;
	catalogue_each(registry->catalogue, open_if_at_host, &search);
	return search.result;
}

/* The service has nothing any more: it is held, from now on or already. */
static int hold(struct registry *registry, const struct service_key *key, int64_t now)
{
	struct held **at = find_held(registry, key);

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
		tell(registry, &draft->key, service);
	return result;
}

/* It is not known where all of its host names lead: whether there is time to wait for that. */
static bool wait_for_hosts(struct registry *registry, struct draft *draft, int64_t now)
{
	struct held *held = *find_held(registry, &draft->key);

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
	if (draft->count == 0)
		return draft->unread ? 0 : hold(registry, &draft->key, now);
	service = draft_build(draft, &registry->owner, &resolved);
	if (service == NULL)
		return -ENOMEM;
	if (!resolved && wait_for_hosts(registry, draft, now)) {
		free(service);
		return 0;
	}
	held = find_held(registry, &draft->key);
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
		tell(registry, &key, NULL);
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
	int worst = 0, result;

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
	return registry->waits_until < registry->held_until ? registry->waits_until : registry->held_until;
}

bool registry_waits(const struct registry *registry)
{
	return registry->first != NULL;
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
