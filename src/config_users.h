/*
 * Settings that name users, groups and modes of files. Called by config_keys.c and where they are put to use.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_CONFIG_USERS_H
#define NSS_NOMAD_CONFIG_USERS_H

#include <stdbool.h>

/*
 * Whether it may be the name of a user or group, as useradd(8) takes them, or a number. `wrong` is left as it is. Whether
 * there is such a user only its use can tell. Any thread.
 */
bool config_is_user(const char *text, const char **wrong);

#endif
