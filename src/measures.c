/*
 * Prometheus' text of what is measured; see measures.h. Called by watch/daemon.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "measures.h"

#include <inttypes.h>
#include <string.h>

#define PREFIX "nomad_dns_"

enum { LABEL_MAX = 32 }; /* octets with the NUL */

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name, type);
}

static void counter(FILE *out, const char *name, const char *help, uint64_t value)
{
	head(out, name, "counter", help);
	fprintf(out, PREFIX "%s %" PRIu64 "\n", name, value);
}

static void gauge(FILE *out, const char *name, const char *help, double value)
{
	head(out, name, "gauge", help);
	fprintf(out, PREFIX "%s %.15g\n", name, value);
}

static void labelled(FILE *out, const char *name, const char *label, const char *value, uint64_t count)
{
	fprintf(out, PREFIX "%s{%s=\"%s\"} %" PRIu64 "\n", name, label, value, count);
}

static void write_queries(FILE *out, const struct dns_totals *dns)
{
	head(out, "queries_total", "counter", "DNS messages that came in, by the type that was asked for.");
	for (int type = 0; type < COUNTER_TYPES; type++)
		labelled(out, "queries_total", "type", counter_type_name((enum counter_type)type), dns->types[type]);
	head(out, "responses_total", "counter", "DNS answers, by rcode.");
	for (unsigned code = 0; code < COUNTER_RCODES; code++)
		if (counter_rcode_name(code) != NULL)
			labelled(out, "responses_total", "rcode", counter_rcode_name(code), dns->rcodes[code]);
	counter(out, "dropped_total", "DNS messages that are never answered.", dns->dropped);
	counter(out, "rate_limited_total", "DNS answers held back or cut by the rate limit.", dns->limited);
	counter(out, "truncated_total", "DNS answers with TC set for want of room.", dns->truncated);
	counter(out, "tcp_queries_total", "DNS messages that came over TCP.", dns->streams);
}

/* Those of lengths of time. `limit` gives the longest of each bucket, in nanoseconds. They are cumulative there. */
static void histogram(FILE *out, const char *name, const char *help, const uint64_t *buckets, uint64_t (*limit)(size_t bucket),
                      uint64_t nanoseconds)
{
	uint64_t sum = 0;
	size_t i = 0;

	head(out, name, "histogram", help);
	for (; limit(i) != UINT64_MAX; i++) {
		sum += buckets[i];
		fprintf(out, PREFIX "%s_bucket{le=\"%.15g\"} %" PRIu64 "\n", name, (double)limit(i) / 1e9, sum);
	}
	sum += buckets[i];
	fprintf(out, PREFIX "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, sum);
	fprintf(out, PREFIX "%s_sum %.9f\n" PREFIX "%s_count %" PRIu64 "\n", name, (double)nanoseconds / 1e9, name, sum);
}

static void write_times(FILE *out, const struct measures *measures)
{
	histogram(out, "latency_seconds", "Time from taking a DNS message in to having sent its answer.", measures->dns.buckets,
	          counter_bucket_limit, measures->dns.nanoseconds);
	histogram(out, "loop_seconds", "Time for which the event loop was away from waiting, each time.",
	          measures->absences.buckets, absence_limit, measures->absences.nanoseconds);
}

static void write_catalogue(FILE *out, const struct measures *measures)
{
	gauge(out, "tcp_connections", "TCP connections of DNS clients now.", (double)measures->connections);
	gauge(out, "catalogue_services", "Services in the catalogue.", (double)measures->services);
	gauge(out, "catalogue_instances", "Instances in the catalogue.", (double)measures->instances);
	gauge(out, "catalogue_index", "Nomad's index of the catalogue.", (double)measures->index);
	if (measures->age >= 0)
		gauge(out, "catalogue_age_seconds", "Time since the catalogue was certainly Nomad's.",
		      (double)measures->age / 1000);
	gauge(out, "catalogue_stale", "1 while Nomad cannot be followed, otherwise 0.", measures->stale);
	gauge(out, "ready", "1 while the catalogue may be believed, otherwise 0.", measures->ready);
	gauge(out, "start_time_seconds", "When the daemon was started, since 1970.", (double)measures->started_at / 1000);
	head(out, "build_info", "gauge", "Always 1; the version is in the label.");
	labelled(out, "build_info", "version", measures->version, 1);
}

static void write_following(FILE *out, const struct measures *measures)
{
	const uint64_t *counts = measures->counts;
	uint64_t connected = counts[WATCH_CONNECTED];
	char label[LABEL_MAX];

	counter(out, "reconnects_total", "Times the event stream was begun anew.", connected > 0 ? connected - 1 : 0);
	counter(out, "resyncs_total", "Times the whole catalogue was read.", counts[WATCH_READ_ALL]);
	counter(out, "missed_events_total", "Changes that were found and that no event had told of.", counts[WATCH_MISSED]);
	counter(out, "skipped_records_total", "Registrations left out, each time they came.", counts[WATCH_SKIPPED]);
	counter(out, "log_dropped_total", "Lines of the log that standard error did not take.", measures->unsaid);
	counter(out, "publishes_total", "Services written to files or removed from them.", measures->publishes);
	head(out, "nomad_requests_total", "counter", "Requests to Nomad that have ended, by what became of them.");
	for (int result = 0; result < AGENT_RESULTS; result++) {
		snprintf(label, sizeof label, "%s", agent_result_text((enum agent_result)result));
		for (char *blank = label; (blank = strchr(blank, ' ')) != NULL;)
			*blank = '_';
		labelled(out, "nomad_requests_total", "result", label, measures->results[result]);
	}
}

void measures_write(FILE *out, const struct measures *measures)
{
	write_queries(out, &measures->dns);
	write_times(out, measures);
	write_catalogue(out, measures);
	write_following(out, measures);
}
