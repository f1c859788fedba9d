/*
 * The name of the region that is followed where the configuration gives none: the only one that the agent knows, or the
 * agent's own, as far as the token may ask. Programs that have NOMAD_REGION set compare it (environment.h). Called by
 * watch/daemon.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_WATCH_REGION_H
#define NSS_NOMAD_WATCH_REGION_H

#include "watch/outside.h"

enum {
	REGION_MAX = 128,             /* octets with the NUL; a longer one is not known */
	REGION_ANSWER_MAX = 64 * 1024, /* octets: /v1/agent/self has 10,000 */
	REGION_LIMIT = 2000,          /* milliseconds */
};

struct region {
	const struct outside *outside;
	struct watch_request request;
	bool running;
	bool asks_self;
	char name[REGION_MAX]; /* "": not known */
	size_t size;
	char answer[REGION_ANSWER_MAX];
};

/* Asks, unless it does already or the name is known. */
void region_ask(struct region *region);

/* Forgets the question, and the name: the agent is another one. Accepts zeroes. */
void region_forget(struct region *region);

#endif
