/*
 * Whose socket is at the other end of a connection within this host: any user may listen on a port while the one that it is
 * meant for does not. Asked of the kernel (sock_diag(7)). Used by agent_owner.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_NOMAD_PEER_H
#define NSS_NOMAD_NOMAD_PEER_H

#include "address.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A TCP connection of ours: the end here, and the one there. */
struct peer {
	struct address here, there;
	uint16_t here_port, there_port;
};

/* Reads it from addresses as text, IPv4 ones in IPv6 form too; false where one is none. */
bool peer_parse(const char *here, int here_port, const char *there, int there_port, struct peer *peer);

/* Whether both ends are this host's: loopback, or one address at both ends. */
bool peer_is_local(const struct peer *peer);

/*
 * The user of the socket at the other end: of the accepted one, or of the listening one in whose queue it is.
 *
 * owner  on success, as this process' user namespace has it; otherwise untouched
 *
 * 0; -ENOENT where the kernel knows no such socket in this network namespace, or cannot tell at all; or what making a
 * socket said, where this process may not. Waits for nobody. Any thread.
 */
int peer_owner(const struct peer *peer, uid_t *owner);

#endif
