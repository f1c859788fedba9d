/*
 * The daemon's files, the side that writes: DIR/alive and DIR/services/NAMESPACE/SERVICE (published.h reads them).
 * Called by watch/publisher.c alone; the module links none of it.
 *
 * A record is written under another name and renamed, so that a reader sees the old one or the new one. One daemon at
 * a time has the folder (flock on DIR/lock). Beside the services stand two links: `_` leads to the default namespace,
 * `service` to the folder itself (place.h). The umask is to leave 0644 and 0755 as they are.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_PUBLISHED_WRITE_H
#define NSS_NOMAD_PUBLISHED_WRITE_H

#include "published.h"
#include "record.h"
#include "scope.h"

#include <stddef.h>
#include <sys/types.h>

#define PUBLISHED_LOCK "lock"

enum { PUBLISHED_REASON_MAX = 512 }; /* octets with the NUL, of a message to a person */

struct published_folder;

/* Whose the services are to read: files with the mode, directories that may be searched by as many. */
struct published_access {
	mode_t mode; /* of files; no bit but those of 0644, and those of 0600 */
	gid_t group; /* (gid_t)-1: the process's */
};

#define PUBLISHED_FOR_ALL {0644, (gid_t)-1}

/* How a folder is laid out. */
struct published_layout {
	const char *dir;               /* shorter than PLACE_FOLDER_MAX - 16; made where it is missing, not its parent */
	const char *default_namespace; /* where the link `_` leads */
	enum name_reading reading;     /* NAME_SERVICE_LABEL: there is a link `service`, and no such namespace */
	struct published_access access; /* of services/ and what is below; only published_open() looks at it */
};

/*
 * Opens and locks a folder, makes what is missing in it, removes what a killed daemon left half written, gives what lies there
 * the mode and group of the layout.
 *
 * layout  not kept
 * folder  on success to be closed with published_close(); otherwise untouched
 * reason  on failure one sentence for a person: what is wrong with what, and what to do
 *
 * 0; -EBUSY where another daemon has it; -EPERM where it is not ours, others may write it, or the group is not ours to give;
 * -ENOMEM; or what the
 * system said. Changes errno.
 */
int published_open(const struct published_layout *layout, struct published_folder **folder,
                   char reason[PUBLISHED_REASON_MAX]);

/* Gives the folder up; what lies in it stays. Accepts NULL. */
void published_close(struct published_folder *folder);

/*
 * Makes what is to lie beside the namespaces: both links, the folder of the default namespace, that of records which are
 * being written; for a configuration that has changed, and where somebody may have removed it. 0 or a negative errno and a
 * reason.
 */
int published_set_links(struct published_folder *folder, const struct published_layout *layout,
                        char reason[PUBLISHED_REASON_MAX]);

/*
 * Writes a service's record, unless the same bytes lie there (the time at which it was made apart).
 *
 * record  its key's namespace is never the default one
 *
 * 0, or a negative errno and a reason; then the old record stands, or none. Changes errno.
 */
int published_store(struct published_folder *folder, const struct record *record,
                    char reason[PUBLISHED_REASON_MAX]);

/*
 * Removes a service's record, and its namespace's folder with the last one, unless it is the default one's or followed by
 * name. 0, also where there is none; as above.
 */
int published_remove(struct published_folder *folder, const struct service_key *key,
                     char reason[PUBLISHED_REASON_MAX]);

/* Whether a service has a file where its record belongs: one system call, which reads nothing of it. Changes errno. */
bool published_has(const struct published_folder *folder, const struct service_key *key);

/*
 * Replaces a file of the folder itself, such as status.json. `name` has at most 32 octets and no slash. As above.
 */
int published_store_file(struct published_folder *folder, const char *name, const void *bytes, size_t size,
                         char reason[PUBLISHED_REASON_MAX]);

/*
 * Seals the directories of the namespaces that are followed, and services/ itself: all that should be there is. Makes those
 * that are followed by name, breaks the seal of all others. Directories that are made later follow the same scope.
 *
 * scope  copied
 *
 * 0, or a negative errno and a reason. Changes errno.
 */
int published_seal(struct published_folder *folder, const struct scope *scope, char reason[PUBLISHED_REASON_MAX]);

/*
 * Whether all that was sealed is so still: 0; -ESTALE where others have added or removed something, or what the system
 * said. 0 also before the first published_seal(). A system call for each namespace, and three. Changes errno.
 */
int published_check_seals(const struct published_folder *folder);

/*
 * Touches the heartbeat, or writes it anew where it said something else, if the folder that is open is still the one at
 * its path, and ours: -ESTALE where it, or its lock, was deleted or replaced, -EPERM where it is somebody else's, or what
 * the system said, and a reason. Readers that find a heartbeat believe the files, so it is the caller's to beat only while
 * they are right.
 *
 * state  any but PUBLISHED_DEAD
 */
int published_beat(struct published_folder *folder, enum published_state state, char reason[PUBLISHED_REASON_MAX]);

/* Removes the heartbeat: readers turn to their next step at once. */
void published_stop(struct published_folder *folder);

/*
 * Reads every record that lies there, for a start without Nomad. What is no file of ours is removed.
 *
 * visit  gets each record, which is released after it returns; one that is damaged, or cannot be read, as UNKNOWN. 0, or
 *        a negative errno, which ends it
 *
 * 0, or a negative errno: then there may be others. Changes errno.
 */
int published_load(struct published_folder *folder, int (*visit)(void *context, const struct record *record),
                   void *context);

/* Calls `visit` with the place of every record, unread; it may remove that one. 0 or a negative errno. */
int published_list(struct published_folder *folder, void (*visit)(void *context, const struct service_key *key),
                   void *context);

#endif
