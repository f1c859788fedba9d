/*
 * The table of settings and how their texts are read; see config_keys.h. Called by config.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "config_keys.h"

#include "config_users.h"
#include "prefix.h"
#include "published.h"
#include "url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char spaces[] = " \t";

static bool is_address(const char *word, const char **wrong)
{
	struct url url;

	return url_parse(word, &url, wrong);
}

/* Nomad's own rule is ^[a-zA-Z0-9-]{1,128}$ (nomad/structs/structs.go, validNamespaceName); no name can say a longer label. */
static bool is_namespace(const char *word, const char **wrong)
{
	if (word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")] != '\0')
		return strcmp(word, "*") == 0;
	if (strlen(word) <= NAME_LABEL_MAX)
		return true;
	*wrong = "a label of a name has at most 63 characters, so no name could ask for its services";
	return false;
}

/* Sent to the agent as it is, so a host's name or an address; under .nomad too: it is not looked up. */
static bool is_server_name(const char *text, const char **wrong)
{
	(void)wrong;
	return strlen(text) <= NAME_TEXT_MAX &&
	       text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")] == '\0';
}

static bool is_path(const char *text, const char **wrong)
{
	(void)wrong;
	return text[0] == '/';
}

/* A decimal number of at most `most`; no sign, no blank. */
static bool read_number(const char *text, size_t length, uint64_t most, uint64_t *number)
{
	uint64_t value = 0;

	if (length == 0)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text[i] - '0');
		if (value > most)
			return false;
	}
	*number = value;
	return true;
}

/* The family of an address of any value, 0.0.0.0 and :: too; 0 where it is none. */
static int family_of(const char *text, size_t length)
{
	char copy[INET6_ADDRSTRLEN];
	uint8_t octets[16];

	if (length >= sizeof copy)
		return 0;
	memcpy(copy, text, length);
	copy[length] = '\0';
	if (inet_pton(AF_INET, copy, octets) == 1)
		return AF_INET;
	return inet_pton(AF_INET6, copy, octets) == 1 ? AF_INET6 : 0;
}

/* ADDRESS:PORT or [ADDRESS]:PORT. */
static bool is_endpoint(const char *word, const char **wrong)
{
	const char *colon = strrchr(word, ':');
	uint64_t port;

	(void)wrong;
	if (colon == NULL || !read_number(colon + 1, strlen(colon + 1), UINT16_MAX, &port))
		return false;
	size_t length = (size_t)(colon - word);
	if (word[0] == '[')
		return length > 2 && word[length - 1] == ']' && family_of(word + 1, length - 2) == AF_INET6;
	return family_of(word, length) == AF_INET;
}

static bool is_prefix(const char *word, const char **wrong)
{
	struct prefix prefix;

	(void)wrong;
	return prefix_parse(word, &prefix);
}

static bool is_cookie_secret(const char *text, const char **wrong)
{
	enum { DIGITS = 32 }; /* 128 bits, the key of SipHash (RFC 9018 section 4.4) */

	(void)wrong;
	return strlen(text) == DIGITS && strspn(text, "0123456789abcdefABCDEF") == DIGITS;
}

static bool is_short(const char *text, const char **wrong)
{
	(void)wrong;
	return strlen(text) <= UINT8_MAX; /* a character-string of a TXT record, RFC 1035 section 3.3 */
}

static bool is_log_level(const char *text, const char **wrong)
{
	static const char *const levels[] = {"error", "warning", "notice", "info", "debug"};

	(void)wrong;
	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
		if (strcmp(text, levels[i]) == 0)
			return true;
	return false;
}

#define FIELD(name) offsetof(struct config, name)

enum {
	DAY = 86400,              /* seconds */
	YEAR = 365 * DAY,
	LIST_MAX = 64,            /* words */
	RATE_MAX = 1000000,       /* answers a second */
	CONNECTIONS_MAX = 1000000,
};

static const char endpoints[] = "a list of ADDRESS:PORT, [ADDRESS]:PORT for IPv6, separated by spaces; empty for none";
static const char prefixes[] =
	"a list of ADDRESS/LENGTH, separated by spaces, no bit of the address set after LENGTH; empty for none";
static const char path[] = "a path that starts with /";

static const struct config_key keys[] = {
	{"nomad", "address", CONFIG_WORDS, FIELD(addresses), 1, LIST_MAX, is_address, "http://127.0.0.1:4646",
         "a list of http://HOST:PORT, https://HOST:PORT or unix:///PATH, separated by spaces"},
	{"nomad", "token-file", CONFIG_TEXT, FIELD(token_file), 0, 0, is_path, "", path},
	{"nomad", "region", CONFIG_TEXT, FIELD(region), 0, 0, NULL, "", "the name of a region"},
	{"nomad", "namespace", CONFIG_WORDS, FIELD(namespaces), 1, LIST_MAX, is_namespace, "*",
         "* for all, or a list of namespaces separated by spaces: letters, digits, -, at most 63 characters each"},
	{"nomad", "ca-file", CONFIG_TEXT, FIELD(ca_file), 0, 0, is_path, "", path},
	{"nomad", "cert-file", CONFIG_TEXT, FIELD(cert_file), 0, 0, is_path, "", path},
	{"nomad", "key-file", CONFIG_TEXT, FIELD(key_file), 0, 0, is_path, "", path},
	{"nomad", "tls-server-name", CONFIG_TEXT, FIELD(tls_server_name), 0, 0, is_server_name, "",
         "the name in the agents' certificates, such as server.global.nomad"},
	{"nomad", "agent-user", CONFIG_TEXT, FIELD(agent_user), 0, 0, config_is_user, "",
         "the name or number of the user whom the agent on this host runs as, or any"},

	{"answers", "ttl", CONFIG_SECONDS, FIELD(ttl), 1, RECORD_TTL_MAX, NULL, "10s", "a duration from 1s to 1d"},
	{"answers", "negative-ttl", CONFIG_SECONDS, FIELD(negative_ttl), 1, RECORD_TTL_MAX, NULL, "3s", "a duration from 1s to 1d"},
	{"answers", "max-stale", CONFIG_SECONDS, FIELD(max_stale), 0, RECORD_STALE_MAX, NULL, "1h", "a duration from 0s to 365d"},
	{"answers", "timeout", CONFIG_MILLISECONDS, FIELD(timeout), 100, 30000, NULL, "2s",
         "a duration from 100ms to 30s"},
	{"answers", "service-label", CONFIG_LABEL, FIELD(reading), 0, 0, NULL, "yes", "yes or no"},

	{"dns", "listen", CONFIG_WORDS, FIELD(listen), 0, LIST_MAX, is_endpoint, "127.0.0.1:1053 [::1]:1053", endpoints},
	{"dns", "allow", CONFIG_WORDS, FIELD(allow), 0, LIST_MAX, is_prefix,
         "127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 169.254.0.0/16 ::1/128 fc00::/7 fe80::/10",
         prefixes},
	{"dns", "reverse", CONFIG_WORDS, FIELD(reverse), 0, LIST_MAX, is_prefix, "", prefixes},
	{"dns", "workers", CONFIG_NUMBER, FIELD(workers), 0, CONFIG_WORKERS_MAX, NULL, "0",
         "a number from 1 to 48, or 0 for one per core"},
	{"dns", "rate-limit", CONFIG_NUMBER, FIELD(rate_limit), 0, RATE_MAX, NULL, "200",
         "answers a second from 1 to 1000000, or 0 for no limit"},
	{"dns", "udp-size", CONFIG_NUMBER, FIELD(udp_size), 512, CONFIG_UDP_SIZE_MAX, NULL, "1232",
         "a number of bytes from 512 to 4096"},
	{"dns", "cookies", CONFIG_BOOL, FIELD(cookies), 0, 0, NULL, "yes", "yes or no"},
	{"dns", "cookie-secret", CONFIG_TEXT, FIELD(cookie_secret), 0, 0, is_cookie_secret, "",
         "32 hexadecimal digits, the same on all servers behind one address"},
	{"dns", "nsid", CONFIG_TEXT, FIELD(nsid), 0, 0, is_short, "", "a text of at most 255 bytes"},
	{"dns", "version", CONFIG_TEXT, FIELD(version), 0, 0, is_short, "", "a text of at most 255 bytes"},
	{"dns", "tcp-connections", CONFIG_NUMBER, FIELD(tcp_connections), 1, CONNECTIONS_MAX, NULL, "10000",
         "a number from 1 to 1000000"},
	{"dns", "tcp-idle", CONFIG_SECONDS, FIELD(tcp_idle), 1, 3600, NULL, "10s", "a duration from 1s to 1h"},

	{"daemon", "publish", CONFIG_TEXT, FIELD(publish), 0, 0, is_path, PUBLISHED_DIR, path},
	{"daemon", "publish-mode", CONFIG_TEXT, FIELD(publish_mode), 0, 0, config_is_mode, "0644",
         "0644, 0640 or 0600: the owner reads and writes, the group and others read or do not"},
	{"daemon", "publish-group", CONFIG_TEXT, FIELD(publish_group), 0, 0, config_is_user, "",
         "the name or number of a group that the daemon's user is a member of"},
	{"daemon", "state", CONFIG_TEXT, FIELD(state), 0, 0, is_path, "", path},
	{"daemon", "log-level", CONFIG_TEXT, FIELD(log_level), 0, 0, is_log_level, "notice",
         "error, warning, notice, info or debug"},
	{"daemon", "query-log", CONFIG_BOOL, FIELD(query_log), 0, 0, NULL, "no", "yes or no"},
	{"daemon", "metrics", CONFIG_TEXT, FIELD(metrics), 0, 0, is_endpoint, "",
         "ADDRESS:PORT, [ADDRESS]:PORT for IPv6; empty for none"},
};

const struct config_key *config_keys(size_t *count)
{
	*count = sizeof keys / sizeof *keys;
	return keys;
}

const struct config_key *config_key_find(const char *section, const char *name)
{
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

static void *field(const struct config_key *key, struct config *config)
{
	return (char *)config + key->offset;
}

static void words_done(struct words *words)
{
	for (size_t i = 0; i < words->count; i++)
		free(words->words[i]);
	free(words->words);
	*words = (struct words){0};
}

static int set_text(const struct config_key *key, char **text, const char *value, const char **wrong)
{
	char *copy = NULL;

	if (value[0] == '\0' && key->fallback[0] != '\0') {
		*wrong = "it cannot be empty";
		return -EINVAL;
	}
	if (value[0] != '\0') {
		if (key->check != NULL && !key->check(value, wrong))
			return -EINVAL;
		copy = strdup(value);
		if (copy == NULL)
			return -ENOMEM;
	}
	free(*text);
	*text = copy;
	return 0;
}

/* Appends a word of `length` octets; `words` has room. */
static int add_word(const struct config_key *key, struct words *words, const char *word, size_t length,
                    const char **wrong)
{
	char *copy = strndup(word, length);

	if (copy == NULL)
		return -ENOMEM;
	words->words[words->count++] = copy;
	return key->check(copy, wrong) ? 0 : -EINVAL;
}

static int set_words(const struct config_key *key, struct words *words, const char *value, const char **wrong)
{
	struct words list = {.words = calloc(key->most, sizeof *list.words)};
	int result = list.words == NULL ? -ENOMEM : 0;

	while (result == 0) {
		value += strspn(value, spaces);
		size_t length = strcspn(value, spaces);
		if (length == 0)
			break;
		if (list.count == key->most) {
			*wrong = "that are more than 64 words";
			result = -EINVAL;
			break;
		}
		result = add_word(key, &list, value, length, wrong);
		value += length;
	}
	if (result == 0 && list.count < key->least) {
		*wrong = "it cannot be empty";
		result = -EINVAL;
	}
	if (result < 0) {
		words_done(&list);
		return result;
	}
	words_done(words);
	*words = list;
	return 0;
}

static int set_number(const struct config_key *key, uint32_t *number, const char *value)
{
	uint64_t read;

	if (!read_number(value, strlen(value), key->most, &read) || read < key->least)
		return -EINVAL;
	*number = (uint32_t)read;
	return 0;
}

/* A duration to milliseconds: a number and a unit, seconds where there is none. */
static bool read_duration(const char *text, uint64_t *milliseconds)
{
	static const struct {
		const char *unit;
		uint64_t milliseconds;
	} units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", DAY * 1000ULL}};
	size_t digits = strspn(text, "0123456789");
	uint64_t number;

	if (!read_number(text, digits, YEAR * 1000ULL, &number))
		return false;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (strcmp(text + digits, units[i].unit) == 0) {
			*milliseconds = number * units[i].milliseconds;
			return true;
		}
	}
	return false;
}

static int set_duration(const struct config_key *key, uint32_t *duration, uint64_t unit, const char *value,
                        const char **wrong)
{
	uint64_t milliseconds;

	if (!read_duration(value, &milliseconds)) {
		*wrong = "a duration is a number with ms, s, m, h or d; without any, of seconds";
		return -EINVAL;
	}
	if (milliseconds % unit != 0 || milliseconds / unit < key->least || milliseconds / unit > key->most)
		return -EINVAL;
	*duration = (uint32_t)(milliseconds / unit);
	return 0;
}

static int read_bool(const char *value, bool *yes)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return -EINVAL;
	*yes = strcmp(value, "yes") == 0;
	return 0;
}

static int set_label(enum name_reading *reading, const char *value)
{
	bool yes;
	int result = read_bool(value, &yes);

	if (result == 0)
		*reading = yes ? NAME_SERVICE_LABEL : NAME_PLAIN;
	return result;
}

static bool has_control_character(const char *text)
{
	while (*text != '\0' && (*text == '\t' || (unsigned char)*text >= ' ') && *text != 0x7f)
		text++;
	return *text != '\0';
}

int config_key_set(const struct config_key *key, struct config *config, const char *value, const char **wrong)
{
	*wrong = "";
	if (has_control_character(value)) {
		*wrong = "it holds a control character";
		return -EINVAL;
	}
	switch (key->kind) {
	case CONFIG_TEXT:
		return set_text(key, field(key, config), value, wrong);
	case CONFIG_WORDS:
		return set_words(key, field(key, config), value, wrong);
	case CONFIG_NUMBER:
		return set_number(key, field(key, config), value);
	case CONFIG_SECONDS:
		return set_duration(key, field(key, config), 1000, value, wrong);
	case CONFIG_MILLISECONDS:
		return set_duration(key, field(key, config), 1, value, wrong);
	case CONFIG_BOOL:
		return read_bool(value, field(key, config));
	case CONFIG_LABEL:
		return set_label(field(key, config), value);
	}
	return -EINVAL;
}

void config_key_done(const struct config_key *key, struct config *config)
{
	char **text = field(key, config);

	if (key->kind == CONFIG_WORDS) {
		words_done(field(key, config));
	} else if (key->kind == CONFIG_TEXT) {
		free(*text);
		*text = NULL;
	}
}
