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

/*
 * Where the instances are that the name selects: "ADDRESS:PORT", an IPv6 address in brackets, each once, sorted. Those
 * without an address or a port are left out.
 *
 * places  on success a new array of `count` new strings; both are the caller's to free, also where there are none
 *
 * 0 or -ENOMEM.
 */
int print_ports(const struct lookup_result *result, char ***places, size_t *count);

/* Prints the same, one a line. How many lines. */
size_t print_all_ports(FILE *out, const struct lookup_result *result);

/* One JSON object on one line: the name, the verdict, where it came from, and every instance with all it has. */
void print_json(FILE *out, const char *text, const struct lookup_result *result);

/* The verdict in one word: found, no-data, no-name, unknown. */
const char *print_verdict(enum verdict verdict);

#endif
