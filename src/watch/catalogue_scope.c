/*
 * How far the catalogue may be believed: how current it is, and which namespaces it is of; see catalogue.h. Called by the
 * watcher and the daemon, read by the DNS workers.
 *
 * SPDX-License-Identifier: MIT
 */
#include "catalogue_part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void catalogue_set_state(struct catalogue *catalogue, enum catalogue_state state, uint32_t serial)
{
	atomic_store(&catalogue->state, (uint64_t)state << 32 | serial);
	epoch_collect(&catalogue->epochs);
}

enum catalogue_state catalogue_state(const struct catalogue *catalogue, uint32_t *serial)
{
	uint64_t state = atomic_load(&catalogue->state);

	*serial = (uint32_t)state;
	return (enum catalogue_state)(state >> 32);
}

void catalogue_set_confirmed(struct catalogue *catalogue, int64_t moment)
{
	atomic_store(&catalogue->confirmed, moment);
}

int64_t catalogue_confirmed(const struct catalogue *catalogue)
{
	return atomic_load(&catalogue->confirmed);
}

int catalogue_set_scope(struct catalogue *catalogue, const struct scope *scope)
{
	struct followed *old = atomic_load(&catalogue->followed), *made;

	if (old != NULL && scope_equal(&old->scope, scope))
		return 0;
	made = calloc(1, sizeof *made);
	if (made == NULL || scope_copy(scope, &made->scope) < 0) {
		free(made);
		return -ENOMEM;
	}
	made->retired.owned[0] = made->scope.names;
	atomic_store(&catalogue->followed, made);
	if (old != NULL)
		epoch_retire(&catalogue->epochs, &old->retired);
	return 0;
}

void catalogue_free_scope(struct catalogue *catalogue)
{
	struct followed *followed = atomic_load(&catalogue->followed);

	if (followed != NULL)
		scope_done(&followed->scope);
	free(followed);
}

bool catalogue_follows(const struct catalogue *catalogue, const char *namespace)
{
	const struct followed *followed = atomic_load(&catalogue->followed);

	return followed != NULL && scope_holds(&followed->scope, namespace);
}

bool catalogue_follows_all(const struct catalogue *catalogue)
{
	const struct followed *followed = atomic_load(&catalogue->followed);

	return followed != NULL && followed->scope.all;
}

void catalogue_each_namespace(const struct catalogue *catalogue, void (*visit)(void *context, const char *namespace),
                              void *context)
{
	size_t position = 0;

	for (const struct entry *entry; (entry = table_next(&catalogue->services, &position)) != NULL;) {
		char name[NAME_LABEL_MAX + 1] = "";
		size_t length = entry->key[0];
		if (entry->key_size != 1 + length) /* a service's */
			continue;
		memcpy(name, entry->key + 1, length);
		visit(context, name);
	}
}
