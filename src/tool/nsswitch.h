/*
 * /etc/nsswitch.conf as glibc reads it (nss/nss_database.c, nss/nss_action_parse.c): whether it is sound, and which
 * sources the hosts line names, with what follows each of their answers. One syntax error in any known line disables
 * all databases. What the line does to names is hosts_line.h's. Called by doctor_hosts.c and hosts_line.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_TOOL_NSSWITCH_H
#define NSS_NOMAD_TOOL_NSSWITCH_H

#include <stdbool.h>
#include <stddef.h>

#define NSSWITCH_FILE "/etc/nsswitch.conf"

enum {
	NSSWITCH_SERVICES = 32,      /* on a line, at the most that are looked at */
	NSSWITCH_WORD_MAX = 64,      /* bytes with the NUL */
	NSSWITCH_BRACKETS_MAX = 128, /* bytes with the NUL; all four statuses take 72 */
};

/* What a source says of a name. */
enum nsswitch_status {
	NSSWITCH_SUCCESS,
	NSSWITCH_NOTFOUND,
	NSSWITCH_UNAVAIL,
	NSSWITCH_TRYAGAIN,
	NSSWITCH_STATUSES,
};

/* What glibc does then: asks the next source, ends the search, or, which the hosts database cannot do, merges. */
enum nsswitch_action { NSSWITCH_CONTINUE, NSSWITCH_RETURN, NSSWITCH_MERGE };

/* A source on the hosts line. */
struct nsswitch_service {
	char name[NSSWITCH_WORD_MAX];
	char brackets[NSSWITCH_BRACKETS_MAX]; /* what stands behind it in brackets, with them; "" for nothing */
	enum nsswitch_action actions[NSSWITCH_STATUSES];
	bool missing; /* glibc can load no module of this name; false from nsswitch_parse(), for the caller to set */
};

struct nsswitch {
	int wrong_line;  /* the first line with a syntax error, from 1 on; 0: none */
	int hosts_line;  /* the last hosts line, the one that glibc takes; 0: none, then it takes "files dns" */
	int hidden_line; /* the hosts line before that one, which has no effect; 0: none */
	int hosts_lines; /* how many there are */
	bool unfinished; /* the last line has no newline at its end: glibc leaves that line out */
	size_t count;    /* sources that glibc takes from the hosts line */
	size_t total;    /* those and what stands behind the place at which glibc ends to read the line: a second "[" */
	struct nsswitch_service services[NSSWITCH_SERVICES];
};

/* Reads a file's text of `size` bytes, not kept; filled in whole. Any thread. */
void nsswitch_parse(const char *text, size_t size, struct nsswitch *nsswitch);

/* Where glibc first asks a source; count where it does not. */
size_t nsswitch_find(const struct nsswitch *nsswitch, const char *name);

#endif
