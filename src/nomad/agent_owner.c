/*
 * Whether a port of this host is an agent's; see agent_owner.h. Called by agent.c and, within a request, by libcurl.
 *
 * SPDX-License-Identifier: MIT
 */
#include "nomad/agent_owner.h"

#include "nomad/peer.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AGENT_USER "nomad" /* whom distributions run it as, where not as root */

/* Whether a user has this name, or number. */
static bool is_user(uid_t user, const char *name)
{
	char *end;
	unsigned long number = strtoul(name, &end, 10);

	if (*end == '\0')
		return number == user;
	const struct passwd *found = getpwnam(name);
	return found != NULL && found->pw_uid == user;
}

static bool is_accepted(uid_t owner, const char *configured)
{
	if (owner == 0 || owner == geteuid())
		return true;
	return (configured != NULL && is_user(owner, configured)) || is_user(owner, AGENT_USER);
}

static int refuse_stranger(struct agent_request *request, uid_t owner)
{
	const struct passwd *found = getpwuid(owner);
	char number[24];

	snprintf(number, sizeof number, "%u", (unsigned)owner);
	snprintf(request->stranger, sizeof request->stranger,
	         "belongs to user %s (%u), so that nothing was sent; if that is the agent, set agent-user = %s in the section "
	         "[nomad]", found == NULL ? number : found->pw_name, (unsigned)owner,
	         found == NULL ? number : found->pw_name);
	return CURL_PREREQFUNC_ABORT;
}

static int refuse_unknown(struct agent_request *request, int error)
{
	snprintf(request->stranger, sizeof request->stranger,
	         "is a port whose owner this host's kernel does not tell (%s), so that the token was not sent; use unix:// or "
	         "https://, or set agent-user = any in the section [nomad]", strerror(-error));
	request->owner_unknown = true;
	return CURL_PREREQFUNC_ABORT;
}

/* libcurl's: there is a connection, new or old, and nothing of the request was sent on it. */
static int connected(void *context, char *there, char *here, int there_port, int here_port)
{
	struct agent_request *request = context;
	struct peer peer;
	uid_t owner = 0;

	if (!peer_parse(here, here_port, there, there_port, &peer) || !peer_is_local(&peer))
		return CURL_PREREQFUNC_OK;
	int result = peer_owner(&peer, &owner);
	if (result < 0)
		return request->has_secret ? refuse_unknown(request, result) : CURL_PREREQFUNC_OK;
	return is_accepted(owner, request->agent_user) ? CURL_PREREQFUNC_OK : refuse_stranger(request, owner);
}

void agent_owner_ask(const struct agent *agent, struct agent_request *request)
{
	request->agent_user = agent->config->agent_user;
	if (request->agent_user != NULL && strcmp(request->agent_user, CONFIG_ANY_USER) == 0)
		return;
	curl_easy_setopt(request->easy, CURLOPT_PREREQFUNCTION, connected);
	curl_easy_setopt(request->easy, CURLOPT_PREREQDATA, request);
}
