/*
 * Tests of src/cache_write.c: the links that are settings, also where names cannot be exchanged, and how long they stay.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cache_write.h"
#include "support.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char own[SUPPORT_PATH_MAX]; /* the user's folder */
static struct cache cache;

static const char *at(const char *name)
{
	static char path[SUPPORT_PATH_MAX];

	support_path(own, name, path);
	return path;
}

static void set_up(void)
{
	char dir[SUPPORT_PATH_MAX];

	support_caches(dir, own);
	cache_init(&cache, dir, NULL, "", &(struct origin){0});
	ck_assert_int_eq(cache_open(&cache), 0);
}

static int set_links(const char *default_namespace, enum name_reading reading)
{
	struct record record = support_record(default_namespace, "web", VERDICT_FOUND, NULL);

	return cache_set_links(&cache, default_namespace, reading, &record);
}

static const char *target_of(const char *link)
{
	static char target[SUPPORT_PATH_MAX];
	ssize_t size = readlink(at(link), target, sizeof target - 1);

	target[size < 0 ? 0 : size] = '\0';
	return size < 0 ? "no link" : target;
}

/* From here on renameat2() with flags fails as on NFS, and as on ZFS before 2.2. */
static void forbid_exchange(void)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[4])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {.len = sizeof program / sizeof *program, .filter = program};

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
}

/* _i 1: on a file system that cannot exchange names. */
START_TEST(links_take_the_place_of_whatever_is_there)
{
	set_up();
	if (_i == 1)
		forbid_exchange();
	ck_assert_int_eq(set_links("prod", NAME_SERVICE_LABEL), 0);
	ck_assert_str_eq(target_of("_"), "prod");
	ck_assert_int_eq(set_links("dev", NAME_SERVICE_LABEL), 0);
	ck_assert_str_eq(target_of("_"), "dev");
	ck_assert_int_eq(unlink(at("_")), 0);
	/* The folder of a lookup that locked before there was a link. */
	support_write(at("_/web.lock"), "", 0);
	ck_assert_int_eq(set_links("prod", NAME_SERVICE_LABEL), 0);
	ck_assert_str_eq(target_of("_"), "prod");
}
END_TEST

START_TEST(without_the_label_there_is_no_link_for_it)
{
	set_up();
	ck_assert_int_eq(set_links("default", NAME_SERVICE_LABEL), 0);
	ck_assert_str_eq(target_of("service"), ".");
	ck_assert_int_eq(set_links("default", NAME_PLAIN), 0);
	ck_assert_str_eq(target_of("service"), "no link");
}
END_TEST

static int64_t time_of(const char *name)
{
	struct stat status;

	ck_assert_int_eq(lstat(at(name), &status), 0);
	return status.st_mtim.tv_sec;
}

/* Stores what Nomad said, and sets the links that lead to it; the end of the record's use, in seconds since 1970. */
static int64_t keep(const char *service, enum verdict verdict, uint32_t max_stale)
{
	struct service *instances = support_service("default web aaaaaaaa-1 192.0.2.1 80 -");
	struct record record = support_record("default", service, verdict, verdict == VERDICT_FOUND ? instances : NULL);
	char place[SUPPORT_PATH_MAX];

	record.max_stale = max_stale;
	ck_assert_int_eq(cache_store(&cache, &record), 0);
	ck_assert_int_eq(cache_set_links(&cache, "default", NAME_SERVICE_LABEL, &record), 0);
	free(instances);
	snprintf(place, sizeof place, "default/%s", service);
	return time_of(place);
}

static void both_links_stay_until(int64_t until)
{
	ck_assert_int_eq(time_of("_"), until);
	ck_assert_int_eq(time_of("service"), until);
}

START_TEST(links_stay_as_long_as_the_records_they_lead_to)
{
	enum { DAY = 86400 };

	set_up();
	both_links_stay_until(keep("web", VERDICT_FOUND, DAY)); /* made */
	int64_t last = keep("web", VERDICT_FOUND, 3 * DAY); /* there already */
	both_links_stay_until(last);
	ck_assert_int_lt(keep("other", VERDICT_FOUND, DAY), last); /* a shorter use takes nothing from the others */
	both_links_stay_until(last);
	ck_assert_int_lt(keep("nothing", VERDICT_NO_NAME, 0), last);
	both_links_stay_until(last);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{links_take_the_place_of_whatever_is_there, 2},
		{without_the_label_there_is_no_link_for_it, 1},
		{links_stay_as_long_as_the_records_they_lead_to, 1},
	};

	return support_run("cache_write", tests, sizeof tests / sizeof *tests);
}
