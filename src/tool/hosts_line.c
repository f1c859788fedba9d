/*
 * Judging a hosts line; see hosts_line.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tool/hosts_line.h"

#include "nearest.h"

#include <string.h>

enum { NOTFOUND = 1 << NSSWITCH_NOTFOUND, UNAVAIL = 1 << NSSWITCH_UNAVAIL, TRYAGAIN = 1 << NSSWITCH_TRYAGAIN };

/* What a source may say of a name in .nomad that it does not have. */
static const struct {
	const char *name;
	unsigned int says;
	bool asks; /* name servers, for every name */
} known[] = {
	{"files", NOTFOUND, false},
	{"nomad", NOTFOUND | TRYAGAIN, false},
	{"dns", NOTFOUND | UNAVAIL | TRYAGAIN, true},
	{"resolve", NOTFOUND | UNAVAIL | TRYAGAIN, true},
	{"myhostname", NOTFOUND, false},
	{"mymachines", NOTFOUND | UNAVAIL, false},
	/* Of names that do not end in .local they say UNAVAIL. */
	{"mdns4_minimal", UNAVAIL, false},
	{"mdns6_minimal", UNAVAIL, false},
	{"mdns_minimal", UNAVAIL, false},
	{"mdns4", UNAVAIL, false},
	{"mdns6", UNAVAIL, false},
	{"mdns", UNAVAIL, false},
	{"compat", NOTFOUND | UNAVAIL, false},
	{"db", NOTFOUND | UNAVAIL, false},
	{"nis", NOTFOUND | UNAVAIL, false},
	{"sss", NOTFOUND | UNAVAIL, false},
	{"ldap", NOTFOUND | UNAVAIL, false},
	{"wins", NOTFOUND | UNAVAIL, false},
	{"docker", NOTFOUND | UNAVAIL, false},
	{"libvirt", NOTFOUND | UNAVAIL, false},
	{"libvirt_guest", NOTFOUND | UNAVAIL, false},
};

enum { KNOWN = sizeof known / sizeof *known };

static size_t find_known(const char *name)
{
	size_t i = 0;

	while (i < KNOWN && strcmp(known[i].name, name) != 0)
		i++;
	return i;
}

static bool asks_name_servers(const struct nsswitch_service *service)
{
	size_t i = find_known(service->name);

	return i < KNOWN && known[i].asks;
}

static unsigned int may_say(const struct nsswitch_service *service)
{
	size_t i = find_known(service->name);

	if (service->missing)
		return UNAVAIL;
	return i < KNOWN ? known[i].says : NOTFOUND | UNAVAIL;
}

/* Whether glibc may do that after one of the answers that a source has for a name in .nomad which it does not have. */
static bool may(const struct nsswitch_service *service, enum nsswitch_action action)
{
	for (int i = 0; i < NSSWITCH_STATUSES; i++)
		if ((may_say(service) & 1U << i) != 0 && service->actions[i] == action)
			return true;
	return false;
}

static enum hosts_line_effect effect_before(const struct nsswitch_service *service)
{
	if (may(service, NSSWITCH_MERGE))
		return HOSTS_LINE_MERGES;
	if (may(service, NSSWITCH_RETURN))
		return HOSTS_LINE_HIDDEN;
	return asks_name_servers(service) && !service->missing ? HOSTS_LINE_ASKED_FIRST : HOSTS_LINE_RIGHT;
}

/* nomad says UNAVAIL of names that are not its own, and the other three of those that are. */
static enum hosts_line_effect effect_behind(const struct nsswitch_service *nomad, enum nsswitch_status *status)
{
	static const enum nsswitch_status own[] = {NSSWITCH_SUCCESS, NSSWITCH_TRYAGAIN, NSSWITCH_NOTFOUND};

	if (nomad->actions[NSSWITCH_UNAVAIL] == NSSWITCH_RETURN)
		return HOSTS_LINE_SWALLOWS;
	for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
		*status = own[i];
		if (nomad->actions[own[i]] == NSSWITCH_CONTINUE)
			return HOSTS_LINE_GOES_ON;
	}
	return HOSTS_LINE_RIGHT;
}

struct hosts_line hosts_line_judge(const struct nsswitch *nsswitch)
{
	struct hosts_line judged = {.nomad = nsswitch_find(nsswitch, "nomad")};

	if (judged.nomad == nsswitch->count) {
		judged.effect = nsswitch->hosts_line > 0 && nsswitch->count == 0 ? HOSTS_LINE_EMPTY : HOSTS_LINE_ABSENT;
		return judged;
	}
	for (; judged.other < judged.nomad; judged.other++) {
		judged.effect = effect_before(&nsswitch->services[judged.other]);
		if (judged.effect != HOSTS_LINE_RIGHT)
			return judged;
	}
	const struct nsswitch_service *nomad = &nsswitch->services[judged.nomad];
	for (int i = 0; i < NSSWITCH_STATUSES; i++)
		if (nomad->actions[i] == NSSWITCH_MERGE)
			judged.effect = HOSTS_LINE_MERGES;
	judged.other = judged.nomad;
	if (judged.effect == HOSTS_LINE_RIGHT && judged.nomad + 1 < nsswitch->count) {
		judged.other = judged.nomad + 1;
		judged.effect = effect_behind(nomad, &judged.status);
	}
	return judged;
}

const char *hosts_line_nearest(const char *name)
{
	const char *nearest = NULL;

	if (find_known(name) < KNOWN)
		return NULL;
	for (size_t i = 0; i < KNOWN; i++)
		if (nearest_is_near(name, known[i].name) &&
		    (nearest == NULL || nearest_distance(name, known[i].name) < nearest_distance(name, nearest)))
			nearest = known[i].name;
	return nearest;
}

bool hosts_line_is_comment(const struct nsswitch_service *service)
{
	return service->missing && service->name[0] == '#';
}

/* A source's name as it was meant. */
static const char *meant(const struct nsswitch_service *service)
{
	const char *nearest = service->missing ? hosts_line_nearest(service->name) : NULL;

	return nearest == NULL ? service->name : nearest;
}

/* How many sources a line has without its comment. */
static size_t count_sources(const struct nsswitch *nsswitch)
{
	size_t i = 0;

	while (i < nsswitch->total && !hosts_line_is_comment(&nsswitch->services[i]))
		i++;
	return i;
}

/* Where nomad is to stand: where it does, or before the first source that asks name servers or ends the search. */
static size_t find_place(const struct nsswitch *nsswitch, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const struct nsswitch_service *service = &nsswitch->services[i];
		if (strcmp(meant(service), "nomad") == 0 || asks_name_servers(service) || may(service, NSSWITCH_RETURN))
			break;
	}
	return i;
}

static char *put(char *at, char *end, const char *word)
{
	if (word[0] != '\0' && strlen(word) + 1 < (size_t)(end - at))
		at = stpcpy(stpcpy(at, " "), word);
	return at;
}

void hosts_line_propose(const struct nsswitch *nsswitch, char line[HOSTS_LINE_MAX])
{
	size_t count = count_sources(nsswitch), place = find_place(nsswitch, count);
	char *at = stpcpy(line, "hosts:"), *end = line + HOSTS_LINE_MAX;

	if (count == 0)
		at = stpcpy(at, " files");
	for (size_t i = 0; i <= count; i++) {
		const struct nsswitch_service *service = &nsswitch->services[i];
		if (i == place)
			at = put(put(at, end, "nomad"), end, HOSTS_LINE_BRACKETS);
		if (i < count && strcmp(meant(service), "nomad") != 0)
			at = put(put(at, end, meant(service)), end, service->brackets);
	}
	if (count == 0)
		put(at, end, "dns");
}
