/*
 * Host names among the addresses of instances; see resolve.h. Called by watch/daemon.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watch/resolve.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

enum { ADDRESSES_MAX = 64 }; /* of one name; more are left out */

struct host {
	struct host *next;
	struct resolver *resolver; /* NULL: forgotten, and freed when its request ends */
	uv_getaddrinfo_t request;
	bool running;
	bool ended; /* once at least, well or not */
	bool known; /* where it leads, or led once, perhaps to nothing */
	bool used;
	struct address *addresses;
	size_t count;
	char name[];
};

struct resolver {
	uv_loop_t *loop;
	resolver_changed changed;
	void *context;
	struct host *hosts;
	size_t count;
};

struct resolver *resolver_new(uv_loop_t *loop, resolver_changed changed, void *context)
{
	struct resolver *resolver = malloc(sizeof *resolver);

	if (resolver != NULL)
		*resolver = (struct resolver){.loop = loop, .changed = changed, .context = context};
	return resolver;
}

static void free_host(struct host *host)
{
	free(host->addresses);
	free(host);
}

/* Takes the first of a list away; one that is being resolved is freed by the end of that. Whether it can be ended. */
static bool forget(struct resolver *resolver, struct host **at)
{
	struct host *host = *at;

	*at = host->next;
	resolver->count--;
	host->resolver = NULL;
	if (host->running)
		return uv_cancel((uv_req_t *)&host->request) == 0;
	free_host(host);
	return true;
}

bool resolver_free(struct resolver *resolver)
{
	bool ended = true;

	while (resolver != NULL && resolver->hosts != NULL)
		ended = forget(resolver, &resolver->hosts) && ended;
	free(resolver);
	return ended;
}

static bool has(const struct address *addresses, size_t count, const struct address *wanted)
{
	for (size_t i = 0; i < count; i++)
		if (address_equal(&addresses[i], wanted))
			return true;
	return false;
}

/* The addresses of an answer without doubles, room for ADDRESSES_MAX. */
static size_t collect(const struct addrinfo *list, struct address *addresses)
{
	size_t count = 0;

	for (; list != NULL && count < ADDRESSES_MAX; list = list->ai_next) {
		struct address address;
		if (address_from_socket(list->ai_addr, &address) && !has(addresses, count, &address))
			addresses[count++] = address;
	}
	return count;
}

/* Whether both are the same set; name servers turn the order about. */
static bool is_same(const struct host *host, const struct address *addresses, size_t count)
{
	if (host->count != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!has(host->addresses, host->count, &addresses[i]))
			return false;
	return true;
}

/* Whether they are others than before. */
static bool take(struct host *host, const struct address *addresses, size_t count)
{
	struct address *copy;

	if (is_same(host, addresses, count))
		return false;
	copy = malloc((count + 1) * sizeof *copy);
	if (copy == NULL)
		return false;
	memcpy(copy, addresses, count * sizeof *copy);
	free(host->addresses);
	host->addresses = copy;
	host->count = count;
	return true;
}

static void resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
	struct host *host = request->data;
	struct address addresses[ADDRESSES_MAX];
	bool changed = !host->ended;

	host->running = false;
	host->ended = true;
	/* Only the name servers' word that there is no such name takes addresses away, not their silence. */
	if (host->resolver != NULL && (status == 0 || status == UV_EAI_NONAME || status == UV_EAI_NODATA)) {
		changed = take(host, addresses, collect(status == 0 ? list : NULL, addresses)) || changed || !host->known;
		host->known = true;
	}
	uv_freeaddrinfo(list);
	if (host->resolver == NULL)
		free_host(host);
	else if (changed)
		host->resolver->changed(host->resolver->context, host->name);
}

static void resolve(struct host *host)
{
	static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};

	if (host->running)
		return;
	host->request.data = host;
	host->running =
		uv_getaddrinfo(host->resolver->loop, &host->request, resolved, host->name, NULL, &hints) == 0;
}

static struct host *find(struct resolver *resolver, const char *name)
{
	struct host *host = resolver->hosts;

	while (host != NULL && !text_same(host->name, name))
		host = host->next;
	return host;
}

static struct host *add(struct resolver *resolver, const char *name)
{
	struct host *host = calloc(1, sizeof *host + strlen(name) + 1);

	if (host == NULL)
		return NULL;
	strcpy(host->name, name);
	host->resolver = resolver;
	host->next = resolver->hosts;
	resolver->hosts = host;
	resolver->count++;
	return host;
}

enum registry_host resolver_find(struct resolver *resolver, const char *name, const struct address **addresses,
                                 size_t *count)
{
	struct host *host = find(resolver, name);

	if (host == NULL) {
		host = add(resolver, name);
		if (host != NULL)
			resolve(host);
	}
	*addresses = NULL;
	*count = 0;
	if (host == NULL)
		return HOST_UNKNOWN;
	host->used = true;
	*addresses = host->addresses;
	*count = host->count;
	return host->known ? HOST_KNOWN : !host->ended && host->running ? HOST_AWAITED : HOST_UNKNOWN;
}

void resolver_seed(struct resolver *resolver, const char *name, const struct address *addresses, size_t count)
{
	struct host *host = find(resolver, name) == NULL ? add(resolver, name) : NULL;

	if (host == NULL)
		return;
	host->known = take(host, addresses, count);
	host->used = true;
	resolve(host);
}

void resolver_mark(struct resolver *resolver, const char *name)
{
	struct host *host = find(resolver, name);

	if (host != NULL)
		host->used = true;
}

void resolver_refresh(struct resolver *resolver)
{
	for (struct host **at = &resolver->hosts; *at != NULL;) {
		if (!(*at)->used) {
			forget(resolver, at);
			continue;
		}
		(*at)->used = false;
		resolve(*at);
		at = &(*at)->next;
	}
}

size_t resolver_count(const struct resolver *resolver)
{
	return resolver->count;
}
