/*
 * The doctor on glibc's side: nsswitch.conf, the module, this host's own name; see doctor.h. Called by doctor.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "text.h"
#include "tool/doctor.h"
#include "tool/hosts_line.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	REMEDY_MAX = HOSTS_LINE_MAX + 64, /* bytes with the NUL */
	MODULE_MAX = NSSWITCH_WORD_MAX + sizeof "libnss_.so.2",
};

static const char module[] = "libnss_nomad.so.2";
static const char defaults[] = "its own default, files dns";

/* As glibc loads it: by its name, along the same path. It stays loaded, as it would in any program. */
static bool can_load(const char *source)
{
	char name[MODULE_MAX];

	if (strcmp(source, "files") == 0 || strcmp(source, "dns") == 0)
		return true; /* in libc itself since 2.34 */
	snprintf(name, sizeof name, "libnss_%s.so.2", source);
	return dlopen(name, RTLD_NOW | RTLD_LOCAL) != NULL;
}

static void say_effect(struct doctor *doctor, const struct nsswitch *nsswitch, const struct hosts_line *judged,
                       const char *remedy)
{
	static const char *const answers[] = {
		[NSSWITCH_SUCCESS] = "has found them",
		[NSSWITCH_NOTFOUND] = "says that they do not exist",
		[NSSWITCH_TRYAGAIN] = "cannot tell, while Nomad is away, so that \"cannot tell\" becomes \"no such name\"",
	};
	const struct nsswitch_service *other = &nsswitch->services[judged->other];
	const char *name = other->name, *blank = other->brackets[0] == '\0' ? "" : " ";

	switch (judged->effect) {
	case HOSTS_LINE_RIGHT:
		doctor_say(doctor, DOCTOR_OK, "hosts", NULL, "glibc asks nomad, number %zu on the hosts line, before any name "
		           "server, and its answer is final", judged->nomad + 1);
		break;
	case HOSTS_LINE_EMPTY:
		doctor_say(doctor, DOCTOR_FAULT, "hosts", remedy, "glibc finds no source on the hosts line, and then reads past its "
		           "own list: programs that look up a name may crash");
		break;
	case HOSTS_LINE_ABSENT:
		doctor_say(doctor, DOCTOR_FAULT, "hosts", remedy, "nomad is not on the hosts line of " NSSWITCH_FILE
		           ": no program asks the module");
		break;
	case HOSTS_LINE_HIDDEN:
		doctor_say(doctor, DOCTOR_FAULT, "hosts", remedy, "nomad stands behind %s%s%s on the hosts line, which answers "
		           "for it: glibc ends there", name, blank, other->brackets);
		break;
	case HOSTS_LINE_ASKED_FIRST:
		doctor_say(doctor, DOCTOR_FAULT, "hosts", remedy, "nomad stands behind %s on the hosts line: name servers are "
		           "asked for its names first, and programs wait for them", name);
		break;
	case HOSTS_LINE_MERGES:
		doctor_say(doctor, DOCTOR_FAULT, "hosts", remedy, "%s %s: glibc cannot merge hosts, and ends the search with an "
		           "error", name, other->brackets);
		break;
	case HOSTS_LINE_SWALLOWS:
		doctor_say(doctor, DOCTOR_FAULT, "hosts", remedy, "nomad %s takes all other names from %s, which is never asked: "
		           "they end at nomad, which does not know them", nsswitch->services[judged->nomad].brackets, name);
		break;
	case HOSTS_LINE_GOES_ON:
		doctor_say(doctor, DOCTOR_FAULT, "hosts", remedy, "%s is asked for nomad's names too where nomad %s; write "
		           HOSTS_LINE_BRACKETS " behind it", name, answers[judged->status]);
		break;
	}
}

/* Whether glibc's search for a name that nobody has ends at the last source, which it cannot load: a "System error". */
static bool ends_in_an_error(const struct nsswitch *nsswitch)
{
	if (nsswitch->count == 0 || !nsswitch->services[nsswitch->count - 1].missing)
		return false;
	for (size_t i = 0; i + 1 < nsswitch->count; i++) {
		const struct nsswitch_service *service = &nsswitch->services[i];
		bool unavailable = service->missing || strcmp(service->name, "nomad") == 0;
		if (service->actions[unavailable ? NSSWITCH_UNAVAIL : NSSWITCH_NOTFOUND] != NSSWITCH_CONTINUE)
			return false;
	}
	return true;
}

/* A source that glibc cannot load. True for a comment: nothing behind it was meant either. */
static bool check_missing(struct doctor *doctor, const struct nsswitch_service *service, bool is_error, const char *remedy)
{
	const char *nearest = hosts_line_nearest(service->name);
	const char *effect = is_error ? ", and so a name that does not exist becomes a \"System error\"" : "";

	if (hosts_line_is_comment(service)) {
		doctor_say(doctor, DOCTOR_FAULT, "hosts", remedy, "there are no comments at the end of the hosts line: glibc takes "
		           "\"%s\" and what follows for sources%s", service->name, effect);
		return true;
	}
	if (nearest != NULL)
		doctor_say(doctor, DOCTOR_FAULT, "hosts", remedy, "\"%s\" on the hosts line is not a source that glibc can load; "
		           "did you mean %s?", service->name, nearest);
	else if (is_error)
		doctor_say(doctor, DOCTOR_FAULT, "hosts", "take it off the hosts line, or install its package",
		           "glibc cannot load %s, the last source on the hosts line%s", service->name, effect);
	else
		doctor_say(doctor, DOCTOR_NOTE, "hosts", NULL, "glibc cannot load %s, which is on the hosts line, and passes it "
		           "over", service->name);
	return false;
}

static void check_hosts_line(struct doctor *doctor, const struct nsswitch *nsswitch)
{
	char line[HOSTS_LINE_MAX], remedy[REMEDY_MAX];
	struct hosts_line judged = hosts_line_judge(nsswitch);
	bool misspelled = false, is_error = ends_in_an_error(nsswitch);

	hosts_line_propose(nsswitch, line);
	snprintf(remedy, sizeof remedy, "make the line in " NSSWITCH_FILE " \"%s\"", line);
	for (size_t i = 0; i < nsswitch->count; i++) {
		const struct nsswitch_service *service = &nsswitch->services[i];
		const char *nearest = hosts_line_nearest(service->name);
		if (!service->missing || strcmp(service->name, "nomad") == 0)
			continue;
		misspelled = misspelled || (nearest != NULL && strcmp(nearest, "nomad") == 0);
		if (check_missing(doctor, service, is_error && (hosts_line_is_comment(service) || i + 1 == nsswitch->count), remedy))
			break;
	}
	if (nsswitch->count > 0 && nsswitch->count < nsswitch->total)
		doctor_say(doctor, DOCTOR_FAULT, "hosts", remedy, "glibc takes one pair of brackets behind a source, and ends to "
		           "read the hosts line at the second: %s is never asked", nsswitch->services[nsswitch->count].name);
	if (judged.effect != HOSTS_LINE_ABSENT || !misspelled)
		say_effect(doctor, nsswitch, &judged, remedy);
	doctor->asks_module = judged.effect == HOSTS_LINE_RIGHT;
}

/* Which lines glibc takes at all. */
static void check_lines(struct doctor *doctor, const struct nsswitch *nsswitch)
{
	if (nsswitch->unfinished)
		doctor_say(doctor, DOCTOR_FAULT, "hosts", "end it: echo >>" NSSWITCH_FILE, "the last line of " NSSWITCH_FILE
		           " has no newline at its end, and so glibc leaves it out");
	if (nsswitch->hosts_lines == 2)
		doctor_say(doctor, DOCTOR_NOTE, "hosts", "take away the one that is not meant", "there are two hosts lines in "
		           NSSWITCH_FILE " (%d and %d); glibc takes the last one", nsswitch->hidden_line, nsswitch->hosts_line);
	else if (nsswitch->hosts_lines > 2)
		doctor_say(doctor, DOCTOR_NOTE, "hosts", "take away those that are not meant", "there are %d hosts lines in "
		           NSSWITCH_FILE "; glibc takes the last one, line %d", nsswitch->hosts_lines, nsswitch->hosts_line);
	else if (nsswitch->hosts_lines == 0)
		doctor_say(doctor, DOCTOR_NOTE, "hosts", NULL, "there is no hosts line in " NSSWITCH_FILE ": glibc takes %s",
		           defaults);
}

/* Root reads what others cannot. */
static void check_mode(struct doctor *doctor)
{
	struct stat status;

	if (stat(NSSWITCH_FILE, &status) == 0 && (status.st_mode & S_IROTH) == 0)
		doctor_say(doctor, DOCTOR_FAULT, "hosts", "chmod 644 " NSSWITCH_FILE, NSSWITCH_FILE " has mode %04o: programs of "
		           "users who cannot read it take %s", (unsigned int)(status.st_mode & 07777), defaults);
}

static void check_nsswitch(struct doctor *doctor)
{
	struct nsswitch nsswitch;
	size_t size;
	char *text = doctor_read_small(NSSWITCH_FILE, &size);

	if (text == NULL) {
		doctor_say(doctor, DOCTOR_FAULT, "hosts",
		           errno == EACCES ? "chmod 644 " NSSWITCH_FILE
		                           : "write \"hosts: files nomad " HOSTS_LINE_BRACKETS " dns\" into it",
		           "cannot read " NSSWITCH_FILE ": %s; glibc cannot either, and takes %s", strerror(errno), defaults);
		return;
	}
	nsswitch_parse(text, size, &nsswitch);
	free(text);
	check_mode(doctor);
	if (nsswitch.wrong_line > 0) {
		doctor_say(doctor, DOCTOR_FAULT, "hosts",
		           "correct that line; keep a root shell open meanwhile, logins may fail until it is right",
		           NSSWITCH_FILE " has a syntax error in line %d, and so glibc ignores all of it, for users too",
		           nsswitch.wrong_line);
		return;
	}
	for (size_t i = 0; i < nsswitch.total; i++)
		nsswitch.services[i].missing = !can_load(nsswitch.services[i].name);
	check_lines(doctor, &nsswitch);
	check_hosts_line(doctor, &nsswitch);
}

static void check_module(struct doctor *doctor)
{
	void *handle = dlopen(module, RTLD_NOW | RTLD_LOCAL);
	struct link_map *map;

	if (handle == NULL)
		doctor_say(doctor, DOCTOR_FAULT, "module",
		           "install the package libnss-nomad; after make install with another LIBDIR run ldconfig",
		           "glibc cannot load the module: %s", dlerror());
	else if (dlsym(handle, "_nss_nomad_gethostbyname4_r") == NULL || dlinfo(handle, RTLD_DI_LINKMAP, &map) < 0)
		doctor_say(doctor, DOCTOR_FAULT, "module", "install the package libnss-nomad again",
		           "%s is there, but is not the module", module);
	else {
		doctor_say(doctor, DOCTOR_OK, "module", NULL, "glibc loads %s", map->l_name);
		return;
	}
	doctor->asks_module = false;
}

/* A host that is called NAME.nomad: its own name is nomad's to answer, unless a source before it knows the host. */
static void check_own_name(struct doctor *doctor)
{
	char host[HOST_NAME_MAX + 1];
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;

	if (gethostname(host, sizeof host) < 0 || !name_is_ours(host) || !doctor->asks_module)
		return;
	int code = getaddrinfo(host, NULL, &hints, &list);
	if (code == 0) {
		freeaddrinfo(list);
		doctor_say(doctor, DOCTOR_OK, "name", NULL, "this host's own name, %s, resolves", host);
		return;
	}
	doctor_say(doctor, DOCTOR_FAULT, "name",
	           "put myhostname (package libnss-myhostname) before nomad on the hosts line, or the name into /etc/hosts",
	           "this host is called %s, which ends in .nomad and does not resolve: %s", host, gai_strerror(code));
}

void doctor_hosts(struct doctor *doctor)
{
	check_nsswitch(doctor);
	check_module(doctor);
	check_own_name(doctor);
}
