/*
 * DNS cookies; see cookie.h. Called by reply.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cookie.h"

#include "siphash.h"

#include <endian.h>
#include <string.h>

enum { VERSION = 1, HASH_AT = 8, TIME_AT = 4 };

/* Hashes the client's part, the head of the server's (version, reserved, time) and the address. */
static void hash_parts(const uint8_t secret[COOKIE_SECRET], const uint8_t *client, const uint8_t *head,
                       const struct address *address, uint8_t hash[8])
{
	uint8_t data[COOKIE_CLIENT + HASH_AT + 16];
	size_t size = address_size(address);

	memcpy(data, client, COOKIE_CLIENT);
	memcpy(data + COOKIE_CLIENT, head, HASH_AT);
	memcpy(data + COOKIE_CLIENT + HASH_AT, address->octets, size);
	uint64_t value = htole64(siphash(secret, data, COOKIE_CLIENT + HASH_AT + size));
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
