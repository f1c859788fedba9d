/*
 * Asking Nomad for nomad-lookup; see ask.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tool/ask.h"

#include "cache_write.h"
#include "deadline.h"
#include "lock.h"
#include "lookup.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

const char *ask_default_namespace(const struct ask *ask)
{
	return ask->places->namespace[0] != '\0' ? ask->places->namespace : config_default_namespace(ask->config);
}

/* Keeps the answer, or the failure. What cannot be kept is no reason to say less. */
static void keep(struct ask *ask, const struct cache *cache, const struct name *name, int lock,
                 const struct record *record)
{
	if (record->verdict == VERDICT_UNKNOWN) {
		if (lock >= 0 && !ask->report.is_own)
			cache_fail(cache, ask->report.concerns_service ? name : NULL, ask->report.reason);
		return;
	}
	/* In this order: whom a new link leads past the lock, which stays in the folder that was there, finds the record. */
	ask->unkept = cache_store(cache, record);
	cache_set_links(cache, config_default_namespace(ask->config), ask->config->reading, record);
}

/* One of the user's places among the agent's connections, where there is a cache to queue in. -1 is none. */
static int take_place(const struct ask *ask, const struct cache *cache, int64_t deadline, struct fetch_report *report)
{
	int place = cache_take_place(cache, ask->config->timeout, deadline);

	if (place == -ETIMEDOUT) {
		report->concerns_service = true;
		snprintf(report->reason, sizeof report->reason,
		         "%d lookups of this user were asking Nomad at the same time, and none ended in time; try again",
		         CACHE_CONNECTIONS_MAX);
	}
	return place;
}

/* What another process has kept while this one waited for the lock. */
static bool find_kept(const struct cache *cache, const struct name *name, struct record *record)
{
	struct name whole = *name;
	struct record found = {0};

	whole.whole = true;
	if (cache_find(cache, &whole, &found) < 0)
		return false;
	/* That there is no such service in such a namespace says nothing of a service that is called like the namespace. */
	bool tells = name->maybe_service ? found.verdict == VERDICT_FOUND : found.verdict != VERDICT_UNKNOWN;
	if (!record_is_fresh(&found) || !tells) {
		record_done(&found);
		return false;
	}
	*record = found;
	return true;
}

/* Asks, in a cache that is open or not, and keeps what comes. */
static int fetch(struct ask *ask, const struct name *name, struct cache *cache, int lock, int64_t started,
                 struct record *record)
{
	int64_t deadline = started + ask->config->timeout;
	struct record got = {.key = name->key};
	int place = -1, result = 0;

	if (lock >= 0 && cache != NULL)
		place = take_place(ask, cache, deadline, &ask->report);
	/* With little time left of its own, a lookup that fails says nothing of the agent. */
	bool late = deadline_left(deadline) < (int)ask->config->timeout / 2;
	if (place != -ETIMEDOUT)
		result = fetch_service(ask->config, name, deadline, &got, &ask->report);
	ask->report.concerns_service |= late;
	if (place >= 0)
		close(place);
	record_stamp(&got);
	if (result < 0)
		return result;
	if (cache != NULL)
		keep(ask, cache, name, lock, &got);
	*record = got;
	return 0;
}

int ask_holding(struct ask *ask, const struct lookup_question *question, int lock, struct record *record)
{
	const struct lookup_places *places = ask->places;
	struct cache cache;
	struct name name;
	int result = 0;

	ask->report = (struct fetch_report){0};
	ask->unkept = 0;
	name_parse(question->text, ask->config->reading, &name);
	if (name.kind != NAME_SERVICE || (name.bare && places->namespace_wrong))
		return -EINVAL;
	name_set_namespace(&name, places->namespace_wrong ? NULL : places->namespace);
	cache_init(&cache, places->cache, places->run, places->cluster, question->origin);
	bool cached = cache_open(&cache) == 0;
	if (!cached || lock < 0 || !find_kept(&cache, &name, record))
		result = fetch(ask, &name, cached ? &cache : NULL, lock, question->started, record);
	if (cached)
		cache_close(&cache);
	if (lock >= 0)
		close(lock);
	return result;
}

int ask_nomad(void *context, const struct lookup_question *question, struct record *record)
{
	struct ask *ask = context;
	uint32_t limit = ask->config->timeout;
	int lock = question->lock == NULL ? -1 : lock_take(question->lock, limit, question->started + limit);

	return lock == -EWOULDBLOCK ? lock : ask_holding(ask, question, lock, record);
}
