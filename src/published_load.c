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

typedef void (*visit_file)(void *context, int folder, const char *namespace, const char *service);

/* Calls `visit` for every file of a namespace; what is no record's name is removed: half written, or not ours. */
static void each_service(int services, const char *namespace, visit_file visit, void *context)
{
	DIR *names = open_names(services, namespace);

	/* What is no folder is in the way of one, but for the link. */
	if (names == NULL && (errno == ENOTDIR || errno == ELOOP) && strcmp(namespace, PLACE_SERVICE_LABEL) != 0)
		unlinkat(services, namespace, 0);
	if (names == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(names)) != NULL;) {
		if (is_dots(entry->d_name))
			continue;
		if (is_ours(entry->d_name))
			visit(context, dirfd(names), namespace, entry->d_name);
		else
			published_clear(dirfd(names), entry->d_name);
	}
	closedir(names);
}

static int each_file(const struct published_folder *folder, visit_file visit, void *context)
{
	DIR *names = open_names(folder->services, ".");

	if (names == NULL)
		return -errno;
	for (struct dirent *entry; (entry = readdir(names)) != NULL;) {
		if (is_dots(entry->d_name) || !is_ours(entry->d_name))
			continue;
		each_service(folder->services, entry->d_name, visit, context);
		published_drop_empty(folder, entry->d_name);
	}
	closedir(names);
	return 0;
}

static void remove_file(void *context, int folder, const char *namespace, const char *service)
{
	(void)context;
	(void)namespace;
	unlinkat(folder, service, 0);
}

void published_remove_namespace(struct published_folder *folder, const char *name)
{
	each_service(folder->services, name, remove_file, NULL);
	unlinkat(folder->services, name, AT_REMOVEDIR);
}

/* Reads a whole file; false and nothing allocated where that fails. */
static bool read_file(int folder, const char *name, uint8_t **bytes, size_t *size)
{
	int descriptor = openat(folder, name, PLACE_OPEN_FLAGS);
	struct stat status;
	bool done = false;

	if (descriptor < 0)
		return false;
	if (fstat(descriptor, &status) < 0 || !S_ISREG(status.st_mode) || status.st_uid != geteuid() ||
	    status.st_size < RECORD_PREFIX || status.st_size > RECORD_SIZE_MAX)
		goto done;
	*size = (size_t)status.st_size;
	*bytes = malloc(*size);
	if (*bytes == NULL)
		goto done;
	done = read(descriptor, *bytes, *size) == (ssize_t)*size;
	if (!done)
		free(*bytes);
done:
	close(descriptor);
	return done;
}

/* Whether the record lies where it belongs, and holds a service, or says that nobody can tell what it has. */
static bool is_in_place(const struct record *record, const char *namespace, const char *service)
{
	return (record->verdict == VERDICT_FOUND || record->verdict == VERDICT_UNKNOWN) && strcmp(record->key.namespace, namespace) == 0 &&
	       strcmp(record->key.service, service) == 0;
}

struct loading {
	void (*visit)(void *context, const struct record *record);
	void *context;
};

static void load_file(void *context, int folder, const char *namespace, const char *service)
{
	const struct loading *loading = context;
	struct record record = {0};
	uint8_t *bytes;
	size_t size;
	bool good = false, whole = false;

	if (read_file(folder, service, &bytes, &size)) {
		int result = record_decode(bytes, size, &record);
		whole = result == 0 && is_in_place(&record, namespace, service);
		good = whole || result == -ENOMEM;
		free(bytes);
	}
	if (!good)
		published_clear(folder, service);
	else if (whole)
		loading->visit(loading->context, &record);
	record_done(&record);
}

int published_load(struct published_folder *folder, void (*visit)(void *context, const struct record *record),
                   void *context)
{
	struct loading loading = {visit, context};

	return each_file(folder, load_file, &loading);
}

struct listing {
	void (*visit)(void *context, const struct service_key *key);
	void *context;
};

static void list_file(void *context, int folder, const char *namespace, const char *service)
{
	const struct listing *listing = context;
	struct service_key key;

	(void)folder;
	strcpy(key.namespace, namespace);
	strcpy(key.service, service);
	listing->visit(listing->context, &key);
}

int published_list(struct published_folder *folder, void (*visit)(void *context, const struct service_key *key),
                   void *context)
{
	struct listing listing = {visit, context};

	return each_file(folder, list_file, &listing);
}
