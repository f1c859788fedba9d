/*
 * Addresses to a hostent or a list of gaih_addrtuple; see answer.h. Called by nss_nomad.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "answer.h"

#include <errno.h>
#include <stdalign.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/* Cuts a piece off the space, aligned in memory, not in the buffer; NULL where it does not fit. */
static void *carve(struct space *space, size_t size, size_t alignment)
{
	size_t padding = -(uintptr_t)space->at & (alignment - 1);
	size_t room = (size_t)(space->end - space->at);

	if (space->at == NULL || room < padding || room - padding < size)
		return NULL;
	char *piece = space->at + padding;
	space->at = piece + size;
	return piece;
}

/* The name as it was asked for, its trailing dot taken off. */
static char *carve_name(struct space *space, const char *name)
{
	size_t length = strlen(name);

	if (length > 0 && name[length - 1] == '.')
		length--;
	char *copy = carve(space, length + 1, 1);
	if (copy != NULL) {
		memcpy(copy, name, length);
		copy[length] = '\0';
	}
	return copy;
}

static size_t count_family(int family, const struct address *addresses, size_t count)
{
	size_t of_family = 0;

	for (size_t i = 0; i < count; i++)
		of_family += addresses[i].family == family;
	return of_family;
}

int answer_hostent(const char *name, int family, const struct address *addresses, size_t count,
                   struct space space, struct hostent *host)
{
	size_t size = family == AF_INET ? 4 : 16;
	size_t chosen = count_family(family, addresses, count);
	char **list = carve(&space, (chosen + 1) * sizeof *list, alignof(char *));
	char **aliases = carve(&space, sizeof *aliases, alignof(char *));
	char *octets = carve(&space, chosen * size, alignof(uint32_t)); /* programs read a struct in_addr here */
	char *copy = carve_name(&space, name);

	if (list == NULL || aliases == NULL || octets == NULL || copy == NULL)
		return -ERANGE;
	*aliases = NULL;
	list[chosen] = NULL;
	for (size_t i = 0, at = 0; i < count; i++) {
		if (addresses[i].family != family)
			continue;
		list[at++] = memcpy(octets, addresses[i].octets, size);
		octets += size;
	}
	*host = (struct hostent){.h_name = copy,
	                         .h_aliases = aliases,
	                         .h_addrtype = family,
	                         .h_length = (int)size,
	                         .h_addr_list = list};
	return 0;
}

int answer_tuples(const char *name, const struct address *addresses, size_t count, struct space space,
                  struct gaih_addrtuple **tuples)
{
	struct gaih_addrtuple *list = carve(&space, count * sizeof *list, alignof(struct gaih_addrtuple));
	char *copy = carve_name(&space, name);

	if (list == NULL || copy == NULL)
		return -ERANGE;
	memset(list, 0, count * sizeof *list);
	for (size_t i = 0; i < count; i++) {
		list[i].next = i + 1 < count ? &list[i + 1] : NULL;
		list[i].name = copy;
		list[i].family = addresses[i].family;
		memcpy(list[i].addr, addresses[i].octets, sizeof addresses[i].octets);
	}
	if (*tuples != NULL)
		**tuples = list[0];
	else
		*tuples = list;
	return 0;
}
