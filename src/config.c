/*
 * The settings: defaults, file, environment, in this order; see config.h. What each key may be stands in
 * config_keys.c, the token's file in config_token.c. Called by nomad-lookup.c and nomad-dns-srv.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "config.h"

#include "config_advice.h"
#include "config_keys.h"
#include "environment.h"
#include "text.h"
#include "url.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FILE_MAX = 1024 * 1024, /* octets; every key at its longest takes a tenth of it */
	LINE_MAX_OCTETS = 4096,
	QUOTED_MAX = 80, /* octets of a value that a message shows */
};

/* In which lines of the file a certificate and its key are; 0: in none. */
struct pair {
	int cert_line, key_line;
};

/* The text of a file on its way through inih. */
struct loading {
	struct config *config;
	struct pair *pair;
	const char *path;
	const char *at; /* the next line */
	int line;       /* the number of the last one that was handed out */
	uint64_t seen;  /* a bit for each key, in the table's order */
	int error;      /* the first one, and in which line */
	int error_line;
	char *reason;
};

__attribute__((format(printf, 2, 3))) static int refuse(char reason[CONFIG_REASON_MAX], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason, CONFIG_REASON_MAX, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

static int refuse_unknown(const char *where, const char *section, const char *key, char reason[CONFIG_REASON_MAX])
{
	char advice[CONFIG_ADVICE_MAX];

	config_advise_key(section, key, advice);
	return refuse(reason, "%s%s", where, advice);
}

/* The reason for a bad value. One with @ is not shown: there may be a password before it. */
static int refuse_value(const char *where, const struct config_key *key, const char *name, const char *value,
                        const char *wrong, char reason[CONFIG_REASON_MAX])
{
	char printable[QUOTED_MAX], advice[CONFIG_ADVICE_MAX];

	snprintf(printable, sizeof printable, "%s", value);
	text_tame(printable);
	if (strchr(value, '@') != NULL)
		strcpy(printable, "...");
	config_advise_value(key, value, advice);
	if (advice[0] != '\0')
		return refuse(reason, "%s%s cannot be \"%s\"; %s", where, name, printable, advice);
	return refuse(reason, "%s%s cannot be \"%s\"%s%s; allowed is %s", where, name, printable, wrong[0] == '\0' ? "" : ": ",
	              wrong, key->allowed);
}

/* Sets a key; `where` starts the message and `name` is what the key is called there. */
static int set_key(const struct config_key *key, const char *where, const char *name, const char *value,
                   struct config *config, char reason[CONFIG_REASON_MAX])
{
	const char *wrong;
	int result = config_key_set(key, config, value, &wrong);

	if (result == -ENOMEM)
		refuse(reason, "out of memory");
	else if (result < 0)
		refuse_value(where, key, name, value, wrong, reason);
	return result;
}

int config_set(struct config *config, const char *section, const char *key, const char *value,
               char reason[CONFIG_REASON_MAX])
{
	const struct config_key *found = config_key_find(section, key);

	if (found == NULL)
		return refuse_unknown("", section, key, reason);
	return set_key(found, "", key, value, config, reason);
}

/* Gives inih the next line (fgets). */
static char *next_line(char *line, int size, void *stream)
{
	struct loading *loading = stream;
	size_t length = strcspn(loading->at, "\n");

	if (*loading->at == '\0' || loading->error == -ENOMEM)
		return NULL;
	loading->line++;
	if (length + 2 > (size_t)size || length >= LINE_MAX_OCTETS) {
		if (loading->error == 0)
			loading->error = refuse(loading->reason, "%s, line %d: a line has at most %d bytes", loading->path,
			                        loading->line, LINE_MAX_OCTETS - 1);
		return NULL;
	}
	memcpy(line, loading->at, length);
	strcpy(line + length, "\n");
	loading->at += length + (loading->at[length] == '\n');
	return line;
}

/* A key in the file, for inih; 0 stands for an error. */
static int handle(void *context, const char *section, const char *name, const char *value)
{
	struct loading *loading = context;
	char where[CONFIG_REASON_MAX];
	size_t count;
	const struct config_key *key = config_key_find(section, name);

	if (loading->error < 0)
		return 0;
	loading->error_line = loading->line;
	snprintf(where, sizeof where, "%s, line %d: ", loading->path, loading->line);
	if (key == NULL) {
		loading->error = refuse_unknown(where, section, name, loading->reason);
		return 0;
	}
	if (strcmp(name, "cert-file") == 0)
		loading->pair->cert_line = loading->line;
	else if (strcmp(name, "key-file") == 0)
		loading->pair->key_line = loading->line;
	uint64_t bit = UINT64_C(1) << (key - config_keys(&count));
	if ((loading->seen & bit) != 0)
		loading->error = refuse(loading->reason, "%s%s is there twice; a list stands on one line, separated by spaces",
		                        where, name);
	else
		loading->error = set_key(key, where, name, value, loading->config, loading->reason);
	loading->seen |= bit;
	return loading->error == 0;
}

static int parse_file(struct loading *loading)
{
	/* Debian's inih takes these from variables, with defaults that cut a line at 200 octets without a word. */
	ini_max_line = LINE_MAX_OCTETS + 2;
	ini_allow_multiline = false;

	int line = ini_parse_stream(next_line, loading, handle, loading);
	if (line > 0 && (loading->error == 0 || line < loading->error_line))
		return refuse(loading->reason, "%s, line %d: that is neither [SECTION] nor KEY = VALUE nor a comment",
		              loading->path, line);
	if (line < 0 && loading->error == 0) {
		refuse(loading->reason, "out of memory");
		return -ENOMEM;
	}
	return loading->error;
}

/* The whole file with a NUL; a new block, or NULL and errno. */
static char *read_file(const char *path, size_t *size)
{
	char *text = NULL;
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return NULL;
	text = malloc(FILE_MAX + 1);
	if (text != NULL) {
		*size = fread(text, 1, FILE_MAX + 1, file);
		if (ferror(file)) {
			int error = errno;
			free(text);
			text = NULL;
			errno = error;
		} else if (*size <= FILE_MAX) {
			text[*size] = '\0';
		}
	}
	int error = errno;
	fclose(file);
	errno = error;
	return text;
}

static int load_file(const char *path, struct config *config, struct pair *pair, char reason[CONFIG_REASON_MAX])
{
	struct loading loading = {.config = config, .pair = pair, .path = path, .reason = reason};
	size_t size = 0;
	int result;
	char *text = read_file(path, &size);

	if (text == NULL) {
		int error = errno;
		if (error == ENOENT && strcmp(path, CONFIG_FILE) == 0)
			return 0;
		refuse(reason, "cannot read the configuration %s: %s%s", path, strerror(error),
		       error == EACCES ? "; chmod 644 it: every user's lookups read it, and secrets do not belong there" : "");
		return -error;
	}
	loading.at = text;
	if (size > FILE_MAX)
		result = refuse(reason, "the configuration %s is larger than 1 MiB", path);
	else if (memchr(text, '\0', size) != NULL)
		result = refuse(reason, "the configuration %s is not a text: it holds a NUL byte", path);
	else
		result = parse_file(&loading);
	free(text);
	return result;
}

static const char in_environment[] = "the environment: ";

/* What the environment sets as if it stood in the file. In a task the region says where that runs. */
static int load_keys(struct config *config, char reason[CONFIG_REASON_MAX])
{
	struct environment environment;

	environment_read(&environment);
	const struct {
		const char *variable, *key, *value;
	} pairs[] = {
		{"NOMAD_ADDR", "address", secure_getenv("NOMAD_ADDR")},
		{"NOMAD_REGION", "region", environment.region},
		{"NOMAD_TLS_SERVER_NAME", "tls-server-name", secure_getenv("NOMAD_TLS_SERVER_NAME")},
	};

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		const char *value = pairs[i].value;
		if (value == NULL || value[0] == '\0')
			continue;
		char *copy = url_without_path(value);
		int result = copy == NULL ? refuse(reason, "out of memory")
		                          : set_key(config_key_find("nomad", pairs[i].key), in_environment, pairs[i].variable, copy,
		                                    config, reason);
		free(copy);
		if (result < 0)
			return result;
	}
	return 0;
}

/* Paths may be relative to the folder of whoever set them; the rest has no key at all. */
static int load_texts(struct config *config, char reason[CONFIG_REASON_MAX])
{
	const struct {
		const char *variable;
		char **text;
	} pairs[] = {
		{"NOMAD_TOKEN", &config->token},          {"NOMAD_CAPATH", &config->ca_path},
		{"NOMAD_CACERT", &config->ca_file},       {"NOMAD_CLIENT_CERT", &config->cert_file},
		{"NOMAD_CLIENT_KEY", &config->key_file},  {"NOMAD_HTTP_AUTH", &config->http_auth},
	};

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		const char *value = secure_getenv(pairs[i].variable);
		if (value == NULL || value[0] == '\0')
			continue;
		char *copy = strdup(value);
		if (copy == NULL) {
			refuse(reason, "out of memory");
			return -ENOMEM;
		}
		free(*pairs[i].text);
		*pairs[i].text = copy;
	}
	return 0;
}

/* Go's strconv.ParseBool. What it cannot parse the nomad command ignores; here it is an error, as of every other variable. */
static int load_skip_verify(struct config *config, char reason[CONFIG_REASON_MAX])
{
	static const char *const spellings[] = {"1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"};
	enum { COUNT = sizeof spellings / sizeof *spellings };
	const char *value = secure_getenv("NOMAD_SKIP_VERIFY");
	size_t i = 0;

	config->skip_verify = false;
	if (value == NULL || value[0] == '\0')
		return 0;
	while (i < COUNT && strcmp(value, spellings[i]) != 0)
		i++;
	config->skip_verify = i < COUNT / 2;
	return i < COUNT ? 0 : refuse(reason, "%sNOMAD_SKIP_VERIFY cannot be \"%.*s\"; allowed is true or false", in_environment,
	                              QUOTED_MAX, value);
}

static int load_environment(struct config *config, char reason[CONFIG_REASON_MAX])
{
	const char *ca_file = secure_getenv("NOMAD_CACERT");
	int result = load_keys(config, reason);

	if (result == 0)
		result = load_texts(config, reason);
	if (result == 0)
		result = load_skip_verify(config, reason);
	/* A folder of authorities in the environment wins over the file's one authority, not over the environment's. */
	if (config->ca_path != NULL && (ca_file == NULL || ca_file[0] == '\0')) {
		free(config->ca_file);
		config->ca_file = NULL;
	}
	return result;
}

/* What no key shows by itself. */
static int check_whole(const struct config *config, const char *path, const struct pair *pair, char reason[CONFIG_REASON_MAX])
{
	bool lacks_key = config->cert_file != NULL && config->key_file == NULL;
	bool lacks_certificate = config->cert_file == NULL && config->key_file != NULL;
	int line = lacks_key ? pair->cert_line : pair->key_line;
	char where[CONFIG_REASON_MAX] = "";

	if (line > 0)
		snprintf(where, sizeof where, "%s, line %d: ", path, line);
	if (lacks_key)
		return refuse(reason, "%scert-file is set and its key is not: set key-file, or put the key into /etc/" CONFIG_KEY, where);
	if (lacks_certificate)
		return refuse(reason, "%skey-file is set and its certificate is not: set cert-file", where);
	return 0;
}

static int load_defaults(struct config *config, char reason[CONFIG_REASON_MAX])
{
	size_t count;
	const struct config_key *keys = config_keys(&count);
	int result = 0;

	for (size_t i = 0; i < count && result == 0; i++)
		if (keys[i].fallback[0] != '\0')
			result = set_key(&keys[i], "", keys[i].name, keys[i].fallback, config, reason);
	return result;
}

int config_load(const char *path, struct config *config, char reason[CONFIG_REASON_MAX])
{
	struct config loaded = {0};
	struct pair pair = {0};
	int result = load_defaults(&loaded, reason);

	if (result == 0)
		result = load_file(path, &loaded, &pair, reason);
	if (result == 0)
		result = load_environment(&loaded, reason);
	if (loaded.cert_file != NULL && loaded.key_file == NULL)
		loaded.key_file = config_secret(CONFIG_KEY);
	if (result == 0)
		result = check_whole(&loaded, path, &pair, reason);
	if (result < 0)
		config_done(&loaded);
	else
		*config = loaded;
	return result;
}

const char *config_default_namespace(const struct config *config)
{
	if (config->namespaces.count == 0 || strcmp(config->namespaces.words[0], "*") == 0)
		return "default";
	return config->namespaces.words[0];
}

void config_done(struct config *config)
{
	size_t count;
	const struct config_key *keys = config_keys(&count);

	for (size_t i = 0; i < count; i++)
		config_key_done(&keys[i], config);
	free(config->token);
	free(config->ca_path);
	free(config->http_auth);
	*config = (struct config){0};
}
