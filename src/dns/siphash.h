/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012), the hash with a key that RFC 9018 section 4.4 names: whoever does not know
 * the key can compute neither a hash nor two inputs with the same one. Used by cookie.c and tcp.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_SIPHASH_H
#define NSS_NOMAD_DNS_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

enum { SIPHASH_KEY = 16 }; /* octets */

/* The hash of `size` octets. Any thread. */
uint64_t siphash(const uint8_t key[SIPHASH_KEY], const uint8_t *data, size_t size);

#endif
