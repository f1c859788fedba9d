/*
 * Reading nsswitch.conf; see nsswitch.h. Called by doctor_host.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tool/nsswitch.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char blanks[] = " \t\r\f\v";

/* glibc's nss/databases.def; lines of other names are passed over, whatever they hold. */
static bool is_database(const char *name, size_t length)
{
	static const char *const names[] = {"aliases", "ethers",   "group",     "gshadow", "hosts",    "initgroups", "netgroup",
	                                    "networks", "passwd",  "protocols", "publickey", "rpc",    "services",   "shadow"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i]) == length && strncmp(names[i], name, length) == 0)
			return true;
	return false;
}

/* One of the words, in any case; where it ends, NULL where it is none. */
static const char *one_of(const char *at, const char *const words[], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strncasecmp(at, words[i], strlen(words[i])) == 0)
			return at + strlen(words[i]);
	return NULL;
}

static const char *skip(const char *at, char wanted)
{
	return at != NULL && *at == wanted ? at + 1 : NULL;
}

/* `[!STATUS=ACTION STATUS=ACTION]`; where it ends, NULL where it is wrong. */
static const char *pass_action(const char *at)
{
	static const char *const statuses[] = {"SUCCESS", "UNAVAIL", "NOTFOUND", "TRYAGAIN"};
	static const char *const actions[] = {"RETURN", "CONTINUE", "MERGE"};

	at++;
	for (at += strspn(at, blanks); *at != ']'; at += strspn(at, blanks)) {
		at += *at == '!';
		at = skip(one_of(at, statuses, 4), '=');
		if (at == NULL || (at = one_of(at, actions, 3)) == NULL || strchr("] \t", *at) == NULL || *at == '\0')
			return NULL;
	}
	return at + 1;
}

static void keep(char *word, const char *start, const char *end)
{
	size_t length = (size_t)(end - start);

	if (length >= NSSWITCH_WORD_MAX)
		length = NSSWITCH_WORD_MAX - 1;
	memcpy(word, start, length);
	word[length] = '\0';
}

/* What follows the colon. False where it is wrong. `nsswitch` may be NULL: not the hosts line. */
static bool read_services(const char *at, struct nsswitch *nsswitch)
{
	struct nsswitch_service *service = NULL;

	for (at += strspn(at, blanks); *at != '\0'; at += strspn(at, blanks)) {
		const char *start = at;
		if (*at == '[') {
			at = pass_action(at);
			if (at == NULL)
				return false;
			if (service != NULL)
				keep(service->action, start, at);
			continue;
		}
		at += strcspn(at, " \t\r\f\v[");
		if (nsswitch == NULL || nsswitch->count == NSSWITCH_SERVICES)
			continue;
		service = &nsswitch->services[nsswitch->count++];
		keep(service->name, start, at);
		service->action[0] = '\0';
	}
	return true;
}

static bool read_line(const char *line, struct nsswitch *nsswitch)
{
	const char *name = line + strspn(line, blanks), *colon = strchr(name, ':');

	if (*name == '#' || colon == NULL)
		return true;
	size_t length = strcspn(name, " \t:");
	if (!is_database(name, length))
		return true;
	if (length != strlen("hosts") || strncmp(name, "hosts", length) != 0)
		return read_services(colon + 1, NULL);
	nsswitch->has_hosts = true;
	nsswitch->count = 0;
	return read_services(colon + 1, nsswitch);
}

void nsswitch_parse(const char *text, struct nsswitch *nsswitch)
{
	char line[NSSWITCH_LINE_MAX];

	*nsswitch = (struct nsswitch){0};
	for (int number = 1; *text != '\0'; number++) {
		size_t length = strcspn(text, "\n");
		snprintf(line, sizeof line, "%.*s", (int)(length < sizeof line ? length : sizeof line - 1), text);
		if (!read_line(line, nsswitch) && nsswitch->wrong_line == 0)
			nsswitch->wrong_line = number;
		text += length + (text[length] == '\n');
	}
}

size_t nsswitch_find(const struct nsswitch *nsswitch, const char *name)
{
	for (size_t i = 0; i < nsswitch->count; i++)
		if (strcmp(nsswitch->services[i].name, name) == 0)
			return i;
	return nsswitch->count;
}

/* Whether an action, which is right, ends the search where a name is not known: [NOTFOUND=return], [!SUCCESS=return]. */
static bool ends_at_unknown(const char *action)
{
	static const char status[] = "NOTFOUND", verb[] = "RETURN";

	for (const char *at = action; *at != '\0'; at += strcspn(at, " \t")) {
		at += strspn(at, "[ \t");
		bool others = *at == '!';
		const char *name = at + others, *equals = strchr(name, '=');
		if (equals == NULL)
			break;
		bool is_status = strncasecmp(name, status, strlen(status)) == 0;
		if (is_status != others && strncasecmp(equals + 1, verb, strlen(verb)) == 0)
			return true;
	}
	return false;
}

size_t nsswitch_end(const struct nsswitch *nsswitch)
{
	size_t i;

	for (i = 0; i < nsswitch->count; i++) {
		const struct nsswitch_service *service = &nsswitch->services[i];
		if (strcmp(service->name, "resolve") == 0 || strcmp(service->name, "dns") == 0)
			break;
		/* Of other names than those in .local mdns, mdns4, mdns4_minimal say UNAVAIL. */
		if (strcmp(service->name, "nomad") != 0 && strncmp(service->name, "mdns", 4) != 0 &&
		    ends_at_unknown(service->action))
			break;
	}
	return i;
}

void nsswitch_propose(const struct nsswitch *nsswitch, char line[NSSWITCH_LINE_MAX])
{
	size_t anchor = nsswitch_end(nsswitch);
	char *at = line, *end = line + NSSWITCH_LINE_MAX;

	at += snprintf(at, (size_t)(end - at), "hosts:%s", nsswitch->count == 0 ? " files" : "");
	for (size_t i = 0; i <= nsswitch->count && at < end; i++) {
		const struct nsswitch_service *service = &nsswitch->services[i];
		if (i == anchor)
			at += snprintf(at, (size_t)(end - at), " nomad " NSSWITCH_ACTION);
		if (i < nsswitch->count && strcmp(service->name, "nomad") != 0 && at < end)
			at += snprintf(at, (size_t)(end - at), " %s%s%s", service->name, service->action[0] == '\0' ? "" : " ",
			               service->action);
	}
	if (nsswitch->count == 0 && at < end)
		snprintf(at, (size_t)(end - at), " dns");
}
