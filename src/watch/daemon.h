/*
 * The daemon as a whole: the loop, its timers and signals, and the parts that meet there. Called by nomad-dns-srv.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DAEMON_H
#define NSS_NOMAD_DAEMON_H

#include "config.h"

/* What the command line says; everything is kept, unchanged, while the daemon runs. */
struct daemon_options {
	const char *config;  /* path */
	const char *nomad;   /* NULL, or what takes the place of [nomad] address */
	const char *namespace; /* [nomad] namespace */
	const char *listen;  /* [dns] listen */
	const char *publish; /* [daemon] publish */
	int check;           /* milliseconds between two checks of the index; 0: the usual */
};

/* The configuration with what the command line says. As config_load(). */
int daemon_configure(const struct daemon_options *options, struct config *config, char reason[CONFIG_REASON_MAX]);

/*
 * Runs until SIGTERM or SIGINT. SIGHUP reads the configuration and the token again.
 *
 * config  taken over, released in the end
 *
 * 0, or a negative errno after saying why.
 */
int daemon_run(const struct daemon_options *options, struct config *config);

#endif
