/*
 * The readings of a name, asked for one after the other; see fetch.h. Called by tool/ask.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "nomad/fetch_part.h"

#include <string.h>

/*
 * The other reading of a name that may lack its namespace, where the first one has found nothing: a service of the default
 * namespace. Where the token may not see whether there is a namespace of that name, such a service answers, and none
 * proves nothing.
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
	if (second.record.verdict == VERDICT_FOUND)
		first->record = second.record;
	else if (second.record.verdict == VERDICT_UNKNOWN)
		first->record.verdict = VERDICT_UNKNOWN;
	else if (denied)
		strcpy(report->reason, reason);
	report->concerns_service |= denied;
	return 0;
}

int fetch_service(const struct config *config, const struct name *name, int64_t deadline, struct record *record,
                  struct fetch_report *report)
{
	struct fetched fetched;

	*report = (struct fetch_report){0};
	int result = fetch_reading(config, name, deadline, &fetched, report);
	bool is_nowhere = fetched.record.verdict == VERDICT_NO_NAME ||
	                  (fetched.record.verdict == VERDICT_UNKNOWN && fetched.denied);
	if (result == 0 && name->maybe_service && is_nowhere && !fetched.namespace_seen)
		result = fetch_as_service(config, name, deadline, &fetched, report);
	if (result == 0)
		*record = fetched.record;
	return result;
}
