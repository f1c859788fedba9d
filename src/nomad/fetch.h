/*
 * One service read from Nomad: what a lookup needs when no file has the answer. Called by tool/ask.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_FETCH_H
#define NSS_NOMAD_FETCH_H

#include "config.h"
#include "record.h"

#include <stdint.h>

enum {
	FETCH_LINE_MAX = 1024, /* octets with the NUL */
	FETCH_LINES_MAX = 12, /* requests one fetch makes at the most, and what else it says */
	FETCH_SPELLINGS_MAX = 8, /* services that differ in case only, asked for at the most */
};

/* What was asked and answered, in words. */
struct fetch_report {
	size_t count;
	char lines[FETCH_LINES_MAX][FETCH_LINE_MAX];
	char reason[FETCH_LINE_MAX]; /* of the failure, with what to do; "" where there was none */
	bool concerns_service;       /* the failure is about this service or its namespace, not about the agent */
	bool is_own;                 /* it is about this process: its limits, its rights, what it may reach */
};

/*
 * Reads the service that a name asks for.
 *
 * A name that may lack its namespace (name_as_service()) is asked for in its other reading too, where the first finds nothing.
 * One request where the exact spelling exists. Otherwise the list is read too, for another spelling, and for a
 * namespace of that name. Host names among the addresses are resolved, within the same deadline; where that fails for
 * all that there is, the verdict is UNKNOWN.
 *
 * config    the agents, in order
 * name      of kind NAME_SERVICE, read by the configured reading
 * deadline  by deadline_now()
 * record    on success complete but for `made`; released with record_done(); its verdict is UNKNOWN where Nomad did
 *           not say, or what it said is not to be believed
 * report    filled in whole
 *
 * 0 or -ENOMEM. One thread at a time.
 */
int fetch_service(const struct config *config, const struct name *name, int64_t deadline, struct record *record,
                  struct fetch_report *report);

#endif
