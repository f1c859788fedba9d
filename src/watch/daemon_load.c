/*
 * What an earlier daemon left, for a start without Nomad; see daemon_part.h. Called by daemon.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watch/daemon_part.h"

#include "noun.h"
#include "uptime.h"
#include "wall.h"
#include "watch/status.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

static int load_record(void *context, const struct record *record)
{
	struct daemon *daemon = context;
	int result = registry_load(daemon->registry, &record->key, record->service);

	/* Without memory for what it has there may be some for that it is. */
	if (result < 0 && record->service != NULL)
		result = registry_load(daemon->registry, &record->key, NULL);
	if (result < 0)
		return result;
	daemon->loaded++;
	for (size_t i = 0; record->service != NULL && i < record->service->instance_count; i++) {
		const struct instance *instance = &record->service->instances[i];
		if (instance->host != NULL && instance->address_count > 0)
			resolver_seed(daemon->resolver, record->key.namespace, instance->host, instance->addresses,
			              instance->address_count);
	}
	if (record->made > daemon->newest)
		daemon->newest = record->made;
	return 0;
}

/* A moment since 1970 by the watcher's clock. One that is to come, for the clock was set back, is as good as now. */
static int64_t monotonic(int64_t moment)
{
	int64_t age = wall_now() - moment;

	return uptime_now() - (age < 0 ? 0 : age);
}

void daemon_load(struct daemon *daemon, struct watcher_begin *begin)
{
	const char *const dirs[] = {daemon->config->publish, daemon->config->state};
	int64_t current_at = 0, kept_since = 0;
	struct status status;
	char text[128];
	int result = publisher_load(daemon->publisher, load_record, daemon);

	for (size_t i = 0; i < 2 && current_at == 0; i++)
		if (dirs[i] != NULL && status_read(dirs[i], &status) == 0) {
			current_at = status.current_at;
			kept_since = status.kept_since;
		}
	/* What is not in the catalogue may be in the files: they stay as they are, and nobody believes either of them. */
	if (result < 0) {
		snprintf(text, sizeof text, "cannot load what was published before: %s; waits for Nomad", strerror(-result));
		log_say(daemon->log, LOG_ERR, text);
		return;
	}
	publisher_write_all(daemon->publisher);
	if (daemon->loaded == 0)
		return;
	if (current_at == 0)
		current_at = (int64_t)daemon->newest;
	begin->state = CATALOGUE_STALE;
	begin->current_at = monotonic(current_at);
	if (kept_since != 0)
		begin->kept_since = monotonic(kept_since);
	snprintf(text, sizeof text, "starts with %zu %s published before, as stale", daemon->loaded,
	         noun(daemon->loaded, "service", "services"));
	log_say(daemon->log, LOG_INFO, text);
}
