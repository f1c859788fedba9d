/*
 * A small read every few seconds; see nearest.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watch/nearest.h"

#include "watch/intake.h"

#include <stdio.h>

static int64_t now(const struct nearest *nearest)
{
	return nearest->outside->now(nearest->outside->context);
}

void nearest_init(struct nearest *nearest, const struct outside *outside, int interval, void *owner,
                void (*tell)(void *owner, const struct nearest_notice *notice))
{
	*nearest = (struct nearest){
		.outside = outside, .interval = interval, .owner = owner, .tell = tell, .due = INT64_MAX};
}

void nearest_stop(struct nearest *nearest)
{
	if (nearest->running)
		nearest->outside->cancel(nearest->outside->context, &nearest->request);
	nearest->running = false;
	nearest->due = INT64_MAX;
}

/* From one question to the next, however long an answer takes; spread, for many hosts may have begun in one moment. */
static void plan(struct nearest *nearest)
{
	int64_t spread = nearest->outside->random(nearest->outside->context) % (uint32_t)(nearest->interval / 4);
	int64_t took = now(nearest) - nearest->asked_at, due = nearest->asked_at + nearest->interval - spread - took;

	nearest->due = due < now(nearest) ? now(nearest) : due;
}

static void plan_soon(struct nearest *nearest)
{
	nearest->due = now(nearest) + NEAREST_AGAIN - nearest->outside->random(nearest->outside->context) % (NEAREST_AGAIN / 4);
}

/* Nomad's own words for it: a proxy that gives up says something else. */
static bool is_nomads_error(const struct agent_answer *answer)
{
	return answer->result == AGENT_FAILED && answer->status == 500;
}

static enum nearest_word word_of(struct nearest *nearest, const struct agent_answer *answer)
{
	if (answer->result == AGENT_BELIEVED)
		return NEAREST_KNOWS;
	if (answer->result == AGENT_NO_LEADER)
		return NEAREST_LEADERLESS;
	if (answer->result == AGENT_DENIED || answer->result == AGENT_UNBELIEVABLE || intake_is_refused(answer))
		return NEAREST_REFUSED;
	if (is_nomads_error(answer))
		return NEAREST_BROKEN;
	/* One that was lost on the way is asked again, unless the time for that is over. */
	nearest->failures++;
	return answer->result == AGENT_TIMED_OUT || nearest->failures == NEAREST_TRIES ? NEAREST_LOST : NEAREST_FAILED;
}

static void answered(struct watch_request *request, const struct agent_answer *answer)
{
	struct nearest *nearest = request->owner;
	struct nearest_notice notice = {
		.word = word_of(nearest, answer),
		.index = answer->index,
		.as_of = nearest->asked_at - answer->last_contact,
		.result = answer->result,
		.reason = answer->reason,
	};

	nearest->running = false;
	if (notice.word < NEAREST_FAILED)
		nearest->failures = 0;
	if (notice.word == NEAREST_KNOWS || notice.word == NEAREST_REFUSED)
		plan(nearest);
	else
		plan_soon(nearest);
	nearest->tell(nearest->owner, &notice);
}

void nearest_start(struct nearest *nearest, const char *namespace)
{
	nearest_stop(nearest);
	snprintf(nearest->namespace, sizeof nearest->namespace, "%s", namespace);
	nearest->failures = 0;
	nearest->due = now(nearest);
}

void nearest_hurry(struct nearest *nearest)
{
	if (!nearest->running && nearest->due > now(nearest) + NEAREST_AGAIN)
		plan_soon(nearest);
}

int64_t nearest_due(const struct nearest *nearest)
{
	return nearest->due;
}

void nearest_tick(struct nearest *nearest)
{
	if (nearest->running || nearest->due > now(nearest))
		return;
	nearest->request.owner = nearest;
	nearest->request.limit = NEAREST_LIMIT;
	nearest->request.done = answered;
	if (!watch_set_path(&nearest->request, "/v1/service/", NEAREST_SERVICE, nearest->namespace, "stale")) {
		plan_soon(nearest);
		return;
	}
	nearest->due = INT64_MAX;
	nearest->running = true;
	nearest->asked_at = now(nearest);
	nearest->outside->start(nearest->outside->context, &nearest->request);
}
