/*
 * Host names among the addresses of instances; see resolve.h. Called by watch/daemon.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watch/resolve.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

enum { ADDRESSES_MAX = 64 }; /* of one name and family; more are left out */

/* The question for a host's addresses of one family. */
struct question {
	struct host *host;
	uv_getaddrinfo_t request;
	int family;
	bool running;
	bool known;        /* the name servers have said once what there is, perhaps nothing */
	uint64_t known_at; /* when they last did, by uv_now() */
};

enum { QUESTIONS = 2 };

struct host {
	struct host *next;
	struct resolver *resolver; /* NULL: forgotten, and freed when its questions end */
	struct question questions[QUESTIONS];
	bool ended; /* once at least, well or not */
	bool news;  /* other things are known of it than were told */
	bool used;
	uint8_t unresolved; /* families in which it may have addresses that are not here */
	struct address *addresses; /* of both families */
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

static bool is_running(const struct host *host)
{
	return host->questions[0].running || host->questions[1].running;
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
	resolver->count--;
	host->resolver = NULL;
	for (size_t i = 0; i < QUESTIONS; i++)
		if (host->questions[i].running)
			ended = uv_cancel((uv_req_t *)&host->questions[i].request) == 0 && ended;
	if (!is_running(host))
		free_host(host);
	return ended;
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
	if (is_running(host))
		return;
	if (resolver == NULL) {
		free_host(host);
		return;
	}
	bool news = host->news || !host->ended;
	host->ended = true;
	host->news = news && resolver->changed(resolver->context, host->name) < 0;
}

static void resolve(struct host *host)
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
	host->unresolved = FAMILY_ANY;
	host->questions[0] = (struct question){.host = host, .family = AF_INET};
	host->questions[1] = (struct question){.host = host, .family = AF_INET6};
	host->next = resolver->hosts;
	resolver->hosts = host;
	resolver->count++;
	return host;
}

struct registry_host resolver_find(struct resolver *resolver, const char *name)
{
	struct host *host = find(resolver, name);

	if (host == NULL) {
		host = add(resolver, name);
		if (host != NULL)
			resolve(host);
	}
	if (host == NULL)
		return (struct registry_host){.unresolved = FAMILY_ANY};
	host->used = true;
	return (struct registry_host){host->addresses, host->count, host->unresolved, !host->ended && is_running(host)};
}

void resolver_seed(struct resolver *resolver, const char *name, const struct address *addresses, size_t count)
{
	struct host *host = find(resolver, name) == NULL ? add(resolver, name) : NULL;

	if (host == NULL)
		return;
	host->addresses = malloc((count + 1) * sizeof *addresses);
	if (host->addresses != NULL && count > 0)
		memcpy(host->addresses, addresses, count * sizeof *addresses);
	host->count = host->addresses == NULL ? 0 : count;
	host->ended = host->count > 0;
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
