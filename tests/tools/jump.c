/*
 * Jumps out of getaddrinfo() from a signal's handler, as wget does with --dns-timeout, says "jumped" or what it got, and
 * lives on until its input ends.
 *
 *     jump NAME MILLISECONDS
 *
 * SPDX-License-Identifier: MIT
 */
#include <err.h>
#include <netdb.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

static sigjmp_buf before;

static void jump(int number)
{
	siglongjmp(before, number);
}

int main(int argc, char **argv)
{
	struct addrinfo *list;
	char octet;

	if (argc != 3)
		errx(1, "usage: jump NAME MILLISECONDS");
	signal(SIGALRM, jump);
	if (sigsetjmp(before, 1) == 0) {
		long time = atol(argv[2]);
		struct itimerval timer = {.it_value = {.tv_sec = time / 1000, .tv_usec = time % 1000 * 1000}};
		setitimer(ITIMER_REAL, &timer, NULL);
		puts(gai_strerror(getaddrinfo(argv[1], NULL, NULL, &list)));
	} else {
		puts("jumped");
	}
	fflush(stdout);
	while (read(STDIN_FILENO, &octet, 1) > 0)
		;
	return 0;
}
