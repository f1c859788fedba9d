/*
 * Running nomad-lookup, unseen; see helper.h. Called by nss_nomad.c's lookups on a miss.
 *
 * The calling thread clones a middle child that shares its memory (CLONE_VM, CLONE_VFORK: the thread waits), with
 * no exit signal; that one clones the helper in the same way and exits, and is reaped at once with __WCLONE, which
 * the host's own wait() does not look at. What the children do stands in helper_child.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "helper.h"

#include "bytes.h"
#include "deadline.h"
#include "helper_child.h"
#include "program.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

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
	char *stacks = mmap(NULL, 2 * HELPER_STACK, PROT_READ | PROT_WRITE,
	                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);

	if (stacks == MAP_FAILED)
		return -errno;
	launch->stack = stacks;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	pid_t middle = helper_clone(launch);
	if (middle < 0)
		launch->error = errno;
	else
		reap(middle);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	munmap(stacks, 2 * HELPER_STACK);
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

/* The limit that the helper says, in milliseconds. */
static int64_t receive_limit(int input, int64_t started)
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
	return limit > HELPER_MOST_LIMIT ? -EBADMSG : (int64_t)limit;
}

static int receive_answer(int input, int64_t started, struct record *record)
{
	int64_t limit = receive_limit(input, started);

	return limit < 0 ? (int)limit : receive_record(input, started + limit + HELPER_GRACE, record);
}

static int receive_trial(int input, int64_t started, struct record *record)
{
	int64_t limit = receive_limit(input, started);

	(void)record;
	return limit < 0 ? (int)limit : 0;
}

/* NOMAD_* and nothing else; nothing at all where the host runs with somebody else's rights. */
static char **clean_environment(void)
{
	static const char wanted[] = "NOMAD_";
	size_t count = 0, all = 0;

	while (environ != NULL && environ[all] != NULL)
		all++;
	char **clean = calloc(all + 1, sizeof *clean);
	if (clean == NULL || lookup_is_put_on())
		return clean;
	for (size_t i = 0; i < all && environ[i] != NULL; i++)
		if (strncmp(environ[i], wanted, sizeof wanted - 1) == 0)
			clean[count++] = environ[i];
	return clean;
}

/* Starts the helper, with its end of the pipe; nothing stays open here but the other end. */
static int launch_helper(const struct helper *helper, const struct lookup_question *question, int output,
                         struct launch *launch)
{
	char elapsed[TEXT_NUMBER_MAX], origin[ORIGIN_TEXT_MAX];
	char *arguments[] = {(char *)helper->program, (char *)"--for-module", elapsed, (char *)"--origin", origin,
	                     (char *)"--", (char *)question->text, NULL};
	int64_t now = deadline_now();

	char **environment = clean_environment();
	if (environment == NULL)
		return -ENOMEM;
	text_number(elapsed, now > question->started ? (unsigned long long)(now - question->started) : 0);
	origin_write(question->origin, origin);
	*launch = (struct launch){.arguments = arguments,
	                          .environment = environment,
	                          .output = output,
	                          .lock = question->lock,
	                          .helper = -1};
	/* Until the helper has said how long it may take. */
	lock_write(launch->times, 0, now + HELPER_START_LIMIT);
	int result = launch->program = program_open(helper->program, helper->owner);
	if (result >= 0) {
		result = start(launch);
		close(launch->program);
	}
	free(environment);
	return result;
}

/* Runs the helper; what comes through the pipe is for `receive`. */
static int run(const struct helper *helper, const struct lookup_question *question, struct record *record,
               int (*receive_from)(int input, int64_t started, struct record *record))
{
	struct launch launch;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	launch.helper = -1;
	int result = launch_helper(helper, question, ends[1], &launch);
	close(ends[1]);
	if (result == 0)
		result = receive_from(ends[0], question->started, record);
	close(ends[0]);
	if (launch.helper > 0 && inherits_orphans())
		bury(launch.helper, result == 0);
	return result;
}

int helper_run(const struct helper *helper, const struct lookup_question *question, struct record *record)
{
	return run(helper, question, record, receive_answer);
}

int helper_try(const struct helper *helper)
{
	struct origin origin;

	origin_set_network(&origin);
	origin_set_unit(&origin);
	return run(helper, &(struct lookup_question){.text = "nomad", .origin = &origin, .started = deadline_now()}, NULL,
	           receive_trial);
}
