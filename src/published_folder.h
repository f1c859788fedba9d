/*
 * What published_write.c, published_access.c, published_load.c, published_seal.c and published_beat.c share: the folder while
 * it is open.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_PUBLISHED_FOLDER_H
#define NSS_NOMAD_PUBLISHED_FOLDER_H

#include "place.h"
#include "published_write.h"
#include "scope.h"

#include <sys/stat.h>
#include <sys/types.h>

struct published_folder {
	char dir[PLACE_FOLDER_MAX];
	int root;     /* descriptor of the folder itself */
	int lock;     /* of its lock, held */
	int services; /* of the folder of services */
	struct published_access access; /* of services and what is below */
	dev_t device; /* which folder was opened */
	ino_t inode;
	char kept[NAME_LABEL_MAX + 1]; /* the default namespace, whose folder stays when it is empty; "" for none */
	bool sealed;        /* published_seal() was called: directories that are made from now on are sealed by `scope` */
	struct scope scope; /* the namespaces that it said are followed */
};

enum { FOLDER_MODE = 0755 }; /* of the folder itself */

/*
 * Records are written here before they are renamed to their place: below services/, so that they may be renamed wherever
 * that is mounted, and in a directory of its own, so that no seal is broken meanwhile. No label has a dot.
 */
#define PUBLISHED_DRAFTS ".drafts"
#define PUBLISHED_DRAFT PUBLISHED_DRAFTS "/.new"

/* The same beside a file of the folder itself, and for links. */
#define PUBLISHED_TEMPORARY ".new"

/* Writes `reason`, and returns `error`. */
int published_fail(char reason[PUBLISHED_REASON_MAX], int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for what a system call said about a file of the folder (errno); returns it, negative. */
int published_fail_errno(const struct published_folder *folder, char reason[PUBLISHED_REASON_MAX], const char *doing,
                         const char *name);

/*
 * published_folder.c: whether the directory is the daemon's alone: 0, or -EPERM and a reason, which wants no directory that holds
 * other things to be given to the daemon.
 */
int published_check_owner(const char *dir, const struct stat *status, char reason[PUBLISHED_REASON_MAX]);

/* Bytes for a file, and who may read it. */
struct published_bytes {
	const void *bytes;
	size_t size;
	struct published_access access;
};

/* Writes a file under another name and renames it to `path`: 0, or -1 and errno. */
int published_replace(int at, const char *temporary, const char *path, const struct published_bytes *bytes);

/* published_access.c */

/* Makes a directory below services/ for those who may read: 0, or -1 and errno (EEXIST too). */
int published_make_folder(const struct published_folder *folder, const char *name);

/* Gives services/ and what lies below it the mode and the group where they differ: 0, or a negative errno and a reason. */
int published_set_access(const struct published_folder *folder, char reason[PUBLISHED_REASON_MAX]);

/* published_seal.c */

/* Whether the directory of a namespace, or services/ itself with ".", is sealed. */
bool published_is_sealed(const struct published_folder *folder, const char *name);

/* Seals it again after a change of our own, where it was sealed before that: what was changed by others stays unsealed. */
void published_reseal(const struct published_folder *folder, const char *name, bool was_sealed);

/* Makes a namespace's directory, sealed where it is followed and services/ is sealed: 0, or -1 and errno (EEXIST too). */
int published_make_namespace(const struct published_folder *folder, const char *name);

/* Removes a file, or an empty folder in its place. */
void published_clear(int at, const char *name);

/* Removes a namespace's folder with all that is in it. */
void published_remove_namespace(struct published_folder *folder, const char *name);

/* Removes a namespace's folder if nothing is left in it, unless it is the default one's or followed by name: those stay. */
void published_drop_empty(const struct published_folder *folder, const char *name);

#endif
