/*
 * Tests of src/published.c and src/place.c: the daemon's files as the module reads them. As root those of other
 * owners are tried too; other users cannot make such files.
 *
 * SPDX-License-Identifier: MIT
 */
#include "place.h"
#include "published.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DAEMON = 4711, STRANGER = 4712 }; /* users without name */

static char dir[SUPPORT_PATH_MAX];

/* A path below the daemon's folder, in a buffer that the next call overwrites. */
static const char *at(const char *name)
{
	static char path[SUPPORT_PATH_MAX];

	support_path(dir, name, path);
	return path;
}

static struct published_text said; /* by the heartbeat */

/* The heart beat this long ago; in the future where negative. */
static void beat(int64_t milliseconds_ago)
{
	int64_t then = (int64_t)support_now() - milliseconds_ago;
	struct timespec times[2] = {{.tv_sec = then / 1000, .tv_nsec = then % 1000 * 1000000}};

	times[1] = times[0];
	support_write(at("alive"), said.text, said.size);
	ck_assert_int_eq(utimensat(AT_FDCWD, at("alive"), times, 0), 0);
}

/* As the daemon leaves a directory in which all is that should be. */
static void seal(const char *name)
{
	support_seal(at(name));
}

static void seal_all(void)
{
	seal("services/prod");
	seal("services/default");
	seal("services");
}

static void publish(const char *namespace, const char *service_name, const char *instances)
{
	struct service *service = support_service(instances);
	struct record record = support_record(namespace, service_name, VERDICT_FOUND, service);
	char name[SUPPORT_PATH_MAX];

	snprintf(name, sizeof name, "services/%s/%s", namespace, service_name);
	support_write_record(at(name), &record);
	free(service);
}

/* A daemon's folder: two namespaces, the default one a link, `service` a link to the folder itself. */
static void set_up(void)
{
	support_folder(dir);
	publish("prod", "web", "prod web 11111111-0000-4000-8000-000000000001 10.0.0.1 80 blue\n");
	publish("default", "db", "default db 22222222-0000-4000-8000-000000000002 10.0.0.2,2001:db8::2 80 -\n");
	ck_assert_int_eq(symlink("default", at("services/_")), 0);
	ck_assert_int_eq(symlink(".", at("services/service")), 0);
	seal_all();
	said = published_texts[PUBLISHED_ALL];
	beat(0);
}

static void say(enum published_state state)
{
	said = published_texts[state];
	beat(0);
}

/* What a name finds: the verdict, or the addresses. */
static const char *find(const char *text)
{
	struct name name = support_name(text);
	struct record record = {0};
	struct address *addresses = NULL;
	size_t count = 0;
	enum published_state state;
	uint8_t unresolved;
	enum verdict verdict = published_find(dir, &name, &record, &state);

	if (verdict == VERDICT_FOUND)
		verdict = record.verdict;
	if (verdict == VERDICT_FOUND) {
		verdict = service_addresses(record.service, &name, &addresses, &count, &unresolved);
		if (verdict == VERDICT_NO_NAME && !published_is_whole(dir, &name, state))
			verdict = VERDICT_UNKNOWN;
	} else {
		ck_assert_ptr_null(record.service);
	}
	const char *result = verdict == VERDICT_FOUND ? support_addresses(addresses, count) : support_verdict(verdict);
	free(addresses);
	record_done(&record);
	return result;
}

static const struct row {
	const char *name, *wanted;
} rows[] = {
	{"web.prod.nomad", "10.0.0.1"},
	{"WEB.Prod.nomad", "10.0.0.1"},
	{"blue.web.prod.nomad", "10.0.0.1"},
	{"11111111.web.prod.nomad", "10.0.0.1"},
	{"red.web.prod.nomad", "no name"},
	{"_web._tcp.prod.nomad", "10.0.0.1"},
	{"_tcp.web.prod.nomad", "no data"},
	{"db.nomad", "10.0.0.2 2001:db8::2"},
	{"db.default.nomad", "10.0.0.2 2001:db8::2"},
	{"db.service.nomad", "10.0.0.2 2001:db8::2"},
	{"web.prod.service.nomad", "10.0.0.1"},
	/* no such service, namespace */
	{"web.nomad", "no name"},
	{"db.prod.nomad", "no name"},
	{"web.dev.nomad", "no name"},
	{"nosuch.service.nomad", "no name"},
	{"web.dev.service.nomad", "no name"},
	/* namespaces */
	{"prod.nomad", "no data"},
	{"PROD.nomad", "no data"},
	{"default.nomad", "no data"},
	{"_tcp.prod.nomad", "no data"},
	{"dev.nomad", "no name"},
};

START_TEST(a_name_finds_its_file)
{
	set_up();
	ck_assert_str_eq(find(rows[_i].name), rows[_i].wanted);
}
END_TEST

static const struct row plain[] = {
	/* the second reading of names that end in .service.nomad, where `service` is a link to the folder itself ... */
	{"prod.service.nomad", "no data"},
	{"_tcp.prod.service.nomad", "no data"},
	{"blue.prod.service.nomad", "no name"},
	{"_prod._blue.service.nomad", "no name"},
	{"db.service.nomad", "no name"},
	{"dev.service.nomad", "no name"},
};

static enum verdict find_plain(const char *text)
{
	struct record record = {0};
	struct name name;

	name_parse(text, NAME_PLAIN, &name);
	enum published_state state;
	enum verdict verdict = published_find(dir, &name, &record, &state);
	record_done(&record);
	return verdict;
}

START_TEST(through_its_link_service_is_no_namespace)
{
	set_up();
	ck_assert_str_eq(support_verdict(find_plain(plain[_i].name)), plain[_i].wanted);
}
END_TEST

/* ... and where `service-label no` made it a namespace like any other. */
START_TEST(without_its_link_service_is_a_namespace)
{
	set_up();
	ck_assert_int_eq(unlink(at("services/service")), 0);
	ck_assert_str_eq(find("db.service.nomad"), "unknown"); /* by hand, for one */
	seal("services");
	ck_assert_int_eq(find_plain("web.service.nomad"), VERDICT_NO_NAME);
	ck_assert_str_eq(find("db.service.nomad"), "no name");

	publish("service", "prod", "service prod 33333333-0000-4000-8000-000000000003 10.0.0.3 80 -\n");
	seal("services/service");
	seal("services");
	ck_assert_int_eq(find_plain("prod.service.nomad"), VERDICT_FOUND);
	ck_assert_int_eq(find_plain("web.service.nomad"), VERDICT_NO_NAME);
	/* read as an alias, `prod` is a file where a folder should be */
	ck_assert_str_eq(find("web.prod.service.nomad"), "no name");
}
END_TEST

START_TEST(without_the_folder_of_all_services_nothing_is_known)
{
	char gone[SUPPORT_PATH_MAX];

	set_up();
	ck_assert_str_eq(find("nosuch.prod.nomad"), "no name");
	support_path(dir, "gone", gone);
	ck_assert_int_eq(rename(at("services"), gone), 0);
	ck_assert_str_eq(find("web.prod.nomad"), "unknown");
	ck_assert_str_eq(find("nosuch.prod.nomad"), "unknown");
}
END_TEST

static const struct link_row {
	const char *link, *target, *name;
} links[] = {
	{"services/_", "../elsewhere", "db.nomad"},
	{"services/_", "..", "default.nomad"},
	{"services/_", "prod/../default", "db.nomad"},
	{"services/_", "/proc/self", "fd.nomad"},
	{"services/service", "../elsewhere", "db.default.service.nomad"},
	{"services/service", "/", "dev.service.nomad"},
	{"services/default", "../elsewhere", "db.default.nomad"},
	{"services/default", "prod", "web.default.nomad"},
	{"services", "elsewhere", "db.default.nomad"},
};

/* What the daemon's user leads elsewhere is not opened there, whatever lies there: a device, a file of /proc, a record. */
START_TEST(links_lead_nowhere_else)
{
	char elsewhere[SUPPORT_PATH_MAX], was[SUPPORT_PATH_MAX];

	set_up();
	ck_assert_str_eq(find("db.nomad"), "10.0.0.2 2001:db8::2");
	support_path(dir, "elsewhere", elsewhere);
	ck_assert_int_eq(rename(at("services/default"), elsewhere), 0);
	ck_assert_int_eq(symlink(".", at("elsewhere/default")), 0);
	support_path(dir, "was", was);
	ck_assert(rename(at(links[_i].link), was) == 0 || errno == ENOENT);
	ck_assert_int_eq(symlink(links[_i].target, at(links[_i].link)), 0);
	ck_assert_str_eq(find(links[_i].name), "unknown");
}
END_TEST

/* What is said of what is there, of an instance and a service that are not, of a namespace and of one that is not there. */
static const struct said {
	const char *text; /* NULL: as the daemon writes it */
	enum published_state state;
	const char *there, *instance, *missing, *bare, *namespace, *nowhere;
} sayings[] = {
	{NULL, PUBLISHED_ALL, "10.0.0.1", "no name", "no name", "no name", "no data", "no name"},
	{NULL, PUBLISHED_SOME, "10.0.0.1", "no name", "no name", "no data", "no data", "unknown"},
	{NULL, PUBLISHED_NOT_CURRENT, "10.0.0.1", "unknown", "unknown", "unknown", "unknown", "unknown"},
	/* A layout that is not known: of a daemon before there were any, a later one, a file that was cut. */
	{"", PUBLISHED_DEAD, "unknown", "unknown", "unknown", "unknown", "unknown", "unknown"},
	{"layout 2, which has more to say\n", PUBLISHED_DEAD, "unknown", "unknown", "unknown", "unknown", "unknown", "unknown"},
	{"layout 1:", PUBLISHED_DEAD, "unknown", "unknown", "unknown", "unknown", "unknown", "unknown"},
};

START_TEST(the_heartbeat_says_how_far_the_files_are_believed)
{
	const struct said *row = &sayings[_i];

	set_up();
	said = row->text == NULL ? published_texts[row->state] : (struct published_text){row->text, strlen(row->text)};
	beat(0);
	ck_assert_int_eq(published_heartbeat(dir), row->state);
	ck_assert_str_eq(find("web.prod.nomad"), row->there);
	ck_assert_str_eq(find("red.web.prod.nomad"), row->instance);
	ck_assert_str_eq(find("nosuch.prod.nomad"), row->missing);
	ck_assert_str_eq(find("nosuch.nomad"), row->bare);
	ck_assert_str_eq(find("prod.nomad"), row->namespace);
	ck_assert_str_eq(find("nosuch.dev.nomad"), row->nowhere);
}
END_TEST

START_TEST(each_state_has_a_size_of_its_own)
{
	for (int i = PUBLISHED_NOT_CURRENT; i < PUBLISHED_STATES; i++) {
		ck_assert_uint_eq(strlen(published_texts[i].text), published_texts[i].size);
		for (int j = PUBLISHED_NOT_CURRENT; j < i; j++)
			ck_assert_uint_ne(published_texts[i].size, published_texts[j].size);
	}
}
END_TEST

/* What somebody else does to the directories, and what is not believed any more: of prod, the default one, no namespace. */
static void remove_service(void)
{
	ck_assert_int_eq(unlink(at("services/prod/web")), 0);
}

static void add_service(void)
{
	support_write(at("services/prod/other"), "x", 1);
}

static void remove_namespace(void)
{
	ck_assert_int_eq(unlink(at("services/prod/web")), 0);
	ck_assert_int_eq(rmdir(at("services/prod")), 0);
}

static void remove_link(void)
{
	ck_assert_int_eq(unlink(at("services/_")), 0);
}

static void touch_namespace(void)
{
	ck_assert_int_eq(utimensat(AT_FDCWD, at("services/prod"), NULL, 0), 0);
}

static const struct meddling {
	void (*meddle)(void);
	const char *prod, *bare, *nowhere;
} meddlings[] = {
	{remove_service, "unknown", "no name", "no name"},
	{add_service, "unknown", "no name", "no name"},
	{remove_namespace, "unknown", "no name", "unknown"},
	{remove_link, "no name", "unknown", "unknown"},
	{touch_namespace, "unknown", "no name", "no name"},
};

START_TEST(what_somebody_else_has_changed_says_no_no)
{
	set_up();
	meddlings[_i].meddle();
	ck_assert_str_eq(find("nosuch.prod.nomad"), meddlings[_i].prod);
	ck_assert_str_eq(find("nosuch.prod.service.nomad"), meddlings[_i].prod);
	ck_assert_str_eq(find("nosuch.nomad"), meddlings[_i].bare);
	ck_assert_str_eq(find("nosuch.dev.nomad"), meddlings[_i].nowhere);
	ck_assert_str_eq(find("db.default.nomad"), "10.0.0.2 2001:db8::2");
}
END_TEST

/* Whether there is the namespace of a name that may lack one. */
static enum published_namespace namespace_of(const char *text, enum published_state state)
{
	struct name name = support_name(text);

	return published_find_namespace(dir, &name, state);
}

START_TEST(whether_there_is_a_namespace_is_told)
{
	set_up();
	ck_assert_int_eq(namespace_of("_x._tcp.prod.nomad", PUBLISHED_ALL), PUBLISHED_NAMESPACE_THERE);
	ck_assert_int_eq(namespace_of("_x._tcp.PROD.service.nomad", PUBLISHED_ALL), PUBLISHED_NAMESPACE_THERE);
	ck_assert_int_eq(namespace_of("_x._tcp.dev.nomad", PUBLISHED_ALL), PUBLISHED_NAMESPACE_NONE);
	ck_assert_int_eq(namespace_of("_x._tcp.dev.nomad", PUBLISHED_SOME), PUBLISHED_NAMESPACE_UNFOLLOWED);
	ck_assert_int_eq(namespace_of("_x._tcp.dev.nomad", PUBLISHED_NOT_CURRENT), PUBLISHED_NAMESPACE_UNFOLLOWED);
}
END_TEST

/* A directory that somebody has removed, or changed: whether there is such a namespace nobody can tell. */
START_TEST(a_namespace_that_was_removed_by_hand_is_not_denied)
{
	set_up();
	remove_namespace();
	ck_assert_int_eq(namespace_of("_x._tcp.prod.nomad", PUBLISHED_ALL), PUBLISHED_NAMESPACE_UNKNOWN);
	ck_assert_int_eq(namespace_of("_x._tcp.prod.nomad", PUBLISHED_SOME), PUBLISHED_NAMESPACE_UNKNOWN);
	publish("prod", "web", "prod web 11111111-0000-4000-8000-000000000001 10.0.0.1 80 blue\n");
	seal("services");
	ck_assert_int_eq(namespace_of("_x._tcp.prod.nomad", PUBLISHED_ALL), PUBLISHED_NAMESPACE_UNKNOWN);
}
END_TEST

/* `service-label no` where some namespaces alone are followed: a name is not there in its first reading. */
START_TEST(an_alias_that_is_off_hides_nothing)
{
	set_up();
	ck_assert_int_eq(unlink(at("services/service")), 0);
	seal_all();
	say(PUBLISHED_SOME);
	ck_assert_str_eq(find("web.prod.service.nomad"), "no name");
	ck_assert_int_eq(find_plain("db.service.nomad"), VERDICT_UNKNOWN);
}
END_TEST

START_TEST(a_name_without_namespace_is_of_the_one_that_is_set)
{
	struct name name = support_name("web.nomad");
	struct record record = {0};
	enum published_state state;

	set_up();
	name_set_namespace(&name, "prod");
	ck_assert_int_eq(published_find(dir, &name, &record, &state), VERDICT_FOUND);
	record_done(&record);
	name = support_name("db.nomad");
	name_set_namespace(&name, "prod");
	ck_assert_int_eq(published_find(dir, &name, &record, &state), VERDICT_NO_NAME);
	name = support_name("default.nomad");
	name_set_namespace(&name, "dev"); /* which has no directory, being empty */
	ck_assert_int_eq(published_find(dir, &name, &record, &state), VERDICT_NO_DATA);
	name = support_name("db.default.nomad");
	name_set_namespace(&name, "prod");
	ck_assert_int_eq(published_find(dir, &name, &record, &state), VERDICT_FOUND);
	record_done(&record);
}
END_TEST

static const struct beat {
	int64_t milliseconds_ago;
	bool alive;
} beats[] = {
	{0, true},
	{1000, true},
	{5000, false},
	{6000, false},
	{86400000, false},
	{INT64_C(1) << 40, false},
	{-30000, false}, /* from the future: the clock was set back, and how old it is nobody knows */
	{-86400000, false},
};

START_TEST(an_old_or_future_heartbeat_is_dead)
{
	set_up();
	beat(beats[_i].milliseconds_ago);
	ck_assert_str_eq(find("web.prod.nomad"), beats[_i].alive ? "10.0.0.1" : "unknown");
	ck_assert_str_eq(find("nosuch.prod.nomad"), beats[_i].alive ? "no name" : "unknown");
	ck_assert_str_eq(find("prod.nomad"), beats[_i].alive ? "no data" : "unknown");
}
END_TEST

START_TEST(the_age_of_the_heartbeat_is_told)
{
	set_up();
	beat(60000);
	int64_t age = published_heartbeat_age(dir);
	ck_assert_int_ge(age, 60000);
	ck_assert_int_lt(age, 60000 + 1000 * SUPPORT_SECONDS);
	beat(-60000);
	ck_assert_int_eq(published_heartbeat_age(dir), -1);
	ck_assert_int_eq(unlink(at("alive")), 0);
	ck_assert_int_eq(published_heartbeat_age(dir), -ENOENT - 1);
}
END_TEST

START_TEST(without_daemon_nobody_can_tell)
{
	support_folder(dir);
	ck_assert_str_eq(find("web.prod.nomad"), "unknown");
	strcat(dir, "/nosuch");
	ck_assert_str_eq(find("web.prod.nomad"), "unknown");
}
END_TEST

/* Puts something else in the place of a file. */
static void make_link(const char *path)
{
	char target[SUPPORT_PATH_MAX + 8];

	snprintf(target, sizeof target, "%s.target", path);
	ck_assert_int_eq(rename(path, target), 0);
	ck_assert_int_eq(symlink(target, path), 0);
}

static void make_folder(const char *path)
{
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0755), 0);
}

static void make_pipe(const char *path)
{
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0644), 0);
}

static void let_group_write(const char *path)
{
	ck_assert_int_eq(chmod(path, 0664), 0);
}

static void let_others_write(const char *path)
{
	ck_assert_int_eq(chmod(path, 0646), 0);
}

static void empty_it(const char *path)
{
	ck_assert_int_eq(truncate(path, 0), 0);
}

static void cut_it(const char *path)
{
	ck_assert_int_eq(truncate(path, 50), 0);
}

static void spoil_it(const char *path)
{
	int descriptor = open(path, O_WRONLY | O_CLOEXEC);

	ck_assert_int_eq(pwrite(descriptor, "X", 1, 70), 1);
	close(descriptor);
}

static void (*const spoilers[])(const char *path) = {make_link,        make_folder, make_pipe, let_group_write,
                                                     let_others_write, empty_it,    cut_it,    spoil_it};

START_TEST(a_record_that_is_none_says_nothing)
{
	set_up();
	spoilers[_i](at("services/prod/web"));
	ck_assert_str_eq(find("web.prod.nomad"), "unknown");
	ck_assert_str_eq(find("blue.web.prod.nomad"), "unknown");
	ck_assert_str_eq(find("db.nomad"), "10.0.0.2 2001:db8::2");
}
END_TEST

START_TEST(a_heartbeat_that_is_no_plain_file_is_dead)
{
	set_up();
	spoilers[_i](at("alive"));
	ck_assert_str_eq(find("web.prod.nomad"), "unknown");
	ck_assert_str_eq(find("nosuch.prod.nomad"), "unknown");
}
END_TEST

START_TEST(a_record_of_another_name_says_nothing)
{
	struct service *service = support_service("default db 1 10.0.0.2 80 -\n");
	struct record record = support_record("default", "db", VERDICT_FOUND, service);

	set_up();
	support_write_record(at("services/prod/db"), &record);
	ck_assert_str_eq(find("db.prod.nomad"), "unknown");
	support_write_record(at("services/default/cache"), &record);
	ck_assert_str_eq(find("cache.nomad"), "unknown");
	free(service);
}
END_TEST

static const enum verdict negative[] = {VERDICT_NO_DATA, VERDICT_NO_NAME};

START_TEST(a_negative_record_says_nothing)
{
	struct record record = support_record("prod", "web", negative[_i], NULL);

	set_up();
	support_write_record(at("services/prod/web"), &record);
	ck_assert_str_eq(find("web.prod.nomad"), "unknown");
}
END_TEST

START_TEST(a_service_that_is_nobody_knows_where_has_a_record)
{
	struct record record = support_record("prod", "web", VERDICT_UNKNOWN, NULL), found = {0};
	struct name name = support_name("web.prod.nomad");

	set_up();
	support_write_record(at("services/prod/web"), &record);
	enum published_state state;
	ck_assert_int_eq(published_find(dir, &name, &found, &state), VERDICT_FOUND);
	ck_assert_int_eq(found.verdict, VERDICT_UNKNOWN);
	ck_assert_ptr_null(found.service);
	ck_assert_str_eq(find("web.prod.nomad"), "unknown");
}
END_TEST

START_TEST(a_record_of_one_spelling_does_not_answer_for_others)
{
	struct service *service = support_service("prod web 1 10.0.0.1 80 -\n");
	struct record record = support_record("prod", "web", VERDICT_FOUND, service);

	set_up();
	record.complete = false;
	support_write_record(at("services/prod/web"), &record);
	ck_assert_str_eq(find("web.prod.nomad"), "10.0.0.1");
	ck_assert_str_eq(find("WEB.prod.nomad"), "unknown");
	free(service);
}
END_TEST

START_TEST(files_must_be_the_daemons_or_roots)
{
	set_up();
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(chown(at("alive"), DAEMON, DAEMON), 0);
	ck_assert_str_eq(find("web.prod.nomad"), "10.0.0.1");
	ck_assert_int_eq(chown(at("services/prod/web"), DAEMON, DAEMON), 0);
	ck_assert_str_eq(find("web.prod.nomad"), "10.0.0.1");
	ck_assert_int_eq(chown(at("services/prod/web"), STRANGER, DAEMON), 0);
	ck_assert_str_eq(find("web.prod.nomad"), "unknown");
	ck_assert_int_eq(chown(at("alive"), 0, 0), 0);
	ck_assert_str_eq(find("web.prod.nomad"), "unknown");
}
END_TEST

START_TEST(a_folder_that_may_not_be_read_says_nothing)
{
	set_up();
	ck_assert_int_eq(chmod(at("services"), 0), 0);
	if (geteuid() == 0) {
		char path[SUPPORT_PATH_MAX];
		strcpy(path, dir);
		*strrchr(path, '/') = '\0';
		ck_assert_int_eq(chmod(path, 0755), 0);
		ck_assert_int_eq(chmod(dir, 0755), 0);
		ck_assert_int_eq(seteuid(STRANGER), 0);
	}
	ck_assert_str_eq(find("web.prod.nomad"), "unknown");
	ck_assert_str_eq(find("nosuch.prod.nomad"), "unknown");
	ck_assert_str_eq(find("prod.nomad"), "unknown");
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(chmod(at("services"), 0755), 0);
}
END_TEST

START_TEST(without_descriptors_nobody_can_tell)
{
	struct rlimit before, none;

	set_up();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	const char *result = find("web.prod.nomad");
	setrlimit(RLIMIT_NOFILE, &before);
	ck_assert_str_eq(result, "unknown");
}
END_TEST

START_TEST(without_memory_nobody_can_tell)
{
	struct name name = support_name("blue.web.prod.nomad");
	unsigned failures = 0;

	set_up();
	for (bool failed = true; failed; failures += failed) {
		struct record record = {0};
		support_fail_allocation(failures + 1);
		enum published_state state;
	enum verdict verdict = published_find(dir, &name, &record, &state);
		failed = support_fail_allocation(0);
		ck_assert_int_eq(verdict, failed ? VERDICT_UNKNOWN : VERDICT_FOUND);
		record_done(&record);
	}
	ck_assert_uint_gt(failures, 2);
}
END_TEST

START_TEST(nothing_stays_open)
{
	set_up();
	int before = dup(0);
	close(before);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		find(rows[i].name);
	make_folder(at("services/prod/web"));
	find("web.prod.nomad");
	int after = dup(0);
	close(after);
	ck_assert_int_eq(before, after);
}
END_TEST

#define TEN "abcdefghij"
#define L63 TEN TEN TEN TEN TEN TEN "abc"

START_TEST(the_longest_path_has_room)
{
	struct name name;
	char folder[PLACE_FOLDER_MAX], wanted[PLACE_MAX];
	char *path = support_fence(PLACE_MAX);

	memset(folder, 'f', sizeof folder);
	strcpy(folder + sizeof folder - 2, "/");
	name_parse(L63 "." L63 ".service.nomad", NAME_SERVICE_LABEL, &name);
	snprintf(wanted, sizeof wanted, "%sservice/" L63 "/" L63 ".failed8", folder);
	char *end = place_of(folder, &name, ".failed8", path);
	ck_assert_str_eq(path, wanted);
	ck_assert_ptr_eq(end, path + strlen(wanted));
	support_unfence(path, PLACE_MAX);
}
END_TEST

START_TEST(places_are_in_lower_case)
{
	struct name name = support_name("Blue.WEB.Prod.nomad");
	char path[PLACE_MAX];

	place_of("x/", &name, "", path);
	ck_assert_str_eq(path, "x/prod/web");
	name = support_name("WEB.nomad");
	place_of("", &name, ".lock", path);
	ck_assert_str_eq(path, "_/web.lock");
}
END_TEST

int main(void)
{
	enum { SPOILERS = sizeof spoilers / sizeof *spoilers, NO_FILE = 5 };
	const struct support_test tests[] = {
		{a_name_finds_its_file, sizeof rows / sizeof *rows},
		{through_its_link_service_is_no_namespace, sizeof plain / sizeof *plain},
		{without_its_link_service_is_a_namespace, 1},
		{without_the_folder_of_all_services_nothing_is_known, 1},
		{links_lead_nowhere_else, sizeof links / sizeof *links},
		{the_heartbeat_says_how_far_the_files_are_believed, sizeof sayings / sizeof *sayings},
		{each_state_has_a_size_of_its_own, 1},
		{what_somebody_else_has_changed_says_no_no, sizeof meddlings / sizeof *meddlings},
		{whether_there_is_a_namespace_is_told, 1},
		{a_namespace_that_was_removed_by_hand_is_not_denied, 1},
		{an_alias_that_is_off_hides_nothing, 1},
		{a_name_without_namespace_is_of_the_one_that_is_set, 1},
		{an_old_or_future_heartbeat_is_dead, sizeof beats / sizeof *beats},
		{the_age_of_the_heartbeat_is_told, 1},
		{without_daemon_nobody_can_tell, 1},
		{a_record_that_is_none_says_nothing, SPOILERS},
		{a_heartbeat_that_is_no_plain_file_is_dead, NO_FILE},
		{a_record_of_another_name_says_nothing, 1},
		{a_negative_record_says_nothing, sizeof negative / sizeof *negative},
		{a_service_that_is_nobody_knows_where_has_a_record, 1},
		{a_record_of_one_spelling_does_not_answer_for_others, 1},
		{files_must_be_the_daemons_or_roots, 1},
		{a_folder_that_may_not_be_read_says_nothing, 1},
		{without_descriptors_nobody_can_tell, 1},
		{without_memory_nobody_can_tell, 1},
		{nothing_stays_open, 1},
		{the_longest_path_has_room, 1},
		{places_are_in_lower_case, 1},
	};

	return support_run("published", tests, sizeof tests / sizeof *tests);
}
