/*
 * Step 3 of a lookup as nomad-lookup does it: ask Nomad, within the user's share of connections, and keep the answer
 * in the user's cache. Called through lookup.c, for a person and for the module alike.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_TOOL_ASK_H
#define NSS_NOMAD_TOOL_ASK_H

#include "config.h"
#include "lookup.h"
#include "nomad/fetch.h"

/* The context of ask_nomad(). */
struct ask {
	const struct config *config;
	const struct lookup_places *places;
	struct fetch_report report; /* of the last time, for --explain */
	int unkept;                 /* of the last answer: 0, or the negative errno for which the cache has it not */
};

/* The namespace of names that give none: the environment's, else the configured one. */
const char *ask_default_namespace(const struct ask *ask);

/*
 * A lookup_ask. Always gives a record, unless another process holds the lock: a failure is one with VERDICT_UNKNOWN, is
 * noted in the cache for a second, and stands in the report in words. -ENOMEM at worst. What cannot be written to the
 * cache is answered all the same.
 */
int ask_nomad(void *ask, const struct lookup_question *question, struct record *record);

/*
 * The same for a lock that is held already, and closed as soon as the answer is kept; -1: without. Whoever holds one has
 * waited for it perhaps, and takes what another one has kept meanwhile. Without one, nothing is noted of a failure, and
 * there is no place in the queue to the agent.
 */
int ask_holding(struct ask *ask, const struct lookup_question *question, int lock, struct record *record);

#endif
