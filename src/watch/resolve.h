/*
 * Host names among the addresses of instances, resolved on the daemon's loop and again every RESOLVE_EVERY. Called by
 * watch/daemon.c on behalf of registry.c.
 *
 * What a name led to last stays while it cannot be resolved, across a restart too. That it has no address of a family
 * counts for RESOLVE_KNOWN after the name servers last said so; then it may have one. The families are asked for apart:
 * of both at once getaddrinfo() does not say which one failed. Names under .nomad never come here (address_is_host()), so
 * that the daemon does not wait for itself.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_RESOLVE_H
#define NSS_NOMAD_RESOLVE_H

#include "watch/registry.h"

#include <stdbool.h>
#include <uv.h>

/* Milliseconds: getaddrinfo() does not say for how long an answer holds, and 30 s is what resolvers hold at the least. */
enum { RESOLVE_EVERY = 30 * 1000, RESOLVE_KNOWN = 3 * RESOLVE_EVERY };

enum {
	RESOLVE_AT_ONCE = 8,     /* names that are asked for at once; a namespace has its share of them */
	RESOLVE_NAMES = 200000,  /* that there may be; what is more is as a name that nobody can resolve */
	RESOLVE_SHARE = 4,       /* one namespace has at most this part of them */
};

/* Of libuv's pool; half of them are for getaddrinfo(), and a name has two questions. */
#define RESOLVE_THREADS "32"

struct resolver;

/* A name leads elsewhere than before, or other things are known of it: resolver_has_news() says of which. */
typedef void (*resolver_changed)(void *context);

/* One for a loop, which outlives it; NULL without memory. Released with resolver_free(). */
struct resolver *resolver_new(uv_loop_t *loop, resolver_changed changed, void *context);

/*
 * Forgets all. True where the loop has only to run until what is under way has ended, which is at once; false where a
 * thread asks name servers, which nobody can end. Accepts NULL.
 */
bool resolver_free(struct resolver *resolver);

/*
 * What a host name leads to as far as is known, perhaps nothing; a name that is new is resolved from now on, in its turn:
 * names wait by the namespace that has an instance there, so that one's dead names do not hold up another's.
 * The addresses stay until the loop runs again.
 */
struct registry_host resolver_find(struct resolver *resolver, const char *namespace, const char *host);

/* What a host name led to when that was known: the addresses count until it is known better. */
void resolver_seed(struct resolver *resolver, const char *namespace, const char *host, const struct address *addresses,
                   size_t count);

/*
 * Resolves all names again that resolver_find() or resolver_mark() was called for since the last time; forgets the
 * others. To be called every RESOLVE_EVERY, when everything that is in use has been marked.
 */
void resolver_refresh(struct resolver *resolver);
void resolver_mark(struct resolver *resolver, const char *host);

/* Whether other things are known of the name than were told. */
bool resolver_has_news(const struct resolver *resolver, const char *host);

/* All news were told. Where that failed it is not called, and what is new is told when a name was resolved the next time. */
void resolver_told(struct resolver *resolver);

/* Whether names are asked for, so that more news may come soon. */
bool resolver_is_busy(const struct resolver *resolver);

/* How often a name was not taken, as there were too many. */
size_t resolver_refused(const struct resolver *resolver);

/* How many names there are. */
size_t resolver_count(const struct resolver *resolver);

#endif
