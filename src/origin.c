/*
 * From where a process asks; see origin.h. Called by lookup.c and tool/for_module.c.
 *
 * The kernel gives the number of a network namespace that is gone to a new one: who lives in that may find what the
 * other one's processes, of the same user, have kept, for as long as it is fresh.
 *
 * SPDX-License-Identifier: MIT
 */
#include "origin.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

enum { GROUPS_READ = 512 }; /* octets: with version 2 of control groups there is one line, with version 1 one for each of a dozen */

static const char digits[] = "0123456789abcdef";

/*
 * The thread's own: one that is in another namespace than its process (setns) asks from there. What the link says,
 * net:[NUMBER], costs a third of what following it does.
 */
void origin_set_network(struct origin *origin)
{
	static const char kind[] = "net:[";
	char target[sizeof kind + ORIGIN_NETWORK_MAX];

	*origin = (struct origin){.network = "0"};
	ssize_t size = readlink("/proc/thread-self/ns/net", target, sizeof target - 1);
	if (size < (ssize_t)sizeof kind)
		return;
	target[size] = '\0';
	size_t digits_read = strspn(target + sizeof kind - 1, "0123456789");
	if (strncmp(target, kind, sizeof kind - 1) == 0 && digits_read > 0 && digits_read < ORIGIN_NETWORK_MAX) {
		memcpy(origin->network, target + sizeof kind - 1, digits_read);
		origin->network[digits_read] = '\0';
	}
}

/* FNV-1a, 64 bits. */
static uint64_t hash(const char *octets, size_t size)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ (uint8_t)octets[i]) * UINT64_C(0x100000001b3);
	return sum;
}

void origin_set_unit(struct origin *origin)
{
	char groups[GROUPS_READ];
	ssize_t size = 0;

	if (origin->unit[0] != '\0')
		return;
	int descriptor = open("/proc/thread-self/cgroup", O_RDONLY | O_CLOEXEC);
	if (descriptor >= 0) {
		size = read(descriptor, groups, sizeof groups);
		close(descriptor);
	}
	uint64_t sum = hash(groups, size < 0 ? 0 : (size_t)size);
	for (size_t i = 0; i < ORIGIN_UNIT_MAX - 1; i++)
		origin->unit[i] = digits[sum >> (60 - 4 * i) & 15];
	origin->unit[ORIGIN_UNIT_MAX - 1] = '\0';
}

void origin_write(const struct origin *origin, char *text)
{
	stpcpy(stpcpy(stpcpy(text, origin->network), "-"), origin->unit);
}

bool origin_parse(const char *text, struct origin *origin)
{
	size_t network = strspn(text, "0123456789");

	if (network == 0 || network >= ORIGIN_NETWORK_MAX || text[network] != '-')
		return false;
	const char *unit = text + network + 1;
	if (strspn(unit, digits) != ORIGIN_UNIT_MAX - 1 || unit[ORIGIN_UNIT_MAX - 1] != '\0')
		return false;
	memcpy(origin->network, text, network);
	origin->network[network] = '\0';
	memcpy(origin->unit, unit, ORIGIN_UNIT_MAX);
	return true;
}
