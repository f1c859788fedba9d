/*
 * Who is at an address: a table from addresses to services, which follows the catalogue. Called by catalogue.c, where
 * reverse lookups are wanted.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_NAMES_H
#define NSS_NOMAD_NAMES_H

#include "catalogue.h"
#include "table.h"

/* What one change of a service changes here: prepared first, for this may fail, and made then. */
struct names_changes {
	size_t count;
	struct names_change {
		struct address address;
		struct entry *entry; /* the new one */
		bool empty;          /* nobody is left there */
	} *made;
};

/* Who is at an address, NULL where nobody is. Readers between enter and leave, and the writer. */
const struct service_names *names_find(const struct table *names, const struct address *address);

/*
 * Prepares what putting `after` in the place of `before` changes; either may be NULL. `key` is in lower case. `changes`
 * starts as zeroes and is released with names_done(), after a failure too. 0 or -ENOMEM. The writer's thread.
 */
int names_prepare(struct table *names, struct epochs *epochs, const struct service_key *key,
                  const struct service *before, const struct service *after, struct names_changes *changes);

/* Makes the changes; none can fail. The writer's thread. */
void names_change(struct table *names, struct epochs *epochs, struct names_changes *changes);

/* Frees what was not made. */
void names_done(struct names_changes *changes);

#endif
