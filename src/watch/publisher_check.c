/*
 * Noticing what others do to the published files; see publisher_part.h. Called by publisher.c with each heartbeat.
 *
 * A seal tells at once (published_seal.c), but for what happens between the look at it and the sealing after a change of
 * the daemon's own: that shows when the turn of the file comes. A file takes one fstatat(): 167 of 10,000 in a second.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watch/publisher_part.h"

#include "published.h"

#include <stdio.h>
#include <syslog.h>

struct looking {
	const struct published_folder *folder;
	bool missing;
};

static void look(void *context, const struct service_key *key, const struct service *service)
{
	struct looking *looking = context;

	(void)service;
	looking->missing = looking->missing || !published_has(looking->folder, key);
}

/* Whether a file is missing in the part whose turn it is. */
static bool is_incomplete(struct publisher *publisher, const struct shelf *shelf)
{
	struct looking looking = {shelf->folder, false};

	catalogue_each_part(publisher->catalogue, publisher->beat++ % PUBLISHER_LOOK_WITHIN, PUBLISHER_LOOK_WITHIN, look, &looking);
	return looking.missing;
}

void publisher_check(struct publisher *publisher, struct shelf *shelf)
{
	char text[PUBLISHED_REASON_MAX];

	if (shelf->folder == NULL || shelf->wrong)
		return;
	if (published_check_seals(shelf->folder) == 0 && !is_incomplete(publisher, shelf))
		return;
	snprintf(text, sizeof text, "something in %s/" PUBLISHED_SERVICES " was added or removed by another program; what is "
	         "missing is written again", shelf->dir);
	publisher->say(publisher->context, LOG_WARNING, text);
	shelf->wrong = true;
}
