/*
 * The clock of `make bench`: does one thing many times and prints, in nanoseconds, the first, the median, the 99th of
 * a hundred, and how many addresses came. Started by tests/bench/nss.py.
 *
 *     nss look COUNT NAME              getaddrinfo(), one after the other
 *     nss miss COUNT NAME MEBIBYTES    the same for NAME with "%d" in it, another number each time, in a program that has
 *                                      touched so much memory
 *     nss fail COUNT NAME              the same for a name that cannot be told: EAI_AGAIN is wanted
 *     nss spawn COUNT PROGRAM ARG...   starting a program and waiting for its end
 *     nss get COUNT PORT PATH          a plain HTTP request to 127.0.0.1: what the agent itself takes
 *
 * SPDX-License-Identifier: MIT
 */
#include <arpa/inet.h>
#include <err.h>
#include <netdb.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WARM = 20 }; /* calls before the counted ones, where there are more than one */

extern char **environ;
static int addresses;

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void touch(size_t mebibytes)
{
	char *memory = malloc(mebibytes << 20);

	if (memory == NULL)
		err(1, "%zu MiB", mebibytes);
	memset(memory, 1, mebibytes << 20);
	__asm__ volatile("" : : "r"(memory) : "memory"); /* it is not left out as something nobody reads */
}

static void look(char **arguments)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
	int code = getaddrinfo(arguments[0], "80", &hints, &list);

	if (code != 0)
		errx(1, "%s: %s", arguments[0], gai_strerror(code));
	addresses = 0;
	for (struct addrinfo *one = list; one != NULL; one = one->ai_next)
		addresses++;
	freeaddrinfo(list);
}

static void fail(char **arguments)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
	int code = getaddrinfo(arguments[0], "80", &hints, &list);

	if (code != EAI_AGAIN)
		errx(1, "%s: %s", arguments[0], code == 0 ? "found" : gai_strerror(code));
}

static void miss(char **arguments)
{
	static int number;
	char name[256];
	char *numbered[] = {name};

	if (number == 0)
		touch((size_t)atol(arguments[1]));
	char *place = strstr(arguments[0], "%d");
	if (place == NULL)
		errx(1, "%s: without %%d", arguments[0]);
	snprintf(name, sizeof name, "%.*s%d%s", (int)(place - arguments[0]), arguments[0], number++, place + 2);
	look(numbered);
}

static void spawn(char **arguments)
{
	posix_spawn_file_actions_t actions;
	pid_t child;
	int status;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", 1, 0);
	if (posix_spawn(&child, arguments[0], &actions, NULL, arguments, environ) != 0 || waitpid(child, &status, 0) < 0 ||
	    status != 0)
		errx(1, "%s did not run", arguments[0]);
	posix_spawn_file_actions_destroy(&actions);
}

static void get(char **arguments)
{
	struct sockaddr_in agent = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[0]))};
	char text[4096];
	int length = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", arguments[1]);
	int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	agent.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connection < 0 || connect(connection, (const struct sockaddr *)&agent, sizeof agent) < 0 ||
	    write(connection, text, (size_t)length) != length)
		err(1, "port %s", arguments[0]);
	while (read(connection, text, sizeof text) > 0)
		;
	close(connection);
}

static int compare(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

static void run(void (*what)(char **), char **arguments, size_t count)
{
	int64_t *times = calloc(count, sizeof *times), first = 0;

	if (times == NULL)
		err(1, "calloc");
	for (size_t i = 0; i < count + (count > 1 ? WARM : 0); i++) {
		int64_t start = now();
		what(arguments);
		times[i % count] = now() - start;
		if (i == 0)
			first = times[0];
	}
	qsort(times, count, sizeof *times, compare);
	printf("%lld %lld %lld %d\n", (long long)first, (long long)times[count / 2], (long long)times[count * 99 / 100],
	       addresses);
	free(times);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *word;
		void (*what)(char **);
	} kinds[] = {{"look", look}, {"miss", miss}, {"fail", fail}, {"spawn", spawn}, {"get", get}};

	for (size_t i = 0; argc > 3 && i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(argv[1], kinds[i].word) == 0) {
			run(kinds[i].what, argv + 3, (size_t)atol(argv[2]));
			return 0;
		}
	errx(1, "usage: nss look|fail COUNT NAME | miss COUNT NAME MEBIBYTES | spawn COUNT PROGRAM ARG... | get COUNT PORT PATH");
}
