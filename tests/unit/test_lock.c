/*
 * Tests of src/lock.c: one process holds a lock, others look at it, and one whose time is over loses it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "deadline.h"
#include "lock.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LONG = 1000 * SUPPORT_SECONDS, LIMIT = 50 };

static char path[SUPPORT_PATH_MAX];

static void set_up(void)
{
	char folder[SUPPORT_PATH_MAX];

	support_folder(folder);
	support_path(folder, "web.lock", path);
}

static int take(void)
{
	return lock_take(path, LOCK_LIMIT_MOST, deadline_now() + LOCK_LIMIT_MOST);
}

START_TEST(one_holds_it_and_others_see_that)
{
	set_up();
	ck_assert(!lock_is_held(path));
	int lock = take();
	ck_assert_int_ge(lock, 0);
	ck_assert_int_eq(fcntl(lock, F_GETFD), FD_CLOEXEC);
	ck_assert(lock_is_held(path));
	ck_assert(lock_is(lock, path));
	ck_assert(!lock_is(STDIN_FILENO, path));
	ck_assert(!lock_is(-1, path));
	ck_assert_int_eq(take(), -EWOULDBLOCK);
	close(lock);
	ck_assert(!lock_is_held(path));
	lock = take();
	ck_assert_int_ge(lock, 0);
	close(lock);
}
END_TEST

START_TEST(a_lock_dies_with_those_who_hold_it)
{
	int status;

	set_up();
	pid_t child = fork();
	if (child == 0)
		_exit(take() >= 0 ? 0 : 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert(!lock_is_held(path));
}
END_TEST

static void *wait_for_it(void *result)
{
	*(int *)result = lock_wait(path, deadline_now(), LONG);
	return NULL;
}

START_TEST(a_wait_ends_when_it_is_given_back)
{
	pthread_t thread;
	int result = 1;

	set_up();
	ck_assert_int_eq(lock_wait(path, deadline_now(), 0), 0);
	int lock = take();
	ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_it, &result), 0);
	close(lock);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(result, 0);
}
END_TEST

START_TEST(nobody_waits_longer_than_his_limit_or_the_holders)
{
	int64_t start;

	set_up();
	int lock = take();
	ck_assert_int_ge(lock, 0);
	/* what another build or a crash has left there says nothing */
	ck_assert_int_eq(ftruncate(lock, 0), 0);
	start = deadline_now();
	ck_assert_int_eq(lock_wait(path, start, LIMIT), -ETIMEDOUT);
	ck_assert_int_ge(deadline_now() - start, LIMIT);
	lock_say(lock, LOCK_LIMIT_MOST + 1, deadline_now() - LONG);
	ck_assert_int_eq(lock_wait(path, deadline_now(), LIMIT), -ETIMEDOUT);
	lock_say(lock, LIMIT, deadline_now() + 2 * LOCK_LIMIT_MOST);
	ck_assert_int_eq(lock_wait(path, deadline_now(), LIMIT), -ETIMEDOUT);
	/* the holder's limit counts, who knows the configuration */
	lock_say(lock, LIMIT, deadline_now() + LOCK_LIMIT_MOST / 2);
	start = deadline_now();
	ck_assert_int_eq(lock_wait(path, start, LONG), -ETIMEDOUT);
	ck_assert_int_ge(deadline_now() - start, LIMIT);
	close(lock);
}
END_TEST

START_TEST(who_is_over_his_time_loses_it)
{
	set_up();
	int lock = take();
	ck_assert_int_ge(lock, 0);
	ck_assert(!lock_break(path));
	lock_say(lock, LIMIT, deadline_now() - LOCK_GRACE - 1);
	ck_assert_int_eq(lock_wait(path, deadline_now(), LONG), 0);
	ck_assert_int_eq(access(path, F_OK), -1);
	int next = take();
	ck_assert_int_ge(next, 0);
	ck_assert(lock_is(next, path));
	ck_assert(!lock_is(lock, path));
	close(lock);
	ck_assert(lock_is_held(path));
	close(next);
}
END_TEST

static void *say_late(void *lock)
{
	lock_say(*(int *)lock, LIMIT, deadline_now() + LOCK_LIMIT_MOST / 2);
	return NULL;
}

/* The file of one that has just taken the lock says the time of the one before: it is looked at twice. */
START_TEST(who_has_not_said_his_time_yet_keeps_it)
{
	pthread_t thread;

	set_up();
	int lock = take();
	lock_say(lock, LIMIT, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, say_late, &lock), 0);
	bool broken = lock_break(path);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	/* where the machine had no time for the thread, it was broken, and rightly so */
	ck_assert(!broken || access(path, F_OK) == -1);
	if (broken)
		return;
	ck_assert(!lock_break(path));
	ck_assert(lock_is_held(path));
	close(lock);
}
END_TEST

START_TEST(what_is_no_lock_is_no_lock)
{
	set_up();
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(take(), -EISDIR);
	ck_assert(!lock_is_held(path));
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(symlink("elsewhere", path), 0);
	ck_assert_int_eq(take(), -ELOOP);
	ck_assert(!lock_is_held(path));
}
END_TEST

START_TEST(only_a_lock_that_is_not_held_is_removed)
{
	set_up();
	int folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), lock = take();

	lock_remove(folder, path);
	ck_assert_int_eq(access(path, F_OK), 0);
	close(lock);
	lock_remove(folder, path);
	ck_assert_int_eq(access(path, F_OK), -1);
	lock_remove(folder, path);
	ck_assert_int_eq(access(path, F_OK), -1);
	close(folder);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{one_holds_it_and_others_see_that, 1},
		{a_lock_dies_with_those_who_hold_it, 1},
		{a_wait_ends_when_it_is_given_back, 1},
		{nobody_waits_longer_than_his_limit_or_the_holders, 1},
		{who_is_over_his_time_loses_it, 1},
		{who_has_not_said_his_time_yet_keeps_it, 1},
		{what_is_no_lock_is_no_lock, 1},
		{only_a_lock_that_is_not_held_is_removed, 1},
	};

	return support_run("lock", tests, sizeof tests / sizeof *tests);
}
