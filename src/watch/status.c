/*
 * How the daemon goes; see status.h. Called by watch/daemon.c and nomad-dns-srv.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watch/status.h"

#include "nomad/json.h"
#include "noun.h"
#include "place.h"
#include "published.h"
#include "wall.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *name;
	size_t offset;
	size_t room; /* of a text; 0: a number */
} fields[] = {
#define TEXT(name) {#name, offsetof(struct status, name), sizeof((struct status *)0)->name}
#define NUMBER(name) {#name, offsetof(struct status, name), 0}
	TEXT(state),       TEXT(agent),        NUMBER(index),    NUMBER(services), NUMBER(instances), NUMBER(since),
	NUMBER(current_at), NUMBER(polling),   NUMBER(kept),     TEXT(error),      NUMBER(error_at),  TEXT(publish_error),
	NUMBER(kept_since), TEXT(dns),        TEXT(namespaces),        NUMBER(pid),      NUMBER(started_at), NUMBER(written_at),
	TEXT(dns_error),
#undef TEXT
#undef NUMBER
};

enum { FIELDS = sizeof fields / sizeof *fields };

const char *status_state_text(enum catalogue_state state)
{
	static const char *const texts[] = {
		[CATALOGUE_LOADING] = "loading",
		[CATALOGUE_CURRENT] = "current",
		[CATALOGUE_STALE] = "stale",
		[CATALOGUE_EXPIRED] = "expired",
	};

	return texts[state];
}

/* A JSON string; what would need escaping is a reason's decoration and becomes something plain. */
static void put_text(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text != '\0'; text++)
		putc(*text == '"' || *text == '\\' ? '\'' : (unsigned char)*text < ' ' ? ' ' : *text, out);
	putc('"', out);
}

size_t status_write(const struct status *status, char text[STATUS_MAX])
{
	FILE *out = fmemopen(text, STATUS_MAX, "w");

	if (out == NULL)
		return 0;
	for (size_t i = 0; i < FIELDS; i++) {
		const char *at = (const char *)status + fields[i].offset;
		fprintf(out, "%s\"%s\": ", i == 0 ? "{\n\t" : ",\n\t", fields[i].name);
		if (fields[i].room > 0)
			put_text(out, at);
		else
			fprintf(out, "%" PRId64, *(const int64_t *)(const void *)at);
	}
	fputs("\n}\n", out);
	long size = ftell(out);
	return fclose(out) == 0 && size > 0 ? (size_t)size : 0;
}

static void take_field(const struct json *json, size_t key, struct status *status)
{
	char text[STATUS_MAX], *end = text;

	for (size_t i = 0; i < FIELDS; i++) {
		char *at = (char *)status + fields[i].offset;
		if (!json_equals(json, key, fields[i].name))
			continue;
		if (fields[i].room == 0)
			json_signed(json, key + 1, (int64_t *)(void *)at);
		else if (json_text(json, key + 1, &end))
			snprintf(at, fields[i].room, "%s", text);
		return;
	}
}

/* Reads the file, however the daemon's user has made it: root asks too, and is to open no device. Octets, or -errno. */
static ssize_t read_file(const char *path, char text[STATUS_MAX])
{
	struct stat found;
	int descriptor = open(path, PLACE_OPEN_FLAGS);

	if (descriptor < 0)
		return -errno;
	ssize_t size = fstat(descriptor, &found) == 0 && S_ISREG(found.st_mode) ? read(descriptor, text, STATUS_MAX) : -1;
	close(descriptor);
	return size < 0 || size == STATUS_MAX ? -EBADMSG : size;
}

int status_read(const char *dir, struct status *status)
{
	char path[PATH_MAX], text[STATUS_MAX];
	struct json json;

	snprintf(path, sizeof path, "%s/" STATUS_FILE, dir);
	ssize_t size = read_file(path, text);
	if (size < 0)
		return (int)size;
	if ( json_parse(text, (size_t)size, 2, 2 * FIELDS + 8, &json) < 0)
		return -EBADMSG;
	*status = (struct status){0};
	for (size_t key = 1; json_is(&json, 0, JSMN_OBJECT) && key + 1 < json.count; key = json_after(&json, key + 1))
		take_field(&json, key, status);
	json_done(&json);
	return 0;
}

/* How long ago, in the two largest units. */
static const char *ago(int64_t then, char text[64])
{
	int64_t seconds = (wall_now() - then) / 1000;

	if (then == 0)
		snprintf(text, 64, "never");
	else if (seconds < 120)
		snprintf(text, 64, "%" PRId64 " s ago", seconds < 0 ? 0 : seconds);
	else if (seconds < 7200)
		snprintf(text, 64, "%" PRId64 " min %" PRId64 " s ago", seconds / 60, seconds % 60);
	else
		snprintf(text, 64, "%" PRId64 " h %" PRId64 " min ago", seconds / 3600, seconds / 60 % 60);
	return text;
}

static void print_troubles(FILE *out, const struct status *status)
{
	char when[64];

	if (status->polling)
		fprintf(out, "polling:    the token may not use the event stream; give it read-job in every namespace\n");
	if (status->kept > 0)
		fprintf(out, "kept:       %" PRId64 " %s that the token may not read any more, as before\n", status->kept,
		        noun((uint64_t)status->kept, "namespace", "namespaces"));
	if (status->dns_error[0] != '\0')
		fprintf(out, "no dns:     %s; it is tried again\n", status->dns_error);
	if (status->publish_error[0] != '\0')
		fprintf(out, "files:      %s\n", status->publish_error);
	if (status->error[0] != '\0')
		fprintf(out, "last error: %s (%s)\n", status->error, ago(status->error_at, when));
}

bool status_is_of(const struct status *status, const struct running *running)
{
	return running->own == 0 || running->own == status->pid;
}

/* What is seen of the daemon beside what it has said. */
struct sight {
	struct running running;
	bool runs, alive;
};

static struct sight look(const char *dir, const struct status *status)
{
	struct sight sight = {.running = running_look(dir)};
	int64_t age = published_heartbeat_age(dir);
	bool fresh = wall_now() - status->written_at < 3 * STATUS_EVERY * 1000;

	sight.alive = age >= 0 && age < PUBLISHED_DEAD_AFTER * 1000;
	sight.runs = sight.running.state == RUNNING_YES || (sight.running.state == RUNNING_UNKNOWN && fresh);
	return sight;
}

static bool is_current(const struct sight *sight, const struct status *status)
{
	return sight->runs && sight->alive && status_is_of(status, &sight->running) &&
	       strcmp(status->state, status_state_text(CATALOGUE_CURRENT)) == 0;
}

bool status_print_json(FILE *out, const char *dir, const struct status *status)
{
	struct sight sight = look(dir, status);
	bool ok = is_current(&sight, status), said = status_is_of(status, &sight.running);
	char text[STATUS_MAX];
	size_t size = status_write(status, text);

	fprintf(out, "{\"ok\":%s,\"runs\":%s,\"published\":%s,\"directory\":", ok ? "true" : "false", sight.runs ? "true" : "false",
	        sight.alive ? "true" : "false");
	json_put_text(out, dir);
	/* What the daemon before had to say is not told of this one. */
	fprintf(out, ",\"status\":%.*s}\n", said ? (int)size : (int)strlen("null"), said ? text : "null");
	return ok;
}

bool status_print(FILE *out, const char *dir, const struct status *status)
{
	struct sight sight = look(dir, status);
	char when[64];

	if (!status_is_of(status, &sight.running)) {
		fprintf(out, "daemon:     runs (process %" PRId64 "), has just started, and has not said yet how it goes\n",
		        sight.running.pid);
		return false;
	}
	fprintf(out, "daemon:     %s (process %" PRId64 ", started %s)\n", sight.runs ? "runs" : "does not run", status->pid,
	        ago(status->started_at, when));
	fprintf(out, "catalogue:  %s", status->state);
	fprintf(out, ", since %s\n", ago(status->since, when));
	fprintf(out, "            %" PRId64 " %s, %" PRId64 " %s, index %" PRId64 "\n", status->services,
	        noun((uint64_t)status->services, "service", "services"), status->instances,
	        noun((uint64_t)status->instances, "instance", "instances"), status->index);
	fprintf(out, "confirmed:  %s\n", ago(status->current_at, when));
	fprintf(out, "agent:      %s\n", status->agent);
	fprintf(out, "namespaces: %s\n", status->namespaces[0] == '\0' ? "none yet" : status->namespaces);
	fprintf(out, "dns:        %s\n", status->dns[0] == '\0' ? "not answered" : status->dns);
	fprintf(out, "lookups:    %s %s/" PUBLISHED_SERVICES "\n", sight.alive ? "take the files in" : "do without the files in", dir);
	print_troubles(out, status);
	return is_current(&sight, status);
}
