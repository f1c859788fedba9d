/*
 * TLS with an agent: how libcurl is told what the configuration says of it, and what a failure means. Called by agent.c and
 * agent_judge.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_NOMAD_AGENT_TLS_H
#define NSS_NOMAD_NOMAD_AGENT_TLS_H

#include "nomad/agent.h"

/* Sets authorities, certificate, key and verification, before the request is started. Any thread. */
void agent_set_tls(const struct agent *agent, struct agent_request *request);

/*
 * Judges a request that failed with TLS: its result, and a reason that names the certificate or the file that is wrong.
 * Reads the files of the configuration again for that. Any thread.
 *
 * code  what libcurl said
 * said  the same in its words
 */
enum agent_result agent_judge_tls(struct agent_request *request, CURLcode code, const char *said);

#endif
