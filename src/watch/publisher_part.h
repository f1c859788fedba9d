/*
 * What publisher.c and publisher_check.c (what others do to the files) share.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_PUBLISHER_PART_H
#define NSS_NOMAD_PUBLISHER_PART_H

#include "watch/publisher.h"

/* One of the two folders. */
struct shelf {
	char *dir; /* NULL: not wanted */
	struct published_folder *folder; /* NULL: not open */
	bool wrong;                      /* not all of the catalogue is in it, or more than that */
	char reason[PUBLISHED_REASON_MAX];
	int said; /* the error that was said, 0 where all is well */
	int file_said; /* the same of files that are no records */
};

enum { PUBLISHED, STATE, SHELVES };

struct publisher {
	const struct catalogue *catalogue;
	publisher_say say;
	void *context;
	char *default_namespace;
	enum name_reading reading;
	struct published_access access;
	uint32_t ttl;
	uint32_t max_stale;
	struct shelf shelves[SHELVES];
	struct scope scope;
	bool beating;
	unsigned int beat; /* counted, for the part of the files that is looked at */
};

/*
 * Looks for what others have done to a folder that is open and believed to be right: at the seals, and at whether a part of
 * the files is there, so that each one's turn comes within PUBLISHER_LOOK_WITHIN calls. What is found is said, and the
 * folder is wrong then.
 */
void publisher_check(struct publisher *publisher, struct shelf *shelf);

#endif
