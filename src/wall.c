/*
 * Points in time by the clock on the wall; see wall.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "wall.h"

#include <sys/stat.h>
#include <time.h>

static int64_t milliseconds(const struct timespec *time)
{
	return (int64_t)time->tv_sec * 1000 + time->tv_nsec / 1000000;
}

int64_t wall_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return milliseconds(&now);
}

int64_t wall_since_boot(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return milliseconds(&now);
}

int64_t wall_age(const struct stat *status)
{
	int64_t age = wall_now() - milliseconds(&status->st_mtim);

	return age < 0 ? -1 : age;
}
