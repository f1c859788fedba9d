/*
 * Ranges of addresses, as settings give them: 10.0.0.0/8, 2001:db8::/32, or one address. Called by config_keys.c, and of
 * src/dns by settings.c, reply.c, zone.c, limit.c, tcp.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_PREFIX_H
#define NSS_NOMAD_PREFIX_H

#include "address.h"

#include <stdbool.h>
#include <stddef.h>

enum { PREFIX_TEXT_MAX = ADDRESS_TEXT_MAX + 4 }; /* bytes with the NUL */

struct prefix {
	uint8_t family;
	uint8_t bits;       /* 0 to 32 or 128 */
	uint8_t octets[16]; /* those after `bits` are 0 */
};

/* Reads "ADDRESS/BITS" or "ADDRESS"; bits set after the prefix are refused, as a slip. True, or false and untouched. */
bool prefix_parse(const char *text, struct prefix *prefix);

/*
 * Writes the prefix that was meant by one that has bits set after its length, or by any other: 10.0.0.1/8 is 10.0.0.0/8.
 * True, or false and untouched where it has no such form. Any thread.
 */
bool prefix_mend(const char *text, char mended[PREFIX_TEXT_MAX]);

/* Whether the address lies in it. */
bool prefix_holds(const struct prefix *prefix, const struct address *address);

/* Whether the address lies in one of them. */
bool prefixes_hold(const struct prefix *prefixes, size_t count, const struct address *address);

/* Whether the address is one of loopback, which nobody can forge from elsewhere. */
bool prefix_loopback_holds(const struct address *address);

/*
 * Whether the address is one of loopback or of a network that is not the Internet's: private (RFC 1918, RFC 4193), behind a
 * carrier's or a cloud's translation (RFC 6598), or of one link (RFC 3927, RFC 4291 section 2.5.6). From elsewhere it can
 * be forged, but an answer to it leaves that network as little as the network's own packets do.
 */
bool prefix_local_holds(const struct address *address);

#endif
