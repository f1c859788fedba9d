/*
 * How the daemon goes, for people, systemd and Prometheus; see daemon_part.h. Called by daemon.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watch/daemon_part.h"

#include "measures.h"
#include "noun.h"
#include "published.h"
#include "uptime.h"
#include "url.h"
#include "wall.h"
#include "watch/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum { START_MORE = 30 * 1000 * 1000 }; /* microseconds more for the start, while Nomad is waited for */

bool report_is_alive(const struct daemon *daemon)
{
	uint32_t serial;
	enum catalogue_state state = catalogue_state(daemon->catalogue, &serial);

	return state == CATALOGUE_CURRENT || state == CATALOGUE_STALE;
}

void report_pulse(const struct daemon *daemon)
{
	struct watcher_state state;

	if (daemon->dns == NULL)
		return;
	watcher_state(daemon->watcher, &state);
	int64_t now = uptime_now(), confirmed = state.state == CATALOGUE_LOADING ? now : state.current_at;
	dns_server_beat(daemon->dns, now, confirmed + (int64_t)daemon->config->max_stale * 1000);
}

/* Without memory nothing is as before: what the scope was holds until the next second. */
static void spread_scope(struct daemon *daemon)
{
	struct scope scope = {0};

	if (watcher_scope(daemon->watcher, &scope) == 0 && catalogue_set_scope(daemon->catalogue, &scope) == 0 &&
	    publisher_set_scope(daemon->publisher, &scope) == 0) {
		scope_done(&daemon->scope);
		daemon->scope = scope;
		return;
	}
	scope_done(&scope);
}

void report_beat(struct daemon *daemon)
{
	enum published_state said = PUBLISHED_DEAD;
	struct watcher_state state;

	watcher_state(daemon->watcher, &state);
	catalogue_set_confirmed(daemon->catalogue, state.current_at);
	if (state.state == CATALOGUE_CURRENT)
		spread_scope(daemon);
	if (state.state == CATALOGUE_CURRENT)
		said = daemon->scope.all ? PUBLISHED_ALL : PUBLISHED_SOME;
	else if (state.state == CATALOGUE_STALE)
		said = PUBLISHED_NOT_CURRENT;
	publisher_beat(daemon->publisher, said);
}

static void add_instances(void *context, const struct service_key *key, const struct service *service)
{
	int64_t *count = context;

	(void)key;
	for (size_t i = 0; i < service->instance_count; i++)
		*count += service->instances[i].host != NULL || service->instances[i].address_count > 0;
}

/* Those that can be reached. Counted anew only where something has changed: 100,000 take milliseconds. */
static int64_t count_instances(struct daemon *daemon)
{
	if (daemon->counted_after == daemon->publishes + 1)
		return daemon->instances;
	daemon->instances = 0;
	catalogue_each(daemon->catalogue, add_instances, &daemon->instances);
	daemon->counted_after = daemon->publishes + 1;
	return daemon->instances;
}

/* A moment of the watcher's clock in milliseconds since 1970. */
static int64_t wall_time(int64_t moment)
{
	return moment == 0 ? 0 : wall_now() - (uptime_now() - moment);
}

/* What systemd passes for UDP and for TCP is one address. */
static void list_dns(const struct daemon *daemon, char list[STATUS_DNS_MAX])
{
	char address[LISTEN_TEXT_MAX], last[LISTEN_TEXT_MAX] = "";
	size_t used = 0;

	for (size_t i = 0; daemon->dns != NULL && dns_server_address(daemon->dns, i, address); i++) {
		if (strcmp(address, last) == 0 || used + strlen(address) + 2 > STATUS_DNS_MAX)
			continue;
		used += (size_t)sprintf(list + used, "%s%s", used == 0 ? "" : " ", address);
		strcpy(last, address);
	}
}

void report_ask_region(struct daemon *daemon)
{
	uint32_t serial;

	if (daemon->config->region == NULL && catalogue_state(daemon->catalogue, &serial) == CATALOGUE_CURRENT)
		region_ask(&daemon->region);
}

/* What is followed: "all", or the namespaces; as many as fit. */
static void list_namespaces(const struct daemon *daemon, char list[STATUS_NAMESPACES_MAX])
{
	const struct scope *scope = &daemon->scope;
	size_t used = 0;

	strcpy(list, scope->all ? "all" : "");
	for (size_t i = 0; !scope->all && i < scope->count && used + NAME_LABEL_MAX + 2 < STATUS_NAMESPACES_MAX; i++)
		used += (size_t)sprintf(list + used, "%s%s", used == 0 ? "" : " ", scope->names[i]);
}

/* For programs with NOMAD_ADDR or NOMAD_REGION: which cluster it is. */
static void write_follows(struct daemon *daemon, const char *namespaces)
{
	const struct words *addresses = &daemon->config->addresses;
	const char *region = daemon->config->region != NULL ? daemon->config->region : daemon->region.name, *wrong;
	char *text = NULL, address[URL_TEXT_MAX];
	struct url url;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return;
	fputs("# What nomad-dns-srv follows. Programs read it where NOMAD_ADDR or NOMAD_REGION is set.\n", out);
	for (size_t i = 0; i < addresses->count; i++) {
		if (!url_parse(addresses->words[i], &url, &wrong))
			continue;
		url_text(&url, address);
		fprintf(out, "address %s\n", address);
	}
	if (region[0] != '\0')
		fprintf(out, "region %s\n", region);
	fprintf(out, "namespaces %s\n", namespaces);
	if (fclose(out) == 0)
		publisher_put_file(daemon->publisher, PUBLISHED_FOLLOWS, text, size);
	free(text);
}

void report_status(struct daemon *daemon)
{
	struct watcher_state state;
	char text[STATUS_MAX];
	const char *publish_error = publisher_error(daemon->publisher);

	watcher_state(daemon->watcher, &state);
	struct status status = {
		.pid = getpid(),
		.written_at = wall_now(),
		.started_at = daemon->started_at,
		.since = wall_time(state.since),
		.current_at = state.state == CATALOGUE_LOADING ? 0 : wall_time(state.current_at),
		.error_at = wall_time(state.error_at),
		.index = (int64_t)state.index,
		.services = (int64_t)catalogue_size(daemon->catalogue),
		.instances = count_instances(daemon),
		.polling = state.polling,
		.kept = (int64_t)state.kept,
		.kept_since = state.kept_since == INT64_MAX ? 0 : wall_time(state.kept_since),
	};
	snprintf(status.state, sizeof status.state, "%s", status_state_text(state.state));
	snprintf(status.agent, sizeof status.agent, "%s", state.agent);
	snprintf(status.error, sizeof status.error, "%s", state.error);
	snprintf(status.publish_error, sizeof status.publish_error, "%s", publish_error == NULL ? "" : publish_error);
	snprintf(status.dns_error, sizeof status.dns_error, "%s", daemon->dns_error);
	list_dns(daemon, status.dns);
	list_namespaces(daemon, status.namespaces);
	write_follows(daemon, status.namespaces);
	publisher_put_file(daemon->publisher, STATUS_FILE, text, status_write(&status, text));
	sd_notifyf(0, "STATUS=%s: %" PRId64 " %s, index %" PRId64 ", agent %s", status.state, status.services,
	           noun((uint64_t)status.services, "service", "services"), status.index, status.agent);
}

void report_ready(struct daemon *daemon)
{
	if (daemon->ready)
		return;
	if (!report_is_alive(daemon)) {
		sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%d", START_MORE);
		return;
	}
	daemon->ready = true;
	sd_notify(0, "READY=1");
}

static bool may_be_believed(void *context)
{
	return report_is_alive(context);
}

static void write_measures(void *context, FILE *out)
{
	struct daemon *daemon = context;
	struct watcher_state state;

	watcher_state(daemon->watcher, &state);
	struct measures measures = {
		.absences = daemon->absence.absences,
		.services = catalogue_size(daemon->catalogue),
		.instances = (size_t)count_instances(daemon),
		.index = state.index,
		.age = state.state == CATALOGUE_LOADING ? -1 : uptime_now() - state.current_at,
		.stale = state.state == CATALOGUE_STALE || state.state == CATALOGUE_EXPIRED,
		.ready = report_is_alive(daemon),
		.started_at = daemon->started_at,
		.publishes = daemon->publishes,
		.unsaid = log_dropped(daemon->log),
		.results = http_results(daemon->http),
		.version = VERSION,
	};
	memcpy(measures.counts, daemon->counts, sizeof measures.counts);
	if (daemon->dns != NULL)
		dns_server_totals(daemon->dns, &measures.dns, &measures.connections);
	measures_write(out, &measures);
}

void report_start_metrics(struct daemon *daemon)
{
	const struct metrics_source source = {daemon, write_measures, may_be_believed};
	char reason[CONFIG_REASON_MAX];

	if (daemon->config->metrics == NULL)
		return;
	int result = metrics_start(&daemon->loop, daemon->config->metrics, &source, &daemon->metrics, reason);
	if (result == 0 && daemon->metrics_retry.wait > 0)
		log_say(daemon->log, LOG_NOTICE, "serves metrics and health");
	if (result < 0 && daemon->metrics_retry.wait == 0)
		log_say(daemon->log, LOG_ERR, reason);
	if (result < 0)
		retry_later(&daemon->metrics_retry);
	else
		retry_done(&daemon->metrics_retry);
}
