/*
 * The readings of a name, asked for one after the other; see fetch.h. Called by tool/ask.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "nomad/fetch_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether the service of the other reading has nothing that the name asks for. */
static bool selects_none(const struct record *record, const struct name *name)
{
	struct address *addresses = NULL;
	uint8_t unresolved;
	size_t count;

	enum verdict verdict = service_addresses(record->service, name, &addresses, &count, &unresolved);
	free(addresses);
	return verdict == VERDICT_NO_NAME;
}

/* Takes what the other reading gave; `denied`: whether the first one holds, nobody can tell. */
static void take_other(struct record *first, struct record *other, const struct name *name, bool denied)
{
	if (other->verdict == VERDICT_NO_NAME)
		return;
	if (other->verdict == VERDICT_FOUND && !(denied && selects_none(other, name))) {
		*first = *other;
		return;
	}
	/* Not known; or it is a namespace's name by now, or has no such instance. */
	first->verdict = VERDICT_UNKNOWN;
	record_done(other);
}

/*
 * The other reading of a name that may lack its namespace, where the first one has found nothing: a service of the default
 * namespace. Where the token may not see whether there is a namespace of that name, such a service answers with what it
 * has, and what it has not proves nothing.
 */
static int fetch_as_service(const struct config *config, const struct name *name, int64_t deadline, struct fetched *first,
                            struct fetch_report *report)
{
	bool denied = first->record.verdict == VERDICT_UNKNOWN;
	char reason[FETCH_LINE_MAX];
	struct fetched second;
	struct name other;

	name_as_service(name, &other);
	strcpy(reason, report->reason);
	report->reason[0] = '\0';
	report->concerns_service = false;
	int result = fetch_reading(config, &other, deadline, &second, report);
	if (result < 0)
		return result;
	take_other(&first->record, &second.record, &other, denied);
	if (denied && first->record.verdict == VERDICT_UNKNOWN && report->reason[0] == '\0')
		strcpy(report->reason, reason);
	report->concerns_service |= denied;
	return 0;
}

/* NOMAD_NAMESPACE does not say where the other reading's service would be: then nobody can tell. */
static void give_up_other(struct fetched *first, struct fetch_report *report)
{
	first->record.verdict = VERDICT_UNKNOWN;
	report->is_own = true;
	snprintf(report->reason, sizeof report->reason,
	         "it may be a service of the default namespace: which one that is, NOMAD_NAMESPACE does not say");
}

int fetch_service(const struct config *config, const struct name *name, int64_t deadline, struct record *record,
                  struct fetch_report *report)
{
	struct fetched fetched;

	*report = (struct fetch_report){0};
	int result = fetch_reading(config, name, deadline, &fetched, report);
	bool is_nowhere = fetched.record.verdict == VERDICT_NO_NAME ||
	                  (fetched.record.verdict == VERDICT_UNKNOWN && fetched.denied);
	if (result == 0 && name->maybe_service && is_nowhere && !fetched.namespace_seen) {
		if (name->elsewhere_unknown)
			give_up_other(&fetched, report);
		else
			result = fetch_as_service(config, name, deadline, &fetched, report);
	}
	if (result == 0)
		*record = fetched.record;
	return result;
}
