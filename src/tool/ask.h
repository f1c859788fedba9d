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
};

/*
 * A lookup_ask. Always gives a record: a failure is one with VERDICT_UNKNOWN, is noted in the cache for a second, and
 * stands in the report in words. -ENOMEM at worst. What cannot be written to the cache is answered all the same.
 */
int ask_nomad(void *context, const char *text, int lock, int64_t started, struct record *record);

#endif
