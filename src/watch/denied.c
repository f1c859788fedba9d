/*
 * Streams that are not granted, or do not last: a plain read says why, and where that is answered changes are polled for.
 * Called by follow.c and signal.c; see watcher.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watcher_part.h"

#include <syslog.h>

static void try_stream_later(struct signal *signal)
{
	signal->polling = true;
	signal->short_lives = 0;
	signal->again_at = watcher_now(signal->watcher) + signal->again_after;
	if (signal->again_after < STREAM_AGAIN_MOST)
		signal->again_after *= 2;
}

void denied_poll_instead(struct signal *signal)
{
	struct watcher *watcher = signal->watcher;

	if (signal->again_after == STREAM_AGAIN)
		watcher_say(watcher, LOG_NOTICE,
		            "the agent gives no lasting event stream for namespace \"%s\", though it may be read; it is polled "
		            "instead, which costs more: either the token lacks the capability read-job in one, or a proxy in "
		            "front of the agent buffers the stream or ends it",
		            signal->namespace);
	try_stream_later(signal);
}

bool denied_go_without(struct signal *signal)
{
	struct watcher *watcher = signal->watcher;
	bool alone = true;

	signal->denied = true;
	for (size_t i = 0; i < watcher->signal_count; i++)
		alone = alone && watcher->signals[i].denied;
	for (size_t i = 0; alone && i < watcher->signal_count; i++)
		watcher->signals[i].denied = watcher->signals[i].polling = false;
	if (!alone)
		try_stream_later(signal);
	return !alone;
}

/* A stream was not granted. Where a plain read is, the changes can be polled for. */
static void probe_ended(struct watch_request *request, const struct agent_answer *answer)
{
	struct watcher *watcher = request->owner;
	struct signal *signal = watcher->probing;

	watcher->probing = NULL;
	if (answer->result == AGENT_BELIEVED) {
		denied_poll_instead(signal);
		follow_advance(watcher);
	} else if (answer->result == AGENT_DENIED && denied_go_without(signal)) {
		follow_advance(watcher);
	} else {
		follow_lost(watcher, answer->result, answer->reason);
	}
	watcher_wake(watcher);
}

void denied_probe(struct signal *signal)
{
	struct watcher *watcher = signal->watcher;
	struct watch_request *request = &watcher->probe;

	watcher->probing = signal;
	request->owner = watcher;
	request->limit = READING_LIST_LIMIT;
	request->done = probe_ended;
	if (watch_set_path(request, "/v1/services", NULL, signal->namespace, NULL))
		watcher->outside->start(watcher->outside->context, request);
	else
		follow_lost(watcher, AGENT_NO_MEMORY, "no memory to ask an agent");
}
