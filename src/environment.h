/*
 * What the variables NOMAD_* in the environment mean to a lookup. Nomad itself sets NOMAD_NAMESPACE, NOMAD_REGION and
 * NOMAD_ALLOC_ID in every task: they say where a program runs, not what it asks for. Called by lookup.c, config.c and
 * tool/, so that the module and nomad-lookup decide the same.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_ENVIRONMENT_H
#define NSS_NOMAD_ENVIRONMENT_H

#include "name.h"

#include <stdbool.h>

/* What counts; of a program with somebody else's rights (secure_getenv) nothing does. The texts are the environment's. */
struct environment {
	bool in_task;          /* NOMAD_ALLOC_ID: a task of Nomad's */
	const char *address;   /* NOMAD_ADDR; NULL: none, or a task's own socket, which leads to its own cluster */
	const char *region;    /* NOMAD_REGION; NULL: none, or a task's own */
	const char *namespace; /* NOMAD_NAMESPACE: what names mean that give none; NULL: none, or * */
};

/* Reads it. No system call. Not while another thread changes the environment. */
void environment_read(struct environment *environment);

/*
 * Whether the address and the region are those of the cluster that the daemon follows, as DIR/follows says: one of its
 * addresses, however spelled, and its region.
 *
 * dir  the daemon's directory, shorter than PLACE_FOLDER_MAX - 16; not kept
 *
 * False too where the daemon does not say, or there is no memory. Four system calls. Any thread. Changes errno.
 */
bool environment_is_followed(const struct environment *environment, const char *dir);

#endif
