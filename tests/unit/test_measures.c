/*
 * Tests of src/measures.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "measures.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

static const uint64_t results[AGENT_RESULTS] = {[AGENT_BELIEVED] = 11, [AGENT_TIMED_OUT] = 12};

static char *written(const struct measures *measures)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	measures_write(out, measures);
	ck_assert_int_eq(fclose(out), 0);
	return text;
}

static const struct {
	const char *line;
} wanted[] = {
	{"nomad_dns_queries_total{type=\"SRV\"} 5"},
	{"nomad_dns_queries_total{type=\"other\"} 0"},
	{"nomad_dns_responses_total{rcode=\"NXDOMAIN\"} 18446744073709551615"},
	{"nomad_dns_tcp_connections 3"},
	{"nomad_dns_catalogue_services 1000000"},
	{"nomad_dns_catalogue_index 4294967297"},
	{"nomad_dns_catalogue_age_seconds 1.5"},
	{"nomad_dns_catalogue_stale 1"},
	{"nomad_dns_ready 0"},
	{"nomad_dns_build_info{version=\"1.2.3\"} 1"},
	{"nomad_dns_reconnects_total 6"},
	{"nomad_dns_resyncs_total 8"},
	{"nomad_dns_missed_events_total 9"},
	{"nomad_dns_skipped_records_total 10"},
	{"nomad_dns_publishes_total 4"},
	{"nomad_dns_nomad_requests_total{result=\"believed\"} 11"},
	{"nomad_dns_nomad_requests_total{result=\"timed_out\"} 12"},
	{"nomad_dns_latency_seconds_bucket{le=\"5e-06\"} 1"},
	{"nomad_dns_latency_seconds_bucket{le=\"1e-05\"} 3"},
	{"nomad_dns_latency_seconds_bucket{le=\"0.1\"} 3"},
	{"nomad_dns_latency_seconds_bucket{le=\"+Inf\"} 7"},
	{"nomad_dns_latency_seconds_count 7"},
	{"nomad_dns_latency_seconds_sum 2.500000000"},
	{"nomad_dns_loop_seconds_bucket{le=\"0.001\"} 2"},
	{"nomad_dns_loop_seconds_bucket{le=\"0.02\"} 2"},
	{"nomad_dns_loop_seconds_bucket{le=\"0.05\"} 3"},
	{"nomad_dns_loop_seconds_bucket{le=\"+Inf\"} 4"},
	{"nomad_dns_loop_seconds_count 4"},
	{"nomad_dns_loop_seconds_sum 90.022500000"},
};

START_TEST(each_figure_has_its_line)
{
	struct absences absences = {.nanoseconds = 0};
	static const uint64_t lengths[] = {1000000, 500000, 21000000, 90000000000};
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
		absence_count(&absences, lengths[i]);
	struct measures measures = {
		.dns.types[COUNTER_SRV] = 5,
		.dns.rcodes[DNS_NXDOMAIN] = UINT64_MAX,
		.dns.buckets = {[0] = 1, [1] = 2, [COUNTER_BUCKETS - 1] = 4},
		.dns.nanoseconds = 2500000000,
		.connections = 3,
		.absences = absences,
		.services = 1000000,
		.index = 4294967297,
		.age = 1500,
		.stale = true,
		.counts = {[WATCH_CONNECTED] = 7, [WATCH_READ_ALL] = 8, [WATCH_MISSED] = 9, [WATCH_SKIPPED] = 10},
		.publishes = 4,
		.results = results,
		.version = "1.2.3",
	};
	char *text = written(&measures), line[128];

	snprintf(line, sizeof line, "\n%s\n", wanted[_i].line);
	ck_assert_msg(strstr(text, line) != NULL, "%s is not in\n%s", wanted[_i].line, text);
	free(text);
}
END_TEST

START_TEST(age_of_a_catalogue_that_never_was_is_left_out)
{
	struct measures measures = {.age = -1, .results = results, .version = ""};
	char *text = written(&measures);

	ck_assert_ptr_null(strstr(text, "age_seconds"));
	ck_assert_ptr_nonnull(strstr(text, "\nnomad_dns_reconnects_total 0\n"));
	free(text);
}
END_TEST

START_TEST(time_falls_into_one_bucket)
{
	struct dns_counters counters = {0};
	struct dns_totals totals = {0};
	uint64_t all = 0;

	counters_count_time(&counters, counters_clock(), 3);
	counters_count_time(&counters, counters_clock() - 200000000, 2);
	counters_add(&counters, &totals);
	for (size_t i = 0; i < COUNTER_BUCKETS; i++)
		all += totals.buckets[i];
	ck_assert_uint_eq(all, 5);
	ck_assert_uint_eq(totals.buckets[COUNTER_BUCKETS - 1], 2);
	ck_assert_uint_ge(totals.nanoseconds, 2 * 200000000);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{each_figure_has_its_line, sizeof wanted / sizeof *wanted},
		{age_of_a_catalogue_that_never_was_is_left_out, 1},
		{time_falls_into_one_bucket, 1},
	};

	return support_run("measures", tests, sizeof tests / sizeof *tests);
}
