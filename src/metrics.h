/*
 * Metrics and health over HTTP, for Prometheus and for whoever watches over the daemon: /metrics, /health, /ready. On
 * the daemon's own loop, with libmicrohttpd. Called by watch/daemon.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_METRICS_H
#define NSS_NOMAD_METRICS_H

#include "config.h"

#include <stdio.h>
#include <uv.h>

/* Where it all comes from. */
struct metrics_source {
	void *context;
	/* Writes what /metrics says. */
	void (*write)(void *context, FILE *out);
	/* Whether the daemon has a catalogue that may be believed. */
	bool (*ready)(void *context);
};

struct metrics;

/*
 * Listens from now on.
 *
 * loop      the calling thread's
 * endpoint  ADDRESS:PORT or [ADDRESS]:PORT, as config_keys.c has checked it
 * source    not kept
 * metrics   on success ended with metrics_stop(); otherwise untouched
 * reason    on failure what is wrong, and what to do
 *
 * 0 or a negative errno.
 */
int metrics_start(uv_loop_t *loop, const char *endpoint, const struct metrics_source *source, struct metrics **metrics,
                  char reason[CONFIG_REASON_MAX]);

/* To be called every second or so: connections that take too long are closed. Accepts NULL. */
void metrics_tick(struct metrics *metrics);

/* Ends it; the loop has to run before it can be closed. Accepts NULL. */
void metrics_stop(struct metrics *metrics);

#endif
