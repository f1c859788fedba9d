/*
 * What a configuration that is read again cannot change; see config_keep() in config.h. Called by watch/daemon.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "config_keys.h"

#include <string.h>

static bool same_words(const struct words *one, const struct words *other)
{
	if (one->count != other->count)
		return false;
	for (size_t i = 0; i < one->count; i++)
		if (strcmp(one->words[i], other->words[i]) != 0)
			return false;
	return true;
}

static void keep_words(struct words *words, struct words *running)
{
	struct words read = *words;

	*words = *running;
	*running = read;
}

static bool same_text(const char *one, const char *other)
{
	return one == NULL || other == NULL ? one == other : strcmp(one, other) == 0;
}

static void keep_text(char **text, char **running)
{
	char *read = *text;

	*text = *running;
	*running = read;
}

/* True where they differed. Only lists, texts and numbers need a start. */
static bool keep_field(enum config_kind kind, void *field, void *running)
{
	bool same = true;

	if (kind == CONFIG_WORDS) {
		same = same_words(field, running);
		keep_words(field, running);
	} else if (kind == CONFIG_TEXT) {
		same = same_text(*(char **)field, *(char **)running);
		keep_text(field, running);
	} else if (kind == CONFIG_NUMBER) {
		same = *(uint32_t *)field == *(uint32_t *)running;
		*(uint32_t *)field = *(uint32_t *)running;
	}
	return !same;
}

void config_keep(struct config *config, struct config *running, config_differs differs, void *context)
{
	/* They concern sockets, threads, folders, and what is kept of each service. */
	static const char *const kept[][2] = {
		{"dns", "listen"}, {"dns", "reverse"}, {"dns", "workers"},
		{"daemon", "publish"}, {"daemon", "publish-mode"}, {"daemon", "publish-group"}, {"daemon", "state"},
		{"daemon", "metrics"},
	};

	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
		const struct config_key *key = config_key_find(kept[i][0], kept[i][1]);
		if (keep_field(key->kind, (char *)config + key->offset, (char *)running + key->offset))
			differs(context, key->section, key->name);
	}
}
