/*
 * Sorts of programs; see unseen.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "unseen.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
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

enum {
	VOICE_FROM = 1500, /* descriptors that no sort of program uses */
	DESCRIPTORS = 1000,
	MORE_FAULTS = 500, /* a lookup's own; 4 GiB in huge pages of 2 MiB would be 2,048 */
};

static FILE *voice;
static volatile sig_atomic_t sigchld_count;
static pid_t own_child = -1;
static int wait_flags;
static int strangers;
static pthread_t waiter;
static char *memory;
static size_t memory_size;

void host_init(void)
{
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){STATE_DESCRIPTORS, STATE_DESCRIPTORS});
	voice = fdopen(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, VOICE_FROM), "w");
	if (voice == NULL)
		err(1, "no voice");
}

void host_says(const char *line)
{
	fprintf(voice, "%s\n", line);
	fflush(voice);
}

static int count_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	int count = -2; /* . and .. */

	while (tasks != NULL && readdir(tasks) != NULL)
		count++;
	if (tasks != NULL)
		closedir(tasks);
	return count;
}

void state_take(struct state *state)
{
	memset(state, 0, sizeof *state);
	for (int i = 0; i < STATE_DESCRIPTORS; i++)
		state->descriptors[i] = (char)(fcntl(i, F_GETFD) + 1);
	pthread_sigmask(SIG_SETMASK, NULL, &state->blocked);
	for (int i = 1; i < STATE_SIGNALS; i++)
		sigaction(i, NULL, &state->actions[i]);
	state->sigchld_count = sigchld_count;
	if (own_child < 0)
		state->child = waitpid(-1, NULL, WNOHANG);
	state->threads = count_threads();
	state->session = getsid(0);
	state->umask = umask(0);
	umask(state->umask);
	if (getcwd(state->folder, sizeof state->folder) == NULL)
		err(1, "getcwd");
}

void state_compare(const struct state *before, const struct state *after)
{
	if (memcmp(before->descriptors, after->descriptors, sizeof before->descriptors) != 0)
		host_says("descriptors changed");
	if (memcmp(&before->blocked, &after->blocked, sizeof before->blocked) != 0)
		host_says("blocked signals changed");
	for (int i = 1; i < STATE_SIGNALS; i++)
		if (before->actions[i].sa_handler != after->actions[i].sa_handler ||
		    before->actions[i].sa_flags != after->actions[i].sa_flags)
			host_says("the action of a signal changed");
	if (before->sigchld_count != after->sigchld_count)
		host_says("SIGCHLD arrived");
	if (after->child != before->child || strangers > 0)
		host_says("wait() found a child");
	if (before->threads != after->threads)
		host_says("threads changed");
	if (before->session != after->session || before->umask != after->umask ||
	    strcmp(before->folder, after->folder) != 0)
		host_says("session, umask or folder changed");
}

static void count_sigchld(int number)
{
	(void)number;
	sigchld_count++;
}

void host_handles_sigchld(void)
{
	sigaction(SIGCHLD, &(struct sigaction){.sa_handler = count_sigchld}, NULL);
}

void host_ignores_sigchld(void)
{
	signal(SIGCHLD, SIG_IGN);
}

static void *wait_always(void *argument)
{
	for (pid_t pid; (pid = waitpid(-1, NULL, wait_flags)) != own_child;)
		if (pid > 0 && wait_flags == 0)
			strangers++;
	return argument;
}

/* There is always a child to wait for, so that the wait does wait. */
void host_waits(void)
{
	host_handles_sigchld();
	own_child = fork();
	if (own_child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	if ((errno = pthread_create(&waiter, NULL, wait_always, NULL)) != 0)
		err(1, "pthread_create");
}

void host_waits_for_all(void)
{
	wait_flags = __WALL;
	host_waits();
}

void host_stops_waiting(void)
{
	kill(own_child, SIGKILL);
	pthread_join(waiter, NULL);
}

void host_opens_descriptors(void)
{
	for (int i = 0; i < DESCRIPTORS; i++)
		if (open("/dev/null", O_RDWR) < 0)
			err(1, "/dev/null");
}

void host_closes_stdio(void)
{
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
}

void host_has_no_descriptor_left(void)
{
	while (open("/dev/null", O_RDWR) >= 0)
		;
}

void host_blocks_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
}

static void do_nothing(int number)
{
	(void)number;
}

void host_has_alarms(void)
{
	static const struct timeval often = {.tv_usec = 1000};

	sigaction(SIGALRM, &(struct sigaction){.sa_handler = do_nothing}, NULL);
	setitimer(ITIMER_REAL, &(struct itimerval){often, often}, NULL);
}

void host_stops_alarms(void)
{
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
}

static void touch(void)
{
	for (size_t i = 0; i < memory_size; i += 4096)
		memory[i]++;
}

void host_touches_memory(void)
{
	const char *size = getenv("UNSEEN_MIB");

	memory_size = (size == NULL ? 64 : strtoul(size, NULL, 10)) * 1024 * 1024;
	memory = mmap(NULL, memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		err(1, "memory");
	madvise(memory, memory_size, MADV_HUGEPAGE); /* faster to touch; without it the test is as good */
	touch();
}

void host_touches_memory_again(void)
{
	struct rusage before, after;

	getrusage(RUSAGE_SELF, &before);
	touch();
	getrusage(RUSAGE_SELF, &after);
	if (after.ru_minflt - before.ru_minflt > MORE_FAULTS)
		host_says("memory was shared with a copy");
}

void host_is_confined(void)
{
	static const int forbidden[] = {
#ifdef SYS_fork
		SYS_fork,  SYS_vfork,
#endif
		SYS_clone, SYS_clone3, SYS_execve, SYS_execveat, SYS_socket, SYS_connect,
	};
	enum { COUNT = sizeof forbidden / sizeof *forbidden };
	struct sock_filter program[COUNT + 3];

	program[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (int i = 0; i < COUNT; i++)
		program[i + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)forbidden[i],
		                                              (unsigned char)(COUNT - i), 0);
	program[COUNT + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program[COUNT + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	struct sock_fprog filter = {.len = COUNT + 3, .filter = program};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
		err(1, "seccomp");
}
