/*
 * Keeping the user's cache within bounds; see cache_prune() in cache_write.h. Called by cache_store() now and then.
 *
 * A record's modification time is the end of its usefulness; a lock, a failure and a left-over temporary file are
 * of no use a minute after they were made.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cache_write.h"
#include "lock.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	DEPTH_MAX = 3,          /* the folder of all, the user's of a network, a namespace */
	LITTER_AGE = 60,        /* seconds */
	EXPECTED = 256,         /* records for which there is room at first */
};

/* A record that stays, if there are not too many. */
struct kept {
	int64_t until; /* seconds since 1970 */
	char *path;    /* in the user's folder */
};

struct pruning {
	int folder;         /* the one that the user's are in, one for each network */
	uid_t user;
	const char *prefix; /* of their names */
	size_t prefix_length;
	int64_t now;
	struct kept *kept;
	size_t count, room;
};

static bool ends_in(const char *name, const char *suffix)
{
	size_t length = strlen(name), size = strlen(suffix);

	return length >= size && strcmp(name + length - size, suffix) == 0;
}

/* What stands beside the records: names with a dot. */
static bool is_litter(const char *name)
{
	return ends_in(name, CACHE_LOCK) || ends_in(name, CACHE_FAILED) || ends_in(name, ".tmp");
}

/* Removes a file that nobody uses. A lock that is held stays: its holder would no longer keep others out. */
static void remove_litter(int folder, const char *name)
{
	if (!ends_in(name, CACHE_LOCK))
		unlinkat(folder, name, 0);
	else
		lock_remove(folder, name);
}

static void keep(struct pruning *pruning, const char *path, const char *name, int64_t until)
{
	if (pruning->count == pruning->room) {
		size_t room = pruning->room == 0 ? EXPECTED : 2 * pruning->room;
		struct kept *larger = reallocarray(pruning->kept, room, sizeof *larger);
		if (larger == NULL)
			return;
		pruning->kept = larger;
		pruning->room = room;
	}
	struct kept *kept = &pruning->kept[pruning->count];
	kept->until = until;
	kept->path = malloc(strlen(path) + strlen(name) + 2);
	if (kept->path == NULL)
		return;
	stpcpy(stpcpy(stpcpy(kept->path, path), path[0] == '\0' ? "" : "/"), name);
	pruning->count++;
}

static void prune_file(struct pruning *pruning, int folder, const char *path, const char *name, int64_t changed)
{
	if (is_litter(name)) {
		if (pruning->now - changed > LITTER_AGE)
			remove_litter(folder, name);
	} else if (name[0] != '.' && changed < pruning->now) {
		unlinkat(folder, name, 0);
	} else if (name[0] != '.') {
		keep(pruning, path, name, changed);
	}
}

static void prune_folder(struct pruning *pruning, int descriptor, const char *path, int depth);

static void prune_entry(struct pruning *pruning, int folder, const char *path, const char *name, int depth)
{
	char inner[3 * (NAME_LABEL_MAX + 1)];
	struct stat status;

	if (depth == 1 && strncmp(name, pruning->prefix, pruning->prefix_length) != 0)
		return;
	if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0 || status.st_uid != pruning->user)
		return;
	/* A link is a setting (place.h), but for one that its writer never came to rename. */
	if (S_ISREG(status.st_mode) || (S_ISLNK(status.st_mode) && is_litter(name)))
		prune_file(pruning, folder, path, name, status.st_mtim.tv_sec);
	if (!S_ISDIR(status.st_mode) || depth == DEPTH_MAX || strlen(path) + strlen(name) + 2 > sizeof inner)
		return;
	stpcpy(stpcpy(stpcpy(inner, path), path[0] == '\0' ? "" : "/"), name);
	prune_folder(pruning, openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), inner, depth + 1);
	unlinkat(folder, name, AT_REMOVEDIR); /* where it is empty now */
}

/* Takes the descriptor over. */
static void prune_folder(struct pruning *pruning, int descriptor, const char *path, int depth)
{
	DIR *folder = descriptor < 0 ? NULL : fdopendir(descriptor);

	if (folder == NULL) {
		if (descriptor >= 0)
			close(descriptor);
		return;
	}
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			prune_entry(pruning, dirfd(folder), path, entry->d_name, depth);
	closedir(folder);
}

static int sooner(const void *a, const void *b)
{
	const struct kept *left = a, *right = b;

	return (left->until > right->until) - (left->until < right->until);
}

void cache_prune(const struct cache *cache)
{
	/* Those of all networks: most of them are gone by the time. */
	struct pruning pruning = {.folder = openat(cache->descriptor, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	                          .now = time(NULL),
	                          .user = cache->user};
	const char *name = strrchr(cache->folders[cache->chosen], '/') + 1, *dot = strchr(name, '.');

	pruning.prefix = name;
	pruning.prefix_length = dot == NULL ? 0 : (size_t)(dot + 1 - name);

	prune_folder(&pruning, fcntl(pruning.folder, F_DUPFD_CLOEXEC, 0), "", 1);
	if (pruning.count > CACHE_RECORDS_MAX) {
		qsort(pruning.kept, pruning.count, sizeof *pruning.kept, sooner);
		for (size_t i = 0; i < pruning.count - CACHE_RECORDS_MAX; i++)
			unlinkat(pruning.folder, pruning.kept[i].path, 0);
	}
	for (size_t i = 0; i < pruning.count; i++)
		free(pruning.kept[i].path);
	free(pruning.kept);
	if (pruning.folder >= 0)
		close(pruning.folder);
}
