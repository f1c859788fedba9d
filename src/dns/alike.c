/*
 * Which of many items are the same; see alike.h. Called by index_new.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "alike.h"

#include "targets.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

bool alike_init(struct alike *alike, size_t count)
{
	alike->items = calloc(count + 1, sizeof *alike->items);
	alike->first = calloc(count + 1, sizeof *alike->first);
	alike->stamps = calloc(count + 1, sizeof *alike->stamps);
	alike->count = count;
	return alike->items != NULL && alike->first != NULL && alike->stamps != NULL;
}

void alike_done(struct alike *alike)
{
	free(alike->items);
	free(alike->first);
	free(alike->stamps);
}

static uint64_t hash_address(const uint8_t secret[SIPHASH_KEY], const void *item)
{
	return siphash(secret, item, sizeof(struct address));
}

static bool same_address(const void *a, const void *b)
{
	return address_equal(a, b);
}

static uint64_t hash_row(const uint8_t secret[SIPHASH_KEY], const void *item)
{
	const struct instance *instance = item;
	char host[256]; /* octets; what more there is makes no difference to the hash */

	if (instance->host == NULL)
		return hash_address(secret, instance->addresses) + instance->port;
	*(char *)mempcpy(host, instance->host, strnlen(instance->host, sizeof host - 1)) = '\0';
	text_lower(host, host);
	return siphash(secret, (const uint8_t *)host, strlen(host)) + instance->port;
}

static bool compare(struct alike *alike, const uint8_t secret[SIPHASH_KEY],
                    uint64_t (*hash)(const uint8_t secret[SIPHASH_KEY], const void *item),
                    bool (*same)(const void *a, const void *b))
{
	size_t room = 64;

	while (room < 2 * alike->count)
		room *= 2;
	uint32_t *slots = calloc(room, sizeof *slots);
	if (slots == NULL)
		return false;
	for (uint32_t i = 0; i < alike->count; i++) {
		if (alike->items[i] == NULL)
			continue;
		size_t at = (size_t)hash(secret, alike->items[i]) & (room - 1);
		while (slots[at] != 0 && !same(alike->items[slots[at] - 1], alike->items[i]))
			at = (at + 1) & (room - 1);
		if (slots[at] == 0)
			slots[at] = i + 1;
		alike->first[i] = slots[at] - 1;
	}
	free(slots);
	return true;
}

bool alike_compare_rows(struct alike *alike, const uint8_t secret[SIPHASH_KEY])
{
	return compare(alike, secret, hash_row, target_same_row);
}

bool alike_compare_addresses(struct alike *alike, const uint8_t secret[SIPHASH_KEY])
{
	return compare(alike, secret, hash_address, same_address);
}

bool alike_is_new(struct alike *alike, size_t item, uint32_t list)
{
	uint32_t *stamp = &alike->stamps[alike->first[item]];

	if (*stamp == list + 1)
		return false;
	*stamp = list + 1;
	return true;
}
