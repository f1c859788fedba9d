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

/* An instance that is leaving; its texts follow it in its own memory. */
struct leaving {
	struct leaving *next;
	struct service_key key; /* of its service, in lower case */
	uint64_t index;         /* of its removal */
	int64_t until;          /* 0: from the next flush on */
	const char *namespace, *service, *id;
};

static struct leaving **bucket_of(struct registry *registry, const struct service_key *key)
{
	return &registry->leaving[draft_hash(key) % BUCKETS];
}

static bool is_named(const struct leaving *leaving, const char *namespace, const char *service)
{
	return strcmp(leaving->service, service) == 0 && strcmp(leaving->namespace, namespace) == 0;
}

static void release(struct leaving **at)
{
	struct leaving *leaving = *at;

	*at = leaving->next;
	free(leaving);
}

/* The place of an instance that is leaving, or of the end of its list. */
static struct leaving **find(struct registry *registry, const struct service_key *key, const struct registered *item)
{
	struct leaving **at = bucket_of(registry, key);

	while (*at != NULL && (strcmp((*at)->id, item->instance.id) != 0 || !is_named(*at, item->namespace, item->service)))
		at = &(*at)->next;
	return at;
}

size_t leaving_count(struct registry *registry, const struct service_key *key)
{
	size_t count = 0;

	for (const struct leaving *leaving = *bucket_of(registry, key); leaving != NULL; leaving = leaving->next)
		count += memcmp(&leaving->key, key, sizeof *key) == 0;
	return count;
}

static struct leaving *leaving_new(const struct service_key *key, const struct registered *item)
{
	size_t namespace = strlen(item->namespace) + 1, service = strlen(item->service) + 1;
	size_t id = strlen(item->instance.id) + 1;
	struct leaving *made = malloc(sizeof *made + namespace + service + id);

	if (made == NULL)
		return NULL;
	char *texts = (char *)(made + 1);
	*made = (struct leaving){.key = *key};
	made->namespace = memcpy(texts, item->namespace, namespace);
	made->service = memcpy(texts + namespace, item->service, service);
	made->id = memcpy(texts + namespace + service, item->instance.id, id);
	return made;
}

int leaving_add(struct registry *registry, const struct service_key *key, const struct registered *item, uint64_t index)
{
	struct leaving **at = find(registry, key, item);

	if (*at == NULL) {
		struct leaving *made = leaving_new(key, item), **bucket = bucket_of(registry, key);
		if (made == NULL)
			return -ENOMEM;
		made->next = *bucket;
		*bucket = made;
		at = bucket;
		registry->leaving_until = 0;
	}
	if ((*at)->index < index)
		(*at)->index = index;
	return 0;
}

bool leaving_stays(struct registry *registry, const struct service_key *key, const struct registered *item,
                   uint64_t index)
{
	struct leaving **at = find(registry, key, item);

	if (*at == NULL)
		return true;
	if ((*at)->index >= index)
		return false;
	release(at);
	return true;
}

void leaving_forget(struct registry *registry, const struct service_key *key, const char *namespace,
                    const char *service)
{
	for (struct leaving **at = bucket_of(registry, key); *at != NULL;) {
		bool all = namespace == NULL && memcmp(&(*at)->key, key, sizeof *key) == 0;
		if (all || (namespace != NULL && is_named(*at, namespace, service)))
			release(at);
		else
			at = &(*at)->next;
	}
}

/* Its time is over. */
static int let_go(struct registry *registry, struct leaving **at)
{
	struct leaving *leaving = *at;
	struct draft *draft = registry_open(registry, &leaving->key);
	struct registered *known;

	if (draft == NULL)
		return -ENOMEM;
	known = draft_find(draft, leaving->namespace, leaving->service, leaving->id);
	if (known != NULL && known->instance.modified < leaving->index)
		draft_remove(draft, known);
	release(at);
	return 0;
}

int leaving_flush(struct registry *registry, int64_t now)
{
	int worst = 0;

	if (registry->leaving_until > now)
		return 0;
	registry->leaving_until = INT64_MAX;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct leaving **at = &registry->leaving[i]; *at != NULL;) {
			if ((*at)->until == 0)
				(*at)->until = now + REGISTRY_LEAVING;
			if ((*at)->until <= now && let_go(registry, at) == 0)
				continue;
			if ((*at)->until <= now)
				worst = -ENOMEM;
			if ((*at)->until < registry->leaving_until)
				registry->leaving_until = (*at)->until;
			at = &(*at)->next;
		}
	return worst;
}

void leaving_done(struct registry *registry)
{
	for (size_t i = 0; i < BUCKETS; i++)
		while (registry->leaving[i] != NULL)
			release(&registry->leaving[i]);
}
