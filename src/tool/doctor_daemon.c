/*
 * The doctor on the daemon: does it run, does it follow Nomad, is it meant to; see doctor.h. Called by doctor.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "noun.h"
#include "published.h"
#include "tool/doctor.h"
#include "watch/running.h"

#include <errno.h>
#include <glob.h>
#include <string.h>
#include <unistd.h>

static const char journal[] = "see the daemon's log: journalctl -u nomad-dns-srv";
static const char agent_below[] = "see below what is wrong with the agent; the daemon finds it again by itself";

/* Whether systemd starts the daemon at boot: a link in the directory of some target. */
static bool is_enabled(void)
{
	static const char *const patterns[] = {
		"/etc/systemd/system/*.wants/nomad-dns-srv.*", "/etc/systemd/system/*.requires/nomad-dns-srv.*",
		"/run/systemd/system/*.wants/nomad-dns-srv.*", "/usr/lib/systemd/system/*.wants/nomad-dns-srv.*"};
	bool found = false;

	for (size_t i = 0; i < sizeof patterns / sizeof *patterns && !found; i++) {
		glob_t paths;
		found = glob(patterns[i], GLOB_NOSORT, NULL, &paths) == 0;
		if (found)
			globfree(&paths);
	}
	return found;
}

static void say_ended(struct doctor *doctor, int64_t age)
{
	static const char start[] = "systemctl start nomad-dns-srv; if it does not stay: journalctl -u nomad-dns-srv";

	if (age >= 0)
		doctor_say(doctor, DOCTOR_FAULT, "daemon", start, "nomad-dns-srv was killed, or has lost Nomad for longer than "
		           "max-stale: its heartbeat is %lld s old", (long long)(age / 1000));
	else if (access(DAEMON_PROGRAM, X_OK) < 0)
		doctor_say(doctor, DOCTOR_NOTE, "daemon", NULL, "no nomad-dns-srv is installed: each program asks Nomad for "
		           "itself, and keeps answers for ttl");
	else if (is_enabled())
		doctor_say(doctor, DOCTOR_FAULT, "daemon", start, "nomad-dns-srv is enabled and does not run: each program asks "
		           "Nomad for itself");
	else
		doctor_say(doctor, DOCTOR_NOTE, "daemon", "to have a live copy of the catalogue: systemctl enable --now "
		           "nomad-dns-srv", "nomad-dns-srv is installed, is not enabled and does not run: each program asks Nomad "
		           "for itself, and keeps answers for ttl");
}

/* It runs, and the module does without it. `status` is NULL where the daemon has not said yet how it goes. */
static void say_silent(struct doctor *doctor, const struct running *running, const struct status *status, int64_t age)
{
	char process[32] = "";

	if (running->pid != 0)
		snprintf(process, sizeof process, " (process %lld)", (long long)running->pid);
	if (status == NULL || (strcmp(status->state, "loading") == 0 && status->error[0] == '\0'))
		doctor_say(doctor, DOCTOR_NOTE, "daemon", "try again in a moment", "nomad-dns-srv%s has just started, and reads "
		           "the catalogue", process);
	else if (strcmp(status->state, "loading") == 0)
		doctor_say(doctor, DOCTOR_FAULT, "daemon", agent_below, "nomad-dns-srv runs%s and waits for Nomad; until then each "
		           "program asks for itself: %s", process, status->error);
	else if (strcmp(status->state, "expired") == 0)
		doctor_say(doctor, DOCTOR_FAULT, "daemon", agent_below, "nomad-dns-srv runs%s, and has lost Nomad for longer than "
		           "max-stale: %s", process, status->error);
	else if (age >= 0)
		doctor_say(doctor, DOCTOR_FAULT, "daemon", "systemctl restart nomad-dns-srv, and report what its log says: "
		           "journalctl -u nomad-dns-srv", "nomad-dns-srv%s hangs: its heartbeat is %lld s old", process,
		           (long long)(age / 1000));
	else
		doctor_say(doctor, DOCTOR_FAULT, "daemon", journal, "nomad-dns-srv runs%s, and writes no heartbeat%s%s", process,
		           status->publish_error[0] == '\0' ? "" : ": ", status->publish_error);
}

static void check_state(struct doctor *doctor, const struct status *status)
{
	doctor->daemon_lives = true;
	if (status == NULL) {
		doctor_say(doctor, DOCTOR_OK, "daemon", NULL, "nomad-dns-srv lives and publishes into %s", doctor->published);
		return;
	}
	snprintf(doctor->dns, sizeof doctor->dns, "%.*s", (int)strcspn(status->dns, " "), status->dns);
	if (strcmp(status->state, "current") == 0)
		doctor_say(doctor, DOCTOR_OK, "daemon", NULL, "nomad-dns-srv lives, and has %lld %s, current at index %lld",
		           (long long)status->services, noun((uint64_t)status->services, "service", "services"),
		           (long long)status->index);
	else
		doctor_say(doctor, DOCTOR_FAULT, "daemon", agent_below, "nomad-dns-srv lives, but its catalogue is %s: %s",
		           status->state, status->error[0] == '\0' ? "it has lost Nomad" : status->error);
	if (status->publish_error[0] != '\0')
		doctor_say(doctor, DOCTOR_FAULT, "files", journal, "%s", status->publish_error);
}

void doctor_daemon(struct doctor *doctor)
{
	int64_t age = published_heartbeat_age(doctor->published);
	struct running running = running_look(doctor->published);
	struct status status, *told = NULL;

	if (status_read(doctor->published, &status) == 0 && status_is_of(&status, &running))
		told = &status;
	if (age == -1)
		doctor_say(doctor, DOCTOR_FAULT, "clock", "set this host's clock and keep it right: timedatectl set-ntp true",
		           "the daemon's heartbeat is from the future: the clock was set back");
	else if (age < -1 && age != -ENOENT - 1)
		doctor_say(doctor, DOCTOR_FAULT, "daemon", "the directory is to be readable by everybody", "cannot look at %s: %s",
		           doctor->published, strerror((int)(-age - 1)));
	else if (running.state != RUNNING_NO && age >= 0 && age < PUBLISHED_DEAD_AFTER * 1000)
		check_state(doctor, told);
	else if (running.state == RUNNING_YES)
		say_silent(doctor, &running, told, age);
	else
		say_ended(doctor, age);
}
