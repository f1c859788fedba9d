/*
 * Many processes look up a name at the same instant: they are forked, wait for one signal, and ask. Prints how many
 * got which answer: "COUNT ANSWER", the answer being a code or an address.
 *
 *     stampede COUNT NAME    a %d in the name becomes each process' number
 *
 * SPDX-License-Identifier: MIT
 */
#include <arpa/inet.h>
#include <err.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES_MAX = 1000, ANSWER_MAX = 64 };

static char (*answers)[ANSWER_MAX]; /* shared with all of them */

static void name_of(const char *pattern, long number, char *name, size_t size)
{
	const char *place = strstr(pattern, "%d");

	if (place == NULL)
		snprintf(name, size, "%s", pattern);
	else
		snprintf(name, size, "%.*s%ld%s", (int)(place - pattern), pattern, number, place + 2);
}

static void ask(const char *name, char *answer)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *list;
	int code = getaddrinfo(name, NULL, &hints, &list);

	if (code == 0)
		inet_ntop(AF_INET, &((struct sockaddr_in *)(void *)list->ai_addr)->sin_addr, answer, ANSWER_MAX);
	else
		snprintf(answer, ANSWER_MAX, "%s", code == EAI_AGAIN ? "EAI_AGAIN" : gai_strerror(code));
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void print_counts(long count)
{
	qsort(answers, (size_t)count, sizeof *answers, compare);
	for (long i = 0, first = 0; i < count; i++)
		if (i + 1 == count || strcmp(answers[i], answers[i + 1]) != 0) {
			printf("%ld %s\n", i + 1 - first, answers[i]);
			first = i + 1;
		}
}

int main(int argc, char **argv)
{
	long count = argc == 3 ? atol(argv[1]) : 0;
	int gate[2];
	char name[512], octet;

	if (count < 1 || count > PROCESSES_MAX || pipe(gate) < 0)
		errx(1, "usage: stampede COUNT NAME");
	answers = mmap(NULL, PROCESSES_MAX * sizeof *answers, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (answers == MAP_FAILED)
		err(1, "mmap");
	for (long i = 0; i < count; i++) {
		pid_t child = fork();
		if (child < 0)
			err(1, "fork");
		if (child > 0)
			continue;
		strcpy(answers[i], "died");
		name_of(argv[2], i, name, sizeof name);
		close(gate[1]);
		if (read(gate[0], &octet, 1) == 0) /* ends when the last end for writing is closed, for all at once */
			ask(name, answers[i]);
		_exit(0);
	}
	close(gate[1]);
	while (wait(NULL) > 0)
		;
	print_counts(count);
	return 0;
}
