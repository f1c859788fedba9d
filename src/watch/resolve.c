/*
 * Host names among the addresses of instances; see resolve.h. Called by watch/daemon.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watch/resolve_part.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { ADDRESSES_MAX = 64 }; /* of one name and family; more are left out */

enum { HEADS_FIRST = 64 };

struct resolver *resolver_new(uv_loop_t *loop, resolver_changed changed, void *context)
{
	struct resolver *resolver = malloc(sizeof *resolver);

	if (resolver == NULL)
		return NULL;
	*resolver = (struct resolver){.loop = loop, .changed = changed, .context = context, .mask = HEADS_FIRST - 1};
	resolver->heads = calloc(HEADS_FIRST, sizeof(struct host *));
	if (resolver->heads == NULL) {
		free(resolver);
		return NULL;
	}
	if (getrandom(&resolver->seed, sizeof resolver->seed, GRND_NONBLOCK) < 0)
		resolver->seed = uv_hrtime(); /* without randomness yet, at boot */
	return resolver;
}

/* FNV-1a from a start that nobody else knows; letters of either case are the same. */
static struct host **head_of(const struct resolver *resolver, const char *name)
{
	uint64_t hash = resolver->seed;

	for (; *name != '\0'; name++)
		hash = (hash ^ (uint8_t)(*name | 0x20)) * UINT64_C(0x100000001b3);
	return &resolver->heads[(hash ^ hash >> 32) & resolver->mask];
}

/* Twice as many heads as names, where there is memory for them. */
static void make_heads(struct resolver *resolver)
{
	size_t count = 2 * (resolver->mask + 1);

	if (resolver->count <= resolver->mask)
		return;
	struct host **heads = calloc(count, sizeof(struct host *));
	if (heads == NULL)
		return;
	free(resolver->heads);
	resolver->heads = heads;
	resolver->mask = count - 1;
	for (struct host *host = resolver->hosts; host != NULL; host = host->next) {
		struct host **head = head_of(resolver, host->name);
		host->same_hash = *head;
		*head = host;
	}
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
	bool ended = true;

	*at = host->next;
	for (at = head_of(resolver, host->name); *at != host;)
		at = &(*at)->same_hash;
	*at = host->same_hash;
	resolver->count--;
	host->tenant->names--;
	host_leave(host);
	host->resolver = NULL;
	for (size_t i = 0; i < QUESTIONS; i++)
		if (host->questions[i].running)
			ended = uv_cancel((uv_req_t *)&host->questions[i].request) == 0 && ended;
	if (!host_is_running(host))
		free_host(host);
	return ended;
}

bool resolver_free(struct resolver *resolver)
{
	bool ended = true;

	if (resolver == NULL)
		return true;
	while (resolver->hosts != NULL)
		ended = forget(resolver, &resolver->hosts) && ended;
	while (resolver->tenants != NULL) {
		struct tenant *tenant = resolver->tenants;
		resolver->tenants = tenant->next;
		free(tenant);
	}
	free(resolver->heads);
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

/* Adds an answer's addresses, without duplicates. False where there are more than ADDRESSES_MAX. */
static bool collect(const struct addrinfo *list, struct address *addresses, size_t *count)
{
	for (; list != NULL; list = list->ai_next) {
		struct address address;
		if (!address_from_socket(list->ai_addr, &address) || has(addresses, *count, &address))
			continue;
		if (*count == ADDRESSES_MAX)
			return false;
		addresses[(*count)++] = address;
	}
	return true;
}

/* Whether the host has these of the family and no others; name servers turn the order about. */
static bool is_same(const struct host *host, int family, const struct address *addresses, size_t count)
{
	size_t known = 0;

	for (size_t i = 0; i < host->count; i++)
		known += host->addresses[i].family == family;
	for (size_t i = 0; i < count; i++)
		if (!has(host->addresses, host->count, &addresses[i]))
			return false;
	return known == count;
}

/* Puts the addresses of one family in the place of those that it has of it. False without memory. */
static bool take(struct host *host, int family, const struct address *addresses, size_t count)
{
	size_t used = 0;

	if (is_same(host, family, addresses, count))
		return true;
	struct address *block = malloc((host->count + count + 1) * sizeof *block);
	if (block == NULL)
		return false;
	for (size_t i = 0; i < host->count; i++)
		if (host->addresses[i].family != family)
			block[used++] = host->addresses[i];
	if (count > 0)
		memcpy(block + used, addresses, count * sizeof *block);
	free(host->addresses);
	host->addresses = block;
	host->count = used + count;
	host->news = true;
	return true;
}

/* Only the name servers' word that there is nothing takes addresses away, not their silence. */
static bool is_word(int status)
{
	return status == 0 || status == UV_EAI_NONAME || status == UV_EAI_NODATA || status == UV_EAI_ADDRFAMILY;
}

static void take_answer(struct question *question, int status, const struct addrinfo *list)
{
	struct host *host = question->host;
	struct address addresses[ADDRESSES_MAX];
	uint8_t family = address_families(question->family), before = host->unresolved;
	uint64_t now = uv_now(host->resolver->loop);
	size_t count = 0;
	bool whole = is_word(status) && collect(status == 0 ? list : NULL, addresses, &count);

	if (is_word(status) && take(host, question->family, addresses, count) && whole) {
		question->known = true;
		question->known_at = now;
		host->unresolved &= (uint8_t)~family;
	} else if (is_word(status) || !question->known || now - question->known_at > RESOLVE_KNOWN) {
		host->unresolved |= family;
	}
	host->news = host->news || host->unresolved != before;
}

/* Tells of a host when both of its questions have ended. */
static void resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
	struct question *question = request->data;
	struct host *host = question->host;
	struct resolver *resolver = host->resolver;

	question->running = false;
	if (resolver != NULL)
		take_answer(question, status, list);
	uv_freeaddrinfo(list);
	if (host_is_running(host))
		return;
	if (resolver == NULL) {
		free_host(host);
		return;
	}
	resolver->running--;
	host->tenant->running--;
	host->news = host->news || !host->ended;
	host->ended = true;
	if (host->news)
		resolver->changed(resolver->context);
	host_ask_next(resolver);
}

void host_ask(struct host *host)
{
	for (size_t i = 0; i < QUESTIONS; i++) {
		struct question *question = &host->questions[i];
		const struct addrinfo hints = {.ai_family = question->family, .ai_socktype = SOCK_STREAM};
		if (question->running)
			continue;
		question->request.data = question;
		question->running =
			uv_getaddrinfo(host->resolver->loop, &question->request, resolved, host->name, NULL, &hints) == 0;
	}
}

static struct host *find(const struct resolver *resolver, const char *name)
{
	struct host *host = *head_of(resolver, name);

	while (host != NULL && !text_same(host->name, name))
		host = host->same_hash;
	return host;
}

/* NULL without memory, and where there are too many, of the namespace or of all. */
static struct host *add(struct resolver *resolver, const char *namespace, const char *name)
{
	struct tenant *tenant = tenant_find(resolver, namespace);

	if (tenant == NULL || resolver->count >= RESOLVE_NAMES || tenant->names >= RESOLVE_NAMES / RESOLVE_SHARE) {
		resolver->refused++;
		return NULL;
	}
	struct host *host = calloc(1, sizeof *host + strlen(name) + 1);
	if (host == NULL)
		return NULL;
	strcpy(host->name, name);
	host->resolver = resolver;
	host->tenant = tenant;
	tenant->names++;
	host->unresolved = FAMILY_ANY;
	host->questions[0] = (struct question){.host = host, .family = AF_INET};
	host->questions[1] = (struct question){.host = host, .family = AF_INET6};
	host->next = resolver->hosts;
	resolver->hosts = host;
	struct host **head = head_of(resolver, name);
	host->same_hash = *head;
	*head = host;
	resolver->count++;
	make_heads(resolver);
	return host;
}

/* A name that waits, and that a namespace with fewer of them has too, waits among those. */
static void move(struct resolver *resolver, struct host *host, const char *namespace)
{
	struct tenant *tenant = tenant_find(resolver, namespace);

	if (tenant == NULL || tenant->waiting + 1 >= host->tenant->waiting)
		return;
	host_leave(host);
	host->tenant->names--;
	host->tenant = tenant;
	tenant->names++;
	host_wait(host);
}

struct registry_host resolver_find(struct resolver *resolver, const char *namespace, const char *name)
{
	struct host *host = find(resolver, name);

	if (host == NULL) {
		host = add(resolver, namespace, name);
		if (host != NULL)
			host_wait(host);
	} else if (host->waits && strcmp(host->tenant->namespace, namespace) != 0) {
		move(resolver, host, namespace);
	}
	if (host == NULL)
		return (struct registry_host){.unresolved = FAMILY_ANY};
	host->used = true;
	bool awaited = !host->ended && (host->waits || host_is_running(host));
	return (struct registry_host){host->addresses, host->count, host->unresolved, awaited};
}

void resolver_seed(struct resolver *resolver, const char *namespace, const char *name, const struct address *addresses,
                   size_t count)
{
	struct host *host = find(resolver, name) == NULL ? add(resolver, namespace, name) : NULL;

	if (host == NULL)
		return;
	host->addresses = malloc((count + 1) * sizeof *addresses);
	if (host->addresses != NULL && count > 0)
		memcpy(host->addresses, addresses, count * sizeof *addresses);
	host->count = host->addresses == NULL ? 0 : count;
	host->ended = host->count > 0;
	host->used = true;
	host_wait(host);
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
		host_wait(*at);
		at = &(*at)->next;
	}
}

bool resolver_has_news(const struct resolver *resolver, const char *name)
{
	const struct host *host = find(resolver, name);

	return host != NULL && host->news;
}

void resolver_told(struct resolver *resolver)
{
	for (struct host *host = resolver->hosts; host != NULL; host = host->next)
		host->news = false;
}

bool resolver_is_busy(const struct resolver *resolver)
{
	return resolver->running > 0;
}

size_t resolver_refused(const struct resolver *resolver)
{
	return resolver->refused;
}

size_t resolver_count(const struct resolver *resolver)
{
	return resolver->count;
}
