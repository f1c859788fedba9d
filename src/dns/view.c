/*
 * A worker's own memory; see view.h. Called by zone.c and records.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "view.h"

#include <stdlib.h>

struct dns_scratch *dns_scratch_new(void)
{
	struct dns_scratch *scratch = calloc(1, sizeof *scratch); /* pages that no answer needs are never touched */

	if (scratch == NULL)
		return NULL;
	scratch->seen = seen_new(SEEN_MOST);
	if (scratch->seen == NULL) {
		free(scratch);
		return NULL;
	}
	return scratch;
}

void dns_scratch_free(struct dns_scratch *scratch)
{
	if (scratch == NULL)
		return;
	free(scratch->seen);
	free(scratch);
}

size_t dns_scratch_turn(struct dns_scratch *scratch, size_t count)
{
	/* A linear congruence (Knuth, section 3.3.4): one step at a time would show A and AAAA the same halves forever. */
	scratch->turn = scratch->turn * 1664525 + 1013904223;
	return (size_t)((uint64_t)scratch->turn * count >> 32);
}
