/*
 * While no agent can be followed: what is said of it, and how its return is noticed within a second. Called by
 * follow.c and watcher.c; see watcher.h.
 *
 * A knock is one small read. It is given up soon, for a fresh one: a request that was sent while the agent hung may
 * never be answered, and one that was lost on the way is sent again only after seconds (RFC 6298 section 5.5). A second
 * one is patient, for an agent that is merely slow. A subscription would not do: where it is denied, nothing says so.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watcher_part.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

/* A server answers by itself, also without a leader, which the others would be held for. Nothing else is taken from it. */
#define OF_ITSELF "stale"

bool outage_is_on_this_host(const struct watcher *watcher)
{
	static const char *const starts[] = {"unix://",         "http://127.",  "https://127.",  "http://localhost",
	                                     "https://localhost", "http://[::1]", "https://[::1]"};
	char name[AGENT_NAME_MAX];

	agent_name(&watcher->agent, name);
	for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
		if (strncmp(name, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

static bool is_denial(enum agent_result result)
{
	return result == AGENT_DENIED || result == AGENT_UNBELIEVABLE;
}

/* Many hosts that lost the same agent must not come back as one. */
int64_t outage_back_off(const struct watcher *watcher, enum agent_result result)
{
	int64_t most = WATCHER_RETRY_MOST, delay = WATCHER_RETRY;

	if (!outage_is_on_this_host(watcher)) {
		bool lasts = watcher->lost_at < watcher_now(watcher) - WATCHER_LONG;
		most = is_denial(result) && lasts ? WATCHER_RETRY_DENIED : WATCHER_RETRY_REMOTE;
	}
	for (unsigned int i = 1; i < watcher->failures && delay < most; i++)
		delay *= 2;
	if (delay > most)
		delay = most;
	return watcher_jitter(watcher, (int)delay / 2);
}

/* Says a failure, each sort of it once in an outage. */
static void say(struct watcher *watcher, enum agent_result result, const char *reason)
{
	if ((watcher->said & 1U << result) != 0)
		return;
	watcher->said |= 1U << result;
	size_t length = strlen(reason);
	const char *end = length > 0 && reason[length - 1] == '?' ? "" : ".";
	watcher_say(watcher, LOG_WARNING, "Nomad cannot be followed: %s%s %s", reason, end,
	            watcher->state == CATALOGUE_LOADING   ? "Nothing is known yet; lookups ask Nomad themselves."
	            : watcher->state == CATALOGUE_EXPIRED ? "What was known is too old to serve."
	                                                  : "What was known last is served as stale.");
}

static void note(struct watcher *watcher, enum agent_result result, const char *reason)
{
	snprintf(watcher->error, sizeof watcher->error, "%s", reason);
	watcher->error_at = watcher_now(watcher);
	say(watcher, result, reason);
}

int64_t outage_failed(struct watcher *watcher, enum agent_result result, const char *reason)
{
	char ignored[CONFIG_REASON_MAX];
	bool all_tried = true, new_token = false;

	if (watcher->lost_at == INT64_MAX)
		watcher->lost_at = watcher_now(watcher);
	note(watcher, result, reason);
	if (is_denial(result))
		new_token = agent_read_token(&watcher->agent, ignored) == 1;
	if (new_token)
		follow_forget_past(watcher);
	if (agent_should_try_next(result))
		all_tried = agent_next(&watcher->agent);
	return new_token || !all_tried ? 0 : outage_back_off(watcher, result);
}

static void knock_ended(struct watch_request *request, const struct agent_answer *answer);

static void start(struct watcher *watcher, struct knock *knock, long limit)
{
	struct watch_request *request = &knock->request;

	if (knock->running)
		return;
	knock->watcher = watcher;
	knock->agent = watcher->agent.current;
	request->owner = knock;
	request->limit = limit;
	request->done = knock_ended;
	knock->running = watch_set_path(request, "/v1/services", NULL, follow_namespace(watcher, watcher->failures), OF_ITSELF);
	if (knock->running)
		watcher->outside->start(watcher->outside->context, request);
}

/* The next one is due so long after this one began, however long it took to fail. */
static void quick_failed(struct watcher *watcher, const struct agent_answer *answer)
{
	int64_t now = watcher_now(watcher), due;

	if (answer->result == AGENT_TIMED_OUT)
		start(watcher, &watcher->patient, READING_LIST_LIMIT);
	watcher->failures++;
	due = watcher->knocked_at + outage_failed(watcher, answer->result, answer->reason);
	watcher->retry_at = due < now ? now : due;
}

static void knock_ended(struct watch_request *request, const struct agent_answer *answer)
{
	struct knock *knock = request->owner;
	struct watcher *watcher = knock->watcher;

	knock->running = false;
	if (answer->result == AGENT_BELIEVED) {
		watcher->agent.current = knock->agent;
		follow_connect(watcher);
	} else if (knock == &watcher->quick) {
		quick_failed(watcher, answer);
	} else {
		note(watcher, answer->result, answer->reason);
	}
	watcher_wake(watcher);
}

void outage_knock(struct watcher *watcher)
{
	watcher->retry_at = INT64_MAX;
	watcher->knocked_at = watcher_now(watcher);
	start(watcher, &watcher->quick, KNOCK_LIMIT);
	/* Without memory for it: later. */
	if (!watcher->quick.running)
		watcher->retry_at = watcher->knocked_at + outage_back_off(watcher, AGENT_NO_MEMORY);
}

void outage_cancel(struct watcher *watcher)
{
	struct knock *const knocks[] = {&watcher->quick, &watcher->patient};

	for (size_t i = 0; i < sizeof knocks / sizeof *knocks; i++) {
		if (knocks[i]->running)
			watcher->outside->cancel(watcher->outside->context, &knocks[i]->request);
		knocks[i]->running = false;
	}
}
