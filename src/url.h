/*
 * The address of a Nomad agent: http://HOST[:PORT], https://HOST[:PORT], unix:///PATH, as NOMAD_ADDR takes them.
 * Used by config_keys.c, which refuses wrong ones, and nomad/agent.c, which asks there.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_URL_H
#define NSS_NOMAD_URL_H

#include "name.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	URL_USER_MAX = 256, /* octets with the NUL, of user and password */
	URL_PATH_MAX = 108, /* octets with the NUL, sun_path in sockaddr_un */
	URL_TEXT_MAX = 300, /* octets with the NUL: scheme, brackets, the longest host, port */
};

enum url_scheme { URL_HTTP, URL_HTTPS, URL_UNIX };

struct url {
	enum url_scheme scheme;
	char host[NAME_TEXT_MAX + 1]; /* an IPv6 address without brackets; "" for a socket */
	bool is_ipv6;
	uint16_t port;             /* 80 and 443 where the text has none, as the nomad command takes it */
	char user[URL_USER_MAX];   /* USER or USER:PASSWORD, decoded; "" for none */
	char path[URL_PATH_MAX];   /* of the socket, as it is written; "" otherwise */
};

/*
 * Reads an address. What follows the port is dropped, as the nomad command does.
 *
 * url    on success filled in whole; otherwise untouched
 * wrong  on failure what is wrong and what would be right, static; otherwise untouched
 *
 * Refused is a host under .nomad: resolving it would ask the very agent. Any thread.
 */
bool url_parse(const char *text, struct url *url, const char **wrong);

/* Writes HOST:PORT, an IPv6 address in brackets. */
void url_authority(const struct url *url, char text[URL_TEXT_MAX]);

/* Writes it for messages: with port, without user and password. */
void url_text(const struct url *url, char text[URL_TEXT_MAX]);

#endif
