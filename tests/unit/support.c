/*
 * What the unit tests share; see support.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "support.h"

#include "origin.h"
#include "published.h"

#include "wall.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static char program_folder[] = P_tmpdir "/nss-nomad-XXXXXX";

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	(void)status;
	(void)kind;
	(void)where;
	return remove(path);
}

int support_run(const char *name, const struct support_test *tests, size_t count)
{
	Suite *suite = suite_create(name);
	TCase *all = tcase_create(name);
	SRunner *runner = srunner_create(suite);

	if (mkdtemp(program_folder) == NULL) {
		perror(program_folder);
		return EXIT_FAILURE;
	}
	tcase_set_timeout(all, SUPPORT_SECONDS);
	suite_add_tcase(suite, all);
	for (size_t i = 0; i < count; i++)
		tcase_add_loop_test(all, tests[i].test, 0, (int)tests[i].times);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	nftw(program_folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

void support_folder(char *path)
{
	support_path(program_folder, "XXXXXX", path);
	ck_assert_ptr_nonnull(mkdtemp(path));
}

void support_caches(char *dir, char *own)
{
	char path[SUPPORT_PATH_MAX], name[64];
	struct origin origin;

	support_folder(dir);
	support_path(dir, "root", path);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	support_path(dir, "users", path);
	ck_assert_int_eq(mkdir(path, 01777), 0);
	ck_assert_int_eq(chmod(path, 01777), 0);
	origin_set_network(&origin);
	if (geteuid() == 0)
		snprintf(name, sizeof name, "root/%s", origin.network);
	else
		snprintf(name, sizeof name, "users/%ju.%s", (uintmax_t)geteuid(), origin.network);
	support_path(dir, name, own);
}

void support_path(const char *folder, const char *name, char *path)
{
	int length = snprintf(path, SUPPORT_PATH_MAX, "%s/%s", folder, name);

	ck_assert(length > 0 && length < SUPPORT_PATH_MAX);
}

void support_make_folder(const char *path)
{
	char part[SUPPORT_PATH_MAX];

	for (const char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
		size_t length = slash == NULL ? strlen(path) : (size_t)(slash - path);
		memcpy(part, path, length);
		part[length] = '\0';
		ck_assert(mkdir(part, 0755) == 0 || errno == EEXIST);
		if (slash == NULL)
			return;
	}
}

void support_write(const char *path, const void *bytes, size_t size)
{
	char folder[SUPPORT_PATH_MAX], temporary[SUPPORT_PATH_MAX + 8];

	memcpy(folder, path, strlen(path) + 1);
	*strrchr(folder, '/') = '\0';
	support_make_folder(folder);
	snprintf(temporary, sizeof temporary, "%s.new", path);
	int descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ck_assert_int_ge(descriptor, 0);
	ck_assert_int_eq(write(descriptor, bytes, size), (ssize_t)size);
	close(descriptor);
	ck_assert_int_eq(rename(temporary, path), 0);
}

void support_write_record(const char *path, const struct record *record)
{
	uint8_t *bytes;
	size_t size;

	ck_assert_int_eq(record_encode(record, &bytes, &size), 0);
	support_write(path, bytes, size);
	free(bytes);
}

static size_t whole_pages(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

void *support_fence(size_t size)
{
	size_t pages = whole_pages(size), fence = whole_pages(1);
	char *start = mmap(NULL, pages + fence, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert(start != MAP_FAILED);
	ck_assert_int_eq(mprotect(start + pages, fence, PROT_NONE), 0);
	return start + pages - size;
}

void support_unfence(void *fenced, size_t size)
{
	size_t pages = whole_pages(size);

	munmap((char *)fenced + size - pages, pages + whole_pages(1));
}

/* The linker puts these in the place of malloc() and its kin, in all of our objects. */
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);

static atomic_uint until_failure;
static atomic_bool has_failed;

static bool must_fail(void)
{
	if (atomic_load(&until_failure) == 0 || atomic_fetch_sub(&until_failure, 1) != 1)
		return false;
	atomic_store(&has_failed, true);
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return must_fail() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return must_fail() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
	return must_fail() ? NULL : __real_realloc(block, size);
}

bool support_fail_allocation(unsigned nth)
{
	atomic_store(&until_failure, nth);
	return atomic_exchange(&has_failed, false);
}

enum { MOST_INSTANCES = 16, MOST_IN_LIST = 8, WORD_MAX = 256 };

/* One line of support_service(), with what its instance points to. */
struct line {
	char namespace[WORD_MAX], service[WORD_MAX], allocation[WORD_MAX], addresses[WORD_MAX], tags[WORD_MAX];
	char id[2 * WORD_MAX];
	unsigned port;
	struct address address_list[MOST_IN_LIST];
	const char *tag_list[MOST_IN_LIST];
};

static char *first_of(char *list, char **rest)
{
	return strcmp(list, "-") == 0 ? NULL : strtok_r(list, ",", rest);
}

static void read_line(const char *text, size_t number, struct line *line, struct instance *instance)
{
	char *rest = NULL;

	ck_assert_int_eq(sscanf(text, " %255s %255s %255s %255s %u %255s", line->namespace, line->service,
	                        line->allocation, line->addresses, &line->port, line->tags),
	                 6);
	snprintf(line->id, sizeof line->id, "_nomad-task-%s-%zu", line->allocation, number);
	*instance = (struct instance){.id = line->id,
	                              .allocation = line->allocation,
	                              .node = "node-1",
	                              .job = "job-1",
	                              .datacenter = "dc1",
	                              .addresses = line->address_list,
	                              .tags = line->tag_list,
	                              .port = (uint16_t)line->port};
	for (char *word = first_of(line->addresses, &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
		if (address_parse(word, &line->address_list[instance->address_count]))
			instance->address_count++;
		else
			instance->host = word;
	}
	for (char *word = first_of(line->tags, &rest); word != NULL; word = strtok_r(NULL, ",", &rest))
		line->tag_list[instance->tag_count++] = word;
}

struct service *support_service(const char *text)
{
	struct line *lines = calloc(MOST_INSTANCES, sizeof *lines);
	struct instance instances[MOST_INSTANCES];
	struct spelling spellings[MOST_INSTANCES];
	size_t count = 0, spelling_count = 0;

	for (const char *at = text; at != NULL && at[strspn(at, " \t\n")] != '\0'; count++) {
		struct line *line = &lines[count];
		read_line(at, count, line, &instances[count]);
		if (spelling_count == 0 || strcmp(spellings[spelling_count - 1].namespace, line->namespace) != 0 ||
		    strcmp(spellings[spelling_count - 1].service, line->service) != 0)
			spellings[spelling_count++] =
				(struct spelling){.namespace = line->namespace, .service = line->service, .first = count};
		spellings[spelling_count - 1].count++;
		at = strchr(at + strspn(at, " \t\n"), '\n');
	}
	struct service *service = service_copy(&(struct service){.spelling_count = spelling_count,
	                                                         .spellings = spellings,
	                                                         .instance_count = count,
	                                                         .instances = instances});
	free(lines);
	ck_assert_ptr_nonnull(service);
	return service;
}

struct record support_record(const char *namespace, const char *service_name, enum verdict verdict,
                             const struct service *service)
{
	struct record record = {.verdict = verdict,
	                        .complete = true,
	                        .ttl = 60,
	                        .max_stale = 3600,
	                        .service = service};

	record_stamp(&record);
	strcpy(record.key.namespace, namespace);
	strcpy(record.key.service, service_name);
	return record;
}

struct name support_name(const char *text)
{
	struct name name;

	name_parse(text, NAME_SERVICE_LABEL, &name);
	return name;
}

uint64_t support_now(void)
{
	return (uint64_t)wall_now();
}

const char *support_verdict(enum verdict verdict)
{
	static const char *const words[] = {"unknown", "found", "no data", "no name"};

	return words[verdict];
}

/* A text that grows, cut where the buffer ends. */
struct text {
	char *start;
	size_t used;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int length = vsnprintf(text->start + text->used, SUPPORT_TEXT_MAX - text->used, format, arguments);
	va_end(arguments);
	text->used += (size_t)length;
	ck_assert_uint_lt(text->used, SUPPORT_TEXT_MAX);
}

static void add_octets(struct text *text, int family, const void *octets)
{
	char shown[INET6_ADDRSTRLEN];

	ck_assert_ptr_nonnull(inet_ntop(family, octets, shown, sizeof shown));
	add(text, "%s%s", text->used == 0 ? "" : " ", shown);
}

const char *support_addresses(const struct address *addresses, size_t count)
{
	static char buffer[SUPPORT_TEXT_MAX];
	struct text text = {buffer, 0};

	buffer[0] = '\0';
	for (size_t i = 0; i < count; i++)
		add_octets(&text, addresses[i].family, addresses[i].octets);
	return buffer;
}

static void add_instance(struct text *text, const struct instance *instance)
{
	add(text, "%s %s %s %s %s %s :%u", instance->id, instance->allocation, instance->node, instance->job,
	    instance->datacenter, instance->host == NULL ? "-" : instance->host, instance->port);
	for (size_t i = 0; i < instance->address_count; i++)
		add_octets(text, instance->addresses[i].family, instance->addresses[i].octets);
	for (size_t i = 0; i < instance->tag_count; i++)
		add(text, " #%s", instance->tags[i]);
	add(text, "\n");
}

const char *support_instances(const struct service *service)
{
	static char buffer[SUPPORT_TEXT_MAX];
	struct text text = {buffer, 0};

	buffer[0] = '\0';
	for (size_t i = 0; i < service->spelling_count; i++) {
		const struct spelling *spelling = &service->spellings[i];
		add(&text, "%s/%s\n", spelling->namespace, spelling->service);
		for (size_t j = spelling->first; j < spelling->first + spelling->count; j++)
			add_instance(&text, &service->instances[j]);
	}
	return buffer;
}

const char *support_hostent(const struct hostent *host)
{
	static char buffer[SUPPORT_TEXT_MAX];
	struct text text = {buffer, 0};

	add(&text, "%s", host->h_name);
	for (char **alias = host->h_aliases; *alias != NULL; alias++)
		add(&text, " (%s)", *alias);
	ck_assert_int_eq(host->h_length, host->h_addrtype == AF_INET ? 4 : 16);
	for (char **address = host->h_addr_list; *address != NULL; address++)
		add_octets(&text, host->h_addrtype, *address);
	return buffer;
}

const char *support_tuples(const struct gaih_addrtuple *tuples)
{
	static char buffer[SUPPORT_TEXT_MAX];
	struct text text = {buffer, 0};

	add(&text, "%s", tuples->name);
	for (; tuples != NULL; tuples = tuples->next) {
		add_octets(&text, tuples->family, tuples->addr);
		if (tuples->scopeid != 0)
			add(&text, "%%%u", tuples->scopeid);
	}
	return buffer;
}

static int by_text(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

const char *support_join(const char *texts[], size_t count)
{
	static char joined[2][SUPPORT_JOINED_MAX];
	static unsigned int turn;
	char *start = joined[++turn % 2], *end = start;

	start[0] = '\0';
	qsort(texts, count, sizeof *texts, by_text);
	for (size_t i = 0; i < count && (size_t)(end - start) + strlen(texts[i]) + 2 <= SUPPORT_JOINED_MAX; i++)
		end = stpcpy(stpcpy(end, texts[i]), " ");
	return start;
}

void support_seal(const char *path)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = PUBLISHED_SEAL}};

	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

static atomic_int waiters, known_waiters, threads[SUPPORT_WAITERS_MAX];

void support_will_wait(void)
{
	atomic_store(&threads[atomic_fetch_add(&waiters, 1)], gettid());
	atomic_fetch_add(&known_waiters, 1);
}

static bool sleeps(int thread)
{
	char path[64];
	int call = -1;

	snprintf(path, sizeof path, "/proc/self/task/%d/syscall", thread);
	FILE *file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	if (fscanf(file, "%d", &call) != 1)
		call = -1; /* it runs */
	fclose(file);
	return call == SYS_clock_nanosleep || call == SYS_nanosleep;
}

void support_wait_for_waiters(int count)
{
	while (atomic_load(&known_waiters) < count)
		sched_yield();
	for (int i = 0; i < count; i++)
		while (!sleeps(atomic_load(&threads[i])))
			sched_yield();
	atomic_store(&waiters, 0);
	atomic_store(&known_waiters, 0);
}
