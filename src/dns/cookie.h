/*
 * DNS cookies (RFC 7873) in the form that servers of different makes share (RFC 9018): a client that shows one proves
 * that it receives what is sent to its address. Called by reply.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_COOKIE_H
#define NSS_NOMAD_DNS_COOKIE_H

#include "address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	COOKIE_CLIENT = 8,  /* octets, RFC 7873 section 4 */
	COOKIE_SERVER = 16, /* octets, RFC 9018 section 4 */
	COOKIE_SECRET = 16, /* octets, the same section */
	COOKIE_LIFE = 3600, /* seconds, section 4.3 */
	COOKIE_AHEAD = 300, /* seconds by which another server's clock may be ahead, the same section */
	COOKIE_RENEW = 1800, /* seconds after which a good one is replaced, the same section */
};

/*
 * The server's part of a cookie.
 *
 * client  the client's part, COOKIE_CLIENT octets
 * now     seconds since 1970, of which the lower 32 bits count
 */
void cookie_make(const uint8_t secret[COOKIE_SECRET], const uint8_t *client, const struct address *address, uint32_t now,
                 uint8_t server[COOKIE_SERVER]);

/*
 * Whether a server's part, which follows the client's, is one of ours and its time is right; `renew` is set where it is
 * time for a new one.
 *
 * cookie  both parts
 * size    of both; anything but COOKIE_CLIENT + COOKIE_SERVER is not ours
 */
bool cookie_check(const uint8_t secret[COOKIE_SECRET], const uint8_t *cookie, size_t size, const struct address *address,
                  uint32_t now, bool *renew);

#endif
