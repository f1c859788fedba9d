/*
 * IP addresses as text, as labels of a name, and what else a registration's address may be.
 * Used wherever an address is read or written: service.c, record.c, answer.c, nomad/, dns/.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_ADDRESS_H
#define NSS_NOMAD_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ADDRESS_TEXT_MAX = 48 }; /* octets with the NUL, INET6_ADDRSTRLEN and the two zeroes of a label */

struct address {
	uint8_t family;     /* AF_INET or AF_INET6; both fit an octet */
	uint8_t octets[16]; /* the first 4 with AF_INET; the rest are 0 */
};

/* A set of families, one bit each. */
enum { FAMILY_IPV4 = 1, FAMILY_IPV6 = 2, FAMILY_ANY = FAMILY_IPV4 | FAMILY_IPV6 };

/* The set of one family: AF_INET, AF_INET6; AF_UNSPEC stands for both. Any thread. */
uint8_t address_families(int family);

/* Whether any of the addresses is of the family, AF_INET or AF_INET6. Any thread. */
bool address_has_family(const struct address *addresses, size_t count, int family);

/* Whether both are the same address of the same family. */
bool address_equal(const struct address *a, const struct address *b);

struct sockaddr;

/* The address of a socket's, such as getaddrinfo() gives. False and untouched where it is neither IPv4 nor IPv6. */
bool address_from_socket(const struct sockaddr *from, struct address *address);

/* Octets that count: 4 or 16. */
size_t address_size(const struct address *address);

/*
 * Reads an address in text form by inet_pton's strict rules; 0.0.0.0 and :: are refused, nobody can be
 * reached there. True and `address` set, or false and untouched. Any thread.
 */
bool address_parse(const char *text, struct address *address);

/* The label that selects an address: 192-168-29-76, 2001-db8--1, 0--1. `label` has room for ADDRESS_TEXT_MAX. */
void address_label(const struct address *address, char *label);

/* The reverse; any spelling of the same address will do. True and `address` set, or false and untouched. */
bool address_parse_label(const char *label, struct address *address);

/*
 * Whether the text is the name of a host that may be resolved (RFC 1123 section 2.1): labels of letters, digits
 * and inner hyphens, the last one no number (inet_aton would take 192.0.2 and 0x7f000001), not under .nomad.
 */
bool address_is_host(const char *text);

#endif
