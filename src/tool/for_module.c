/*
 * The module's helper; see for_module.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tool/for_module.h"

#include "bytes.h"
#include "cache_write.h"
#include "config.h"
#include "deadline.h"
#include "file.h"
#include "helper.h"
#include "tool/ask.h"

#include <errno.h>
#include <stdlib.h>
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

/* Without a configuration nothing can be asked; a person reads why in the failure's mark. */
static int fail(const struct lookup_places *places, const char *text, const char *reason)
{
	struct record record = {0};
	struct cache cache;
	struct name name;

	/* It may be the limits of who started a set-uid program that stand in the way. */
	if (!lookup_is_put_on() && cache_open(places->users, places->cluster, true, &cache) == 0) {
		cache_fail(&cache, NULL, reason);
		cache_close(&cache);
	}
	name_parse(text, NAME_SERVICE_LABEL, &name);
	if (name.kind != NAME_SERVICE)
		return -EINVAL;
	record.key = name.key;
	int result = say_limit(HELPER_START_LIMIT);
	return result < 0 ? result : say_record(&record);
}

int for_module(const char *path, const char *elapsed, const char *text)
{
	int64_t started = deadline_now() - strtol(elapsed, NULL, 10);
	char reason[CONFIG_REASON_MAX];
	struct lookup_places places;
	struct config config;
	struct record record = {0};

	end_after(deadline_now(), HELPER_START_LIMIT);
	lookup_places_init(&places);
	if (config_load(path, &config, reason) < 0)
		return fail(&places, text, reason);
	end_after(started, config.timeout);
	struct ask ask = {.config = &config, .places = &places};
	int result = say_limit(config.timeout);
	if (result == 0)
		result = ask_nomad(&ask, text, HELPER_LOCK, started, &record);
	if (result == 0)
		result = say_record(&record);
	record_done(&record);
	config_done(&config);
	return result;
}
