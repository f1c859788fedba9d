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

enum { ADDRESSES_PER_HOST = 16 }; /* of one name; more would not fit an answer anyway */

/* Any socket type will do, so one: without it every address would come three times. */
static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};

static size_t take_addresses(const struct addrinfo *info, struct address *addresses)
{
	size_t count = 0;

	for (; info != NULL && count < ADDRESSES_PER_HOST; info = info->ai_next)
		count += address_from_socket(info->ai_addr, &addresses[count]);
	return count;
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

/* Starts a lookup for every instance with a host name; how many. */
static size_t start(struct instance *instances, size_t count, struct gaicb *requests, struct gaicb **lookups)
{
	size_t started = 0;

	for (size_t i = 0; i < count; i++) {
		if (instances[i].host == NULL)
			continue;
		requests[i] = (struct gaicb){.ar_name = strdup(instances[i].host), .ar_request = &hints};
		if (requests[i].ar_name != NULL)
			lookups[started++] = &requests[i];
	}
	if (started > 0 && getaddrinfo_a(GAI_NOWAIT, lookups, (int)started, NULL) != 0)
		return 0;
	return started;
}

/* Whether somebody said so; a server that failed or was not reached did not. */
static bool has_no_address(int error)
{
	return error == EAI_NONAME || error == EAI_NODATA || error == EAI_ADDRFAMILY;
}

/* Gives the instances what their names resolved to. Whether all lookups have ended. */
static bool take_all(struct instance *instances, size_t count, struct gaicb *requests, size_t *unknown,
                     struct address *block)
{
	bool finished = true;

	*unknown = 0;
	for (size_t i = 0; i < count; i++) {
		if (instances[i].host == NULL)
			continue;
		instances[i].unresolved = true;
		++*unknown;
		if (requests[i].ar_name == NULL)
			continue;
		if (gai_error(&requests[i]) == EAI_INPROGRESS && gai_cancel(&requests[i]) == EAI_NOTCANCELED) {
			finished = false;
			continue;
		}
		instances[i].addresses = block;
		instances[i].address_count = take_addresses(requests[i].ar_result, block);
		block += instances[i].address_count;
		if (instances[i].address_count > 0 || has_no_address(gai_error(&requests[i]))) {
			instances[i].unresolved = false;
			--*unknown;
		}
		freeaddrinfo(requests[i].ar_result);
		free((char *)requests[i].ar_name);
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
	struct gaicb *requests = calloc(count, sizeof *requests);
	struct gaicb **lookups = calloc(hosts, sizeof *lookups);
	struct address *block = calloc(hosts * ADDRESSES_PER_HOST, sizeof *block);
	if (requests == NULL || lookups == NULL || block == NULL) {
		free(requests);
		free(lookups);
		free(block);
		return -ENOMEM;
	}
	wait_for(lookups, start(instances, count, requests, lookups), deadline);
	bool finished = take_all(instances, count, requests, unknown, block);
	if (finished) {
		free(requests);
		free(lookups);
	}
	*addresses = block;
	return 0;
}
