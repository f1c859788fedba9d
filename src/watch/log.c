/*
 * The daemon's log; see log.h. Called by watch/daemon.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watch/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

enum { LINE_MAX_OCTETS = 4096 };

/* systemd sets it where standard error leads to the journal. */
#define JOURNAL_VARIABLE "JOURNAL_STREAM"

void log_init(struct log *log, const char *level)
{
	static const struct {
		const char *name;
		int priority;
	} levels[] = {
		{"error", LOG_ERR}, {"warning", LOG_WARNING}, {"notice", LOG_NOTICE}, {"info", LOG_INFO}, {"debug", LOG_DEBUG},
	};

	*log = (struct log){LOG_NOTICE, secure_getenv(JOURNAL_VARIABLE) != NULL};
	for (size_t i = 0; level != NULL && i < sizeof levels / sizeof *levels; i++)
		if (strcmp(levels[i].name, level) == 0)
			log->most = levels[i].priority;
}

void log_say(const struct log *log, int priority, const char *text)
{
	char line[LINE_MAX_OCTETS];
	int length;

	if (priority > log->most)
		return;
	length = log->in_journal ? snprintf(line, sizeof line, "<%d>%s\n", priority, text)
	                         : snprintf(line, sizeof line, "nomad-dns-srv: %s\n", text);
	if (length < 0)
		return;
	if ((size_t)length >= sizeof line)
		length = sizeof line - 1;
	for (int i = 0; i < length - 1; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 127)
			line[i] = '.';
	line[length - 1] = '\n';
	/* Nothing is to be done where nobody can be told. */
	if (write(STDERR_FILENO, line, (size_t)length) < 0)
		return;
}
