/*
 * Reading the daemon's files; see published.h. Called by lookup.c, first of its steps.
 *
 * SPDX-License-Identifier: MIT
 */
#include "published.h"

#include "beneath.h"
#include "place.h"
#include "text.h"
#include "wall.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether nobody but the owner may write the file, and it is one. */
static bool is_trustworthy(const struct stat *status)
{
	return S_ISREG(status->st_mode) && (status->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int stat_heartbeat(const char *dir, struct stat *status)
{
	char path[PLACE_MAX];

	stpcpy(stpcpy(path, dir), "/" PUBLISHED_ALIVE);
	return lstat(path, status) < 0 ? -errno : 0;
}

int64_t published_heartbeat_age(const char *dir)
{
	struct stat status;
	int result = stat_heartbeat(dir, &status);

	return result < 0 ? result - 1 : wall_age(&status);
}

/* The daemon's user owns the heartbeat; only root could have made the folder for it below /run. */
static bool is_alive(const char *dir, uid_t *owner)
{
	struct stat status;

	if (stat_heartbeat(dir, &status) < 0 || !is_trustworthy(&status))
		return false;
	int64_t age = wall_age(&status);
	*owner = status.st_uid;
	return age >= 0 && age < PUBLISHED_DEAD_AFTER * 1000;
}

/*
 * Appends the directory that a label leads to, and a slash: itself, unless it is one of the two links that the daemon
 * makes. Those are read instead of followed, and believed where they are what the daemon writes: `.`, or a label.
 * NULL where one is anything else.
 */
static char *add_folder(const char *dir, const char *label, char *below, char *end)
{
	char path[PLACE_MAX], target[NAME_LABEL_MAX + 1];

	text_lower(label, end);
	if (strcmp(end, NAME_DEFAULT_NAMESPACE) != 0 && strcmp(end, PLACE_SERVICE_LABEL) != 0)
		return stpcpy(end + strlen(end), "/");
	stpcpy(stpcpy(stpcpy(path, dir), "/"), below);
	ssize_t size = readlink(path, target, sizeof target);
	if (size < 0)
		return stpcpy(end + strlen(end), "/"); /* no link: a namespace of that name, or there is none */
	if (size == sizeof target)
		return NULL;
	target[size] = '\0';
	if (strcmp(target, ".") == 0)
		return end;
	return name_is_label(target) ? stpcpy(stpcpy(end, target), "/") : NULL;
}

/*
 * Opens a service's file; a descriptor or a negative errno. Whatever the daemon's user has made of the folders, nothing
 * outside of them is opened. The path leaves the stack before the file is read.
 */
__attribute__((noinline)) static int open_service(const char *dir, const struct name *name)
{
	char below[PLACE_MAX - PLACE_FOLDER_MAX], *end = stpcpy(below, PUBLISHED_SERVICES "/");

	if (name->aliased)
		end = add_folder(dir, PLACE_SERVICE_LABEL, below, end);
	if (end != NULL)
		end = add_folder(dir, name->key.namespace, below, end);
	if (end == NULL)
		return -ELOOP;
	text_lower(name->key.service, end);
	return beneath_open(dir, below);
}

/*
 * No such file. A name of one label may be a namespace's; then it exists and is empty. An aliased one is found in its
 * other reading. Of every other name that proves nothing unless the folder of all services is there, half removed as
 * the daemon's may be; one call more for this, which a name of one label has not left.
 */
__attribute__((noinline)) static enum verdict find_namespace(const char *dir, const struct name *name)
{
	char path[PLACE_MAX];
	struct stat status;

	char *end = stpcpy(stpcpy(path, dir), "/" PUBLISHED_SERVICES "/");
	bool of_one_label = name_in_default_namespace(&name->key) && !name->aliased;
	if (of_one_label)
		text_lower(name->key.service, end);
	if (lstat(path, &status) < 0)
		return errno == ENOENT && of_one_label ? VERDICT_NO_NAME : VERDICT_UNKNOWN;
	return S_ISDIR(status.st_mode) && of_one_label ? VERDICT_NO_DATA : VERDICT_NO_NAME;
}

/* What an open file says: FOUND and the record, or UNKNOWN. */
static enum verdict read_record(int descriptor, uid_t owner, const struct name *name, struct record *record)
{
	struct stat status;

	if (fstat(descriptor, &status) < 0)
		return VERDICT_UNKNOWN;
	/* Read as a namespace, `service` may be the link to the folder itself, where namespaces stand for files. */
	if (S_ISDIR(status.st_mode) && text_same(name->key.namespace, PLACE_SERVICE_LABEL))
		return name->select == SELECT_ALL || name->select == SELECT_NOTHING ? VERDICT_NO_DATA : VERDICT_NO_NAME;
	if (!is_trustworthy(&status) || (status.st_uid != owner && status.st_uid != 0))
		return VERDICT_UNKNOWN;
	if (record_read(descriptor, name, record) < 0)
		return VERDICT_UNKNOWN;
	return VERDICT_FOUND;
}

enum verdict published_find(const char *dir, const struct name *name, struct record *record)
{
	uid_t owner;

	if (!is_alive(dir, &owner))
		return VERDICT_UNKNOWN;
	int descriptor = open_service(dir, name);
	if (descriptor < 0)
		return descriptor == -ENOENT || descriptor == -ENOTDIR ? find_namespace(dir, name) : VERDICT_UNKNOWN;

	struct record found = {0};
	enum verdict verdict = read_record(descriptor, owner, name, &found);
	close(descriptor);
	if (verdict == VERDICT_FOUND && (found.verdict == VERDICT_NO_DATA || found.verdict == VERDICT_NO_NAME))
		return VERDICT_UNKNOWN; /* there is no file for what there is not */
	if (verdict == VERDICT_FOUND)
		*record = found;
	return verdict;
}
