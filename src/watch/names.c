/*
 * Who is at an address: a table from addresses to services, which follows the catalogue; see names.h. Called by
 * catalogue.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct entry *find(const struct table *names, const struct address *address)
{
	const uint8_t *key = (const uint8_t *)address;

	return table_find(names, table_hash(key, sizeof *address), key, sizeof *address);
}

const struct service_names *names_find(const struct table *names, const struct address *address)
{
	const struct entry *entry = find(names, address);

	return entry == NULL ? NULL : entry->retired.owned[0];
}

static bool holds(const struct service *service, const struct address *address)
{
	for (size_t i = 0; service != NULL && i < service->address_count; i++)
		if (address_equal(&service->addresses[i], address))
			return true;
	return false;
}

void names_done(struct names_changes *changes)
{
	for (size_t i = 0; i < changes->count; i++)
		table_free_entry(changes->made[i].entry);
	free(changes->made);
}

/* The names at an address with one more, or without one. */
static struct service_names *edit_names(const struct service_names *old, const struct service_key *key, bool add)
{
	size_t count = old == NULL ? 0 : old->count;
	struct service_names *names = malloc(sizeof *names + (count + 1) * sizeof *names->keys);

	if (names == NULL)
		return NULL;
	names->count = 0;
	for (size_t i = 0; i < count; i++)
		if (strcmp(old->keys[i].service, key->service) != 0 ||
		    strcmp(old->keys[i].namespace, key->namespace) != 0)
			names->keys[names->count++] = old->keys[i];
	if (add)
		names->keys[names->count++] = *key;
	return names;
}

static int prepare_change(const struct table *names, struct names_changes *changes, const struct address *address,
                          const struct service_key *key, bool add)
{
	const struct entry *old = find(names, address);
	struct service_names *edited = edit_names(old == NULL ? NULL : old->retired.owned[0], key, add);
	struct entry *entry = table_entry((const uint8_t *)address, sizeof *address);

	if (edited == NULL || entry == NULL) {
		free(edited);
		table_free_entry(entry);
		return -ENOMEM;
	}
	entry->retired.owned[0] = edited;
	changes->made[changes->count++] = (struct names_change){*address, entry, edited->count == 0};
	return 0;
}

/* What putting `after` in the place of `before` changes. On failure nothing is left behind but `changes`. */
int names_prepare(struct table *names, struct epochs *epochs, const struct service_key *key,
                  const struct service *before, const struct service *after, struct names_changes *changes)
{
	size_t most = (before == NULL ? 0 : before->address_count) + (after == NULL ? 0 : after->address_count);
	int result = 0;

	if (most == 0)
		return 0;
	changes->made = calloc(most, sizeof *changes->made);
	if (changes->made == NULL)
		return -ENOMEM;
	for (size_t i = 0; before != NULL && i < before->address_count && result == 0; i++)
		if (!holds(after, &before->addresses[i]))
			result = prepare_change(names, changes, &before->addresses[i], key, false);
	for (size_t i = 0; after != NULL && i < after->address_count && result == 0; i++)
		if (!holds(before, &after->addresses[i]))
			result = prepare_change(names, changes, &after->addresses[i], key, true);
	return result < 0 ? result : table_reserve(names, changes->count, epochs);
}

/* Makes the changes; none can fail. */
void names_change(struct table *names, struct epochs *epochs, struct names_changes *changes)
{
	for (size_t i = 0; i < changes->count; i++) {
		struct names_change *change = &changes->made[i];
		if (change->empty) {
			struct entry *old = table_find(names, change->entry->hash, change->entry->key,
			                               change->entry->key_size);
			table_remove(names, old, epochs);
		} else {
			table_set(names, change->entry, epochs);
			change->entry = NULL;
		}
	}
}
