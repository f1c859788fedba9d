/*
 * How the daemon goes: DIR/status.json, written by it every few seconds and whenever that changes, read by
 * `nomad-dns-srv --status` and by the daemon's next start. Called by watch/daemon.c and nomad-dns-srv.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_STATUS_H
#define NSS_NOMAD_STATUS_H

#include "watch/running.h"
#include "watch/watcher.h"

#include <stdio.h>

#define STATUS_FILE "status.json"

enum {
	STATUS_EVERY = 5,     /* seconds */
	STATUS_MAX = 8192,    /* octets with the NUL of the file */
	STATUS_DNS_MAX = 256, /* octets with the NUL */
	STATUS_NAMESPACES_MAX = 1024, /* the same */
};

/* What it says; times are milliseconds since 1970, 0 for never. */
struct status {
	int64_t pid;
	char state[16]; /* loading, current, stale, expired */
	char agent[AGENT_NAME_MAX];
	char error[AGENT_REASON_MAX];
	char publish_error[AGENT_REASON_MAX];
	char dns_error[AGENT_REASON_MAX]; /* why DNS is not answered though it should be */
	char dns[STATUS_DNS_MAX]; /* where DNS is answered, ADDR:PORT with blanks between; as many as fit */
	char namespaces[STATUS_NAMESPACES_MAX]; /* those that are followed: all, or names with blanks between; as many as fit */
	int64_t written_at;
	int64_t started_at;
	int64_t since;      /* of the state */
	int64_t current_at; /* the last moment at which the catalogue was certainly Nomad's */
	int64_t error_at;
	int64_t index;
	int64_t services;
	int64_t instances;
	int64_t polling;
	int64_t kept;
	int64_t kept_since; /* the first of what is kept and served still is of this moment */
};

/* A state in one word. */
const char *status_state_text(enum catalogue_state state);

/* Writes it as JSON, room for STATUS_MAX; how many octets. */
size_t status_write(const struct status *status, char text[STATUS_MAX]);

/* Reads DIR/status.json. 0, -EBADMSG, or what the system said. */
int status_read(const char *dir, struct status *status);

/* Whether it is what the daemon that runs now has said, not the one before it; true where that cannot be seen. */
bool status_is_of(const struct status *status, const struct running *running);

/*
 * Prints it for a person. Whether the daemon runs is what its lock says; where that cannot be seen, the file's age.
 * True where the daemon runs and its catalogue is current.
 */
bool status_print(FILE *out, const char *dir, const struct status *status);

/*
 * The same as one JSON object: "ok" for current, "runs", "published" for a fresh heartbeat, "directory", and "status" with
 * what status.json has, null where the daemon has not said yet how it goes.
 */
bool status_print_json(FILE *out, const char *dir, const struct status *status);

#endif
