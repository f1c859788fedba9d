/*
 * What registry.c, registry_doubt.c and registry_leaving.c have of each other.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_REGISTRY_PART_H
#define NSS_NOMAD_REGISTRY_PART_H

#include "draft.h"

enum { BUCKETS = 1024 }; /* of drafts, and of what is held: as many services as change at once, 10,000 at the most */

/* A service that has lost its last instance. */
struct held {
	struct held *next;
	struct service_key key;
	int64_t until;
};

struct leaving_service;

struct registry {
	struct catalogue *catalogue;
	struct registry_owner owner;
	struct draft *drafts[BUCKETS];
	struct draft *first; /* of all drafts */
	struct held *held[BUCKETS];
	int64_t held_until;  /* the earliest, INT64_MAX without any */
	struct leaving_service *leaving[BUCKETS];
	int64_t leaving_until; /* the same of instances that are leaving */
	size_t leaving_looks;  /* at so many of them, to find one; so that tests can tell what it costs */
	int64_t waits_until;   /* the same of drafts that wait for addresses */
	bool changed;        /* since the last flush */
	struct pool pool;
	uint64_t changes;
	uint64_t seed; /* of hashes of IDs; ids.h */
};

/* A key in lower case, with zeroes after the names, so that keys can be compared as octets. */
void registry_key(const char *namespace, const char *service, struct service_key *key);

/* The place of a service that is held, or of the end of its list. */
struct held **registry_held(struct registry *registry, const struct service_key *key);

/* The draft of a service, made where there is none; NULL without memory. */
struct draft *registry_open(struct registry *registry, const struct service_key *key);

/* Tells the owner that a service is another one, or gone. */
void registry_tell(struct registry *registry, const struct service_key *key, const struct service *service);

/* registry_doubt.c */

/*
 * What becomes of a draft waits for addresses, and `service` would be it: until then what is shown is not all of it, or it
 * is unknown where nothing is shown. 0 or -ENOMEM.
 */
int registry_show_waiting(struct registry *registry, struct draft *draft, const struct service *service);

/* registry_leaving.c */

/* How many instances of a service are leaving; all of them are in its draft. */
size_t leaving_count(struct registry *registry, const struct service_key *key);

/* An instance was removed at `index`: it is leaving from the next flush on, or already. 0 or -ENOMEM. */
int leaving_add(struct registry *registry, const struct service_key *key, const struct registered *item,
                uint64_t index);

/* An instance is registered at `index`, and is not leaving any more; false where it left later than that. */
bool leaving_stays(struct registry *registry, const struct service_key *key, const struct registered *item,
                   uint64_t index);

/* Nobody of a spelling of a service is leaving any more; with NULL for the two texts nobody of the whole service. */
void leaving_forget(struct registry *registry, const struct service_key *key, const char *namespace,
                    const char *service);

/* Removes from the drafts who was leaving for long enough. 0 or -ENOMEM, then it is due again. */
int leaving_flush(struct registry *registry, int64_t now);

/* Releases all that is known of it. */
void leaving_done(struct registry *registry);

#endif
