/*
 * Follows Nomad's catalogue: subscribes to the event stream, reads everything, applies what changes, proves now and
 * then that nothing was missed, and finds its way back after every outage. Called by watch/daemon.c; it reaches the
 * world through outside.h alone.
 *
 *     DOWN -> SUBSCRIBING (streams, until each has said `{}`) -> READING (reading.c) -> FOLLOWING
 *
 * Whatever fails leads back to DOWN, and from there to the same agent or the next, as soon as a plain read says that it
 * is there again (outage.c). Where the new stream goes on where the last one ended (resume.h), nothing is read again. What
 * was known stays: the state turns from CURRENT to STALE, and to EXPIRED after max-stale.
 *
 * CURRENT says that a server has proved, WATCHER_PROMISE ago at the most, that no change was missed (proof.c).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_WATCHER_H
#define NSS_NOMAD_WATCHER_H

#include "scope.h"
#include "watch/catalogue.h"
#include "watch/outside.h"
#include "watch/reading.h"
#include "watch/registry.h"

enum {
	WATCHER_CHECK = 30 * 1000,    /* milliseconds between two comparisons of the index, give or take a fifth */
	WATCHER_FIRST_BEAT = 2000,    /* until `{}` comes on an open stream; 1 to 8 were seen */
	WATCHER_SILENCE = 40 * 1000,  /* without a byte: dead; Nomad says `{}` every 30 s */
	WATCHER_PROMISE = 5000,       /* without a proof that nothing was missed: stale */
	WATCHER_POLL = 50,            /* seconds of a long poll: proxies end those of 60 */
	WATCHER_RETRY = 100,          /* milliseconds before the second try to connect, doubled each time ... */
	WATCHER_RETRY_MOST = 500,     /* ... up to this, or down to a half of it: current within 1 s of the agent's return */
	WATCHER_RETRY_REMOTE = 800,   /* the same for an agent that is not on this host, and may have 10,000 to answer */
	WATCHER_RETRY_DENIED = 5000,  /* the same where that one answers, and denies, for longer than WATCHER_LONG */
	WATCHER_LONG = 120 * 1000,    /* a denial that is not over soon */
};

/* What is known at the start, from published files or from the watcher before. */
struct watcher_begin {
	enum catalogue_state state; /* LOADING: nothing */
	int64_t current_at;         /* when that was Nomad's catalogue, by the clock of outside.h; may be negative */
	int64_t kept_since;         /* the same of namespaces that the token could not read any more; INT64_MAX: none */
	int check;                  /* milliseconds, instead of WATCHER_CHECK; 0: that. Longer ones stretch WATCHER_PROMISE too */
};

enum watcher_phase { WATCHER_DOWN, WATCHER_SUBSCRIBING, WATCHER_READING, WATCHER_FOLLOWING };

/* How it goes, for people. */
struct watcher_state {
	enum catalogue_state state;
	enum watcher_phase phase;
	int64_t since;      /* of the state; by the clock of outside.h */
	int64_t current_at; /* the last moment of which it is proved that the catalogue was Nomad's */
	uint64_t index;
	bool polling;       /* the token may not use the stream */
	size_t kept;        /* namespaces that the token may not read any more */
	int64_t kept_since; /* the first of them whose services are served still; INT64_MAX: none */
	char agent[AGENT_NAME_MAX];
	char error[AGENT_REASON_MAX]; /* the last one, "" for none */
	int64_t error_at;
};

struct watcher;

/*
 * A new watcher, at rest.
 *
 * config    kept, unchanged, and outlives it, as `outside`, `registry` and `catalogue` do
 * watcher   on success released with watcher_free()
 * reason    on failure what is wrong with the configuration; on success a warning, or ""
 *
 * 0 or a negative errno.
 */
int watcher_new(const struct config *config, const struct outside *outside, struct registry *registry,
                struct catalogue *catalogue, const struct watcher_begin *begin, struct watcher **watcher,
                char reason[CONFIG_REASON_MAX]);

/* Ends all requests. Accepts NULL. */
void watcher_free(struct watcher *watcher);

/* Begins to connect. */
void watcher_start(struct watcher *watcher);

/* Does what is due; called at the moment that was asked for with wake_at(), or at any other. */
void watcher_tick(struct watcher *watcher);

/* An address of a host name has changed: registry_hosts_changed() was called, and a flush is due. */
void watcher_wake(struct watcher *watcher);

/* How it goes; `state` is filled in whole. */
void watcher_state(const struct watcher *watcher, struct watcher_state *state);

/*
 * The namespaces that are followed: what is not in the catalogue is not there, as long as that is current. All of them only
 * where an event stream of all was granted, for which the token needs the right to read each; else those that are
 * configured, or that Nomad lists services of, but for those that may not be read any more.
 *
 * scope  empty; gets them, released with scope_done(), also without success
 *
 * 0 or -ENOMEM.
 */
int watcher_scope(const struct watcher *watcher, struct scope *scope);

/* The current agent, for whoever carries requests out. */
const struct agent *watcher_agent(const struct watcher *watcher);

#endif
