/*
 * Which services there are: from the files that the daemon publishes, else from Nomad's list. What --list prints, what a
 * misspelled name is compared with, and what is searched for an address. Called by nomad-lookup's parts.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_TOOL_DIRECTORY_H
#define NSS_NOMAD_TOOL_DIRECTORY_H

#include "tool/ask.h"

struct directory {
	bool published;            /* it is the daemon's, and current */
	size_t count;
	struct service_key *items; /* in lower case, by namespace and service, each once */
};

/*
 * Reads the names of all services that a name can ask for.
 *
 * ask        whom to ask, and where files lie; its report says why where nothing could be read
 * namespace  the only one that is wanted, in any case; NULL: all
 * directory  on success released with directory_done(); otherwise untouched
 *
 * 0, -EAGAIN where nobody could say, or -ENOMEM. At most two requests, within the configured timeout.
 */
int directory_read(struct ask *ask, const char *namespace, struct directory *directory);

/* Releases the items. Accepts zeroes. */
void directory_done(struct directory *directory);

/* Writes the full name, SERVICE.NAMESPACE.nomad, of an item; `text` has room for NAME_TEXT_MAX + 1 bytes. */
void directory_name(const struct service_key *item, char *text);

#endif
