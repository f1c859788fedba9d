/*
 * Tests of src/watch/publisher_check.c: what others take away is back, whenever they did it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "published.h"
#include "support.h"
#include "watch/publisher.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

static char dir[SUPPORT_PATH_MAX], said[1024];
static struct catalogue *catalogue;
static struct publisher *publisher;

static void say(void *context, int priority, const char *text)
{
	(void)context;
	ck_assert_int_eq(priority, LOG_WARNING);
	snprintf(said, sizeof said, "%s", text);
}

static struct service_key key_of(const char *namespace, const char *service)
{
	struct service_key key = {0};

	strcpy(key.namespace, namespace);
	strcpy(key.service, service);
	return key;
}

static void put(const char *namespace, const char *service)
{
	struct service_key key = key_of(namespace, service);
	char line[256];

	snprintf(line, sizeof line, "%s %s 11111111-0000-4000-8000-000000000001 10.0.0.1 80 -\n", namespace, service);
	ck_assert_int_eq(catalogue_put(catalogue, &key, support_service(line)), 0);
	publisher_put(publisher, &key, catalogue_find(catalogue, &key));
}

/* A publisher of 100 services in each of two namespaces, all of which are followed. */
static void set_up(void)
{
	static struct config config = {.ttl = 5000, .max_stale = 60000};
	char reason[PUBLISHED_REASON_MAX], parent[SUPPORT_PATH_MAX], name[16];

	umask(022);
	said[0] = '\0';
	support_folder(parent);
	support_path(parent, "run", dir);
	config.publish = dir;
	catalogue = catalogue_new();
	ck_assert_int_eq(publisher_new(&config, catalogue, say, NULL, &publisher, reason), 0);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "web-%d", i);
		put("default", name);
		put("prod", name);
	}
	ck_assert_int_eq(publisher_set_scope(publisher, &(struct scope){.all = true}), 0);
	publisher_write_all(publisher);
	publisher_beat(publisher, PUBLISHED_ALL);
}

static void tear_down(void)
{
	publisher_free(publisher);
	catalogue_free(catalogue);
}

static const char *at(const char *name)
{
	static char path[SUPPORT_PATH_MAX];

	support_path(dir, name, path);
	return path;
}

/* What a reader finds. */
static const char *find(const char *text)
{
	struct name name = support_name(text);
	struct record record = {0};
	enum published_state state;
	enum verdict verdict = published_find(dir, &name, &record, &state);

	record_done(&record);
	return support_verdict(verdict);
}

/* A directory is sealed, as the daemon does it after a change of its own. */
static void seal(const char *name)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = PUBLISHED_SEAL}};

	ck_assert_int_eq(utimensat(AT_FDCWD, at(name), times, 0), 0);
}

START_TEST(what_was_removed_is_not_denied_and_is_back_with_the_next_beat)
{
	set_up();
	ck_assert_int_eq(unlink(at("services/prod/web-7")), 0);
	ck_assert_str_eq(find("web-7.prod.nomad"), "unknown");
	publisher_beat(publisher, PUBLISHED_ALL);
	ck_assert_str_eq(find("web-7.prod.nomad"), "found");
	ck_assert_ptr_nonnull(strstr(said, "another program"));
	tear_down();
}
END_TEST

/* Just before the daemon sealed the directory, after a change that it had begun while the seal was whole. */
START_TEST(what_was_removed_unseen_is_back_within_as_many_beats_as_it_says)
{
	set_up();
	for (int i = 0; i < 100; i++) {
		char name[64];
		snprintf(name, sizeof name, "services/prod/web-%d", i);
		ck_assert_int_eq(unlink(at(name)), 0);
		seal("services/prod");
		snprintf(name, sizeof name, "web-%d.prod.nomad", i);
		ck_assert_str_eq(find(name), "no name");
		for (int beats = 0; beats < PUBLISHER_LOOK_WITHIN; beats++)
			publisher_beat(publisher, PUBLISHED_ALL);
		ck_assert_str_eq(find(name), "found");
	}
	ck_assert_ptr_null(publisher_error(publisher));
	tear_down();
}
END_TEST

/* The first service that comes then makes the directory again, before anybody has noticed. */
START_TEST(a_namespace_that_was_removed_is_not_denied_when_one_of_its_services_changes)
{
	set_up();
	for (int i = 0; i < 100; i++) {
		char name[64];
		snprintf(name, sizeof name, "services/prod/web-%d", i);
		ck_assert_int_eq(unlink(at(name)), 0);
	}
	ck_assert_int_eq(rmdir(at("services/prod")), 0);
	put("prod", "new");
	ck_assert_str_eq(find("new.prod.nomad"), "found");
	ck_assert_str_eq(find("web-7.prod.nomad"), "unknown");
	ck_assert_str_eq(find("nobody.prod.nomad"), "unknown");
	publisher_beat(publisher, PUBLISHED_ALL);
	ck_assert_str_eq(find("web-7.prod.nomad"), "found");
	ck_assert_str_eq(find("nobody.prod.nomad"), "no name");
	tear_down();
}
END_TEST

START_TEST(nothing_is_said_while_nothing_is_missing)
{
	set_up();
	for (int beats = 0; beats < 2 * PUBLISHER_LOOK_WITHIN; beats++)
		publisher_beat(publisher, PUBLISHED_ALL);
	ck_assert_str_eq(said, "");
	tear_down();
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{what_was_removed_is_not_denied_and_is_back_with_the_next_beat, 1},
		{what_was_removed_unseen_is_back_within_as_many_beats_as_it_says, 1},
		{a_namespace_that_was_removed_is_not_denied_when_one_of_its_services_changes, 1},
		{nothing_is_said_while_nothing_is_missing, 1},
	};

	return support_run("publisher_check", tests, sizeof tests / sizeof *tests);
}
