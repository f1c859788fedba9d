/*
 * What published_write.c and published_load.c share: the folder while it is open.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_PUBLISHED_FOLDER_H
#define NSS_NOMAD_PUBLISHED_FOLDER_H

#include "place.h"
#include "published_write.h"

#include <sys/types.h>

struct published_folder {
	char dir[PLACE_FOLDER_MAX];
	int root;     /* descriptor of the folder itself */
	int lock;     /* of its lock, held */
	int services; /* of the folder of services */
	dev_t device; /* which folder was opened */
	ino_t inode;
	char kept[NAME_LABEL_MAX + 1]; /* the default namespace, whose folder stays when it is empty; "" for none */
};

/* Removes a file, or an empty folder in its place. */
void published_clear(int at, const char *name);

/* Removes a namespace's folder with all that is in it. */
void published_remove_namespace(struct published_folder *folder, const char *name);

/* Removes a namespace's folder if nothing is left in it, unless it is the default one's: that exists, empty or not. */
void published_drop_empty(const struct published_folder *folder, const char *name);

#endif
