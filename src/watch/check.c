/*
 * The proof that nothing was missed: every 30 s one service is read, each in its turn. The index that comes with it
 * is the whole table's, and what it holds is compared besides. Called by watcher.c, follow.c and proof.c; see watcher.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watcher_part.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

enum { TRIES = 3, RETRY = 500 }; /* times, and milliseconds between them, before the agent counts as lost */

void check_plan(struct watcher *watcher)
{
	watcher->check_failures = 0;
	watcher->check_at = watcher_now(watcher) + watcher->check_interval * 4 / 5 +
	                    watcher_jitter(watcher, watcher->check_interval / 5 + 1) - watcher->check_interval / 5;
}

void check_soon(struct watcher *watcher)
{
	int64_t soon = watcher_now(watcher) + watcher_jitter(watcher, CHECK_GRACE / 2);

	if (!watcher->checking && soon < watcher->check_at)
		watcher->check_at = soon;
}

void check_cancel(struct watcher *watcher)
{
	if (watcher->checking)
		watcher->outside->cancel(watcher->outside->context, &watcher->check);
	watcher->checking = false;
	watcher->check_at = INT64_MAX;
	proof_stop(watcher);
	namespaces_cancel(watcher);
}

void check_pass(struct watcher *watcher, uint64_t index)
{
	if (watcher->passed_count < PASSED_MAX)
		watcher->passed[watcher->passed_count] = index;
	if (watcher->passed_count <= PASSED_MAX)
		watcher->passed_count++;
}

/* Whether a frame of that index has come since the check began; yes, where there were too many to tell. */
static bool has_passed(const struct watcher *watcher, uint64_t index)
{
	for (size_t i = 0; i < watcher->passed_count && i < PASSED_MAX; i++)
		if (watcher->passed[i] == index)
			return true;
	return watcher->passed_count > PASSED_MAX;
}

int64_t check_due(const struct watcher *watcher)
{
	int64_t due = watcher->checking ? INT64_MAX : watcher->check_at;

	if (watcher->promised != 0)
		due = INT64_MAX;
	if (watcher->wants_all && watcher->wants_all_at < due)
		due = watcher->wants_all_at;
	return watcher->phase == WATCHER_FOLLOWING ? due : INT64_MAX;
}

struct turn {
	struct service_key key;
	const struct watcher *watcher;
	uint32_t left;
	bool found;
};

static void take_turn(void *context, const struct spelling *spelling)
{
	struct turn *turn = context;

	if (turn->found || reading_keeps(&turn->watcher->reading, spelling->namespace) || turn->left-- > 0)
		return;
	turn->found = true;
	snprintf(turn->key.namespace, sizeof turn->key.namespace, "%s", spelling->namespace);
	snprintf(turn->key.service, sizeof turn->key.service, "%s", spelling->service);
}

/* The next service to be read. */
static void choose(struct watcher *watcher)
{
	struct turn turn = {.watcher = watcher, .left = watcher->rotation++};
	const char *namespace = follow_namespace(watcher, 0);

	registry_each_spelling(watcher->registry, take_turn, &turn);
	if (!turn.found) {
		turn.left = watcher->rotation = 0;
		registry_each_spelling(watcher->registry, take_turn, &turn);
	}
	if (!turn.found) {
		snprintf(turn.key.namespace, sizeof turn.key.namespace, "%s", strcmp(namespace, "*") == 0 ? "default" : namespace);
		snprintf(turn.key.service, sizeof turn.key.service, "%s", NEAREST_SERVICE);
	}
	watcher->checked = turn.key;
}

void check_read_all(struct watcher *watcher, const char *why)
{
	watcher_say(watcher, LOG_INFO, "%s; everything is read again", why);
	watch_count(watcher->outside, WATCH_MISSED);
	watcher->complete = false;
	watcher->wants_all = false;
	follow_connect(watcher);
}

/* What is wrong with every frame is no reason to read without a pause. */
void check_want_all(struct watcher *watcher)
{
	int64_t soon = watcher_now(watcher) + watcher_jitter(watcher, CHECK_GRACE / 2);
	int64_t earliest = watcher->wants_all_at + watcher->check_interval;

	watcher->complete = false;
	if (watcher->wants_all)
		return;
	watcher->wants_all = true;
	watcher->wants_all_at = soon > earliest ? soon : earliest;
}

void check_missed(struct watcher *watcher)
{
	check_want_all(watcher);
	watcher->blind = true;
	if (watcher->state == CATALOGUE_CURRENT)
		watcher_set_state(watcher, CATALOGUE_STALE);
}

/* Compares the service that was read, of the very index that is known. */
static void compare(struct watcher *watcher, const struct agent_answer *answer)
{
	const struct service_key *key = &watcher->checked;
	uint64_t before = registry_changes(watcher->registry);
	struct registrations set;

	if (strcmp(key->service, NEAREST_SERVICE) == 0 || registrations_parse(answer->body, answer->size, &set) < 0)
		return;
	intake_read(&watcher->intake, key->namespace, key->service, &set);
	registrations_done(&set);
	registry_flush(watcher->registry, watcher_now(watcher));
	if (registry_changes(watcher->registry) != before)
		check_read_all(watcher, "a service has changed of which the event stream said nothing");
}

/* Events may have come while the answer was on its way: it is of some moment since it was asked for. */
static void judge(struct watcher *watcher, const struct agent_answer *answer)
{
	check_plan(watcher);
	if (answer->index == watcher->index) {
		proof_found(watcher, watcher->check_began);
		/* Half a minute later nothing can be under way that the reading has seen. */
		reading_forget(&watcher->reading);
		if (!watcher->wants_all && registry_due(watcher->registry) == INT64_MAX)
			compare(watcher, answer);
	} else if (answer->index < watcher->asked_at) {
		check_read_all(watcher, "Nomad's index is lower than it was");
	} else if (answer->index > watcher->asked_at && !has_passed(watcher, answer->index)) {
		proof_promise(watcher, answer->index, watcher->check_began, CHECK_GRACE);
	} else {
		proof_found(watcher, watcher->check_began);
	}
	if (watcher->phase == WATCHER_FOLLOWING)
		namespaces_await(watcher);
}

static void check_ended(struct watch_request *request, const struct agent_answer *answer)
{
	struct watcher *watcher = request->owner;

	watcher->checking = false;
	if (answer->result == AGENT_BELIEVED)
		judge(watcher, answer);
	else if (intake_is_refused(answer))
		check_plan(watcher); /* in half a minute another one's turn has come */
	else if (answer->result == AGENT_DENIED || ++watcher->check_failures == TRIES)
		follow_lost(watcher, answer->result, answer->reason);
	else
		watcher->check_at = watcher_now(watcher) + watcher_jitter(watcher, RETRY);
	watcher_wake(watcher);
}

static void start(struct watcher *watcher)
{
	char reason[CONFIG_REASON_MAX];
	struct watch_request *request = &watcher->check;

	/* A token that is renewed in its file is used from now on; the old one may end any time. */
	if (agent_read_token(&watcher->agent, reason) == 1) {
		follow_forget_past(watcher);
		follow_again(watcher, "the token is another one");
		return;
	}
	choose(watcher);
	watcher->check_at = INT64_MAX;
	watcher->asked_at = watcher->index;
	watcher->check_began = watcher_now(watcher);
	watcher->passed_count = 0;
	request->owner = watcher;
	request->limit = READING_LIST_LIMIT;
	request->done = check_ended;
	watcher->checking = watch_set_path(request, "/v1/service/", watcher->checked.service, watcher->checked.namespace, NULL);
	if (watcher->checking)
		watcher->outside->start(watcher->outside->context, request);
	else
		check_plan(watcher);
}

void check_tick(struct watcher *watcher)
{
	int64_t now = watcher_now(watcher);

	if (watcher->phase != WATCHER_FOLLOWING)
		return;
	if (watcher->wants_all && watcher->wants_all_at <= now)
		check_read_all(watcher, "a frame of the event stream could not be taken");
	else if (watcher->promised == 0 && !watcher->checking && watcher->check_at <= now)
		start(watcher);
}
