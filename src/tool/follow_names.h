/*
 * nomad-lookup --watch: a line for each instance that comes or goes. Called by nomad-lookup.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_TOOL_FOLLOW_NAMES_H
#define NSS_NOMAD_TOOL_FOLLOW_NAMES_H

#include "tool/ask.h"

#include <stdio.h>

/*
 * Looks the names up again whenever a published file changes (inotify), or where there is no daemon as often as an answer
 * expires, and prints what is different: "TIME + NAME ADDRESS:PORT", "TIME - NAME ADDRESS:PORT", and "TIME ? NAME" where
 * nobody can tell any more; what was there then still counts. What is there at the beginning is printed with +.
 *
 * names  ended by NULL; not kept
 * json   one object a line instead
 *
 * Does not return until printing fails, or there is no memory: a negative errno.
 */
int follow_names(FILE *out, struct ask *ask, char **names, bool json);

#endif
