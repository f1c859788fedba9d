/*
 * Tests of src/tool/nsswitch.c. That glibc takes the same lines for right and wrong is shown in
 * tests/system/test_hosts_line.py.
 *
 * SPDX-License-Identifier: MIT
 */
#include "support.h"
#include "tool/nsswitch.h"

#include <stdio.h>
#include <string.h>

/* What a hosts line holds as "NAME BRACKETS|NAME BRACKETS|", what glibc does not read any more behind a "/". */
static void show(const struct nsswitch *nsswitch, char text[SUPPORT_TEXT_MAX])
{
	char *at = text;

	*at = '\0';
	for (size_t i = 0; i < nsswitch->total; i++)
		at += sprintf(at, "%s%s%s%s|", i == nsswitch->count ? "/" : "", nsswitch->services[i].name,
		              nsswitch->services[i].brackets[0] == '\0' ? "" : " ", nsswitch->services[i].brackets);
}

static const struct {
	const char *text, *shown;
	int line; /* the hosts line that counts */
} sound[] = {
	{"", "", 0},
	{"hosts: files dns\n", "files|dns|", 1},
	{"hosts:files\tdns\n", "files|dns|", 1},
	{"  hosts: files [NOTFOUND=return] dns\n", "files [NOTFOUND=return]|dns|", 1},
	{"hosts: files nomad [!UNAVAIL=return] dns\n", "files|nomad [!UNAVAIL=return]|dns|", 1},
	{"hosts: files nomad [!UNAVAIL = return] dns\n", "files|nomad [!UNAVAIL = return]|dns|", 1},
	{"hosts: files[notfound=Return]dns\n", "files [notfound=Return]|dns|", 1},
	{"hosts: files [ NOTFOUND=return SUCCESS=continue ] dns\n", "files [ NOTFOUND=return SUCCESS=continue ]|dns|", 1},
	{"hosts: files\nhosts: dns\n", "dns|", 2},
	{"#hosts: files\npasswd: files\nhosts: dns\n", "dns|", 3},
	{"hosts: files\n# hosts: dns\n:hosts: dns\nHosts: dns\n", "files|", 1},
	{"nothing\nhosts: dns\nothers: [x\n", "dns|", 2},
	{"hosts: files dns # and more\n", "files|dns|#|and|more|", 1},
	{"hosts:\n", "", 1},
	{"hosts\n", "", 1},
	/* No colon, or many. */
	{"hosts files dns\nhosts:: nomad : dns\n", "nomad|:|dns|", 2},
	{"hosts:dns\nhosts\tfiles\n", "files|", 2},
	/* Only one pair of brackets, and none where a source is to stand, or the line ends there, also for what is wrong. */
	{"hosts: files [NOTFOUND=return] [TRYAGAIN=return] dns\n", "files [NOTFOUND=return]|/dns|", 1},
	{"hosts: files [NOTFOUND=return][TRYAGAIN=retrun] dns [x] nomad\n", "files [NOTFOUND=return]|/dns|nomad|", 1},
	{"hosts: [NOTFOUND=return] files\n", "/files|", 1},
	/* A last line without newline. */
	{"hosts: files\nhosts: dns", "files|", 1},
	{"hosts: files\nhosts: [", "files|", 1},
};

START_TEST(sound_line_is_read)
{
	char shown[SUPPORT_TEXT_MAX];
	struct nsswitch nsswitch;

	nsswitch_parse(sound[_i].text, strlen(sound[_i].text), &nsswitch);
	show(&nsswitch, shown);
	ck_assert_int_eq(nsswitch.wrong_line, 0);
	ck_assert_str_eq(shown, sound[_i].shown);
	ck_assert_int_eq(nsswitch.hosts_line, sound[_i].line);
}
END_TEST

static const struct {
	const char *text;
	int line;
} wrong[] = {
	{"hosts: files [NOTFOUND=retrun] dns\n", 1},
	{"passwd: files\n\nhosts: files [NOTFOUND=return dns\n", 3},
	{"passwd: files [\nhosts: files [\n", 1},
	{"hosts: files [NOTFOUND] dns\n", 1},
	{"hosts: files [NOTFOUND=] dns\n", 1},
	{"hosts: files [FOUND=return] dns\n", 1},
	{"hosts: files [NOTFOUND=returns] dns\n", 1},
	{"hosts: files [NOTFOUND=return!SUCCESS=return] dns\n", 1},
	{"hosts: files [ ! NOTFOUND=return] dns\n", 1},
	{"hosts: files [] dns\n", 1},
	{"hosts files [NOTFOUND==return] dns\n", 1},
	{"# x\nshadow: files [=return]\n", 2},
	{"passwd_compat: files [=return]\n", 1},
	{"hosts: files dns # [see below\n", 1},
};

START_TEST(wrong_line_is_named)
{
	struct nsswitch nsswitch;

	nsswitch_parse(wrong[_i].text, strlen(wrong[_i].text), &nsswitch);
	ck_assert_int_eq(nsswitch.wrong_line, wrong[_i].line);
}
END_TEST

#define CONTINUE NSSWITCH_CONTINUE
#define RETURN NSSWITCH_RETURN
#define MERGE NSSWITCH_MERGE

static const struct {
	const char *brackets;
	enum nsswitch_action success, notfound, unavail, tryagain;
} actions[] = {
	{"", RETURN, CONTINUE, CONTINUE, CONTINUE},
	{"[!UNAVAIL=return]", RETURN, RETURN, CONTINUE, RETURN},
	{"[!UNAVAIL = return]", RETURN, RETURN, CONTINUE, RETURN},
	{"[!SUCCESS=return]", RETURN, RETURN, RETURN, RETURN},
	{"[NOTFOUND=return TRYAGAIN=return]", RETURN, RETURN, CONTINUE, RETURN},
	{"[!NOTFOUND=continue]", CONTINUE, CONTINUE, CONTINUE, CONTINUE},
	{"[UNAVAIL=return !UNAVAIL=return]", RETURN, RETURN, RETURN, RETURN},
	{"[!UNAVAIL=return notfound=Continue]", RETURN, CONTINUE, CONTINUE, RETURN},
	{"[\tSUCCESS=merge  tryagain =\treturn ]", MERGE, CONTINUE, CONTINUE, RETURN},
};

START_TEST(brackets_say_what_follows_each_answer)
{
	char text[128];
	struct nsswitch nsswitch;

	snprintf(text, sizeof text, "hosts: one %s two\n", actions[_i].brackets);
	nsswitch_parse(text, strlen(text), &nsswitch);
	ck_assert_int_eq(nsswitch.wrong_line, 0);
	ck_assert_uint_eq(nsswitch.count, 2);
	const enum nsswitch_action *found = nsswitch.services[0].actions;
	ck_assert_int_eq(found[NSSWITCH_SUCCESS], actions[_i].success);
	ck_assert_int_eq(found[NSSWITCH_NOTFOUND], actions[_i].notfound);
	ck_assert_int_eq(found[NSSWITCH_UNAVAIL], actions[_i].unavail);
	ck_assert_int_eq(found[NSSWITCH_TRYAGAIN], actions[_i].tryagain);
}
END_TEST

START_TEST(hosts_lines_are_counted)
{
	static const char text[] = "hosts: a\nhosts: b\n\nhosts c\npasswd: x";
	struct nsswitch nsswitch;

	nsswitch_parse(text, strlen(text), &nsswitch);
	ck_assert_int_eq(nsswitch.hosts_lines, 3);
	ck_assert_int_eq(nsswitch.hidden_line, 2);
	ck_assert_int_eq(nsswitch.hosts_line, 4);
	ck_assert(nsswitch.unfinished);
	nsswitch_parse(text, strlen(text) - strlen("passwd: x"), &nsswitch);
	ck_assert(!nsswitch.unfinished);
}
END_TEST

/* They are kept as they are written only where they fit. */
START_TEST(long_brackets_keep_their_meaning)
{
	char text[1024] = "hosts: one [", *at = text + strlen(text);
	struct nsswitch nsswitch;

	for (int i = 0; i < 20; i++)
		at = stpcpy(at, "NOTFOUND=return UNAVAIL=continue ");
	strcpy(at, "] two\n");
	nsswitch_parse(text, strlen(text), &nsswitch);
	ck_assert_str_eq(nsswitch.services[0].brackets,
	                 "[SUCCESS=return NOTFOUND=return UNAVAIL=continue TRYAGAIN=continue]");
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{sound_line_is_read, sizeof sound / sizeof *sound},
		{wrong_line_is_named, sizeof wrong / sizeof *wrong},
		{brackets_say_what_follows_each_answer, sizeof actions / sizeof *actions},
		{hosts_lines_are_counted, 1},
		{long_brackets_keep_their_meaning, 1},
	};

	return support_run("nsswitch", tests, sizeof tests / sizeof *tests);
}
