/*
 * The command line of nomad-lookup: what is to be done with which names. Called by nomad-lookup.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_TOOL_OPTIONS_H
#define NSS_NOMAD_TOOL_OPTIONS_H

#include <stdbool.h>

/* Of nomad-lookup and nomad-dns-srv: EX_USAGE of sysexits.h, which no other outcome has. */
enum { OPTIONS_WRONG = 64 };

enum action {
	ACTION_LOOK_UP,
	ACTION_LIST,
	ACTION_WATCH,
	ACTION_CHECK,
	ACTION_FOR_MODULE,
	ACTION_END, /* it was --help or --version, and has been said */
};

enum form { FORM_ADDRESSES, FORM_SRV, FORM_PORTS, FORM_EXPLAIN };

struct options {
	enum action action;
	enum form form;
	bool json;
	bool refresh;
	const char *config;
	const char *for_module; /* milliseconds that the lookup has taken already */
	const char *origin;     /* of the module's host, see origin.h; NULL: this process's own */
	char **names;           /* ended by NULL */
};

/*
 * Reads the command line. 0, or -EINVAL with a message on standard error: an option that is not known, or that does not go
 * with another, or names where there are to be none, or none where there are to be some.
 */
int options_parse(int argc, char **argv, struct options *options);

#endif
