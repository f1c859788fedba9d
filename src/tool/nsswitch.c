/*
 * Reading nsswitch.conf as glibc does; see nsswitch.h. tests/tools/hosts-line.c compares the two on random files.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tool/nsswitch.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A line, and how far it is read. */
struct line {
	const char *at, *end;
};

static const char spaces[] = " \t\n\v\f\r"; /* isspace() of the C locale */
static const char *const statuses[] = {"SUCCESS", "NOTFOUND", "UNAVAIL", "TRYAGAIN"};
static const char *const actions[] = {"continue", "return", "merge"};

/* The next character; NUL at the end, as glibc sees it. */
static char peek(const struct line *line)
{
	return line->at < line->end ? *line->at : '\0';
}

static void skip_any(struct line *line, const char *set)
{
	while (peek(line) != '\0' && strchr(set, *line->at) != NULL)
		line->at++;
}

static void skip_until(struct line *line, const char *set)
{
	while (peek(line) != '\0' && strchr(set, *line->at) == NULL)
		line->at++;
}

/* Which of the words comes next, in any case; -1 for none of them. */
static int read_keyword(struct line *line, const char *const words[], int count)
{
	const char *start = line->at;

	skip_until(line, " \t\n\v\f\r=]");
	size_t length = (size_t)(line->at - start);
	for (int i = 0; i < count; i++)
		if (length == strlen(words[i]) && strncasecmp(start, words[i], length) == 0)
			return i;
	return -1;
}

/* STATUS = ACTION, or with a ! before it the action of all other statuses. */
static bool read_criterion(struct line *line, struct nsswitch_service *service)
{
	bool others = peek(line) == '!';

	line->at += others;
	int status = read_keyword(line, statuses, NSSWITCH_STATUSES);
	skip_any(line, spaces);
	if (status < 0 || peek(line) != '=')
		return false;
	line->at++;
	skip_any(line, spaces);
	int action = read_keyword(line, actions, 3);
	skip_any(line, spaces);
	for (int i = 0; i < NSSWITCH_STATUSES; i++)
		if (action >= 0 && (i == status) != others)
			service->actions[i] = (enum nsswitch_action)action;
	return action >= 0;
}

/* At least one criterion stands in brackets. */
static bool read_brackets(struct line *line, struct nsswitch_service *service)
{
	line->at++;
	skip_any(line, spaces);
	do
		if (!read_criterion(line, service))
			return false;
	while (peek(line) != ']');
	line->at++;
	return true;
}

static void keep(char *text, size_t room, const char *start, const char *end)
{
	size_t length = (size_t)(end - start) < room ? (size_t)(end - start) : room - 1;

	memcpy(text, start, length);
	text[length] = '\0';
}

/* What stands in brackets as it is written, or where that is too long, what it means. */
static void keep_brackets(struct nsswitch_service *service, const char *start, const char *end)
{
	char *at = service->brackets;

	if ((size_t)(end - start) < sizeof service->brackets) {
		keep(service->brackets, sizeof service->brackets, start, end);
		return;
	}
	for (int i = 0; i < NSSWITCH_STATUSES; i++)
		at += sprintf(at, "%c%s=%s", i == 0 ? '[' : ' ', statuses[i], actions[service->actions[i]]);
	strcpy(at, "]");
}

static void add(struct nsswitch *nsswitch, const struct nsswitch_service *service)
{
	if (nsswitch != NULL && nsswitch->total < NSSWITCH_SERVICES)
		nsswitch->services[nsswitch->total++] = *service;
}

/* What glibc does not read any more: the names in it, without what stands in brackets. */
static void read_rest(struct line *line, struct nsswitch *nsswitch)
{
	while (peek(line) != '\0') {
		struct nsswitch_service service = {.actions = {[NSSWITCH_SUCCESS] = NSSWITCH_RETURN}};
		const char *start = line->at;
		skip_until(line, " \t\n\v\f\r[");
		keep(service.name, sizeof service.name, start, line->at);
		if (line->at > start)
			add(nsswitch, &service);
		if (peek(line) == '[')
			skip_until(line, "]");
		skip_any(line, " \t\n\v\f\r]");
	}
}

/* The sources of a line. False where it is wrong. `nsswitch` is NULL where it is not the hosts line. */
static bool read_services(struct line *line, struct nsswitch *nsswitch)
{
	for (skip_any(line, spaces); peek(line) != '\0' && *line->at != '['; skip_any(line, spaces)) {
		struct nsswitch_service service = {.actions = {[NSSWITCH_SUCCESS] = NSSWITCH_RETURN}};
		const char *start = line->at;
		skip_until(line, " \t\n\v\f\r[");
		keep(service.name, sizeof service.name, start, line->at);
		skip_any(line, spaces);
		start = line->at;
		if (peek(line) == '[' && !read_brackets(line, &service))
			return false;
		keep_brackets(&service, start, line->at);
		add(nsswitch, &service);
	}
	if (nsswitch == NULL)
		return true;
	nsswitch->count = nsswitch->total;
	read_rest(line, nsswitch);
	return true;
}

/* glibc's nss/databases.def; lines of other names are passed over, whatever they hold. */
static bool is_database(const char *name, size_t length)
{
	static const char *const names[] = {
		"aliases",  "ethers", "group",         "group_compat", "gshadow",   "hosts", "initgroups", "netgroup",
		"networks", "passwd", "passwd_compat", "protocols",    "publickey", "rpc",   "services",   "shadow",
		"shadow_compat"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i]) == length && strncmp(names[i], name, length) == 0)
			return true;
	return false;
}

/* Colons are as good as spaces behind the database's name, and need not be there. */
static bool read_line(struct line *line, int number, struct nsswitch *nsswitch)
{
	skip_any(line, spaces);
	const char *name = line->at;
	skip_until(line, " \t\n\v\f\r:");
	size_t length = (size_t)(line->at - name);
	if (peek(line) == '\0' || !is_database(name, length))
		return true;
	skip_any(line, " \t\n\v\f\r:");
	if (length != strlen("hosts") || strncmp(name, "hosts", length) != 0)
		return read_services(line, NULL);
	nsswitch->hidden_line = nsswitch->hosts_line;
	nsswitch->hosts_line = number;
	nsswitch->hosts_lines++;
	nsswitch->count = nsswitch->total = 0;
	return read_services(line, nsswitch);
}

void nsswitch_parse(const char *text, size_t size, struct nsswitch *nsswitch)
{
	const char *end = text + size, *newline;

	*nsswitch = (struct nsswitch){0};
	for (int number = 1; text < end && (newline = memchr(text, '\n', (size_t)(end - text))) != NULL; number++) {
		struct line line = {text, newline + 1};
		if (!read_line(&line, number, nsswitch) && nsswitch->wrong_line == 0)
			nsswitch->wrong_line = number;
		text = newline + 1;
	}
	struct line rest = {text, end};
	skip_any(&rest, spaces);
	nsswitch->unfinished = peek(&rest) != '\0' && *rest.at != '#';
}

size_t nsswitch_find(const struct nsswitch *nsswitch, const char *name)
{
	for (size_t i = 0; i < nsswitch->count; i++)
		if (strcmp(nsswitch->services[i].name, name) == 0)
			return i;
	return nsswitch->count;
}
