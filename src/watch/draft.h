/*
 * A service while it is being changed: its instances in an array, with pointers into the block that is still in the
 * catalogue and into the strings that came with the changes. Called by registry.c alone.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DRAFT_H
#define NSS_NOMAD_DRAFT_H

#include "ids.h"
#include "registry.h"

/* Strings and arrays that live until all drafts are done. */
struct pool {
	struct pool_chunk *chunks;
};

/* A spelling of which not all is known. */
struct doubt {
	const char *namespace;
	const char *service;
};

struct draft {
	struct draft *same_hash; /* the next one in its bucket */
	struct draft *next;      /* the next one of all */
	struct service_key key;  /* in lower case */
	struct registered *items;
	size_t count;
	size_t room;
	struct ids ids;    /* of the items, once many of many were looked for */
	size_t finds;      /* how often one was */
	size_t looks;      /* at so many items, for that: so that tests can tell what it costs */
	int64_t until; /* when it waits no longer for addresses of host names; 0: it has not begun to */
	bool waits;    /* for them, in this flush and beyond it */
	bool unread;   /* whether these are all its instances is not known before a read says so */
	struct doubt *doubts; /* spellings of which it may have more, though what it has is certain */
	size_t doubt_count;
	bool broken;   /* there was no memory for a change: it must not become the service */
};

/* How two blocks differ. */
enum difference {
	DIFFERENCE_NONE,
	DIFFERENCE_UNSEEN, /* in Nomad's indexes alone */
	DIFFERENCE_SEEN,
};

/* A number of a service's key, for tables. */
uint32_t draft_hash(const struct service_key *key);

/* Releases all that was taken of it. */
void pool_done(struct pool *pool);

/* A new draft with what `service` holds; NULL without memory. `service`, which may be NULL, outlives it. */
struct draft *draft_new(const struct service_key *key, const struct service *service);
void draft_free(struct draft *draft);

/* The item of a spelling with this ID; NULL where there is none. Stays until the next change. */
struct registered *draft_find(struct draft *draft, const char *namespace, const char *service, const char *id);

/* Adds a copy of an item, its strings copied to the pool. 0 or -ENOMEM. */
int draft_add(struct draft *draft, const struct registered *item, struct pool *pool);

/* Of a spelling there may be more than the draft has, until it is trusted again. 0 or -ENOMEM. */
int draft_doubt(struct draft *draft, const char *namespace, const char *service, struct pool *pool);
void draft_trust(struct draft *draft, const char *namespace, const char *service);

/* Copies all items to the pool, so that the block in the catalogue may go. 0; or -ENOMEM, then it may not. */
int draft_detach(struct draft *draft, struct pool *pool);

/* Removes an item that draft_find() gave. */
void draft_remove(struct draft *draft, struct registered *item);

/* Removes all items. */
void draft_clear(struct draft *draft);

/* Removes all items of a spelling. */
void draft_remove_spelling(struct draft *draft, const char *namespace, const char *service);

/*
 * Makes a block of it: spellings together, instances in the order of their IDs, as Nomad has them; the addresses of
 * those with a host name are asked for anew, and whether all are known goes to `resolved`. A new block, released with
 * free(); NULL without memory.
 */
struct service *draft_build(struct draft *draft, const struct registry_owner *owner, bool *resolved);

/* Compares two blocks as draft_build() makes them. */
enum difference draft_compare(const struct service *a, const struct service *b);

#endif
