/*
 * The daemon's log: one line a message on standard error, with the priority in front as the journal reads it where
 * that is what standard error leads to (sd-daemon(3)). Called by watch/daemon.c, and for questions by dns/query_log.c.
 *
 * Standard error may be a pipe, a socket, a terminal or a file that others share, and that takes nothing now: a thread of
 * the log's own writes, and waits, so that who has something to say never does. What finds no room is counted, and the
 * count is said once there is room again.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_LOG_H
#define NSS_NOMAD_LOG_H

#include <stdint.h>

struct log;

enum {
	LOG_ROOM = 64 << 10, /* octets that wait while standard error takes none */
	LOG_END = 1000,      /* milliseconds that the last lines have at the end */
};

/*
 * A log on a descriptor, which stays the caller's and is written to as long as the log is there; NULL without memory or
 * thread. It says notices and what is more urgent. Released with log_free().
 */
struct log *log_new(int descriptor);

/* What it says from now on: error, warning, notice, info or debug, as the configuration has it. The owner's thread. */
void log_set_level(struct log *log, const char *level);

/*
 * Says a message, if its priority (syslog's) is urgent enough; control characters in it, which may come from Nomad, become
 * dots. Never waits for the descriptor. The owner's thread.
 */
void log_say(struct log *log, int priority, const char *text);

/* The same for a line of the query log: whatever the level, and a quarter of the room is left to others. Any thread. */
void log_query(struct log *log, const char *text);

/* How many lines found no room since the start. Any thread. */
uint64_t log_dropped(struct log *log);

/*
 * Waits until all is written, LOG_END at the most. A thread that is still writing then keeps the memory until the process
 * ends. Nobody may say anything any more. Accepts NULL.
 */
void log_free(struct log *log);

#endif
