/*
 * Tests of src/beneath.c: no link below a directory is followed, neither with openat2() nor without, and nothing is even
 * opened for a moment.
 *
 * SPDX-License-Identifier: MIT
 */
#include "beneath.h"

#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[SUPPORT_PATH_MAX], outside[SUPPORT_PATH_MAX];

static const char *at(const char *folder, const char *name)
{
	static char path[SUPPORT_PATH_MAX];

	support_path(folder, name, path);
	return path;
}

static void make_link(const char *target, const char *name)
{
	ck_assert_int_eq(symlink(target, at(dir, name)), 0);
}

static void set_up(void)
{
	char top[SUPPORT_PATH_MAX];

	support_folder(top);
	support_path(top, "dir", dir);
	support_path(top, "outside", outside);
	support_write(at(dir, "services/prod/web"), "inside", 6);
	support_write(at(outside, "web"), "outside", 7);
	support_write(at(outside, "prod/web"), "outside", 7);
	make_link(outside, "services/absolute");
	make_link("../../outside", "services/relative");
	make_link("prod", "services/own");
	make_link("/proc/self/root", "services/magic");
	make_link("../../../outside/web", "services/prod/file");
	make_link("services", "others");
}

static const struct row {
	const char *below;
	int wanted; /* 0: it opens */
} rows[] = {
	{"services/prod/web", 0},
	{"services/prod", 0},
	{"services/prod/none", -ENOENT},
	{"services/none/web", -ENOENT},
	{"none/prod/web", -ENOENT},
	{"services/prod/web/more", -ENOTDIR},
	{"services/absolute/web", -ELOOP},
	{"services/relative/web", -ELOOP},
	{"services/own/web", -ELOOP},
	{"services/magic/web", -ELOOP},
	{"services/prod/file", -ELOOP},
	{"others/prod/web", -ELOOP},
};

/* openat2() fails as in a sandbox that does not know it. */
static void refuse_openat2(int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {sizeof code / sizeof *code, code};

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

/* What opening one says; what it opened is closed. */
static int try(const char *below)
{
	int descriptor = beneath_open(dir, below);

	return descriptor < 0 ? descriptor : close(descriptor);
}

/* Whether every row is as it should be, and no descriptor was left. */
static bool all_right(void)
{
	bool right = true;
	int before = dup(0);

	close(before);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int result = try(rows[i].below);
		if (result != rows[i].wanted)
			fprintf(stderr, "%s: %s\n", rows[i].below, strerror(-result));
		right = right && result == rows[i].wanted;
	}
	int after = dup(0);
	close(after);
	return right && before == after;
}

START_TEST(no_link_is_followed)
{
	set_up();
	ck_assert(all_right());
}
END_TEST

static const int refusals[] = {ENOSYS, EPERM, EACCES};

/* In a process of its own: a filter stays. */
START_TEST(nor_where_openat2_is_refused)
{
	int status;

	set_up();
	pid_t child = fork();
	if (child == 0) {
		refuse_openat2(refusals[_i]);
		_exit(all_right() ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(what_is_outside_is_not_opened)
{
	char events[4096];

	set_up();
	int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	ck_assert_int_ge(inotify_add_watch(watch, outside, IN_OPEN), 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		try(rows[i].below);
	ck_assert_int_lt(read(watch, events, sizeof events), 0);
	/* the watch would have seen it */
	close(open(at(outside, "web"), O_RDONLY | O_CLOEXEC));
	ck_assert_int_gt(read(watch, events, sizeof events), 0);
	close(watch);
}
END_TEST

START_TEST(the_directory_itself_may_be_reached_by_links)
{
	char there[SUPPORT_PATH_MAX];

	set_up();
	support_path(outside, "link", there);
	ck_assert_int_eq(symlink(dir, there), 0);
	int descriptor = beneath_open(there, "services/prod/web");
	ck_assert_int_ge(descriptor, 0);
	close(descriptor);
	ck_assert_int_eq(beneath_open(there, "services/own/web"), -ELOOP);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{no_link_is_followed, 1},
		{nor_where_openat2_is_refused, sizeof refusals / sizeof *refusals},
		{what_is_outside_is_not_opened, 1},
		{the_directory_itself_may_be_reached_by_links, 1},
	};

	return support_run("beneath", tests, sizeof tests / sizeof *tests);
}
