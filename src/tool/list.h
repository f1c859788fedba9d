/*
 * nomad-lookup --list: the services there are; and the names at an address. Called by nomad-lookup.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_TOOL_LIST_H
#define NSS_NOMAD_TOOL_LIST_H

#include "tool/ask.h"

#include <stdio.h>

/*
 * Prints every service with the number of its instances, its ports and tags: a table where `out` is a terminal, otherwise
 * one service a line, its fields separated by tabs; or one JSON object a line.
 *
 * namespace  the only one that is wanted; NULL: all
 *
 * FOUND; NO_NAME where there is none; UNKNOWN where nobody could say, with the reason in ask->report.
 */
enum verdict list_services(FILE *out, struct ask *ask, const char *namespace, bool json);

/* Prints "ADDRESS NAME" for every service with an instance at the address. As above. */
enum verdict list_at_address(FILE *out, struct ask *ask, const struct address *address, const char *text);

#endif
