/*
 * Tests of src/tool/nsswitch.c. That glibc takes the same lines for right and wrong is shown in
 * tests/system/test_doctor.py.
 *
 * SPDX-License-Identifier: MIT
 */
#include "support.h"
#include "tool/nsswitch.h"

#include <stdio.h>
#include <string.h>

/* What a hosts line holds as "NAME ACTION|NAME ACTION|". */
static void show(const struct nsswitch *nsswitch, char text[SUPPORT_TEXT_MAX])
{
	char *at = text;

	*at = '\0';
	for (size_t i = 0; i < nsswitch->count; i++)
		at += sprintf(at, "%s%s%s|", nsswitch->services[i].name, nsswitch->services[i].action[0] == '\0' ? "" : " ",
		              nsswitch->services[i].action);
}

static const struct {
	const char *text, *shown;
} sound[] = {
	{"", ""},
	{"hosts: files dns", "files|dns|"},
	{"hosts:files\tdns\n", "files|dns|"},
	{"  hosts: files [NOTFOUND=return] dns\n", "files [NOTFOUND=return]|dns|"},
	{"hosts: files nomad [!UNAVAIL=return] dns\n", "files|nomad [!UNAVAIL=return]|dns|"},
	{"hosts: files[notfound=Return]dns", "files [notfound=Return]|dns|"},
	{"hosts: files [ NOTFOUND=return SUCCESS=continue ] dns", "files [ NOTFOUND=return SUCCESS=continue ]|dns|"},
	{"hosts: files\nhosts: dns\n", "dns|"},
	{"#hosts: files\npasswd: files\nhosts: dns", "dns|"},
	{"nothing\nhosts: dns\nothers: [x", "dns|"},
	{"hosts: files dns # and more", "files|dns|#|and|more|"},
	{"hosts:", ""},
};

START_TEST(sound_line_is_read)
{
	char shown[SUPPORT_TEXT_MAX];
	struct nsswitch nsswitch;

	nsswitch_parse(sound[_i].text, &nsswitch);
	show(&nsswitch, shown);
	ck_assert_int_eq(nsswitch.wrong_line, 0);
	ck_assert_str_eq(shown, sound[_i].shown);
	ck_assert_int_eq(nsswitch.has_hosts, _i > 0);
}
END_TEST

static const struct {
	const char *text;
	int line;
} wrong[] = {
	{"hosts: files [NOTFOUND=retrun] dns", 1},
	{"passwd: files\n\nhosts: files [NOTFOUND=return dns\n", 3},
	{"passwd: files [\nhosts: [\n", 1},
	{"hosts: files [NOTFOUND] dns", 1},
	{"hosts: files [NOTFOUND=] dns", 1},
	{"hosts: files [FOUND=return] dns", 1},
	{"hosts: files [NOTFOUND=returns] dns", 1},
	{"# x\nshadow: files [=return]", 2},
	{"hosts: files dns # [see below", 1},
};

START_TEST(wrong_line_is_named)
{
	struct nsswitch nsswitch;

	nsswitch_parse(wrong[_i].text, &nsswitch);
	ck_assert_int_eq(nsswitch.wrong_line, wrong[_i].line);
}
END_TEST

static const struct {
	const char *line, *proposed;
} proposals[] = {
	{"hosts: files dns", "hosts: files nomad [!UNAVAIL=return] dns"},
	{"hosts: files dns nomad", "hosts: files nomad [!UNAVAIL=return] dns"},
	{"hosts: files nomad dns", "hosts: files nomad [!UNAVAIL=return] dns"},
	{"hosts: files", "hosts: files nomad [!UNAVAIL=return]"},
	{"", "hosts: files nomad [!UNAVAIL=return] dns"},
	{"hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns",
	 "hosts: mymachines nomad [!UNAVAIL=return] resolve [!UNAVAIL=return] files myhostname dns"},
	{"hosts: files mdns4_minimal [NOTFOUND=return] dns nomad [NOTFOUND=return]",
	 "hosts: files mdns4_minimal [NOTFOUND=return] nomad [!UNAVAIL=return] dns"},
	{"hosts: files [NOTFOUND=return] nomad [!UNAVAIL=return] dns",
	 "hosts: nomad [!UNAVAIL=return] files [NOTFOUND=return] dns"},
	{"hosts: files mymachines [ SUCCESS=return  !SUCCESS=Return ] dns",
	 "hosts: files nomad [!UNAVAIL=return] mymachines [ SUCCESS=return  !SUCCESS=Return ] dns"},
	{"hosts: files [SUCCESS=return] mymachines [!NOTFOUND=return] myhostname [NOTFOUND=continue] dns",
	 "hosts: files [SUCCESS=return] mymachines [!NOTFOUND=return] myhostname [NOTFOUND=continue] nomad "
	 "[!UNAVAIL=return] dns"},
};

START_TEST(proposed_line_has_nomad_in_its_place_and_the_rest_as_it_was)
{
	char line[NSSWITCH_LINE_MAX];
	struct nsswitch nsswitch;

	nsswitch_parse(proposals[_i].line, &nsswitch);
	nsswitch_propose(&nsswitch, line);
	ck_assert_str_eq(line, proposals[_i].proposed);
	nsswitch_parse(line, &nsswitch);
	ck_assert_int_eq(nsswitch.wrong_line, 0);
	ck_assert_uint_lt(nsswitch_find(&nsswitch, "nomad"), nsswitch.count);
}
END_TEST

START_TEST(line_without_end_is_bounded)
{
	enum { LENGTH = 100000 };
	char *text = support_fence(LENGTH), line[NSSWITCH_LINE_MAX];
	struct nsswitch nsswitch;

	memset(text, 'x', LENGTH);
	memcpy(text, "hosts: ", 7);
	for (size_t i = 8; i < LENGTH - 1; i += _i == 0 ? 2 : 90)
		text[i] = ' ';
	text[LENGTH - 1] = '\0';
	nsswitch_parse(text, &nsswitch);
	ck_assert_uint_le(nsswitch.count, NSSWITCH_SERVICES);
	nsswitch_propose(&nsswitch, line);
	ck_assert_uint_lt(strlen(line), sizeof line);
	support_unfence(text, LENGTH);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{sound_line_is_read, sizeof sound / sizeof *sound},
		{wrong_line_is_named, sizeof wrong / sizeof *wrong},
		{proposed_line_has_nomad_in_its_place_and_the_rest_as_it_was, sizeof proposals / sizeof *proposals},
		{line_without_end_is_bounded, 2},
	};

	return support_run("nsswitch", tests, sizeof tests / sizeof *tests);
}
