/*
 * The daemon's files: DIR/alive, the heartbeat, and DIR/services/NAMESPACE/SERVICE, a record for every
 * service there is. This is the read side, called by lookup.c; the write side is published_write.c.
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

enum { PUBLISHED_DEAD_AFTER = 5 }; /* seconds; the daemon touches the heartbeat every second */

/*
 * Finds what a name asks for among the files that the daemon publishes.
 *
 * dir      the daemon's folder, shorter than PLACE_FOLDER_MAX - 16; not kept
 * name     of kind NAME_SERVICE; not kept
 * record   on FOUND what record_read() read, released with record_done(); otherwise untouched. Its own verdict is FOUND
 *          or UNKNOWN: there is such a service, and where it is the daemon cannot tell
 *
 * FOUND, NO_DATA (the name is a namespace's) and NO_NAME are final: the daemon is alive.
 * UNKNOWN: no heartbeat, one over PUBLISHED_DEAD_AFTER seconds old or from the future, a wrong owner or mode, a
 * damaged record, no memory. The caller takes its next step and never says "no such name".
 *
 * Five system calls for a hit, two or three for a miss, one without daemon, one more for each of the links `_` and
 * `service` that the name goes through; where openat2() is not allowed, seven more. No other link below `dir` is followed,
 * for what it leads to would be opened with the reader's rights. Nothing stays open. Any thread. Changes errno.
 */
enum verdict published_find(const char *dir, const struct name *name, struct record *record);

/* Milliseconds since the heartbeat's last beat, -1 where it is from the future, -errno - 1 where there is none. */
int64_t published_heartbeat_age(const char *dir);

#endif
