/*
 * What nomad-lookup prints of an answer: addresses, SRV rows, JSON. Called by nomad-lookup.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_TOOL_PRINT_H
#define NSS_NOMAD_TOOL_PRINT_H

#include "lookup.h"

#include <stdio.h>

/* One "ADDRESS NAME" a line, as getent prints them. */
void print_addresses(FILE *out, const char *text, const struct lookup_result *result);

/*
 * One "PRIORITY WEIGHT PORT TARGET" a line, as dig +short prints them, without doubles; instances without a port
 * are left out. `result` was looked up whole. How many lines.
 */
size_t print_srv(FILE *out, const struct lookup_result *result);

/* One JSON object on one line: the name, the verdict, where it came from, and every instance with all it has. */
void print_json(FILE *out, const char *text, const struct lookup_result *result);

/* The verdict in one word: found, no-data, no-name, unknown. */
const char *print_verdict(enum verdict verdict);

#endif
