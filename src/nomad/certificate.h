/*
 * How long an agent's certificate is valid, read from the message of TLS that carries it: libcurl does not tell of a
 * certificate that it refuses. For messages alone; nothing is trusted because of it. Called by agent.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_NOMAD_CERTIFICATE_H
#define NSS_NOMAD_NOMAD_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In seconds since 1970. */
struct validity {
	int64_t from, to;
};

/*
 * Reads the validity of a certificate of a Certificate message, of TLS 1.2 (RFC 5246 section 7.4.2) or 1.3 (RFC 8446
 * section 4.4.2).
 *
 * message   with its head of four bytes
 * now       the certificate taken is the first one that is not valid then, else the agent's own, which comes first
 * own       whether it is the agent's own, and not that of an authority
 *
 * True, or false and untouched where that is no such message. Any thread.
 */
bool certificate_validity(const uint8_t *message, size_t size, int64_t now, struct validity *validity, bool *own);

#endif
