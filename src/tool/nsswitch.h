/*
 * /etc/nsswitch.conf as glibc reads it (nss/nss_database.c, nss/nss_action_parse.c): whether it is sound, and what the
 * hosts line says. One syntax error in any known line disables all databases. Called by doctor_host.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_TOOL_NSSWITCH_H
#define NSS_NOMAD_TOOL_NSSWITCH_H

#include <stdbool.h>
#include <stddef.h>

#define NSSWITCH_FILE "/etc/nsswitch.conf"
#define NSSWITCH_ACTION "[!UNAVAIL=return]"

enum {
	NSSWITCH_LINE_MAX = 1024, /* octets with the NUL, of a line to propose */
	NSSWITCH_SERVICES = 32,   /* on a line, at the most that are looked at */
	NSSWITCH_WORD_MAX = 64,   /* octets with the NUL */
};

/* A service of the hosts line. */
struct nsswitch_service {
	char name[NSSWITCH_WORD_MAX];
	char action[NSSWITCH_WORD_MAX]; /* what stands in brackets after it, with them; "" for nothing */
};

struct nsswitch {
	int wrong_line; /* the first line with a syntax error, from 1 on; 0: none */
	bool has_hosts;
	size_t count;
	struct nsswitch_service services[NSSWITCH_SERVICES]; /* of the last hosts line, the one that glibc takes */
};

/* Reads a file's text, ended by NUL; filled in whole. Any thread. */
void nsswitch_parse(const char *text, struct nsswitch *nsswitch);

/* Where a service stands, the first one; count where it does not. */
size_t nsswitch_find(const struct nsswitch *nsswitch, const char *name);

/*
 * Where the first service stands that answers for all names, nomad's too, so that none behind it is asked: resolve, dns,
 * or one whose action ends the search at a name that it does not know. count where there is none.
 */
size_t nsswitch_end(const struct nsswitch *nsswitch);

/* Writes the hosts line as it should be: nomad with its action before nsswitch_end(), the rest as it is. */
void nsswitch_propose(const struct nsswitch *nsswitch, char line[NSSWITCH_LINE_MAX]);

#endif
