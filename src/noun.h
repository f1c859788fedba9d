/*
 * A noun that agrees with its number, for messages.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_NOUN_H
#define NSS_NOMAD_NOUN_H

#include <stdint.h>

/* "services", or "service" where there is one: one of the two. Any thread. */
static inline const char *noun(uint64_t count, const char *one, const char *many)
{
	return count == 1 ? one : many;
}

#endif
