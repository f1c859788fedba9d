/*
 * What the DNS side takes from the configuration: one immutable block, which another takes the place of when the
 * configuration is read again. Called by server.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_SETTINGS_H
#define NSS_NOMAD_DNS_SETTINGS_H

#include "config.h"
#include "cookie.h"
#include "prefix.h"
#include "pulse.h"
#include "watch/epoch.h"

#include <stdatomic.h>

struct dns_settings {
	struct retired retired;
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
	bool drawn; /* the secret is random, not configured */
	uint8_t secret[COOKIE_SECRET];
	char *nsid;    /* NULL: none */
	char *version; /* NULL: refused */
	uint32_t rate; /* answers a second per source prefix; 0: unlimited */
	uint32_t tcp_connections;
	uint32_t tcp_idle; /* seconds */
	bool query_log;
	bool tags; /* whether TXT tells them: all users of the host may read the files */
};

/* Where the settings that hold are found, by readers of the catalogue between enter and leave. */
struct dns_settings_place {
	_Atomic(const struct dns_settings *) now;
	struct pulse pulse; /* of the event loop, which changes them */
	struct log *log;    /* for query_log; NULL: there is none */
};

/*
 * Reads them.
 *
 * before    those that hold until now, whose random secret of cookies stays; NULL at the start
 * servers   `server_count` of them, copied
 * settings  on success one block, released with free(); otherwise untouched
 * reason    on failure says in one sentence what is wrong and what is allowed
 *
 * 0, -EINVAL, -ENOMEM, or why there is no randomness for the cookies' secret.
 */
int dns_settings_new(const struct config *config, const struct dns_settings *before, const struct address *servers,
                     size_t server_count, struct dns_settings **settings, char reason[CONFIG_REASON_MAX]);

#endif
