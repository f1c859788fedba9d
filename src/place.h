/*
 * Where a service's record lies below a folder: NAMESPACE/SERVICE in lower case. One rule for the daemon's
 * published files and the user's cache, used by published.c and cache.c on both their sides.
 *
 * Two settings are links in the folder instead of configuration that the module would have to read:
 * `_` leads to the default namespace, and `service` to the folder itself unless `service-label` is off.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_PLACE_H
#define NSS_NOMAD_PLACE_H

#include "name.h"

#define PLACE_SERVICE_LABEL "service"

enum {
	PLACE_FOLDER_MAX = 128,                                   /* octets, with the NUL, of a folder's path */
	PLACE_SUFFIX_MAX = 32,                                    /* octets, with the NUL, of what follows a record's path */
	PLACE_MAX = PLACE_FOLDER_MAX + 2 * (NAME_LABEL_MAX + 1) + 16 + PLACE_SUFFIX_MAX, /* of a record's path with it */
};

/* The flags with which a record is opened: whatever lies there, opening it neither waits nor follows. */
#define PLACE_OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

/*
 * Writes FOLDER/NAMESPACE/SERVICE followed by `suffix` to `path`, which has room for PLACE_MAX. `folder` is
 * shorter than PLACE_FOLDER_MAX, ends in a slash or is empty; `suffix` is shorter than PLACE_SUFFIX_MAX. An aliased name
 * goes through the link `service`. The end of what was written, as stpcpy().
 */
char *place_of(const char *folder, const struct name *name, const char *suffix, char *path);

#endif
