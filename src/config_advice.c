/*
 * What to say of a setting that cannot be; see config_advice.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "config_advice.h"

#include "nearest.h"
#include "prefix.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

enum { WORD_MAX = 80 }; /* bytes of what the file says that are shown */

/* The keys of a section in a list, or the sections where it is NULL. */
static void list_known(const char *section, char *known, size_t size)
{
	size_t count, length = 0;
	const struct config_key *keys = config_keys(&count);
	const char *last = "";

	known[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		const char *word = section == NULL ? keys[i].section : keys[i].name;
		if ((section != NULL && strcmp(keys[i].section, section) != 0) || strcmp(word, last) == 0)
			continue;
		int written = snprintf(known + length, size - length, "%s%s", length == 0 ? "" : ", ", word);
		if (written < 0 || (size_t)written >= size - length)
			return;
		length += (size_t)written;
		last = word;
	}
}

/* The key whose name is nearest, of the section or, where it is NULL, of all; NULL where none is near. */
static const struct config_key *nearest_key(const char *section, const char *name)
{
	size_t count;
	const struct config_key *keys = config_keys(&count), *best = NULL;

	for (size_t i = 0; i < count; i++) {
		if ((section != NULL && strcmp(keys[i].section, section) != 0) || !nearest_is_near(name, keys[i].name))
			continue;
		if (best == NULL || nearest_distance(name, keys[i].name) < nearest_distance(name, best->name))
			best = &keys[i];
	}
	return best;
}

static const char *nearest_section(const char *section)
{
	size_t count;
	const struct config_key *keys = config_keys(&count);

	for (size_t i = 0; i < count; i++)
		if (nearest_is_near(section, keys[i].section))
			return keys[i].section;
	return NULL;
}

static bool is_section(const char *section)
{
	size_t count;
	const struct config_key *keys = config_keys(&count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(keys[i].section, section) == 0)
			return true;
	return false;
}

void config_advise_key(const char *section, const char *key, char advice[CONFIG_ADVICE_MAX])
{
	char known[CONFIG_ADVICE_MAX / 2];
	const struct config_key *near = nearest_key(NULL, key);

	if (!is_section(section)) {
		const char *meant = nearest_section(section);
		list_known(NULL, known, sizeof known);
		if (section[0] == '\0')
			snprintf(advice, CONFIG_ADVICE_MAX, "%.*s stands before any section%s%s%s; the sections are %s", WORD_MAX, key,
			         near == NULL ? "" : "; it belongs into [", near == NULL ? "" : near->section, near == NULL ? "" : "]", known);
		else if (meant != NULL)
			snprintf(advice, CONFIG_ADVICE_MAX, "there is no section [%.*s]; did you mean [%s]?", WORD_MAX, section, meant);
		else
			snprintf(advice, CONFIG_ADVICE_MAX, "there is no section [%.*s]; the sections are %s", WORD_MAX, section, known);
		return;
	}
	if (near != NULL && strcmp(near->name, key) == 0) {
		snprintf(advice, CONFIG_ADVICE_MAX, "%s belongs into [%s], not into [%s]", key, near->section, section);
		return;
	}
	near = nearest_key(section, key);
	list_known(section, known, sizeof known);
	if (near != NULL)
		snprintf(advice, CONFIG_ADVICE_MAX, "there is no key %.*s in [%s]; did you mean %s?", WORD_MAX, key, section, near->name);
	else
		snprintf(advice, CONFIG_ADVICE_MAX, "there is no key %.*s in [%s]; it has %s", WORD_MAX, key, section, known);
}

/* The prefix that was meant by one whose address has bits behind its length: those taken off. */
static void advise_prefix(const char *value, char advice[CONFIG_ADVICE_MAX])
{
	char word[PREFIX_TEXT_MAX], meant[PREFIX_TEXT_MAX];

	for (; *value != '\0'; value += strcspn(value, " \t"), value += strspn(value, " \t")) {
		struct prefix prefix;
		size_t length = strcspn(value, " \t");
		if (length >= sizeof word)
			continue;
		memcpy(word, value, length);
		word[length] = '\0';
		if (!prefix_parse(word, &prefix) && prefix_mend(word, meant)) {
			snprintf(advice, CONFIG_ADVICE_MAX, "write %s", meant);
			return;
		}
	}
}

/* A word of those that are allowed, "a, b or c", that is near to the value. */
static void advise_word(const struct config_key *key, const char *value, char advice[CONFIG_ADVICE_MAX])
{
	char word[NEAREST_WORD_MAX];

	for (const char *at = key->allowed; *at != '\0'; at += strcspn(at, ", "), at += strspn(at, ", ")) {
		size_t length = strcspn(at, ", ");
		if (length >= sizeof word)
			continue;
		memcpy(word, at, length);
		word[length] = '\0';
		if (strcmp(word, "or") != 0 && nearest_is_near(value, word)) {
			snprintf(advice, CONFIG_ADVICE_MAX, "did you mean %s?", word);
			return;
		}
	}
}

void config_advise_value(const struct config_key *key, const char *value, char advice[CONFIG_ADVICE_MAX])
{
	advice[0] = '\0';
	if (strchr(value, '#') != NULL && key->kind != CONFIG_TEXT)
		strcpy(advice, "a comment cannot stand at the end of a line, give it a line of its own");
	else if (value[0] == '"' || value[0] == '\'')
		strcpy(advice, "write it without quotes");
	else if (strchr(value, ',') != NULL && key->kind == CONFIG_WORDS)
		strcpy(advice, "the list is separated by spaces, not commas");
	else if (strcmp(key->name, "allow") == 0 || strcmp(key->name, "reverse") == 0)
		advise_prefix(value, advice);
	else if (key->kind == CONFIG_BOOL || key->kind == CONFIG_LABEL || strcmp(key->name, "log-level") == 0)
		advise_word(key, value, advice);
}
