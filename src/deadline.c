/*
 * Points in time; see deadline.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "deadline.h"

#include <time.h>

enum { HOUR = 3600 * 1000 }; /* milliseconds */

int64_t deadline_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int deadline_left(int64_t deadline)
{
	int64_t left = deadline - deadline_now();

	if (left <= 0)
		return 0;
	return left < HOUR ? (int)left : HOUR;
}
