/*
 * nomad-lookup --check: looks at the whole set-up, from glibc to Nomad, and says of each part that it is right, or what
 * is wrong and what to do. Called by nomad-lookup.c; the checks are in doctor_*.c, one file a part.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_TOOL_DOCTOR_H
#define NSS_NOMAD_TOOL_DOCTOR_H

#include "config.h"
#include "name.h"
#include "watch/status.h"

#include <stdbool.h>
#include <stdio.h>

enum doctor_state {
	DOCTOR_FAULT, /* to be repaired */
	DOCTOR_NOTE,  /* worth knowing, nothing to repair */
	DOCTOR_OK,
};

/* One examination. */
struct doctor {
	FILE *out;
	bool json;
	const struct config *config;
	const char *published; /* the folder that the module looks at */
	size_t said, faults;
	bool asks_module; /* glibc asks the module for its names, and takes its word: they leave the host for no name server */
	bool daemon_lives;
	char dns[STATUS_DNS_MAX]; /* where the daemon answers DNS, the first place; "" for nowhere */
	char name[NAME_TEXT_MAX + 1]; /* a service to try, "" for none; given, or found by doctor_nomad() */
};

/*
 * Examines everything.
 *
 * config_path  of the configuration; one that cannot be read is a fault like others
 * name         a service's name to try, NULL for any
 * json         one object {"ok": ..., "checks": [{"check", "state", "finding", "remedy"}, ...]} instead of text
 *
 * True where there was no fault. One thread; asks Nomad and the daemon, and takes a few times `timeout` at the most.
 */
bool doctor_examine(FILE *out, const char *config_path, const char *name, bool json);

/*
 * Says what one check found.
 *
 * check    what was looked at, one word
 * remedy   what to do, a sentence; NULL where there is nothing
 * format   what was found
 */
__attribute__((format(printf, 5, 6))) void doctor_say(struct doctor *doctor, enum doctor_state state, const char *check,
                                                      const char *remedy, const char *format, ...);

/*
 * Reads a small file, at most 64 KiB of it. Its text with a NUL behind `size` bytes, to be freed; NULL and errno where it
 * cannot be read.
 */
char *doctor_read_small(const char *path, size_t *size);

/* The parts: the environment, glibc's side, nscd, the daemon, the user's cache, Nomad, and whether all say the same. */
void doctor_environment(struct doctor *doctor);
void doctor_hosts(struct doctor *doctor);
void doctor_nscd(struct doctor *doctor);
void doctor_daemon(struct doctor *doctor);
void doctor_cache(struct doctor *doctor);
void doctor_nomad(struct doctor *doctor);
void doctor_answers(struct doctor *doctor);

#endif
