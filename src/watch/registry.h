/*
 * What Nomad says, put into the catalogue: full reads and single events become a new block for every service that
 * they change. Called by watch/watcher.c and watch/reading.c, in the daemon's one thread.
 *
 * The catalogue's blocks are the only copy. Changes are collected in drafts, one for each service they concern, until
 * registry_flush(): what came together is seen together, and an allocation that is deregistered and registered again
 * was never away. The two seldom come together, and the one that is away may be all that a tag or an address selects: so
 * an instance that is removed is shown for REGISTRY_LEAVING longer, and a service that would be left without any for
 * REGISTRY_HOLD. One with a host name that nobody has asked for yet becomes another one only when the name's addresses
 * are there, or REGISTRY_RESOLVE is over.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_REGISTRY_H
#define NSS_NOMAD_REGISTRY_H

#include "catalogue.h"
#include "service.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Milliseconds for which a service is kept after its last instance went, and one of several instances after it was removed.
 * A restarted allocation is back after 1.2 (group services; 7 at the most of 60) or 73 (task services), an instance that
 * moves off a lost node after 200 to 400. The second is short, for most of those that are removed do not come back.
 */
enum { REGISTRY_HOLD = 100, REGISTRY_LEAVING = 10 };

/* Milliseconds for which a change waits for the addresses of host names: no longer than a lookup does by itself. */
enum { REGISTRY_RESOLVE = 2000 };

/* An instance with the service it is of, spelled as Nomad does. */
struct registered {
	const char *namespace;
	const char *service;
	struct instance instance;
};

/* What is known of where a host name leads. */
struct registry_host {
	const struct address *addresses; /* stay as they are while the registry is flushed */
	size_t count;
	uint8_t unresolved; /* families in which there may be others */
	bool awaited;       /* somebody is asked for the first time */
};

/* What the registry asks of its owner. */
struct registry_owner {
	void *context;
	/*
	 * A service is another one, or gone (NULL), as far as anybody could see. The catalogue holds it already, and the
	 * block stays until the next flush.
	 */
	void (*changed)(void *context, const struct service_key *key, const struct service *service);
	/* What a host name, of an instance in that namespace, leads to. registry_hosts_changed() tells when that is another one. */
	struct registry_host (*resolve)(void *context, const char *namespace, const char *host);
};

struct registry;

/*
 * A registry for a catalogue, which outlives it, and which nobody else changes from now on. `owner` is copied. NULL
 * without memory. Released with registry_free().
 */
struct registry *registry_new(struct catalogue *catalogue, const struct registry_owner *owner);
void registry_free(struct registry *registry);

/*
 * Puts a service that was published earlier into the catalogue, for a start without Nomad; nobody is told. NULL: one that
 * is unknown. 0 or -ENOMEM.
 */
int registry_load(struct registry *registry, const struct service_key *key, const struct service *service);

/*
 * Registers an instance, or changes the one with its ID, at an index of Nomad's. Nothing happens where what is known
 * of that ID is as new. Everything is copied. 0 or -ENOMEM, also from those below: then a full read has to follow.
 */
int registry_add(struct registry *registry, const struct registered *registered, uint64_t index);

/*
 * Removes an instance, unless what is known of it is as new as `index`: REGISTRY_LEAVING after the next flush, if it is not
 * registered again meanwhile. One that is not there is no error.
 */
int registry_remove(struct registry *registry, const char *namespace, const char *service, const char *id,
                    uint64_t index);

/*
 * Takes what a read said about one spelling of a service: these instances, and no others.
 *
 * all      of that spelling, `count` of them, perhaps 0; copied
 * partial  there may be others, which the read did not tell so that they could be understood
 */
int registry_replace(struct registry *registry, const char *namespace, const char *service,
                     const struct registered *all, size_t count, bool partial);

/*
 * There is a service, and nobody could tell what it has now: it is unknown; where something was known of it, that stays,
 * and it may have more: it is partial. Until it is read.
 */
int registry_doubt(struct registry *registry, const char *namespace, const char *service);

/* What is known of a namespace's services is too old: they are unknown until they are read again. */
int registry_doubt_namespace(struct registry *registry, const char *namespace);

/* Builds every service again that an address of a host which has changed is in, or that waits for one. 0 or -ENOMEM. */
int registry_hosts_changed(struct registry *registry, bool (*has_changed)(const void *context, const char *host),
                           const void *context);

/*
 * Puts into the catalogue what was collected, and removes what was held long enough.
 *
 * now  milliseconds by any clock that goes forward
 *
 * 0, or -ENOMEM, then some services are as before and a full read has to follow.
 */
int registry_flush(struct registry *registry, int64_t now);

/* How often a service has become another one so far, as far as anybody could see. */
uint64_t registry_changes(const struct registry *registry);

/* When registry_flush() has something to do again: a moment by its clock, 0 for at once, INT64_MAX for never. */
int64_t registry_due(const struct registry *registry);

/* Whether a change waits for the addresses of a host name. */
bool registry_waits(const struct registry *registry);

/* Whether the catalogue has an instance as it was registered at an index of Nomad's, by the last flush. */
bool registry_holds(const struct registry *registry, const char *namespace, const char *service, const char *id,
                    uint64_t index);

/* Calls `visit` for every spelling that the catalogue holds, those that are held too, as of the last flush. */
void registry_each_spelling(const struct registry *registry,
                            void (*visit)(void *context, const struct spelling *spelling), void *context);

#endif
