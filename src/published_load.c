/*
 * Going through the files that a daemon published; see published_write.h. Called by watch/publisher.c at the start
 * and after repairs.
 *
 * SPDX-License-Identifier: MIT
 */
#include "published_folder.h"

#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void published_clear(int at, const char *name)
{
	if (unlinkat(at, name, 0) < 0 && errno == EISDIR)
		unlinkat(at, name, AT_REMOVEDIR);
}

/* Opens a folder for reading its names; NULL and errno. */
static DIR *open_names(int at, const char *name)
{
	int descriptor = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *names;

	if (descriptor < 0)
		return NULL;
	names = fdopendir(descriptor);
	if (names == NULL)
		close(descriptor);
	return names;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Whether a file or folder can be one that we wrote: a label in lower case. */
static bool is_ours(const char *name)
{
	return name_is_label(name) && !text_has_upper(name);
}

typedef int (*visit_file)(void *context, int folder, const char *namespace, const char *service);

/* The next name of a folder, but for the dots; NULL at its end, with 0 in `result`, or where reading it fails. */
static const char *next_name(DIR *names, int *result)
{
	struct dirent *entry;

	do {
		errno = 0;
		entry = readdir(names);
	} while (entry != NULL && is_dots(entry->d_name));
	if (entry == NULL)
		*result = -errno;
	return entry == NULL ? NULL : entry->d_name;
}

/* Calls `visit` for every file of a namespace; what is no record's name is removed: half written, or not ours. */
static int each_service(int services, const char *namespace, visit_file visit, void *context)
{
	DIR *names = open_names(services, namespace);
	int result = 0, ended = 0;

	if (names == NULL && (errno == ENOTDIR || errno == ELOOP)) {
		/* What is no folder is in the way of one, but for the link. */
		if (strcmp(namespace, PLACE_SERVICE_LABEL) != 0)
			unlinkat(services, namespace, 0);
		return 0;
	}
	if (names == NULL)
		return errno == ENOENT ? 0 : -errno;
	for (const char *name; result == 0 && (name = next_name(names, &ended)) != NULL;) {
		if (is_ours(name))
			result = visit(context, dirfd(names), namespace, name);
		else
			published_clear(dirfd(names), name);
	}
	closedir(names);
	return result < 0 ? result : ended;
}

static int each_file(const struct published_folder *folder, visit_file visit, void *context)
{
	DIR *names = open_names(folder->services, ".");
	int result = 0, ended = 0;

	if (names == NULL)
		return -errno;
	for (const char *name; result == 0 && (name = next_name(names, &ended)) != NULL;) {
		if (!is_ours(name))
			continue;
		result = each_service(folder->services, name, visit, context);
		published_drop_empty(folder, name);
	}
	closedir(names);
	return result < 0 ? result : ended;
}

static int remove_file(void *context, int folder, const char *namespace, const char *service)
{
	(void)context;
	(void)namespace;
	unlinkat(folder, service, 0);
	return 0;
}

void published_remove_namespace(struct published_folder *folder, const char *name)
{
	each_service(folder->services, name, remove_file, NULL);
	unlinkat(folder->services, name, AT_REMOVEDIR);
}

/* Whether a file of records may be ours; what is none, or another user's, is in the way of one. */
static bool may_be_ours(int folder, const char *name)
{
	struct stat status;

	return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0 || (S_ISREG(status.st_mode) && status.st_uid == geteuid());
}

/* Reads a whole file: 0; -EBADMSG for a size that no record has, -ENOMEM or what the system said, and nothing allocated. */
static int read_file(int folder, const char *name, uint8_t **bytes, size_t *size)
{
	int descriptor = openat(folder, name, PLACE_OPEN_FLAGS);
	struct stat status;
	int result = -EBADMSG;

	if (descriptor < 0)
		return -errno;
	if (fstat(descriptor, &status) < 0 || status.st_size < RECORD_PREFIX || status.st_size > RECORD_SIZE_MAX)
		goto done;
	*size = (size_t)status.st_size;
	*bytes = malloc(*size);
	result = *bytes == NULL ? -ENOMEM : 0;
	if (result == 0 && read(descriptor, *bytes, *size) != (ssize_t)*size) {
		free(*bytes);
		result = -EIO;
	}
done:
	close(descriptor);
	return result;
}

/* Whether the record lies where it belongs, and holds a service, or says that nobody can tell what it has. */
static bool is_in_place(const struct record *record, const char *namespace, const char *service)
{
	return (record->verdict == VERDICT_FOUND || record->verdict == VERDICT_UNKNOWN) && strcmp(record->key.namespace, namespace) == 0 &&
	       strcmp(record->key.service, service) == 0;
}

struct loading {
	int (*visit)(void *context, const struct record *record);
	void *context;
};

/* One that is damaged, or cannot be read now, is a service all the same: of which nobody can tell what it has. */
static int load_file(void *context, int folder, const char *namespace, const char *service)
{
	const struct loading *loading = context;
	struct record record = {0};
	uint8_t *bytes = NULL;
	size_t size = 0;

	if (!may_be_ours(folder, service)) {
		published_clear(folder, service);
		return 0;
	}
	int result = read_file(folder, service, &bytes, &size);
	if (result == -ENOENT)
		return 0;
	if (result == 0) {
		result = record_decode(bytes, size, &record);
		free(bytes);
	}
	if (result < 0 || !is_in_place(&record, namespace, service)) {
		record_done(&record);
		record = (struct record){.verdict = VERDICT_UNKNOWN};
		strcpy(record.key.namespace, namespace);
		strcpy(record.key.service, service);
	}
	result = loading->visit(loading->context, &record);
	record_done(&record);
	return result;
}

int published_load(struct published_folder *folder, int (*visit)(void *context, const struct record *record),
                   void *context)
{
	struct loading loading = {visit, context};

	return each_file(folder, load_file, &loading);
}

struct listing {
	void (*visit)(void *context, const struct service_key *key);
	void *context;
};

static int list_file(void *context, int folder, const char *namespace, const char *service)
{
	const struct listing *listing = context;
	struct service_key key;

	(void)folder;
	strcpy(key.namespace, namespace);
	strcpy(key.service, service);
	listing->visit(listing->context, &key);
	return 0;
}

int published_list(struct published_folder *folder, void (*visit)(void *context, const struct service_key *key),
                   void *context)
{
	struct listing listing = {visit, context};

	return each_file(folder, list_file, &listing);
}
