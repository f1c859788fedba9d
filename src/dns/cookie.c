/*
 * DNS cookies; see cookie.h. Called by reply.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cookie.h"

#include <endian.h>
#include <string.h>

enum { VERSION = 1, HASH_AT = 8, TIME_AT = 4 };

static uint64_t rotate(uint64_t value, unsigned bits)
{
	return value << bits | value >> (64 - bits);
}

static void sip_rounds(uint64_t v[4], unsigned rounds)
{
	while (rounds-- > 0) {
		v[0] += v[1];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[0] = rotate(v[0], 32);
		v[2] += v[3];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[2] = rotate(v[2], 32);
	}
}

static uint64_t little(const uint8_t *octets)
{
	uint64_t value;

	memcpy(&value, octets, sizeof value);
	return le64toh(value);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_rounds(v, 2);
	v[0] ^= word;
}

/* SipHash-2-4 (Aumasson and Bernstein, 2012), the one that RFC 9018 section 4.4 names. */
static uint64_t sip_hash(const uint8_t key[COOKIE_SECRET], const uint8_t *data, size_t size)
{
	uint64_t k0 = little(key), k1 = little(key + 8), last;
	uint64_t v[4] = {k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
	                 k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)};
	uint8_t tail[8] = {0};
	size_t whole = size - size % 8;

	for (size_t i = 0; i < whole; i += 8)
		sip_word(v, little(data + i));
	memcpy(tail, data + whole, size % 8);
	tail[7] = (uint8_t)size;
	last = little(tail);
	sip_word(v, last);
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Hashes the client's part, the head of the server's (version, reserved, time) and the address. */
static void hash_parts(const uint8_t secret[COOKIE_SECRET], const uint8_t *client, const uint8_t *head,
                       const struct address *address, uint8_t hash[8])
{
	uint8_t data[COOKIE_CLIENT + HASH_AT + 16];
	size_t size = address_size(address);

	memcpy(data, client, COOKIE_CLIENT);
	memcpy(data + COOKIE_CLIENT, head, HASH_AT);
	memcpy(data + COOKIE_CLIENT + HASH_AT, address->octets, size);
	uint64_t value = htole64(sip_hash(secret, data, COOKIE_CLIENT + HASH_AT + size));
	memcpy(hash, &value, sizeof value);
}

void cookie_make(const uint8_t secret[COOKIE_SECRET], const uint8_t *client, const struct address *address, uint32_t now,
                 uint8_t server[COOKIE_SERVER])
{
	uint32_t time = htobe32(now);

	memset(server, 0, TIME_AT);
	server[0] = VERSION;
	memcpy(server + TIME_AT, &time, sizeof time);
	hash_parts(secret, client, server, address, server + HASH_AT);
}

/* Compares without telling by the time it takes how much of it is right. */
static bool same_hash(const uint8_t *a, const uint8_t *b)
{
	uint8_t difference = 0;

	for (size_t i = 0; i < 8; i++)
		difference |= a[i] ^ b[i];
	return difference == 0;
}

bool cookie_check(const uint8_t secret[COOKIE_SECRET], const uint8_t *cookie, size_t size, const struct address *address,
                  uint32_t now, bool *renew)
{
	const uint8_t *server = cookie + COOKIE_CLIENT;
	uint8_t hash[8];
	uint32_t time;

	if (size != COOKIE_CLIENT + COOKIE_SERVER || server[0] != VERSION)
		return false;
	memcpy(&time, server + TIME_AT, sizeof time);
	/* The difference of two numbers that wrap around (RFC 1982), positive where the cookie is old. */
	int32_t age = (int32_t)(now - be32toh(time));
	if (age > COOKIE_LIFE || age < -COOKIE_AHEAD)
		return false;
	hash_parts(secret, cookie, server, address, hash);
	if (!same_hash(hash, server + HASH_AT))
		return false;
	*renew = age > COOKIE_RENEW;
	return true;
}
