/*
 * The five steps of a lookup; see lookup.h. Called by nss_nomad.c and nomad-lookup.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "lookup.h"

#include "cache.h"
#include "deadline.h"
#include "published.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>

/* A lookup under way. A name may have two readings: `service` before `nomad` is nothing, or a namespace. */
struct lookup {
	const char *text;
	const struct lookup_places *places;
	lookup_ask ask;
	void *context;
	int64_t started;
	struct name readings[2];
	size_t reading_count;
	struct cache cache; /* descriptor -1 while not open */
	struct record kept; /* an expired one from the cache, for step 4 */
	size_t kept_reading;
	struct lookup_result *result;
};

static uint64_t hash_variable(uint64_t hash, const char *name)
{
	const char *value = secure_getenv(name);

	for (const char *c = value == NULL ? "" : value; *c != '\0'; c++)
		hash = (hash ^ (uint8_t)*c) * UINT64_C(0x100000001b3); /* FNV-1a, 64 bits */
	return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

void lookup_places_init(struct lookup_places *places)
{
	static const char *const variables[] = {"NOMAD_ADDR", "NOMAD_REGION", "NOMAD_NAMESPACE"};
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	bool any = false;

	*places = (struct lookup_places){.published = PUBLISHED_DIR, .users = CACHE_USERS};
	for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
		const char *value = secure_getenv(variables[i]);
		any = any || (value != NULL && value[0] != '\0');
		hash = hash_variable(hash, variables[i]);
	}
	if (!any)
		return;
	places->published = NULL;
	for (size_t i = 0; i < LOOKUP_CLUSTER_MAX - 1; i++)
		places->cluster[i] = "0123456789abcdef"[hash >> (60 - 4 * i) & 15];
}

static void read_names(struct lookup *lookup)
{
	name_parse(lookup->text, NAME_SERVICE_LABEL, &lookup->readings[0]);
	lookup->reading_count = 1;
	if (lookup->readings[0].aliased && lookup->readings[0].kind == NAME_SERVICE) {
		name_parse(lookup->text, NAME_PLAIN, &lookup->readings[1]);
		if (lookup->readings[1].kind == NAME_SERVICE)
			lookup->reading_count = 2;
	}
	for (size_t i = 0; i < lookup->reading_count; i++)
		lookup->readings[i].whole = lookup->places->whole;
}

/* Turns a record into the lookup's answer. */
static enum verdict take_record(struct lookup *lookup, enum lookup_step step, struct record *record,
                                const struct name *name)
{
	struct lookup_result *result = lookup->result;
	int64_t age = record_age(record);

	result->trace[step].age = age;
	result->trace[step].ttl = record->ttl;
	result->ttl = record->ttl;
	if (step == LOOKUP_CACHED && age >= 0)
		result->ttl -= (uint32_t)(age / 1000);
	result->name = *name;
	if (record->verdict != VERDICT_FOUND)
		return record->verdict;
	enum verdict verdict = service_addresses(record->service, name, &result->addresses, &result->count);
	if (lookup->places->whole) {
		result->record = *record;
		record->service = NULL; /* the result's from now on */
	}
	return verdict;
}

static enum verdict find_published(struct lookup *lookup)
{
	enum verdict verdict = VERDICT_UNKNOWN;

	if (lookup->places->published == NULL)
		return VERDICT_UNKNOWN;
	for (size_t i = 0; i < lookup->reading_count; i++) {
		struct record record = {0};
		verdict = published_find(lookup->places->published, &lookup->readings[i], &record);
		if (verdict == VERDICT_FOUND)
			verdict = take_record(lookup, LOOKUP_PUBLISHED, &record, &lookup->readings[i]);
		record_done(&record);
		if (verdict != VERDICT_NO_NAME)
			break;
	}
	return verdict;
}

/* Looks into the open cache; what is there but not fresh is kept for step 4. */
static enum verdict find_fresh(struct lookup *lookup)
{
	struct lookup_trace *trace = &lookup->result->trace[LOOKUP_CACHED];

	for (size_t i = 0; i < lookup->reading_count; i++) {
		struct record record = {0};
		trace->error = cache_find(&lookup->cache, &lookup->readings[i], &record);
		if (trace->error < 0)
			continue;
		if (record_is_fresh(&record)) {
			enum verdict verdict = take_record(lookup, LOOKUP_CACHED, &record, &lookup->readings[i]);
			record_done(&record);
			return verdict;
		}
		trace->age = record_age(&record);
		trace->ttl = record.ttl;
		record_done(&lookup->kept);
		lookup->kept = record;
		lookup->kept_reading = i;
		return VERDICT_UNKNOWN;
	}
	return VERDICT_UNKNOWN;
}

static enum verdict find_cached(struct lookup *lookup)
{
	int error = cache_open(lookup->places->users, lookup->places->cluster, false, &lookup->cache);

	lookup->result->trace[LOOKUP_CACHED].error = error;
	return error < 0 ? VERDICT_UNKNOWN : find_fresh(lookup);
}

/* Asks, holding the lock or not, and takes the answer for the reading that it is for. */
static enum verdict ask_nomad(struct lookup *lookup, int lock)
{
	struct lookup_trace *trace = &lookup->result->trace[LOOKUP_ASKED];
	enum verdict verdict = VERDICT_UNKNOWN;
	struct record record = {0};

	trace->error = lookup->ask(lookup->context, lookup->text, lock, lookup->started, &record);
	if (trace->error < 0)
		return VERDICT_UNKNOWN;
	for (size_t i = 0; i < lookup->reading_count; i++)
		if (record_answers(&record, &lookup->readings[i])) {
			verdict = take_record(lookup, LOOKUP_ASKED, &record, &lookup->readings[i]);
			break;
		}
	record_done(&record);
	return verdict;
}

/* Asks unless somebody else just did, with success or without. */
static enum verdict find_asking(struct lookup *lookup)
{
	struct lookup_trace *trace = &lookup->result->trace[LOOKUP_ASKED];
	const struct name *name = &lookup->readings[0];
	enum verdict verdict = VERDICT_UNKNOWN;

	if (lookup->ask == NULL)
		return VERDICT_UNKNOWN;
	if (lookup->cache.descriptor < 0 &&
	    cache_open(lookup->places->users, lookup->places->cluster, true, &lookup->cache) < 0)
		return ask_nomad(lookup, -1);
	if (cache_failed_recently(&lookup->cache, name)) {
		trace->error = -EAGAIN;
		return VERDICT_UNKNOWN;
	}
	int lock = cache_lock(&lookup->cache, name, lookup->started + LOOKUP_LOCK_LIMIT);
	if (lock == -ETIMEDOUT) {
		trace->error = lock;
		return VERDICT_UNKNOWN;
	}
	if (lock < 0)
		return ask_nomad(lookup, -1);
	verdict = find_fresh(lookup);
	if (verdict == VERDICT_UNKNOWN && cache_failed_recently(&lookup->cache, name))
		trace->error = -EAGAIN;
	else if (verdict == VERDICT_UNKNOWN)
		verdict = ask_nomad(lookup, lock);
	cache_unlock(lock);
	return verdict;
}

static enum verdict find_stale(struct lookup *lookup)
{
	if (!record_may_serve_stale(&lookup->kept))
		return VERDICT_UNKNOWN;
	return take_record(lookup, LOOKUP_STALE, &lookup->kept, &lookup->readings[lookup->kept_reading]);
}

static void reverse(struct address *addresses, size_t count)
{
	for (size_t i = 0, j = count; i + 1 < j; i++) {
		struct address swapped = addresses[i];
		addresses[i] = addresses[--j];
		addresses[j] = swapped;
	}
}

/*
 * Spreads the load of programs that take the first address: each process starts elsewhere (AT_RANDOM), and
 * elsewhere every second. Within a second the order stays, so that a retry with a larger buffer finds the same.
 */
static void rotate(struct address *addresses, size_t count)
{
	const void *random = (const void *)getauxval(AT_RANDOM); /* NOLINT: 16 octets that the kernel put there */
	struct timespec now;
	uint32_t seed = 0;

	if (count < 2)
		return;
	if (random != NULL)
		memcpy(&seed, random, sizeof seed);
	clock_gettime(CLOCK_MONOTONIC, &now);
	size_t start = (size_t)(seed + (uint64_t)now.tv_sec) % count;
	reverse(addresses, start);
	reverse(addresses + start, count - start);
	reverse(addresses, count);
}

static enum verdict run_steps(struct lookup *lookup)
{
	static enum verdict (*const steps[LOOKUP_STEPS])(struct lookup *) = {
		[LOOKUP_PUBLISHED] = find_published,
		[LOOKUP_CACHED] = find_cached,
		[LOOKUP_ASKED] = find_asking,
		[LOOKUP_STALE] = find_stale,
	};
	enum verdict verdict = VERDICT_UNKNOWN;

	for (size_t step = 0; step < LOOKUP_STEPS && verdict == VERDICT_UNKNOWN; step++) {
		struct lookup_trace *trace = &lookup->result->trace[step];
		trace->taken = true;
		verdict = steps[step](lookup);
		trace->verdict = verdict;
	}
	return verdict;
}

void lookup_run(const char *text, const struct lookup_places *places, lookup_ask ask, void *context,
                struct lookup_result *result)
{
	struct lookup lookup = {.text = text,
	                        .places = places,
	                        .ask = ask,
	                        .context = context,
	                        .cache = {.descriptor = -1},
	                        .result = result};

	*result = (struct lookup_result){0};
	for (size_t step = 0; step < LOOKUP_STEPS; step++)
		result->trace[step].age = -1;
	read_names(&lookup);
	result->kind = lookup.readings[0].kind;
	if (result->kind == NAME_SERVICE) {
		lookup.started = deadline_now();
		result->verdict = run_steps(&lookup);
		rotate(result->addresses, result->count);
	} else if (result->kind != NAME_FOREIGN) {
		result->verdict = result->kind == NAME_EMPTY ? VERDICT_NO_DATA : VERDICT_NO_NAME;
	}
	record_done(&lookup.kept);
	if (lookup.cache.descriptor >= 0)
		cache_close(&lookup.cache);
}

void lookup_done(struct lookup_result *result)
{
	free(result->addresses);
	result->addresses = NULL;
	record_done(&result->record);
}
