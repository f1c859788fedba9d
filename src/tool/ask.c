/*
 * Asking Nomad for nomad-lookup; see ask.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tool/ask.h"

#include "cache_write.h"
#include "deadline.h"
#include "lookup.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* Keeps the answer, or the failure. What cannot be kept is no reason to say less. */
static void keep(const struct ask *ask, const struct cache *cache, const struct name *name,
                 const struct record *record)
{
	if (record->verdict == VERDICT_UNKNOWN) {
		if (!lookup_is_put_on())
			cache_fail(cache, ask->report.concerns_service ? name : NULL, ask->report.reason);
		return;
	}
	/* In this order: whom a new link leads past the lock, which stays in the folder that was there, finds the record. */
	cache_store(cache, record);
	cache_set_links(cache, config_default_namespace(ask->config), ask->config->reading, record);
}

/* One of the user's places among the agent's connections, where there is a cache to queue in. -1 is none. */
static int take_place(const struct cache *cache, int64_t deadline, struct fetch_report *report)
{
	int place = lookup_is_put_on() ? -1 : cache_take_place(cache, deadline);

	if (place == -ETIMEDOUT) {
		report->concerns_service = true;
		snprintf(report->reason, sizeof report->reason,
		         "%d lookups of this user were asking Nomad at the same time, and none ended in time; try again",
		         CACHE_CONNECTIONS_MAX);
	}
	return place;
}

int ask_nomad(void *context, const char *text, int lock, int64_t started, struct record *record)
{
	struct ask *ask = context;
	int64_t deadline = started + ask->config->timeout;
	struct record got = {0};
	struct cache cache;
	struct name name;
	int place = -1, result = 0;

	cache_say_limit(lock, ask->config->timeout);
	ask->report = (struct fetch_report){0};
	name_parse(text, ask->config->reading, &name);
	if (name.kind != NAME_SERVICE)
		return -EINVAL;
	got.key = name.key;
	bool cached = cache_open(ask->places->users, ask->places->cluster, true, &cache) == 0;
	if (cached)
		place = take_place(&cache, deadline, &ask->report);
	/* With little time left of its own, a lookup that fails says nothing of the agent. */
	bool late = deadline_left(deadline) < (int)ask->config->timeout / 2;
	if (place != -ETIMEDOUT)
		result = fetch_service(ask->config, &name, deadline, &got, &ask->report);
	ask->report.concerns_service |= late;
	if (place >= 0)
		close(place);
	record_stamp(&got);
	if (cached) {
		if (result == 0)
			keep(ask, &cache, &name, &got);
		cache_close(&cache);
	}
	if (result == 0)
		*record = got;
	return result;
}
