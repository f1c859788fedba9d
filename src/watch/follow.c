/*
 * The way from one phase to the next; see watcher.h. Called by watcher.c, signal.c, check.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watcher_part.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

void follow_heard(struct watcher *watcher)
{
	if (watcher->phase == WATCHER_FOLLOWING)
		watcher->current_at = watcher_now(watcher);
}

void follow_forget_backlog(struct watcher *watcher)
{
	for (size_t i = 0; i < watcher->backlog_count; i++)
		free(watcher->backlog[i].text);
	free(watcher->backlog);
	watcher->backlog = NULL;
	watcher->backlog_count = watcher->backlog_room = watcher->backlog_size = 0;
	watcher->backlog_lost = false;
}

/* Ends everything that runs. */
static void stop(struct watcher *watcher)
{
	for (size_t i = 0; i < watcher->signal_count; i++)
		signal_cancel(&watcher->signals[i]);
	if (watcher->probing != NULL)
		watcher->outside->cancel(watcher->outside->context, &watcher->probe);
	watcher->probing = NULL;
	outage_cancel(watcher);
	reading_cancel(&watcher->reading);
	check_cancel(watcher);
	follow_forget_backlog(watcher);
}

static void set_phase(struct watcher *watcher, enum watcher_phase phase)
{
	watcher->phase = phase;
	watcher->phase_since = watcher_now(watcher);
}

static void count_failure(struct watcher *watcher)
{
	bool steady = watcher->phase == WATCHER_FOLLOWING &&
	              watcher_now(watcher) - watcher->phase_since >= STEADY_AFTER;

	watcher->failures = steady ? 0 : watcher->failures + 1;
}

static void go_down(struct watcher *watcher, int64_t delay)
{
	stop(watcher);
	set_phase(watcher, WATCHER_DOWN);
	watcher->retry_at = watcher_now(watcher) + delay;
}

void follow_lost(struct watcher *watcher, enum agent_result result, const char *reason)
{
	char copy[AGENT_REASON_MAX];

	/* The reason may lie in what is ended now. */
	snprintf(copy, sizeof copy, "%s", reason);
	count_failure(watcher);
	go_down(watcher, outage_failed(watcher, result, copy));
	if (watcher->state == CATALOGUE_CURRENT)
		watcher_set_state(watcher, CATALOGUE_STALE);
}

void follow_again(struct watcher *watcher, const char *reason)
{
	bool steady = watcher->phase == WATCHER_FOLLOWING &&
	              watcher_now(watcher) - watcher->phase_since >= STEADY_AFTER;

	count_failure(watcher);
	watcher_say(watcher, LOG_INFO, "%s; connects anew", reason);
	/* Thousands of hosts may have lost the same server in this moment; an agent of our own we have to ourselves. */
	go_down(watcher, !steady                           ? outage_back_off(watcher, AGENT_CUT)
	                 : outage_is_on_this_host(watcher) ? 0
	                                                   : watcher_jitter(watcher, WATCHER_RETRY) - WATCHER_RETRY);
}

void follow_connect(struct watcher *watcher)
{
	stop(watcher);
	set_phase(watcher, WATCHER_SUBSCRIBING);
	watch_count(watcher->outside, WATCH_CONNECTED);
	watcher->retry_at = INT64_MAX;
	if (!namespaces_ask_first(watcher))
		follow_subscribe(watcher);
}

void follow_subscribe(struct watcher *watcher)
{
	for (size_t i = 0; i < watcher->signal_count; i++)
		if (!watcher->signals[i].polling)
			signal_start_stream(&watcher->signals[i]);
	follow_advance(watcher);
}

static void try_stream_later(struct signal *signal)
{
	signal->polling = true;
	signal->short_lives = 0;
	signal->again_at = watcher_now(signal->watcher) + signal->again_after;
	if (signal->again_after < STREAM_AGAIN_MOST)
		signal->again_after *= 2;
}

void follow_poll_instead(struct signal *signal)
{
	struct watcher *watcher = signal->watcher;

	if (signal->again_after == STREAM_AGAIN)
		watcher_say(watcher, LOG_NOTICE,
		            "the agent gives no lasting event stream for namespace \"%s\", though it may be read; it is polled "
		            "instead, which costs more: give the token the capability read-job in every namespace",
		            signal->namespace);
	try_stream_later(signal);
}

bool follow_without(struct signal *signal)
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

const char *follow_namespace(const struct watcher *watcher, unsigned int number)
{
	const struct signal *signal = &watcher->signals[0];

	for (size_t i = 0; i < watcher->signal_count; i++) {
		signal = &watcher->signals[(number + i) % watcher->signal_count];
		if (!signal->denied)
			break;
	}
	return signal->namespace;
}

/* A stream was not granted. Where a plain read is, the changes can be polled for. */
static void probe_ended(struct watch_request *request, const struct agent_answer *answer)
{
	struct watcher *watcher = request->owner;
	struct signal *signal = watcher->probing;

	watcher->probing = NULL;
	if (answer->result == AGENT_BELIEVED) {
		follow_poll_instead(signal);
		follow_advance(watcher);
	} else if (answer->result == AGENT_DENIED && follow_without(signal)) {
		follow_advance(watcher);
	} else {
		follow_lost(watcher, answer->result, answer->reason);
	}
	watcher_wake(watcher);
}

static void probe(struct watcher *watcher, struct signal *signal)
{
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

void follow_advance(struct watcher *watcher)
{
	if (watcher->phase != WATCHER_SUBSCRIBING || watcher->probing != NULL)
		return;
	for (size_t i = 0; i < watcher->signal_count; i++) {
		struct signal *signal = &watcher->signals[i];
		if (signal->subscribed || signal->polling)
			continue;
		if (!signal->running)
			probe(watcher, signal);
		return;
	}
	follow_read(watcher);
}

void follow_read(struct watcher *watcher)
{
	for (size_t i = 0; i < watcher->signal_count; i++)
		if (watcher->signals[i].polling)
			signal_cancel(&watcher->signals[i]);
	check_cancel(watcher);
	watcher->wants_all = watcher->blind = false;
	watcher->changes = registry_changes(watcher->registry);
	set_phase(watcher, WATCHER_READING);
	reading_start(&watcher->reading, watcher->index, watcher->complete);
}

static int apply_event(struct watcher *watcher, const struct event *event, uint64_t frame_index)
{
	const struct registration *registration = &event->registration;
	struct event copy = *event;

	if (copy.index == 0)
		copy.index = frame_index;
	if (copy.index <= reading_floor(&watcher->reading, registration->namespace, registration->service))
		return 0;
	if (copy.type == EVENT_OTHER && intake_takes(&watcher->intake, registration->namespace, registration->service))
		check_want_all(watcher);
	return intake_event(&watcher->intake, &copy);
}

static void apply_frame(struct signal *signal, const struct frame *frame)
{
	struct watcher *watcher = signal->watcher;
	int result = 0;

	/* Each frame is of one index, and they come in order: an earlier one is a replay, or the cluster is another. */
	if (frame->index < signal->applied) {
		check_soon(watcher);
		return;
	}
	for (size_t i = 0; i < frame->count && result == 0; i++)
		result = apply_event(watcher, &frame->events[i], frame->index);
	if (result < 0 || frame->skipped > 0)
		check_missed(watcher);
	signal->applied = frame->index;
	check_pass(watcher, frame->index);
	if (frame->index > watcher->index)
		watcher->index = frame->index;
	if (frame->index >= watcher->proved_by && !watcher->wants_all)
		watcher->complete = true;
	/* Of several streams each says only how far it is itself. */
	if (watcher->signal_count == 1 && frame->index > watcher->reading.highest)
		reading_forget(&watcher->reading);
}

static void take_frame(struct signal *signal, const char *text, size_t size)
{
	struct frame frame;

	if (frame_parse(text, size, &frame) < 0) {
		check_missed(signal->watcher);
		return;
	}
	if (frame.index > 0)
		apply_frame(signal, &frame);
	frame_done(&frame);
}

static bool keep_frame(struct signal *signal, const char *text, size_t size)
{
	struct watcher *watcher = signal->watcher;

	if (size > BACKLOG_MAX - watcher->backlog_size)
		return false;
	if (watcher->backlog_count == watcher->backlog_room) {
		size_t room = watcher->backlog_room == 0 ? 64 : watcher->backlog_room * 2;
		struct waiting_frame *more = realloc(watcher->backlog, room * sizeof *more);
		if (more == NULL)
			return false;
		watcher->backlog = more;
		watcher->backlog_room = room;
	}
	char *copy = malloc(size);
	if (copy == NULL)
		return false;
	memcpy(copy, text, size);
	watcher->backlog[watcher->backlog_count++] = (struct waiting_frame){signal, copy, size};
	watcher->backlog_size += size;
	return true;
}

void follow_frame(struct signal *signal, const char *text, size_t size)
{
	struct watcher *watcher = signal->watcher;

	if (watcher->phase == WATCHER_FOLLOWING)
		take_frame(signal, text, size);
	else if (!watcher->backlog_lost && !keep_frame(signal, text, size))
		watcher->backlog_lost = true;
}

/* A reading that found nothing new was for nothing: the next ones are put off, where other namespaces may be why. */
static void judge_reading(struct watcher *watcher)
{
	bool needless = registry_changes(watcher->registry) == watcher->changes;
	bool all = strcmp(watcher->signals[0].namespace, "*") == 0;

	watcher->quiet_for = !needless || all         ? 0
	                     : watcher->quiet_for == 0 ? 2 * watcher->check_interval
	                                               : 2 * watcher->quiet_for;
	if (watcher->quiet_for > QUIET_MOST)
		watcher->quiet_for = QUIET_MOST;
	watcher->quiet_until = watcher_now(watcher) + watcher->quiet_for;
}

static void say_back(struct watcher *watcher)
{
	char name[AGENT_NAME_MAX];

	if (watcher->state == CATALOGUE_CURRENT)
		return;
	agent_name(&watcher->agent, name);
	watcher_say(watcher, LOG_NOTICE, "follows Nomad at %s: %zu services, index %" PRIu64, name,
	            catalogue_size(watcher->catalogue), watcher->index);
}

void follow_settle(struct watcher *watcher)
{
	bool waits = registry_waits(watcher->registry) &&
	             watcher_now(watcher) < watcher->phase_since + REGISTRY_RESOLVE;

	if (watcher->phase != WATCHER_FOLLOWING || watcher->blind || (waits && watcher->state != CATALOGUE_CURRENT))
		return;
	say_back(watcher);
	watcher_set_state(watcher, CATALOGUE_CURRENT);
}

static void apply_backlog(struct watcher *watcher)
{
	for (size_t i = 0; i < watcher->backlog_count; i++)
		take_frame(watcher->backlog[i].signal, watcher->backlog[i].text, watcher->backlog[i].size);
	follow_forget_backlog(watcher);
}

static void begin_to_follow(struct watcher *watcher)
{
	const struct reading *reading = &watcher->reading;

	watch_count(watcher->outside, WATCH_READ_ALL);
	watcher->index = reading->highest;
	watcher->complete = reading->highest == reading->index;
	watcher->proved_by = reading->highest;
	watcher->lost_at = INT64_MAX;
	watcher->said = 0;
	judge_reading(watcher);
	set_phase(watcher, WATCHER_FOLLOWING);
	apply_backlog(watcher);
	if (registry_flush(watcher->registry, watcher_now(watcher)) < 0)
		check_missed(watcher);
	watcher->current_at = watcher_now(watcher);
	follow_settle(watcher);
	for (size_t i = 0; i < watcher->signal_count; i++)
		if (watcher->signals[i].polling && !watcher->signals[i].denied)
			signal_start_poll(&watcher->signals[i]);
	check_plan(watcher);
	namespaces_await(watcher);
}

void follow_read_done(void *context, enum agent_result result, const char *reason)
{
	struct watcher *watcher = context;

	if (result != AGENT_BELIEVED) {
		watcher->complete = false;
		follow_lost(watcher, result, reason);
	} else if (watcher->backlog_lost) {
		follow_forget_backlog(watcher);
		watcher->complete = false;
		follow_read(watcher);
	} else {
		begin_to_follow(watcher);
	}
	watcher_wake(watcher);
}
