/*
 * What tells of changes: the event stream of a namespace or of all, a long poll where it is denied. Called by
 * follow.c; see watcher.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watcher_part.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

/* Live events alone; what came before is read. The largest index that Nomad takes. */
#define LIVE_ONLY UINT64_C(9223372036854775807)

void signal_init(struct signal *signal, struct watcher *watcher, const char *namespace)
{
	*signal = (struct signal){
		.watcher = watcher,
		.namespace = namespace,
		.deadline = INT64_MAX,
		.again_at = INT64_MAX,
		.again_after = STREAM_AGAIN,
	};
	stream_init(&signal->stream);
	signal->request.owner = signal;
}

void signal_cancel(struct signal *signal)
{
	const struct outside *outside = signal->watcher->outside;

	if (signal->running)
		outside->cancel(outside->context, &signal->request);
	signal->running = signal->subscribed = signal->resuming = signal->resumed = false;
	signal->deadline = INT64_MAX;
	stream_done(&signal->stream);
}

static void start(struct signal *signal)
{
	const struct outside *outside = signal->watcher->outside;

	signal->running = true;
	outside->start(outside->context, &signal->request);
}

static void take_frame(void *context, const char *text, size_t size)
{
	follow_frame(context, text, size);
}

static void stream_came(struct watch_request *request, const char *octets, size_t size)
{
	struct signal *signal = request->owner;
	struct watcher *watcher = signal->watcher;
	int result = stream_feed(&signal->stream, octets, size, take_frame, signal);

	if (result < 0) {
		follow_again(watcher, "a line of the event stream is too long, or there is no memory for it");
		watcher_wake(watcher);
		return;
	}
	if (signal->stream.beats > 0 && !signal->subscribed) {
		signal->subscribed = true;
		signal->begun_at = watcher_now(watcher);
	}
	if (signal->subscribed) {
		signal->deadline = signal->resuming ? signal->begun_at + RESUME_WAIT : watcher_now(watcher) + WATCHER_SILENCE;
		follow_advance(watcher);
	}
	watcher_wake(watcher);
}

/* Counts streams that end as soon as they have begun. */
static void count_end(struct signal *signal)
{
	if (watcher_now(signal->watcher) - signal->begun_at >= STEADY_AFTER) {
		signal->short_lives = 0;
		signal->again_after = STREAM_AGAIN;
	} else if (++signal->short_lives == SHORT_LIVES) {
		denied_poll_instead(signal);
	}
}

static void stream_ended(struct watch_request *request, const struct agent_answer *answer)
{
	struct signal *signal = request->owner;
	struct watcher *watcher = signal->watcher;

	signal->running = false;
	stream_done(&signal->stream);
	signal->deadline = INT64_MAX;
	if (answer->result != AGENT_BELIEVED) {
		follow_lost(watcher, answer->result, answer->reason);
	} else if (signal->subscribed) {
		count_end(signal);
		follow_again(watcher, "the event stream has ended");
	} else {
		/* Accepted and closed without a word: a plain read says why. */
		follow_advance(watcher);
	}
	watcher_wake(watcher);
}

void signal_start_stream(struct signal *signal, bool resume)
{
	struct watch_request *request = &signal->request;
	char extra[64];

	signal_cancel(signal);
	signal->resuming = resume;
	snprintf(extra, sizeof extra, "topic=Service&index=%" PRIu64, resume ? signal->resume.index : LIVE_ONLY);
	request->is_stream = true;
	request->limit = 0;
	request->data = stream_came;
	request->done = stream_ended;
	signal->polling = false;
	signal->applied = 0;
	signal->deadline = watcher_now(signal->watcher) + AGENT_CONNECT_LIMIT + WATCHER_FIRST_BEAT;
	if (watch_set_path(request, "/v1/event/stream", NULL, signal->namespace, extra))
		start(signal);
}

/*
 * Up to where everything is known. A reading whose list was older than its services' answers knows no more than its
 * list: asking above the services' index would sleep over what was registered between the two.
 */
static uint64_t known_whole(const struct watcher *watcher)
{
	return watcher->complete ? watcher->index : watcher->reading.index;
}

/*
 * A proxy has waited long enough: a gateway's own status, or an end without one. No agent ends a read like that, and where
 * it is the agent that has gone the next poll says so.
 */
static bool is_a_proxys_end(const struct signal *signal, const struct agent_answer *answer)
{
	bool gateway = answer->status >= 502 && answer->status <= 504;
	bool closed = answer->result == AGENT_CUT || (answer->result == AGENT_OVERLOADED && answer->status == 0);

	return (gateway || closed) && watcher_now(signal->watcher) - signal->begun_at >= STEADY_AFTER;
}

static void poll_again(struct signal *signal)
{
	struct watcher *watcher = signal->watcher;

	if (!watcher->said_proxy)
		watcher_say(watcher, LOG_NOTICE,
		            "a proxy ends the reads that wait for changes, after %d s: they are begun again; let it wait for %d s",
		            (int)((watcher_now(watcher) - signal->begun_at) / 1000), POLL_LIMIT / 1000);
	watcher->said_proxy = true;
	signal_start_poll(signal);
}

static void poll_ended(struct watch_request *request, const struct agent_answer *answer)
{
	struct signal *signal = request->owner;
	struct watcher *watcher = signal->watcher;

	signal->running = false;
	if (answer->result == AGENT_DENIED && denied_go_without(signal)) {
		follow_read(watcher);
	} else if (is_a_proxys_end(signal, answer)) {
		poll_again(signal);
	} else if (answer->result != AGENT_BELIEVED) {
		follow_lost(watcher, answer->result, answer->reason);
	} else {
		if (answer->index == known_whole(watcher)) {
			proof_found(watcher, watcher_now(watcher));
			signal_start_poll(signal);
		} else {
			follow_read(watcher);
		}
	}
	watcher_wake(watcher);
}

void signal_start_poll(struct signal *signal)
{
	struct watch_request *request = &signal->request;
	char extra[64];

	signal_cancel(signal);
	request->is_stream = false;
	request->limit = POLL_LIMIT;
	signal->begun_at = watcher_now(signal->watcher);
	request->done = poll_ended;
	snprintf(extra, sizeof extra, "index=%" PRIu64 "&wait=%ds", known_whole(signal->watcher), WATCHER_POLL);
	if (watch_set_path(request, "/v1/services", NULL, signal->namespace, extra))
		start(signal);
}

void signal_tick(struct signal *signal)
{
	int64_t now = watcher_now(signal->watcher);

	if (signal->deadline <= now && signal->resuming && signal->subscribed) {
		/* No frame: what it wants may have left the server's buffer. */
		signal->resuming = false;
		signal->deadline = now + WATCHER_SILENCE;
		follow_advance(signal->watcher);
	} else if (signal->deadline <= now) {
		bool subscribed = signal->subscribed;
		signal_cancel(signal);
		if (subscribed)
			follow_again(signal->watcher, "the event stream was silent for 40 s");
		else
			follow_advance(signal->watcher);
	} else if (signal->polling && signal->again_at <= now && signal->watcher->phase == WATCHER_FOLLOWING) {
		/* Perhaps the token may use the stream by now. */
		signal->polling = signal->denied = false;
		follow_again(signal->watcher, "the event stream is tried again");
	}
}
