/*
 * The user's cache, as nomad-lookup fills it; the module never writes a record. The read side and the layout are in
 * cache.h. Called by src/tool.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_CACHE_WRITE_H
#define NSS_NOMAD_CACHE_WRITE_H

#include "cache.h"

enum {
	CACHE_RECORDS_MAX = 4096,   /* per user; the oldest go first */
	CACHE_CONNECTIONS_MAX = 8,  /* to Nomad at a time, per user and unit */
	CACHE_REASON_MAX = 512,     /* octets with the NUL, of a failure's text */
};

/*
 * Opens the directory that cache_choose() chooses, and makes it where it is missing. 0 and a cache to be closed with
 * cache_close(), or what cache_choose() says.
 */
int cache_open(struct cache *cache);

/* Closes the directory. */
void cache_close(struct cache *cache);

/*
 * Sets the folder's links: `_` to the default namespace, `service` to the folder itself or, where names are read
 * plainly, away. Only writes where something differs.
 *
 * record  the one just stored: as long as it is of use, so are the links that lead to it, and their time says so
 *
 * 0 or a negative errno.
 */
int cache_set_links(const struct cache *cache, const char *default_namespace, enum name_reading reading,
                    const struct record *record);

/*
 * Stores a record under its key, in place of the one there: written under another name, then renamed. Forgets that
 * the service failed, and the agent. Now and then removes what has served its time.
 * 0 or a negative errno, then the old record stands. Changes errno.
 */
int cache_store(const struct cache *cache, const struct record *record);

/*
 * Remembers that asking failed, and why, in words for nomad-lookup --explain.
 *
 * name    the failure concerns this service alone; NULL: the agent
 *
 * 0 or a negative errno.
 */
int cache_fail(const struct cache *cache, const struct name *name, const char *reason);

/*
 * The last failure that cache_fail() noted for the service, else for the agent, and nothing has put right since.
 *
 * reason  its text
 * age     milliseconds since, -1 where that is in the future
 *
 * 0 or -ENOENT.
 */
int cache_failure(const struct cache *cache, const struct name *name, char reason[CACHE_REASON_MAX], int64_t *age);

/*
 * Waits for one of the user's CACHE_CONNECTIONS_MAX places, so that a burst of names does not use up the agent's
 * connections (100 for all of a host). They are those of one unit: what it cannot reach holds no other one up.
 *
 * limit     milliseconds, the lookup's own; for those who wait
 * deadline  by deadline_now()
 *
 * A descriptor whose closing gives the place back; -ETIMEDOUT, or another
 * negative errno where nothing can be written.
 */
int cache_take_place(const struct cache *cache, uint32_t limit, int64_t deadline);

/* Removes records past their use, failures and locks nobody holds, and the oldest records over the cap. */
void cache_prune(const struct cache *cache);

#endif
