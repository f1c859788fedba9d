/*
 * What Nomad says, put into the catalogue; see registry.h. This part is for what it does not say: services that were
 * published earlier or cannot be read, and where host names lead. Called by watch/daemon.c, intake.c and reading_kept.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "registry_part.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A service of which nothing is known but that there is one. */
static struct service *unknown_service(const char *namespace, const char *service)
{
	const struct spelling spelling = {.namespace = namespace, .service = service};

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

int registry_show_waiting(struct registry *registry, struct draft *draft, const struct service *service)
{
	const struct service *shown = catalogue_find(registry->catalogue, &draft->key);
	struct service doubted = {0}, *copy;

	if (shown != NULL && (shown->partial || shown->unknown))
		return 0;
	if (draft_detach(draft, &registry->pool) < 0)
		return -ENOMEM;
	if (shown != NULL)
		doubted = *shown;
	doubted.partial = true;
	copy = shown != NULL ? service_copy(&doubted)
	                     : unknown_service(service->spellings[0].namespace, service->spellings[0].service);
	int result = copy == NULL ? -ENOMEM : catalogue_put(registry->catalogue, &draft->key, copy);
	if (result == 0)
		registry_tell(registry, &draft->key, copy);
	else
		free(copy);
	return result;
}

int registry_doubt(struct registry *registry, const char *namespace, const char *service)
{
	struct service_key key;

	registry_key(namespace, service, &key);
	struct draft *draft = registry_open(registry, &key);
	if (draft == NULL)
		return -ENOMEM;
	draft->unread = draft->unread || draft->count == 0;
	return draft_doubt(draft, namespace, service, &registry->pool);
}

struct namespace_search {
	struct registry *registry;
	const char *namespace;
	int result;
};

static void doubt_if_in(void *context, const struct service_key *key, const struct service *service)
{
	struct namespace_search *search = context;
	struct service_key lowered;
	struct draft *draft;

	if (service->unknown || !text_same(key->namespace, search->namespace))
		return;
	registry_key(key->namespace, key->service, &lowered);
	draft = registry_open(search->registry, &lowered);
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
	bool (*has_changed)(const void *context, const char *host);
	const void *context;
	int result;
};

static void open_if_at_host(void *context, const struct service_key *key, const struct service *service)
{
	struct host_search *search = context;
	struct service_key lowered;

	for (size_t i = 0; i < service->instance_count; i++) {
		const char *host = service->instances[i].host;
		if (host == NULL || !search->has_changed(search->context, host))
			continue;
		registry_key(key->namespace, key->service, &lowered);
		if (*registry_held(search->registry, &lowered) == NULL && registry_open(search->registry, &lowered) == NULL)
			search->result = -ENOMEM;
		return;
	}
}

int registry_hosts_changed(struct registry *registry, bool (*has_changed)(const void *context, const char *host),
                           const void *context)
{
	struct host_search search = {registry, has_changed, context, 0};

	registry->changed = registry->changed || registry->first != NULL;
	catalogue_each(registry->catalogue, open_if_at_host, &search);
	return search.result;
}
