/*
 * Which of several addresses is the leader's; see leader.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watch/leader.h"

#include "url.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* An IP address in one form for both families, IPv4 as it is mapped. */
static bool read_host(const char *text, struct in6_addr *address)
{
	char mapped[NAME_TEXT_MAX + sizeof "::ffff:"];

	snprintf(mapped, sizeof mapped, "::ffff:%s", text);
	return inet_pton(AF_INET6, strchr(text, ':') == NULL ? mapped : text, address) == 1;
}

/* The host of "HOST:PORT", quotes and brackets and all. */
static bool read_leader(const char *body, size_t size, struct in6_addr *address)
{
	char host[INET6_ADDRSTRLEN + 1];
	const char *start = body + 1, *end = size < 2 || body[0] != '"' ? NULL : memrchr(body, ':', size);

	if (end == NULL || end <= start)
		return false;
	if (*start == '[' && end[-1] == ']') {
		start++;
		end--;
	}
	size_t length = (size_t)(end - start);
	if (length >= sizeof host)
		return false;
	memcpy(host, start, length);
	host[length] = '\0';
	return read_host(host, address);
}

bool leader_find(const struct config *config, const char *body, size_t size, size_t *number)
{
	struct in6_addr wanted, host;
	size_t found = 0, last = 0;
	const char *wrong;
	struct url url;

	if (!read_leader(body, size, &wanted))
		return false;
	for (size_t i = 0; i < config->addresses.count; i++) {
		if (!url_parse(config->addresses.words[i], &url, &wrong) || url.scheme == URL_UNIX ||
		    !read_host(url.host, &host) || memcmp(&host, &wanted, sizeof host) != 0)
			continue;
		found++;
		last = i;
	}
	/* Several agents on one host: which of them it is the port does not say. */
	if (found != 1)
		return false;
	*number = last;
	return true;
}

void leader_init(struct leader *leader, const struct outside *outside, struct agent *agent, void *owner,
                 void (*told)(void *owner))
{
	*leader = (struct leader){.outside = outside, .agent = agent, .owner = owner, .told = told};
}

static void answered(struct watch_request *request, const struct agent_answer *answer)
{
	struct leader *leader = request->owner;
	size_t number;

	leader->running = false;
	if (answer->result == AGENT_BELIEVED && leader_find(leader->agent->config, answer->body, answer->size, &number) &&
	    number != leader->agent->current) {
		leader->agent->current = leader->taken = number;
		leader->not_before = leader->outside->now(leader->outside->context) + LEADER_AGAIN;
	}
	leader->told(leader->owner);
}

bool leader_ask(struct leader *leader)
{
	struct watch_request *request = &leader->request;

	if (leader->agent->config->addresses.count < 2 ||
	    leader->outside->now(leader->outside->context) < leader->not_before)
		return false;
	request->owner = leader;
	request->limit = LEADER_LIMIT;
	request->is_status = true;
	request->done = answered;
	leader->running = watch_set_path(request, "/v1/status/leader", NULL, "default", NULL);
	if (leader->running)
		leader->outside->start(leader->outside->context, request);
	return leader->running;
}

void leader_followed(struct leader *leader)
{
	if (leader->agent->current == leader->taken)
		leader->not_before = 0;
}

void leader_cancel(struct leader *leader)
{
	if (leader->running)
		leader->outside->cancel(leader->outside->context, &leader->request);
	leader->running = false;
}
