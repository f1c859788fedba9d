/*
 * The namespaces that the daemon follows, as a set: of these alone it may say that a service is not there. Called by
 * published_seal.c, watch/publisher.c, watch/catalogue.c and watch/watcher_scope.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_SCOPE_H
#define NSS_NOMAD_SCOPE_H

#include "name.h"

#include <stdbool.h>
#include <stddef.h>

/* Zeroes are a scope without any. */
struct scope {
	bool all;     /* every namespace that there is: one that has no service is empty, or does not exist */
	size_t count; /* otherwise these */
	char (*names)[NAME_LABEL_MAX + 1]; /* in lower case, in order, each once */
};

/*
 * Adds a namespace, whatever its case. One whose name is not a label is left out: no name can ask for it.
 * 0, or -ENOMEM and the scope is as it was. Any thread.
 */
int scope_add(struct scope *scope, const char *name);

/* Whether a namespace is in it; case does not matter. Any thread. */
bool scope_holds(const struct scope *scope, const char *name);

/* Whether two hold the same. Any thread. */
bool scope_equal(const struct scope *one, const struct scope *other);

/*
 * Copies one.
 *
 * to  on success released with scope_done(); otherwise untouched
 *
 * 0 or -ENOMEM. Any thread.
 */
int scope_copy(const struct scope *from, struct scope *to);

/* Releases the names, and leaves a scope without any. Accepts zeroes. */
void scope_done(struct scope *scope);

#endif
