/*
 * What to say of a setting that cannot be: the section that a key belongs into, the key or value that is nearest to a
 * misspelled one, what is usual to get wrong about a value. Called by config.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_CONFIG_ADVICE_H
#define NSS_NOMAD_CONFIG_ADVICE_H

#include "config_keys.h"

enum { CONFIG_ADVICE_MAX = 384 }; /* bytes with the NUL */

/*
 * The rest of a sentence about a key or section that does not exist; `where` has come before it. Any thread.
 *
 * section  as it stands in the file; "" before the first one
 * key      as it stands there
 */
void config_advise_key(const char *section, const char *key, char advice[CONFIG_ADVICE_MAX]);

/*
 * What is usual to get wrong about such a value, or "": a comment at its end, quotes, commas in a list, a prefix with bits
 * behind its length, a misspelled word. Any thread.
 */
void config_advise_value(const struct config_key *key, const char *value, char advice[CONFIG_ADVICE_MAX]);

#endif
