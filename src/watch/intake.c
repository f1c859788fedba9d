/*
 * Between Nomad's words and the registry; see intake.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "intake.h"

#include "noun.h"
#include "place.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

static uint64_t hash_text(const char *text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (; *text != '\0'; text++)
		hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
	return hash;
}

/* Says a text unless it was said before. */
static void note(struct intake *intake, const char *text)
{
	uint64_t hash = hash_text(text);

	for (size_t i = 0; i < intake->notes; i++)
		if (intake->said[i] == hash)
			return;
	if (intake->notes == INTAKE_NOTES)
		return;
	intake->said[intake->notes++] = hash;
	intake->outside->say(intake->outside->context, LOG_WARNING, text);
}

bool intake_follows(const struct intake *intake, const char *namespace)
{
	const struct words *namespaces = &intake->config->namespaces;

	for (size_t i = 0; i < namespaces->count; i++)
		if (strcmp(namespaces->words[i], "*") == 0 || strcmp(namespaces->words[i], namespace) == 0)
			return true;
	return namespaces->count == 0;
}

bool intake_takes(struct intake *intake, const char *namespace, const char *service)
{
	char text[AGENT_REASON_MAX];

	if (!intake_follows(intake, namespace))
		return false;
	bool shadowed = intake->config->reading == NAME_SERVICE_LABEL && text_same(namespace, PLACE_SERVICE_LABEL);
	if (name_is_label(namespace) && name_is_label(service) && !shadowed)
		return true;
	snprintf(text, sizeof text, "service \"%.128s\" in namespace \"%.128s\" is left out: %s", service, namespace,
	         shadowed ? "\"service\" is not a namespace in a name; set service-label = no to have it"
	         : name_is_label(namespace) ? "its name cannot be a label (letters, digits, - and _, at most 63)"
	                                    : "the name of its namespace cannot be a label (letters, digits and -, at most 63)");
	note(intake, text);
	return false;
}

/* Instances of one service that have no address: how many, and the first one. */
struct left_out {
	size_t count;
	const struct registration *first;
	const char *reason;
};

static void leave_out(struct intake *intake, const struct registration *registration, const char *reason,
                      struct left_out *left_out)
{
	watch_count(intake->outside, WATCH_SKIPPED);
	if (left_out->count++ > 0)
		return;
	left_out->first = registration;
	left_out->reason = reason;
}

static void note_left_out(struct intake *intake, const struct left_out *left_out)
{
	const struct registration *first = left_out->first;
	char text[AGENT_REASON_MAX], count[32] = "an instance";

	if (left_out->count == 0)
		return;
	if (left_out->count > 1)
		snprintf(count, sizeof count, "%zu instances", left_out->count);
	snprintf(text, sizeof text, "%s of service \"%.63s\" in namespace \"%.63s\" %s left out: %s address %.200s (%.100s)", count,
	         first->service, first->namespace, left_out->count == 1 ? "is" : "are",
	         left_out->count == 1 ? "its" : "the first one's", left_out->reason, first->id);
	note(intake, text);
}

static void note_skipped(struct intake *intake, const char *namespace, const char *service, size_t count)
{
	char text[AGENT_REASON_MAX];

	snprintf(text, sizeof text,
	         "of service \"%.63s\" in namespace \"%.63s\" Nomad gave %zu %s not a registration of it: it may have more "
	         "instances than the others", service, namespace, count, noun(count, "element that is", "elements each of which is"));
	note(intake, text);
}

int intake_event(struct intake *intake, const struct event *event)
{
	const struct registration *from = &event->registration;
	struct registered registered = {from->namespace, from->service, {0}};
	struct left_out left_out = {0};
	struct address address;
	const char *reason;

	if (!intake_takes(intake, from->namespace, from->service))
		return 0;
	if (event->type == EVENT_OTHER)
		return registry_doubt(intake->registry, from->namespace, from->service);
	if (event->type == EVENT_UPSERT) {
		/* One without a place counts, too: a service that has no other exists, and has no address. */
		if (!registration_instance(from, &address, &registered.instance, &reason))
			leave_out(intake, from, reason, &left_out);
		note_left_out(intake, &left_out);
		return registry_add(intake->registry, &registered, event->index);
	}
	return registry_remove(intake->registry, from->namespace, from->service, from->id, event->index);
}

bool intake_is_refused(const struct agent_answer *answer)
{
	return answer->result == AGENT_TOO_LARGE || answer->status == 400 || answer->status == 405;
}

int intake_refused(struct intake *intake, const char *namespace, const char *service, const char *why)
{
	char text[AGENT_REASON_MAX];

	snprintf(text, sizeof text, "service \"%.63s\" in namespace \"%.63s\" cannot be read, and stays as it is: %.250s",
	         service, namespace, why);
	note(intake, text);
	return registry_doubt(intake->registry, namespace, service);
}

int intake_read(struct intake *intake, const char *namespace, const char *service, struct registrations *set)
{
	struct registered *all = calloc(set->count + 1, sizeof *all);
	struct address *addresses = calloc(set->count + 1, sizeof *addresses);
	struct left_out left_out = {0};
	size_t count = 0;
	int result = -ENOMEM;

	if (all == NULL || addresses == NULL)
		goto done;
	registrations_keep(set, namespace, service);
	/* An empty list says that there is no such service; one with nothing but junk in it says nothing. */
	if (set->count == 0 && set->skipped > 0) {
		result = intake_refused(intake, namespace, service, "its registrations are none that Nomad writes");
		goto done;
	}
	for (size_t i = 0; i < set->count; i++) {
		const struct registration *from = &set->items[i];
		struct registered *to = &all[count];
		const char *reason;
		if (!registration_instance(from, &addresses[count], &to->instance, &reason))
			leave_out(intake, from, reason, &left_out);
		to->namespace = namespace;
		to->service = service;
		to->instance.modified = from->modify_index;
		count++;
	}
	note_left_out(intake, &left_out);
	if (set->skipped > 0)
		note_skipped(intake, namespace, service, set->skipped);
	result = registry_replace(intake->registry, namespace, service, all, count, set->skipped > 0);
done:
	free(all);
	free(addresses);
	return result;
}
