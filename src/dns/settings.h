/*
 * What the DNS side takes from the configuration, read once at start and unchanged from then on. Called by server.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_SETTINGS_H
#define NSS_NOMAD_DNS_SETTINGS_H

#include "config.h"
#include "cookie.h"
#include "prefix.h"

struct dns_settings {
	char default_namespace[NAME_LABEL_MAX + 1];
	enum name_reading reading;
	uint32_t ttl;          /* seconds, of what there is */
	uint32_t negative_ttl; /* seconds, of what there is not; never more than ttl */
	uint32_t expire;       /* seconds, the SOA record's: how long the last catalogue serves */
	size_t udp_size;       /* octets of an answer over UDP at most, and what we say that we take */
	size_t allow_count;
	struct prefix *allow;
	size_t reverse_count;
	struct prefix *reverse;
	size_t server_count;
	struct address *servers; /* where we listen, if that is no wildcard: what ns.nomad holds */
	bool cookies;
	uint8_t secret[COOKIE_SECRET];
	char *nsid;    /* NULL: none */
	char *version; /* NULL: refused */
	uint32_t rate; /* answers a second per source prefix; 0: unlimited */
	uint32_t tcp_connections;
	uint32_t tcp_idle; /* seconds */
	bool query_log;
};

/*
 * Reads them.
 *
 * settings  on success released with dns_settings_done(); otherwise untouched. `servers` is left empty.
 * reason    on failure says in one sentence what is wrong and what is allowed
 *
 * 0, -EINVAL, -ENOMEM, or why there is no randomness for the cookies' secret.
 */
int dns_settings_init(const struct config *config, struct dns_settings *settings, char reason[CONFIG_REASON_MAX]);

/* Releases them. Accepts zeroes. */
void dns_settings_done(struct dns_settings *settings);

#endif
