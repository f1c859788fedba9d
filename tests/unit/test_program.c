/*
 * Tests of src/program.c: whose the helper's program must be, and each directory on the way to it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "program.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STRANGER = 4712 }; /* a user without name */

static char folder[SUPPORT_PATH_MAX], path[SUPPORT_PATH_MAX];

static void set_up(void)
{
	support_folder(folder);
	support_path(folder, "program", path);
	support_write(path, "", 0);
	ck_assert_int_eq(chmod(path, 0755), 0);
}

static int open_it(void)
{
	int descriptor = program_open(path, geteuid());

	if (descriptor < 0)
		return descriptor;
	ck_assert_int_eq(fcntl(descriptor, F_GETFD), FD_CLOEXEC);
	close(descriptor);
	return 0;
}

START_TEST(its_owners_program_is_opened)
{
	set_up();
	ck_assert_int_eq(open_it(), 0);
	ck_assert_int_eq(chmod(folder, 01777), 0); /* where others may make files, and not move what is there */
	ck_assert_int_eq(open_it(), 0);
}
END_TEST

START_TEST(what_others_may_write_is_not)
{
	set_up();
	ck_assert_int_eq(chmod(path, 0775), 0);
	ck_assert_int_eq(open_it(), -EPERM);
	ck_assert_int_eq(chmod(path, 0757), 0);
	ck_assert_int_eq(open_it(), -EPERM);
	ck_assert_int_eq(chmod(path, 0755), 0);
	ck_assert_int_eq(chmod(folder, 0777), 0);
	ck_assert_int_eq(open_it(), -EPERM);
	ck_assert_int_eq(chmod(folder, 0755), 0);
	ck_assert_int_eq(open_it(), 0);
}
END_TEST

START_TEST(somebody_elses_is_not)
{
	set_up();
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(chown(path, STRANGER, 0), 0);
	ck_assert_int_eq(open_it(), -EPERM);
	ck_assert_int_eq(chown(path, 0, 0), 0);
	ck_assert_int_eq(chown(folder, STRANGER, 0), 0); /* a root directory that he has made, say */
	ck_assert_int_eq(open_it(), -EPERM);
	/* as whom another user namespace shows users that it does not know; this one knows all */
	ck_assert_int_eq(chown(folder, 65534, 0), 0);
	ck_assert_int_eq(open_it(), -EPERM);
}
END_TEST

START_TEST(what_is_no_program_is_not)
{
	set_up();
	ck_assert_int_eq(program_open(folder, geteuid()), -EACCES);
	ck_assert_int_eq(program_open("/dev/null", geteuid()), -EACCES);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(open_it(), -ENOENT);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(open_it(), -EACCES);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{its_owners_program_is_opened, 1},
		{what_others_may_write_is_not, 1},
		{somebody_elses_is_not, 1},
		{what_is_no_program_is_not, 1},
	};

	return support_run("program", tests, sizeof tests / sizeof *tests);
}
