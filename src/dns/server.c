/*
 * The DNS side of the daemon; see server.h. Called by watch/daemon.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "server.h"

#include "targets.h"
#include "tcp.h"
#include "udp.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dns_server {
	struct catalogue *catalogue;
	struct dns_settings_place settings;
	struct listeners listeners;
	size_t server_count;
	struct address *servers; /* where we listen, unless one is a wildcard: what ns.nomad holds */
	struct udp *udp;
	struct tcp *tcp;
};

static size_t count_workers(const struct config *config)
{
	cpu_set_t cores;
	size_t count = config->workers;

	if (count == 0 && sched_getaffinity(0, sizeof cores, &cores) == 0)
		count = (size_t)CPU_COUNT(&cores);
	if (count == 0)
		count = 1;
	return count < CONFIG_WORKERS_MAX ? count : CONFIG_WORKERS_MAX;
}

/* Lists the addresses we listen on; none where one is a wildcard: then ns.nomad holds the one that was asked. */
static int list_servers(struct dns_server *server)
{
	const struct listeners *listeners = &server->listeners;

	server->servers = calloc(listeners->count + 1, sizeof *server->servers);
	if (server->servers == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < listeners->count; i++) {
		struct address address = endpoint_address(&listeners->list[i].endpoint);
		bool known = false;
		if (listeners->list[i].wildcard) {
			server->server_count = 0;
			return 0;
		}
		for (size_t j = 0; j < server->server_count; j++)
			known = known || address_equal(&server->servers[j], &address);
		if (!known)
			server->servers[server->server_count++] = address;
	}
	return 0;
}

/* Reads the settings anew; who answers finds them with the next question. */
static int set_settings(struct dns_server *server, const struct config *config, char reason[CONFIG_REASON_MAX])
{
	const struct dns_settings *before = atomic_load(&server->settings.now);
	struct dns_settings *settings;
	int result = dns_settings_new(config, before, server->servers, server->server_count, &settings, reason);

	if (result < 0)
		return result;
	atomic_store(&server->settings.now, settings);
	if (before != NULL)
		catalogue_retire(server->catalogue, (struct retired *)before); /* its first member; no longer unchanged */
	return 0;
}

static int start_parts(struct dns_server *server, uv_loop_t *loop, const struct config *config,
                       char reason[CONFIG_REASON_MAX])
{
	struct catalogue *catalogue = server->catalogue;
	int result = 0;

	/* Before anything that may fail and be tried again: by then there are services. */
	catalogue_prepare_with(catalogue, targets_prepare);
	if (config->reverse.count > 0)
		result = catalogue_keep_names(catalogue);
	if (result == 0)
		result = listeners_open(&config->listen, count_workers(config), &server->listeners, reason);
	if (result < 0)
		return result;
	if (server->listeners.count == 0)
		server->listeners.workers = 0; /* `listen` is empty: no DNS */
	result = list_servers(server);
	if (result == 0) {
		result = set_settings(server, config, reason);
		if (result < 0)
			return result;
	}
	if (result == 0)
		result = tcp_start(loop, &server->listeners, catalogue, &server->settings, &server->tcp);
	if (result == 0)
		result = udp_start(&server->listeners, catalogue, &server->settings, &server->udp);
	if (result < 0)
		snprintf(reason, CONFIG_REASON_MAX, "cannot start to answer DNS: %s; more memory or threads may help",
		         strerror(-result));
	return result;
}

int dns_server_start(uv_loop_t *loop, struct catalogue *catalogue, const struct config *config, struct log *log,
                     struct dns_server **server, char reason[CONFIG_REASON_MAX])
{
	struct dns_server *started = calloc(1, sizeof *started);

	if (started == NULL) {
		snprintf(reason, CONFIG_REASON_MAX, "out of memory");
		return -ENOMEM;
	}
	started->catalogue = catalogue;
	snprintf(reason, CONFIG_REASON_MAX, "out of memory");
	started->settings.log = log;
	int result = start_parts(started, loop, config, reason);
	if (result < 0)
		dns_server_stop(started);
	else
		*server = started;
	return result;
}

int dns_server_configure(struct dns_server *server, const struct config *config, char reason[CONFIG_REASON_MAX])
{
	int result = set_settings(server, config, reason);

	if (result == 0)
		tcp_configure(server->tcp);
	return result;
}

void dns_server_stop(struct dns_server *server)
{
	if (server == NULL)
		return;
	udp_stop(server->udp);
	tcp_stop(server->tcp);
	listeners_close(&server->listeners);
	free((void *)atomic_load(&server->settings.now));
	free(server->servers);
	free(server);
}

void dns_server_beat(struct dns_server *server, int64_t now, int64_t expires)
{
	pulse_beat(&server->settings.pulse, now, expires);
}

bool dns_server_address(const struct dns_server *server, size_t index, char text[LISTEN_TEXT_MAX])
{
	if (index >= server->listeners.count)
		return false;
	endpoint_text(&server->listeners.list[index].endpoint, text);
	return true;
}

void dns_server_totals(const struct dns_server *server, struct dns_totals *totals, size_t *connections)
{
	*totals = (struct dns_totals){0};
	udp_add_totals(server->udp, totals);
	tcp_add_totals(server->tcp, totals);
	*connections = tcp_connections(server->tcp);
}
