/*
 * Which namespaces there are, for a person who may have misspelled one. Called by doctor_nomad.c and explain.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_TOOL_NAMESPACES_H
#define NSS_NOMAD_TOOL_NAMESPACES_H

#include "nomad/agent.h"

#include <stdbool.h>

enum { NAMESPACES_TEXT_MAX = 512 }; /* bytes with the NUL */

/*
 * Asks Nomad for its namespaces. True where it lists them and this one is not among them, whatever the case of its
 * letters; then `others` are those that there are, with commas between, as many as fit. Nomad leaves out what the token
 * may not see: ask where it was allowed to read in the namespace. At most until `deadline` (deadline_now()).
 */
bool namespaces_lack(struct agent *agent, const char *namespace, int64_t deadline, char others[NAMESPACES_TEXT_MAX]);

#endif
