/*
 * Tests of src/cache.c: the user's own cache as the module reads and locks it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cache.h"
#include "deadline.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STRANGER = 4712 }; /* a user without name */

static char users[SUPPORT_PATH_MAX]; /* the folder of all users */
static char own[SUPPORT_PATH_MAX];   /* ours in it */

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
	support_users(users, own);
	ck_assert_int_eq(mkdir(own, 0700), 0);
	store(at("prod/web"), "prod", "web", "prod web 11111111-0000-4000-8000-000000000001 10.0.0.1 80 blue\n");
}

static struct cache open_cache(const char *cluster)
{
	struct cache cache;

	ck_assert_int_eq(cache_open(users, cluster, false, &cache), 0);
	return cache;
}

/* What a name finds: the addresses, the verdict of a record without them, or "miss". */
static const char *find(const char *cluster, const char *text)
{
	struct cache cache = open_cache(cluster);
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
	cache_close(&cache);
	ck_assert_int_eq(cache.descriptor, -1);
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
	store(at("@0123456789abcdef/prod/web"), "prod", "web", "prod web 1 10.0.0.9 80 -\n");
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
		struct cache cache = open_cache("");
		struct name name = support_name("blue.web.prod.nomad");
		ck_assert_int_eq(cache_find(&cache, &name, &record), 0);
		ck_assert(record.service->address_count == 1 || record.service->address_count == 3);
		record_done(&record);
		cache_close(&cache);
	}
	/* killed at any moment, it leaves a whole record too */
	ck_assert_int_eq(kill(writer, SIGKILL), 0);
	ck_assert_int_eq(waitpid(writer, NULL, 0), writer);
	ck_assert_str_ne(find("", "web.prod.nomad"), "miss");
}
END_TEST

START_TEST(a_missing_folder_is_made_where_that_is_wanted)
{
	struct cache cache = {.descriptor = 17};
	struct stat status;

	support_users(users, own);
	ck_assert_int_eq(cache_open(users, "", false, &cache), -ENOENT);
	ck_assert_int_eq(cache.descriptor, 17);
	ck_assert_int_eq(cache_open(users, "", true, &cache), 0);
	ck_assert_int_eq(fstat(cache.descriptor, &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0700);
	ck_assert_uint_eq(status.st_uid, geteuid());
	ck_assert_int_eq(fcntl(cache.descriptor, F_GETFD), FD_CLOEXEC);
	cache_close(&cache);
}
END_TEST

/* A program with another user's rights may have been started with any mask, and what it makes outlives it. */
START_TEST(what_is_made_can_be_used_again_whatever_the_mask_was)
{
	struct name name = support_name("web.prod.nomad");
	struct cache cache;
	struct stat status;

	support_users(users, own);
	mode_t before = umask(0777);
	int opened = cache_open(users, "", true, &cache);
	int lock = opened < 0 ? opened : cache_lock(&cache, &name, deadline_now(), 0);
	umask(before);
	ck_assert_int_eq(opened, 0);
	ck_assert_int_ge(lock, 0);
	cache_unlock(lock);
	cache_close(&cache);
	ck_assert_int_eq(stat(own, &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0700);
	ck_assert_int_eq(stat(at("prod"), &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0700);
	ck_assert_int_eq(stat(at("prod/web.lock"), &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0600);
}
END_TEST

START_TEST(without_the_folder_of_all_users_there_is_no_cache)
{
	struct cache cache;

	support_users(users, own);
	ck_assert_int_eq(rmdir(users), 0);
	ck_assert_int_eq(cache_open(users, "", true, &cache), -ENOENT);
	support_write(users, "", 0);
	ck_assert_int_eq(cache_open(users, "", true, &cache), -ENOTDIR);
}
END_TEST

START_TEST(a_folder_where_nothing_can_be_made_is_no_cache)
{
	struct cache cache;

	support_users(users, own);
	ck_assert_int_eq(chmod(users, 0555), 0);
	if (geteuid() == 0) {
		char path[SUPPORT_PATH_MAX];
		strcpy(path, users);
		*strrchr(path, '/') = '\0';
		ck_assert_int_eq(chmod(path, 0755), 0);
		ck_assert_int_eq(seteuid(STRANGER), 0);
	}
	int result = cache_open(users, "", true, &cache);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(result, -EACCES);
}
END_TEST

START_TEST(a_folder_that_others_may_enter_is_not_ours)
{
	static const mode_t modes[] = {0777, 0770, 0720, 0702, 0701, 0710, 0740, 0755};
	struct cache cache = {.descriptor = 17};

	set_up();
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		ck_assert_int_eq(chmod(own, modes[i]), 0);
		ck_assert_int_eq(cache_open(users, "", true, &cache), -EPERM);
		ck_assert_int_eq(cache.descriptor, 17);
	}
	ck_assert_int_eq(chmod(own, 0700), 0);
	ck_assert_str_eq(find("", "web.prod.nomad"), "10.0.0.1");
}
END_TEST

START_TEST(a_folder_that_somebody_else_made_for_us_is_not_ours)
{
	struct cache cache;

	set_up();
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(chown(own, STRANGER, 0), 0);
	ck_assert_int_eq(cache_open(users, "", true, &cache), -EPERM);
}
END_TEST

START_TEST(a_link_in_the_place_of_our_folder_is_not_ours)
{
	char elsewhere[SUPPORT_PATH_MAX];
	struct cache cache;

	set_up();
	support_path(users, "elsewhere", elsewhere);
	ck_assert_int_eq(rename(own, elsewhere), 0);
	ck_assert_int_eq(symlink("elsewhere", own), 0);
	ck_assert_int_eq(cache_open(users, "", true, &cache), -ENOTDIR);
	ck_assert_int_eq(unlink(own), 0);
	ck_assert_int_eq(symlink("nosuch", own), 0);
	ck_assert_int_eq(cache_open(users, "", true, &cache), -ENOTDIR);
}
END_TEST

START_TEST(the_cache_is_that_of_the_effective_user)
{
	char path[SUPPORT_PATH_MAX];
	struct cache cache;

	set_up();
	if (geteuid() != 0)
		return;
	strcpy(path, users);
	*strrchr(path, '/') = '\0';
	ck_assert_int_eq(chmod(path, 0755), 0);
	ck_assert_int_eq(seteuid(STRANGER), 0);
	ck_assert_int_eq(cache_open(users, "", false, &cache), -ENOENT);
	ck_assert_int_eq(cache_open(users, "", true, &cache), 0);
	cache_close(&cache);
	ck_assert_str_eq(find("", "web.prod.nomad"), "miss");
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_str_eq(find("", "web.prod.nomad"), "10.0.0.1");
}
END_TEST

/* Leaves a mark whose time is so many milliseconds ago. */
static void mark(const char *name, int64_t milliseconds_ago)
{
	int64_t then = (int64_t)support_now() - milliseconds_ago;
	struct timespec times[2] = {{.tv_sec = then / 1000, .tv_nsec = then % 1000 * 1000000}};

	times[1] = times[0];
	support_write(at(name), "the agent is away\n", 18);
	ck_assert_int_eq(utimensat(AT_FDCWD, at(name), times, 0), 0);
}

static bool failed_recently(const char *cluster, const char *text)
{
	struct cache cache = open_cache(cluster);
	struct name name = support_name(text);
	bool failed = cache_failed_recently(&cache, &name);

	cache_close(&cache);
	return failed;
}

/* Whether a new mark is seen. Not seeing it counts only where the machine was not so slow that it became an old one. */
static bool fresh_mark_is_seen(const char *cluster, const char *mark_name, const char *text)
{
	for (int tries = 0; tries < 20; tries++) {
		mark(mark_name, 0);
		int64_t marked = deadline_now();
		if (failed_recently(cluster, text))
			return true;
		if (deadline_now() - marked < CACHE_FAILED_FOR / 2)
			return false;
	}
	return false;
}

START_TEST(a_failure_is_remembered_for_a_moment)
{
	set_up();
	ck_assert(!failed_recently("", "web.prod.nomad"));
	ck_assert(fresh_mark_is_seen("", "prod/web.failed", "web.prod.nomad"));
	mark("prod/web.failed", CACHE_FAILED_FOR);
	ck_assert(!failed_recently("", "web.prod.nomad"));
	mark("prod/web.failed", -30000); /* from the future: how old it is nobody knows */
	ck_assert(!failed_recently("", "web.prod.nomad"));
}
END_TEST

START_TEST(a_failure_of_one_name_is_none_of_another)
{
	set_up();
	ck_assert(!fresh_mark_is_seen("", "prod/db.failed", "web.prod.nomad"));
	ck_assert(!fresh_mark_is_seen("", "prod/web.failed", "web.prod.service.nomad"));
	mark("prod/web.failed", CACHE_FAILED_FOR);
	ck_assert(!fresh_mark_is_seen("", "@0123456789abcdef/prod/web.failed", "web.prod.nomad"));
	ck_assert(fresh_mark_is_seen("0123456789abcdef", "@0123456789abcdef/prod/web.failed", "web.prod.nomad"));
}
END_TEST

START_TEST(a_failure_of_the_agent_is_one_of_every_name)
{
	set_up();
	ck_assert(fresh_mark_is_seen("", ".failed", "web.prod.nomad"));
	ck_assert(fresh_mark_is_seen("", ".failed", "nosuch.service.nomad"));
	mark(".failed", CACHE_FAILED_FOR);
	ck_assert(!fresh_mark_is_seen("", "@0123456789abcdef/.failed", "web.prod.nomad"));
	ck_assert(fresh_mark_is_seen("0123456789abcdef", "@0123456789abcdef/.failed", "web.prod.nomad"));
}
END_TEST

/* Tries to lock until `milliseconds` from now. */
static int lock_within(const struct cache *cache, const char *text, int milliseconds)
{
	struct name name = support_name(text);

	return cache_lock(cache, &name, deadline_now(), milliseconds);
}

START_TEST(a_lock_keeps_others_out_until_it_is_released)
{
	set_up();
	struct cache cache = open_cache("");
	int lock = lock_within(&cache, "web.prod.nomad", 0);

	ck_assert_int_ge(lock, 0);
	ck_assert_int_eq(fcntl(lock, F_GETFD), FD_CLOEXEC);
	int64_t start = deadline_now();
	ck_assert_int_eq(lock_within(&cache, "WEB.prod.nomad", 50), -ETIMEDOUT);
	ck_assert_int_ge(deadline_now() - start, 50);
	ck_assert_int_eq(lock_within(&cache, "web.prod.nomad", -1000), -ETIMEDOUT);

	/* one name's lock is not another's; folders are made on the way */
	int other = lock_within(&cache, "web.dev.nomad", 0);
	ck_assert_int_ge(other, 0);
	cache_unlock(other);
	other = lock_within(&cache, "web.prod.service.nomad", 0);
	ck_assert_int_ge(other, 0);
	cache_unlock(other);

	cache_unlock(lock);
	lock = lock_within(&cache, "web.prod.nomad", 0);
	ck_assert_int_ge(lock, 0);
	cache_unlock(lock);
	cache_close(&cache);
}
END_TEST

/* What one of two threads does: locks, counts, unlocks. */
struct contest {
	const struct cache *cache;
	atomic_int inside, entered;
	atomic_bool overlapped;
};

static void *lock_often(void *argument)
{
	struct contest *contest = argument;

	for (int i = 0; i < 50; i++) {
		int lock = lock_within(contest->cache, "web.prod.nomad", 1000 * SUPPORT_SECONDS);
		if (lock < 0)
			return NULL;
		if (atomic_fetch_add(&contest->inside, 1) != 0)
			atomic_store(&contest->overlapped, true);
		atomic_fetch_add(&contest->entered, 1);
		atomic_fetch_sub(&contest->inside, 1);
		cache_unlock(lock);
	}
	return NULL;
}

START_TEST(two_threads_take_turns)
{
	set_up();
	struct cache cache = open_cache("");
	struct contest contest = {.cache = &cache};
	pthread_t other;

	ck_assert_int_eq(pthread_create(&other, NULL, lock_often, &contest), 0);
	lock_often(&contest);
	ck_assert_int_eq(pthread_join(other, NULL), 0);
	ck_assert_int_eq(atomic_load(&contest.entered), 100);
	ck_assert(!atomic_load(&contest.overlapped));
	cache_close(&cache);
}
END_TEST

START_TEST(a_child_that_keeps_the_descriptor_does_not_keep_the_lock)
{
	int hold[2];
	char octet;

	set_up();
	struct cache cache = open_cache("");
	int lock = lock_within(&cache, "web.prod.nomad", 0);
	ck_assert_int_eq(pipe(hold), 0);
	pid_t child = fork();
	if (child == 0) {
		close(hold[1]);
		_exit(read(hold[0], &octet, 1) == 0 ? 0 : 1); /* until the test lets go */
	}
	ck_assert_int_eq(lock_within(&cache, "web.prod.nomad", 0), -ETIMEDOUT);
	cache_unlock(lock);
	lock = lock_within(&cache, "web.prod.nomad", 0);
	ck_assert_int_ge(lock, 0);
	cache_unlock(lock);
	close(hold[1]);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	cache_close(&cache);
}
END_TEST

START_TEST(a_lock_dies_with_those_who_hold_it)
{
	set_up();
	struct cache cache = open_cache("");
	pid_t child = fork();
	if (child == 0)
		_exit(lock_within(&cache, "web.prod.nomad", 0) >= 0 ? 0 : 1);
	int status;
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	int lock = lock_within(&cache, "web.prod.nomad", 0);
	ck_assert_int_ge(lock, 0);
	cache_unlock(lock);
	cache_close(&cache);
}
END_TEST

static void *lock_once(void *argument)
{
	static int lock;

	lock = lock_within(argument, "web.prod.nomad", 1000 * SUPPORT_SECONDS);
	return &lock;
}

/* How many descriptors of this process are of that file. */
static int count_open(const char *path)
{
	char link[64], target[SUPPORT_PATH_MAX];
	int count = 0;

	for (int descriptor = 0; descriptor < 64; descriptor++) {
		snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
		ssize_t length = readlink(link, target, sizeof target - 1);
		target[length < 0 ? 0 : length] = '\0';
		count += strcmp(target, path) == 0;
	}
	return count;
}

START_TEST(a_lock_that_was_pruned_under_a_waiting_process_is_made_anew)
{
	pthread_t waiting;
	void *got;

	set_up();
	struct cache cache = open_cache("");
	int lock = lock_within(&cache, "web.prod.nomad", 0);
	ck_assert_int_eq(pthread_create(&waiting, NULL, lock_once, &cache), 0);
	for (int64_t end = deadline_now() + 1000 * SUPPORT_SECONDS; count_open(at("prod/web.lock")) < 2;)
		ck_assert_int_gt(deadline_left(end), 0);
	ck_assert_int_eq(unlink(at("prod/web.lock")), 0);
	cache_unlock(lock);
	ck_assert_int_eq(pthread_join(waiting, &got), 0);
	ck_assert_int_ge(*(int *)got, 0);
	ck_assert_int_eq(lock_within(&cache, "web.prod.nomad", 0), -ETIMEDOUT);
	cache_unlock(*(int *)got);
	cache_close(&cache);
}
END_TEST

START_TEST(where_no_lock_can_be_it_says_so_at_once)
{
	set_up();
	struct cache cache = open_cache("");
	ck_assert_int_eq(mkdir(at("prod/db.lock"), 0700), 0);
	ck_assert_int_eq(lock_within(&cache, "db.prod.nomad", 1000 * SUPPORT_SECONDS), -EISDIR);
	ck_assert_int_eq(symlink("web", at("prod/web.lock")), 0);
	ck_assert_int_eq(lock_within(&cache, "web.prod.nomad", 1000 * SUPPORT_SECONDS), -ELOOP);
	support_write(at("dev"), "", 0);
	ck_assert_int_eq(lock_within(&cache, "web.dev.nomad", 1000 * SUPPORT_SECONDS), -ENOTDIR);
	cache_close(&cache);
}
END_TEST

#define TEN "abcdefghij"
#define L63 TEN TEN TEN TEN TEN TEN "abc"

START_TEST(the_longest_names_have_room)
{
	set_up();
	struct cache cache = open_cache("0123456789abcdef");
	int lock = lock_within(&cache, L63 "." L63 ".service.nomad", 0);

	ck_assert_int_ge(lock, 0);
	ck_assert_int_eq(access(at("@0123456789abcdef/service/" L63 "/" L63 ".lock"), F_OK), 0);
	cache_unlock(lock);
	cache_close(&cache);
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
		{a_missing_folder_is_made_where_that_is_wanted, 1},
		{what_is_made_can_be_used_again_whatever_the_mask_was, 1},
		{without_the_folder_of_all_users_there_is_no_cache, 1},
		{a_folder_where_nothing_can_be_made_is_no_cache, 1},
		{a_folder_that_others_may_enter_is_not_ours, 1},
		{a_folder_that_somebody_else_made_for_us_is_not_ours, 1},
		{a_link_in_the_place_of_our_folder_is_not_ours, 1},
		{the_cache_is_that_of_the_effective_user, 1},
		{a_failure_is_remembered_for_a_moment, 1},
		{a_failure_of_one_name_is_none_of_another, 1},
		{a_failure_of_the_agent_is_one_of_every_name, 1},
		{a_lock_keeps_others_out_until_it_is_released, 1},
		{two_threads_take_turns, 1},
		{a_child_that_keeps_the_descriptor_does_not_keep_the_lock, 1},
		{a_lock_dies_with_those_who_hold_it, 1},
		{a_lock_that_was_pruned_under_a_waiting_process_is_made_anew, 1},
		{where_no_lock_can_be_it_says_so_at_once, 1},
		{the_longest_names_have_room, 1},
	};

	return support_run("cache", tests, sizeof tests / sizeof *tests);
}
