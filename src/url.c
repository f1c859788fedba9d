/*
 * Addresses of Nomad agents; see url.h. Called by config_keys.c and nomad/agent.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "url.h"

#include "address.h"
#include "text.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static const char *const prefixes[] = {
	[URL_HTTP] = "http://",
	[URL_HTTPS] = "https://",
	[URL_UNIX] = "unix://",
};

enum { SCHEMES = sizeof prefixes / sizeof *prefixes };

static bool refuse(const char **wrong, const char *why)
{
	*wrong = why;
	return false;
}

/* The scheme, and where the text goes on; SCHEMES where it has none of ours. */
static unsigned read_scheme(const char *text, const char **rest)
{
	unsigned scheme = 0;

	for (; scheme < SCHEMES; scheme++) {
		size_t length = strlen(prefixes[scheme]);
		if (strnlen(text, length) == length && text_same_letters(text, prefixes[scheme], length)) {
			*rest = text + length;
			break;
		}
	}
	return scheme;
}

static bool parse_path(const char *text, struct url *url, const char **wrong)
{
	if (text[0] != '/' || text[1] == '\0')
		return refuse(wrong, "a socket is given by its whole path, unix:///run/nomad/api.sock");
	if (strlen(text) >= URL_PATH_MAX)
		return refuse(wrong, "the path of a socket has at most 107 octets");
	strcpy(url->path, text);
	return true;
}

/* USER:PASSWORD, percent-encoded; octets below a blank would break out of the header they are sent in. */
static bool parse_user(const char *text, size_t length, struct url *url, const char **wrong)
{
	static const char why[] = "user and password before @ are percent-encoded, shorter than 256 octets, without "
				  "control characters";
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		int octet = (unsigned char)text[i];
		if (octet == '%') {
			int high = i + 2 < length ? text_hex_digit(text[i + 1]) : -1;
			int low = i + 2 < length ? text_hex_digit(text[i + 2]) : -1;
			octet = high < 0 || low < 0 ? 0 : high << 4 | low;
			i += 2;
		}
		if (octet < ' ' || octet == 0x7f || used + 1 >= URL_USER_MAX)
			return refuse(wrong, why);
		url->user[used++] = (char)octet;
	}
	url->user[used] = '\0';
	return true;
}

static bool parse_port(const char *text, size_t length, struct url *url, const char **wrong)
{
	unsigned port = 0;

	if (length == 0)
		return true; /* "http://host:" is the scheme's own port, RFC 3986 section 3.2.3 */
	if (text[0] != ':')
		return refuse(wrong, "after the host comes a port, http://[2001:db8::1]:4646");
	for (size_t i = 1; i < length; i++) {
		if (text[i] < '0' || text[i] > '9' || port > UINT16_MAX)
			return refuse(wrong, "a port is a number from 1 to 65535");
		port = port * 10 + (unsigned)(text[i] - '0');
	}
	if (length > 1 && (port == 0 || port > UINT16_MAX))
		return refuse(wrong, "a port is a number from 1 to 65535");
	if (length > 1)
		url->port = (uint16_t)port;
	return true;
}

/* Where the host ends: after its bracket, or before the colon. */
static size_t host_length(const char *text, size_t length)
{
	const char *end;

	if (text[0] == '[' && (end = memchr(text, ']', length)) != NULL)
		return (size_t)(end + 1 - text);
	end = memchr(text, ':', length);
	return end == NULL ? length : (size_t)(end - text);
}

static bool check_host(struct url *url, const char **wrong)
{
	struct address address;
	struct name name;

	if (address_parse(url->host, &address))
		return true;
	name_parse(url->host, NAME_PLAIN, &name);
	if (name.kind != NAME_FOREIGN)
		return refuse(wrong, "a host under .nomad would be looked up by asking this very agent; give its IP address, "
				     "and the name as tls-server-name");
	return address_is_host(url->host) || refuse(wrong, "that is neither an IP address nor the name of a host");
}

static bool parse_host(const char *text, size_t length, struct url *url, const char **wrong)
{
	struct address address;

	if (length == 0)
		return refuse(wrong, "the host is missing");
	if (length > NAME_TEXT_MAX)
		return refuse(wrong, "the name of a host has at most 253 octets");
	url->is_ipv6 = text[0] == '[';
	if (!url->is_ipv6) {
		memcpy(url->host, text, length);
		return check_host(url, wrong);
	}
	if (text[length - 1] != ']')
		return refuse(wrong, "the bracket after the IPv6 address is missing");
	memcpy(url->host, text + 1, length - 2);
	if (!address_parse(url->host, &address) || address.family != AF_INET6)
		return refuse(wrong, "what stands in brackets is an IPv6 address");
	return true;
}

bool url_parse(const char *text, struct url *url, const char **wrong)
{
	struct url parsed = {0};
	const char *rest = text;
	unsigned scheme = read_scheme(text, &rest);

	if (scheme == SCHEMES)
		return refuse(wrong, "it starts with http://, https:// or unix://");
	parsed.scheme = (enum url_scheme)scheme;
	if (scheme == URL_UNIX) {
		if (!parse_path(rest, &parsed, wrong))
			return false;
		*url = parsed;
		return true;
	}
	parsed.port = scheme == URL_HTTPS ? 443 : 80; /* RFC 9110 section 4.2 */
	size_t length = strcspn(rest, "/?#");
	const char *at = memrchr(rest, '@', length);
	if (rest[length] != '\0' && strcmp(rest + length, "/") != 0)
		return refuse(wrong, "an address ends after its port: Nomad's API is at the root, and a path would be ignored");
	if (at != NULL) {
		if (!parse_user(rest, (size_t)(at - rest), &parsed, wrong))
			return false;
		length -= (size_t)(at + 1 - rest);
		rest = at + 1;
	}
	if (rest[0] != '[' && memchr(rest, ':', length) != memrchr(rest, ':', length))
		return refuse(wrong, "an IPv6 address stands in brackets, http://[2001:db8::1]:4646");
	size_t host = host_length(rest, length);
	if (!parse_host(rest, host, &parsed, wrong) || !parse_port(rest + host, length - host, &parsed, wrong))
		return false;
	*url = parsed;
	return true;
}

char *url_without_path(const char *text)
{
	const char *host = strstr(text, "://");

	if (host == NULL || url_is_unix(text))
		return strdup(text);
	host += strlen("://");
	return strndup(text, (size_t)(host - text) + strcspn(host, "/?#"));
}

bool url_is_unix(const char *text)
{
	const char *rest;

	return read_scheme(text, &rest) == URL_UNIX;
}

static bool is_this_host(const char *host)
{
	return text_same(host, "localhost") || strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0;
}

/* An address has many spellings, of which address_parse() makes one. */
static bool same_host(const char *one, const char *other)
{
	struct address a, b;

	if (text_same(one, other) || (is_this_host(one) && is_this_host(other)))
		return true;
	return address_parse(one, &a) && address_parse(other, &b) && address_equal(&a, &b);
}

bool url_same(const struct url *one, const struct url *other)
{
	if (one->scheme != other->scheme)
		return false;
	if (one->scheme == URL_UNIX)
		return strcmp(one->path, other->path) == 0;
	return one->port == other->port && same_host(one->host, other->host);
}

void url_authority(const struct url *url, char text[URL_TEXT_MAX])
{
	char *at = url->is_ipv6 ? stpcpy(text, "[") : text;

	at = stpcpy(stpcpy(at, url->host), url->is_ipv6 ? "]:" : ":");
	text_number(at, url->port);
}

void url_text(const struct url *url, char text[URL_TEXT_MAX])
{
	char *at = stpcpy(text, prefixes[url->scheme]);
	char authority[URL_TEXT_MAX];

	if (url->scheme == URL_UNIX) {
		strcpy(at, url->path);
		return;
	}
	url_authority(url, authority);
	memcpy(at, authority, strlen(authority) + 1);
}
