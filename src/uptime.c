/*
 * The time since the machine's start; see uptime.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "uptime.h"

#include <time.h>

int64_t uptime_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
