/*
 * Tests of src/tool/hosts_line.c. That glibc does what is judged is shown in tests/system/test_hosts_line.py.
 *
 * SPDX-License-Identifier: MIT
 */
#include "support.h"
#include "tool/hosts_line.h"

#include <stdio.h>
#include <string.h>

/* Sources with "none" in their names, a # or a misspelling are missing. */
static void parse(const char *line, struct nsswitch *nsswitch)
{
	static const char *const there[] = {"files", "dns", "nomad", "resolve", "mymachines", "myhostname", "mdns4_minimal",
	                                    "other"};
	char text[256];

	snprintf(text, sizeof text, "%s%s", line, line[0] == '\0' ? "" : "\n");
	nsswitch_parse(text, strlen(text), nsswitch);
	for (size_t i = 0; i < nsswitch->total; i++) {
		nsswitch->services[i].missing = true;
		for (size_t j = 0; j < sizeof there / sizeof *there; j++)
			if (strcmp(there[j], nsswitch->services[i].name) == 0)
				nsswitch->services[i].missing = false;
	}
}

static const struct {
	const char *line;
	enum hosts_line_effect effect;
	const char *other; /* of which the effect speaks */
} lines[] = {
	{"hosts: files nomad [!UNAVAIL=return] dns", HOSTS_LINE_RIGHT, NULL},
	{"hosts: files nomad [!UNAVAIL = return] dns", HOSTS_LINE_RIGHT, NULL},
	{"hosts: files nomad [ !unavail=RETURN ] dns", HOSTS_LINE_RIGHT, NULL},
	{"hosts: files nomad [NOTFOUND=return TRYAGAIN=return] dns", HOSTS_LINE_RIGHT, NULL},
	{"hosts: files nomad [SUCCESS=return NOTFOUND=return TRYAGAIN=return] dns", HOSTS_LINE_RIGHT, NULL},
	{"hosts: files nomad [!SUCCESS=return UNAVAIL=continue] dns", HOSTS_LINE_RIGHT, NULL},
	{"hosts: nomad [!UNAVAIL=return] files dns nomad", HOSTS_LINE_RIGHT, NULL},
	{"hosts: files mdns4_minimal [NOTFOUND=return] nomad [!UNAVAIL=return] dns", HOSTS_LINE_RIGHT, NULL},
	{"hosts: none [NOTFOUND=return] nomad [!UNAVAIL=return] dns", HOSTS_LINE_RIGHT, NULL},
	{"hosts: files nomad", HOSTS_LINE_RIGHT, NULL},
	{"hosts: files nomad [NOTFOUND=continue]", HOSTS_LINE_RIGHT, NULL},
	{"hosts: files nomad [!UNAVAIL=return] dns # comment", HOSTS_LINE_RIGHT, NULL},
	{"", HOSTS_LINE_ABSENT, NULL},
	{"hosts:", HOSTS_LINE_EMPTY, NULL},
	{"hosts: [NOTFOUND=return] files nomad", HOSTS_LINE_EMPTY, NULL},
	{"hosts: files dns", HOSTS_LINE_ABSENT, NULL},
	{"hosts: files nomda dns", HOSTS_LINE_ABSENT, NULL},
	{"hosts: files [NOTFOUND=continue] [SUCCESS=return] nomad", HOSTS_LINE_ABSENT, NULL},
	{"hosts: files [NOTFOUND=return] nomad [!UNAVAIL=return] dns", HOSTS_LINE_HIDDEN, "files"},
	{"hosts: files [!SUCCESS=return] nomad [!UNAVAIL=return] dns", HOSTS_LINE_HIDDEN, "files"},
	{"hosts: resolve [!UNAVAIL=return] nomad [!UNAVAIL=return] dns", HOSTS_LINE_HIDDEN, "resolve"},
	{"hosts: none [UNAVAIL=return] nomad [!UNAVAIL=return] dns", HOSTS_LINE_HIDDEN, "none"},
	{"hosts: other [NOTFOUND=return] nomad [!UNAVAIL=return] dns", HOSTS_LINE_HIDDEN, "other"},
	{"hosts: files dns nomad", HOSTS_LINE_ASKED_FIRST, "dns"},
	{"hosts: files [NOTFOUND=merge] nomad [!UNAVAIL=return] dns", HOSTS_LINE_MERGES, "files"},
	{"hosts: files nomad [NOTFOUND=return TRYAGAIN=merge] dns", HOSTS_LINE_MERGES, "nomad"},
	{"hosts: files nomad [!SUCCESS=return] dns", HOSTS_LINE_SWALLOWS, "dns"},
	{"hosts: files nomad [UNAVAIL=return] myhostname", HOSTS_LINE_SWALLOWS, "myhostname"},
	{"hosts: files nomad [!UNAVAIL=return UNAVAIL=return] dns", HOSTS_LINE_SWALLOWS, "dns"},
	{"hosts: files nomad dns", HOSTS_LINE_GOES_ON, "dns"},
	{"hosts: files nomad [NOTFOUND=return] dns", HOSTS_LINE_GOES_ON, "dns"},
	{"hosts: files nomad [TRYAGAIN=return] dns", HOSTS_LINE_GOES_ON, "dns"},
	{"hosts: files nomad [!UNAVAIL=return SUCCESS=continue] dns", HOSTS_LINE_GOES_ON, "dns"},
};

START_TEST(line_is_judged_by_what_it_does)
{
	struct nsswitch nsswitch;

	parse(lines[_i].line, &nsswitch);
	ck_assert_int_eq(nsswitch.wrong_line, 0);
	struct hosts_line judged = hosts_line_judge(&nsswitch);
	ck_assert_msg(judged.effect == lines[_i].effect, "%s: %d", lines[_i].line, judged.effect);
	if (lines[_i].other != NULL)
		ck_assert_str_eq(nsswitch.services[judged.other].name, lines[_i].other);
}
END_TEST

static const struct {
	const char *line, *proposed;
} proposals[] = {
	{"hosts: files dns", "hosts: files nomad [!UNAVAIL=return] dns"},
	{"hosts: files dns nomad", "hosts: files nomad [!UNAVAIL=return] dns"},
	{"hosts: files nomad dns", "hosts: files nomad [!UNAVAIL=return] dns"},
	{"hosts: nomad [!SUCCESS=return] files dns", "hosts: nomad [!UNAVAIL=return] files dns"},
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
	{"hosts: files nomda dns", "hosts: files nomad [!UNAVAIL=return] dns"},
	{"hosts: fiels Nomad [!UNAVAIL=return] rseolve dns", "hosts: files nomad [!UNAVAIL=return] resolve dns"},
	{"hosts: files nomda [!UNAVAIL=return] nomad dns", "hosts: files nomad [!UNAVAIL=return] dns"},
	{"hosts: files nomad [!UNAVAIL=return] dns # as it was: files dns", "hosts: files nomad [!UNAVAIL=return] dns"},
	{"hosts: files nomad [NOTFOUND=return] [TRYAGAIN=return] dns", "hosts: files nomad [!UNAVAIL=return] dns"},
	{"hosts: [NOTFOUND=return] files dns", "hosts: files nomad [!UNAVAIL=return] dns"},
};

START_TEST(proposed_line_is_right_and_the_rest_as_it_was)
{
	char line[HOSTS_LINE_MAX];
	struct nsswitch nsswitch;

	parse(proposals[_i].line, &nsswitch);
	hosts_line_propose(&nsswitch, line);
	ck_assert_str_eq(line, proposals[_i].proposed);
	parse(line, &nsswitch);
	ck_assert_int_eq(nsswitch.wrong_line, 0);
	ck_assert_int_eq(hosts_line_judge(&nsswitch).effect, HOSTS_LINE_RIGHT);
}
END_TEST

static const struct {
	const char *name, *nearest;
} names[] = {
	{"nomda", "nomad"}, {"nomad2", "nomad"}, {"Nomad", "nomad"}, {"omad", "nomad"}, {"momads", "nomad"}, {"dsn", "dns"},
	{"fils", "files"}, {"reslove", "resolve"}, {"mdns4-minimal", "mdns4_minimal"}, {"myhostnam", "myhostname"},
	{"nomad", NULL}, {"mdns", NULL}, {"dns", NULL}, {"#", NULL}, {"", NULL}, {"a", NULL}, {"consul", NULL}, {"nothing", NULL},
	{"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", NULL},
};

START_TEST(misspelled_source_is_known_again)
{
	const char *nearest = hosts_line_nearest(names[_i].name);

	if (names[_i].nearest == NULL)
		ck_assert_ptr_null(nearest);
	else
		ck_assert_str_eq(nearest, names[_i].nearest);
}
END_TEST

START_TEST(line_without_end_is_bounded)
{
	enum { LENGTH = 100000 };
	char *text = support_fence(LENGTH), line[HOSTS_LINE_MAX];
	struct nsswitch nsswitch;

	memset(text, 'x', LENGTH);
	memcpy(text, "hosts: ", 7);
	for (size_t i = 8; i < LENGTH - 1; i += _i == 0 ? 2 : 90)
		text[i] = ' ';
	text[LENGTH - 1] = '\n';
	nsswitch_parse(text, LENGTH, &nsswitch);
	ck_assert_uint_le(nsswitch.total, NSSWITCH_SERVICES);
	hosts_line_propose(&nsswitch, line);
	ck_assert_uint_lt(strlen(line), sizeof line);
	support_unfence(text, LENGTH);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{line_is_judged_by_what_it_does, sizeof lines / sizeof *lines},
		{proposed_line_is_right_and_the_rest_as_it_was, sizeof proposals / sizeof *proposals},
		{misspelled_source_is_known_again, sizeof names / sizeof *names},
		{line_without_end_is_bounded, 2},
	};

	return support_run("hosts_line", tests, sizeof tests / sizeof *tests);
}
