/*
 * What the watcher needs of the world: a clock, requests, a timer, somebody to tell. The daemon gives it libuv and
 * libcurl (watch/http.c), the tests a script, so that every outage can be replayed at will.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_OUTSIDE_H
#define NSS_NOMAD_OUTSIDE_H

#include "nomad/agent.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WATCH_PATH_MAX = 1024 }; /* octets with the NUL: two names of 128 octets percent-encoded, and a query */

/* One request to the current agent. Its owner fills it in, and does not move it while it runs. */
struct watch_request {
	char path[WATCH_PATH_MAX];
	long limit;     /* milliseconds for all of it; 0 for a stream, which has none */
	bool is_status; /* the answer has no index: /v1/status/leader */
	bool is_stream; /* the body goes to `data` as it comes, and is judged by its status alone */
	void *owner;
	/* Octets of a stream. Never called from within `start`; the request may be cancelled in it. */
	void (*data)(struct watch_request *request, const char *octets, size_t size);
	/* The end, which comes once, and not after `cancel`. The request may be started again in it. */
	void (*done)(struct watch_request *request, const struct agent_answer *answer);
	void *transfer; /* of whoever carries it out; NULL while it does not run */
	struct watch_request *next; /* the same */
};

/* What is counted for the metrics. */
enum watch_count {
	WATCH_CONNECTED, /* the streams were begun, or begun anew */
	WATCH_READ_ALL,  /* the whole catalogue was read */
	WATCH_MISSED,    /* a change was found that no event had told of */
	WATCH_SKIPPED,   /* a registration was left out */
	WATCH_COUNTS,
};

struct outside {
	void *context;
	/* Milliseconds by a clock that nobody sets. */
	int64_t (*now)(void *context);
	/* Any number, for jitter. */
	uint32_t (*random)(void *context);
	/* Carries a request out. What fails at once is told through `done`, later. */
	void (*start)(void *context, struct watch_request *request);
	/* Forgets a request, which may not run at all. */
	void (*cancel)(void *context, struct watch_request *request);
	/* Has watcher_tick() called at that moment, or at once where it has passed; takes the place of what was said before. */
	void (*wake_at)(void *context, int64_t when);
	/* Says something to a person; `priority` is syslog's. */
	void (*say)(void *context, int priority, const char *text);
	/* The watcher's state (watcher_state()) is another one, or what it follows (watcher_scope()). */
	void (*state_changed)(void *context);
	/* Counts something; NULL where nobody wants to know. */
	void (*count)(void *context, enum watch_count what);
};

/* Counts something, if it is wanted. */
void watch_count(const struct outside *outside, enum watch_count what);

/*
 * Writes a request's path: PREFIX, NAME if not NULL, the namespace, and `extra` where it is not NULL. False without
 * memory, or where it does not fit.
 */
bool watch_set_path(struct watch_request *request, const char *prefix, const char *name, const char *namespace,
                    const char *extra);

#endif
