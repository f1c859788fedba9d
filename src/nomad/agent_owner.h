/*
 * Whether a port of this host is an agent's: asked after connecting and before anything is sent, of each request that
 * nothing else vouches for (no certificate, no socket's path). Used by agent.c and agent_judge.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_NOMAD_AGENT_OWNER_H
#define NSS_NOMAD_NOMAD_AGENT_OWNER_H

#include "nomad/agent.h"

/*
 * Has the request ask; before it is started. Nothing is sent where the port is another user's than root, `nomad`, our own
 * effective one or [nomad] agent-user, and no token where nobody can tell whose it is. With agent-user = any all may be
 * sent to anybody.
 *
 * agent   kept until the request has ended
 */
void agent_owner_ask(const struct agent *agent, struct agent_request *request);

#endif
