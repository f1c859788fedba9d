/*
 * Writes records by hand, for tests: published files with their heartbeat, or a single file of a cache.
 *
 *     publish [OPTION...] NAMESPACE SERVICE [INSTANCE...]   an instance is "ADDRESS[,ADDRESS...] [PORT [TAG...]]";
 *                                                           the word - reads them from standard input, one a line
 *         -d DIR       the daemon's folder (default /run/nomad-dns-srv): links, record and heartbeat
 *         -r           there is no such service any more
 *         -b STATE     what the heartbeat says: all (default), some, not-current
 *         -f FILE      this file alone
 *         -v VERDICT   found (default), no-data, no-name, unknown
 *         -i           the record is incomplete: other spellings of the service may exist
 *         -a SECONDS   the record's age, -t its ttl (default 10), -s its max-stale (default 3600)
 *     publish -A SECONDS FILE                               makes the record in FILE that much older
 *
 * SPDX-License-Identifier: MIT
 */
#include "place.h"
#include "published.h"
#include "record.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { WORDS_MAX = 64, ADDRESSES_MAX = 16 };

struct options {
	const char *dir;
	const char *file;
	enum published_state state;
	struct record record;
	long age;
	bool change_age;
	bool removes;
};

static void *grow(void *block, size_t size)
{
	void *larger = realloc(block, size);

	if (larger == NULL)
		err(1, "realloc");
	return larger;
}

static void make_folder(const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		err(1, "%s", path);
}

static void make_link(const char *folder, const char *name, const char *target)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	if (symlink(target, path) < 0 && errno != EEXIST)
		err(1, "%s", path);
}

static void put_file(const char *path, const uint8_t *bytes, size_t size)
{
	char temporary[PATH_MAX];

	snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)getpid());
	int file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (file < 0 || write(file, bytes, size) != (ssize_t)size || fchmod(file, 0644) < 0 || close(file) < 0 ||
	    rename(temporary, path) < 0)
		err(1, "%s", temporary);
}

static void beat(const struct options *options)
{
	const struct published_text *text = &published_texts[options->state];
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", options->dir, PUBLISHED_ALIVE);
	put_file(path, (const uint8_t *)text->text, text->size);
}

/* As the daemon leaves a directory in which all is that should be. */
static void seal(const char *path)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = PUBLISHED_SEAL}};

	if (utimensat(AT_FDCWD, path, times, 0) < 0)
		err(1, "%s", path);
}

/* "192.0.2.1,2001:db8::1 8080 tag tag"; the text is cut into the instance's strings. */
static struct instance parse_instance(char *text, size_t number)
{
	const char **tags = grow(NULL, WORDS_MAX * sizeof *tags);
	struct address *addresses = grow(NULL, ADDRESSES_MAX * sizeof *addresses);
	struct instance instance = {.node = "", .job = "job", .datacenter = "dc1", .addresses = addresses, .tags = tags};
	char *rest, *id = grow(NULL, 64);
	char *list = strtok_r(text, " \n", &rest), *port = strtok_r(NULL, " \n", &rest);

	snprintf(id, 64, "%08zx-0000-4000-8000-000000000000", number);
	instance.id = instance.allocation = id;
	for (char *one = strsep(&list, ","); one != NULL; one = strsep(&list, ","))
		if (instance.address_count == ADDRESSES_MAX || !address_parse(one, &addresses[instance.address_count++]))
			errx(1, "%s: not an address, or too many of them", one);
	if (port != NULL)
		instance.port = (uint16_t)atoi(port);
	for (char *tag; (tag = strtok_r(NULL, " \n", &rest)) != NULL && instance.tag_count < WORDS_MAX;)
		tags[instance.tag_count++] = tag;
	return instance;
}

static void add(struct service *service, char *text)
{
	size_t count = service->instance_count++;
	struct instance *all = grow((void *)(uintptr_t)service->instances, (count + 1) * sizeof *all);

	all[count] = parse_instance(text, count);
	service->instances = all;
}

static void read_instances(struct service *service)
{
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, stdin) > 0) {
		add(service, line);
		line = NULL;
	}
}

/* Writes the record to FILE, or publishes it. */
static void store(const struct options *options)
{
	char folder[PATH_MAX / 2], path[PATH_MAX];
	struct name name = {.kind = NAME_SERVICE, .key = options->record.key};
	uint8_t *bytes;
	size_t size;

	int error = record_encode(&options->record, &bytes, &size);
	if (error < 0)
		errx(1, "record_encode: %s", strerror(-error));
	if (options->file != NULL) {
		put_file(options->file, bytes, size);
		return;
	}
	make_folder(options->dir);
	snprintf(folder, sizeof folder, "%s/%s/", options->dir, PUBLISHED_SERVICES);
	make_folder(folder);
	snprintf(path, sizeof path, "%sdefault", folder);
	make_folder(path);
	seal(path);
	make_link(folder, NAME_DEFAULT_NAMESPACE, "default");
	make_link(folder, PLACE_SERVICE_LABEL, ".");
	place_of(folder, &name, "", path);
	*strrchr(path, '/') = '\0';
	make_folder(path);
	place_of(folder, &name, "", path);
	if (!options->removes)
		put_file(path, bytes, size);
	else if (unlink(path) < 0)
		err(1, "%s", path);
	*strrchr(path, '/') = '\0';
	seal(path);
	seal(folder);
	beat(options);
}

static void make_older(const char *path, long seconds)
{
	uint8_t *bytes;
	struct stat status;
	struct record record;
	size_t size;

	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0 || fstat(file, &status) < 0)
		err(1, "%s", path);
	bytes = grow(NULL, (size_t)status.st_size + 1);
	if (read(file, bytes, (size_t)status.st_size) != status.st_size || close(file) < 0)
		err(1, "%s", path);
	if (record_decode(bytes, (size_t)status.st_size, &record) < 0)
		errx(1, "%s: not a record", path);
	record.made -= (uint64_t)(seconds * 1000);
	record.since_boot -= (uint64_t)(seconds * 1000);
	if (record_encode(&record, &bytes, &size) < 0)
		errx(1, "%s: does not encode", path);
	put_file(path, bytes, size);
	if (fchmodat(AT_FDCWD, path, status.st_mode & 07777, 0) < 0 || chown(path, status.st_uid, status.st_gid) < 0)
		err(1, "%s", path);
}

static enum verdict parse_verdict(const char *word)
{
	static const char *const words[] = {"unknown", "found", "no-data", "no-name"};

	for (int i = 0; i < 4; i++)
		if (strcmp(word, words[i]) == 0)
			return (enum verdict)i;
	errx(1, "%s: not a verdict", word);
}

static void parse_options(int argc, char **argv, struct options *options)
{
	for (int option; (option = getopt(argc, argv, "d:rb:f:v:ia:t:s:A:")) >= 0;)
		switch (option) {
		case 'd':
			options->dir = optarg;
			break;
		case 'b':
			options->state = strcmp(optarg, "all") == 0    ? PUBLISHED_ALL
			               : strcmp(optarg, "some") == 0 ? PUBLISHED_SOME
			                                             : PUBLISHED_NOT_CURRENT;
			break;
		case 'r':
			options->removes = true;
			break;
		case 'f':
			options->file = optarg;
			break;
		case 'v':
			options->record.verdict = parse_verdict(optarg);
			break;
		case 'i':
			options->record.complete = false;
			break;
		case 'A':
			options->change_age = true; /* fall through */
		case 'a':
			options->age = atol(optarg);
			break;
		case 't':
			options->record.ttl = (uint32_t)atol(optarg);
			break;
		case 's':
			options->record.max_stale = (uint32_t)atol(optarg);
			break;
		default:
			exit(1);
		}
}

/* A writer that ends at once gives its memory back by ending; the address sanitizer asks for this. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

int main(int argc, char **argv)
{
	struct options options = {.dir = PUBLISHED_DIR,
	                          .state = PUBLISHED_ALL,
	                          .record = {.verdict = VERDICT_FOUND, .complete = true, .ttl = 10, .max_stale = 3600}};
	struct service service = {.spelling_count = 1};

	parse_options(argc, argv, &options);
	argv += optind;
	argc -= optind;
	if (options.change_age && argc == 1) {
		make_older(argv[0], options.age);
		return 0;
	}
	if (argc < 2 || strlen(argv[0]) > NAME_LABEL_MAX || strlen(argv[1]) > NAME_LABEL_MAX)
		errx(1, "usage: publish [OPTION...] NAMESPACE SERVICE [INSTANCE...]");
	strcpy(options.record.key.namespace, argv[0]);
	strcpy(options.record.key.service, argv[1]);
	for (int i = 2; i < argc; i++)
		if (strcmp(argv[i], "-") == 0)
			read_instances(&service);
		else
			add(&service, argv[i]);
	struct spelling spelling = {.namespace = argv[0], .service = argv[1], .count = service.instance_count};
	service.spellings = &spelling;
	record_stamp(&options.record);
	options.record.made -= (uint64_t)(options.age * 1000);
	options.record.since_boot -= (uint64_t)(options.age * 1000);
	if (options.record.verdict == VERDICT_FOUND)
		options.record.service = service_copy(&service);
	store(&options);
	return 0;
}
