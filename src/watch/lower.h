/*
 * Octets in lower case, eight at a time: every question passes through here. Included by catalogue.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_LOWER_H
#define NSS_NOMAD_LOWER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Eight octets in lower case at once: in each, the top bit of octet + (128 - 'A') says that it is no less than A, of
 * octet + (128 - 'Z' - 1) that it is more than Z; where they differ, and it is ASCII, the bit of lower case is set.
 */
static inline uint64_t lower_eight(uint64_t octets)
{
	const uint64_t each = UINT64_C(0x0101010101010101), top = each * 0x80;
	uint64_t seven = octets & ~top;
	uint64_t capital = ((seven + each * (0x80 - 'A')) ^ (seven + each * (0x80 - 'Z' - 1))) & ~octets & top;

	return octets | capital >> 2;
}

/* Copies octets in lower case. A label's length is no letter (at most 63), so labels may be copied with theirs. */
static inline void lower_put(uint8_t *to, const uint8_t *from, size_t size)
{
	uint64_t octets = 0;

	for (size_t at = 0; size - at >= sizeof octets; at += sizeof octets) {
		memcpy(&octets, from + at, sizeof octets);
		octets = lower_eight(octets);
		memcpy(to + at, &octets, sizeof octets);
	}
	size_t last = size < sizeof octets ? size : sizeof octets; /* some of them once more: cheaper than one by one */
	memcpy(&octets, from + size - last, last);
	octets = lower_eight(octets);
	memcpy(to + size - last, &octets, last);
}

#endif
