/*
 * Namespaces that were made after a stream of all of them began: Nomad leaves them out of it, without a word. Called by
 * follow.c and check.c; see watcher.h.
 *
 * The index of Nomad's table of namespaces says whether there may be any. It is asked for before the streams begin, and
 * again by each check before which services have changed: what happened in a new namespace moves the index of the
 * services too, but a later event of another one hides that.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watcher_part.h"

#include <string.h>

enum { FIRST_LIMIT = WATCHER_FIRST_BEAT }; /* milliseconds, before the streams begin: a server that is well takes one */

/* Whether a stream of all is followed. Polling for all finds new ones, and a list of them has no others. */
static bool may_miss(const struct watcher *watcher)
{
	const struct signal *signal = &watcher->signals[0];

	return strcmp(signal->namespace, "*") == 0 && !signal->polling;
}

static void ask(struct watcher *watcher, int limit, void (*done)(struct watch_request *, const struct agent_answer *))
{
	struct watch_request *request = &watcher->namespaces;

	request->owner = watcher;
	request->limit = limit;
	request->done = done;
	watcher->asking_namespaces = watch_set_path(request, "/v1/namespaces", NULL, "*", NULL);
	if (watcher->asking_namespaces)
		watcher->outside->start(watcher->outside->context, request);
}

/* Takes the index over; whether it is another one. */
static bool take(struct watcher *watcher, const struct agent_answer *answer)
{
	uint64_t before = watcher->namespaces_index;

	watcher->asking_namespaces = false;
	if (answer->result == AGENT_BELIEVED)
		watcher->namespaces_index = answer->index;
	return watcher->namespaces_index != before;
}

/* Where it could not be had the streams, which go to the same agent, say why. */
static void first_ended(struct watch_request *request, const struct agent_answer *answer)
{
	struct watcher *watcher = request->owner;

	take(watcher, answer);
	follow_subscribe(watcher);
	watcher_wake(watcher);
}

bool namespaces_ask_first(struct watcher *watcher)
{
	if (may_miss(watcher))
		ask(watcher, FIRST_LIMIT, first_ended);
	return watcher->asking_namespaces;
}

static void check_ended(struct watch_request *request, const struct agent_answer *answer)
{
	struct watcher *watcher = request->owner;

	if (take(watcher, answer))
		check_read_all(watcher, "there are other namespaces than when the event stream began");
	watcher_wake(watcher);
}

void namespaces_check(struct watcher *watcher)
{
	if (watcher->asking_namespaces || watcher->namespaces_checked == watcher->index || !may_miss(watcher))
		return;
	watcher->namespaces_checked = watcher->index;
	ask(watcher, READING_LIST_LIMIT, check_ended);
}

void namespaces_cancel(struct watcher *watcher)
{
	if (watcher->asking_namespaces)
		watcher->outside->cancel(watcher->outside->context, &watcher->namespaces);
	watcher->asking_namespaces = false;
}
