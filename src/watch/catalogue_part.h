/*
 * What catalogue.c (the services) and catalogue_scope.c (how far they may be believed) have of each other.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_CATALOGUE_PART_H
#define NSS_NOMAD_CATALOGUE_PART_H

#include "catalogue.h"
#include "table.h"

/* The namespaces that are followed; `retired.owned[0]` are their names. */
struct followed {
	struct retired retired;
	struct scope scope;
};

struct catalogue {
	struct epochs epochs;
	struct table services;
	struct table names;
	size_t size;
	bool keeps_names;
	catalogue_prepare prepare;
	atomic_uint_fast64_t state; /* the state in the upper half, the serial in the lower: read as one */
	atomic_int_fast64_t confirmed;
	_Atomic(struct followed *) followed; /* NULL: none */
};

/* Frees what catalogue_set_scope() made; no reader is left. */
void catalogue_free_scope(struct catalogue *catalogue);

#endif
