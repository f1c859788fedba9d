/*
 * Namespaces that were made after a stream of all of them began: Nomad leaves them out of it, without a word. Called by
 * follow.c, check.c and watcher.c; see watcher.h.
 *
 * The index of Nomad's table of namespaces is asked for before the streams begin. While they are followed one blocking
 * read waits for the next one, and where it brings a namespace that was made since, the streams are begun anew. Whatever
 * becomes of that read, it ends nothing: with the next check it is asked again, and an agent that cannot hold it says
 * then what is new.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watcher_part.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

enum {
	FIRST_LIMIT = WATCHER_FIRST_BEAT, /* milliseconds, before the streams begin: a server that is well takes one */
	WAIT = 300,                       /* seconds that the read blocks; Nomad takes no more */
	SPREAD = 1000,                    /* milliseconds over which many hosts are spread that have heard the same */
	LEAST = 1000,                     /* milliseconds of following, before the streams are begun anew for this */
	WAITED = 1000,                    /* milliseconds after which the end of a read tells of a server that has stopped */
	AGAIN = 3000,                     /* milliseconds after one that failed sooner, as there is no leader yet */
	STOP_SPREAD = 500,                /* milliseconds over which hosts are spread that lost a leader; the next takes longer */
};

/* Whether a stream of all is followed. Polling for all finds new ones, and a list of them has no others. */
static bool may_miss(const struct watcher *watcher)
{
	const struct signal *signal = &watcher->signals[0];

	return strcmp(signal->namespace, "*") == 0 && !signal->polling;
}

static void ask(struct watcher *watcher, int limit, const char *extra,
                void (*done)(struct watch_request *, const struct agent_answer *))
{
	struct census *census = &watcher->census;
	struct watch_request *request = &census->request;

	request->owner = watcher;
	request->limit = limit;
	request->done = done;
	census->begun_at = watcher_now(watcher);
	census->running = watch_set_path(request, "/v1/namespaces", NULL, "*", extra);
	if (census->running)
		watcher->outside->start(watcher->outside->context, request);
}

/* Another index: one was made, changed or deleted, or the cluster is another, in which any may be new. */
static void note(struct watcher *watcher, const struct agent_answer *answer)
{
	struct census *census = &watcher->census;
	uint64_t made;

	if (answer->index < census->index ||
	    namespace_list_made_after(answer->body, answer->size, census->index, &made) < 0)
		made = 0;
	census->index = answer->index;
	if (made < census->made)
		census->made = made;
}

bool namespaces_were_shown(const struct watcher *watcher, uint64_t index)
{
	return !may_miss(watcher) || index < watcher->census.made;
}

void namespaces_are_shown(struct watcher *watcher)
{
	watcher->census.made = UINT64_MAX;
}

void namespaces_known_to(struct watcher *watcher, uint64_t index)
{
	watcher->census.shown = index;
}

/* Where it could not be had the streams, which go to the same agent, say why. */
static void first_ended(struct watch_request *request, const struct agent_answer *answer)
{
	struct watcher *watcher = request->owner;

	watcher->census.running = false;
	if (answer->result == AGENT_BELIEVED && answer->index != watcher->census.index)
		note(watcher, answer);
	follow_subscribe(watcher);
	watcher_wake(watcher);
}

bool namespaces_ask_first(struct watcher *watcher)
{
	/* What was made since the last question tells the read that waits. */
	bool may_wait = watcher->census.in_haste && watcher->census.index != 0 && follow_may_resume(watcher);

	watcher->census.in_haste = false;
	if (may_miss(watcher) && !may_wait)
		ask(watcher, FIRST_LIMIT, NULL, first_ended);
	return watcher->census.running;
}

static void take(struct watcher *watcher, const struct agent_answer *answer)
{
	struct census *census = &watcher->census;

	note(watcher, answer);
	census->due = watcher_now(watcher) + watcher_jitter(watcher, SPREAD) - SPREAD;
	if (census->made != UINT64_MAX && census->due < watcher->phase_since + LEAST)
		census->due = watcher->phase_since + LEAST;
}

/*
 * Nomad's own error: the leader that held the read, or the server in between, is gone. Its own time, a denial, and what a
 * proxy says that has waited long enough tell nothing.
 */
static bool tells_of_a_stop(const struct agent_answer *answer)
{
	return answer->result == AGENT_NO_LEADER || (answer->result == AGENT_FAILED && answer->status == 500);
}

static void await_ended(struct watch_request *request, const struct agent_answer *answer)
{
	struct watcher *watcher = request->owner;
	struct census *census = &watcher->census;

	int64_t waited = watcher_now(watcher) - census->begun_at;

	census->running = false;
	if (answer->result == AGENT_BELIEVED && answer->index != census->index) {
		take(watcher, answer);
	} else if (answer->result == AGENT_BELIEVED && waited >= WAIT * 1000) {
		namespaces_await(watcher);
	} else if (tells_of_a_stop(answer) && waited >= WAITED) {
		follow_in_haste(watcher, "a server of the cluster has stopped", STOP_SPREAD);
	} else if (tells_of_a_stop(answer)) {
		census->due = watcher_now(watcher) + watcher_jitter(watcher, AGAIN);
	}
	watcher_wake(watcher);
}

void namespaces_await(struct watcher *watcher)
{
	char extra[64];

	if (watcher->census.running || watcher->census.due != INT64_MAX || !may_miss(watcher))
		return;
	snprintf(extra, sizeof extra, "index=%" PRIu64 "&wait=%ds", watcher->census.index, WAIT);
	ask(watcher, BLOCKED_MOST(WAIT), extra, await_ended);
}

int64_t namespaces_due(const struct watcher *watcher)
{
	return watcher->census.due;
}

/*
 * Nomad counts all changes together: what is in a namespace that is younger than the last reading is unknown, and the
 * list will have it. In an older one there may be services that were read, and of which the streams said nothing since; the
 * same with streams that went on after it was made.
 */
static void connect_anew(struct watcher *watcher)
{
	watcher_say(watcher, LOG_INFO, "a namespace was made, which the event stream leaves out; connects anew");
	if (watcher->census.made <= watcher->census.shown)
		watcher->complete = false;
	follow_connect(watcher);
}

void namespaces_tick(struct watcher *watcher)
{
	struct census *census = &watcher->census;

	if (census->due > watcher_now(watcher))
		return;
	census->due = INT64_MAX;
	if (census->made == UINT64_MAX)
		namespaces_await(watcher);
	else
		connect_anew(watcher);
}

void namespaces_cancel(struct watcher *watcher)
{
	struct census *census = &watcher->census;

	if (census->running)
		watcher->outside->cancel(watcher->outside->context, &census->request);
	census->running = false;
	census->due = INT64_MAX;
}
