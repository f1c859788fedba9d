/*
 * A load of DNS questions over TCP: so many connections that stay open, each with one question at a time. Started by
 * tests/bench/dns.py.
 *
 *     tcp PORT FILE SECONDS CONNECTIONS    FILE: "NAME TYPE" a line
 *
 * SPDX-License-Identifier: MIT
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { QUERY_MAX = 300, ANSWER_MAX = 1 << 17, EVENTS = 256, QUERIES = 10000 };

static struct query {
	uint8_t octets[QUERY_MAX];
	size_t size;
} queries[QUERIES];
static size_t query_count;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void add_query(char *name, uint8_t type)
{
	const uint8_t head[] = {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, tail[] = {0, 0, type, 0, 1};
	struct query *query = &queries[query_count++];
	uint8_t *at = mempcpy(query->octets, head, sizeof head);

	for (char *label; (label = strsep(&name, ".")) != NULL; at += strlen(label)) {
		*at++ = (uint8_t)strlen(label);
		memcpy(at, label, strlen(label));
	}
	at = mempcpy(at, tail, sizeof tail);
	query->size = (size_t)(at - query->octets);
	query->octets[1] = (uint8_t)(query->size - 2);
}

static void load(const char *path)
{
	FILE *file = fopen(path, "r");
	char name[256], type[16];

	if (file == NULL)
		err(1, "%s", path);
	while (query_count < QUERIES && fscanf(file, "%255s %15s", name, type) == 2)
		add_query(name, strcmp(type, "SRV") == 0 ? 33 : 1);
	fclose(file);
}

static void ask(int descriptor)
{
	static size_t next;
	const struct query *query = &queries[next++ % query_count];

	if (write(descriptor, query->octets, query->size) != (ssize_t)query->size)
		err(1, "write");
}

static int connect_one(int poller, uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int descriptor = socket(AF_INET, SOCK_STREAM, 0);
	struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};

	if (descriptor < 0 || connect(descriptor, (struct sockaddr *)&to, sizeof to) < 0 ||
	    epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) < 0)
		err(1, "connect");
	return descriptor;
}

/* Reads an answer, which comes whole: there is one at a time, and it is short. */
static void take(int descriptor)
{
	static uint8_t octets[ANSWER_MAX];

	if (read(descriptor, octets, sizeof octets) < 14)
		errx(1, "the server closed a connection, or sent half an answer");
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	uint64_t answered = 0;

	if (argc < 5)
		errx(1, "usage: tcp PORT FILE SECONDS CONNECTIONS");
	load(argv[2]);
	int count = atoi(argv[4]), poller = epoll_create1(0);
	int *connections = calloc((size_t)count, sizeof *connections);
	if (connections == NULL || query_count == 0)
		errx(1, "nothing to do");
	for (int i = 0; i < count; i++)
		connections[i] = connect_one(poller, (uint16_t)atoi(argv[1]));
	for (int i = 0; i < count; i++)
		ask(connections[i]);
	double begun = now(), time = begun;
	while (time - begun < atof(argv[3])) {
		int ready = epoll_wait(poller, events, EVENTS, 1000);
		for (int i = 0; i < ready; i++) {
			take(events[i].data.fd);
			ask(events[i].data.fd);
			answered++;
		}
		time = now();
	}
	printf("qps %.0f\n", (double)answered / (time - begun));
	return 0;
}
