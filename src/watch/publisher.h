/*
 * Keeps the published files equal to the catalogue, beats while they are, and repairs them when they could not be
 * written for a while. A second folder, without heartbeat, keeps the same across a reboot. Called by
 * watch/daemon.c, in the daemon's one thread.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_PUBLISHER_H
#define NSS_NOMAD_PUBLISHER_H

#include "config.h"
#include "published_write.h"
#include "watch/catalogue.h"

/* Calls of publisher_beat(), about seconds, within which it looks at every file once. */
enum { PUBLISHER_LOOK_WITHIN = 60 };

struct publisher;

/* Says something to a person; `priority` is syslog's. */
typedef void (*publisher_say)(void *context, int priority, const char *text);

/*
 * A publisher of a catalogue, which outlives it; opens its folders. One that cannot be used is said, and tried again
 * with every publisher_beat().
 *
 * config  not kept
 * reason  on failure what is wrong
 *
 * 0; -EBUSY where another daemon has the folder, -ENAMETOOLONG, -ENOENT where there is no such group,
 * -ENOMEM. Released with publisher_free().
 */
int publisher_new(const struct config *config, const struct catalogue *catalogue, publisher_say say, void *context,
                  struct publisher **publisher, char reason[PUBLISHED_REASON_MAX]);
void publisher_free(struct publisher *publisher);

/* Takes over what has changed in a configuration; records that differ by it are written again. */
void publisher_configure(struct publisher *publisher, const struct config *config);

/*
 * Calls `visit` with every record of the published folder or, where there is none in it, of the state folder. To be
 * followed by publisher_write_all(), where it gave 0. A negative errno, of `visit` or of its own: there may be others.
 */
int publisher_load(struct publisher *publisher, int (*visit)(void *context, const struct record *record), void *context);

/* Writes what differs, and removes what is not in the catalogue. */
void publisher_write_all(struct publisher *publisher);

/* Writes or removes (NULL) one service. */
void publisher_put(struct publisher *publisher, const struct service_key *key, const struct service *service);

/*
 * Takes over which namespaces are followed, by the next publisher_beat(). Before the first time none is: what is not there
 * is nothing that readers can tell of. Copied; without memory it is as if it had not been called, and -ENOMEM.
 */
int publisher_set_scope(struct publisher *publisher, const struct scope *scope);

/*
 * To be called every second, and when the state is another one: tries again what has failed, and makes again what others
 * have removed, once the catalogue may be believed. Before, what lies in the directories may be all that is known. What is
 * removed is noticed with the next call, or within PUBLISHER_LOOK_WITHIN where that fell together with a change of our own.
 *
 * state  how far the catalogue may be believed; the heartbeat says so if the files are as it is, and is removed otherwise
 */
void publisher_beat(struct publisher *publisher, enum published_state state);

/* Removes the heartbeat: the daemon ends. */
void publisher_stop(struct publisher *publisher);

/* Replaces DIR/NAME, and the same in the state folder. A failure is said, and does nothing to the records. */
void publisher_put_file(struct publisher *publisher, const char *name, const void *bytes, size_t size);

/* Why the files cannot be written now; NULL where they can. */
const char *publisher_error(const struct publisher *publisher);

#endif
