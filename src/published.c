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

#define TEXT(text) {text, sizeof text - 1}
const struct published_text published_texts[PUBLISHED_STATES] = {
	[PUBLISHED_NOT_CURRENT] = TEXT("layout 1: not current\n"),
	[PUBLISHED_SOME] = TEXT("layout 1: current, of some namespaces\n"),
	[PUBLISHED_ALL] = TEXT("layout 1: current, of all namespaces\n"),
};
#undef TEXT

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
static enum published_state look_at_heartbeat(const char *dir, uid_t *owner)
{
	struct stat status;

	if (stat_heartbeat(dir, &status) < 0 || !is_trustworthy(&status))
		return PUBLISHED_DEAD;
	int64_t age = wall_age(&status);
	*owner = status.st_uid;
	if (age < 0 || age >= PUBLISHED_DEAD_AFTER * 1000)
		return PUBLISHED_DEAD;
	for (int state = PUBLISHED_NOT_CURRENT; state < PUBLISHED_STATES; state++)
		if ((size_t)status.st_size == published_texts[state].size)
			return (enum published_state)state;
	return PUBLISHED_DEAD;
}

enum published_state published_heartbeat(const char *dir)
{
	uid_t owner;

	return look_at_heartbeat(dir, &owner);
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

/* Where a service's file lies below the daemon's directory. */
struct way {
	char below[PLACE_MAX - PLACE_FOLDER_MAX]; /* services/NAMESPACE/SERVICE */
	char *service;   /* in `below`: the directory's path stands before it */
	bool is_aliased; /* through the link `service` */
};

/* False where a link leads anywhere else than the daemon's do. */
static bool find_way(const char *dir, const struct name *name, struct way *way)
{
	char *end = stpcpy(way->below, PUBLISHED_SERVICES "/"), *alias = end;

	if (name->aliased)
		end = add_folder(dir, PLACE_SERVICE_LABEL, way->below, end);
	way->is_aliased = name->aliased && end == alias;
	if (end != NULL)
		end = add_folder(dir, name->key.namespace, way->below, end);
	if (end == NULL)
		return false;
	way->service = end;
	text_lower(name->key.service, end);
	return true;
}

/* What a directory of the daemon's tells. */
enum seal { SEAL_MISSING, SEAL_BROKEN, SEAL_WHOLE };

/* Looks at the directory of the first `length` octets of `below`; its slash at the end counts. */
__attribute__((noinline)) static enum seal look_at_seal(const char *dir, const char *below, size_t length)
{
	char path[PLACE_MAX];
	struct stat status;

	char *end = stpcpy(stpcpy(path, dir), "/");
	memcpy(end, below, length - 1);
	end[length - 1] = '\0';
	if (lstat(path, &status) < 0)
		return errno == ENOENT || errno == ENOTDIR ? SEAL_MISSING : SEAL_BROKEN;
	if (!S_ISDIR(status.st_mode))
		return SEAL_MISSING;
	return status.st_mtim.tv_sec == PUBLISHED_SEAL && status.st_mtim.tv_nsec == 0 ? SEAL_WHOLE : SEAL_BROKEN;
}

static enum seal look_at_namespace(const char *dir, const struct way *way)
{
	return look_at_seal(dir, way->below, (size_t)(way->service - way->below));
}

/* Whether there is a namespace of the service's name. */
__attribute__((noinline)) static bool has_namespace(const char *dir, const struct name *name)
{
	char path[PLACE_MAX];
	struct stat status;

	text_lower(name->key.service, stpcpy(stpcpy(path, dir), "/" PUBLISHED_SERVICES "/"));
	return lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/*
 * The namespace has no directory: it has no service, if the daemon follows all of them. A name that was read with an alias
 * that is off has no file whatever there is; its other reading tells.
 */
static bool is_empty_namespace(const char *dir, const struct name *name, const struct way *way,
                               enum published_state state)
{
	if (look_at_seal(dir, way->below, sizeof PUBLISHED_SERVICES) != SEAL_WHOLE)
		return false;
	return state == PUBLISHED_ALL || (name->aliased && !way->is_aliased);
}

/*
 * There is no such file, which is an answer where all files of the namespace are there. A name of one label may be a
 * namespace's too: then it exists and is empty, and whether it does is known where all are followed.
 */
static enum verdict judge_missing(const char *dir, const struct name *name, const struct way *way,
                                  enum published_state state)
{
	if (state < PUBLISHED_SOME)
		return VERDICT_UNKNOWN;
	enum seal seal = look_at_namespace(dir, way);
	if (seal == SEAL_BROKEN || (seal == SEAL_MISSING && !is_empty_namespace(dir, name, way, state)))
		return VERDICT_UNKNOWN;
	if (!name->bare || name->aliased || name->is_other)
		return VERDICT_NO_NAME;
	return state != PUBLISHED_ALL || has_namespace(dir, name) ? VERDICT_NO_DATA : VERDICT_NO_NAME;
}

__attribute__((noinline)) bool published_is_whole(const char *dir, const struct name *name, enum published_state state)
{
	struct way way;

	return state >= PUBLISHED_SOME && find_way(dir, name, &way) && look_at_namespace(dir, &way) == SEAL_WHOLE;
}

/*
 * Opens a service's file: a descriptor; or -1 and the verdict. Whatever the daemon's user has made of the directories,
 * nothing outside of them is opened. The path leaves the stack before the file is read.
 */
__attribute__((noinline)) static int open_service(const char *dir, const struct name *name, enum published_state state,
                                                  enum verdict *verdict)
{
	struct way way;

	*verdict = VERDICT_UNKNOWN;
	if (!find_way(dir, name, &way))
		return -1;
	int descriptor = beneath_open(dir, way.below);
	if (descriptor == -ENOENT || descriptor == -ENOTDIR)
		*verdict = judge_missing(dir, name, &way, state);
	return descriptor < 0 ? -1 : descriptor;
}

__attribute__((noinline)) enum published_namespace published_find_namespace(const char *dir, const struct name *name,
                                                                            enum published_state state)
{
	struct way way;

	if (!find_way(dir, name, &way))
		return PUBLISHED_NAMESPACE_UNKNOWN;
	/* The link `service` stands for no namespace, but no name of that form gives one then. */
	enum seal seal = look_at_namespace(dir, &way);
	if (seal != SEAL_MISSING)
		return seal == SEAL_WHOLE ? PUBLISHED_NAMESPACE_THERE : PUBLISHED_NAMESPACE_UNKNOWN;
	if (state < PUBLISHED_SOME)
		return PUBLISHED_NAMESPACE_UNFOLLOWED;
	if (is_empty_namespace(dir, name, &way, state))
		return PUBLISHED_NAMESPACE_NONE;
	return look_at_seal(dir, way.below, sizeof PUBLISHED_SERVICES) == SEAL_WHOLE ? PUBLISHED_NAMESPACE_UNFOLLOWED
	                                                                           : PUBLISHED_NAMESPACE_UNKNOWN;
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

enum verdict published_find(const char *dir, const struct name *name, struct record *record,
                            enum published_state *state)
{
	enum verdict verdict;
	uid_t owner;

	*state = look_at_heartbeat(dir, &owner);
	if (*state == PUBLISHED_DEAD)
		return VERDICT_UNKNOWN;
	int descriptor = open_service(dir, name, *state, &verdict);
	if (descriptor < 0)
		return verdict;

	struct record found = {0};
	verdict = read_record(descriptor, owner, name, &found);
	close(descriptor);
	if (verdict == VERDICT_FOUND && (found.verdict == VERDICT_NO_DATA || found.verdict == VERDICT_NO_NAME))
		return VERDICT_UNKNOWN; /* there is no file for what there is not */
	if (verdict == VERDICT_FOUND)
		*record = found;
	return verdict;
}
