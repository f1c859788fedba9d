/*
 * A stand-in for an agent that answers every connection with the same octets, on a socket in a folder of the test:
 * what a recording or a table says, also what is no HTTP. Included by the tests of nomad/agent*.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_TEST_ANSWERER_H
#define NSS_NOMAD_TEST_ANSWERER_H

#include "support.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct answerer {
	char address[SUPPORT_PATH_MAX + 16]; /* unix:///... */
	const char *octets;                 /* NULL: keeps the connection and says nothing */
	size_t size;
	int listener;
	int kept;
	int connections;
	char request[4096]; /* the last head */
	pthread_t thread;
};

/* Reads a request's head. */
static inline void answerer_read(struct answerer *answerer, int connection)
{
	size_t used = 0;

	while (used < sizeof answerer->request - 1) {
		ssize_t count = read(connection, answerer->request + used, sizeof answerer->request - 1 - used);
		if (count <= 0)
			break;
		used += (size_t)count;
		answerer->request[used] = '\0';
		if (strstr(answerer->request, "\r\n\r\n") != NULL)
			break;
	}
}

static inline void *answerer_run(void *context)
{
	struct answerer *answerer = context;

	for (;;) {
		int connection = accept4(answerer->listener, NULL, NULL, SOCK_CLOEXEC);
		if (connection < 0)
			return NULL;
		answerer->connections++;
		answerer_read(answerer, connection);
		if (answerer->octets == NULL) {
			answerer->kept = connection;
			continue;
		}
		for (size_t sent = 0; sent < answerer->size;) {
			ssize_t count = send(connection, answerer->octets + sent, answerer->size - sent, MSG_NOSIGNAL);
			if (count <= 0)
				break;
			sent += (size_t)count;
		}
		close(connection);
	}
}

/* Starts it; the octets stay the caller's. */
static inline void answerer_start(struct answerer *answerer, const char *octets, size_t size)
{
	char folder[SUPPORT_PATH_MAX];
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	*answerer = (struct answerer){.octets = octets, .size = size, .kept = -1};
	support_folder(folder);
	snprintf(answerer->address, sizeof answerer->address, "unix://%s/s", folder);
	ck_assert_uint_lt(strlen(answerer->address) - 7, sizeof address.sun_path);
	strcpy(address.sun_path, answerer->address + 7);
	answerer->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(answerer->listener, (struct sockaddr *)&address, sizeof address), 0);
	ck_assert_int_eq(listen(answerer->listener, 8), 0);
	ck_assert_int_eq(pthread_create(&answerer->thread, NULL, answerer_run, answerer), 0);
}

/* Ends it; `connections` and `request` hold from then on. */
static inline void answerer_stop(struct answerer *answerer)
{
	shutdown(answerer->listener, SHUT_RDWR); /* wakes accept() */
	pthread_join(answerer->thread, NULL);
	close(answerer->listener);
	if (answerer->kept >= 0)
		close(answerer->kept);
}

/* A whole file of tests/recordings; released with free(). */
static inline char *answerer_recording(const char *name, size_t *size)
{
	char path[SUPPORT_PATH_MAX];
	long length;

	support_path("tests/recordings", name, path);
	FILE *file = fopen(path, "re");
	ck_assert_msg(file != NULL, "%s: tests run in the project's folder", path);
	fseek(file, 0, SEEK_END);
	length = ftell(file);
	rewind(file);
	char *octets = malloc((size_t)length + 1);
	ck_assert_uint_eq(fread(octets, 1, (size_t)length, file), (size_t)length);
	octets[length] = '\0';
	fclose(file);
	*size = (size_t)length;
	return octets;
}

#endif
