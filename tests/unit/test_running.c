/*
 * Tests of src/watch/running.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "published_write.h"
#include "support.h"
#include "watch/running.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_lock(const char *folder)
{
	char path[SUPPORT_PATH_MAX];

	support_path(folder, PUBLISHED_LOCK, path);
	int descriptor = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(descriptor, 0);
	return descriptor;
}

START_TEST(lock_that_is_held_is_a_daemon)
{
	char folder[SUPPORT_PATH_MAX];

	support_folder(folder);
	int lock = make_lock(folder);
	ck_assert_int_eq(running_look(folder).state, RUNNING_NO);
	ck_assert_int_eq(flock(lock, LOCK_EX), 0);
	struct running running = running_look(folder);
	ck_assert_int_eq(running.state, RUNNING_YES);
	/* On a file system whose device /proc/locks calls otherwise it is not said who holds it. */
	ck_assert(running.pid == getpid() || running.pid == 0);
	ck_assert(running.pid == 0 || running.own != 0);
	close(lock);
	ck_assert_int_eq(running_look(folder).state, RUNNING_NO);
}
END_TEST

START_TEST(look_leaves_the_lock_free)
{
	char folder[SUPPORT_PATH_MAX];

	support_folder(folder);
	int lock = make_lock(folder);
	running_look(folder);
	ck_assert_int_eq(flock(lock, LOCK_EX | LOCK_NB), 0);
	close(lock);
}
END_TEST

START_TEST(no_lock_is_no_daemon)
{
	char folder[SUPPORT_PATH_MAX], path[SUPPORT_PATH_MAX];

	support_folder(folder);
	ck_assert_int_eq(running_look(folder).state, RUNNING_NO);
	ck_assert_int_eq(running_look("/nonexistent/directory").state, RUNNING_NO);
	support_path(folder, PUBLISHED_LOCK, path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(running_look(folder).state, RUNNING_UNKNOWN);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{lock_that_is_held_is_a_daemon, 1},
		{look_leaves_the_lock_free, 1},
		{no_lock_is_no_daemon, 1},
	};

	return support_run("running", tests, sizeof tests / sizeof *tests);
}
