/*
 * Where the token and the client's key are if the configuration does not say: what systemd hands to the service as a
 * credential, else a file of its usual name. See config_secret() in config.h. Called by config.c and config_token.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Whether a credential holds anything: the unit sets an empty one where there is no file (systemd.exec(5), SetCredential=),
 * for before systemd 254 LoadCredential= of a file that is not there keeps a service from starting.
 */
static bool holds_something(const char *path)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char start[16];

	if (descriptor < 0)
		return errno != ENOENT;
	ssize_t count = read(descriptor, start, sizeof start - 1);
	close(descriptor);
	start[count < 0 ? 0 : count] = '\0';
	return start[strspn(start, " \t\r\n")] != '\0';
}

char *config_secret(const char *name)
{
	const char *directory = secure_getenv("CREDENTIALS_DIRECTORY");
	char path[PATH_MAX];

	if (directory != NULL) {
		snprintf(path, sizeof path, "%s/%s", directory, name);
		if (holds_something(path))
			return strdup(path);
	}
	snprintf(path, sizeof path, "/etc/%s", name);
	return access(path, F_OK) == 0 ? strdup(path) : NULL;
}
