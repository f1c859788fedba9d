/*
 * The daemon's log; see log.h. Called by watch/daemon.c and dns/query_log.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watch/log.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum {
	LINE_OCTETS = PIPE_BUF, /* of a line at most, 4096: goes into a pipe whole, whoever else writes there */
	FOR_QUERIES = LOG_ROOM / 4 * 3, /* octets of the room that the query log may fill */
};

/* systemd sets it where standard error leads to the journal. */
#define JOURNAL_VARIABLE "JOURNAL_STREAM"

struct log {
	int descriptor;
	int most; /* the least urgent priority of syslog that is written */
	bool in_journal;
	pthread_t thread;
	pthread_mutex_t mutex; /* of what follows; never held while something is written */
	pthread_cond_t more;
	char *waiting; /* lines, LOG_ROOM octets: the other half of what the thread writes */
	size_t size;
	uint64_t dropped; /* lines, not said yet */
	uint64_t dropped_all;
	bool ended;
	char *writing; /* the thread's own */
};

/* Writes octets, whole but where nobody takes them any more; waits for as long as it takes. */
static void write_out(const struct log *log, const char *octets, size_t size)
{
	while (size > 0) {
		ssize_t count = write(log->descriptor, octets, size);
		if (count < 0 && errno == EAGAIN) /* somebody who shares it has made it so */
			poll(&(struct pollfd){.fd = log->descriptor, .events = POLLOUT}, 1, -1);
		else if (count < 0 && errno != EINTR)
			return; /* nothing is to be done where nobody can be told */
		octets += count < 0 ? 0 : count;
		size -= count < 0 ? 0 : (size_t)count;
	}
}

/* Writes lines, as many at a time as go into a pipe without being cut by another writer. */
static void write_lines(const struct log *log, const char *lines, size_t size)
{
	while (size > LINE_OCTETS) {
		const char *last = memrchr(lines, '\n', LINE_OCTETS); /* there is one: no line is longer */
		size_t part = (size_t)(last - lines) + 1;
		write_out(log, lines, part);
		lines += part;
		size -= part;
	}
	write_out(log, lines, size);
}

/* A whole line in the log's form; its octets. */
static size_t make_line(const struct log *log, int priority, const char *text, char line[LINE_OCTETS])
{
	int length = log->in_journal ? snprintf(line, LINE_OCTETS, "<%d>%s\n", priority, text)
	                             : snprintf(line, LINE_OCTETS, "nomad-dns-srv: %s\n", text);

	if (length < 0)
		return 0;
	if (length >= LINE_OCTETS)
		length = LINE_OCTETS - 1;
	for (int i = 0; i < length - 1; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 127)
			line[i] = '.';
	line[length - 1] = '\n';
	return (size_t)length;
}

static void write_count(const struct log *log, uint64_t dropped)
{
	char text[128], line[LINE_OCTETS];

	snprintf(text, sizeof text, "%" PRIu64 " lines of this log were dropped, for standard error took nothing", dropped);
	write_out(log, line, make_line(log, LOG_WARNING, text, line));
}

static void *work(void *context)
{
	struct log *log = context;

	pthread_mutex_lock(&log->mutex);
	while (log->size > 0 || log->dropped > 0 || !log->ended) {
		if (log->size == 0 && log->dropped == 0) {
			pthread_cond_wait(&log->more, &log->mutex);
			continue;
		}
		char *lines = log->waiting;
		size_t size = log->size;
		uint64_t dropped = log->dropped;
		log->waiting = log->writing;
		log->writing = lines;
		log->size = 0;
		log->dropped = 0;
		pthread_mutex_unlock(&log->mutex);
		write_lines(log, lines, size);
		if (dropped > 0)
			write_count(log, dropped);
		pthread_mutex_lock(&log->mutex);
	}
	pthread_mutex_unlock(&log->mutex);
	return NULL;
}

static int start_thread(struct log *log)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int result = pthread_create(&log->thread, NULL, work, log);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (result == 0)
		pthread_setname_np(log->thread, "log");
	return result;
}

static void release(struct log *log)
{
	pthread_mutex_destroy(&log->mutex);
	pthread_cond_destroy(&log->more);
	free(log->waiting);
	free(log->writing);
	free(log);
}

struct log *log_new(int descriptor)
{
	struct log *log = calloc(1, sizeof *log);

	if (log == NULL)
		return NULL;
	log->descriptor = descriptor;
	log->most = LOG_NOTICE;
	log->in_journal = secure_getenv(JOURNAL_VARIABLE) != NULL;
	pthread_mutex_init(&log->mutex, NULL);
	pthread_cond_init(&log->more, NULL);
	log->waiting = malloc(LOG_ROOM);
	log->writing = malloc(LOG_ROOM);
	if (log->waiting == NULL || log->writing == NULL || start_thread(log) != 0) {
		release(log);
		return NULL;
	}
	return log;
}

void log_set_level(struct log *log, const char *level)
{
	static const struct {
		const char *name;
		int priority;
	} levels[] = {
		{"error", LOG_ERR}, {"warning", LOG_WARNING}, {"notice", LOG_NOTICE}, {"info", LOG_INFO}, {"debug", LOG_DEBUG},
	};

	for (size_t i = 0; level != NULL && i < sizeof levels / sizeof *levels; i++)
		if (strcmp(levels[i].name, level) == 0)
			log->most = levels[i].priority;
}

/* Puts a line behind those that wait, of whose room `room` octets are its to use. */
static void put(struct log *log, int priority, const char *text, size_t room)
{
	char line[LINE_OCTETS];
	size_t length = make_line(log, priority, text, line);

	pthread_mutex_lock(&log->mutex);
	if (log->size + length > room) {
		log->dropped++;
		log->dropped_all++;
	} else {
		memcpy(log->waiting + log->size, line, length);
		log->size += length;
	}
	pthread_cond_signal(&log->more);
	pthread_mutex_unlock(&log->mutex);
}

void log_say(struct log *log, int priority, const char *text)
{
	if (priority <= log->most)
		put(log, priority, text, LOG_ROOM);
}

void log_query(struct log *log, const char *text)
{
	put(log, LOG_INFO, text, FOR_QUERIES);
}

uint64_t log_dropped(struct log *log)
{
	pthread_mutex_lock(&log->mutex);
	uint64_t dropped = log->dropped_all;
	pthread_mutex_unlock(&log->mutex);
	return dropped;
}

void log_free(struct log *log)
{
	struct timespec limit;

	if (log == NULL)
		return;
	pthread_mutex_lock(&log->mutex);
	log->ended = true;
	pthread_cond_signal(&log->more);
	pthread_mutex_unlock(&log->mutex);
	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += LOG_END / 1000;
	if (pthread_timedjoin_np(log->thread, NULL, &limit) == 0)
		release(log);
}
