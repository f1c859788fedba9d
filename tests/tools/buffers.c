/*
 * Asks the module's functions for a name with every buffer size from 0 on, at every alignment, until the answer
 * fits; before that it has to say TRYAGAIN, ERANGE, NETDB_INTERNAL and leave the caller's structures alone, and
 * never write outside the buffer. Prints what is wrong, or "FUNCTION: fits in SIZE".
 *
 *     buffers NAME
 *
 * SPDX-License-Identifier: MIT
 */
#include "module.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { SIZE_MAX_TRIED = 64 * 1024, GUARD = 64, ALIGNMENTS = 16, PATTERN = 0xa5 };

static struct module module;
static const char *name;
static char *memory; /* room for a buffer of any size tried, between two guards */

/* One try; results in these. */
struct outcome {
	enum nss_status status;
	int error, h_error;
	bool touched; /* something of the caller's other than the buffer */
};

static void call_tuples(char *buffer, size_t size, bool given, struct outcome *outcome)
{
	struct gaih_addrtuple own, before, *tuples = given ? &own : NULL;

	memset(&own, PATTERN, sizeof own);
	before = own;
	outcome->status = module.by_name4(name, &tuples, buffer, size, &outcome->error, &outcome->h_error, NULL);
	outcome->touched = tuples != (given ? &own : NULL) || memcmp(&own, &before, sizeof own) != 0;
	if (outcome->status == NSS_STATUS_SUCCESS)
		for (const struct gaih_addrtuple *t = tuples; t != NULL; t = t->next)
			if (t->name == NULL || t->name < buffer || t->name >= buffer + size ||
			    (t != &own && ((const char *)t < buffer || (const char *)(t + 1) > buffer + size)))
				errx(1, "4: the result lies outside of the buffer");
}

static void call_host(char *buffer, size_t size, int family, struct outcome *outcome)
{
	struct hostent host, before;

	memset(&host, PATTERN, sizeof host);
	before = host;
	outcome->status = module.by_name3(name, family, &host, buffer, size, &outcome->error, &outcome->h_error, NULL, NULL);
	outcome->touched = memcmp(&host, &before, sizeof host) != 0;
	if (outcome->status != NSS_STATUS_SUCCESS)
		return;
	const char *list = (const char *)host.h_addr_list;
	if (host.h_name < buffer || host.h_name >= buffer + size || list < buffer || list >= buffer + size)
		errx(1, "3: the result lies outside of the buffer");
	if ((uintptr_t)list % sizeof(char *) != 0 || (uintptr_t)host.h_aliases % sizeof(char *) != 0)
		errx(1, "3: pointers that are not aligned");
}

static void check_guards(const char *buffer, size_t size)
{
	for (const char *c = memory; c < buffer; c++)
		if (*c != (char)PATTERN)
			errx(1, "wrote %td octets before the buffer", buffer - c);
	for (size_t i = 0; i < GUARD; i++)
		if (buffer[size + i] != (char)PATTERN)
			errx(1, "wrote %zu octets behind a buffer of %zu", i, size);
}

static bool try(const char *what, int family, bool given, size_t size, size_t shift)
{
	char *buffer = memory + GUARD + shift;
	struct outcome outcome = {.error = 999, .h_error = 999};

	memset(memory, PATTERN, size + 3 * GUARD);
	if (family == AF_UNSPEC)
		call_tuples(buffer, size, given, &outcome);
	else
		call_host(buffer, size, family, &outcome);
	check_guards(buffer, size);
	if (outcome.status == NSS_STATUS_SUCCESS)
		return true;
	if (outcome.status != NSS_STATUS_TRYAGAIN || outcome.error != ERANGE || outcome.h_error != NETDB_INTERNAL)
		errx(1, "%s, size %zu, shift %zu: status %d, errno %d, h_errno %d", what, size, shift, outcome.status,
		     outcome.error, outcome.h_error);
	if (outcome.touched)
		errx(1, "%s, size %zu: touched the caller's structure and failed", what, size);
	return false;
}

static void run(const char *what, int family, bool given)
{
	size_t largest = 0;

	for (size_t shift = 0; shift < ALIGNMENTS; shift++) {
		size_t size = 0;
		while (!try(what, family, given, size, shift))
			if (++size > SIZE_MAX_TRIED)
				errx(1, "%s: does not fit in %d octets", what, SIZE_MAX_TRIED);
		largest = size > largest ? size : largest;
	}
	printf("%s: fits in %zu\n", what, largest);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		errx(1, "usage: buffers NAME");
	name = argv[1];
	module = module_open();
	memory = aligned_alloc(ALIGNMENTS, SIZE_MAX_TRIED + 4 * GUARD);
	if (memory == NULL)
		err(1, "aligned_alloc");
	run("tuples", AF_UNSPEC, false);
	run("tuples of the caller", AF_UNSPEC, true);
	run("inet", AF_INET, false);
	run("inet6", AF_INET6, false);
	return 0;
}
