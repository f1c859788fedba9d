/*
 * Tests of src/helper.c. The helper that is run is this program itself: started with --for-module it does what the
 * name that is asked for says (play() in helper_parts.h), and reports how it finds itself.
 *
 * SPDX-License-Identifier: MIT
 */
#include "deadline.h"
#include "helper.h"
#include "helper_parts.h"
#include "lock.h"
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static char self[PATH_MAX]; /* this program, whatever runs it and wherever */
static uid_t owner;         /* whose it is */

/*
 * What a library that is preloaded puts in libc's place, one that logs each program, say. It may allocate and lock, and
 * so none of it may run in a child that shares the host's memory: here it fails, and with it every test.
 */
int execve(const char *path, char *const arguments[], char *const environment[])
{
	(void)path;
	(void)arguments;
	(void)environment;
	errno = ENOSYS;
	return -1;
}

int chdir(const char *path)
{
	(void)path;
	errno = ENOSYS;
	return -1;
}

pid_t setsid(void)
{
	errno = ENOSYS;
	return -1;
}

/* What the host sees. */

static int run_program(const char *program, const char *part, const char *lock, int64_t started, struct record *record)
{
	static const struct origin origin = {.network = "1", .unit = "0123456789abcdef"};
	struct helper helper = {.program = program, .owner = owner};

	return helper_run(&helper,
	                  &(struct lookup_question){.text = part, .lock = lock, .origin = &origin, .started = started}, record);
}

/* Runs the helper; what it reported, or its error in words. The caller's thread has room for it. */
static const char *run_with(const char *part, const char *lock, int64_t started, char *text, size_t size)
{
	struct record record = {0};
	int result = run_program(self, part, lock, started, &record);

	if (result < 0)
		snprintf(text, size, "%s", strerrorname_np(-result));
	else if (record.verdict != VERDICT_FOUND)
		snprintf(text, size, "%s", support_verdict(record.verdict));
	else
		snprintf(text, size, "%s", record.service->instances[0].id);
	record_done(&record);
	return text;
}

static const char *run(const char *part)
{
	static char text[32768];

	return run_with(part, NULL, deadline_now(), text, sizeof text);
}

static const struct part {
	const char *part, *wanted;
} parts[] = {
	{"slowly", "slow"},
	{"keep open", "kept open"},
	{"unknown", "unknown"},
	{"dies", "EPIPE"},
	{"limit and die", "EPIPE"},
	{"cut", "EPIPE"},
	{"longer and die", "EPIPE"},
	{"limit and hang", "ETIMEDOUT"},
	{"longer", "ETIMEDOUT"},
	{"larger than all", "EBADMSG"},
	{"shorter", "EBADMSG"},
	{"damage", "EBADMSG"},
	{"no limit", "EBADMSG"},
	{"junk", "EBADMSG"},
	{"junk record", "EBADMSG"},
};

START_TEST(whatever_the_helper_does_is_told)
{
	ck_assert_str_eq(run(parts[_i].part), parts[_i].wanted);
}
END_TEST

START_TEST(a_helper_that_says_no_limit_has_until_the_start_limit)
{
	int64_t now = deadline_now();
	char text[64];

	/* the lookup began long ago, so that little of the limit is left */
	ck_assert_str_eq(run_with("hang", NULL, now - HELPER_START_LIMIT + 50, text, sizeof text), "ETIMEDOUT");
	ck_assert_int_ge(deadline_now() - now, 50);
	ck_assert_str_eq(run_with("hang", NULL, now - 2 * HELPER_START_LIMIT, text, sizeof text), "ETIMEDOUT");
}
END_TEST

START_TEST(a_lookup_that_has_waited_for_longer_asks_all_the_same)
{
	char text[64];

	ck_assert_str_eq(run_with("unknown", NULL, deadline_now() - 2 * HELPER_START_LIMIT, text, sizeof text), "unknown");
}
END_TEST

START_TEST(a_helper_has_the_limit_it_says_and_a_moment)
{
	int64_t now = deadline_now();

	ck_assert_str_eq(run("limit and hang"), "ETIMEDOUT");
	ck_assert_int_ge(deadline_now() - now, SOON + HELPER_GRACE);
}
END_TEST

START_TEST(the_helper_knows_how_long_the_lookup_has_lasted)
{
	char text[64];

	ck_assert_int_ge(atoi(run_with("elapsed", NULL, deadline_now() - 300, text, sizeof text)), 300);
	ck_assert_int_lt(atoi(text), 300 + HELPER_START_LIMIT);
	ck_assert_str_eq(run_with("elapsed", NULL, deadline_now() + 1000, text, sizeof text), "0");
}
END_TEST

static const struct program {
	const char *path, *wanted;
} programs[] = {
	{"/nonexistent/nomad-lookup", "ENOENT"}, {"", "ENOENT"}, {"/", "EACCES"}, {"/etc/passwd", "EACCES"}, {"/dev/null", "EACCES"},
};

START_TEST(a_program_that_cannot_be_run_says_why)
{
	struct record record = {.ttl = 99}, untouched = record;
	int result = run_program(programs[_i].path, "x", NULL, deadline_now(), &record);

	ck_assert_str_eq(strerrorname_np(-result), programs[_i].wanted);
	ck_assert_mem_eq(&record, &untouched, sizeof record);
}
END_TEST

static atomic_int children_ended, handled_elsewhere;

static void count_child(int number)
{
	(void)number;
	atomic_fetch_add(&children_ended, 1);
}

static void handle(int number, void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler};

	ck_assert_int_eq(sigaction(number, &action, NULL), 0);
}

START_TEST(no_child_is_seen)
{
	static void (*const handlers[])(int) = {SIG_DFL, SIG_IGN, count_child};
	static const char *const ways[] = {"slowly", "dies", "limit and hang"};

	handle(SIGCHLD, handlers[_i]);
	for (size_t i = 0; i < 3; i++) {
		run(ways[i]);
		ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
		ck_assert_int_eq(errno, ECHILD);
		ck_assert_int_eq(waitpid(-1, NULL, WNOHANG | __WALL), -1);
		ck_assert_int_eq(errno, ECHILD);
	}
	struct record record = {0};
	ck_assert_int_eq(run_program("/nonexistent", "x", NULL, deadline_now(), &record), -ENOENT);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG | __WALL), -1);
	ck_assert_int_eq(children_ended, 0);
}
END_TEST

static atomic_bool stop;

static void *wait_for_all(void *options)
{
	while (!atomic_load(&stop))
		if (waitpid(-1, NULL, *(int *)options) > 0)
			atomic_fetch_add(&children_ended, 1);
	return NULL;
}

/* One that looks for clones as well may take the middle child; the lookup is right all the same. */
START_TEST(a_thread_that_waits_for_any_child_meets_none)
{
	int options = _i == 0 ? 0 : (int)__WALL;
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_all, &options), 0);
	for (int i = 0; i < 20; i++)
		ck_assert_str_eq(run("unknown"), "unknown");
	atomic_store(&stop, true);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	if (_i == 0)
		ck_assert_int_eq(children_ended, 0);
}
END_TEST

/* A test whose process is not the same afterwards: done in a child, whose verdict counts. It ends with exit(), which
   writes what `make coverage` counts. */
static void in_child(void (*test)(void))
{
	int status;
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		test();
		exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}

static void run_with_a_thousand_descriptors(void)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max < 1100 ? limit.rlim_max : 1100;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_ge(open("/dev/null", O_RDONLY), 0);
	ck_assert_str_eq(run("descriptors"), " 0 1 2");
}

START_TEST(the_helper_gets_no_descriptor_of_the_host)
{
	in_child(run_with_a_thousand_descriptors);
}
END_TEST

/* From here on a system call fails, where its argument of that number is `value` in the bits of `mask`. */
static void forbid(int call, int argument, uint32_t mask, uint32_t value, int error)
{
	size_t at = offsetof(struct seccomp_data, args) + (size_t)argument * sizeof(uint64_t);
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)at), /* its lower half, on a little-endian machine */
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof rules / sizeof *rules, .filter = rules};

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void run_without_close_range(void)
{
	for (int i = 0; i < 200; i++)
		ck_assert_int_ge(open("/dev/null", O_RDONLY), 0);
	forbid(SYS_close_range, 0, 0, 0, ENOSYS); /* as with Linux before 5.9 */
	ck_assert_int_eq(syscall(SYS_close_range, 1000, 1001, 0), -1);
	ck_assert_str_eq(run("descriptors"), " 0 1 2");
}

START_TEST(without_close_range_neither)
{
	in_child(run_without_close_range);
}
END_TEST

/* No folder can be opened, as where there is no /proc: the helper looks for its descriptors in another way then. */
static void run_without_proc(void)
{
	for (int i = 0; i < 200; i++)
		ck_assert_int_ge(open("/dev/null", O_RDONLY), 0);
	forbid(SYS_close_range, 0, 0, 0, ENOSYS);
	forbid(SYS_openat, 2, O_DIRECTORY, O_DIRECTORY, ENOENT);
	ck_assert_int_eq(open("/proc/self/fd", O_RDONLY | O_DIRECTORY), -1);
	ck_assert_str_eq(run("first descriptors"), " 0 1 2");
}

START_TEST(without_proc_neither)
{
	in_child(run_without_proc);
}
END_TEST

static const struct refusal {
	int call, argument;
	uint32_t mask, value;
	int error;
	const char *wanted;
} refusals[] = {
	{SYS_clone, 0, CLONE_VFORK, CLONE_VFORK, EAGAIN, "EAGAIN"},
	{SYS_mmap, 3, MAP_STACK, MAP_STACK, ENOMEM, "ENOMEM"},
#ifdef SYS_poll /* not on newer architectures */
	{SYS_poll, 1, UINT32_MAX, 1, EINVAL, "EINVAL"},
#endif
	{SYS_read, 2, UINT32_MAX, 4, EIO, "EIO"}, /* of the limit's four octets */
};
static const struct refusal *refusal; /* the one that is tried */

static void run_refused(void)
{
	char text[64];

	forbid(refusal->call, refusal->argument, refusal->mask, refusal->value, refusal->error);
	ck_assert_str_eq(run_with("unknown", NULL, deadline_now(), text, sizeof text), refusal->wanted);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG | __WALL), -1);
}

START_TEST(what_the_system_refuses_is_told)
{
	refusal = &refusals[_i];
	in_child(run_refused);
}
END_TEST

static rlim_t most_processes;

/* Who built this in a folder that is closed to others meets a user who cannot run it: with this, he can. */
static void search_everywhere(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
	ck_assert_int_eq(syscall(SYS_capget, &header, sets), 0);
	sets[0].effective |= 1U << CAP_DAC_READ_SEARCH;
	ck_assert_int_eq(syscall(SYS_capset, &header, sets), 0);
}

static void run_as_a_user_with_few_processes(void)
{
	uid_t user = (1 << 20) + 4 * (uid_t)getpid() + (uid_t)most_processes; /* has no process but ours */
	char threads[64]; /* they count too, and a sanitizer has one of its own */
	struct rlimit before, limit;
	read_status("Threads", threads);
	ck_assert_int_eq(getrlimit(RLIMIT_NPROC, &limit), 0);
	before = limit;
	limit.rlim_cur = most_processes - 1 + (rlim_t)atoi(threads);
	ck_assert_int_eq(setrlimit(RLIMIT_NPROC, &limit), 0);
	ck_assert_int_eq(setresuid(user, user, 0), 0);
	search_everywhere();
	ck_assert_str_eq(run("unknown"), most_processes < 3 ? "EAGAIN" : "unknown");
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG | __WALL), -1);
	/* sanitizers start a process of their own in the end */
	ck_assert_int_eq(setresuid(0, 0, 0), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NPROC, &before), 0);
	ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0);
}

/* 1: the middle child cannot be; 2: the helper cannot. Only root can become that user. */
START_TEST(where_there_may_be_no_more_processes_it_says_so)
{
	most_processes = (rlim_t)_i + 1;
	if (geteuid() == 0)
		in_child(run_as_a_user_with_few_processes);
}
END_TEST

static int closed_descriptors; /* one bit for each of the first five */

static void close_first_descriptors(void)
{
	for (int descriptor = 0; descriptor < 5; descriptor++)
		if ((closed_descriptors >> descriptor & 1) != 0)
			close(descriptor);
}

static void run_with_closed_descriptors(void)
{
	char report[64];

	close_first_descriptors();
	run_with("descriptors", NULL, deadline_now(), report, sizeof report);
	exit(strcmp(report, " 0 1 2") == 0 ? 0 : 1);
}

START_TEST(a_host_may_have_closed_its_first_descriptors)
{
	closed_descriptors = _i;
	in_child(run_with_closed_descriptors);
}
END_TEST

static char lock_path[SUPPORT_PATH_MAX];

static void run_with_closed_descriptors_and_a_lock(void)
{
	char report[64], wanted[64];
	struct stat status;

	close_first_descriptors();
	run_with("lock", lock_path, deadline_now(), report, sizeof report);
	if (stat(lock_path, &status) < 0)
		exit(1);
	snprintf(wanted, sizeof wanted, "%ju", (uintmax_t)status.st_ino);
	if (strcmp(report, wanted) != 0)
		exit(2);
	lock_wait(lock_path, deadline_now(), 1000 * SUPPORT_SECONDS);
	run_with("descriptors", lock_path, deadline_now(), report, sizeof report);
	exit(strcmp(report, " 0 1 2 3") == 0 ? 0 : 3);
}

static void set_lock(void)
{
	char folder[SUPPORT_PATH_MAX];

	support_folder(folder);
	support_path(folder, "web.lock", lock_path);
}

START_TEST(the_helper_holds_the_lock)
{
	set_lock();
	closed_descriptors = _i;
	in_child(run_with_closed_descriptors_and_a_lock);
}
END_TEST

/* And nobody else: not the host, which may be stopped, or another process that it forks. */
START_TEST(the_helper_alone_holds_the_lock)
{
	char text[64];

	set_lock();
	int lock = lock_take(lock_path, 0, 0);
	ck_assert_int_ge(lock, 0);
	ck_assert_str_eq(run_with("unknown", lock_path, deadline_now(), text, sizeof text), "EAGAIN");
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG | __WALL), -1);
	close(lock);
	ck_assert_str_eq(run_with("limit and hang", lock_path, deadline_now(), text, sizeof text), "ETIMEDOUT");
	/* it ends now that nobody reads */
	ck_assert_int_eq(lock_wait(lock_path, deadline_now(), 1000 * SUPPORT_SECONDS), 0);
	ck_assert_int_eq(unlink(lock_path), 0);
	ck_assert_int_eq(mkdir(lock_path, 0700), 0); /* there can be none: it is asked without */
	ck_assert_str_eq(run_with("lock", lock_path, deadline_now(), text, sizeof text), "0");
}
END_TEST

/* With a mask of the host's that would lock its own user out of it, and where no file may be written. */
static void run_with_mask_and_limit(void)
{
	struct rlimit before, none;
	struct stat status;
	char text[64];

	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	mode_t mask = umask(0777);
	setrlimit(RLIMIT_FSIZE, &none); /* from here on nothing is asserted: that would be written to a file */
	run_with("unknown", lock_path, deadline_now(), text, sizeof text);
	setrlimit(RLIMIT_FSIZE, &before);
	umask(mask);
	ck_assert_str_eq(text, "unknown");
	ck_assert_int_eq(stat(lock_path, &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0600);
	_exit(0);
}

START_TEST(the_lock_is_made_whatever_the_mask_and_the_limits)
{
	set_lock();
	in_child(run_with_mask_and_limit);
}
END_TEST

START_TEST(a_trial_says_whether_the_helper_runs)
{
	ck_assert_int_eq(helper_try(&(struct helper){.program = self, .owner = owner}), 0);
	ck_assert_int_eq(helper_try(&(struct helper){.program = "/nonexistent", .owner = owner}), -ENOENT);
}
END_TEST

static void run_as_somebody_else(void)
{
	ck_assert_int_eq(setresgid(4711, 4712, 4713), 0);
	ck_assert_int_eq(setresuid(0, 4712, 0), 0);
	search_everywhere();
	ck_assert_str_eq(run("users"), "4712 4712 4712, 4712 4712 4712");
	setenv("NOMAD_ADDR", "http://192.0.2.1:4646", 1);
	ck_assert_str_eq(run("environment"), "");
	_exit(0);
}

/* Whoever's root directory and program this were, he would become root again, or whoever else started it. */
START_TEST(the_helper_is_the_effective_user_and_nobody_else)
{
	if (geteuid() == 0)
		in_child(run_as_somebody_else);
}
END_TEST

static void run_without_execveat(void)
{
	forbid(SYS_execveat, 0, 0, 0, ENOSYS);
	ck_assert_str_eq(run("unknown"), "unknown");
}

START_TEST(without_execveat_too)
{
	in_child(run_without_execveat);
}
END_TEST

START_TEST(without_free_descriptors_it_says_so)
{
	struct rlimit before, limit;
	char text[64];

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	int next = dup(0);
	ck_assert_int_ge(next, 0);
	close(next);
	for (int spare = 0; spare < 7; spare++) {
		limit = before;
		limit.rlim_cur = (rlim_t)(next + spare);
		setrlimit(RLIMIT_NOFILE, &limit);
		run_with("unknown", NULL, deadline_now(), text, sizeof text);
		setrlimit(RLIMIT_NOFILE, &before);
		ck_assert_msg(strcmp(text, "unknown") == 0 || strcmp(text, "EMFILE") == 0, "%d spare: %s", spare, text);
		ck_assert_msg(spare < 5 || strcmp(text, "unknown") == 0, "%d spare: %s", spare, text);
	}
	int after = dup(0);
	close(after);
	ck_assert_int_eq(next, after);
}
END_TEST

static void run_with_other_environments(void)
{
	clearenv();
	ck_assert_str_eq(run("environment"), "");
	setenv("PATH", "/bin", 1);
	setenv("NOMAD_ADDR", "http://127.0.0.1:4646", 1);
	setenv("LD_DEBUG", "all", 1);
	setenv("http_proxy", "http://proxy.example", 1);
	setenv("NOMAD_TOKEN", "secret", 1);
	setenv("XNOMAD_ADDR", "x", 1);
	setenv("NOMAD", "x", 1);
	setenv("nomad_addr", "x", 1);
	ck_assert_str_eq(run("environment"), " NOMAD_ADDR=http://127.0.0.1:4646 NOMAD_TOKEN=secret");
	environ = NULL;
	ck_assert_str_eq(run("environment"), "");
}

START_TEST(of_the_environment_the_helper_gets_what_is_nomads)
{
	in_child(run_with_other_environments);
}
END_TEST

static void run_with_signals_blocked_and_ignored(void)
{
	sigset_t all, before, after;
	struct sigaction action;

	sigfillset(&all);
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &all, &before), 0);
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, NULL, &before), 0);
	handle(SIGTERM, count_child);
	handle(SIGHUP, SIG_IGN);
	handle(SIGPIPE, SIG_IGN);
	handle(SIGRTMIN + 3, SIG_IGN);
	ck_assert_str_eq(run("signals"), "0000000000000000 0000000000000000");

	/* and what the helper set back was its own */
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, NULL, &after), 0);
	for (int number = 1; number < NSIG; number++)
		ck_assert_int_eq(sigismember(&before, number), sigismember(&after, number));
	ck_assert_int_eq(sigaction(SIGTERM, NULL, &action), 0);
	ck_assert_ptr_eq(action.sa_handler, count_child);
	ck_assert_int_eq(sigaction(SIGHUP, NULL, &action), 0);
	ck_assert_ptr_eq(action.sa_handler, SIG_IGN);
}

START_TEST(no_signal_of_the_host_reaches_the_helper)
{
	in_child(run_with_signals_blocked_and_ignored);
}
END_TEST

static pid_t host;

static void note_process(int number)
{
	(void)number;
	if (syscall(SYS_getpid) != host)
		atomic_store(&handled_elsewhere, 1);
	atomic_fetch_add(&children_ended, 1);
}

START_TEST(a_storm_of_signals_changes_nothing)
{
	struct itimerval often = {.it_interval = {.tv_usec = 500}, .it_value = {.tv_usec = 500}}, never = {0};

	host = (pid_t)syscall(SYS_getpid);
	handle(SIGALRM, note_process);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
	for (int i = 0; i < 50; i++)
		ck_assert_str_eq(run(i % 2 == 0 ? "slowly" : "unknown"), i % 2 == 0 ? "slow" : "unknown");
	ck_assert_str_eq(run("limit and hang"), "ETIMEDOUT");
	ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
	ck_assert_int_gt(children_ended, 0);
	ck_assert_int_eq(handled_elsewhere, 0);
}
END_TEST

START_TEST(the_helper_is_at_home_nowhere)
{
	ck_assert_str_eq(run("place"), "/, own session, input null, errors null");
}
END_TEST

enum { THREADS = 64, SMALL_STACK = (SUPPORT_REAL_FRAMES ? 16 : 256) * 1024 };

static pthread_barrier_t all_are_there;

static void *run_in_thread(void *argument)
{
	struct record record = {0};
	bool *right = argument;

	pthread_barrier_wait(&all_are_there);
	*right = run_program(self, "unknown", NULL, deadline_now(), &record) == 0 && record.verdict == VERDICT_UNKNOWN;
	record_done(&record);
	return NULL;
}

START_TEST(many_threads_with_small_stacks_run_it_at_once)
{
	pthread_t threads[THREADS];
	bool right[THREADS] = {false};
	pthread_attr_t attributes;

	ck_assert_int_eq(pthread_barrier_init(&all_are_there, NULL, THREADS), 0);
	ck_assert_int_eq(pthread_attr_init(&attributes), 0);
	ck_assert_int_eq(pthread_attr_setstacksize(&attributes, SMALL_STACK), 0);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], &attributes, run_in_thread, &right[i]), 0);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	for (int i = 0; i < THREADS; i++)
		ck_assert(right[i]);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG | __WALL), -1);
	pthread_attr_destroy(&attributes);
}
END_TEST

/* Pages of this process's address space. */
static long count_pages(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long pages = 0;

	ck_assert_int_eq(fscanf(file, "%ld", &pages), 1);
	fclose(file);
	return pages;
}

START_TEST(nothing_stays_open_or_mapped)
{
	char before[SUPPORT_TEXT_MAX] = "", after[SUPPORT_TEXT_MAX] = "";
	long pages = 0;

	for (int round = 0; round < 2; round++) {
		list_descriptors(round == 0 ? before : after);
		pages = count_pages();
		for (size_t i = 0; i < 100; i++)
			run(i % 2 == 0 ? "unknown" : "dies");
	}
	ck_assert_str_eq(before, after);
	ck_assert_int_lt(count_pages() - pages, 100 * 8); /* two stacks of eight pages each time would be twice that */
}
END_TEST

START_TEST(without_memory_it_says_so)
{
	unsigned failures = 0;

	for (bool failed = true; failed; failures += failed) {
		struct record record = {0};
		support_fail_allocation(failures + 1);
		int result = run_program(self, "slowly", NULL, deadline_now(), &record);
		failed = support_fail_allocation(0);
		ck_assert_int_eq(result, failed ? -ENOMEM : 0);
		record_done(&record);
	}
	ck_assert_uint_ge(failures, 4); /* the environment, the octets, what they hold */
}
END_TEST

int main(int argc, char **argv)
{
	const struct support_test tests[] = {
		{whatever_the_helper_does_is_told, sizeof parts / sizeof *parts},
		{a_helper_that_says_no_limit_has_until_the_start_limit, 1},
		{a_lookup_that_has_waited_for_longer_asks_all_the_same, 1},
		{a_helper_has_the_limit_it_says_and_a_moment, 1},
		{the_helper_knows_how_long_the_lookup_has_lasted, 1},
		{a_program_that_cannot_be_run_says_why, sizeof programs / sizeof *programs},
		{no_child_is_seen, 3},
		{a_thread_that_waits_for_any_child_meets_none, 2},
		{the_helper_gets_no_descriptor_of_the_host, 1},
		{without_close_range_neither, 1},
		{without_proc_neither, 1},
		{what_the_system_refuses_is_told, sizeof refusals / sizeof *refusals},
		{where_there_may_be_no_more_processes_it_says_so, 3},
		{a_host_may_have_closed_its_first_descriptors, 32},
		{the_helper_holds_the_lock, 32},
		{the_helper_alone_holds_the_lock, 1},
		{the_lock_is_made_whatever_the_mask_and_the_limits, 1},
		{a_trial_says_whether_the_helper_runs, 1},
		{the_helper_is_the_effective_user_and_nobody_else, 1},
		{without_execveat_too, 1},
		{without_free_descriptors_it_says_so, 1},
		{of_the_environment_the_helper_gets_what_is_nomads, 1},
		{no_signal_of_the_host_reaches_the_helper, 1},
		{a_storm_of_signals_changes_nothing, 1},
		{the_helper_is_at_home_nowhere, 1},
		{many_threads_with_small_stacks_run_it_at_once, 1},
		{nothing_stays_open_or_mapped, 1},
		{without_memory_it_says_so, 1},
	};

	struct stat status;

	if (argc == HELPER_NAME + 1 && strcmp(argv[1], "--for-module") == 0 && strcmp(argv[HELPER_NAME - 1], "--") == 0)
		return play(argv);
	if (realpath("/proc/self/exe", self) == NULL || stat(self, &status) < 0)
		return EXIT_FAILURE;
	owner = status.st_uid;
	chmod(self, 0755); /* whoever builds with another mask lets his group write it */
	return support_run("helper", tests, sizeof tests / sizeof *tests);
}
