/*
 * Why a name has no answer, in words: what is wrong with it, and what it may have been meant to be. Called by
 * nomad-lookup.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_TOOL_HINT_H
#define NSS_NOMAD_TOOL_HINT_H

#include "tool/ask.h"

#include <stdio.h>

/*
 * Says, in one line that begins with the name, why a lookup did not find what was asked for. May read the list of
 * services, within the configured timeout.
 *
 * result  of the lookup, whole; its verdict is not FOUND
 */
void hint_say(FILE *out, struct ask *ask, const char *text, const struct lookup_result *result);

#endif
