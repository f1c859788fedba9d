/*
 * Asking Nomad and waiting for the answer; see agent.h. Called by fetch.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "nomad/agent.h"

#include "deadline.h"

#include <stdio.h>
#include <string.h>

/* Keeps what was said of the addresses before in front of what is said of this one. */
static void prepend(struct agent_answer *answer, const char *before)
{
	char both[2 * AGENT_REASON_MAX + 2];

	if (before[0] == '\0' || answer->reason[0] == '\0')
		return;
	const char *between = before[strlen(before) - 1] == '?' ? " " : "; ";
	snprintf(both, sizeof both, "%s%s%s", before, between, answer->reason);
	snprintf(answer->reason, sizeof answer->reason, "%.*s", AGENT_REASON_MAX - 1, both);
}

/* One request a connection: the agent ends it with the answer, so that it counts against its limit no longer. */
static void close_after(struct agent_request *request)
{
	struct curl_slist *longer = curl_slist_append(request->headers, "Connection: close");

	if (longer == NULL)
		return;
	request->headers = longer;
	curl_easy_setopt(request->easy, CURLOPT_HTTPHEADER, request->headers);
}

/* One address, within its share of the time; the answer is moved out of the request. */
static enum agent_result get_once(const struct agent *agent, const char *path, int limit, struct agent_answer *answer)
{
	char before[AGENT_REASON_MAX];
	struct agent_request *request = agent_request_new(agent, AGENT_READ, path, limit, NULL, NULL);

	memcpy(before, answer->reason, sizeof before);
	agent_answer_done(answer);
	if (request == NULL) {
		answer->result = AGENT_NO_MEMORY;
		answer->is_own = true;
		snprintf(answer->reason, sizeof answer->reason, "out of memory");
		return AGENT_NO_MEMORY;
	}
	close_after(request);
	enum agent_result result = agent_request_judge(request, curl_easy_perform(request->easy));
	*answer = request->answer;
	memcpy(answer->name, request->name, sizeof answer->name);
	request->answer = (struct agent_answer){0};
	agent_request_free(request);
	prepend(answer, before);
	return result;
}

enum agent_result agent_get(struct agent *agent, const char *path, int64_t deadline, struct agent_answer *answer)
{
	enum agent_result result = AGENT_FAILED;

	*answer = (struct agent_answer){0};
	for (size_t left = agent->config->addresses.count; left > 0; left--) {
		int share = deadline_left(deadline) / (int)left;
		result = get_once(agent, path, share > 0 ? share : 1, answer);
		if (!agent_should_try_next(result))
			break;
		agent_next(agent);
	}
	return result;
}
