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

int registry_doubt(struct registry *registry, const char *namespace, const char *service)
{
	struct service_key key;

	registry_key(namespace, service, &key);
	struct draft *draft = registry_open(registry, &key);
	if (draft == NULL)
		return -ENOMEM;
	draft->partial = true;
	if (draft->count > 0)
		return 0;
	draft->unread = true;
	if (catalogue_find(registry->catalogue, &key) != NULL && *registry_held(registry, &key) == NULL)
		return 0;
	struct service *unknown = unknown_service(namespace, service);
	int result = unknown == NULL ? -ENOMEM : catalogue_put(registry->catalogue, &key, unknown);
	if (result == 0)
		registry_tell(registry, &key, unknown);
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
