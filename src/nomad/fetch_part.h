/*
 * What fetch.c (reading a service) and fetch_name.c (the readings of a name) have of each other.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_NOMAD_FETCH_PART_H
#define NSS_NOMAD_NOMAD_FETCH_PART_H

#include "nomad/fetch.h"

/* What one reading of a name gave. */
struct fetched {
	struct record record;
	bool namespace_seen; /* there is the namespace that is asked for */
	bool denied;         /* an answer was refused: what it would have said nobody can tell */
};

/*
 * Reads the service of one reading, as fetch_service() does.
 *
 * fetched  filled in whole; its record is released with record_done()
 * report   what was asked and answered is added; the rest says why the verdict is UNKNOWN
 *
 * 0 or -ENOMEM. One thread at a time.
 */
int fetch_reading(const struct config *config, const struct name *name, int64_t deadline, struct fetched *fetched,
                  struct fetch_report *report);

#endif
