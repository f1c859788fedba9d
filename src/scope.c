/*
 * The namespaces that the daemon follows; see scope.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "scope.h"

#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where a name in lower case stands, or would. */
static size_t place_of_name(const struct scope *scope, const char *name)
{
	size_t low = 0, high = scope->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (strcmp(scope->names[middle], name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool stands_at(const struct scope *scope, size_t place, const char *name)
{
	return place < scope->count && strcmp(scope->names[place], name) == 0;
}

int scope_add(struct scope *scope, const char *name)
{
	char lowered[NAME_LABEL_MAX + 1];

	if (!name_is_label(name))
		return 0;
	text_lower(name, lowered);
	size_t place = place_of_name(scope, lowered);
	if (stands_at(scope, place, lowered))
		return 0;
	char(*names)[NAME_LABEL_MAX + 1] = realloc(scope->names, (scope->count + 1) * sizeof *names);
	if (names == NULL)
		return -ENOMEM;
	scope->names = names;
	memmove(&names[place + 1], &names[place], (scope->count - place) * sizeof *names);
	memset(names[place], 0, sizeof *names);
	strcpy(names[place], lowered);
	scope->count++;
	return 0;
}

bool scope_holds(const struct scope *scope, const char *name)
{
	char lowered[NAME_LABEL_MAX + 1];

	if (scope->all)
		return true;
	if (strlen(name) > NAME_LABEL_MAX)
		return false;
	text_lower(name, lowered);
	return stands_at(scope, place_of_name(scope, lowered), lowered);
}

bool scope_equal(const struct scope *one, const struct scope *other)
{
	if (one->all != other->all || one->count != other->count)
		return false;
	return one->count == 0 || memcmp(one->names, other->names, one->count * sizeof *one->names) == 0;
}

int scope_copy(const struct scope *from, struct scope *to)
{
	struct scope copy = {.all = from->all, .count = from->count};

	if (from->count > 0) {
		copy.names = malloc(from->count * sizeof *copy.names);
		if (copy.names == NULL)
			return -ENOMEM;
		memcpy(copy.names, from->names, from->count * sizeof *copy.names);
	}
	*to = copy;
	return 0;
}

void scope_done(struct scope *scope)
{
	free(scope->names);
	*scope = (struct scope){0};
}
