/*
 * The doctor on the host: the hosts line, the module, nscd, the daemon that publishes; see doctor.h. Called by doctor.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "published.h"
#include "text.h"
#include "tool/doctor.h"
#include "tool/nsswitch.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FILE_MAX = 64 * 1024 }; /* octets with the NUL, of nsswitch.conf and nscd.conf */

static const char module[] = "libnss_nomad.so.2";
static const char nscd_socket[] = "/var/run/nscd/socket"; /* glibc's nscd/nscd-client.h */

/* A small file's text; a new string, NULL and errno where it cannot be read. */
static char *read_small(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = malloc(FILE_MAX);

	if (file != NULL && text != NULL) {
		text[fread(text, 1, FILE_MAX - 1, file)] = '\0';
		fclose(file);
		return text;
	}
	int error = file == NULL ? errno : ENOMEM;
	if (file != NULL)
		fclose(file);
	free(text);
	errno = error;
	return NULL;
}

/* Whether two actions are the same but for case and blanks. */
static bool is_same_action(const char *action, const char *wanted)
{
	char squeezed[NSSWITCH_WORD_MAX], *at = squeezed;

	for (; *action != '\0'; action++)
		if (*action != ' ' && *action != '\t')
			*at++ = *action;
	*at = '\0';
	return text_same(squeezed, wanted);
}

static void check_hosts_line(struct doctor *doctor, const struct nsswitch *nsswitch)
{
	char line[NSSWITCH_LINE_MAX], remedy[NSSWITCH_LINE_MAX + 64];
	size_t nomad = nsswitch_find(nsswitch, "nomad"), end = nsswitch_end(nsswitch);

	nsswitch_propose(nsswitch, line);
	snprintf(remedy, sizeof remedy, "make the line in " NSSWITCH_FILE " \"%s\"", line);
	if (nomad == nsswitch->count) {
		doctor_say(doctor, DOCTOR_FAULT, "hosts", remedy, "nomad is not on the hosts line of " NSSWITCH_FILE
		           ": nobody asks the module");
	} else if (end < nomad) {
		doctor_say(doctor, DOCTOR_FAULT, "hosts", remedy, "nomad stands after %s%s%s on the hosts line, which answers for "
		           "it", nsswitch->services[end].name, nsswitch->services[end].action[0] == '\0' ? "" : " ",
		           nsswitch->services[end].action);
	} else if (!is_same_action(nsswitch->services[nomad].action, NSSWITCH_ACTION)) {
		doctor_say(doctor, DOCTOR_FAULT, "hosts", remedy, "nomad is not followed by " NSSWITCH_ACTION
		           ": while Nomad is away its names go on to the DNS, which says that they do not exist");
	} else {
		doctor_say(doctor, DOCTOR_OK, "hosts", NULL, "nomad is number %zu on the hosts line, before resolve and dns",
		           nomad + 1);
	}
}

static void check_nsswitch(struct doctor *doctor)
{
	struct nsswitch nsswitch;
	char *text = read_small(NSSWITCH_FILE);

	if (text == NULL) {
		doctor_say(doctor, DOCTOR_FAULT, "hosts", "write \"hosts: files nomad " NSSWITCH_ACTION " dns\" into it",
		           "cannot read " NSSWITCH_FILE ": %s", strerror(errno));
		return;
	}
	nsswitch_parse(text, &nsswitch);
	free(text);
	if (nsswitch.wrong_line > 0)
		doctor_say(doctor, DOCTOR_FAULT, "hosts",
		           "correct that line; keep a root shell open meanwhile, logins may fail until it is right",
		           NSSWITCH_FILE " has a syntax error in line %d, and so glibc ignores all of it, for users too",
		           nsswitch.wrong_line);
	else
		check_hosts_line(doctor, &nsswitch);
}

/* As glibc loads it: by its name, along the same path. It stays loaded. */
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
	else
		doctor_say(doctor, DOCTOR_OK, "module", NULL, "glibc loads %s", map->l_name);
}

static bool nscd_listens(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (descriptor < 0)
		return false;
	strcpy(address.sun_path, nscd_socket);
	bool listens = connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0;
	close(descriptor);
	return listens;
}

/* Whether /etc/nscd.conf keeps nscd away from hosts; the last such line counts. */
static bool nscd_leaves_hosts(void)
{
	char *text = read_small("/etc/nscd.conf"), *rest, word[8];
	bool leaves = false;

	if (text == NULL)
		return true; /* its own default: no cache that is not configured */
	for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
		if (sscanf(line, " enable-cache hosts %7s", word) == 1)
			leaves = strcmp(word, "no") == 0;
	free(text);
	return leaves;
}

static void check_nscd(struct doctor *doctor)
{
	if (!nscd_listens())
		doctor_say(doctor, DOCTOR_OK, "nscd", NULL, "no nscd stands between programs and the module");
	else if (nscd_leaves_hosts())
		doctor_say(doctor, DOCTOR_OK, "nscd", NULL, "nscd runs, and leaves hosts alone");
	else
		doctor_say(doctor, DOCTOR_FAULT, "nscd",
		           "write \"enable-cache hosts no\" into /etc/nscd.conf and run: systemctl restart nscd",
		           "nscd answers for all modules, keeps answers after they have changed, and makes \"no such name\" of a "
		           "temporary failure");
}

void doctor_host(struct doctor *doctor)
{
	check_nsswitch(doctor);
	check_module(doctor);
	check_nscd(doctor);
}

static void check_state(struct doctor *doctor)
{
	struct status status;
	static const char remedy[] = "see below what is wrong with the agent; the daemon finds back by itself";

	doctor->daemon_lives = true;
	if (status_read(doctor->published, &status) < 0) {
		doctor_say(doctor, DOCTOR_OK, "daemon", NULL, "nomad-dns-srv lives and publishes into %s", doctor->published);
		return;
	}
	snprintf(doctor->dns, sizeof doctor->dns, "%.*s", (int)strcspn(status.dns, " "), status.dns);
	if (strcmp(status.state, "current") == 0)
		doctor_say(doctor, DOCTOR_OK, "daemon", NULL, "nomad-dns-srv lives, and has %lld services, current at index %lld",
		           (long long)status.services, (long long)status.index);
	else
		doctor_say(doctor, DOCTOR_FAULT, "daemon", remedy, "nomad-dns-srv lives, but its catalogue is %s: %s",
		           status.state, status.error[0] == '\0' ? "it has lost Nomad" : status.error);
	if (status.publish_error[0] != '\0')
		doctor_say(doctor, DOCTOR_FAULT, "files", "see the daemon's log: journalctl -u nomad-dns-srv", "%s",
		           status.publish_error);
}

void doctor_daemon(struct doctor *doctor)
{
	static const char start[] = "systemctl start nomad-dns-srv; if it does not stay: journalctl -u nomad-dns-srv";
	int64_t age = published_heartbeat_age(doctor->published);

	if (age >= 0 && age < PUBLISHED_DEAD_AFTER * 1000)
		check_state(doctor);
	else if (age >= 0)
		doctor_say(doctor, DOCTOR_FAULT, "daemon", start, "nomad-dns-srv is dead, or has lost Nomad for longer than "
		           "max-stale: its heartbeat is %lld s old", (long long)(age / 1000));
	else if (age == -1)
		doctor_say(doctor, DOCTOR_FAULT, "clock", "set this host's clock and keep it right: timedatectl set-ntp true",
		           "the daemon's heartbeat is from the future: the clock was set back");
	else if (age != -ENOENT - 1)
		doctor_say(doctor, DOCTOR_FAULT, "daemon", "the folder is to be readable by everybody", "cannot look at %s: %s",
		           doctor->published, strerror((int)(-age - 1)));
	else if (access(DAEMON_PROGRAM, X_OK) == 0)
		doctor_say(doctor, DOCTOR_FAULT, "daemon", start, "nomad-dns-srv is installed and does not run: each program asks "
		           "Nomad for itself");
	else
		doctor_say(doctor, DOCTOR_NOTE, "daemon", NULL, "no nomad-dns-srv is installed: each program asks Nomad for "
		           "itself, and keeps answers for ttl");
}
