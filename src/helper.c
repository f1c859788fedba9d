/*
 * Running nomad-lookup, unseen; see helper.h. Called by nss_nomad.c's lookups on a miss.
 *
 * The calling thread clones a middle child that shares its memory (CLONE_VM, CLONE_VFORK: the thread waits), with
 * no exit signal; that one clones the helper in the same way and exits, and is reaped at once with __WCLONE, which
 * the host's own wait() does not look at. Both children run on a stack of their own and touch nothing but it and
 * what was prepared for them: no allocation, no stdio, no lock.
 *
 * SPDX-License-Identifier: MIT
 */
#include "helper.h"

#include "bytes.h"
#include "deadline.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* glibc's other name of clone(): the thread sanitizer replaces clone() by one that takes every child for a copy. */
extern int __clone(int (*child)(void *), void *stack, int flags, void *argument, ...);

enum {
	STACK_SIZE = 32 * 1024,   /* octets, for each of the two children */
	SIGNALS = 64,             /* of Linux */
	KERNEL_SIGSET = 8,        /* octets, as rt_sigaction wants it */
	MOST_DESCRIPTORS = 65536, /* that are closed one by one, where nothing says which are open */
};

/* What both children need, prepared by the calling thread. */
struct launch {
	const char *program;
	char *const *arguments;
	char *const *environment;
	int output; /* the pipe's end for writing */
	int lock;
	char *stack; /* of the helper's child; the middle one's lies above it */
	pid_t helper;
	int error;   /* why exec was not reached, 0 where it was */
};

/*
 * What the children do is done past libc. Its functions may be another's: a library that is preloaded and logs each
 * program would allocate and lock in the host's memory, a sanitizer would take the children's descriptors for the host's.
 */
static int child_open(const char *path, int flags)
{
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags);
}

static void child_close(int descriptor)
{
	syscall(SYS_close, descriptor);
}

static bool child_move(int from, int to)
{
	return syscall(SYS_dup3, from, to, 0) >= 0;
}

/* The same descriptor, or a copy with a number over those that the helper is going to have. */
static int move_up(int descriptor)
{
	if (descriptor < 0 || descriptor > HELPER_LOCK)
		return descriptor;
	int copy = (int)syscall(SYS_fcntl, descriptor, F_DUPFD, HELPER_LOCK + 1);
	child_close(descriptor);
	return copy;
}

/* The descriptor that an entry of /proc/self/fd is named after; -1 for the folder's own entries. */
static int number_of(const char *name)
{
	int number = 0;

	for (; *name >= '0' && *name <= '9'; name++)
		number = 10 * number + (*name - '0');
	return *name == '\0' ? number : -1;
}

/* Closes what /proc lists from `first` on; false where there is no /proc. The entries are in order, none is skipped. */
static bool close_listed(int first)
{
	_Alignas(struct dirent64) char entries[1024];
	int folder = child_open("/proc/self/fd", O_RDONLY | O_DIRECTORY);
	ssize_t size;

	if (folder < 0)
		return false;
	while ((size = syscall(SYS_getdents64, folder, entries, sizeof entries)) > 0)
		for (ssize_t at = 0; at < size;) {
			const struct dirent64 *entry = (const void *)(entries + at);
			int descriptor = number_of(entry->d_name);
			if (descriptor >= first && descriptor != folder)
				child_close(descriptor);
			at += entry->d_reclen;
		}
	child_close(folder);
	return true;
}

/* Linux before 5.9 has no close_range(), and up to the limit of descriptors it can be a billion. */
static void close_from(int first)
{
	if (syscall(SYS_close_range, first, ~0U, 0) == 0 || close_listed(first))
		return;
	for (int descriptor = first; descriptor < MOST_DESCRIPTORS; descriptor++)
		child_close(descriptor);
}

static bool set_descriptors(int output, int lock)
{
	output = move_up(output);
	lock = move_up(lock);
	int nothing = move_up(child_open("/dev/null", O_RDWR));
	if (output < 0 || nothing < 0 || !child_move(nothing, STDIN_FILENO) || !child_move(nothing, STDERR_FILENO) ||
	    !child_move(output, STDOUT_FILENO))
		return false;
	if (lock < 0)
		child_close(HELPER_LOCK);
	else if (!child_move(lock, HELPER_LOCK))
		return false;
	close_from(HELPER_LOCK + 1);
	return true;
}

/*
 * Back to the defaults, past libc, which would keep the host's own records of them in shared memory. The table
 * is the child's copy. No handler of the host may run here, and an ignored signal would stay ignored across exec.
 */
static void reset_signals(void)
{
	static const unsigned long defaults[8]; /* room for struct sigaction as the kernel has it; SIG_DFL is 0 */
	static const unsigned long none[KERNEL_SIGSET / sizeof(unsigned long)];

	for (int number = 1; number <= SIGNALS; number++)
		syscall(SYS_rt_sigaction, number, defaults, NULL, (size_t)KERNEL_SIGSET);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, none, NULL, (size_t)KERNEL_SIGSET);
}

static int become_helper(void *argument)
{
	struct launch *launch = argument;

	syscall(SYS_setsid); /* from here on signals to the host's group are none of ours */
	if (set_descriptors(launch->output, launch->lock) && syscall(SYS_chdir, "/") == 0) {
		reset_signals();
		syscall(SYS_execve, launch->program, launch->arguments, launch->environment);
	}
	launch->error = errno;
	return 127;
}

/* Both children share memory and suspend their parent until they exec, or return and so exit; neither sends a signal. */
static pid_t clone_unseen(int (*child)(void *), char *stack, struct launch *launch)
{
	return __clone(child, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK, launch);
}

static int be_middle(void *argument)
{
	struct launch *launch = argument;

	launch->helper = clone_unseen(become_helper, launch->stack, launch);
	if (launch->helper < 0)
		launch->error = errno;
	return 0;
}

static void reap(pid_t middle)
{
	/* ECHILD is as good: the host ignores SIGCHLD, or another of its threads waits with __WALL. */
	while (waitpid(middle, NULL, (int)__WCLONE) < 0 && errno == EINTR)
		;
}

/* Whether orphans become this process's own: it is a container's first, or has asked for them. */
static bool inherits_orphans(void)
{
	int asked = 0;

	return getpid() == 1 || (prctl(PR_GET_CHILD_SUBREAPER, &asked) == 0 && asked != 0);
}

/* Such a process has inherited the helper, and may never look after orphans: it would keep one more with each miss. */
static void bury(pid_t helper, bool has_answered)
{
	if (!has_answered)
		kill(helper, SIGKILL);
	while (waitpid(helper, NULL, 0) < 0 && errno == EINTR)
		;
}

/*
 * Starts the helper; 0 or a negative errno. No signal interrupts it: no handler may run in a child. The signal sets
 * leave the stack before the answer is read.
 */
__attribute__((noinline)) static int start(struct launch *launch)
{
	sigset_t all, before;
	char *stacks = mmap(NULL, 2 * STACK_SIZE, PROT_READ | PROT_WRITE,
	                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);

	if (stacks == MAP_FAILED)
		return -errno;
	launch->stack = stacks;
	launch->error = 0;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	pid_t middle = clone_unseen(be_middle, stacks + STACK_SIZE, launch);
	if (middle < 0)
		launch->error = errno;
	else
		reap(middle);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	munmap(stacks, 2 * STACK_SIZE);
	return -launch->error;
}

/* Reads `size` octets before the deadline. Never waits for the end: another thread's child may keep the pipe open. */
static int receive(int input, uint8_t *octets, size_t size, int64_t deadline)
{
	for (size_t have = 0; have < size;) {
		struct pollfd ready = {.fd = input, .events = POLLIN};
		int left = deadline_left(deadline);
		if (left == 0)
			return -ETIMEDOUT;
		int polled = poll(&ready, 1, left);
		if (polled < 0 && errno != EINTR)
			return -errno;
		if (polled <= 0)
			continue;
		ssize_t count = read(input, octets + have, size - have);
		if (count == 0)
			return -EPIPE;
		if (count < 0 && errno != EINTR)
			return -errno;
		have += count < 0 ? 0 : (size_t)count;
	}
	return 0;
}

static int receive_record(int input, int64_t deadline, struct record *record)
{
	uint8_t prefix[RECORD_PREFIX];
	int result = receive(input, prefix, sizeof prefix, deadline);

	if (result < 0)
		return result;
	size_t size = record_size(prefix);
	if (size == 0)
		return -EBADMSG;
	uint8_t *bytes = malloc(size);
	if (bytes == NULL)
		return -ENOMEM;
	memcpy(bytes, prefix, sizeof prefix);
	result = receive(input, bytes + sizeof prefix, size - sizeof prefix, deadline);
	if (result == 0)
		result = record_decode(bytes, size, record);
	free(bytes);
	return result;
}

static int receive_answer(int input, int64_t started, struct record *record)
{
	uint8_t octets[4];
	struct reader reader;
	/* Who has waited for longer already, for somebody else's answer, did so by a longer limit, and will be told it. */
	int64_t now = deadline_now(), from = started + HELPER_START_LIMIT > now ? started : now;
	int result = receive(input, octets, sizeof octets, from + HELPER_START_LIMIT);

	if (result < 0)
		return result;
	reader_init(&reader, octets, sizeof octets);
	uint32_t limit = reader_u32(&reader);
	if (limit > HELPER_MOST_LIMIT)
		return -EBADMSG;
	return receive_record(input, started + limit + HELPER_GRACE, record);
}

/* NOMAD_* and nothing else; nothing at all where the host runs with somebody else's rights. */
static char **clean_environment(void)
{
	static const char wanted[] = "NOMAD_";
	size_t count = 0, all = 0;

	while (environ != NULL && environ[all] != NULL)
		all++;
	char **clean = calloc(all + 1, sizeof *clean);
	if (clean == NULL || getauxval(AT_SECURE) != 0)
		return clean;
	for (size_t i = 0; i < all && environ[i] != NULL; i++)
		if (strncmp(environ[i], wanted, sizeof wanted - 1) == 0)
			clean[count++] = environ[i];
	return clean;
}

int helper_run(const char *program, const char *text, int lock, int64_t started, struct record *record)
{
	char elapsed[TEXT_NUMBER_MAX];
	char *arguments[] = {(char *)program, (char *)"--for-module", elapsed, (char *)"--", (char *)text, NULL};
	int64_t now = deadline_now();
	int ends[2];

	char **environment = clean_environment();
	if (environment == NULL)
		return -ENOMEM;
	if (pipe2(ends, O_CLOEXEC) < 0) {
		int error = errno;
		free(environment);
		return -error;
	}
	text_number(elapsed, now > started ? (unsigned long long)(now - started) : 0);
	struct launch launch = {.program = program,
	                        .arguments = arguments,
	                        .environment = environment,
	                        .output = ends[1],
	                        .lock = lock};
	int result = start(&launch);
	close(ends[1]);
	if (result == 0)
		result = receive_answer(ends[0], started, record);
	close(ends[0]);
	if (launch.error == 0 && inherits_orphans())
		bury(launch.helper, result == 0);
	free(environment);
	return result;
}
