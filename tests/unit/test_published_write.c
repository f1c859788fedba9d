/*
 * Tests of src/published_write.c and src/published_load.c: the daemon's files as they are written, judged by the side
 * that reads them (published.c).
 *
 * SPDX-License-Identifier: MIT
 */
#include "place.h"
#include "published.h"
#include "published_write.h"
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char dir[SUPPORT_PATH_MAX], reason[PUBLISHED_REASON_MAX];
static struct published_folder *folder;

static const char *at(const char *name)
{
	static char path[SUPPORT_PATH_MAX];

	support_path(dir, name, path);
	return path;
}

static struct published_layout layout(enum name_reading reading)
{
	return (struct published_layout){dir, "Default", reading, PUBLISHED_FOR_ALL};
}

static int open_it(void)
{
	struct published_layout plain = layout(NAME_SERVICE_LABEL);

	return published_open(&plain, &folder, reason);
}

static void set_up(void)
{
	char parent[SUPPORT_PATH_MAX];

	umask(022);
	support_folder(parent);
	support_path(parent, "run", dir);
	ck_assert_int_eq(open_it(), 0);
	ck_assert_int_eq(published_seal(folder, &(struct scope){.all = true}, reason), 0);
}

static int store(const char *namespace, const char *service, const char *address)
{
	char line[256];

	snprintf(line, sizeof line, "%s %s 11111111-0000-4000-8000-000000000001 %s 80 -\n", namespace, service, address);
	struct service *block = support_service(line);
	struct record record = support_record(namespace, service, VERDICT_FOUND, block);
	int result = published_store(folder, &record, reason);
	free(block);
	return result;
}

/* What a reader finds: the verdict, or the addresses. */
static const char *find(const char *text)
{
	struct name name = support_name(text);
	struct record record = {0};
	static char result[128];
	enum published_state state;
	enum verdict verdict = published_find(dir, &name, &record, &state);

	if (verdict == VERDICT_FOUND)
		verdict = record.verdict;
	snprintf(result, sizeof result, "%s",
	         verdict == VERDICT_FOUND ? support_addresses(record.service->addresses, record.service->address_count)
	                                  : support_verdict(verdict));
	record_done(&record);
	return result;
}

static int remove_it(const char *namespace, const char *service)
{
	struct service_key key;

	strcpy(key.namespace, namespace);
	strcpy(key.service, service);
	return published_remove(folder, &key, reason);
}

static ino_t inode_of(const char *name)
{
	struct stat status;

	ck_assert_int_eq(lstat(at(name), &status), 0);
	return status.st_ino;
}

START_TEST(what_is_stored_is_found_once_the_heart_beats)
{
	set_up();
	ck_assert_int_eq(store("prod", "Web", "10.0.0.1"), 0);
	ck_assert_int_eq(store("default", "db", "10.0.0.2"), 0);
	ck_assert_str_eq(find("web.prod.nomad"), "unknown");
	ck_assert_int_eq(published_beat(folder, PUBLISHED_ALL, reason), 0);
	ck_assert_str_eq(find("WEB.prod.nomad"), "10.0.0.1");
	ck_assert_str_eq(find("web.prod.service.nomad"), "10.0.0.1");
	ck_assert_str_eq(find("db.nomad"), "10.0.0.2");
	ck_assert_str_eq(find("prod.nomad"), "no data");
	ck_assert_str_eq(find("nobody.prod.nomad"), "no name");
	published_close(folder);
}
END_TEST

START_TEST(the_heart_stops_at_once)
{
	set_up();
	store("prod", "web", "10.0.0.1");
	published_beat(folder, PUBLISHED_ALL, reason);
	published_stop(folder);
	ck_assert_str_eq(find("web.prod.nomad"), "unknown");
	published_close(folder);
}
END_TEST

START_TEST(an_equal_record_is_not_written_again)
{
	set_up();
	store("prod", "web", "10.0.0.1");
	ino_t before = inode_of("services/prod/web");
	store("prod", "web", "10.0.0.1");
	ck_assert_uint_eq(inode_of("services/prod/web"), before);
	store("prod", "web", "10.0.0.2");
	ck_assert_uint_ne(inode_of("services/prod/web"), before);
	published_close(folder);
}
END_TEST

START_TEST(a_record_that_others_may_write_is_written_again)
{
	set_up();
	published_beat(folder, PUBLISHED_ALL, reason);
	store("prod", "web", "10.0.0.1");
	chmod(at("services/prod/web"), 0666);
	ck_assert_str_eq(find("web.prod.nomad"), "unknown");
	store("prod", "web", "10.0.0.1");
	ck_assert_str_eq(find("web.prod.nomad"), "10.0.0.1");
	published_close(folder);
}
END_TEST

START_TEST(a_removed_record_is_gone_and_its_namespace_with_the_last)
{
	set_up();
	published_beat(folder, PUBLISHED_ALL, reason);
	store("prod", "web", "10.0.0.1");
	store("prod", "db", "10.0.0.2");
	ck_assert_int_eq(remove_it("prod", "web"), 0);
	ck_assert_str_eq(find("web.prod.nomad"), "no name");
	ck_assert_str_eq(find("prod.nomad"), "no data");
	ck_assert_int_eq(remove_it("prod", "db"), 0);
	ck_assert_str_eq(find("prod.nomad"), "no name");
	ck_assert_int_eq(remove_it("prod", "db"), 0);
	published_close(folder);
}
END_TEST

START_TEST(a_folder_has_one_daemon)
{
	struct published_folder *other;
	struct published_layout plain;

	set_up();
	plain = layout(NAME_SERVICE_LABEL);
	ck_assert_int_eq(published_open(&plain, &other, reason), -EBUSY);
	ck_assert_ptr_nonnull(strstr(reason, dir));
	published_close(folder);
	ck_assert_int_eq(published_open(&plain, &other, reason), 0);
	published_close(other);
}
END_TEST

/* A look at whether a daemon runs, which holds the lock; it ends while a start waits for it, in the place of time. */
static int looking = -1;

int nanosleep(const struct timespec *request, struct timespec *left) /* not a wait */
{
	(void)request, (void)left;
	if (looking >= 0)
		close(looking);
	looking = -1;
	return 0;
}

START_TEST(a_look_at_the_lock_keeps_no_daemon_from_starting)
{
	char path[SUPPORT_PATH_MAX];
	struct published_layout plain;

	set_up();
	published_close(folder);
	plain = layout(NAME_SERVICE_LABEL);
	support_path(dir, PUBLISHED_LOCK, path);
	looking = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(flock(looking, LOCK_SH), 0);
	ck_assert_msg(published_open(&plain, &folder, reason) == 0, "%s", reason);
	ck_assert_int_eq(looking, -1);
	published_close(folder);
}
END_TEST

START_TEST(a_namespace_called_service_is_a_folder_where_the_label_is_off)
{
	struct published_layout plain, labelled;

	set_up();
	plain = layout(NAME_PLAIN);
	labelled = layout(NAME_SERVICE_LABEL);
	ck_assert_int_eq(published_set_links(folder, &plain, reason), 0);
	ck_assert_int_eq(store("service", "web", "10.0.0.1"), 0);
	struct stat status;
	ck_assert_int_eq(lstat(at("services/service"), &status), 0);
	ck_assert(S_ISDIR(status.st_mode));
	/* And a link again where it is on. */
	ck_assert_int_eq(published_set_links(folder, &labelled, reason), 0);
	ck_assert_int_eq(lstat(at("services/service"), &status), 0);
	ck_assert(S_ISLNK(status.st_mode));
	published_close(folder);
}
END_TEST

/* Counts what is loaded, in the order of verdicts; all is of prod, and whole is web alone. */
static int collect(void *context, const struct record *record)
{
	size_t *found = context;
	bool good = record->verdict == VERDICT_UNKNOWN || strcmp(record->key.service, "web") == 0;

	found[good && strcmp(record->key.namespace, "prod") == 0 ? record->verdict : VERDICT_NO_NAME]++;
	return 0;
}

static bool exists(const char *name)
{
	struct stat status;

	return lstat(at(name), &status) == 0;
}

/* What a daemon that was killed at any moment may leave, and worse. */
START_TEST(a_start_repairs_what_it_finds)
{
	size_t found[VERDICT_NO_NAME + 1] = {0};

	set_up();
	store("prod", "web", "10.0.0.1");
	store("prod", "short", "10.0.0.1");
	store("prod", "moved", "10.0.0.1");
	published_close(folder);
	support_write(at("services/dev/.new"), "half", 4);
	support_write(at("services/prod/junk"), "this is no record at all, though long enough", 44);
	support_write(at("services/prod/empty"), "", 0);
	support_write(at(".new"), "half", 4);
	ck_assert_int_eq(truncate(at("services/prod/short"), 60), 0);
	char old[SUPPORT_PATH_MAX];
	strcpy(old, at("services/prod/moved"));
	ck_assert_int_eq(rename(old, at("services/prod/other")), 0);
	ck_assert_int_eq(symlink("/etc/passwd", at("services/prod/link")), 0);
	ck_assert_int_eq(symlink("nowhere", at("services/.new")), 0);
	/* Something in the place of something else. */
	ck_assert_int_eq(rmdir(at("services/default")), 0);
	support_write(at("services/default"), "a file", 6);
	support_write(at("services/file"), "a file", 6);
	ck_assert_int_eq(symlink("/tmp", at("services/link")), 0);
	support_make_folder(at("services/prod/folder"));
	support_make_folder(at("services/prod/.new"));
	ck_assert_int_eq(open_it(), 0);
	ck_assert_int_eq(published_load(folder, collect, found), 0);
	ck_assert_uint_eq(found[VERDICT_FOUND], 1);
	/* What is damaged was a service: junk, empty, short, and other, which is of another name. */
	ck_assert_uint_eq(found[VERDICT_UNKNOWN], 4);
	ck_assert(!exists("services/prod/.new") && !exists("services/prod/link"));
	ck_assert(exists("services/prod/empty") && exists("services/prod/short") && exists("services/prod/other"));
	ck_assert(!exists("services/dev") && !exists(".new"));
	ck_assert(access("/etc/passwd", F_OK) == 0);
	ck_assert(!exists("services/file") && !exists("services/link") && !exists("services/prod/folder"));
	ck_assert(exists("services/default") && exists("services/service"));
	ck_assert_int_eq(published_beat(folder, PUBLISHED_ALL, reason), 0);
	store("default", "web", "10.0.0.2");
	store("file", "web", "10.0.0.3");
	store("prod", "folder", "10.0.0.4");
	ck_assert_str_eq(find("web.default.nomad"), "10.0.0.2");
	ck_assert_str_eq(find("web.file.nomad"), "10.0.0.3");
	ck_assert_str_eq(find("folder.prod.nomad"), "10.0.0.4");
	published_close(folder);
}
END_TEST

/* No file that cannot be read for want of memory is lost, or passed over. */
START_TEST(without_memory_a_file_is_loaded_as_unknown)
{
	for (unsigned nth = 1, failed = 1; failed; nth++) {
		size_t found[VERDICT_NO_NAME + 1] = {0};
		set_up();
		store("prod", "web", "10.0.0.1");
		support_fail_allocation(nth);
		int result = published_load(folder, collect, found);
		failed = support_fail_allocation(0);
		ck_assert_int_eq(result, 0);
		ck_assert_uint_eq(found[VERDICT_FOUND] + found[VERDICT_UNKNOWN], 1);
		ck_assert_uint_eq(found[VERDICT_UNKNOWN], failed);
		ck_assert(exists("services/prod/web"));
		published_close(folder);
	}
}
END_TEST

static int fail_to_take(void *context, const struct record *record)
{
	(void)context;
	(void)record;
	return -ENOMEM;
}

START_TEST(what_cannot_be_taken_ends_the_loading)
{
	set_up();
	store("prod", "web", "10.0.0.1");
	ck_assert_int_eq(published_load(folder, fail_to_take, NULL), -ENOMEM);
	ck_assert(exists("services/prod/web"));
	published_close(folder);
}
END_TEST

static void remove_listed(void *context, const struct service_key *key)
{
	(void)context;
	remove_it(key->namespace, key->service);
}

START_TEST(what_is_listed_can_be_removed_meanwhile)
{
	set_up();
	for (int i = 0; i < 300; i++) {
		char name[16];
		snprintf(name, sizeof name, "s%d", i);
		store("prod", name, "10.0.0.1");
	}
	ck_assert_int_eq(published_list(folder, remove_listed, NULL), 0);
	ck_assert(!exists("services/prod"));
	published_close(folder);
}
END_TEST

START_TEST(a_heartbeat_that_is_no_file_of_ours_is_replaced)
{
	set_up();
	store("prod", "web", "10.0.0.1");
	ck_assert_int_eq(symlink("/dev/null", at("alive")), 0);
	ck_assert_int_eq(published_beat(folder, PUBLISHED_ALL, reason), 0);
	ck_assert_str_eq(find("web.prod.nomad"), "10.0.0.1");
	ck_assert_int_eq(chmod(at("alive"), 0666), 0);
	ck_assert_str_eq(find("web.prod.nomad"), "unknown");
	ck_assert_int_eq(published_beat(folder, PUBLISHED_ALL, reason), 0);
	ck_assert_str_eq(find("web.prod.nomad"), "10.0.0.1");
	published_close(folder);
}
END_TEST

/* What readers may say of what is not there, by what is followed and who has changed something. */
START_TEST(what_is_not_followed_is_not_denied)
{
	struct scope scope = {0};

	set_up();
	store("prod", "web", "10.0.0.1");
	store("kept", "web", "10.0.0.2");
	ck_assert_int_eq(scope_add(&scope, "Prod"), 0);
	ck_assert_int_eq(scope_add(&scope, "empty"), 0);
	ck_assert_int_eq(published_seal(folder, &scope, reason), 0);
	ck_assert_int_eq(published_beat(folder, PUBLISHED_SOME, reason), 0);
	ck_assert_str_eq(find("web.kept.nomad"), "10.0.0.2");
	ck_assert_str_eq(find("nosuch.kept.nomad"), "unknown");
	ck_assert_str_eq(find("nosuch.prod.nomad"), "no name");
	ck_assert_str_eq(find("nosuch.empty.nomad"), "no name");
	ck_assert_str_eq(find("nosuch.other.nomad"), "unknown");
	ck_assert_str_eq(find("nosuch.nomad"), "unknown");
	/* It stays without its last service, and one that comes to another namespace changes nothing there. */
	ck_assert_int_eq(remove_it("prod", "web"), 0);
	store("other", "web", "10.0.0.3");
	ck_assert_str_eq(find("nosuch.prod.nomad"), "no name");
	ck_assert_str_eq(find("nosuch.other.nomad"), "unknown");
	ck_assert_int_eq(published_check_seals(folder), 0);
	published_close(folder);
	scope_done(&scope);
}
END_TEST

START_TEST(our_own_changes_leave_the_seals)
{
	set_up();
	published_beat(folder, PUBLISHED_ALL, reason);
	store("prod", "web", "10.0.0.1");
	ck_assert_str_eq(find("nosuch.prod.nomad"), "no name");
	ck_assert_str_eq(find("nosuch.dev.nomad"), "no name");
	store("prod", "db", "10.0.0.1");
	store("prod", "web", "10.0.0.2");
	remove_it("prod", "db");
	ck_assert_str_eq(find("db.prod.nomad"), "no name");
	remove_it("prod", "web");
	ck_assert_str_eq(find("web.prod.nomad"), "no name");
	ck_assert_int_eq(published_check_seals(folder), 0);
	published_close(folder);
}
END_TEST

/* Nor do our own changes after that seal again what somebody else has changed. */
START_TEST(what_somebody_else_removes_is_noticed)
{
	set_up();
	published_beat(folder, PUBLISHED_ALL, reason);
	store("prod", "web", "10.0.0.1");
	store("prod", "db", "10.0.0.2");
	ck_assert_int_eq(unlink(at("services/prod/web")), 0);
	ck_assert_str_eq(find("web.prod.nomad"), "unknown");
	store("prod", "db", "10.0.0.3");
	remove_it("prod", "db");
	ck_assert_str_eq(find("web.prod.nomad"), "unknown");
	ck_assert_int_eq(published_check_seals(folder), -ESTALE);
	store("prod", "web", "10.0.0.1");
	ck_assert_int_eq(published_seal(folder, &(struct scope){.all = true}, reason), 0);
	ck_assert_int_eq(published_check_seals(folder), 0);
	ck_assert_str_eq(find("nosuch.prod.nomad"), "no name");
	published_close(folder);
}
END_TEST

START_TEST(a_state_is_said_when_it_changes)
{
	set_up();
	for (int state = PUBLISHED_NOT_CURRENT; state < PUBLISHED_STATES; state++)
		for (int times = 0; times < 2; times++) {
			ck_assert_int_eq(published_beat(folder, (enum published_state)state, reason), 0);
			ck_assert_int_eq(published_heartbeat(dir), state);
		}
	published_close(folder);
}
END_TEST

/* Each trouble, made below an open folder: the heart does not beat, and the reason says what to do. */
static void replace_folder(void)
{
	char moved[SUPPORT_PATH_MAX + 8];

	snprintf(moved, sizeof moved, "%s.old", dir);
	ck_assert_int_eq(rename(dir, moved), 0);
	support_make_folder(dir);
}

static void take_folder_away(void)
{
	char moved[SUPPORT_PATH_MAX + 8];

	snprintf(moved, sizeof moved, "%s.old", dir);
	ck_assert_int_eq(rename(dir, moved), 0);
}

static void open_folder_to_others(void)
{
	ck_assert_int_eq(chmod(dir, 0777), 0);
}

static void remove_services(void)
{
	ck_assert_int_eq(unlink(at("services/_")), 0);
	ck_assert_int_eq(unlink(at("services/service")), 0);
	ck_assert_int_eq(rmdir(at("services/default")), 0);
	ck_assert_int_eq(rmdir(at("services/.drafts")), 0);
	ck_assert_int_eq(rmdir(at("services")), 0);
}

static const struct {
	void (*make)(void);
	int error;
	const char *words;
} troubles[] = {
	{replace_folder, -ESTALE, "replaced"},
	{take_folder_away, -ESTALE, "removed"},
	{open_folder_to_others, -EPERM, "chmod go-w"},
	{remove_services, -ESTALE, "services"},
};

START_TEST(in_trouble_the_heart_does_not_beat)
{
	set_up();
	troubles[_i].make();
	ck_assert_int_eq(published_beat(folder, PUBLISHED_ALL, reason), troubles[_i].error);
	ck_assert_msg(strstr(reason, troubles[_i].words) != NULL, "%s", reason);
	published_close(folder);
}
END_TEST

START_TEST(a_folder_of_somebody_else_is_refused)
{
	set_up();
	published_close(folder);
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(chown(dir, 4711, 4711), 0);
	ck_assert_int_eq(open_it(), -EPERM);
	ck_assert_msg(strstr(reason, "4711") != NULL && strstr(reason, "chown") != NULL, "%s", reason);
}
END_TEST

START_TEST(a_path_that_is_too_long_is_refused)
{
	char path[PLACE_FOLDER_MAX];
	struct published_layout far = {path, "default", NAME_PLAIN, PUBLISHED_FOR_ALL};

	memset(path, 'x', sizeof path);
	path[0] = '/';
	path[sizeof path - 1] = '\0';
	ck_assert_int_eq(published_open(&far, &folder, reason), -ENAMETOOLONG);
}
END_TEST

START_TEST(without_memory_the_old_record_stands)
{
	set_up();
	published_beat(folder, PUBLISHED_ALL, reason);
	store("prod", "web", "10.0.0.1");
	struct service *block = support_service("prod web 11111111-0000-4000-8000-000000000001 10.0.0.2 80 -\n");
	struct record record = support_record("prod", "web", VERDICT_FOUND, block);
	support_fail_allocation(1);
	int result = published_store(folder, &record, reason);
	ck_assert(support_fail_allocation(0));
	ck_assert_int_eq(result, -ENOMEM);
	ck_assert_str_eq(find("web.prod.nomad"), "10.0.0.1");
	free(block);
	published_close(folder);
}
END_TEST

/* The mode and, for a directory, what it takes to search it; of a path below the folder. */
static mode_t mode_of(const char *name)
{
	struct stat status;

	ck_assert_int_eq(lstat(at(name), &status), 0);
	return status.st_mode & ALLPERMS;
}

START_TEST(files_and_directories_have_the_mode)
{
	struct published_layout few;

	set_up();
	store("prod", "web", "10.0.0.1");
	published_close(folder);
	few = (struct published_layout){dir, "Default", NAME_SERVICE_LABEL, {0640, getegid()}};
	ck_assert_msg(published_open(&few, &folder, reason) == 0, "%s", reason);
	ck_assert_int_eq(mode_of("services/prod/web"), 0640); /* which an earlier daemon left */
	ck_assert_int_eq(mode_of("services/prod"), 0750);
	ck_assert_int_eq(published_seal(folder, &(struct scope){.all = true}, reason), 0);
	store("team", "new", "10.0.0.2");
	published_beat(folder, PUBLISHED_ALL, reason);
	ck_assert_int_eq(mode_of("services/team/new"), 0640);
	ck_assert_int_eq(mode_of("services/team"), 0750);
	ck_assert_int_eq(mode_of("services"), 0750);
	ck_assert_int_eq(mode_of("alive"), 0644); /* all may know that there is a daemon */
	ck_assert_str_eq(find("web.prod.nomad"), "10.0.0.1");
	published_close(folder);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{what_is_stored_is_found_once_the_heart_beats, 1},
		{the_heart_stops_at_once, 1},
		{an_equal_record_is_not_written_again, 1},
		{a_record_that_others_may_write_is_written_again, 1},
		{a_removed_record_is_gone_and_its_namespace_with_the_last, 1},
		{a_look_at_the_lock_keeps_no_daemon_from_starting, 1},
		{a_folder_has_one_daemon, 1},
		{a_namespace_called_service_is_a_folder_where_the_label_is_off, 1},
		{a_start_repairs_what_it_finds, 1},
		{without_memory_a_file_is_loaded_as_unknown, 1},
		{what_cannot_be_taken_ends_the_loading, 1},
		{what_is_listed_can_be_removed_meanwhile, 1},
		{a_heartbeat_that_is_no_file_of_ours_is_replaced, 1},
		{what_is_not_followed_is_not_denied, 1},
		{our_own_changes_leave_the_seals, 1},
		{what_somebody_else_removes_is_noticed, 1},
		{a_state_is_said_when_it_changes, 1},
		{in_trouble_the_heart_does_not_beat, sizeof troubles / sizeof *troubles},
		{a_folder_of_somebody_else_is_refused, 1},
		{a_path_that_is_too_long_is_refused, 1},
		{without_memory_the_old_record_stands, 1},
		{files_and_directories_have_the_mode, 1},
	};

	return support_run("published_write", tests, sizeof tests / sizeof *tests);
}
