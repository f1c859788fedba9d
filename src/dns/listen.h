/*
 * The sockets that questions come in by: those that systemd has opened for us, else those of the configuration. Called
 * by server.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_LISTEN_H
#define NSS_NOMAD_DNS_LISTEN_H

#include "address.h"
#include "config.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum { LISTEN_TEXT_MAX = ADDRESS_TEXT_MAX + 8 }; /* octets with the NUL: [ADDRESS]:PORT */

/* An IPv4 or IPv6 address with its port, as the kernel has it. */
union endpoint {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct listener {
	union endpoint endpoint; /* with the port that the kernel chose, where 0 was asked for */
	bool wildcard;           /* any address of the host: answers must come from the one that was asked */
	bool shared;             /* passed by systemd: all workers use one socket */
	int stream;              /* TCP, listening; -1: none */
	int *datagrams;          /* UDP, one per worker; -1: none */
};

struct listeners {
	size_t count;
	size_t workers;
	struct listener *list;
};

/*
 * Opens the sockets.
 *
 * listen     ADDR:PORT or [ADDR]:PORT; looked at only where systemd passed none
 * workers    how many UDP sockets share each address (SO_REUSEPORT)
 * listeners  on success released with listeners_close(); otherwise untouched
 * reason     on failure says what could not be had, and what to do
 *
 * An address of the default list that the host does not know, [::1] without IPv6, is left out; one must be left.
 * 0 or a negative errno. At start, from one thread: takes systemd's sockets out of the environment.
 */
int listeners_open(const struct words *listen, size_t workers, struct listeners *listeners,
                   char reason[CONFIG_REASON_MAX]);

/* Closes those that nobody took over: -1 marks the others. Accepts zeroes. */
void listeners_close(struct listeners *listeners);

/* The endpoint as ADDR:PORT or [ADDR]:PORT. */
void endpoint_text(const union endpoint *endpoint, char text[LISTEN_TEXT_MAX]);

/* The endpoint's address, of IPv4 also where it came in by an IPv6 socket (RFC 4291 section 2.5.5.2); and its port. */
struct address endpoint_v6_address(const struct in6_addr *octets);
struct address endpoint_address(const union endpoint *endpoint);
uint16_t endpoint_port(const union endpoint *endpoint);

#endif
