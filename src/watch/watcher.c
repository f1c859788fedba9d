/*
 * Follows Nomad's catalogue: its state and its clock; see watcher.h. Called by watch/daemon.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watcher_part.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t watcher_now(const struct watcher *watcher)
{
	return watcher->outside->now(watcher->outside->context);
}

void watcher_say(const struct watcher *watcher, int priority, const char *format, ...)
{
	char text[2 * AGENT_REASON_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	watcher->outside->say(watcher->outside->context, priority, text);
}

int64_t watcher_jitter(const struct watcher *watcher, int least)
{
	return least <= 0 ? 0 : least + (int64_t)(watcher->outside->random(watcher->outside->context) % (uint32_t)least);
}

/* What the scope depends on (watcher_scope.c), but for what registrations tell: another number where it is another. */
static uint64_t rights_of(const struct watcher *watcher)
{
	return watcher->reading.rights << 1 | watcher->signals[0].polling;
}

void watcher_set_state(struct watcher *watcher, enum catalogue_state state)
{
	bool changed = watcher->state != state;

	watcher->state = state;
	if (changed)
		watcher->since = watcher_now(watcher);
	catalogue_set_state(watcher->catalogue, state, (uint32_t)watcher->index);
	if (!changed && watcher->told_rights == rights_of(watcher))
		return;
	watcher->told_rights = rights_of(watcher);
	watcher->outside->state_changed(watcher->outside->context);
}

/* A few namespaces have a stream each; for more there are not connections enough, and one for all has to do. */
static void make_signals(struct watcher *watcher)
{
	const struct words *namespaces = &watcher->config->namespaces;
	bool all = namespaces->count == 0 || namespaces->count > SIGNALS_MAX || strcmp(namespaces->words[0], "*") == 0;

	watcher->signal_count = all ? 1 : namespaces->count;
	for (size_t i = 0; i < watcher->signal_count; i++)
		signal_init(&watcher->signals[i], watcher, all ? "*" : namespaces->words[i]);
}

static void wake(void *watcher)
{
	watcher_wake(watcher);
}

int watcher_new(const struct config *config, const struct outside *outside, struct registry *registry,
                struct catalogue *catalogue, const struct watcher_begin *begin, struct watcher **watcher,
                char reason[CONFIG_REASON_MAX])
{
	struct watcher *made = calloc(1, sizeof *made);
	int result;

	if (made == NULL) {
		snprintf(reason, CONFIG_REASON_MAX, "no memory");
		return -ENOMEM;
	}
	result = agent_init(config, &made->agent, reason);
	if (result < 0) {
		free(made);
		return result;
	}
	made->config = config;
	made->outside = outside;
	made->registry = registry;
	made->catalogue = catalogue;
	made->intake = (struct intake){.registry = registry, .config = config, .outside = outside};
	reading_init(&made->reading, &made->intake, outside);
	if (begin->state != CATALOGUE_LOADING)
		made->reading.kept_since = begin->kept_since < begin->current_at ? begin->kept_since : begin->current_at;
	made->reading.owner = made;
	made->reading.done = follow_read_done;
	made->reading.wake = wake;
	made->check_interval = begin->check > 0 ? begin->check : WATCHER_CHECK;
	made->state = begin->state;
	made->current_at = begin->current_at;
	made->since = watcher_now(made);
	made->census.made = UINT64_MAX;
	made->retry_at = made->check_at = made->census.due = INT64_MAX;
	made->lost_at = INT64_MAX;
	made->wants_all_at = watcher_now(made) - made->check_interval;
	make_signals(made);
	proof_init(made);
	leader_init(&made->leader, outside, &made->agent, made, follow_leader_told);
	catalogue_set_state(catalogue, made->state, 0);
	*watcher = made;
	return 0;
}

void watcher_free(struct watcher *watcher)
{
	if (watcher == NULL)
		return;
	for (size_t i = 0; i < watcher->signal_count; i++)
		signal_cancel(&watcher->signals[i]);
	if (watcher->probing != NULL)
		watcher->outside->cancel(watcher->outside->context, &watcher->probe);
	leader_cancel(&watcher->leader);
	outage_cancel(watcher);
	check_cancel(watcher);
	reading_done(&watcher->reading);
	backlog_clear(&watcher->backlog);
	agent_done(&watcher->agent);
	free(watcher);
}

void watcher_start(struct watcher *watcher)
{
	follow_connect(watcher);
	watcher_wake(watcher);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When what is stale is too old. */
static int64_t expires_at(const struct watcher *watcher)
{
	return watcher->state == CATALOGUE_STALE ? watcher->current_at + (int64_t)watcher->config->max_stale * 1000
	                                         : INT64_MAX;
}

static int64_t most_stale(const struct watcher *watcher)
{
	return (int64_t)watcher->config->max_stale * 1000;
}

/* The same of what is kept of a namespace that may not be read any more. */
static int64_t kept_expires_at(const struct watcher *watcher)
{
	int64_t since = reading_kept_since(&watcher->reading);

	return since == INT64_MAX ? since : since + most_stale(watcher);
}

void watcher_wake(struct watcher *watcher)
{
	int64_t due = earlier(registry_due(watcher->registry), reading_due(&watcher->reading));

	due = earlier(due, earlier(check_due(watcher), namespaces_due(watcher)));
	due = earlier(due, proof_due(watcher));
	due = earlier(due, earlier(expires_at(watcher), kept_expires_at(watcher)));
	if (watcher->phase == WATCHER_DOWN)
		due = earlier(due, watcher->retry_at);
	for (size_t i = 0; i < watcher->signal_count; i++) {
		due = earlier(due, watcher->signals[i].deadline);
		if (watcher->signals[i].polling && watcher->phase == WATCHER_FOLLOWING)
			due = earlier(due, watcher->signals[i].again_at);
	}
	watcher->outside->wake_at(watcher->outside->context, due);
}

static void flush(struct watcher *watcher, int64_t now)
{
	uint32_t serial;
	int result = reading_expire(&watcher->reading, most_stale(watcher));

	if (result == 0 && registry_due(watcher->registry) > now)
		return;
	if (registry_flush(watcher->registry, now) < 0 || result < 0)
		check_missed(watcher);
	if (catalogue_state(watcher->catalogue, &serial) != watcher->state || serial != (uint32_t)watcher->index)
		catalogue_set_state(watcher->catalogue, watcher->state, (uint32_t)watcher->index);
}

void watcher_tick(struct watcher *watcher)
{
	int64_t now = watcher_now(watcher);

	flush(watcher, now);
	if (watcher->state != CATALOGUE_CURRENT)
		follow_settle(watcher);
	if (watcher->phase == WATCHER_DOWN && watcher->retry_at <= now) {
		if (watcher->lost_at == INT64_MAX)
			follow_connect(watcher);
		else
			outage_knock(watcher);
	}
	for (size_t i = 0; i < watcher->signal_count; i++)
		signal_tick(&watcher->signals[i]);
	reading_tick(&watcher->reading);
	check_tick(watcher);
	namespaces_tick(watcher);
	proof_tick(watcher);
	if (expires_at(watcher) <= now)
		watcher_set_state(watcher, CATALOGUE_EXPIRED);
	watcher_wake(watcher);
}

void watcher_state(const struct watcher *watcher, struct watcher_state *state)
{
	*state = (struct watcher_state){
		.state = watcher->state,
		.phase = watcher->phase,
		.since = watcher->since,
		.current_at = watcher->current_at,
		.index = watcher->index,
		.kept = watcher->reading.kept.count,
		.kept_since = reading_kept_since(&watcher->reading),
		.error_at = watcher->error_at,
	};
	for (size_t i = 0; i < watcher->signal_count; i++)
		state->polling |= watcher->signals[i].polling;
	agent_name(&watcher->agent, state->agent);
	snprintf(state->error, sizeof state->error, "%s", watcher->error);
}

const struct agent *watcher_agent(const struct watcher *watcher)
{
	return &watcher->agent;
}
