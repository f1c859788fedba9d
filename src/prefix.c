/*
 * Ranges of addresses; see prefix.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "prefix.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = INET6_ADDRSTRLEN };

/* The bits after the slash: a number up to `most` without sign or blanks; -1 where it is none. */
static int parse_bits(const char *text, int most)
{
	int bits = 0;

	if (*text == '\0')
		return -1;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		bits = bits * 10 + (*text - '0');
		if (bits > most)
			return -1;
	}
	return bits;
}

/* The bits of octet number `i` that belong to the prefix. */
static uint8_t mask(const struct prefix *prefix, size_t i)
{
	size_t before = 8 * i;

	if (prefix->bits >= before + 8)
		return 0xff;
	if (prefix->bits <= before)
		return 0;
	return (uint8_t)(0xff << (8 - (prefix->bits - before)));
}

/* Reads ADDRESS or ADDRESS/LENGTH, whatever bits the address has. */
static bool parse(const char *text, struct prefix *prefix)
{
	char address[TEXT_MAX];
	const char *slash = strchrnul(text, '/');

	*prefix = (struct prefix){.family = AF_INET};
	if ((size_t)(slash - text) >= sizeof address)
		return false;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	if (inet_pton(AF_INET, address, prefix->octets) != 1) {
		prefix->family = AF_INET6;
		if (inet_pton(AF_INET6, address, prefix->octets) != 1)
			return false;
	}
	int most = prefix->family == AF_INET ? 32 : 128;
	int bits = *slash == '\0' ? most : parse_bits(slash + 1, most);
	prefix->bits = (uint8_t)bits;
	return bits >= 0;
}

bool prefix_parse(const char *text, struct prefix *prefix)
{
	struct prefix parsed;

	if (!parse(text, &parsed))
		return false;
	for (size_t i = 0; i < sizeof parsed.octets; i++)
		if ((parsed.octets[i] & ~mask(&parsed, i)) != 0)
			return false;
	*prefix = parsed;
	return true;
}

bool prefix_mend(const char *text, char mended[PREFIX_TEXT_MAX])
{
	char address[TEXT_MAX];
	struct prefix parsed;

	if (!parse(text, &parsed))
		return false;
	for (size_t i = 0; i < sizeof parsed.octets; i++)
		parsed.octets[i] &= mask(&parsed, i);
	inet_ntop(parsed.family, parsed.octets, address, sizeof address);
	snprintf(mended, PREFIX_TEXT_MAX, "%s/%u", address, parsed.bits);
	return true;
}

bool prefix_holds(const struct prefix *prefix, const struct address *address)
{
	if (prefix->family != address->family)
		return false;
	for (size_t i = 0; 8 * i < prefix->bits; i++)
		if (((prefix->octets[i] ^ address->octets[i]) & mask(prefix, i)) != 0)
			return false;
	return true;
}

bool prefixes_hold(const struct prefix *prefixes, size_t count, const struct address *address)
{
	for (size_t i = 0; i < count; i++)
		if (prefix_holds(&prefixes[i], address))
			return true;
	return false;
}

/* In the order of the registries: RFC 6890 sections 2.2.2 and 2.2.3. */
static bool is_private_v4(const uint8_t octets[4])
{
	return octets[0] == 10 || (octets[0] == 100 && (octets[1] & 0xc0) == 64) ||
	       (octets[0] == 169 && octets[1] == 254) || (octets[0] == 172 && (octets[1] & 0xf0) == 16) ||
	       (octets[0] == 192 && octets[1] == 168);
}

static bool is_private_v6(const uint8_t octets[16])
{
	return (octets[0] & 0xfe) == 0xfc || (octets[0] == 0xfe && (octets[1] & 0xc0) == 0x80);
}

bool prefix_local_holds(const struct address *address)
{
	return prefix_loopback_holds(address) ||
	       (address->family == AF_INET ? is_private_v4(address->octets) : is_private_v6(address->octets));
}

bool prefix_loopback_holds(const struct address *address)
{
	static const uint8_t one[16] = {[15] = 1};

	return address->family == AF_INET ? address->octets[0] == 127 : memcmp(address->octets, one, sizeof one) == 0;
}
