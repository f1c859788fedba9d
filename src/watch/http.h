/*
 * Carries the watcher's requests out: libcurl's multi interface on a libuv loop. Called by watch/daemon.c.
 *
 * curl's callbacks only note what they are told. What arrived is handed on after curl has returned, so that whoever
 * gets it may start and cancel requests. https://curl.se/libcurl/c/libcurl-multi.html
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_HTTP_H
#define NSS_NOMAD_HTTP_H

#include "watch/outside.h"

#include <uv.h>

/*
 * Connections at the most, streams and long polls among them: an agent takes 100 from one address, for everybody
 * there (limits.http_max_conns_per_client).
 */
enum { HTTP_CONNECTIONS = 5 };

struct http;

/* One for a loop, which outlives it; NULL without memory. Released with http_free(). */
struct http *http_new(uv_loop_t *loop);

/* Forgets all requests; the loop has to run until its handles are closed. Accepts NULL. */
void http_free(struct http *http);

/* Starts a request to the agent's current address; what fails at once is told later. */
void http_start(struct http *http, const struct agent *agent, struct watch_request *request);

/* How many requests have ended with each result, AGENT_RESULTS of them; cancelled ones are not counted. */
const uint64_t *http_results(const struct http *http);

/* Forgets a request, which may not run at all. */
void http_cancel(struct http *http, struct watch_request *request);

#endif
