/*
 * The way from one phase to the next; see watcher.h. Called by watcher.c, signal.c, check.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watcher_part.h"

#include "noun.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

/* Ends everything that runs. */
static void stop(struct watcher *watcher)
{
	for (size_t i = 0; i < watcher->signal_count; i++)
		signal_cancel(&watcher->signals[i]);
	if (watcher->probing != NULL)
		watcher->outside->cancel(watcher->outside->context, &watcher->probe);
	watcher->probing = NULL;
	leader_cancel(&watcher->leader);
	outage_cancel(watcher);
	reading_cancel(&watcher->reading);
	check_cancel(watcher);
	backlog_clear(&watcher->backlog);
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

static void again_within(struct watcher *watcher, const char *reason, int spread)
{
	bool steady = watcher->phase == WATCHER_FOLLOWING &&
	              watcher_now(watcher) - watcher->phase_since >= STEADY_AFTER;

	count_failure(watcher);
	watcher_say(watcher, LOG_INFO, "%s; connects anew", reason);
	go_down(watcher, steady ? watcher_jitter(watcher, spread) - spread : outage_back_off(watcher, AGENT_CUT));
}

void follow_again(struct watcher *watcher, const char *reason)
{
	/* Thousands of hosts may have lost the same server in this moment; an agent of our own we have to ourselves. */
	again_within(watcher, reason, outage_is_on_this_host(watcher) ? 0 : WATCHER_RETRY);
}

void follow_in_haste(struct watcher *watcher, const char *reason, int spread)
{
	again_within(watcher, reason, spread);
	watcher->census.in_haste = true;
}

void follow_forget_past(struct watcher *watcher)
{
	for (size_t i = 0; i < watcher->signal_count; i++)
		watcher->signals[i].resume = (struct resume){0};
}

bool follow_has_all(const struct watcher *watcher)
{
	return strcmp(watcher->signals[0].namespace, "*") == 0;
}

bool follow_may_resume(const struct watcher *watcher)
{
	bool may = watcher->complete && !watcher->wants_all;

	for (size_t i = 0; i < watcher->signal_count; i++)
		may = may && watcher->signals[i].resume.index > 0 && !watcher->signals[i].polling &&
		      namespaces_were_shown(watcher, watcher->signals[i].resume.index);
	return may;
}

static void ask_for_namespaces(struct watcher *watcher)
{
	if (!namespaces_ask_first(watcher))
		follow_subscribe(watcher);
}

void follow_connect(struct watcher *watcher)
{
	stop(watcher);
	set_phase(watcher, WATCHER_SUBSCRIBING);
	watch_count(watcher->outside, WATCH_CONNECTED);
	watcher->retry_at = INT64_MAX;
	if (watcher->census.in_haste || !leader_ask(&watcher->leader))
		ask_for_namespaces(watcher);
}

void follow_leader_told(void *context)
{
	struct watcher *watcher = context;

	ask_for_namespaces(watcher);
	watcher_wake(watcher);
}

void follow_subscribe(struct watcher *watcher)
{
	bool resume = follow_may_resume(watcher);

	for (size_t i = 0; i < watcher->signal_count; i++)
		if (!watcher->signals[i].polling)
			signal_start_stream(&watcher->signals[i], resume);
	namespaces_are_shown(watcher);
	follow_advance(watcher);
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

static void follow_on(struct watcher *watcher);

void follow_advance(struct watcher *watcher)
{
	bool resumed = true;

	if (watcher->phase != WATCHER_SUBSCRIBING || watcher->probing != NULL)
		return;
	for (size_t i = 0; i < watcher->signal_count; i++) {
		struct signal *signal = &watcher->signals[i];
		resumed = resumed && signal->resumed;
		if (signal->polling || (signal->subscribed && !signal->resuming))
			continue;
		if (!signal->running)
			denied_probe(signal);
		return;
	}
	if (resumed)
		follow_on(watcher);
	else
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
	proof_pass(watcher, frame->index);
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
	if (signal->watcher->complete && frame.index >= signal->resume.index)
		resume_note_frame(&signal->resume, frame.index, text, size);
	frame_done(&frame);
}

static bool is_known(const struct signal *signal, const char *text, size_t size)
{
	struct frame frame;

	if (frame_parse(text, size, &frame) < 0)
		return false;
	bool known = resume_is_known(&signal->resume, &frame, text, size, signal->watcher->registry);
	frame_done(&frame);
	return known;
}

void follow_frame(struct signal *signal, const char *text, size_t size)
{
	struct watcher *watcher = signal->watcher;

	/* The first one of a stream that goes on: where it is the one that is known already, it says nothing else. */
	if (signal->resuming) {
		signal->resuming = false;
		signal->resumed = is_known(signal, text, size);
		if (signal->resumed)
			return;
	}
	if (watcher->phase == WATCHER_FOLLOWING)
		take_frame(signal, text, size);
	else
		backlog_add(&watcher->backlog, signal, text, size);
}

/* A reading that found nothing new was for nothing: the next ones are put off, where other namespaces may be why. */
static void judge_reading(struct watcher *watcher)
{
	bool needless = registry_changes(watcher->registry) == watcher->changes;
	watcher->quiet_for = !needless || follow_has_all(watcher) ? 0
	                     : watcher->quiet_for == 0            ? 2 * watcher->check_interval
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
	watcher_say(watcher, LOG_NOTICE, "follows Nomad at %s: %zu %s, index %" PRIu64, name,
	            catalogue_size(watcher->catalogue), noun(catalogue_size(watcher->catalogue), "service", "services"),
	            watcher->index);
}

void follow_settle(struct watcher *watcher)
{
	bool waits = registry_waits(watcher->registry) &&
	             watcher_now(watcher) < watcher->phase_since + REGISTRY_RESOLVE;

	if (watcher->phase != WATCHER_FOLLOWING || watcher->blind || !proof_holds(watcher) ||
	    (waits && watcher->state != CATALOGUE_CURRENT))
		return;
	say_back(watcher);
	watcher_set_state(watcher, CATALOGUE_CURRENT);
}

static void apply_backlog(struct watcher *watcher)
{
	const struct backlog *backlog = &watcher->backlog;

	for (size_t i = 0; i < backlog->count; i++)
		take_frame(backlog->frames[i].signal, backlog->frames[i].text, backlog->frames[i].size);
	backlog_clear(&watcher->backlog);
}

static void begin_to_follow(struct watcher *watcher)
{
	watcher->lost_at = INT64_MAX;
	watcher->said = 0;
	leader_followed(&watcher->leader);
	set_phase(watcher, WATCHER_FOLLOWING);
	apply_backlog(watcher);
	if (registry_flush(watcher->registry, watcher_now(watcher)) < 0)
		check_missed(watcher);
	proof_start(watcher);
	follow_settle(watcher);
	for (size_t i = 0; i < watcher->signal_count; i++)
		if (watcher->signals[i].polling && !watcher->signals[i].denied)
			signal_start_poll(&watcher->signals[i]);
	check_plan(watcher);
	namespaces_await(watcher);
}

/* The streams go on where the last ones ended. Whether they bring all that was told of is seen soon. */
static void follow_on(struct watcher *watcher)
{
	for (size_t i = 0; i < watcher->signal_count; i++)
		watcher->signals[i].applied = watcher->signals[i].resume.index;
	reading_forget(&watcher->reading);
	begin_to_follow(watcher);
	namespaces_known_to(watcher, watcher->index);
	/* Where they have brought nothing else it was another namespace's. */
	if (!follow_has_all(watcher) && watcher->told > watcher->index)
		watcher->index = watcher->told;
	if (watcher->told > watcher->index)
		proof_promise(watcher, watcher->told, watcher->current_at, CHECK_GRACE);
}

static void follow_what_was_read(struct watcher *watcher)
{
	const struct reading *reading = &watcher->reading;

	watch_count(watcher->outside, WATCH_READ_ALL);
	watcher->index = reading->highest;
	watcher->complete = reading->highest == reading->index;
	watcher->proved_by = reading->highest;
	watcher->told = 0;
	namespaces_known_to(watcher, reading->highest);
	for (size_t i = 0; i < watcher->signal_count; i++)
		resume_note_reading(&watcher->signals[i].resume, watcher->complete ? watcher->index : 0);
	judge_reading(watcher);
	watcher->current_at = watcher_now(watcher);
	begin_to_follow(watcher);
}

void follow_read_done(void *context, enum agent_result result, const char *reason)
{
	struct watcher *watcher = context;

	if (result != AGENT_BELIEVED) {
		watcher->complete = false;
		follow_lost(watcher, result, reason);
	} else if (watcher->backlog.lost) {
		backlog_clear(&watcher->backlog);
		watcher->complete = false;
		follow_read(watcher);
	} else {
		follow_what_was_read(watcher);
	}
	watcher_wake(watcher);
}
