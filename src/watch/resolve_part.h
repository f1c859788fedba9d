/*
 * What resolve.c, which knows the names, and resolve_turns.c, which says whose turn it is, have of each other.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_RESOLVE_PART_H
#define NSS_NOMAD_RESOLVE_PART_H

#include "watch/resolve.h"

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

/* A namespace, whose names have a share of what is asked at once. */
struct tenant {
	struct tenant *next;
	struct host *first, *last; /* that wait to be asked for */
	size_t waiting;
	size_t running; /* names that are asked for */
	size_t names;
	char namespace[];
};

struct host {
	struct host *next;
	struct host *same_hash;
	struct resolver *resolver; /* NULL: forgotten, and freed when its questions end */
	struct tenant *tenant;
	struct host *ahead, *behind; /* those of the tenant that wait before it and after it */
	bool waits;
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
	struct host **heads; /* by hash */
	size_t mask;
	uint64_t seed; /* so that nobody can register names of the same hash */
	size_t count;
	size_t running; /* names that are asked for */
	size_t refused;
	struct tenant *tenants; /* the one whose turn it is first */
};

/* Whether the name is asked for. */
static inline bool host_is_running(const struct host *host)
{
	return host->questions[0].running || host->questions[1].running;
}

/* Asks for both families. */
void host_ask(struct host *host);

/* resolve_turns.c */

/* The tenant of a namespace, made where there is none; NULL without memory. */
struct tenant *tenant_find(struct resolver *resolver, const char *namespace);

/* The name is asked for when its namespace's turn comes, perhaps at once; unless it waits or is asked for already. */
void host_wait(struct host *host);

/* It waits no more, or what is asked for it does not count any more. */
void host_leave(struct host *host);

/* Asks for names that wait, as far as there is room. */
void host_ask_next(struct resolver *resolver);

#endif
