/*
 * The user's own cache, as the module uses it; see cache.h. Called by lookup.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cache.h"

#include "text.h"
#include "wall.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OTHERS = S_IRWXG | S_IRWXO, WRITE_OTHERS = S_IWGRP | S_IWOTH };

/* Appends the network's part to a directory's path. */
static void end_folder(const struct cache *cache, const char *cluster, char *end)
{
	end = stpcpy(end, cache->origin.network);
	if (cluster[0] != '\0')
		stpcpy(stpcpy(end, "@"), cluster);
}

void cache_init(struct cache *cache, const char *dir, const char *run, const char *cluster, const struct origin *origin)
{
	*cache = (struct cache){.user = geteuid(), .origin = *origin, .descriptor = -1};
	if (cache->origin.network[0] == '\0')
		origin_set_network(&cache->origin);
	char *end = stpcpy(cache->folders[0], dir);
	end = cache->user == 0 ? stpcpy(end, "/root/")
	                       : stpcpy(text_number(stpcpy(end, "/users/"), cache->user), ".");
	end_folder(cache, cluster, end);
	if (run == NULL)
		return;
	end = text_number(stpcpy(stpcpy(cache->folders[1], run), "/"), cache->user);
	end_folder(cache, cluster, stpcpy(end, "/nss-nomad."));
}

/* 0 where a directory is there, and the user's alone. */
static int judge_folder(const struct cache *cache, const char *path)
{
	struct stat status;

	if (lstat(path, &status) < 0)
		return -errno;
	if (!S_ISDIR(status.st_mode))
		return -ENOTDIR;
	return status.st_uid == cache->user && (status.st_mode & OTHERS) == 0 ? 0 : -EPERM;
}

/* Opens a record; a descriptor or a negative errno. Its path leaves the stack before the file is read. */
__attribute__((noinline)) static int open_record(const char *folder, const struct name *name)
{
	char path[PLACE_MAX];

	place_of("", name, "", stpcpy(stpcpy(path, folder), "/"));
	int descriptor = open(path, PLACE_OPEN_FLAGS);
	return descriptor < 0 ? -errno : descriptor;
}

/*
 * 0 where it is a record of the user's own. A file of several names may be another one, that somebody has put here; one
 * of none has just been replaced.
 */
static int judge_record(const struct cache *cache, int descriptor)
{
	struct stat status;

	if (fstat(descriptor, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return S_ISDIR(status.st_mode) ? -EISDIR : -EBADMSG;
	bool is_own = status.st_uid == cache->user && status.st_nlink <= 1 && (status.st_mode & WRITE_OTHERS) == 0;
	return is_own ? 0 : -EPERM;
}

static int find_in(const struct cache *cache, const char *folder, const struct name *name, struct record *record)
{
	int result = judge_folder(cache, folder);

	if (result < 0)
		return result;
	int descriptor = open_record(folder, name);
	if (descriptor < 0)
		return descriptor;
	result = judge_record(cache, descriptor);
	if (result == 0)
		result = record_read(descriptor, name, record);
	close(descriptor);
	return result;
}

int cache_find(const struct cache *cache, const struct name *name, struct record *record)
{
	int result = find_in(cache, cache->folders[0], name, record);

	if (result < 0 && cache->folders[1][0] != '\0' && find_in(cache, cache->folders[1], name, record) == 0)
		return 0;
	return result;
}

/* Directories are for us alone, whatever the mask that a program was started with: they outlive it. */
static int make_folder(const char *path)
{
	if (mkdir(path, S_IRWXU) < 0)
		return -errno;
	/* glibc needs /proc for this; without it the mask has its way. */
	return fchmodat(AT_FDCWD, path, S_IRWXU, AT_SYMLINK_NOFOLLOW) < 0 && errno != EOPNOTSUPP ? -errno : 0;
}

static int own_folder(const struct cache *cache, const char *path, bool create)
{
	int result = judge_folder(cache, path);

	if (result != -ENOENT || !create)
		return result;
	result = make_folder(path);
	return result < 0 && result != -EEXIST ? result : judge_folder(cache, path);
}

/* Whether what a user has made in a directory stays his: it is root's or his own, and others may not move what is there. */
static int judge_parent(const struct cache *cache, const char *path)
{
	struct stat status;

	if (lstat(path, &status) < 0)
		return -errno;
	if (!S_ISDIR(status.st_mode))
		return -ENOTDIR;
	bool is_open = (status.st_mode & WRITE_OTHERS) != 0 && (status.st_mode & S_ISVTX) == 0;
	return (status.st_uid == 0 || status.st_uid == cache->user) && !is_open ? 0 : -EPERM;
}

/* The user's directory, and what it is in: that of all users, root's own, or that of a login. */
static int choose_folder(const struct cache *cache, size_t which, bool create)
{
	char parent[PLACE_FOLDER_MAX];
	int result;

	strcpy(parent, cache->folders[which]);
	*strrchr(parent, '/') = '\0';
	if (which == 0 && cache->user != 0)
		result = judge_parent(cache, parent);
	else
		result = own_folder(cache, parent, create && which == 0);
	return result < 0 ? result : own_folder(cache, cache->folders[which], create);
}

int cache_choose(struct cache *cache, bool create)
{
	int result = choose_folder(cache, 0, create);

	cache->chosen = 0;
	/* Without `create` a usual one that is merely missing is the one that would be made. */
	if (result == 0 || cache->folders[1][0] == '\0' || choose_folder(cache, 1, create) < 0)
		return result;
	cache->chosen = 1;
	return 0;
}

static bool is_recent(const struct cache *cache, const char *path)
{
	struct stat status;

	if (lstat(path, &status) < 0 || status.st_uid != cache->user)
		return false;
	int64_t age = wall_age(&status);
	return age >= 0 && age < CACHE_FAILED_FOR;
}

void cache_suffix(const struct cache *cache, const char *suffix, char *text)
{
	stpcpy(stpcpy(stpcpy(text, "."), cache->origin.unit), suffix);
}

/* The path of what lies beside a name's record; NULL: of what lies in the directory itself. */
static void path_beside(const struct cache *cache, const struct name *name, const char *kind, char *path)
{
	char suffix[PLACE_SUFFIX_MAX];
	char *end = stpcpy(stpcpy(path, cache->folders[cache->chosen]), "/");

	cache_suffix(cache, kind, suffix);
	if (name == NULL)
		strcpy(end, suffix);
	else
		place_of("", name, suffix, end);
}

bool cache_failed_recently(const struct cache *cache, const struct name *name)
{
	char path[PLACE_MAX];

	path_beside(cache, NULL, CACHE_FAILED, path);
	if (is_recent(cache, path))
		return true;
	path_beside(cache, name, CACHE_FAILED, path);
	return is_recent(cache, path);
}

static void make_folders(char *path, char *from)
{
	for (char *slash = strchr(from, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		make_folder(path);
		*slash = '/';
	}
}

void cache_lock_path(const struct cache *cache, const struct name *name, char *path)
{
	path_beside(cache, name, CACHE_LOCK, path);
	make_folders(path, path + strlen(cache->folders[cache->chosen]) + 1);
}
