/*
 * SipHash-2-4; see siphash.h. Called by cookie.c and tcp.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "siphash.h"

#include <endian.h>
#include <string.h>

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

uint64_t siphash(const uint8_t key[SIPHASH_KEY], const uint8_t *data, size_t size)
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
