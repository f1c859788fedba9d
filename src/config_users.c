/*
 * Settings that name users, groups and modes of files; see config_users.h. Called by config_keys.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "config_users.h"

#include <string.h>

bool config_is_user(const char *text, const char **wrong)
{
	enum { NAME_MOST = 32 }; /* octets, LOGIN_NAME_MAX without the NUL is more; useradd(8) takes as many */

	(void)wrong;
	return strlen(text) <= NAME_MOST && text[0] != '-' &&
	       text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.$@")] == '\0';
}
