/*
 * The daemon's log: one line a message on standard error, with the priority in front as the journal reads it where
 * that is what standard error leads to (sd-daemon(3)). Called by watch/daemon.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_LOG_H
#define NSS_NOMAD_LOG_H

struct log {
	int most;      /* the least urgent priority of syslog that is written */
	int in_journal;
};

/* Sets a log up. level: error, warning, notice, info or debug, as the configuration has it. */
void log_init(struct log *log, const char *level);

/* Writes a message; control characters in it, which may come from Nomad, become dots. */
void log_say(const struct log *log, int priority, const char *text);

#endif
