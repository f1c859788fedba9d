/*
 * The daemon as a whole; see daemon.h. Called by nomad-dns-srv.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watch/daemon_part.h"

#include "config_file.h"
#include "deadline.h"
#include "text.h"
#include "uptime.h"
#include "wall.h"
#include "watch/status.h"
#include "watch/trim.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum { SECOND = 1000 }; /* milliseconds between two heartbeats */

static void say(void *context, int priority, const char *text)
{
	const struct daemon *daemon = context;

	log_say(daemon->log, priority, text);
}

/* What the watcher asks of the world. */

static int64_t now(void *context)
{
	(void)context;
	return uptime_now();
}

static uint32_t random_number(void *context)
{
	uint32_t number = 0;

	(void)context;
	/* Without any the jitter is nothing, which is no failure. */
	if (getrandom(&number, sizeof number, GRND_NONBLOCK) < 0)
		return 0;
	return number;
}

static void start_request(void *context, struct watch_request *request)
{
	struct daemon *daemon = context;

	http_start(daemon->http, watcher_agent(daemon->watcher), request);
}

static void cancel_request(void *context, struct watch_request *request)
{
	struct daemon *daemon = context;

	http_cancel(daemon->http, request);
}

static void tick(uv_timer_t *timer)
{
	struct daemon *daemon = timer->data;

	watcher_tick(daemon->watcher);
}

static void wake_at(void *context, int64_t when)
{
	struct daemon *daemon = context;
	int64_t left = when == INT64_MAX ? -1 : when - uptime_now();

	if (when == INT64_MAX) {
		uv_timer_stop(&daemon->wake);
		return;
	}
	uv_update_time(&daemon->loop);
	uv_timer_start(&daemon->wake, tick, left < 0 ? 0 : (uint64_t)left, 0);
}

static void count(void *context, enum watch_count what)
{
	struct daemon *daemon = context;

	daemon->counts[what]++;
}

static void state_changed(void *context)
{
	struct daemon *daemon = context;

	report_beat(daemon);
	report_pulse(daemon);
	report_ask_region(daemon);
	report_status(daemon);
	report_ready(daemon);
	/* A full read has needed more than what stays. */
	trim_memory();
}

/* What the registry asks of its owner. */

static void service_changed(void *context, const struct service_key *key, const struct service *service)
{
	struct daemon *daemon = context;

	publisher_put(daemon->publisher, key, service);
	daemon->publishes++;
}

static struct registry_host resolve(void *context, const char *namespace, const char *host)
{
	struct daemon *daemon = context;
	char text[512];

	struct registry_host found = resolver_find(daemon->resolver, namespace, host);
	if (resolver_refused(daemon->resolver) > 0 && !daemon->names_refused) {
		daemon->names_refused = true;
		snprintf(text, sizeof text, "host name \"%.100s\" in namespace \"%.63s\" is not resolved, nor are others: there are "
		         "more than %d, or %d of one namespace; register addresses instead", host, namespace,
		         RESOLVE_NAMES, RESOLVE_NAMES / RESOLVE_SHARE);
		say(daemon, LOG_WARNING, text);
	}
	return found;
}

static bool has_news(const void *context, const char *host)
{
	return resolver_has_news(context, host);
}

static void tell_of_hosts(uv_timer_t *timer)
{
	struct daemon *daemon = timer->data;

	if (registry_hosts_changed(daemon->registry, has_news, daemon->resolver) == 0)
		resolver_told(daemon->resolver);
	watcher_wake(daemon->watcher);
}

/* While many names are asked for, their services are not built again for each. */
static void hosts_changed(void *context)
{
	enum { SOON = 50 }; /* milliseconds */
	struct daemon *daemon = context;

	if (!uv_is_active((uv_handle_t *)&daemon->hosts))
		uv_timer_start(&daemon->hosts, tell_of_hosts, resolver_is_busy(daemon->resolver) ? SOON : 0, 0);
}

static void mark_hosts(void *context, const struct service_key *key, const struct service *service)
{
	struct daemon *daemon = context;

	(void)key;
	for (size_t i = 0; i < service->instance_count; i++)
		if (service->instances[i].host != NULL)
			resolver_mark(daemon->resolver, service->instances[i].host);
}

static int start_dns(struct daemon *daemon);

static void each_second(uv_timer_t *timer)
{
	struct daemon *daemon = timer->data;

	/* The timer that was asked for does not go on while the machine sleeps. */
	watcher_tick(daemon->watcher);
	report_beat(daemon);
	if (++daemon->seconds % STATUS_EVERY == 0)
		report_status(daemon);
	if (daemon->seconds % (RESOLVE_EVERY / SECOND) == 0 && resolver_count(daemon->resolver) > 0) {
		catalogue_each(daemon->catalogue, mark_hosts, daemon);
		resolver_refresh(daemon->resolver);
	}
	if (retry_is_due(&daemon->dns_retry))
		start_dns(daemon);
	if (retry_is_due(&daemon->metrics_retry))
		report_start_metrics(daemon);
	report_ready(daemon);
	report_pulse(daemon);
	metrics_tick(daemon->metrics);
	sd_notify(0, "WATCHDOG=1");
}

static void signal_came(uv_signal_t *handle, int number)
{
	struct daemon *daemon = handle->data;

	if (number != SIGHUP) {
		uv_stop(&daemon->loop);
		return;
	}
	/* systemd takes the end of a reload for readiness, which comes with the first catalogue: report_ready(). */
	if (daemon->ready)
		sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, deadline_now() * 1000);
	daemon_reload(daemon);
	if (daemon->ready)
		sd_notify(0, "READY=1");
}

static void init_loop(struct daemon *daemon)
{
	static const int numbers[SIGNALS] = {SIGTERM, SIGINT, SIGHUP};

	absence_init(&daemon->absence, &daemon->loop);
	uv_timer_init(&daemon->loop, &daemon->wake);
	uv_timer_init(&daemon->loop, &daemon->second);
	uv_timer_init(&daemon->loop, &daemon->hosts);
	daemon->wake.data = daemon->second.data = daemon->hosts.data = daemon;
	for (int i = 0; i < SIGNALS; i++) {
		uv_signal_init(&daemon->loop, &daemon->signals[i]);
		daemon->signals[i].data = daemon;
		uv_signal_start(&daemon->signals[i], signal_came, numbers[i]);
	}
	/* An agent that hangs up while it is written to is no reason to end. */
	signal(SIGPIPE, SIG_IGN);
}

static int make_parts(struct daemon *daemon)
{
	const struct registry_owner owner = {daemon, service_changed, resolve};

	daemon->outside = (struct outside){
		daemon, now, random_number, start_request, cancel_request, wake_at, say, state_changed, count,
	};
	daemon->region.outside = &daemon->outside;
	daemon->catalogue = catalogue_new();
	if (daemon->catalogue != NULL)
		daemon->registry = registry_new(daemon->catalogue, &owner);
	daemon->resolver = resolver_new(&daemon->loop, hosts_changed, daemon);
	daemon->http = http_new(&daemon->loop);
	return daemon->registry == NULL || daemon->resolver == NULL || daemon->http == NULL ? -ENOMEM : 0;
}

/* Whether the place to listen on may be free, or there, later. */
static bool is_for_later(int result)
{
	return result == -EADDRINUSE || result == -EADDRNOTAVAIL || result == -EACCES || result == -EAFNOSUPPORT;
}

/* Answers DNS. What cannot be bound now is tried again, and nothing else waits for it: the files are published. */
static int start_dns(struct daemon *daemon)
{
	char reason[CONFIG_REASON_MAX], address[LISTEN_TEXT_MAX], text[LISTEN_TEXT_MAX + 32];
	int result = 0;

	if (daemon->config->listen.count == 0)
		return 0;
	result = dns_server_start(&daemon->loop, daemon->catalogue, daemon->config, daemon->log, &daemon->dns, reason);
	if (result < 0) {
		if (strcmp(daemon->dns_error, reason) != 0)
			say(daemon, LOG_ERR, reason);
		strcpy(daemon->dns_error, reason);
		retry_later(&daemon->dns_retry);
		return is_for_later(result) ? 0 : result;
	}
	daemon->dns_error[0] = '\0';
	retry_done(&daemon->dns_retry);
	for (size_t i = 0; dns_server_address(daemon->dns, i, address); i++) {
		snprintf(text, sizeof text, "serves DNS on %s", address);
		say(daemon, LOG_NOTICE, text);
	}
	return 0;
}

/* In a task's environment, for one, which says where that runs. */
static void say_environment(struct daemon *daemon)
{
	const char *namespace = secure_getenv("NOMAD_NAMESPACE");
	char text[256];

	if (namespace == NULL || namespace[0] == '\0')
		return;
	snprintf(text, sizeof text, "NOMAD_NAMESPACE=%.100s says where this runs; what is followed is said by [nomad] namespace, or "
	         "--namespace", namespace);
	text_tame(text);
	say(daemon, LOG_INFO, text);
}

static int start(struct daemon *daemon)
{
	struct watcher_begin begin = {CATALOGUE_LOADING, 0, INT64_MAX, daemon->options->check};
	char reason[PUBLISHED_REASON_MAX] = "out of memory", warning[CONFIG_REASON_MAX];
	int result = make_parts(daemon);

	say_environment(daemon);
	if (daemon->options->nomad == NULL && config_shows_password(daemon->config, daemon->options->config, warning))
		say(daemon, LOG_WARNING, warning);
	if (result == 0)
		result = publisher_new(daemon->config, daemon->catalogue, say, daemon, &daemon->publisher, reason);
	if (result < 0) {
		say(daemon, LOG_ERR, reason);
		return result;
	}
	result = start_dns(daemon);
	if (result < 0)
		return result;
	daemon_load(daemon, &begin);
	result = daemon_new_watcher(daemon, &begin);
	if (result < 0)
		return result;
	report_start_metrics(daemon);
	watcher_start(daemon->watcher);
	report_status(daemon); /* in the place of what the process before had to say */
	uv_timer_start(&daemon->second, each_second, 0, SECOND);
	return 0;
}

static void close_handle(uv_handle_t *handle, void *context)
{
	(void)context;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void finish(struct daemon *daemon, int result)
{
	sd_notify(0, "STOPPING=1");
	if (daemon->publisher != NULL)
		publisher_stop(daemon->publisher);
	metrics_stop(daemon->metrics);
	if (daemon->http != NULL)
		region_forget(&daemon->region);
	watcher_free(daemon->watcher);
	http_free(daemon->http);
	bool ended = resolver_free(daemon->resolver);
	dns_server_stop(daemon->dns);
	uv_walk(&daemon->loop, close_handle, NULL);
	/* Threads that wait for a name server may do so for minutes, and libuv would wait for them in the end. */
	if (!ended) {
		log_free(daemon->log);
		_exit(result < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
	}
	uv_run(&daemon->loop, UV_RUN_DEFAULT);
	uv_loop_close(&daemon->loop);
	registry_free(daemon->registry);
	publisher_free(daemon->publisher);
	catalogue_free(daemon->catalogue);
	scope_done(&daemon->scope);
	config_done(daemon->config);
	free(daemon->config);
	log_free(daemon->log);
}

int daemon_run(const struct daemon_options *options, struct config *config)
{
	struct daemon daemon = {.options = options, .started_at = wall_now(), .config = malloc(sizeof *config),
	                        .log = log_new(STDERR_FILENO)};
	int result;

	setenv("UV_THREADPOOL_SIZE", RESOLVE_THREADS, 0); /* they are made when the first host name is resolved */
	if (daemon.config == NULL || daemon.log == NULL || uv_loop_init(&daemon.loop) < 0) {
		fputs("nomad-dns-srv: out of memory, threads or descriptors at the start\n", stderr);
		return -ENOMEM;
	}
	*daemon.config = *config;
	log_set_level(daemon.log, config->log_level);
	/* Whose the files are to read publish-mode says. */
	umask(022);
	init_loop(&daemon);
	result = start(&daemon);
	if (result == 0)
		uv_run(&daemon.loop, UV_RUN_DEFAULT);
	finish(&daemon, result);
	return result;
}
