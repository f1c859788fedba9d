/*
 * Whose names are asked for: those of each namespace in turn, and never so many of one that there is no room for another's.
 * See resolve_part.h. Called by resolve.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watch/resolve_part.h"

#include <stdlib.h>
#include <string.h>

struct tenant *tenant_find(struct resolver *resolver, const char *namespace)
{
	struct tenant *tenant = resolver->tenants;

	while (tenant != NULL && strcmp(tenant->namespace, namespace) != 0)
		tenant = tenant->next;
	if (tenant != NULL)
		return tenant;
	tenant = calloc(1, sizeof *tenant + strlen(namespace) + 1);
	if (tenant == NULL)
		return NULL;
	strcpy(tenant->namespace, namespace);
	tenant->next = resolver->tenants;
	resolver->tenants = tenant;
	return tenant;
}

/* Its name is asked for when its namespace's turn comes. */
static void wait_behind(struct tenant *tenant, struct host *host)
{
	*(tenant->first == NULL ? &tenant->first : &tenant->last->behind) = host;
	host->ahead = tenant->first == host ? NULL : tenant->last;
	host->behind = NULL;
	tenant->last = host;
	tenant->waiting++;
	host->waits = true;
}

static void wait_no_more(struct host *host)
{
	struct tenant *tenant = host->tenant;

	*(host->ahead == NULL ? &tenant->first : &host->ahead->behind) = host->behind;
	*(host->behind == NULL ? &tenant->last : &host->behind->ahead) = host->ahead;
	tenant->waiting--;
	host->waits = false;
}

/* How many names of one namespace may be asked for at once: there is always room for one more namespace. */
static size_t share_of(const struct resolver *resolver)
{
	size_t active = 0;

	for (const struct tenant *tenant = resolver->tenants; tenant != NULL; tenant = tenant->next)
		active += tenant->waiting + tenant->running > 0;
	return active + 1 < RESOLVE_AT_ONCE ? RESOLVE_AT_ONCE / (active + 1) : 1;
}

/* The first of those whose turn it is and that have not their share; it goes to the end. NULL: none. */
static struct tenant *next_tenant(struct resolver *resolver)
{
	size_t share = share_of(resolver);

	for (struct tenant **at = &resolver->tenants; *at != NULL; at = &(*at)->next) {
		struct tenant *tenant = *at;
		if (tenant->waiting == 0 || tenant->running >= share)
			continue;
		*at = tenant->next;
		while (*at != NULL)
			at = &(*at)->next;
		*at = tenant;
		tenant->next = NULL;
		return tenant;
	}
	return NULL;
}

/* Asks for names that wait, as far as there is room. */
void host_ask_next(struct resolver *resolver)
{
	struct tenant *tenant;

	while (resolver->running < RESOLVE_AT_ONCE && (tenant = next_tenant(resolver)) != NULL) {
		struct host *host = tenant->first;
		wait_no_more(host);
		host_ask(host);
		if (host_is_running(host)) {
			resolver->running++;
			tenant->running++;
		}
	}
}

void host_wait(struct host *host)
{
	if (host->waits || host_is_running(host))
		return;
	wait_behind(host->tenant, host);
	host_ask_next(host->resolver);
}

void host_leave(struct host *host)
{
	if (host->waits)
		wait_no_more(host);
	if (!host_is_running(host))
		return;
	host->resolver->running--;
	host->tenant->running--;
}

