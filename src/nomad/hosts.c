/*
 * Resolving host names; see hosts.h. Called by nomad/fetch.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "nomad/hosts.h"

#include "deadline.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { ADDRESSES_MAX = 64, QUESTIONS = 2 }; /* of one name and family, more are left out; for each name, one for each */

/*
 * The families are asked for apart: of both at once getaddrinfo() does not say which one failed. Any socket type will do,
 * so one: without it every address would come three times.
 */
static const struct addrinfo hints[QUESTIONS] = {
	{.ai_family = AF_INET, .ai_socktype = SOCK_STREAM},
	{.ai_family = AF_INET6, .ai_socktype = SOCK_STREAM},
};

/* The names that are asked for: QUESTIONS for each instance, those without a host's name not used. */
struct resolving {
	struct instance *instances;
	size_t count;
	struct gaicb *requests;
	struct gaicb **lookups; /* those that were begun */
	struct address *block;  /* room for what is found */
};

/* Takes an answer's addresses; false where there are more. */
static bool take_addresses(const struct addrinfo *info, struct address *addresses, size_t *count)
{
	for (*count = 0; info != NULL; info = info->ai_next) {
		if (*count == ADDRESSES_MAX)
			return false;
		*count += address_from_socket(info->ai_addr, &addresses[*count]);
	}
	return true;
}

/* Waits for all of the names, or for the deadline. */
static void wait_for(struct gaicb **lookups, size_t count, int64_t deadline)
{
	for (size_t i = 0; i < count; i++)
		while (gai_error(lookups[i]) == EAI_INPROGRESS) {
			int left = deadline_left(deadline);
			struct timespec wait = {.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000};
			if (left == 0)
				return;
			gai_suspend((const struct gaicb *const *)lookups + i, 1, &wait);
		}
}

/* Starts the lookups of every instance with a host name; how many. */
static size_t start(struct resolving *resolving)
{
	size_t started = 0;

	for (size_t i = 0; i < resolving->count * QUESTIONS; i++) {
		const char *host = resolving->instances[i / QUESTIONS].host;
		struct gaicb *request = &resolving->requests[i];
		if (host == NULL)
			continue;
		*request = (struct gaicb){.ar_name = strdup(host), .ar_request = &hints[i % QUESTIONS]};
		if (request->ar_name != NULL)
			resolving->lookups[started++] = request;
	}
	if (started > 0 && getaddrinfo_a(GAI_NOWAIT, resolving->lookups, (int)started, NULL) != 0)
		return 0;
	return started;
}

/* Whether that is the name servers' word, that there is nothing too; one that failed or was not reached gave none. */
static bool is_word(int error)
{
	return error == 0 || error == EAI_NONAME || error == EAI_NODATA || error == EAI_ADDRFAMILY;
}

/* Takes what was found of one family, behind what the instance has. Whether the lookup has ended. */
static bool take(struct instance *instance, struct gaicb *request, struct address *addresses)
{
	uint8_t family = address_families(request->ar_request == NULL ? AF_UNSPEC : request->ar_request->ai_family);
	size_t count = 0;

	instance->unresolved |= family;
	if (request->ar_name == NULL)
		return true;
	if (gai_error(request) == EAI_INPROGRESS && gai_cancel(request) == EAI_NOTCANCELED)
		return false;
	int error = gai_error(request);
	if (take_addresses(request->ar_result, addresses, &count) && is_word(error) && (error != 0 || count > 0))
		instance->unresolved &= (uint8_t)~family;
	instance->address_count += count;
	if (request->ar_result != NULL)
		freeaddrinfo(request->ar_result);
	free((char *)request->ar_name);
	return true;
}

/* Gives the instances what their names resolved to. Whether all lookups have ended. */
static bool take_all(const struct resolving *resolving, size_t *unknown)
{
	struct address *block = resolving->block;
	bool finished = true;

	*unknown = 0;
	for (size_t i = 0; i < resolving->count; i++) {
		struct instance *instance = &resolving->instances[i];
		if (instance->host == NULL)
			continue;
		instance->addresses = block;
		for (size_t j = 0; j < QUESTIONS; j++)
			finished = take(instance, &resolving->requests[i * QUESTIONS + j], block + instance->address_count) && finished;
		block += instance->address_count;
		*unknown += instance->unresolved != 0;
	}
	return finished;
}

int hosts_resolve(struct instance *instances, size_t count, int64_t deadline, size_t *unknown,
                  struct address **addresses)
{
	size_t hosts = 0;

	*addresses = NULL;
	*unknown = 0;
	for (size_t i = 0; i < count; i++)
		hosts += instances[i].host != NULL;
	if (hosts == 0)
		return 0;

	/* A lookup that is still running at the end keeps its request: those are left to the process' own end. */
	struct resolving resolving = {
		.instances = instances,
		.count = count,
		.requests = calloc(count * QUESTIONS, sizeof *resolving.requests),
		.lookups = calloc(hosts * QUESTIONS, sizeof *resolving.lookups),
		.block = calloc(hosts * QUESTIONS * ADDRESSES_MAX, sizeof *resolving.block),
	};
	if (resolving.requests == NULL || resolving.lookups == NULL || resolving.block == NULL) {
		free(resolving.requests);
		free(resolving.lookups);
		free(resolving.block);
		return -ENOMEM;
	}
	wait_for(resolving.lookups, start(&resolving), deadline);
	if (take_all(&resolving, unknown)) {
		free(resolving.requests);
		free(resolving.lookups);
	}
	*addresses = resolving.block;
	return 0;
}
