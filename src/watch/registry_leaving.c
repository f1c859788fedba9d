/*
 * What Nomad says, put into the catalogue; see registry.h. This part is for instances that were removed, of services
 * that have others: each is shown for a moment longer, for an allocation that is restarted is deregistered and comes
 * back. Called by registry.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "registry_part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LISTS_FIRST = 16 };

/* An instance that is leaving; its texts follow it in its own memory. */
struct leaving {
	struct leaving *next;
	uint32_t hash;  /* of its ID */
	uint64_t index; /* of its removal */
	int64_t until;  /* 0: from the next flush on */
	const char *namespace, *service, *id;
};

/* Those of one service, in lists by the hash of their ID: one is found at the same cost however many there are. */
struct leaving_service {
	struct leaving_service *next;
	struct service_key key; /* in lower case */
	size_t count;           /* never 0 between two calls */
	size_t mask;            /* of the lists */
	struct leaving **lists;
};

/* The place of a service of which instances are leaving, or of the end of its list. */
static struct leaving_service **service_of(struct registry *registry, const struct service_key *key)
{
	struct leaving_service **at = &registry->leaving[draft_hash(key) % BUCKETS];

	while (*at != NULL && memcmp(&(*at)->key, key, sizeof *key) != 0)
		at = &(*at)->next;
	return at;
}

static struct leaving_service *service_new(const struct service_key *key)
{
	struct leaving_service *made = malloc(sizeof *made);
	struct leaving **lists = calloc(LISTS_FIRST, sizeof *lists);

	if (made == NULL || lists == NULL) {
		free(made);
		free(lists);
		return NULL;
	}
	*made = (struct leaving_service){.key = *key, .mask = LISTS_FIRST - 1, .lists = lists};
	return made;
}

/* Releases it where it has none any more; whether it had not. */
static bool release_empty(struct leaving_service **at)
{
	struct leaving_service *service = *at;

	if (service->count > 0)
		return false;
	*at = service->next;
	free(service->lists);
	free(service);
	return true;
}

static bool is_named(const struct leaving *leaving, const char *namespace, const char *service)
{
	return strcmp(leaving->service, service) == 0 && strcmp(leaving->namespace, namespace) == 0;
}

static void release(struct leaving_service *service, struct leaving **at)
{
	struct leaving *leaving = *at;

	*at = leaving->next;
	service->count--;
	free(leaving);
}

/* The place of an instance that is leaving, or of the end of its list. */
static struct leaving **find(struct registry *registry, const struct leaving_service *service,
                             const struct registered *item)
{
	const char *id = item->instance.id;
	struct leaving **at = &service->lists[ids_hash(registry->seed, id) & service->mask];

	for (; *at != NULL; at = &(*at)->next) {
		registry->leaving_looks++;
		if (strcmp((*at)->id, id) == 0 && is_named(*at, item->namespace, item->service))
			break;
	}
	return at;
}

size_t leaving_count(struct registry *registry, const struct service_key *key)
{
	const struct leaving_service *service = *service_of(registry, key);

	return service == NULL ? 0 : service->count;
}

static void put(struct leaving_service *service, struct leaving *leaving)
{
	struct leaving **list = &service->lists[leaving->hash & service->mask];

	leaving->next = *list;
	*list = leaving;
}

/* Twice as many lists, once there is an instance for each; without memory the lists become longer. */
static void make_room(struct leaving_service *service)
{
	struct leaving **old = service->lists, **lists;
	size_t count = service->mask + 1;

	if (service->count < count)
		return;
	lists = calloc(2 * count, sizeof *lists);
	if (lists == NULL)
		return;
	service->lists = lists;
	service->mask = 2 * count - 1;
	for (size_t i = 0; i < count; i++)
		for (struct leaving *leaving = old[i], *next; leaving != NULL; leaving = next) {
			next = leaving->next;
			put(service, leaving);
		}
	free(old);
}

static struct leaving *leaving_new(const struct registry *registry, const struct registered *item)
{
	size_t namespace = strlen(item->namespace) + 1, service = strlen(item->service) + 1;
	size_t id = strlen(item->instance.id) + 1;
	struct leaving *made = malloc(sizeof *made + namespace + service + id);

	if (made == NULL)
		return NULL;
	char *texts = (char *)(made + 1);
	*made = (struct leaving){.hash = ids_hash(registry->seed, item->instance.id)};
	made->namespace = memcpy(texts, item->namespace, namespace);
	made->service = memcpy(texts + namespace, item->service, service);
	made->id = memcpy(texts + namespace + service, item->instance.id, id);
	return made;
}

/* Adds one that is not there yet to a service, which may be empty. */
static struct leaving *add_new(struct registry *registry, struct leaving_service *service, const struct registered *item)
{
	struct leaving *made = leaving_new(registry, item);

	if (made == NULL)
		return NULL;
	make_room(service);
	put(service, made);
	service->count++;
	registry->leaving_until = 0;
	return made;
}

int leaving_add(struct registry *registry, const struct service_key *key, const struct registered *item, uint64_t index)
{
	struct leaving_service **at = service_of(registry, key);

	if (*at == NULL)
		*at = service_new(key);
	if (*at == NULL)
		return -ENOMEM;
	struct leaving *leaving = *find(registry, *at, item);
	if (leaving == NULL)
		leaving = add_new(registry, *at, item);
	if (leaving == NULL) {
		release_empty(at);
		return -ENOMEM;
	}
	if (leaving->index < index)
		leaving->index = index;
	return 0;
}

bool leaving_stays(struct registry *registry, const struct service_key *key, const struct registered *item,
                   uint64_t index)
{
	struct leaving_service **service = service_of(registry, key);

	if (*service == NULL)
		return true;
	struct leaving **at = find(registry, *service, item);
	if (*at == NULL)
		return true;
	if ((*at)->index >= index)
		return false;
	release(*service, at);
	release_empty(service);
	return true;
}

static void forget(struct leaving_service *from, const char *namespace, const char *service)
{
	for (size_t i = 0; i <= from->mask; i++)
		for (struct leaving **at = &from->lists[i]; *at != NULL;) {
			if (namespace == NULL || is_named(*at, namespace, service))
				release(from, at);
			else
				at = &(*at)->next;
		}
}

void leaving_forget(struct registry *registry, const struct service_key *key, const char *namespace,
                    const char *service)
{
	struct leaving_service **at = service_of(registry, key);

	if (*at == NULL)
		return;
	forget(*at, namespace, service);
	release_empty(at);
}

/* The time of one is over. */
static int let_go(struct registry *registry, struct leaving_service *service, struct leaving **at)
{
	const struct leaving *leaving = *at;
	struct draft *draft = registry_open(registry, &service->key);
	struct registered *known;

	if (draft == NULL)
		return -ENOMEM;
	known = draft_find(draft, leaving->namespace, leaving->service, leaving->id);
	if (known != NULL && known->instance.modified < leaving->index)
		draft_remove(draft, known);
	release(service, at);
	return 0;
}

static int flush(struct registry *registry, struct leaving_service *service, int64_t now)
{
	int worst = 0;

	for (size_t i = 0; i <= service->mask; i++)
		for (struct leaving **at = &service->lists[i]; *at != NULL;) {
			if ((*at)->until == 0)
				(*at)->until = now + REGISTRY_LEAVING;
			if ((*at)->until <= now && let_go(registry, service, at) == 0)
				continue;
			if ((*at)->until <= now)
				worst = -ENOMEM;
			if ((*at)->until < registry->leaving_until)
				registry->leaving_until = (*at)->until;
			at = &(*at)->next;
		}
	return worst;
}

int leaving_flush(struct registry *registry, int64_t now)
{
	int worst = 0;

	if (registry->leaving_until > now)
		return 0;
	registry->leaving_until = INT64_MAX;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct leaving_service **at = &registry->leaving[i]; *at != NULL;) {
			if (flush(registry, *at, now) < 0)
				worst = -ENOMEM;
			if (!release_empty(at))
				at = &(*at)->next;
		}
	return worst;
}

void leaving_done(struct registry *registry)
{
	for (size_t i = 0; i < BUCKETS; i++)
		while (registry->leaving[i] != NULL) {
			forget(registry->leaving[i], NULL, NULL);
			release_empty(&registry->leaving[i]);
		}
}
