/*
 * Settings that name users, groups and modes of files. Called by config_keys.c and where they are put to use.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_CONFIG_USERS_H
#define NSS_NOMAD_CONFIG_USERS_H

#include "config.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * Whether it may be the name of a user or group, as useradd(8) takes them, or a number. `wrong` is left as it is. Whether
 * there is such a user only its use can tell. Any thread.
 */
bool config_is_user(const char *text, const char **wrong);

/*
 * Whether it is the mode of a file, octal, that its owner may read and write, and others at most read. `wrong` is left as
 * it is. Any thread.
 */
bool config_is_mode(const char *text, const char **wrong);

/* The mode that such a text says; 0644 for NULL. Any thread. */
mode_t config_mode(const char *text);

/*
 * Finds the group of [daemon] publish-group.
 *
 * text    its name or number; NULL for none
 * group   where it is found its number, (gid_t)-1 for none; otherwise untouched
 * reason  on failure what is wrong, and what to do
 *
 * 0; -ENOENT where there is no such group; -ENOMEM, or what the look-up said. Any thread.
 */
int config_find_group(const char *text, gid_t *group, char reason[CONFIG_REASON_MAX]);

#endif
