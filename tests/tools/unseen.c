/*
 * A program of some sort looks up names, and looks whether it can tell: afterwards its descriptors, its signals, its
 * children, its threads and its folder must be as before. Prints "CODE ADDRESS" for each name, then what has changed.
 *
 *     unseen SORT NAME...    the sorts are at the end of this file
 *
 * SPDX-License-Identifier: MIT
 */
#include "unseen.h"

#include "module.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	NAMES_MAX = 256,
	SMALL_STACK = 16 * 1024,
	FORKS = 20,
};

struct question {
	const char *name;
	char answer[128];
};

static struct question questions[NAMES_MAX];
static size_t question_count;
static pthread_barrier_t together;

static void ask_one(struct question *question)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
	char text[INET6_ADDRSTRLEN] = "-";
	int code = getaddrinfo(question->name, NULL, &hints, &list);

	if (code == 0 && list->ai_family == AF_INET)
		inet_ntop(AF_INET, &((struct sockaddr_in *)(void *)list->ai_addr)->sin_addr, text, sizeof text);
	snprintf(question->answer, sizeof question->answer, "%s %s",
	         code == 0 ? "OK" : code == EAI_AGAIN ? "EAI_AGAIN" : gai_strerror(code), text);
	if (list != NULL)
		freeaddrinfo(list);
}

static void ask_all(void)
{
	for (size_t i = 0; i < question_count; i++)
		ask_one(&questions[i]);
}

static void *ask_with_others(void *argument)
{
	pthread_barrier_wait(&together);
	ask_one(argument);
	return NULL;
}

static void ask_at_once(void)
{
	pthread_t threads[NAMES_MAX];

	pthread_barrier_init(&together, NULL, (unsigned)question_count);
	for (size_t i = 0; i < question_count; i++)
		if ((errno = pthread_create(&threads[i], NULL, ask_with_others, &questions[i])) != 0)
			err(1, "pthread_create");
	for (size_t i = 0; i < question_count; i++)
		pthread_join(threads[i], NULL);
}

static void *ask_module(void *argument)
{
	static char buffer[4096];
	static const struct module *module;
	struct question *question = argument;
	struct gaih_addrtuple *tuples = NULL;
	int error, h_error;

	if (question == NULL) {
		static struct module opened;
		opened = module_open();
		module = &opened;
		return NULL;
	}
	if (module->by_name4(question->name, &tuples, buffer, sizeof buffer, &error, &h_error, NULL) ==
	    NSS_STATUS_SUCCESS) {
		strcpy(question->answer, "OK ");
		inet_ntop(AF_INET, tuples->addr, question->answer + 3, INET6_ADDRSTRLEN);
	}
	return NULL;
}

/* One thread after the other, each with the smallest stack there is and an unreadable page below it. */
static void ask_on_small_stacks(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *stack = mmap(NULL, page + SMALL_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attributes;
	pthread_t thread;

	if (stack == MAP_FAILED || mprotect(stack, page, PROT_NONE) < 0)
		err(1, "stack");
	ask_module(NULL);
	pthread_attr_init(&attributes);
	pthread_attr_setstack(&attributes, stack + page, SMALL_STACK);
	for (size_t i = 0; i < question_count; i++) {
		if ((errno = pthread_create(&thread, &attributes, ask_module, &questions[i])) != 0)
			err(1, "pthread_create");
		pthread_join(thread, NULL);
	}
	munmap(stack, page + SMALL_STACK);
}

/* While other threads look names up, children are forked that do so too: no lock may be left behind in them. */
static void *ask_in_children(void *failed)
{
	for (int i = 0; i < FORKS; i++) {
		int status;
		pid_t child = fork();
		if (child == 0) {
			struct question own = {.name = questions[(size_t)i % question_count].name};
			ask_one(&own);
			_exit(strncmp(own.answer, "OK ", 3) != 0);
		}
		if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
			*(bool *)failed = true;
	}
	return NULL;
}

static void ask_and_fork(void)
{
	bool failed = false;
	pthread_t thread;

	pthread_create(&thread, NULL, ask_in_children, &failed);
	ask_at_once();
	pthread_join(thread, NULL);
	if (failed)
		host_says("a forked child got no answer");
}

static void *ask_until_cancelled(void *argument)
{
	for (;;) {
		ask_module(argument);
		pthread_testcancel();
	}
	return NULL;
}

/* Threads are cancelled somewhere inside the module; getaddrinfo() itself leaves files open then. */
static void ask_and_cancel(void)
{
	ask_module(NULL);
	for (int i = 0; i < FORKS; i++) {
		struct question own = {.name = questions[(size_t)i % question_count].name};
		pthread_t thread;
		pthread_create(&thread, NULL, ask_until_cancelled, &own);
		usleep((useconds_t)(i * 100)); /* anywhere in it: not a wait for anything */
		pthread_cancel(thread);
		pthread_join(thread, NULL);
	}
	ask_all();
}

static const struct sort {
	const char *name;
	void (*prepare)(void);
	void (*ask)(void);
	void (*finish)(void);
} sorts[] = {
	{"plain", NULL, ask_all, NULL},
	{"handler", host_handles_sigchld, ask_all, NULL},
	{"ignored", host_ignores_sigchld, ask_all, NULL},
	{"waiting", host_waits, ask_all, host_stops_waiting},
	{"waiting-all", host_waits_for_all, ask_all, host_stops_waiting},
	{"descriptors", host_opens_descriptors, ask_all, NULL},
	{"closed", host_closes_stdio, ask_all, NULL},
	{"full", host_has_no_descriptor_left, ask_all, NULL},
	{"blocked", host_blocks_signals, ask_all, NULL},
	{"alarms", host_has_alarms, ask_all, host_stops_alarms},
	{"memory", host_touches_memory, ask_all, host_touches_memory_again},
	{"seccomp", host_is_confined, ask_all, NULL},
	{"small-stacks", NULL, ask_on_small_stacks, NULL},
	{"threads", NULL, ask_at_once, NULL},
	{"forks", NULL, ask_and_fork, NULL},
	{"cancelled", NULL, ask_and_cancel, NULL},
};

int main(int argc, char **argv)
{
	const struct sort *sort = NULL;
	struct state before, after;

	for (size_t i = 0; argc > 2 && i < sizeof sorts / sizeof *sorts; i++)
		if (strcmp(argv[1], sorts[i].name) == 0)
			sort = &sorts[i];
	if (sort == NULL || argc - 2 > NAMES_MAX)
		errx(1, "usage: unseen SORT NAME...");
	for (; question_count < (size_t)argc - 2; question_count++)
		questions[question_count].name = argv[question_count + 2];
	host_init();
	ask_one(&(struct question){.name = "not.ours.invalid"}); /* loads the modules */
	if (sort->prepare != NULL)
		sort->prepare();
	state_take(&before);
	sort->ask();
	state_take(&after);
	if (sort->finish != NULL)
		sort->finish();
	for (size_t i = 0; i < question_count; i++)
		host_says(questions[i].answer);
	state_compare(&before, &after);
	return 0;
}
