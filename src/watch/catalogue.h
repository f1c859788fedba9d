/*
 * The catalogue in memory: for every service an immutable block, replaced as a whole when it changes. Written by
 * the watcher's thread alone, read by the DNS workers without locks.
 *
 * A block that was replaced is freed once every reader has passed through a moment in which it holds nothing
 * (catalogue_leave()); one that sleeps holds nothing and never keeps one from being freed.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_CATALOGUE_H
#define NSS_NOMAD_CATALOGUE_H

#include "scope.h"
#include "service.h"

#include <stdbool.h>
#include <stdint.h>

struct catalogue;
struct catalogue_reader;
struct entry;
struct retired;

/* How current the catalogue is; what an answer's freshness is judged by. */
enum catalogue_state {
	CATALOGUE_LOADING, /* nothing complete was read yet: nobody can tell */
	CATALOGUE_CURRENT,
	CATALOGUE_STALE,   /* Nomad cannot be reached; the last catalogue serves */
	CATALOGUE_EXPIRED, /* ... for longer than max-stale: nobody can tell */
};

/* A new one, empty and LOADING; NULL without memory. Released with catalogue_free(), which has no readers left. */
struct catalogue *catalogue_new(void);
void catalogue_free(struct catalogue *catalogue);

/*
 * Replaces what a service has. The writer's thread only.
 *
 * key      its namespace is never the default one; case does not matter
 * service  one block of service_copy(), from now on the catalogue's; NULL where the service is gone
 *
 * 0 or -ENOMEM, then the service is still the caller's and nothing has changed. Costs the same whatever the
 * size of the catalogue, save that its table grows now and then.
 */
int catalogue_put(struct catalogue *catalogue, const struct service_key *key, struct service *service);

/*
 * From now on the names at each address are kept too, for catalogue_names_at(). Before the first catalogue_put(): they
 * cost as much memory as the services once more. 0 or -ENOMEM. The writer's thread only.
 */
int catalogue_keep_names(struct catalogue *catalogue);

/*
 * What readers need of a service and would otherwise compute for each question: one block, released with free(); NULL
 * without memory. Called with each service that is put, by the writer's thread.
 */
typedef void *(*catalogue_prepare)(const struct service *service);

/* From now on it is computed; before the first catalogue_put(). The writer's thread only. */
void catalogue_prepare_with(struct catalogue *catalogue, catalogue_prepare prepare);

/*
 * Calls `visit` for the services of one of `parts` about equal parts, from 0. Each service is in one of them, and in the
 * same one until the catalogue has grown to the double. The writer's thread only.
 */
void catalogue_each_part(const struct catalogue *catalogue, unsigned int part, unsigned int parts,
                         void (*visit)(void *context, const struct service_key *key, const struct service *service),
                         void *context);

/* Calls `visit` for every service, in no order. The writer's thread only. */
void catalogue_each(const struct catalogue *catalogue,
                    void (*visit)(void *context, const struct service_key *key, const struct service *service),
                    void *context);

/* Sets how current it is, and the serial that follows Nomad's index (RFC 1982 order). The writer's thread only. */
void catalogue_set_state(struct catalogue *catalogue, enum catalogue_state state, uint32_t serial);

/*
 * Sets which namespaces are followed: of others nobody can tell what they have. Before the first time none is. Copied;
 * 0, or -ENOMEM and it is as before. The writer's thread only.
 */
int catalogue_set_scope(struct catalogue *catalogue, const struct scope *scope);

/* Whether a namespace is followed, and whether all are; case does not matter. For readers between enter and leave. */
bool catalogue_follows(const struct catalogue *catalogue, const char *namespace);
bool catalogue_follows_all(const struct catalogue *catalogue);

/* Sets when it was certainly Nomad's the last time, by uptime_now(). The writer's thread only. */
void catalogue_set_confirmed(struct catalogue *catalogue, int64_t moment);

/* That moment. Any thread. */
int64_t catalogue_confirmed(const struct catalogue *catalogue);

/* Calls `visit` for every namespace that has a service, in lower case and no order. The writer's thread only. */
void catalogue_each_namespace(const struct catalogue *catalogue, void (*visit)(void *context, const char *namespace),
                              void *context);

/* A reader for one thread; NULL without memory or where there are 64 already. */
struct catalogue_reader *catalogue_join(struct catalogue *catalogue);
void catalogue_part(struct catalogue_reader *reader);

/* The reader is about to read, or to sleep and holds nothing. Between the two, what it finds stays. */
void catalogue_enter(struct catalogue_reader *reader);
void catalogue_leave(struct catalogue_reader *reader);

/* Frees a block of others' (epoch.h), which no reader can find any more, when none holds it. The writer's thread only. */
void catalogue_retire(struct catalogue *catalogue, struct retired *block);

/*
 * A service, NULL where there is none. For readers between enter and leave, and for the writer.
 *
 * key  its namespace is never the default one: the caller puts the configured one there; case does not matter
 */
const struct service *catalogue_find(const struct catalogue *catalogue, const struct service_key *key);

/* The same by namespace and name of at most 63 octets, with what was prepared: NULL without catalogue_prepare_with(). */
const struct service *catalogue_find_prepared(const struct catalogue *catalogue, const char *namespace,
                                              const char *service, const void **prepared);

/*
 * The same by the two labels of SERVICE.NAMESPACE as they stand in a question (RFC 1035 section 3.1), each with its length.
 *
 * ahead  what catalogue_look_ahead() found for them since the reader entered; NULL: nothing
 */
const struct service *catalogue_find_labels(const struct catalogue *catalogue, const uint8_t *labels, size_t size,
                                            const struct entry *ahead, const void **prepared);

enum { CATALOGUE_AHEAD_MAX = 32, CATALOGUE_LABELS_MAX = 2 * (NAME_LABEL_MAX + 1) };

/*
 * Looks up what catalogue_find_labels() will be asked for next, many at once: memory then works for all of them at the same
 * time, and what they hold is in the processor's cache when it is needed. Changes no answer.
 *
 * labels  `count` of them, at most CATALOGUE_AHEAD_MAX: each CATALOGUE_LABELS_MAX octets of any content
 * found   for each what it probably is, NULL where that was not seen at once; of use until the reader leaves
 *
 * For readers between enter and leave.
 */
void catalogue_look_ahead(const struct catalogue *catalogue, const uint8_t *const labels[], size_t count,
                          const struct entry *found[]);

/* The services that have an instance at an address, in lower case. */
struct service_names {
	size_t count;
	struct service_key keys[];
};

/* Who is at an address: NULL where nobody is, or the names are not kept. For readers between enter and leave. */
const struct service_names *catalogue_names_at(const struct catalogue *catalogue, const struct address *address);

/* How many services there are. The writer's thread only. */
size_t catalogue_size(const struct catalogue *catalogue);

/* Whether any service is in the namespace; case does not matter. */
bool catalogue_has_namespace(const struct catalogue *catalogue, const char *name);

/* How current it is. Any thread. */
enum catalogue_state catalogue_state(const struct catalogue *catalogue, uint32_t *serial);

#endif
