/*
 * The daemon's files: DIR/alive, the heartbeat, and DIR/services/NAMESPACE/SERVICE, a record for every
 * service there is. This is the read side, called by lookup.c; the write side is published_write.c.
 *
 * A record that is there is an answer while the daemon lives. That none is there is one only where three things are seen:
 * the heartbeat says that the catalogue is current; the namespace is followed; and nothing but the daemon has changed the
 * directory. The last two are in the directory's time of change: the daemon seals a directory, sets that time to
 * PUBLISHED_SEAL, when it holds all that it should; what anybody else adds or removes there breaks the seal.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_PUBLISHED_H
#define NSS_NOMAD_PUBLISHED_H

#include "record.h"

#include <stdint.h>

#define PUBLISHED_DIR "/run/nomad-dns-srv"
#define PUBLISHED_ALIVE "alive"
#define PUBLISHED_SERVICES "services"
#define PUBLISHED_FOLLOWS "follows" /* what the daemon follows, for environment.c: "address URL" and "region NAME", a line each */

enum {
	PUBLISHED_DEAD_AFTER = 5,    /* seconds; the daemon touches the heartbeat every second */
	PUBLISHED_SEAL = 31536000, /* seconds since 1970: its end, a moment that no clock of a running daemon shows */
};

/* What the heartbeat says. */
enum published_state {
	PUBLISHED_DEAD,        /* there is none, it is old, from the future, or of a layout that this reader does not know */
	PUBLISHED_NOT_CURRENT, /* what is there answers; of what is not there nobody can tell */
	PUBLISHED_SOME,        /* current; of namespaces without a sealed directory nobody can tell */
	PUBLISHED_ALL,         /* current; a namespace without a directory has no service, or does not exist */
	PUBLISHED_STATES,
};

/*
 * The heartbeat's text by state, for a person. A reader goes by its size, which one lstat() tells, so that each state has a
 * size of its own. A later layout takes sizes that are not among these: to readers that do not know it it is dead.
 */
struct published_text {
	const char *text; /* NULL: there is no file */
	size_t size;
};
extern const struct published_text published_texts[PUBLISHED_STATES];

/*
 * Finds what a name asks for among the files that the daemon publishes.
 *
 * dir      the daemon's folder, shorter than PLACE_FOLDER_MAX - 16; not kept
 * name     of kind NAME_SERVICE; not kept
 * record   on FOUND what record_read() read, released with record_done(); otherwise untouched. Its own verdict is FOUND
 *          or UNKNOWN: there is such a service, and where it is the daemon cannot tell
 * state    what the heartbeat said
 *
 * FOUND, NO_DATA (the name is a namespace's) and NO_NAME are final.
 * UNKNOWN: no heartbeat, one over PUBLISHED_DEAD_AFTER seconds old or from the future, a wrong owner or mode, a
 * damaged record, no memory; or there is no such record, and that proves nothing. The caller takes its next step and
 * never says "no such name".
 *
 * Five system calls for a hit, three for a miss, two for what a daemon that is not current does not have, one
 * without daemon; one more for each of the links `_` and `service` that the name goes through, for a miss in a namespace without a
 * directory, and for a miss that may be a namespace's name; where openat2() is not allowed, seven more. No other link below
 * `dir` is followed, for what it leads to would be opened with the reader's rights. Nothing stays open. Any thread. Changes
 * errno.
 */
enum verdict published_find(const char *dir, const struct name *name, struct record *record,
                            enum published_state *state);

/*
 * Whether what a record that was found does not hold (an instance that a selector asks for) is not there either.
 *
 * state  what published_find() set
 *
 * One system call, none unless it is current. Any thread. Changes errno.
 */
bool published_is_whole(const char *dir, const struct name *name, enum published_state state);

/* What is known of a namespace. */
enum published_namespace {
	PUBLISHED_NAMESPACE_UNKNOWN,    /* somebody else has changed the directories, or they cannot be read */
	PUBLISHED_NAMESPACE_NONE,       /* none of its services is there */
	PUBLISHED_NAMESPACE_THERE,      /* it has a directory, sealed */
	PUBLISHED_NAMESPACE_UNFOLLOWED, /* it has none, and may be there all the same: not followed, or the daemon not current */
};

/*
 * Whether there is the namespace that a name gives. To be asked where published_find() has not found its service; in
 * between it may have come or gone.
 *
 * state  what published_find() set
 *
 * Three system calls at most, two more for the links. Any thread. Changes errno.
 */
enum published_namespace published_find_namespace(const char *dir, const struct name *name, enum published_state state);

/* Milliseconds since the heartbeat's last beat, -1 where it is from the future, -errno - 1 where there is none. */
int64_t published_heartbeat_age(const char *dir);

/* What the heartbeat says now. Any thread. Changes errno. */
enum published_state published_heartbeat(const char *dir);

#endif
