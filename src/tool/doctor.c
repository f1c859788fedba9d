/*
 * The doctor's round and how it speaks; see doctor.h. Called by nomad-lookup.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tool/doctor.h"

#include "config_file.h"
#include "nomad/json.h"
#include "published.h"
#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	FINDING_MAX = 2048,   /* octets with the NUL; the longest is an agent's reason, AGENT_REASON_MAX */
	FILE_MAX = 64 * 1024, /* bytes with the NUL, of nsswitch.conf and nscd.conf */
};

static const char *const words[] = {[DOCTOR_FAULT] = "FAULT", [DOCTOR_NOTE] = "note", [DOCTOR_OK] = "ok"};
static const char *const json_words[] = {[DOCTOR_FAULT] = "fault", [DOCTOR_NOTE] = "note", [DOCTOR_OK] = "ok"};

static void say_json(const struct doctor *doctor, enum doctor_state state, const char *check, const char *remedy,
                     const char *finding)
{
	fputs(doctor->said > 0 ? ",\n  {\"check\":" : "\n  {\"check\":", doctor->out);
	json_put_text(doctor->out, check);
	fprintf(doctor->out, ",\"state\":\"%s\",\"finding\":", json_words[state]);
	json_put_text(doctor->out, finding);
	fputs(",\"remedy\":", doctor->out);
	if (remedy == NULL)
		fputs("null", doctor->out);
	else
		json_put_text(doctor->out, remedy);
	fputc('}', doctor->out);
}

void doctor_say(struct doctor *doctor, enum doctor_state state, const char *check, const char *remedy,
                const char *format, ...)
{
	char finding[FINDING_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(finding, sizeof finding, format, arguments);
	va_end(arguments);
	text_tame(finding); /* Nomad, and who registers with it, may have had a say in it */
	if (doctor->json) {
		say_json(doctor, state, check, remedy, finding);
	} else {
		fprintf(doctor->out, "%-5s  %-8s  %s\n", words[state], check, finding);
		if (remedy != NULL)
			fprintf(doctor->out, "%-5s  %-8s  do: %s\n", "", "", remedy);
	}
	doctor->said++;
	doctor->faults += state == DOCTOR_FAULT;
}

char *doctor_read_small(const char *path, size_t *size)
{
	FILE *file = fopen(path, "re");
	char *text = malloc(FILE_MAX);
	int error = file == NULL ? errno : ENOMEM;

	if (file != NULL && text != NULL) {
		*size = fread(text, 1, FILE_MAX - 1, file);
		error = ferror(file) ? errno : 0;
		text[*size] = '\0';
	}
	if (file != NULL)
		fclose(file);
	if (error == 0)
		return text;
	free(text);
	errno = error;
	return NULL;
}

/* What needs no configuration: a faulty one does not hide the faults of the host. */
static void examine_host(struct doctor *doctor)
{
	doctor_hosts(doctor);
	doctor_nscd(doctor);
	doctor_daemon(doctor);
	doctor_cache(doctor);
}

static void examine_all(struct doctor *doctor, const char *config_path)
{
	char reason[CONFIG_REASON_MAX];
	struct config config;

	if (config_load(config_path, &config, reason) < 0) {
		doctor_say(doctor, DOCTOR_FAULT, "settings", "correct the configuration, see nss-nomad.conf(5)", "%s", reason);
		examine_host(doctor);
		return;
	}
	if (access(config_path, F_OK) == 0)
		doctor_say(doctor, DOCTOR_OK, "settings", NULL, "%s is right", config_path);
	else
		doctor_say(doctor, DOCTOR_OK, "settings", NULL, "there is no %s: the defaults hold", config_path);
	if (config_shows_password(&config, config_path, reason))
		doctor_say(doctor, DOCTOR_FAULT, "settings", "do what the sentence says", "%s", reason);
	doctor->config = &config;
	doctor_environment(doctor);
	examine_host(doctor);
	doctor_nomad(doctor);
	doctor_answers(doctor);
	doctor->config = NULL;
	config_done(&config);
}

bool doctor_examine(FILE *out, const char *config_path, const char *name, bool json)
{
	struct doctor doctor = {.out = out, .json = json, .published = PUBLISHED_DIR};

	if (name != NULL)
		snprintf(doctor.name, sizeof doctor.name, "%s", name);
	if (json)
		fputs("{\"checks\":[", out);
	examine_all(&doctor, config_path);
	if (json)
		fprintf(out, "],\n \"ok\":%s}\n", doctor.faults == 0 ? "true" : "false");
	else if (doctor.faults == 0)
		fputs("Nothing is wrong.\n", out);
	else
		fprintf(out, "%zu fault%s: see FAULT above.\n", doctor.faults, doctor.faults == 1 ? "" : "s");
	return doctor.faults == 0;
}
