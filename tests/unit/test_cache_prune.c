/*
 * Tests of src/cache_prune.c: what leaves the user's cache, and what stays in it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cache_write.h"
#include "lock.h"
#include "support.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MINUTE = 60, HOUR = 3600 };

static char own[SUPPORT_PATH_MAX]; /* the user's folder */
static struct cache cache;

static const char *at(const char *name)
{
	static char path[SUPPORT_PATH_MAX];

	char other[SUPPORT_PATH_MAX];

	/* another network's folder begins as ours does */
	if (strncmp(name, "../", 3) == 0 && geteuid() != 0) {
		snprintf(other, sizeof other, "../%ju.%s", (uintmax_t)geteuid(), name + 3);
		name = other;
	}
	support_path(own, name, path);
	return path;
}

/* Sets when a file's time is over, in seconds from now. */
static void set_time(const char *path, int64_t from_now)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL) + from_now}};

	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void set_up(void)
{
	char dir[SUPPORT_PATH_MAX];

	support_caches(dir, own);
	cache_init(&cache, dir, NULL, "", &(struct origin){0});
	ck_assert_int_eq(cache_open(&cache), 0);
	support_write(at("default/here"), "", 0);
	set_time(at("default/here"), 24 * HOUR);
}

static void make(const char *name, int64_t from_now)
{
	support_write(at(name), "x", 1);
	set_time(at(name), from_now);
}

static bool is_there(const char *name)
{
	struct stat status;

	return lstat(at(name), &status) == 0;
}

static const struct {
	const char *name;
	int64_t from_now; /* seconds */
	bool stays;
} files[] = {
	{"default/web", HOUR, true},
	{"default/web", -HOUR, false},
	{"../1@0123456789abcdef/default/web", HOUR, true},
	{"../1@0123456789abcdef/default/web", -HOUR, false},
	{"default/web.lock", -MINUTE / 2, true},
	{"default/web.lock", -HOUR, false},
	{"default/web.failed", -MINUTE / 2, true},
	{"default/web.failed", -HOUR, false},
	{".00000000deadbeef.failed", -HOUR, false},
	{".00000000deadbeef-0.lock", -HOUR, false},
	{".0123456789abcdef.tmp", -MINUTE / 2, true},
	{".0123456789abcdef.tmp", -HOUR, false},
	{".somebody-elses", -HOUR, true},
};

START_TEST(what_has_served_its_time_goes)
{
	set_up();
	make(files[_i].name, files[_i].from_now);
	cache_prune(&cache);
	ck_assert_int_eq(is_there(files[_i].name), files[_i].stays);
}
END_TEST

START_TEST(of_too_many_records_those_go_that_end_first)
{
	enum { EXCESS = 3 }; /* and the one that is there */
	char name[32];

	set_up();
	for (int i = 0; i < CACHE_RECORDS_MAX + EXCESS; i++) {
		snprintf(name, sizeof name, "%s/s%d", i % 2 ? "default" : "prod", i);
		make(name, HOUR + i);
	}
	make("default/web.lock", 0);
	cache_prune(&cache);
	for (int i = 0; i < CACHE_RECORDS_MAX + EXCESS; i++) {
		snprintf(name, sizeof name, "%s/s%d", i % 2 ? "default" : "prod", i);
		ck_assert_msg(is_there(name) == (i > EXCESS), "%s", name);
	}
	ck_assert(is_there("default/web.lock"));
}
END_TEST

START_TEST(a_lock_that_is_held_stays)
{
	set_up();
	make("default/web.lock", -HOUR);
	int held = lock_take(at("default/web.lock"), 0, 0);
	ck_assert_int_ge(held, 0);
	set_time(at("default/web.lock"), -HOUR);
	cache_prune(&cache);
	ck_assert(is_there("default/web.lock"));
	close(held);
	cache_prune(&cache);
	ck_assert(!is_there("default/web.lock"));
}
END_TEST

START_TEST(a_namespace_without_records_goes)
{
	set_up();
	make("dev/web", -HOUR);
	make("prod/web", HOUR);
	cache_prune(&cache);
	ck_assert(!is_there("dev"));
	ck_assert(is_there("prod"));
}
END_TEST

START_TEST(networks_that_are_gone_go)
{
	set_up();
	make("../1/default/web", -HOUR);
	make("../1/default/web.00000000deadbeef.lock", -HOUR);
	cache_prune(&cache);
	ck_assert(!is_there("../1"));
}
END_TEST

START_TEST(links_that_are_settings_stay)
{
	set_up();
	ck_assert_int_eq(symlink("prod", at("_")), 0);
	set_time(at("_"), -HOUR);
	cache_prune(&cache);
	ck_assert(is_there("_"));
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{what_has_served_its_time_goes, sizeof files / sizeof *files},
		{of_too_many_records_those_go_that_end_first, 1},
		{a_lock_that_is_held_stays, 1},
		{networks_that_are_gone_go, 1},
		{a_namespace_without_records_goes, 1},
		{links_that_are_settings_stay, 1},
	};

	return support_run("cache_prune", tests, sizeof tests / sizeof *tests);
}
