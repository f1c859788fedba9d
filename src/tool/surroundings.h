/*
 * What the variables NOMAD_* of this process do to its lookups, in words. Called by explain.c and doctor_host.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_TOOL_SURROUNDINGS_H
#define NSS_NOMAD_TOOL_SURROUNDINGS_H

#include "lookup.h"

enum {
	SURROUNDINGS_MAX = 4,
	SURROUNDINGS_TEXT_MAX = 512, /* octets with the NUL */
};

enum surroundings_effect {
	SURROUNDINGS_HARMLESS, /* the lookups are the usual ones, but for what it says */
	SURROUNDINGS_OTHER,    /* another cluster is asked than the daemon follows */
	SURROUNDINGS_WRONG,    /* the value is not one that could be used */
};

struct surroundings {
	enum surroundings_effect effect;
	const char *variable;
	char text[SURROUNDINGS_TEXT_MAX]; /* a sentence that starts with the variable; user and password are left out */
};

/* Says it of each variable that is set, in `list`; how many. `places` are those of lookup_places_init(). */
size_t surroundings_list(const struct lookup_places *places, struct surroundings list[SURROUNDINGS_MAX]);

#endif
