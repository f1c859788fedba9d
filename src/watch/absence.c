/*
 * How long the event loop is away; see absence.h. Called by daemon.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watch/absence.h"

uint64_t absence_limit(size_t bucket)
{
	static const uint64_t limits[ABSENCE_BUCKETS] = {
		1000000, 2000000, 5000000, 10000000, 20000000, 50000000, 100000000, 1000000000, 5000000000, UINT64_MAX};

	return limits[bucket];
}

void absence_count(struct absences *absences, uint64_t nanoseconds)
{
	size_t bucket = 0;

	while (nanoseconds > absence_limit(bucket))
		bucket++;
	absences->buckets[bucket]++;
	absences->nanoseconds += nanoseconds;
}

/* What has passed since the last time, but for what the loop has waited. */
static void on_prepare(uv_prepare_t *prepare)
{
	struct absence *absence = prepare->data;
	uint64_t now = uv_hrtime(), slept = uv_metrics_idle_time(prepare->loop);
	uint64_t passed = now - absence->at, waited = slept - absence->slept;

	absence_count(&absence->absences, passed > waited ? passed - waited : 0);
	absence->at = now;
	absence->slept = slept;
}

void absence_init(struct absence *absence, uv_loop_t *loop)
{
	*absence = (struct absence){.at = uv_hrtime()};
	uv_loop_configure(loop, UV_METRICS_IDLE_TIME);
	uv_prepare_init(loop, &absence->prepare);
	absence->prepare.data = absence;
	uv_prepare_start(&absence->prepare, on_prepare);
	uv_unref((uv_handle_t *)&absence->prepare);
}
