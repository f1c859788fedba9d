/*
 * What the parts of the daemon share: daemon.c, which runs it, daemon_reload.c, which reads its configuration, and
 * daemon_report.c, which tells how it goes.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DAEMON_PART_H
#define NSS_NOMAD_DAEMON_PART_H

#include "dns/server.h"
#include "metrics.h"
#include "watch/absence.h"
#include "watch/daemon.h"
#include "watch/http.h"
#include "watch/log.h"
#include "watch/publisher.h"
#include "watch/region.h"
#include "watch/resolve.h"
#include "watch/retry.h"
#include "watch/watcher.h"

/* Signals that are waited for. */
enum { TERMINATE, INTERRUPT, HANG_UP, SIGNALS };

struct daemon {
	const struct daemon_options *options;
	struct config *config;
	struct log *log;
	uv_loop_t loop;
	uv_timer_t wake;
	uv_timer_t second;
	uv_timer_t hosts; /* runs while it is to be told of host names */
	struct absence absence;
	uv_signal_t signals[SIGNALS];
	struct catalogue *catalogue;
	struct registry *registry;
	struct publisher *publisher;
	struct resolver *resolver;
	struct http *http;
	struct outside outside;
	struct watcher *watcher;
	struct dns_server *dns; /* NULL: no listener */
	char dns_error[CONFIG_REASON_MAX]; /* why there is none though there should be; "": nothing is wrong */
	struct retry dns_retry;
	struct metrics *metrics; /* NULL: not wanted, or the address could not be had yet */
	struct retry metrics_retry;
	uint64_t counts[WATCH_COUNTS];
	uint64_t publishes;
	int64_t instances;      /* of the catalogue, as they were counted ... */
	uint64_t counted_after; /* ... after so many publishes, and one; 0: not yet */
	int64_t started_at; /* milliseconds since 1970 */
	size_t loaded;      /* records of an earlier daemon */
	uint64_t newest;    /* of those, the same */
	unsigned int seconds;
	struct scope scope; /* the namespaces that are followed, as files and DNS know them */
	struct region region;
	bool ready;
	bool names_refused; /* it was said that there are too many host names */
};

/* Makes the watcher for the configuration that holds, and says what is wrong with that: 0 or a negative errno. */
int daemon_new_watcher(struct daemon *daemon, const struct watcher_begin *begin);

/* Reads the configuration again, and says which keys need a restart. An error is said, and changes nothing. */
void daemon_reload(struct daemon *daemon);

/* Puts what an earlier daemon left into the catalogue, and how old that is into `begin`. */
void daemon_load(struct daemon *daemon, struct watcher_begin *begin);

/* Whether anybody may believe the catalogue. */
bool report_is_alive(const struct daemon *daemon);

/* Beats for the DNS workers: the loop runs. */
void report_pulse(const struct daemon *daemon);

/* Tells files and DNS which namespaces are followed, and the files how far the catalogue may be believed. */
void report_beat(struct daemon *daemon);

/* Asks for the name of the region, where the configuration gives none. */
void report_ask_region(struct daemon *daemon);

/* Writes status.json and `follows` (environment.h), and tells systemd in one line. */
void report_status(struct daemon *daemon);

/* Tells systemd that the daemon is ready, once it is; until then, that the start takes longer. */
void report_ready(struct daemon *daemon);

/* Serves metrics from now on, where the configuration wants them; what cannot be had is said once, and tried again. */
void report_start_metrics(struct daemon *daemon);

#endif
