/*
 * The table of settings: what each is called in /etc/nss-nomad.conf, where it goes, and what it may be. Used by
 * config.c alone.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_CONFIG_KEYS_H
#define NSS_NOMAD_CONFIG_KEYS_H

#include "config.h"

enum config_kind {
	CONFIG_TEXT,         /* char *; nothing is NULL */
	CONFIG_WORDS,        /* struct words */
	CONFIG_NUMBER,       /* uint32_t */
	CONFIG_SECONDS,      /* uint32_t, of a duration */
	CONFIG_MILLISECONDS, /* uint32_t, of a duration */
	CONFIG_BOOL,
	CONFIG_LABEL, /* enum name_reading, of yes or no */
};

/* Judges a text or one word; false and what is wrong, static, or false and `wrong` untouched. */
typedef bool (*config_check)(const char *word, const char **wrong);

struct config_key {
	const char *section;
	const char *name;
	enum config_kind kind;
	size_t offset;        /* in struct config */
	uint32_t least, most; /* of numbers and durations; of words how many */
	config_check check;   /* of texts and words, NULL where any will do */
	const char *fallback; /* the default, as it would stand in the file */
	const char *allowed;  /* ends the sentence "SECTION.KEY is ..." */
};

/* The table, in the order of the example file. */
const struct config_key *config_keys(size_t *count);

/* The key of that name, NULL where there is none. */
const struct config_key *config_key_find(const char *section, const char *name);

/*
 * Sets the key from its text; what it had is released.
 *
 * wrong  on -EINVAL what exactly is wrong, static, or "" where key->allowed says all there is
 *
 * 0, -EINVAL or -ENOMEM; then it has what it had.
 */
int config_key_set(const struct config_key *key, struct config *config, const char *value, const char **wrong);

/* Releases what it has. */
void config_key_done(const struct config_key *key, struct config *config);

#endif
