/*
 * What the DNS side takes from the configuration; see settings.h. Called by server.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static int read_prefixes(const struct words *words, const char *key, struct prefix **prefixes, size_t *count,
                         char reason[CONFIG_REASON_MAX])
{
	struct prefix *read = calloc(words->count + 1, sizeof *read);

	if (read == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < words->count; i++)
		if (!prefix_parse(words->words[i], &read[i])) {
			snprintf(reason, CONFIG_REASON_MAX,
			         "[dns] %s: \"%s\" is no range of addresses; write it as 10.0.0.0/8, fd00::/8 or 192.0.2.1",
			         key, words->words[i]);
			free(read);
			return -EINVAL;
		}
	*prefixes = read;
	*count = words->count;
	return 0;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef";
	const char *found = c == '\0' ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);

	return found == NULL ? -1 : (int)(found - digits);
}

static bool parse_secret(const char *text, uint8_t secret[COOKIE_SECRET])
{
	if (strlen(text) != 2 * COOKIE_SECRET)
		return false;
	for (size_t i = 0; i < COOKIE_SECRET; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		secret[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static int read_secret(const struct config *config, struct dns_settings *settings, char reason[CONFIG_REASON_MAX])
{
	settings->cookies = config->cookies;
	if (!config->cookies)
		return 0;
	if (config->cookie_secret == NULL) {
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

static int copy_text(const char *text, char **copy)
{
	*copy = text == NULL ? NULL : strdup(text);
	return text != NULL && *copy == NULL ? -ENOMEM : 0;
}

/* Texts that stand in one string of a TXT record, or in an option. */
static int read_texts(const struct config *config, struct dns_settings *settings, char reason[CONFIG_REASON_MAX])
{
	enum { MOST = 255 }; /* octets of a character-string, RFC 1035 section 3.3 */

	if ((config->nsid != NULL && strlen(config->nsid) > MOST) ||
	    (config->version != NULL && strlen(config->version) > MOST)) {
		snprintf(reason, CONFIG_REASON_MAX, "[dns] nsid, version: longer than %d octets", MOST);
		return -EINVAL;
	}
	int result = copy_text(config->nsid, &settings->nsid);
	return result < 0 ? result : copy_text(config->version, &settings->version);
}

int dns_settings_init(const struct config *config, struct dns_settings *settings, char reason[CONFIG_REASON_MAX])
{
	struct dns_settings read = {
		.reading = config->reading,
		.ttl = config->ttl,
		.negative_ttl = config->negative_ttl < config->ttl ? config->negative_ttl : config->ttl,
		.expire = config->max_stale,
		.udp_size = config->udp_size,
		.rate = config->rate_limit,
		.tcp_connections = config->tcp_connections,
		.tcp_idle = config->tcp_idle,
		.query_log = config->query_log,
	};
	const char *namespace = config_default_namespace(config);

	snprintf(reason, CONFIG_REASON_MAX, "out of memory");
	/* A namespace that is no label cannot be asked for: then no name without one finds anything. */
	if (name_is_label(namespace))
		strcpy(read.default_namespace, namespace);
	int result = read_prefixes(&config->allow, "allow", &read.allow, &read.allow_count, reason);
	if (result == 0)
		result = read_prefixes(&config->reverse, "reverse", &read.reverse, &read.reverse_count, reason);
	if (result == 0)
		result = read_secret(config, &read, reason);
	if (result == 0)
		result = read_texts(config, &read, reason);
	if (result < 0)
		dns_settings_done(&read);
	else
		*settings = read;
	return result;
}

void dns_settings_done(struct dns_settings *settings)
{
	free(settings->allow);
	free(settings->reverse);
	free(settings->servers);
	free(settings->nsid);
	free(settings->version);
	*settings = (struct dns_settings){0};
}
