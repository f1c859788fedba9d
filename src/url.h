/*
 * The address of a Nomad agent: http://HOST[:PORT], https://HOST[:PORT], unix:///PATH, as NOMAD_ADDR takes them.
 * Used by config_keys.c, which refuses wrong ones, nomad/agent.c, which asks there, and environment.c, which compares them.
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

/*
 * The text without the path of a URL, which the nomad command passes over in NOMAD_ADDR; that of a socket stays. A new
 * string; NULL without memory. Any thread.
 */
char *url_without_path(const char *text);

/* Whether a text is the address of a socket, unix://. Any thread. */
bool url_is_unix(const char *text);

/*
 * Whether two lead to the same agent: scheme, host and port, or the socket's path. The three usual spellings of this host,
 * localhost, 127.0.0.1 and ::1, are one: an agent listens at them together. User and password do not matter. Any thread.
 */
bool url_same(const struct url *one, const struct url *other);

/* Writes HOST:PORT, an IPv6 address in brackets. */
void url_authority(const struct url *url, char text[URL_TEXT_MAX]);

/* Writes it for messages: with port, without user and password. */
void url_text(const struct url *url, char text[URL_TEXT_MAX]);

#endif
