/*
 * Tests of src/wall.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "support.h"
#include "wall.h"

#include <sys/stat.h>
#include <time.h>

enum {
	HOUR = 3600,          /* seconds */
	SLOWLY = 60 * 1000,   /* milliseconds: far more than these tests take */
};

START_TEST(now_is_what_time_says_in_milliseconds)
{
	int64_t before = time(NULL) - 1, now = wall_now(); /* time() may be a tick late */

	ck_assert_int_ge(now / 1000, before);
	ck_assert_int_le(now / 1000, before + SLOWLY / 1000);
}
END_TEST

static const struct {
	int64_t ago, nanoseconds; /* when the file was changed: seconds before now, and a part of that second */
	int64_t least, most;      /* its age */
} ages[] = {
	{0, 0, 0, SLOWLY},
	{1, 999999999, 0, SLOWLY},
	{HOUR, 0, HOUR * 1000, HOUR * 1000 + SLOWLY},
	{HOUR, 999999999, HOUR * 1000 - 1000, HOUR * 1000 + SLOWLY},
	{-HOUR, 0, -1, -1},
};

START_TEST(a_file_is_as_old_as_its_last_change)
{
	struct stat status = {0};

	status.st_mtim.tv_sec = wall_now() / 1000 - ages[_i].ago;
	status.st_mtim.tv_nsec = (long)ages[_i].nanoseconds;
	int64_t age = wall_age(&status);
	ck_assert_int_ge(age, ages[_i].least);
	ck_assert_int_le(age, ages[_i].most);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{now_is_what_time_says_in_milliseconds, 1},
		{a_file_is_as_old_as_its_last_change, sizeof ages / sizeof *ages},
	};

	return support_run("wall", tests, sizeof tests / sizeof *tests);
}
