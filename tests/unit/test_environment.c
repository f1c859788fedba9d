/*
 * Tests of src/environment.c, and of lookup_places_init() in src/lookup.c: what NOMAD_* means to a lookup.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cache.h"
#include "environment.h"
#include "lookup.h"
#include "published.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const variables[] = {"NOMAD_ADDR", "NOMAD_REGION", "NOMAD_NAMESPACE", "NOMAD_ALLOC_ID"};

static struct lookup_places places_with(const char *address, const char *region, const char *namespace, const char *task)
{
	const char *const values[] = {address, region, namespace, task};
	struct lookup_places at;

	for (int i = 0; i < 4; i++)
		if (values[i] == NULL)
			unsetenv(variables[i]);
		else
			setenv(variables[i], values[i], 1);
	lookup_places_init(&at);
	return at;
}

/* Nothing is published where the tests run, so that whatever names a cluster names another one. */
static const struct selecting {
	const char *address, *region, *namespace, *task;
	bool other;
	const char *meant; /* the namespace of names that give none; NULL: nobody can tell */
} selectings[] = {
	{NULL, NULL, NULL, NULL, false, ""},
	{"", "", "", "", false, ""},
	{"http://192.0.2.1:4646", NULL, NULL, NULL, true, ""},
	{NULL, "europe", NULL, NULL, true, ""},
	{NULL, NULL, "prod", NULL, false, "prod"},
	{NULL, NULL, "*", NULL, false, ""},
	{NULL, NULL, "a/b", NULL, false, NULL},
	{NULL, NULL, "0123456789012345678901234567890123456789012345678901234567890123", NULL, false, NULL},
	/* What every task has. */
	{NULL, "global", "prod", "6b3f8e0a-0000-4000-8000-000000000001", false, "prod"},
	{"unix:///secrets/api.sock", "global", "default", "6b3f8e0a-0000-4000-8000-000000000001", false, "default"},
	{"unix:///secrets/api.sock", NULL, NULL, NULL, true, ""},
	{"http://192.0.2.1:4646", "global", "prod", "6b3f8e0a-0000-4000-8000-000000000001", true, "prod"},
};

START_TEST(the_environment_says_where_a_program_runs)
{
	const struct selecting *row = &selectings[_i];

	setenv("NOMAD_TOKEN", "secret", 1); /* says who asks, not whom */
	struct lookup_places at = places_with(row->address, row->region, row->namespace, row->task);
	ck_assert_int_eq(at.published == NULL, row->other);
	ck_assert_uint_eq(strspn(at.cluster, "0123456789abcdef"), row->other ? 16 : 0);
	ck_assert_int_eq(at.namespace_wrong, row->meant == NULL);
	ck_assert_str_eq(at.namespace, row->meant == NULL ? "" : row->meant);
	ck_assert_str_eq(at.cache, CACHE_DIR);
	ck_assert(!at.whole);
}
END_TEST

START_TEST(clusters_are_kept_apart)
{
	struct lookup_places one = places_with("http://x", NULL, NULL, NULL);

	ck_assert_str_eq(places_with("http://x", NULL, "prod", NULL).cluster, one.cluster);
	ck_assert_str_ne(places_with("http://y", NULL, NULL, NULL).cluster, one.cluster);
	ck_assert_str_ne(places_with("http://x", "x", NULL, NULL).cluster, one.cluster);
	ck_assert_str_ne(places_with(NULL, "http://x", NULL, NULL).cluster, one.cluster);
	/* A task's region is left out of what is asked, and so of the key. */
	ck_assert_str_eq(places_with("http://x", "x", NULL, "task").cluster, one.cluster);
	places_with(NULL, NULL, NULL, NULL);
}
END_TEST

/* The helper would ignore it: exec makes a process whose users differ one with somebody else's rights. */
START_TEST(the_environment_selects_nothing_for_a_user_that_was_put_on)
{
	enum { STRANGER = 4712 }; /* a user without name */
	struct lookup_places at;

	if (geteuid() != 0)
		return;
	setenv("NOMAD_ADDR", "http://192.0.2.1:4646", 1);
	ck_assert_int_eq(seteuid(STRANGER), 0);
	lookup_places_init(&at);
	ck_assert_int_eq(seteuid(0), 0);
	unsetenv("NOMAD_ADDR");
	ck_assert_ptr_nonnull(at.published);
	ck_assert_str_eq(at.cluster, "");
}
END_TEST

static char dir[SUPPORT_PATH_MAX], path[SUPPORT_PATH_MAX];

static const char follows[] =
	"# What it follows.\n"
	"address http://127.0.0.1:4646\n"
	"address https://nomad.example:443\n"
	"address http://[2001:db8::1]:80\n"
	"address unix:///run/nomad/api.sock\n"
	"region global\n"
	"namespaces all\n";

static void set_up(const char *text)
{
	support_folder(dir);
	support_path(dir, PUBLISHED_FOLLOWS, path);
	support_write(path, text, strlen(text));
}

static bool is_followed(const char *address, const char *region)
{
	return environment_is_followed(&(struct environment){.address = address, .region = region}, dir);
}

static const struct naming {
	const char *address, *region;
	bool followed;
} namings[] = {
	{"http://127.0.0.1:4646", NULL, true},
	{"HTTP://127.0.0.1:4646/", NULL, true},
	{"http://me:sesame@127.0.0.1:4646/ui?x", NULL, true},
	{"http://localhost:4646", NULL, true},
	{"http://[::1]:4646", NULL, true},
	{"http://127.0.0.1:4647", NULL, false},
	{"https://127.0.0.1:4646", NULL, false},
	{"http://127.0.0.11:4646", NULL, false}, /* another address of this host may be another agent's */
	{"https://nomad.example", NULL, true},
	{"https://NOMAD.example:443/", NULL, true},
	{"https://nomad.example.org", NULL, false},
	{"http://[2001:DB8:0::1]", NULL, true},
	{"unix:///run/nomad/api.sock", NULL, true},
	{"unix:///run/nomad/other.sock", NULL, false},
	{"127.0.0.1:4646", NULL, false}, /* the nomad command does not take it either */
	{NULL, "global", true},
	{NULL, "Global", false},
	{NULL, "europe", false},
	{"http://127.0.0.1:4646", "global", true},
	{"http://127.0.0.1:4646", "europe", false},
	{"http://192.0.2.1:4646", "global", false},
};

START_TEST(the_cluster_that_the_daemon_follows_is_known)
{
	set_up(follows);
	ck_assert_int_eq(is_followed(namings[_i].address, namings[_i].region), namings[_i].followed);
}
END_TEST

START_TEST(a_file_that_is_not_the_daemons_says_nothing)
{
	set_up(follows);
	ck_assert_int_eq(chmod(path, 0666), 0);
	ck_assert(!is_followed(NULL, "global"));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert(!is_followed(NULL, "global"));
	ck_assert_int_eq(mkfifo(path, 0644), 0);
	ck_assert(!is_followed(NULL, "global"));
	ck_assert_int_eq(unlink(path), 0);
	support_make_folder(path);
	ck_assert(!is_followed(NULL, "global"));
}
END_TEST

static const char *const odd[] = {"", "\n\n", "region", "region\n", "region  global\n", "regions global\n", "xregion global\n",
                                  "address\naddress \naddress x\n", "global\n"};

START_TEST(an_odd_file_says_nothing)
{
	set_up(odd[_i]);
	ck_assert(!is_followed(NULL, "global"));
	ck_assert(!is_followed("http://127.0.0.1:4646", NULL));
}
END_TEST

START_TEST(a_file_that_is_too_long_says_nothing)
{
	char *text = malloc(40001);

	memset(text, '\n', 40000);
	strcpy(text + 40000 - sizeof follows, follows);
	set_up(text);
	ck_assert(!is_followed(NULL, "global"));
	set_up(text + 30000);
	ck_assert(is_followed(NULL, "global"));
	free(text);
}
END_TEST

START_TEST(without_memory_it_is_another_cluster)
{
	set_up(follows);
	support_fail_allocation(1);
	bool followed = is_followed(NULL, "global");
	ck_assert(support_fail_allocation(0));
	ck_assert(!followed);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{the_environment_says_where_a_program_runs, sizeof selectings / sizeof *selectings},
		{clusters_are_kept_apart, 1},
		{the_environment_selects_nothing_for_a_user_that_was_put_on, 1},
		{the_cluster_that_the_daemon_follows_is_known, sizeof namings / sizeof *namings},
		{a_file_that_is_not_the_daemons_says_nothing, 1},
		{an_odd_file_says_nothing, sizeof odd / sizeof *odd},
		{a_file_that_is_too_long_says_nothing, 1},
		{without_memory_it_is_another_cluster, 1},
	};

	return support_run("environment", tests, sizeof tests / sizeof *tests);
}
