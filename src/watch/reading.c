/*
 * Reading everything, first part: the lists; see reading.h. The second is reading_services.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "reading.h"

#include "reading_part.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

static void ask_for_list(struct reading *reading);

void reading_init(struct reading *reading, struct intake *intake, const struct outside *outside)
{
	*reading = (struct reading){.intake = intake, .outside = outside, .kept_since = INT64_MAX};
}

static void forget_lists(struct reading *reading)
{
	for (size_t i = 0; i < reading->list_count; i++)
		service_list_done(&reading->lists[i]);
	free(reading->lists);
	reading->lists = NULL;
	reading->list_count = 0;
}

void reading_forget(struct reading *reading)
{
	free(reading->jobs);
	reading->jobs = NULL;
	reading->job_count = reading->next_job = 0;
	forget_lists(reading);
	free(reading->missing.keys);
	reading->missing = (struct reading_missing){0};
	free(reading->vanished.names);
	reading->vanished = (struct reading_names){0};
}

void reading_cancel(struct reading *reading)
{
	const struct outside *outside = reading->outside;

	if (reading->running) {
		outside->cancel(outside->context, &reading->list);
		reading_cancel_slots(reading);
	}
	reading->running = false;
	reading_forget(reading);
}

void reading_done(struct reading *reading)
{
	reading_cancel(reading);
	free(reading->kept.names);
	reading->kept = (struct reading_names){0};
}

void reading_end(struct reading *reading, enum agent_result result, const char *reason)
{
	char copy[AGENT_REASON_MAX];

	snprintf(copy, sizeof copy, "%s", reason);
	if (result == AGENT_BELIEVED) {
		reading->running = false;
		reading->kept_since = INT64_MAX;
	} else {
		reading_cancel(reading);
	}
	reading->done(reading->owner, result, copy);
}

/* There is no memory, or the list is none. */
static void end_badly(struct reading *reading, int error)
{
	if (error == -ENOMEM)
		reading_end(reading, AGENT_NO_MEMORY, "out of memory");
	else
		reading_end(reading, AGENT_NOT_NOMAD, "the list of services is no JSON that Nomad writes");
}

static const char *followed(const struct reading *reading, size_t number)
{
	const struct words *namespaces = &reading->intake->config->namespaces;

	return namespaces->count == 0 ? "*" : namespaces->words[number];
}

static size_t followed_count(const struct reading *reading)
{
	size_t count = reading->intake->config->namespaces.count;

	return count == 0 ? 1 : count;
}

static bool follows_all(const struct reading *reading)
{
	return strcmp(followed(reading, 0), "*") == 0;
}

void reading_start(struct reading *reading, uint64_t known, bool complete)
{
	reading_cancel(reading);
	reading->running = true;
	reading->known = known;
	reading->complete = complete;
	reading->confirming = reading->sampling = false;
	reading->changes = registry_changes(reading->intake->registry);
	reading->asked = 0;
	reading->index = UINT64_MAX;
	reading->highest = 0;
	ask_for_list(reading);
}

static void start_list(struct reading *reading, const char *namespace, const char *extra,
                       void (*done)(struct watch_request *request, const struct agent_answer *answer))
{
	struct watch_request *request = &reading->list;

	request->owner = reading;
	request->limit = READING_LIST_LIMIT;
	request->done = done;
	if (watch_set_path(request, "/v1/services", NULL, namespace, extra))
		reading->outside->start(reading->outside->context, request);
	else
		reading_end(reading, AGENT_FAILED, "a namespace's name is too long to ask for, or there is no memory");
}

static int by_name(const void *left, const void *right)
{
	const struct reading_job *a = left, *b = right;
	int order = strcmp(a->namespace, b->namespace);

	return order != 0 ? order : strcmp(a->service, b->service);
}

struct reading_job *reading_find_job(const struct reading *reading, const char *namespace, const char *service)
{
	struct reading_job wanted = {.namespace = namespace, .service = service};

	if (reading->job_count == 0)
		return NULL;
	return bsearch(&wanted, reading->jobs, reading->job_count, sizeof wanted, by_name);
}

uint64_t reading_floor(const struct reading *reading, const char *namespace, const char *service)
{
	const struct reading_job *job = reading_find_job(reading, namespace, service);

	if (reading->list_count == 0)
		return 0;
	return job == NULL || job->index == 0 ? reading->index : job->index;
}

/* What of the lists is to be read, sorted; -ENOMEM. */
static int make_jobs(struct reading *reading)
{
	size_t most = 0;

	for (size_t i = 0; i < reading->list_count; i++)
		most += reading->lists[i].count;
	free(reading->jobs);
	reading->job_count = 0;
	reading->jobs = calloc(most + 1, sizeof *reading->jobs);
	if (reading->jobs == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < reading->list_count; i++)
		for (size_t j = 0; j < reading->lists[i].count; j++) {
			const struct listed_service *listed = &reading->lists[i].items[j];
			if (intake_takes(reading->intake, listed->namespace, listed->service))
				reading->jobs[reading->job_count++] =
					(struct reading_job){.namespace = listed->namespace, .service = listed->service};
		}
	qsort(reading->jobs, reading->job_count, sizeof *reading->jobs, by_name);
	return 0;
}

struct missing_search {
	struct reading *reading;
	size_t room;
	size_t spellings;
	int result;
};

static void note_if_missing(void *context, const struct spelling *spelling)
{
	struct missing_search *search = context;
	struct reading_missing *missing = &search->reading->missing;

	search->spellings++;
	if (reading_find_job(search->reading, spelling->namespace, spelling->service) != NULL)
		return;
	if (missing->count == search->room) {
		size_t room = search->room == 0 ? 16 : search->room * 2;
		struct service_key *keys = realloc(missing->keys, room * sizeof *keys);
		if (keys == NULL) {
			search->result = -ENOMEM;
			return;
		}
		missing->keys = keys;
		search->room = room;
	}
	struct service_key *key = &missing->keys[missing->count++];
	snprintf(key->namespace, sizeof key->namespace, "%s", spelling->namespace);
	snprintf(key->service, sizeof key->service, "%s", spelling->service);
}

/* Compares the lists with the catalogue; whether both have the same services goes to `same`. */
static int find_missing(struct reading *reading, bool *same)
{
	struct missing_search search = {.reading = reading};

	free(reading->missing.keys);
	reading->missing = (struct reading_missing){0};
	registry_each_spelling(reading->intake->registry, note_if_missing, &search);
	*same = search.result == 0 && reading->missing.count == 0 && search.spellings == reading->job_count;
	return search.result;
}

/* What is to be read, and what is gone; whether the lists and the catalogue have the same services goes to `same`. */
static int compare_lists(struct reading *reading, bool *same)
{
	int result = make_jobs(reading);

	return result < 0 ? result : find_missing(reading, same);
}

static bool is_listed(const struct reading *reading, const char *namespace)
{
	for (size_t i = 0; i < reading->list_count; i++)
		for (size_t j = 0; j < reading->lists[i].count; j++)
			if (strcmp(reading->lists[i].items[j].namespace, namespace) == 0)
				return true;
	return false;
}

/* Namespaces that we have services of, and the list of all has none of. */
static int find_vanished(struct reading *reading)
{
	if (!follows_all(reading))
		return 0;
	for (size_t i = 0; i < reading->missing.count; i++) {
		const char *namespace = reading->missing.keys[i].namespace;
		if (reading_has_name(&reading->vanished, namespace) || is_listed(reading, namespace))
			continue;
		if (reading_add_name(&reading->vanished, namespace) < 0)
			return -ENOMEM;
	}
	for (size_t i = 0; i < reading->list_count; i++)
		for (size_t j = 0; j < reading->lists[i].count && reading->kept.count > 0; j++)
			reading_stop_keeping(reading, reading->lists[i].items[j].namespace);
	return 0;
}

static int take_list(struct reading *reading, const struct agent_answer *answer)
{
	struct service_list *lists = realloc(reading->lists, (reading->list_count + 1) * sizeof *lists);
	int result;

	if (lists == NULL)
		return -ENOMEM;
	reading->lists = lists;
	result = service_list_parse(answer->body, answer->size, &lists[reading->list_count]);
	/* Of a list that is understood in part alone, any service may be in the rest: it is none. */
	if (result == 0 && lists[reading->list_count].skipped > 0) {
		service_list_done(&lists[reading->list_count]);
		result = -EBADMSG;
	}
	if (result < 0)
		return result;
	reading->list_count++;
	if (answer->index < reading->index)
		reading->index = answer->index;
	if (answer->index > reading->highest)
		reading->highest = answer->index;
	return 0;
}

static void ask_for_vanished(struct reading *reading);

/* Denied: it stays as it is. Empty: gone. Else it was empty for a moment, or the list of all does not show it: it is read. */
static void vanished_answered(struct watch_request *request, const struct agent_answer *answer)
{
	struct reading *reading = request->owner;
	const char *namespace = reading->vanished.names[reading->asked].name;
	int result;

	if (answer->result != AGENT_BELIEVED && answer->result != AGENT_DENIED) {
		reading_end(reading, answer->result, answer->reason);
		return;
	}
	if (answer->result == AGENT_DENIED) {
		result = reading_keep(reading, namespace);
	} else {
		reading_stop_keeping(reading, namespace);
		result = take_list(reading, answer);
	}
	if (result < 0) {
		end_badly(reading, result);
		return;
	}
	reading->asked++;
	ask_for_vanished(reading);
}

static void ask_for_vanished(struct reading *reading)
{
	bool same;

	if (reading->asked < reading->vanished.count)
		start_list(reading, reading->vanished.names[reading->asked].name, NULL, vanished_answered);
	else if (reading->vanished.count > 0 && compare_lists(reading, &same) < 0)
		end_badly(reading, -ENOMEM);
	else
		reading_start_services(reading);
}

/* All lists are there: believes them, or asks again. */
static void lists_answered(struct reading *reading)
{
	const struct outside *outside = reading->outside;
	char text[AGENT_REASON_MAX];
	bool same;

	if (compare_lists(reading, &same) < 0) {
		end_badly(reading, -ENOMEM);
		return;
	}
	if (!reading->confirming && (reading->index < reading->known || reading->missing.count > 0)) {
		reading->confirming = true;
		reading->asked = 0;
		ask_for_list(reading);
		return;
	}
	if (reading->index < reading->known) {
		snprintf(text, sizeof text,
		         "Nomad's index went back from %" PRIu64 " to %" PRIu64
		         ": the cluster was restored or rebuilt; everything is read again",
		         reading->known, reading->index);
		outside->say(outside->context, LOG_WARNING, text);
	}
	reading->asked = 0;
	if (find_vanished(reading) < 0) {
		end_badly(reading, -ENOMEM);
		return;
	}
	reading->sampling = reading->complete && same && reading->index == reading->known;
	ask_for_vanished(reading);
}

static void list_answered(struct watch_request *request, const struct agent_answer *answer)
{
	struct reading *reading = request->owner;
	const char *namespace = followed(reading, reading->asked);
	int result = 0;

	/* One namespace of several that is denied is kept; all of them, or the only one, is no catalogue at all. */
	bool last = reading->asked + 1 == followed_count(reading);
	if (answer->result == AGENT_BELIEVED)
		result = take_list(reading, answer);
	bool kept = answer->result == AGENT_DENIED && !(last && reading->list_count == 0);
	if (answer->result != AGENT_BELIEVED && !kept) {
		reading_end(reading, answer->result, answer->reason);
		return;
	}
	if (kept)
		result = reading_keep(reading, namespace);
	else
		reading_stop_keeping(reading, namespace);
	if (result < 0) {
		end_badly(reading, result);
		return;
	}
	reading->asked++;
	if (last)
		lists_answered(reading);
	else
		ask_for_list(reading);
}

static void ask_for_list(struct reading *reading)
{
	char extra[64];

	if (reading->asked == 0) {
		forget_lists(reading);
		reading->index = UINT64_MAX;
	}
	/* A server that only lags behind answers once it has caught up, any other one when the wait is over. */
	snprintf(extra, sizeof extra, "index=%" PRIu64 "&wait=%dms", reading->known > 1 ? reading->known - 1 : 1,
	         READING_CONFIRM_WAIT);
	start_list(reading, followed(reading, reading->asked), reading->confirming ? extra : NULL, list_answered);
}
