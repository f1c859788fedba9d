/*
 * The parts of agent.h that agent.c, agent_judge.c and agent_get.c share.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_NOMAD_AGENT_JUDGE_H
#define NSS_NOMAD_NOMAD_AGENT_JUDGE_H

#include "nomad/agent.h"

/* libcurl's header callback: keeps Nomad's own headers in a struct agent_answer, whatever their case. */
size_t agent_take_header(char *line, size_t one, size_t size, void *answer);

/*
 * Reads all files below a folder into one PEM text, the way Nomad's own client reads NOMAD_CAPATH (libcurl's CAPATH
 * wants hashed names instead). 0 and a new string, released with free(); or a negative errno and a reason.
 */
int agent_read_authorities(const char *folder, char **authorities, char reason[CONFIG_REASON_MAX]);

#endif
