/*
 * Reading everything, second part: each service of the lists; see reading.h. Called by reading.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "reading_part.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void start_slot(struct reading *reading, struct reading_slot *slot);

void reading_cancel_slots(struct reading *reading)
{
	for (size_t i = 0; i < READING_AT_ONCE; i++) {
		struct reading_slot *slot = &reading->slots[i];
		if (slot->job != NULL)
			reading->outside->cancel(reading->outside->context, &slot->request);
		slot->job = NULL;
	}
}

/* Everything was read: removes what is gone. */
static void finish(struct reading *reading)
{
	struct registry *registry = reading->intake->registry;
	int result = 0;

	for (size_t i = 0; i < reading->missing.count && result == 0; i++) {
		const struct service_key *key = &reading->missing.keys[i];
		if (!reading_keeps(reading, key->namespace))
			result = registry_replace(registry, key->namespace, key->service, NULL, 0, false);
	}
	if (result == 0)
		result = registry_flush(registry, reading->outside->now(reading->outside->context));
	if (result < 0)
		reading_end(reading, AGENT_FAILED, "out of memory");
	else
		reading_end(reading, AGENT_BELIEVED, "");
}

/* The next service that is to be read; NULL where all are under way. */
static struct reading_job *next_job(struct reading *reading)
{
	size_t step = 1;

	/* In a sample a few are taken that lie evenly apart, from a different start each time. */
	if (reading->sampling && reading->job_count > READING_SAMPLE)
		step = reading->job_count / READING_SAMPLE;
	if (reading->next_job >= reading->job_count)
		return NULL;
	struct reading_job *job = &reading->jobs[reading->next_job];
	reading->next_job += step;
	return job;
}

/* Gives a free slot its next work. */
static void fill_slot(struct reading *reading, struct reading_slot *slot)
{
	slot->job = next_job(reading);
	slot->retry_at = INT64_MAX;
	if (slot->job != NULL)
		start_slot(reading, slot);
}

static void fill_slots(struct reading *reading)
{
	for (size_t i = 0; i < READING_AT_ONCE && reading->running; i++)
		if (reading->slots[i].job == NULL)
			fill_slot(reading, &reading->slots[i]);
}

static bool is_idle(const struct reading *reading)
{
	for (size_t i = 0; i < READING_AT_ONCE; i++)
		if (reading->slots[i].job != NULL)
			return false;
	return true;
}

/* All that was to be read is read. */
static void all_read(struct reading *reading)
{
	/* A sample that differs: the index says nothing has changed, and is wrong, so all are read. */
	if (reading->sampling && registry_changes(reading->intake->registry) != reading->changes) {
		reading->sampling = false;
		reading->next_job = 0;
		fill_slots(reading);
		return;
	}
	finish(reading);
}

/* Takes what Nomad said of a service. False where that cannot be, or there is no memory. */
static bool take(struct reading *reading, struct reading_job *job, const struct agent_answer *answer)
{
	struct registrations set;
	int64_t now = reading->outside->now(reading->outside->context);

	/* Older than the list: from before a rebuild, or after one that happened in between. */
	if (answer->index < reading->index || registrations_parse(answer->body, answer->size, &set) < 0)
		return false;
	bool taken = intake_read(reading->intake, job->namespace, job->service, &set) == 0 &&
	             registry_flush(reading->intake->registry, now) == 0;
	registrations_done(&set);
	job->index = answer->index;
	if (answer->index > reading->highest)
		reading->highest = answer->index;
	return taken;
}

static void service_answered(struct watch_request *request, const struct agent_answer *answer)
{
	struct reading *reading = request->owner;
	struct reading_slot *slot = NULL;
	bool done = false;

	for (size_t i = 0; i < READING_AT_ONCE; i++)
		if (&reading->slots[i].request == request)
			slot = &reading->slots[i];
	if (answer->result == AGENT_BELIEVED)
		done = take(reading, slot->job, answer);
	else if (intake_is_refused(answer))
		done = intake_refused(reading->intake, slot->job->namespace, slot->job->service, answer->reason) == 0;
	if (!done && (answer->result == AGENT_DENIED || ++slot->job->tries == READING_TRIES)) {
		reading_end(reading, answer->result == AGENT_BELIEVED ? AGENT_FAILED : answer->result,
		            answer->result == AGENT_BELIEVED ? "a service reads older than the list, or is no JSON that Nomad writes"
		                                             : answer->reason);
		return;
	}
	if (!done) {
		int64_t now = reading->outside->now(reading->outside->context);
		slot->retry_at = now + (int64_t)slot->job->tries * READING_RETRY +
		                 reading->outside->random(reading->outside->context) % READING_RETRY;
		reading->wake(reading->owner);
		return;
	}
	fill_slot(reading, slot);
	if (reading->running && is_idle(reading))
		all_read(reading);
}

static void start_slot(struct reading *reading, struct reading_slot *slot)
{
	struct watch_request *request = &slot->request;

	slot->retry_at = INT64_MAX;
	request->owner = reading;
	request->limit = READING_LIMIT;
	request->done = service_answered;
	if (watch_set_path(request, "/v1/service/", slot->job->service, slot->job->namespace, NULL))
		reading->outside->start(reading->outside->context, request);
	else
		reading_end(reading, AGENT_FAILED, "a service's name is too long to ask for, or there is no memory");
}

void reading_start_services(struct reading *reading)
{
	reading->next_job = 0;
	if (reading->sampling && reading->job_count > READING_SAMPLE)
		reading->next_job = reading->outside->random(reading->outside->context) %
		                    (reading->job_count / READING_SAMPLE);
	fill_slots(reading);
	if (reading->running && is_idle(reading))
		all_read(reading);
}

void reading_tick(struct reading *reading)
{
	int64_t now = reading->outside->now(reading->outside->context);

	for (size_t i = 0; i < READING_AT_ONCE && reading->running; i++) {
		struct reading_slot *slot = &reading->slots[i];
		if (slot->job != NULL && slot->retry_at <= now)
			start_slot(reading, slot);
	}
}

int64_t reading_due(const struct reading *reading)
{
	int64_t due = INT64_MAX;

	for (size_t i = 0; i < READING_AT_ONCE && reading->running; i++)
		if (reading->slots[i].job != NULL && reading->slots[i].retry_at < due)
			due = reading->slots[i].retry_at;
	return due;
}
