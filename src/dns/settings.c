/*
 * What the DNS side takes from the configuration; see settings.h. Called by server.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "settings.h"

#include "config_users.h"
#include "text.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

/* Cuts `size` octets off what is left of the block. */
static void *cut(uint8_t **left, size_t size)
{
	uint8_t *piece = *left;

	*left += size;
	return piece;
}

static int read_prefixes(const struct words *words, const char *key, struct prefix *prefixes,
                         char reason[CONFIG_REASON_MAX])
{
	for (size_t i = 0; i < words->count; i++)
		if (!prefix_parse(words->words[i], &prefixes[i])) {
			snprintf(reason, CONFIG_REASON_MAX,
			         "[dns] %s: \"%s\" is no range of addresses; write it as 10.0.0.0/8, fd00::/8 or 192.0.2.1",
			         key, words->words[i]);
			return -EINVAL;
		}
	return 0;
}

static bool parse_secret(const char *text, uint8_t secret[COOKIE_SECRET])
{
	if (strlen(text) != 2 * COOKIE_SECRET)
		return false;
	for (size_t i = 0; i < COOKIE_SECRET; i++) {
		int high = text_hex_digit(text[2 * i]), low = text_hex_digit(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		secret[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static int read_secret(const struct config *config, const struct dns_settings *before, struct dns_settings *settings,
                       char reason[CONFIG_REASON_MAX])
{
	if (!config->cookies)
		return 0;
	settings->drawn = config->cookie_secret == NULL;
	if (settings->drawn && before != NULL && before->drawn) {
		memcpy(settings->secret, before->secret, sizeof settings->secret);
		return 0;
	}
	if (settings->drawn) {
		if (getrandom(settings->secret, COOKIE_SECRET, 0) == COOKIE_SECRET)
			return 0;
		int error = -errno;
		snprintf(reason, CONFIG_REASON_MAX, "no random numbers for the secret of DNS cookies: %s; set cookie-secret",
		         strerror(-error));
		return error;
	}
	if (parse_secret(config->cookie_secret, settings->secret))
		return 0;
	snprintf(reason, CONFIG_REASON_MAX, "[dns] cookie-secret: not 32 hex digits; make one with: openssl rand -hex 16");
	return -EINVAL;
}

/* The octets of a text with its NUL; 0 where there is none. */
static size_t text_room(const char *text)
{
	return text == NULL ? 0 : strlen(text) + 1;
}

static char *copy_text(const char *text, uint8_t **left)
{
	return text == NULL ? NULL : strcpy(cut(left, text_room(text)), text);
}

/* A block with room for the lists and texts, which are laid out and not read yet; none of them needs an alignment. */
static struct dns_settings *lay_out(const struct config *config, size_t server_count)
{
	static_assert(_Alignof(struct prefix) == 1 && _Alignof(struct address) == 1, "lay_out");
	size_t allow = config->allow.count * sizeof(struct prefix), reverse = config->reverse.count * sizeof(struct prefix);
	size_t servers = server_count * sizeof(struct address);
	struct dns_settings *settings = calloc(1, sizeof *settings + allow + reverse + servers + text_room(config->nsid) +
	                                              text_room(config->version));
	uint8_t *left = (uint8_t *)(settings + 1);

	if (settings == NULL)
		return NULL;
	*settings = (struct dns_settings){
		.reading = config->reading,
		.ttl = config->ttl,
		.negative_ttl = config->negative_ttl < config->ttl ? config->negative_ttl : config->ttl,
		.expire = config->max_stale,
		.udp_size = config->udp_size,
		.allow_count = config->allow.count,
		.allow = cut(&left, allow),
		.reverse_count = config->reverse.count,
		.reverse = cut(&left, reverse),
		.server_count = server_count,
		.servers = cut(&left, servers),
		.cookies = config->cookies,
		.nsid = copy_text(config->nsid, &left),
		.version = copy_text(config->version, &left),
		.rate = config->rate_limit,
		.tcp_connections = config->tcp_connections,
		.tcp_idle = config->tcp_idle,
		.query_log = config->query_log,
		.tags = (config_mode(config->publish_mode) & S_IROTH) != 0,
	};
	return settings;
}

int dns_settings_new(const struct config *config, const struct dns_settings *before, const struct address *servers,
                     size_t server_count, struct dns_settings **settings, char reason[CONFIG_REASON_MAX])
{
	const char *namespace = config_default_namespace(config);
	struct dns_settings *read = lay_out(config, server_count);

	if (read == NULL) {
		snprintf(reason, CONFIG_REASON_MAX, "out of memory");
		return -ENOMEM;
	}
	/* A namespace that is no label cannot be asked for: then no name without one finds anything. */
	if (name_is_label(namespace))
		strcpy(read->default_namespace, namespace);
	if (server_count > 0)
		memcpy(read->servers, servers, server_count * sizeof *servers);
	int result = read_prefixes(&config->allow, "allow", read->allow, reason);
	if (result == 0)
		result = read_prefixes(&config->reverse, "reverse", read->reverse, reason);
	if (result == 0)
		result = read_secret(config, before, read, reason);
	if (result < 0)
		free(read);
	else
		*settings = read;
	return result;
}
