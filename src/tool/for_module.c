/*
 * The module's helper; see for_module.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tool/for_module.h"

#include "bytes.h"
#include "cache.h"
#include "config.h"
#include "deadline.h"
#include "file.h"
#include "helper.h"
#include "lock.h"
#include "tool/ask.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <unistd.h>

enum { LAST_WORDS = 1000 }; /* milliseconds over the limit in which a failure is noted */

/*
 * Ends this process, by SIGALRM, once nobody waits for it any more. It holds the name's lock, and whatever it hangs in (a
 * resolver, a disk, a reader that does not read) would keep others waiting.
 */
static void end_after(int64_t started, uint32_t limit)
{
	int64_t left = started + limit + HELPER_GRACE + LAST_WORDS - deadline_now();
	struct itimerval timer = {.it_value = {.tv_usec = 1}};

	if (left > 0)
		timer.it_value = (struct timeval){.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 + 1};
	setitimer(ITIMER_REAL, &timer, NULL);
}

static int say_limit(uint32_t milliseconds)
{
	uint8_t octets[4];
	struct writer writer;

	writer_init(&writer, octets, sizeof octets);
	writer_u32(&writer, milliseconds);
	return file_write(STDOUT_FILENO, octets, sizeof octets);
}

static int say_record(const struct record *record)
{
	uint8_t *bytes;
	size_t size;
	int result = record_encode(record, &bytes, &size);

	if (result < 0)
		return result;
	result = file_write(STDOUT_FILENO, bytes, size);
	free(bytes);
	return result;
}

/* Without a configuration nothing can be asked. */
static int fail(const char *text)
{
	struct record record = {0};
	struct name name;
	int result = say_limit(HELPER_START_LIMIT);

	name_parse(text, NAME_SERVICE_LABEL, &name);
	if (result < 0 || name.kind != NAME_SERVICE)
		return result;
	record.key = name.key;
	return say_record(&record);
}

/* The descriptor of the name's lock, if it is what HELPER_LOCK is; -1 if not. */
static int held_lock(const struct lookup_places *places, const char *text)
{
	char path[PLACE_MAX];
	struct cache cache;
	struct name name;

	name_parse(text, NAME_SERVICE_LABEL, &name);
	name_set_namespace(&name, places->namespace);
	cache_init(&cache, places->cache, places->run, places->cluster, &places->origin);
	if (name.kind != NAME_SERVICE || cache_choose(&cache, false) < 0)
		return -1;
	cache_lock_path(&cache, &name, path);
	return lock_is(HELPER_LOCK, path) ? HELPER_LOCK : -1;
}

int for_module(const char *path, const char *elapsed, const char *origin, const char *text)
{
	int64_t started = deadline_now() - strtol(elapsed, NULL, 10);
	char reason[CONFIG_REASON_MAX];
	struct lookup_places places;
	struct config config;
	struct record record = {0};

	prctl(PR_SET_NAME, "nomad-lookup"); /* run by its descriptor, it has that one's number for a name */
	end_after(deadline_now(), HELPER_START_LIMIT);
	lookup_places_init(&places);
	if (origin != NULL)
		origin_parse(origin, &places.origin);
	origin_set_unit(&places.origin);
	int lock = held_lock(&places, text);
	if (config_load(path, &config, reason) < 0)
		return fail(text);
	end_after(started, config.timeout);
	struct ask ask = {.config = &config, .places = &places};
	struct lookup_question question = {.text = text, .origin = &places.origin, .started = started};
	if (lock >= 0)
		lock_say(lock, config.timeout, started + config.timeout);
	int result = say_limit(config.timeout);
	if (result == 0)
		result = ask_holding(&ask, &question, lock, &record);
	if (result == 0)
		result = say_record(&record);
	record_done(&record);
	config_done(&config);
	return result;
}
