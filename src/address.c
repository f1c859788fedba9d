/*
 * IP addresses as text, as labels of a name, and what else a registration's address may be.
 * Called by service.c, nomad/registrations.c, nomad/hosts.c, watch/resolve.c and dns/zone.c; declared in address.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "address.h"

#include "name.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const uint8_t unspecified[16];

uint8_t address_families(int family)
{
	return family == AF_INET ? FAMILY_IPV4 : family == AF_INET6 ? FAMILY_IPV6 : FAMILY_ANY;
}

bool address_has_family(const struct address *addresses, size_t count, int family)
{
	for (size_t i = 0; i < count; i++)
		if (addresses[i].family == family)
			return true;
	return false;
}

bool address_equal(const struct address *a, const struct address *b)
{
	return a->family == b->family && memcmp(a->octets, b->octets, sizeof a->octets) == 0;
}

bool address_from_socket(const struct sockaddr *from, struct address *address)
{
	struct address read = {.family = (uint8_t)from->sa_family};

	if (from->sa_family == AF_INET)
		memcpy(read.octets, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
	else if (from->sa_family == AF_INET6)
		memcpy(read.octets, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
	else
		return false;
	*address = read;
	return true;
}

size_t address_size(const struct address *address)
{
	return address->family == AF_INET ? 4 : 16;
}

bool address_parse(const char *text, struct address *address)
{
	struct address parsed = {.family = AF_INET};

	if (inet_pton(AF_INET, text, parsed.octets) != 1) {
		parsed.family = AF_INET6;
		if (inet_pton(AF_INET6, text, parsed.octets) != 1)
			return false;
	}
	if (memcmp(parsed.octets, unspecified, sizeof unspecified) == 0)
		return false;
	*address = parsed;
	return true;
}

/* All eight groups, for an IPv6 address that inet_ntop() would write with dots. */
static void format_groups(const uint8_t *octets, char *text)
{
	for (int group = 0; group < 8; group++, octets += 2)
		text += sprintf(text, group == 0 ? "%x" : ":%x", octets[0] << 8 | octets[1]);
}

/* By hand: inet_ntop() goes through printf, which would cost more than all else in an SRV record. */
static void label_ipv4(const uint8_t *octets, char *label)
{
	for (int i = 0; i < 4; i++) {
		unsigned octet = octets[i];
		if (octet >= 100)
			*label++ = (char)('0' + octet / 100);
		if (octet >= 10)
			*label++ = (char)('0' + octet / 10 % 10);
		*label++ = (char)('0' + octet % 10);
		*label++ = i < 3 ? '-' : '\0';
	}
}

void address_label(const struct address *address, char *label)
{
	char text[INET6_ADDRSTRLEN];
	const char separator = ':';

	if (address->family == AF_INET) {
		label_ipv4(address->octets, label);
		return;
	}
	inet_ntop(AF_INET6, address->octets, text, sizeof text);
	if (strchr(text, '.') != NULL)
		format_groups(address->octets, text);
	/* A label neither starts nor ends with a hyphen (RFC 1123 section 2.1): ::1 is 0--1. */
	size_t length = 0;
	if (text[0] == separator)
		label[length++] = '0';
	for (const char *c = text; *c != '\0'; c++)
		label[length++] = *c == separator ? '-' : *c;
	if (label[length - 1] == '-')
		label[length++] = '0';
	label[length] = '\0';
}

bool address_parse_label(const char *label, struct address *address)
{
	size_t length = strlen(label);
	char text[ADDRESS_TEXT_MAX];

	if (length >= sizeof text || strchr(label, '-') == NULL)
		return false;
	for (int family = 0; family < 2; family++) {
		for (size_t i = 0; i <= length; i++)
			text[i] = label[i] == '-' ? (family == 0 ? '.' : ':') : label[i];
		if (address_parse(text, address))
			return true;
	}
	return false;
}

/* Whether inet_aton() would take it for a number: decimal, or hex with 0x. */
static bool is_number(const char *label, size_t length)
{
	const char *digits = "0123456789";

	if (length > 1 && label[0] == '0' && (label[1] == 'x' || label[1] == 'X')) {
		digits = "0123456789abcdefABCDEF";
		label += 2;
		length -= 2;
	}
	for (size_t i = 0; i < length; i++)
		if (strchr(digits, label[i]) == NULL)
			return false;
	return true;
}

static bool is_host_label(const char *label, size_t length)
{
	static const char inner[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";

	return length > 0 && length <= NAME_LABEL_MAX && strspn(label, inner) >= length &&
	       label[0] != '-' && label[length - 1] != '-';
}

bool address_is_host(const char *text)
{
	size_t length = strlen(text);
	struct name name;

	if (length > 0 && text[length - 1] == '.')
		length--;
	if (length == 0 || length > NAME_TEXT_MAX)
		return false;
	name_parse(text, NAME_PLAIN, &name);
	if (name.kind != NAME_FOREIGN)
		return false;
	for (const char *label = text, *end = text + length;;) {
		const char *dot = memchr(label, '.', (size_t)(end - label));
		size_t size = (size_t)((dot == NULL ? end : dot) - label);
		if (!is_host_label(label, size))
			return false;
		if (dot == NULL)
			return !is_number(label, size);
		label = dot + 1;
	}
}
