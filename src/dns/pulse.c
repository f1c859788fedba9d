/*
 * The event loop's pulse; see pulse.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "pulse.h"

void pulse_beat(struct pulse *pulse, int64_t now, int64_t expires)
{
	atomic_store_explicit(&pulse->expires, expires, memory_order_relaxed);
	atomic_store_explicit(&pulse->beat, now, memory_order_release);
}

enum catalogue_state pulse_judge(const struct pulse *pulse, int64_t now, enum catalogue_state said)
{
	int64_t beat = atomic_load_explicit(&pulse->beat, memory_order_acquire);

	if (beat == 0 || now - beat < PULSE_LATE_AFTER * 1000 || said == CATALOGUE_LOADING)
		return said;
	if (now >= atomic_load_explicit(&pulse->expires, memory_order_relaxed))
		return CATALOGUE_EXPIRED;
	return said == CATALOGUE_CURRENT ? CATALOGUE_STALE : said;
}
