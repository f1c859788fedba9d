/*
 * From where a process asks: its network namespace, and its control groups, which is to say its unit, container or
 * session. Whether an agent can be reached is a fact of these (PrivateNetwork=, IPAddressDeny=), and the answer is the
 * agent's that is reached from there. So the records of the cache are of a network; failures, locks and the queue are of
 * a network and a unit. Called by lookup.c, and by nomad-lookup, which is told its host's.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_ORIGIN_H
#define NSS_NOMAD_ORIGIN_H

#include <stdbool.h>

enum {
	ORIGIN_NETWORK_MAX = 21, /* octets with the NUL: a number of 64 bits */
	ORIGIN_UNIT_MAX = 17,    /* octets with the NUL: 16 hexadecimal digits */
	ORIGIN_TEXT_MAX = ORIGIN_NETWORK_MAX + ORIGIN_UNIT_MAX,
};

struct origin {
	char network[ORIGIN_NETWORK_MAX]; /* decimal digits; "0" where /proc does not tell */
	char unit[ORIGIN_UNIT_MAX];       /* hexadecimal digits; "" while it is not known */
};

/* Sets the calling thread's network, and leaves the unit unknown. One system call. Any thread. Changes errno. */
void origin_set_network(struct origin *origin);

/* Sets the unit, where it is not known yet. Three system calls. Any thread. Changes errno. */
void origin_set_unit(struct origin *origin);

/* Writes both as one word, for origin_parse(). `text` has room for ORIGIN_TEXT_MAX. */
void origin_write(const struct origin *origin, char *text);

/* Reads that word, of any content; `origin` is touched only where it is one. */
bool origin_parse(const char *text, struct origin *origin);

#endif
