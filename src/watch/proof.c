/*
 * What proves that no change was missed, and what is done where something was: the index that the nearest server tells
 * every few seconds (nearest.h), and the leader with each check (check.c). Called by watcher.c, follow.c, check.c, signal.c.
 *
 * An agent does not end its streams when the server behind it stops: they are silent, for half a minute or more, and
 * changes that come meanwhile are missed. So what counts as current has a proof that is WATCHER_PROMISE old at the most.
 * A server's answer is one where the server has at least what was known before it was asked, so that it is not one that
 * starts and still reads its log; where everything that it has is known here; and as of the moment at which it heard of
 * its leader. An index that is not known yet is one that the streams promise: if they do not bring it soon, they begin
 * again where they ended, and if that does not bring it either everything is read.
 *
 * Where the daemon follows some namespaces alone, another index need not mean anything, for it is that of all of them:
 * streams that go on where they ended have everything. Where they cannot, such an answer proves only that there is a
 * server with a leader, and check.c looks for what was missed.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watcher_part.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

enum {
	NEAREST_GRACE = 500, /* milliseconds for the stream to bring what a server has; 88 were seen at a client agent */
	LAGS = 2,          /* answers in a row of servers that lag behind, before the leader is asked */
};

/* A namespace that something is known of, or else one that may be asked of as far as is known. */
struct choice {
	const struct watcher *watcher;
	char namespace[NAME_LABEL_MAX + 1];
};

static void choose(void *context, const struct spelling *spelling)
{
	struct choice *choice = context;

	if (choice->namespace[0] == '\0' && !reading_keeps(&choice->watcher->reading, spelling->namespace))
		snprintf(choice->namespace, sizeof choice->namespace, "%s", spelling->namespace);
}

static void take(void *context, const struct nearest_notice *notice);

/* Who checks more rarely than usual asks more rarely, and promises less. */
void proof_init(struct watcher *watcher)
{
	int times = watcher->check_interval > WATCHER_CHECK ? watcher->check_interval / WATCHER_CHECK : 1;

	watcher->promise = times * WATCHER_PROMISE;
	nearest_init(&watcher->nearest, watcher->outside, times * NEAREST_INTERVAL, watcher, take);
}

void proof_start(struct watcher *watcher)
{
	const char *followed = follow_namespace(watcher, 0);
	struct choice choice = {.watcher = watcher};

	registry_each_spelling(watcher->registry, choose, &choice);
	if (choice.namespace[0] == '\0')
		snprintf(choice.namespace, sizeof choice.namespace, "%s", strcmp(followed, "*") == 0 ? "default" : followed);
	watcher->nearest_wants = watcher->index;
	watcher->nearest_lags = 0;
	nearest_start(&watcher->nearest, choice.namespace);
}

void proof_stop(struct watcher *watcher)
{
	nearest_stop(&watcher->nearest);
	watcher->promised = 0;
}

bool proof_holds(const struct watcher *watcher)
{
	return watcher_now(watcher) - watcher->current_at < watcher->promise;
}

int64_t proof_ends(const struct watcher *watcher)
{
	return watcher->state == CATALOGUE_CURRENT ? watcher->current_at + watcher->promise : INT64_MAX;
}

void proof_found(struct watcher *watcher, int64_t as_of)
{
	if (as_of > watcher->current_at)
		watcher->current_at = as_of;
	follow_settle(watcher);
}

void proof_promise(struct watcher *watcher, uint64_t index, int64_t as_of, int grace)
{
	int64_t until = watcher_now(watcher) + grace;

	/* An earlier promise is not put off by a later one. */
	if (watcher->promised == 0) {
		watcher->promised = index;
		watcher->promised_as_of = as_of;
		watcher->promised_at = until;
	} else if (until < watcher->promised_at) {
		watcher->promised_at = until;
	}
}

void proof_pass(struct watcher *watcher, uint64_t index)
{
	bool whole = watcher->complete && watcher->promised == watcher->proved_by && index > watcher->promised;

	if (watcher->promised == 0 || (index != watcher->promised && !whole))
		return;
	watcher->promised = 0;
	proof_found(watcher, watcher->promised_as_of);
}

/* What the reading saw of single services after it had the list is in no frame yet; where none is streamed, none comes. */
static bool is_whole(const struct watcher *watcher)
{
	return watcher->complete || watcher->wants_all || watcher->signals[0].polling;
}

/* Nobody can tell whether a new index is of a namespace that is followed, and to look at it would cost too much. */
static bool may_be_others(const struct watcher *watcher)
{
	return !follow_has_all(watcher) && (watcher_now(watcher) < watcher->quiet_until || !follow_may_resume(watcher));
}

static void weigh(struct watcher *watcher, const struct nearest_notice *notice)
{
	if (notice->index < watcher->nearest_wants) {
		nearest_hurry(&watcher->nearest);
		if (++watcher->nearest_lags >= LAGS && watcher_now(watcher) - watcher->current_at >= watcher->promise / 2)
			check_soon(watcher);
		return;
	}
	watcher->nearest_wants = watcher->index;
	watcher->nearest_lags = 0;
	if (notice->index > watcher->index && may_be_others(watcher))
		proof_found(watcher, notice->as_of);
	else if (notice->index > watcher->index || !is_whole(watcher))
		proof_promise(watcher, notice->index > watcher->index ? notice->index : watcher->proved_by, notice->as_of, NEAREST_GRACE);
	else
		proof_found(watcher, notice->as_of);
}

static void take(void *context, const struct nearest_notice *notice)
{
	struct watcher *watcher = context;

	switch (notice->word) {
	case NEAREST_KNOWS:
		weigh(watcher, notice);
		break;
	case NEAREST_LEADERLESS:
		/* An election takes a second or three, and the streams go on. */
		if (!proof_holds(watcher) && watcher_now(watcher) - watcher->phase_since >= watcher->promise)
			follow_lost(watcher, notice->result, notice->reason);
		break;
	case NEAREST_BROKEN:
		follow_in_haste(watcher, "a server behind the agent has stopped", 0);
		break;
	case NEAREST_REFUSED:
		check_soon(watcher);
		break;
	case NEAREST_FAILED:
		break;
	case NEAREST_LOST:
		follow_lost(watcher, notice->result, notice->reason);
		break;
	}
	watcher_wake(watcher);
}

/* The stream has not brought what the index told of: something was missed. */
static void break_promise(struct watcher *watcher)
{
	uint64_t index = watcher->promised;

	watcher->promised = 0;
	if (watcher_now(watcher) < watcher->quiet_until)
		return;
	if (index > watcher->told && follow_may_resume(watcher)) {
		watcher->told = index;
		watcher_say(watcher, LOG_INFO, "Nomad's index has moved, and the event stream said nothing; connects anew");
		watch_count(watcher->outside, WATCH_MISSED);
		follow_connect(watcher);
	} else {
		check_read_all(watcher, "Nomad's index has moved, and the event stream said nothing");
	}
}

/* Without a proof, or after the machine has slept: whatever it looks like, nobody knows how Nomad is. */
static void be_stale(struct watcher *watcher)
{
	snprintf(watcher->error, sizeof watcher->error,
	         "for %d s no server has proved that no change was missed; the catalogue counts as stale until one does",
	         watcher->promise / 1000);
	watcher->error_at = watcher_now(watcher);
	watcher_say(watcher, LOG_NOTICE, "%s", watcher->error);
	watcher_set_state(watcher, CATALOGUE_STALE);
}

void proof_tick(struct watcher *watcher)
{
	if (watcher->phase == WATCHER_FOLLOWING && watcher->promised != 0 && watcher->promised_at <= watcher_now(watcher))
		break_promise(watcher);
	else
		nearest_tick(&watcher->nearest);
	if (watcher->state == CATALOGUE_CURRENT && !proof_holds(watcher))
		be_stale(watcher);
}

int64_t proof_due(const struct watcher *watcher)
{
	int64_t due = watcher->promised != 0 ? watcher->promised_at : INT64_MAX, nearest = nearest_due(&watcher->nearest);

	if (proof_ends(watcher) < due)
		due = proof_ends(watcher);
	return nearest < due ? nearest : due;
}
