/*
 * Tests of src/config_keep.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "config.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

/* The defaults, with what is to be set. */
static void make(struct config *config, const char *text)
{
	char folder[SUPPORT_PATH_MAX], path[SUPPORT_PATH_MAX], reason[CONFIG_REASON_MAX];

	support_folder(folder);
	support_path(folder, "nss-nomad.conf", path);
	support_write(path, text, strlen(text));
	ck_assert_msg(config_load(path, config, reason) == 0, "%s", reason);
}

/* Appends "key " to a text. */
static void note(void *context, const char *section, const char *key)
{
	ck_assert(strcmp(section, "dns") == 0 || strcmp(section, "daemon") == 0);
	strcat(strcat(context, key), " ");
}

static const struct {
	const char *read, *differs;
} rows[] = {
	{"", ""},
	{"[answers]\nttl = 77\n[dns]\nallow =\nrate-limit = 1\nnsid = a\n[daemon]\nlog-level = debug\n", ""},
	{"[dns]\nlisten = 127.0.0.1:53\n", "listen "},
	{"[dns]\nlisten = 127.0.0.1:1053 [::1]:1054\n", "listen "},
	{"[dns]\nreverse = 10.0.0.0/8\nworkers = 7\n", "reverse workers "},
	{"[daemon]\npublish-mode = 0640\npublish-group = adm\n", "publish-mode publish-group "},
	{"[daemon]\npublish = /a\nstate = /b\nmetrics = 127.0.0.1:1\n", "publish state metrics "},
};

START_TEST(what_only_a_start_can_change_is_said_and_stays)
{
	struct config config, running;
	char said[256] = "", again[256] = "";

	make(&running, "");
	make(&config, rows[_i].read);
	config_keep(&config, &running, note, said);
	ck_assert_str_eq(said, rows[_i].differs);
	/* What is running now has the same sockets, threads and folders as before. */
	config_done(&running);
	make(&running, "");
	config_keep(&config, &running, note, again);
	ck_assert_str_eq(again, "");
	config_done(&running);
	config_done(&config);
}
END_TEST

START_TEST(what_can_change_changes)
{
	struct config config, running;
	char said[256] = "";

	make(&running, "");
	make(&config, "[answers]\nttl = 77\n[dns]\nlisten =\nallow = 10.0.0.0/8\nrate-limit = 1\n");
	config_keep(&config, &running, note, said);
	ck_assert_uint_eq(config.ttl, 77);
	ck_assert_uint_eq(config.rate_limit, 1);
	ck_assert_uint_eq(config.allow.count, 1);
	ck_assert_uint_eq(config.listen.count, 2);
	config_done(&running);
	config_done(&config);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{what_only_a_start_can_change_is_said_and_stays, sizeof rows / sizeof *rows},
		{what_can_change_changes, 1},
	};

	return support_run("config_keep", tests, sizeof tests / sizeof *tests);
}
