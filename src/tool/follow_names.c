/*
 * Watching names; see follow_names.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tool/follow_names.h"

#include "nomad/json.h"
#include "published.h"
#include "tool/print.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

enum {
	LOOK_AGAIN = 5000, /* milliseconds after which the files are looked at without a sign: the daemon may be another one */
	LOOK_AT_MOST = 1000, /* ... and once in so many at the most */
	TIME_MAX = 32,     /* bytes with the NUL */
};

/* A name, and where its instances were when it was last known: "ADDRESS:PORT", sorted. */
struct followed {
	const char *name;
	char directory[PATH_MAX]; /* the published files of its namespace */
	size_t count;
	char **places;
	bool unknown;
};

static void free_places(char **places, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(places[i]);
	free(places);
}

static void say(FILE *out, bool json, char sign, const char *name, const char *place)
{
	char text[TIME_MAX];
	time_t now = time(NULL);
	struct tm local;

	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S%z", localtime_r(&now, &local));
	if (json) {
		fprintf(out, "{\"schema\":1,\"time\":\"%s\",\"change\":\"%s\",\"name\":", text,
		        sign == '+' ? "added" : sign == '-' ? "removed" : "unknown");
		json_put_text(out, name);
		fputs(",\"at\":", out);
		if (place == NULL)
			fputs("null", out);
		else
			json_put_text(out, place);
		fputs("}\n", out);
	} else {
		fprintf(out, "%s %c %s%s%s\n", text, sign, name, place == NULL ? "" : " ", place == NULL ? "" : place);
	}
}

/* Says what is only in one of two sorted lists. */
static void say_differences(FILE *out, bool json, const struct followed *followed, char **places, size_t count)
{
	size_t i = 0, j = 0;

	while (i < followed->count || j < count) {
		int order = i == followed->count ? 1 : j == count ? -1 : strcmp(followed->places[i], places[j]);
		if (order < 0)
			say(out, json, '-', followed->name, followed->places[i]);
		else if (order > 0)
			say(out, json, '+', followed->name, places[j]);
		i += order <= 0;
		j += order >= 0;
	}
}

/* Looks one name up and says what has changed. Milliseconds until the answer is out of date, or -ENOMEM. */
static int look(FILE *out, struct ask *ask, struct followed *followed, bool json)
{
	struct lookup_result result;
	char **places = NULL;
	size_t count = 0;
	int left;

	lookup_run(followed->name, ask->places, ask_nomad, ask, &result);
	left = result.trace[LOOKUP_PUBLISHED].verdict == VERDICT_UNKNOWN ? (int)result.ttl * 1000 : LOOK_AGAIN;
	if (result.verdict == VERDICT_FOUND && print_ports(&result, &places, &count) < 0)
		left = -ENOMEM;
	if (result.verdict == VERDICT_UNKNOWN && !followed->unknown)
		say(out, json, '?', followed->name, NULL);
	followed->unknown = result.verdict == VERDICT_UNKNOWN;
	if (!followed->unknown && left >= 0) {
		say_differences(out, json, followed, places, count);
		free_places(followed->places, followed->count);
		followed->places = places;
		followed->count = count;
	} else {
		free_places(places, count);
	}
	lookup_done(&result);
	return left;
}

/* Asks to be told of changes of the directories; one that is not there yet is tried again at the next look. */
static void listen_to(int descriptor, const struct followed *followed, size_t count, const char *published)
{
	char path[PATH_MAX];

	if (descriptor < 0 || published == NULL)
		return;
	snprintf(path, sizeof path, "%s/" PUBLISHED_SERVICES, published);
	inotify_add_watch(descriptor, path, IN_CREATE | IN_MOVED_TO | IN_DELETE);
	for (size_t i = 0; i < count; i++)
		inotify_add_watch(descriptor, followed[i].directory, IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF);
}

/* Waits for a sign, and takes all that are there: what they say is found by looking. */
static void wait_for_sign(int descriptor, int milliseconds)
{
	struct pollfd sign = {.fd = descriptor, .events = POLLIN};
	char events[4096];

	if (poll(&sign, 1, milliseconds) > 0)
		while (read(descriptor, events, sizeof events) > 0)
			;
}

static void set_directory(struct followed *followed, const struct ask *ask)
{
	struct name name;

	name_parse(followed->name, ask->config->reading, &name);
	name_set_namespace(&name, ask->places->namespace);
	snprintf(followed->directory, sizeof followed->directory, "%s/" PUBLISHED_SERVICES "/%s",
	         ask->places->published == NULL ? "" : ask->places->published,
	         name.kind == NAME_SERVICE ? name.key.namespace : "");
}

/* What is followed, nothing known of it yet; NULL without memory. */
static struct followed *begin(const struct ask *ask, char **names, size_t *count)
{
	struct followed *followed;

	for (*count = 0; names[*count] != NULL;)
		(*count)++;
	followed = calloc(*count + 1, sizeof *followed);
	for (size_t i = 0; followed != NULL && i < *count; i++) {
		followed[i].name = names[i];
		set_directory(&followed[i], ask);
	}
	return followed;
}

/* Looks at all; milliseconds until the first answer is out of date, or a negative errno. */
static int look_at_all(FILE *out, struct ask *ask, struct followed *followed, size_t count, bool json)
{
	int next = LOOK_AGAIN;

	for (size_t i = 0; i < count; i++) {
		int left = look(out, ask, &followed[i], json);
		if (left < 0)
			return left;
		if (left < next)
			next = left < LOOK_AT_MOST ? LOOK_AT_MOST : left;
	}
	return fflush(out) != 0 ? -errno : next;
}

int follow_names(FILE *out, struct ask *ask, char **names, bool json)
{
	size_t count;
	struct followed *followed = begin(ask, names, &count);
	int descriptor = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int next = followed == NULL ? -ENOMEM : 0;

	while (next >= 0) {
		listen_to(descriptor, followed, count, ask->places->published); /* before looking: nothing is missed */
		next = look_at_all(out, ask, followed, count, json);
		if (next >= 0)
			wait_for_sign(descriptor, next);
	}
	for (size_t i = 0; followed != NULL && i < count; i++)
		free_places(followed[i].places, followed[i].count);
	free(followed);
	if (descriptor >= 0)
		close(descriptor);
	return next;
}
