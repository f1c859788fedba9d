/*
 * /etc/nss-nomad.conf and the environment's NOMAD_*: settings of nomad-lookup and nomad-dns-srv. The module
 * reads none of it. The file is INI (inih); every key is in config_keys.c with what it may be.
 *
 * The environment's values win over the file's, the command line's over both. They are ignored where the process
 * runs with somebody else's rights (secure_getenv).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_CONFIG_H
#define NSS_NOMAD_CONFIG_H

#include "name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_FILE "/etc/nss-nomad.conf"
/* The secrets that need no setting where they are in /etc, or among the service's credentials. */
#define CONFIG_TOKEN "nss-nomad.token"
#define CONFIG_KEY "nss-nomad.key"
#define CONFIG_ANY_USER "any" /* as agent-user: whoever it is */

enum {
	CONFIG_REASON_MAX = 512,     /* octets with the NUL, of a message to a person */
	CONFIG_UDP_SIZE_MAX = 4096, /* the most that udp_size can be */
	CONFIG_WORKERS_MAX = 48,    /* ... and workers: readers of the catalogue, of which TCP and others need some */
};

/* A list of words, in the order they were given. */
struct words {
	size_t count;
	char **words;
};

struct config {
	/* [nomad] */
	struct words addresses; /* http://, https://, unix://; tried in order; default http://127.0.0.1:4646 */
	char *token;            /* NOMAD_TOKEN; NULL: none, or token_file */
	char *token_file;       /* NULL: config_secret(CONFIG_TOKEN), or none */
	char *region;           /* NULL: the agent's */
	struct words namespaces; /* followed by the daemon: "*" (default) or names; the first name is the default one */
	char *ca_file;
	char *ca_path; /* NOMAD_CAPATH */
	char *cert_file;
	char *key_file;
	char *tls_server_name;
	bool skip_verify; /* NOMAD_SKIP_VERIFY alone */
	char *agent_user; /* whose ports of this host may be the agent's besides root's, nomad's and our own; NULL: nobody's */
	bool for_daemon;  /* nomad-dns-srv has read it, for which messages advise something else than for a user */
	char *http_auth;  /* NOMAD_HTTP_AUTH alone: user:password for a proxy in front of Nomad; NULL: none */

	/* [answers] */
	uint32_t ttl;          /* seconds, 1 to 86400; default 10 */
	uint32_t negative_ttl; /* seconds, 1 to 86400; default 3 */
	uint32_t max_stale;    /* seconds, 0 to 31536000; default 3600 */
	uint32_t timeout;      /* milliseconds, 100 to 30000; default 2000 */
	enum name_reading reading; /* service-label, default yes */

	/* [dns] */
	struct words listen;  /* ADDR:PORT or [ADDR]:PORT; default 127.0.0.1:1053 [::1]:1053; empty: no DNS at all */
	struct words allow;   /* prefixes; default loopback, private and link-local ranges */
	struct words reverse; /* prefixes for which PTR is answered; default none */
	uint32_t workers;     /* UDP threads; 0, the default: one per core */
	uint32_t rate_limit;  /* answers a second per source prefix, loopback excepted; default 200; 0: off */
	uint32_t udp_size;    /* octets, 512 to 4096; default 1232 */
	bool cookies;         /* RFC 9018; default yes */
	char *cookie_secret;  /* 32 hex digits, for several servers behind one address; NULL: random at start */
	char *nsid;           /* NULL: none */
	char *version;        /* version.bind; NULL: refused */
	uint32_t tcp_connections; /* at once; default 10000 */
	uint32_t tcp_idle;        /* seconds; default 10 */

	/* [daemon] */
	char *publish;    /* folder; default PUBLISHED_DIR */
	char *publish_mode;  /* octal, of the published files (config_mode()); default 0644 */
	char *publish_group; /* name or number of theirs; NULL: the daemon's own */
	char *state;      /* folder in which the last catalogue survives a reboot; NULL: none */
	char *log_level;  /* error, warning, notice, info, debug; default notice */
	bool query_log;   /* default no */
	char *metrics;    /* ADDR:PORT; NULL: off */
};

/*
 * The settings that hold: the defaults, then the file, then the environment.
 *
 * path      a missing file is no error if it is CONFIG_FILE; otherwise it is
 * config    on success released with config_done(); otherwise untouched
 * reason    on failure says in one sentence what is wrong, in which file and line, and what is allowed
 *
 * 0, -EINVAL, -ENOMEM, or what reading the file said. Any thread.
 */
int config_load(const char *path, struct config *config, char reason[CONFIG_REASON_MAX]);

/*
 * Sets one key as if it stood in the file; for options of the command line. `value` is not kept.
 * 0, or -EINVAL and a reason. Any thread.
 */
int config_set(struct config *config, const char *section, const char *key, const char *value,
               char reason[CONFIG_REASON_MAX]);

/* Is told of a key that differs; section and key are static. */
typedef void (*config_differs)(void *context, const char *section, const char *key);

/*
 * Keeps what only a start can change (listen, workers, publish ...): where `config` differs from what is running, the
 * two change places, so that `config` is what holds. The rest of `running` stays. `differs` is called for each.
 */
void config_keep(struct config *config, struct config *running, config_differs differs, void *context);

/* The namespace of names that give none: the first one configured, "default" with "*". */
const char *config_default_namespace(const struct config *config);

/*
 * The token to send: from the environment, else from token_file or config_secret(CONFIG_TOKEN), read again each time; ""
 * where there is none.
 *
 * token    on success a new string, released with free()
 * reason   on failure what is wrong with the file; on success a warning where others can read it, else ""
 *
 * 0 or a negative errno. Any thread.
 */
int config_token(const struct config *config, char **token, char reason[CONFIG_REASON_MAX]);

/*
 * Where a secret lies that no setting names: $CREDENTIALS_DIRECTORY/NAME where that holds anything (systemd.exec(5),
 * LoadCredential=), else /etc/NAME where there is one, readable or not. A new string, released with free(); NULL where
 * there is none, or without memory. Any thread.
 */
char *config_secret(const char *name);

/* Releases all of it. Accepts zeroes. */
void config_done(struct config *config);

#endif
