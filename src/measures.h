/*
 * What the daemon counts and measures, in Prometheus' text format. Filled in by watch/daemon.c, served by metrics.c.
 *
 * Format: https://prometheus.io/docs/instrumenting/exposition_formats/ (version 0.0.4). No label's value comes from a
 * query: types, rcodes and results are all from lists of ours.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_MEASURES_H
#define NSS_NOMAD_MEASURES_H

#include "dns/counters.h"
#include "nomad/agent.h"
#include "watch/absence.h"
#include "watch/outside.h"

#include <stdio.h>

struct measures {
	struct dns_totals dns;
	size_t connections; /* over TCP, now */
	struct absences absences; /* of the event loop */
	size_t services, instances;
	uint64_t index;
	int64_t age;        /* milliseconds since the catalogue was certainly Nomad's; -1: it never was */
	bool stale;         /* Nomad cannot be reached */
	bool ready;         /* the catalogue may be believed */
	int64_t started_at; /* milliseconds since 1970 */
	uint64_t counts[WATCH_COUNTS];
	uint64_t publishes; /* services written or removed */
	uint64_t unsaid;    /* lines of the log that standard error did not take */
	const uint64_t *results; /* AGENT_RESULTS, of requests to Nomad */
	const char *version;
};

/* Writes all of it. */
void measures_write(FILE *out, const struct measures *measures);

#endif
