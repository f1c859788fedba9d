/*
 * Tests of src/cache.c: the user's own cache as the module reads it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cache.h"
#include "deadline.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STRANGER = 4712 }; /* a user without name */

static char dir[SUPPORT_PATH_MAX]; /* the folder of all caches */
static char run[SUPPORT_PATH_MAX]; /* the one of what users have while they are logged in; "": there is none */
static char own[SUPPORT_PATH_MAX]; /* ours in the first, of this network */

/* A path below our folder, in a buffer that the next call overwrites. */
static const char *at(const char *name)
{
	static char path[SUPPORT_PATH_MAX];

	support_path(own, name, path);
	return path;
}

static void store(const char *path, const char *namespace, const char *service_name, const char *instances)
{
	struct service *service = support_service(instances);
	struct record record = support_record(namespace, service_name, VERDICT_FOUND, service);

	support_write_record(path, &record);
	free(service);
}

/* Our folder with one record. */
static void set_up(void)
{
	support_caches(dir, own);
	run[0] = '\0';
	ck_assert_int_eq(mkdir(own, 0700), 0);
	store(at("prod/web"), "prod", "web", "prod web 11111111-0000-4000-8000-000000000001 10.0.0.1 80 blue\n");
}

static struct cache cache_of(const char *cluster)
{
	struct cache cache;
	struct origin origin = {0};

	cache_init(&cache, dir, run[0] == '\0' ? NULL : run, cluster, &origin);
	origin_set_unit(&cache.origin);
	return cache;
}

static int choose(bool create)
{
	struct cache cache = cache_of("");

	return cache_choose(&cache, create);
}

/* What a name finds: the addresses, the verdict of a record without them, or "miss". */
static const char *find(const char *cluster, const char *text)
{
	struct cache cache = cache_of(cluster);
	struct name name = support_name(text);
	struct record record = {0};
	struct address *addresses = NULL;
	size_t count = 0;
	uint8_t unresolved;
	const char *result = "miss";

	if (cache_find(&cache, &name, &record) < 0) {
		ck_assert_ptr_null(record.service);
	} else if (record.verdict == VERDICT_FOUND) {
		enum verdict verdict = service_addresses(record.service, &name, &addresses, &count, &unresolved);
		result = verdict == VERDICT_FOUND ? support_addresses(addresses, count) : support_verdict(verdict);
	} else {
		result = support_verdict(record.verdict);
	}
	free(addresses);
	record_done(&record);
	return result;
}

START_TEST(a_record_is_found_by_its_name)
{
	set_up();
	ck_assert_str_eq(find("", "web.prod.nomad"), "10.0.0.1");
	ck_assert_str_eq(find("", "WEB.prod.nomad"), "10.0.0.1");
	ck_assert_str_eq(find("", "blue.web.prod.nomad"), "10.0.0.1");
	ck_assert_str_eq(find("", "_tcp.web.prod.nomad"), "no data");
	ck_assert_str_eq(find("", "web.nomad"), "miss");
	ck_assert_str_eq(find("", "db.prod.nomad"), "miss");
	ck_assert_str_eq(find("", "web.prod.service.nomad"), "miss");
}
END_TEST

START_TEST(aliased_and_default_names_have_records_of_their_own)
{
	set_up();
	store(at("service/prod/web"), "prod", "web", "prod web 1 10.0.0.2 80 -\n");
	store(at("_/web"), "default", "web", "default web 1 10.0.0.3 80 -\n");
	store(at("service/_/web"), "default", "web", "default web 1 10.0.0.4 80 -\n");
	ck_assert_str_eq(find("", "web.prod.nomad"), "10.0.0.1");
	ck_assert_str_eq(find("", "web.prod.service.nomad"), "10.0.0.2");
	ck_assert_str_eq(find("", "web.nomad"), "10.0.0.3");
	ck_assert_str_eq(find("", "web.service.nomad"), "10.0.0.4");
}
END_TEST

START_TEST(another_cluster_has_records_of_its_own)
{
	set_up();
	ck_assert_str_eq(find("0123456789abcdef", "web.prod.nomad"), "miss");
	char other[SUPPORT_PATH_MAX], path[SUPPORT_PATH_MAX];
	snprintf(other, sizeof other, "%.*s@0123456789abcdef", SUPPORT_PATH_MAX - 18, own);
	ck_assert_int_eq(mkdir(other, 0700), 0);
	support_path(other, "prod/web", path);
	store(path, "prod", "web", "prod web 1 10.0.0.9 80 -\n");
	ck_assert_str_eq(find("0123456789abcdef", "web.prod.nomad"), "10.0.0.9");
	ck_assert_str_eq(find("", "web.prod.nomad"), "10.0.0.1");
}
END_TEST

static const enum verdict negative[] = {VERDICT_UNKNOWN, VERDICT_NO_DATA, VERDICT_NO_NAME};

START_TEST(a_negative_record_is_found_too)
{
	struct record record = support_record("prod", "db", negative[_i], NULL);

	set_up();
	support_write_record(at("prod/db"), &record);
	ck_assert_str_eq(find("", "db.prod.nomad"), support_verdict(negative[_i]));
}
END_TEST

/* Damages a file of `size` octets in one of the ways that disks, crashes and people have. */
static void spoil(const char *path, int way)
{
	int descriptor = open(path, O_RDWR | O_CLOEXEC);
	uint8_t octet;

	ck_assert_int_ge(descriptor, 0);
	switch (way) {
	case 0:
		ck_assert_int_eq(ftruncate(descriptor, 0), 0);
		break;
	case 1:
		ck_assert_int_eq(ftruncate(descriptor, 60), 0);
		break;
	case 2: /* a bit of an address */
		ck_assert_int_eq(pread(descriptor, &octet, 1, 78), 1);
		octet ^= 1;
		ck_assert_int_eq(pwrite(descriptor, &octet, 1, 78), 1);
		break;
	case 3: /* the version */
		ck_assert_int_eq(pwrite(descriptor, "\0\1", 2, 4), 2);
		break;
	default: /* a crash that left the length and lost the contents */
		ck_assert_int_eq(ftruncate(descriptor, 0), 0);
		ck_assert_int_eq(ftruncate(descriptor, 200), 0);
		break;
	}
	close(descriptor);
}

START_TEST(a_damaged_record_is_a_miss)
{
	set_up();
	spoil(at("prod/web"), _i);
	ck_assert_str_eq(find("", "web.prod.nomad"), "miss");
	/* and its writer replaces it */
	store(at("prod/web"), "prod", "web", "prod web 1 10.0.0.2 80 -\n");
	ck_assert_str_eq(find("", "web.prod.nomad"), "10.0.0.2");
}
END_TEST

START_TEST(a_link_is_a_miss)
{
	set_up();
	store(at("prod/elsewhere"), "prod", "db", "prod db 1 10.0.0.2 80 -\n");
	ck_assert_int_eq(symlink("elsewhere", at("prod/db")), 0);
	ck_assert_str_eq(find("", "db.prod.nomad"), "miss");
}
END_TEST

START_TEST(a_folder_or_a_pipe_in_the_place_of_a_record_is_a_miss)
{
	set_up();
	ck_assert_int_eq(mkdir(at("prod/db"), 0700), 0);
	ck_assert_str_eq(find("", "db.prod.nomad"), "miss");
	ck_assert_int_eq(mkfifo(at("prod/queue"), 0600), 0);
	ck_assert_str_eq(find("", "queue.prod.nomad"), "miss"); /* and does not wait for a writer */
	support_write(at("dev"), "", 0);
	ck_assert_str_eq(find("", "web.dev.nomad"), "miss");
}
END_TEST

START_TEST(a_record_of_another_name_is_a_miss)
{
	set_up();
	store(at("prod/db"), "prod", "web", "prod web 1 10.0.0.1 80 -\n");
	ck_assert_str_eq(find("", "db.prod.nomad"), "miss");
	store(at("dev/web"), "prod", "web", "prod web 1 10.0.0.1 80 -\n");
	ck_assert_str_eq(find("", "web.dev.nomad"), "miss");
}
END_TEST

/* A writer keeps replacing the record; whoever reads finds one or the other, whole. */
START_TEST(a_reader_never_meets_a_half_record)
{
	struct record record = {0};

	set_up();
	pid_t writer = fork();
	if (writer == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (writer == 0)
		for (unsigned i = 0;; i++)
			store(at("prod/web"), "prod", "web",
			      i % 2 == 0 ? "prod web 1 10.0.0.1 80 -\n" : "prod web 1 10.0.0.1,10.0.0.2,10.0.0.3 80 -\n");
	for (unsigned i = 0; i < 2000; i++) {
		struct cache cache = cache_of("");
		struct name name = support_name("blue.web.prod.nomad");
		ck_assert_int_eq(cache_find(&cache, &name, &record), 0);
		ck_assert(record.service->address_count == 1 || record.service->address_count == 3);
		record_done(&record);
	}
	/* killed at any moment, it leaves a whole record too */
	ck_assert_int_eq(kill(writer, SIGKILL), 0);
	ck_assert_int_eq(waitpid(writer, NULL, 0), writer);
	ck_assert_str_ne(find("", "web.prod.nomad"), "miss");
}
END_TEST

START_TEST(another_network_has_records_of_its_own)
{
	struct name name = support_name("web.prod.nomad");
	struct origin elsewhere = {.network = "1"};
	struct record record = {0};
	struct cache cache;

	set_up();
	cache_init(&cache, dir, NULL, "", &elsewhere);
	ck_assert_int_eq(cache_find(&cache, &name, &record), -ENOENT);
}
END_TEST

/* The modes and owners of what lies on the way, and what is then believed. */
START_TEST(what_is_not_ours_alone_is_not_believed)
{
	enum { FOLDER, RECORD };
	const char *path;

	set_up();
	path = _i == RECORD ? at("prod/web") : own;
	mode_t right = _i == RECORD ? 0600 : 0700;
	for (mode_t wrong = 020; wrong != 0; wrong = wrong == 020 ? 02 : 0) {
		ck_assert_int_eq(chmod(path, right | wrong), 0);
		ck_assert_str_eq(find("", "web.prod.nomad"), "miss");
	}
	ck_assert_int_eq(chmod(path, right), 0);
	ck_assert_str_eq(find("", "web.prod.nomad"), "10.0.0.1");
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(path, STRANGER, 0), 0);
		ck_assert_str_eq(find("", "web.prod.nomad"), "miss");
	}
}
END_TEST

START_TEST(a_file_with_another_name_is_a_miss)
{
	char path[SUPPORT_PATH_MAX];

	set_up();
	strcpy(path, at("prod/web"));
	ck_assert_int_eq(link(path, at("prod/other")), 0);
	ck_assert_str_eq(find("", "web.prod.nomad"), "miss");
	ck_assert_int_eq(unlink(at("prod/other")), 0);
	ck_assert_str_eq(find("", "web.prod.nomad"), "10.0.0.1");
}
END_TEST

static void is_ours_alone(const char *path)
{
	struct stat status;

	ck_assert_int_eq(lstat(path, &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0700);
	ck_assert_uint_eq(status.st_uid, geteuid());
}

/* A program with another user's rights may have been started with any mask, and what it makes outlives it. */
START_TEST(a_missing_folder_is_made_where_that_is_wanted)
{
	char path[PLACE_MAX];
	struct name name = support_name("web.prod.nomad");
	struct cache cache;

	support_caches(dir, own);
	run[0] = '\0';
	ck_assert_int_eq(choose(false), -ENOENT);
	ck_assert_int_eq(access(own, F_OK), -1);
	cache = cache_of("");
	mode_t before = umask(0777);
	int chosen = cache_choose(&cache, true);
	if (chosen == 0)
		cache_lock_path(&cache, &name, path);
	umask(before);
	ck_assert_int_eq(chosen, 0);
	is_ours_alone(own);
	is_ours_alone(at("prod"));
	ck_assert(strncmp(path + strlen(own), "/prod/web.", strlen("/prod/web.")) == 0);
}
END_TEST

START_TEST(without_the_folder_of_all_there_is_no_cache)
{
	char all[SUPPORT_PATH_MAX];

	support_caches(dir, own);
	run[0] = '\0';
	snprintf(all, sizeof all, "%.*s-gone", SUPPORT_PATH_MAX - 8, dir);
	strcpy(dir, all);
	ck_assert_int_eq(choose(true), -ENOENT);
	support_write(all, "", 0);
	ck_assert_int_eq(choose(true), -ENOTDIR);
	ck_assert_int_eq(unlink(all), 0);
}
END_TEST

/* Whoever may move things there can put others in their place: nothing is made in it. */
START_TEST(nothing_is_made_where_others_may_move_it)
{
	char parent[SUPPORT_PATH_MAX];

	set_up();
	strcpy(parent, own);
	*strrchr(parent, '/') = '\0';
	ck_assert_int_eq(choose(true), 0);
	ck_assert_int_eq(chmod(parent, 0777), 0);
	ck_assert_int_eq(choose(true), -EPERM);
	ck_assert_int_eq(chmod(parent, geteuid() == 0 ? 0700 : 01777), 0);
	ck_assert_int_eq(choose(true), 0);
}
END_TEST

START_TEST(a_link_in_the_place_of_our_folder_is_not_ours)
{
	char elsewhere[SUPPORT_PATH_MAX];

	set_up();
	snprintf(elsewhere, sizeof elsewhere, "%.*s-elsewhere", SUPPORT_PATH_MAX - 16, own);
	ck_assert_int_eq(rename(own, elsewhere), 0);
	ck_assert_int_eq(symlink(elsewhere, own), 0);
	ck_assert_int_eq(choose(true), -ENOTDIR);
	ck_assert_str_eq(find("", "web.prod.nomad"), "miss");
}
END_TEST

START_TEST(the_cache_is_that_of_the_effective_user)
{
	char users_own[SUPPORT_PATH_MAX];

	set_up();
	if (geteuid() != 0)
		return;
	strcpy(users_own, dir);
	*strrchr(users_own, '/') = '\0';
	ck_assert_int_eq(chmod(users_own, 0755), 0);
	ck_assert_int_eq(chmod(dir, 0755), 0);
	snprintf(users_own, sizeof users_own, "%.*s/users/%d.%s", SUPPORT_PATH_MAX - 40, dir, STRANGER,
	         cache_of("").origin.network);
	ck_assert_int_eq(seteuid(STRANGER), 0);
	int before = choose(false), made = choose(true);
	const char *found = find("", "web.prod.nomad");
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(before, -ENOENT);
	ck_assert_int_eq(made, 0);
	ck_assert_str_eq(found, "miss");
	ck_assert_int_eq(access(users_own, F_OK), 0);
	ck_assert_str_eq(find("", "web.prod.nomad"), "10.0.0.1");
}
END_TEST

/* Somebody was faster to make our folder. _i 0: while we are logged in, there is another. 1: that one is not ours alone. */
START_TEST(where_ours_was_taken_there_is_the_one_of_the_login)
{
	char login[SUPPORT_PATH_MAX], path[SUPPORT_PATH_MAX], folder[SUPPORT_PATH_MAX];
	struct cache cache;

	set_up();
	support_folder(run);
	snprintf(login, sizeof login, "%.*s/%ju", SUPPORT_PATH_MAX - 24, run, (uintmax_t)geteuid());
	ck_assert_int_eq(mkdir(login, _i == 0 ? 0700 : 0755), 0);
	ck_assert_int_eq(chmod(own, 0777), 0);
	cache = cache_of("");
	ck_assert_int_eq(cache_choose(&cache, false), -EPERM);
	ck_assert_int_eq(cache_choose(&cache, true), _i == 0 ? 0 : -EPERM);
	if (_i != 0)
		return;
	ck_assert_uint_eq(cache.chosen, 1);
	snprintf(folder, sizeof folder, "%.*s/nss-nomad.%s", SUPPORT_PATH_MAX - 40, login, cache.origin.network);
	ck_assert_str_eq(cache.folders[1], folder);
	is_ours_alone(folder);
	support_path(folder, "prod/web", path);
	store(path, "prod", "web", "prod web 1 10.0.0.2 80 -\n");
	ck_assert_str_eq(find("", "web.prod.nomad"), "10.0.0.2");
	/* once the other one is ours again, it is that one for all */
	ck_assert_int_eq(chmod(own, 0700), 0);
	ck_assert_int_eq(cache_choose(&cache, false), 0);
	ck_assert_uint_eq(cache.chosen, 0);
	ck_assert_str_eq(find("", "web.prod.nomad"), "10.0.0.1");
}
END_TEST

/* Leaves a mark of a unit, whose time is so many milliseconds ago; `place` is NAMESPACE/SERVICE, or "" for the agent. */
static void mark(const char *cluster, const char *place, const char *unit, int64_t milliseconds_ago)
{
	int64_t then = (int64_t)support_now() - milliseconds_ago;
	struct timespec times[2] = {{.tv_sec = then / 1000, .tv_nsec = then % 1000 * 1000000}};
	struct cache cache = cache_of(cluster);
	char path[2 * SUPPORT_PATH_MAX];

	snprintf(path, sizeof path, "%s/%s.%s.failed", cache.folders[0], place, unit == NULL ? cache.origin.unit : unit);
	times[1] = times[0];
	ck_assert_int_eq(cache_choose(&cache, true), 0);
	support_write(path, "the agent is away\n", 18);
	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

static bool failed_recently(const char *cluster, const char *text)
{
	struct cache cache = cache_of(cluster);
	struct name name = support_name(text);

	ck_assert_int_eq(cache_choose(&cache, true), 0);
	return cache_failed_recently(&cache, &name);
}

/* Whether a new mark is seen. Not seeing it counts only where the machine was not so slow that it became an old one. */
static bool fresh_mark_is_seen(const char *cluster, const char *place, const char *unit, const char *from, const char *text)
{
	for (int tries = 0; tries < 20; tries++) {
		mark(cluster, place, unit, 0);
		int64_t marked = deadline_now();
		if (failed_recently(from, text))
			return true;
		if (deadline_now() - marked < CACHE_FAILED_FOR / 2)
			return false;
	}
	return false;
}

static const char other_cluster[] = "0123456789abcdef", other_unit[] = "00000000deadbeef";

START_TEST(a_failure_is_remembered_for_a_moment)
{
	set_up();
	ck_assert(!failed_recently("", "web.prod.nomad"));
	ck_assert(fresh_mark_is_seen("", "prod/web", NULL, "", "web.prod.nomad"));
	mark("", "prod/web", NULL, CACHE_FAILED_FOR);
	ck_assert(!failed_recently("", "web.prod.nomad"));
	mark("", "prod/web", NULL, -30000); /* from the future: how old it is nobody knows */
	ck_assert(!failed_recently("", "web.prod.nomad"));
}
END_TEST

/* Another unit may be confined (IPAddressDeny=): what it cannot reach says nothing of what we can. */
START_TEST(a_failure_of_one_name_or_unit_or_cluster_is_none_of_another)
{
	set_up();
	ck_assert(!fresh_mark_is_seen("", "prod/db", NULL, "", "web.prod.nomad"));
	ck_assert(!fresh_mark_is_seen("", "prod/web", NULL, "", "web.prod.service.nomad"));
	mark("", "prod/web", NULL, CACHE_FAILED_FOR);
	ck_assert(!fresh_mark_is_seen("", "prod/web", other_unit, "", "web.prod.nomad"));
	ck_assert(!fresh_mark_is_seen("", "", other_unit, "", "web.prod.nomad"));
	ck_assert(!fresh_mark_is_seen(other_cluster, "prod/web", NULL, "", "web.prod.nomad"));
	ck_assert(fresh_mark_is_seen(other_cluster, "prod/web", NULL, other_cluster, "web.prod.nomad"));
}
END_TEST

START_TEST(a_failure_of_the_agent_is_one_of_every_name)
{
	set_up();
	ck_assert(fresh_mark_is_seen("", "", NULL, "", "web.prod.nomad"));
	ck_assert(fresh_mark_is_seen("", "", NULL, "", "nosuch.service.nomad"));
	mark("", "", NULL, CACHE_FAILED_FOR);
	ck_assert(!fresh_mark_is_seen(other_cluster, "", NULL, "", "web.prod.nomad"));
	ck_assert(fresh_mark_is_seen(other_cluster, "", NULL, other_cluster, "web.prod.nomad"));
}
END_TEST

#define TEN "abcdefghij"
#define L63 TEN TEN TEN TEN TEN TEN "abc"

START_TEST(the_longest_names_have_room)
{
	struct name name = support_name(L63 "." L63 ".service.nomad");
	struct cache cache;
	char path[PLACE_MAX];
	struct origin origin = {.network = "18446744073709551615"};
	char longest[PLACE_FOLDER_MAX - 64];

	memset(longest, 'x', sizeof longest);
	longest[0] = '/';
	longest[sizeof longest - 1] = '\0';
	cache_init(&cache, longest, longest, "0123456789abcdef", &origin);
	origin_set_unit(&cache.origin);
	cache_lock_path(&cache, &name, path);
	ck_assert_uint_lt(strlen(cache.folders[0]), PLACE_FOLDER_MAX);
	ck_assert_uint_lt(strlen(cache.folders[1]), PLACE_FOLDER_MAX);
	ck_assert_uint_lt(strlen(path), PLACE_MAX);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{a_record_is_found_by_its_name, 1},
		{aliased_and_default_names_have_records_of_their_own, 1},
		{another_cluster_has_records_of_its_own, 1},
		{a_negative_record_is_found_too, sizeof negative / sizeof *negative},
		{a_damaged_record_is_a_miss, 5},
		{a_link_is_a_miss, 1},
		{a_folder_or_a_pipe_in_the_place_of_a_record_is_a_miss, 1},
		{a_record_of_another_name_is_a_miss, 1},
		{a_reader_never_meets_a_half_record, 1},
		{another_network_has_records_of_its_own, 1},
		{what_is_not_ours_alone_is_not_believed, 2},
		{a_file_with_another_name_is_a_miss, 1},
		{a_missing_folder_is_made_where_that_is_wanted, 1},
		{without_the_folder_of_all_there_is_no_cache, 1},
		{nothing_is_made_where_others_may_move_it, 1},
		{a_link_in_the_place_of_our_folder_is_not_ours, 1},
		{the_cache_is_that_of_the_effective_user, 1},
		{where_ours_was_taken_there_is_the_one_of_the_login, 2},
		{a_failure_is_remembered_for_a_moment, 1},
		{a_failure_of_one_name_or_unit_or_cluster_is_none_of_another, 1},
		{a_failure_of_the_agent_is_one_of_every_name, 1},
		{the_longest_names_have_room, 1},
	};

	return support_run("cache", tests, sizeof tests / sizeof *tests);
}
