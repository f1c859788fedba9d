/*
 * nomad-lookup --explain: why a name resolves or does not. Called by nomad-lookup.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_TOOL_EXPLAIN_H
#define NSS_NOMAD_TOOL_EXPLAIN_H

#include "tool/ask.h"

#include <stdio.h>

/*
 * Looks the name up and says in words what each step found, where, how old it is, what Nomad answers now (also
 * where the lookup itself did not ask), and what to do about a failure. The verdict of the lookup.
 */
enum verdict explain_lookup(FILE *out, struct ask *ask, const char *text);

#endif
