/*
 * The helper's process, from clone to exec; see helper_child.h. Called by helper.c.
 *
 * Both children run on a stack of their own and touch nothing but it and what was prepared for them: no allocation, no
 * stdio, no lock.
 *
 * SPDX-License-Identifier: MIT
 */
#include "helper_child.h"

#include "helper.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* glibc's other name of clone(): the thread sanitizer replaces clone() by one that takes every child for a copy. */
extern int __clone(int (*child)(void *), void *stack, int flags, void *argument, ...);

enum {
	PROGRAM = HELPER_LOCK + 1, /* the program's descriptor, closed by exec */
	SIGNALS = 64,              /* of Linux */
	KERNEL_SIGSET = 8,         /* octets, as rt_sigaction wants it */
	MOST_DESCRIPTORS = 65536,  /* that are closed one by one, where nothing says which are open */
};

/* Where numbers of users had 16 bits once and places in files 32, the calls for those of today have other names. */
#ifdef SYS_setresuid32
enum { GETRESUID = SYS_getresuid32, GETRESGID = SYS_getresgid32, SETRESUID = SYS_setresuid32, SETRESGID = SYS_setresgid32 };
#else
enum { GETRESUID = SYS_getresuid, GETRESGID = SYS_getresgid, SETRESUID = SYS_setresuid, SETRESGID = SYS_setresgid };
#endif
#ifdef SYS_fcntl64
enum { FCNTL = SYS_fcntl64 };
#else
enum { FCNTL = SYS_fcntl };
#endif

/*
 * What the children do is done past libc. Its functions may be another's: a library that is preloaded and logs each
 * program would allocate and lock in the host's memory, a sanitizer would take the children's descriptors for the host's.
 */
static int child_open(const char *path, int flags)
{
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, S_IRUSR | S_IWUSR);
}

static void child_close(int descriptor)
{
	syscall(SYS_close, descriptor);
}

static bool child_move(int from, int to, int flags)
{
	return syscall(SYS_dup3, from, to, flags) >= 0;
}

/* The same descriptor, or a copy with a number over those that the helper is going to have. */
static int move_up(int descriptor)
{
	if (descriptor < 0 || descriptor > PROGRAM)
		return descriptor;
	int copy = (int)syscall(FCNTL, descriptor, F_DUPFD, PROGRAM + 1);
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

static bool set_descriptors(int program, int output, int lock)
{
	program = move_up(program);
	output = move_up(output);
	lock = move_up(lock);
	int nothing = move_up(child_open("/dev/null", O_RDWR));
	if (program < 0 || output < 0 || nothing < 0 || !child_move(nothing, STDIN_FILENO, 0) ||
	    !child_move(nothing, STDERR_FILENO, 0) || !child_move(output, STDOUT_FILENO, 0) ||
	    !child_move(program, PROGRAM, O_CLOEXEC))
		return false;
	if (lock < 0)
		child_close(HELPER_LOCK);
	else if (!child_move(lock, HELPER_LOCK, 0))
		return false;
	close_from(PROGRAM + 1);
	return true;
}

/*
 * The helper is one user, the effective one: with the real one of a set-uid program, or with root as its real one, it
 * would be his who started it, or could become root. libc would change all threads of the host. Most have nothing to change.
 */
static bool be_one_user(void)
{
	uid_t user[3];
	gid_t group[3];

	if (syscall(GETRESUID, &user[0], &user[1], &user[2]) < 0 || syscall(GETRESGID, &group[0], &group[1], &group[2]) < 0)
		return false;
	if ((group[0] != group[1] || group[2] != group[1]) && syscall(SETRESGID, group[1], group[1], group[1]) < 0)
		return false;
	return (user[0] == user[1] && user[2] == user[1]) || syscall(SETRESUID, user[1], user[1], user[1]) == 0;
}

/*
 * Back to the defaults, past libc, which would keep the host's own records of them in shared memory. The table
 * is the child's copy. No handler of the host may run here, and an ignored signal would stay ignored across exec.
 */
static void reset_signals(void)
{
	static const unsigned long defaults[8]; /* room for struct sigaction as the kernel has it; SIG_DFL is 0 */
	static const unsigned long none[KERNEL_SIGSET / sizeof(unsigned long)];
	const unsigned long ignored[8] = {(unsigned long)SIG_IGN};

	/* Where the host may write no file (ulimit -f) the lock's has cost one, which is forgotten so. */
	syscall(SYS_rt_sigaction, SIGXFSZ, ignored, NULL, (size_t)KERNEL_SIGSET);
	for (int number = 1; number <= SIGNALS; number++)
		syscall(SYS_rt_sigaction, number, defaults, NULL, (size_t)KERNEL_SIGSET);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, none, NULL, (size_t)KERNEL_SIGSET);
}

/*
 * Takes the lock, and says until when; -1 where there can be none, and then it is asked without. False where another
 * process holds it.
 */
static bool take_lock(const struct launch *launch, int *lock)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	*lock = -1;
	if (launch->lock == NULL)
		return true;
	syscall(SYS_umask, S_IRWXG | S_IRWXO); /* this process's own */
	*lock = child_open(launch->lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (*lock < 0)
		return true;
	if (syscall(FCNTL, *lock, F_OFD_SETLK, &whole) == 0) {
		syscall(SYS_write, *lock, launch->times, sizeof launch->times);
		return true;
	}
	if (errno == EAGAIN || errno == EACCES) {
		errno = EWOULDBLOCK;
		return false;
	}
	child_close(*lock);
	*lock = -1;
	return true;
}

/* Linux before 3.19, some filters and emulators know no execveat(); what /proc says of the descriptor is the same file. */
static void execute(const struct launch *launch)
{
	char path[TEXT_NUMBER_MAX + sizeof "/proc/self/fd/"];

	syscall(SYS_execveat, PROGRAM, "", launch->arguments, launch->environment, AT_EMPTY_PATH);
	if (errno != ENOSYS && errno != EPERM)
		return;
	text_number(stpcpy(path, "/proc/self/fd/"), PROGRAM);
	syscall(SYS_execve, path, launch->arguments, launch->environment);
}

static int become_helper(void *argument)
{
	struct launch *launch = argument;
	int lock;

	syscall(SYS_setsid); /* from here on signals to the host's group are none of ours */
	if (be_one_user() && take_lock(launch, &lock) && set_descriptors(launch->program, launch->output, lock) &&
	    syscall(SYS_chdir, "/") == 0) {
		reset_signals();
		execute(launch);
	}
	launch->error = errno;
	return 127;
}

static pid_t clone_unseen(int (*child)(void *), char *stack, struct launch *launch)
{
	return __clone(child, stack + HELPER_STACK, CLONE_VM | CLONE_VFORK, launch);
}

static int be_middle(void *argument)
{
	struct launch *launch = argument;

	launch->helper = clone_unseen(become_helper, launch->stack, launch);
	if (launch->helper < 0)
		launch->error = errno;
	else if (launch->error != 0) { /* it has ended, and nobody is to inherit it */
		syscall(SYS_wait4, launch->helper, NULL, __WALL, NULL);
		launch->helper = -1;
	}
	return 0;
}

pid_t helper_clone(struct launch *launch)
{
	return clone_unseen(be_middle, launch->stack + HELPER_STACK, launch);
}
