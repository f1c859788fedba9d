/*
 * The five steps of a lookup; see lookup.h. Called by nss_nomad.c and nomad-lookup.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "lookup.h"

#include "cache.h"
#include "deadline.h"
#include "lock.h"
#include "published.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/*
 * A lookup under way. A name may have several readings: `service` before `nomad` is nothing, or a namespace; and what stands
 * behind two marks is a namespace, or a service of the default one. They are in the order in which they are tried.
 */
struct lookup {
	const char *text;
	const struct lookup_places *places;
	lookup_ask ask;
	void *context;
	int64_t started;
	struct name readings[4];
	size_t reading_count;
	struct cache cache;
	char lock[PLACE_MAX]; /* the path of the name's */
	struct record kept; /* an expired one from the cache, for step 4 */
	size_t kept_reading;
	bool settled; /* a fresh record is all that there is to be had now */
	struct lookup_result *result;
};

static void add_readings(struct lookup *lookup, const struct name *name)
{
	lookup->readings[lookup->reading_count++] = *name;
	if (name->maybe_service)
		name_as_service(name, &lookup->readings[lookup->reading_count++]);
}

static void read_names(struct lookup *lookup)
{
	struct name plain;

	add_readings(lookup, &lookup->result->name);
	if (lookup->result->name.aliased) {
		name_parse(lookup->text, NAME_PLAIN, &plain);
		if (plain.kind == NAME_SERVICE)
			add_readings(lookup, &plain);
	}
	for (size_t i = 0; i < lookup->reading_count; i++) {
		lookup->readings[i].whole = lookup->places->whole;
		name_set_namespace(&lookup->readings[i], lookup->places->namespace_wrong ? NULL : lookup->places->namespace);
	}
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
	if (step == LOOKUP_CACHED && age >= 0) /* the clock may have been set since it was fresh */
		result->ttl -= age / 1000 < record->ttl ? (uint32_t)(age / 1000) : record->ttl;
	result->name = *name;
	if (record->verdict != VERDICT_FOUND)
		return record->verdict;
	enum verdict verdict = service_addresses(record->service, name, &result->addresses, &result->count,
	                                         &result->unresolved);
	if (lookup->places->whole) {
		record_done(&result->record); /* of a step or reading that held nothing after all */
		result->record = *record;
		record->service = NULL; /* the result's from now on */
	}
	return verdict;
}

/* One reading of the name, and what the heartbeat said. */
static enum verdict find_published_as(struct lookup *lookup, const struct name *name, enum published_state *state)
{
	struct record record = {0};
	enum verdict verdict = published_find(lookup->places->published, name, &record, state);

	if (verdict == VERDICT_FOUND) {
		verdict = take_record(lookup, LOOKUP_PUBLISHED, &record, name);
		/* That none of its instances is selected is final where the record is. */
		if (verdict == VERDICT_NO_NAME && !published_is_whole(lookup->places->published, name, *state))
			verdict = VERDICT_UNKNOWN;
	}
	record_done(&record);
	return verdict;
}

/*
 * A name that may lack its namespace. Its other reading holds where there is no such namespace; where nobody can tell that,
 * it answers with what is there, and denies nothing. The namespace is looked at before and after: it may come meanwhile.
 * `final`: there is such a namespace, and no further reading.
 */
static enum verdict find_published_twice(struct lookup *lookup, const struct name *name, bool *final)
{
	const char *dir = lookup->places->published;
	enum published_state state, other_state;

	enum verdict verdict = find_published_as(lookup, name, &state);
	if (verdict == VERDICT_FOUND || verdict == VERDICT_NO_DATA || state == PUBLISHED_DEAD)
		return verdict;
	enum published_namespace namespace = published_find_namespace(dir, name, state);
	*final = namespace == PUBLISHED_NAMESPACE_THERE;
	if (*final)
		return find_published_as(lookup, name, &state);
	if (namespace == PUBLISHED_NAMESPACE_UNKNOWN || name->elsewhere_unknown)
		return VERDICT_UNKNOWN;
	verdict = find_published_as(lookup, name + 1, &other_state);
	if (verdict != VERDICT_NO_NAME)
		return verdict;
	if (namespace != PUBLISHED_NAMESPACE_NONE)
		return VERDICT_UNKNOWN;
	return published_find_namespace(dir, name, state) == PUBLISHED_NAMESPACE_NONE ? VERDICT_NO_NAME : VERDICT_UNKNOWN;
}

static enum verdict find_published(struct lookup *lookup)
{
	enum verdict verdict = VERDICT_UNKNOWN;
	enum published_state state;
	bool final = false;

	if (lookup->places->published == NULL)
		return VERDICT_UNKNOWN;
	for (size_t i = 0; i < lookup->reading_count && !final; i++) {
		const struct name *name = &lookup->readings[i];
		if (name->is_other)
			continue; /* looked at with the one before */
		verdict = name->maybe_service ? find_published_twice(lookup, name, &final) : find_published_as(lookup, name, &state);
		if (verdict != VERDICT_NO_NAME)
			break;
	}
	return verdict;
}

/*
 * Whether a record that was kept for a reading says anything of the name. Of a name that may lack its namespace it does
 * where it has the first reading's service; else it would have to say whether there is such a namespace, which none does.
 */
static bool tells(const struct lookup *lookup, size_t reading, const struct record *record)
{
	bool is_second = reading > 0 && lookup->readings[reading - 1].maybe_service;

	return !is_second && (!lookup->readings[reading].maybe_service || record->verdict == VERDICT_FOUND);
}

/* Keeps an expired record for step 4; of two readings' the one made last, for `service-label` may have changed. */
static void keep(struct lookup *lookup, struct record *record, size_t reading)
{
	if (record->made < lookup->kept.made) {
		record_done(record);
		return;
	}
	record_done(&lookup->kept);
	lookup->kept = *record;
	lookup->kept_reading = reading;
}

/* Looks into the open cache; what is there but not fresh is kept for step 4. */
static enum verdict find_fresh(struct lookup *lookup)
{
	struct lookup_trace *trace = &lookup->result->trace[LOOKUP_CACHED];

	for (size_t i = 0; i < lookup->reading_count; i++) {
		struct record record = {0};
		int error = cache_find(&lookup->cache, &lookup->readings[i], &record);
		if (i == 0 || error == 0)
			trace->error = error;
		if (error < 0)
			continue;
		if (!tells(lookup, i, &record)) {
			record_done(&record);
			continue;
		}
		if (record_is_fresh(&record)) {
			enum verdict verdict = take_record(lookup, LOOKUP_CACHED, &record, &lookup->readings[i]);
			record_done(&record);
			lookup->settled = true;
			return verdict;
		}
		trace->age = record_age(&record);
		trace->ttl = record.ttl;
		keep(lookup, &record, i);
	}
	return VERDICT_UNKNOWN;
}

static enum verdict find_cached(struct lookup *lookup)
{
	const struct lookup_places *places = lookup->places;

	cache_init(&lookup->cache, places->cache, places->run, places->cluster, &places->origin);
	return find_fresh(lookup);
}

/* Asks, holding the lock or none, and takes the answer for the reading that it is for. */
static enum verdict ask_nomad(struct lookup *lookup, const char *lock)
{
	struct lookup_trace *trace = &lookup->result->trace[LOOKUP_ASKED];
	enum verdict verdict = VERDICT_UNKNOWN;
	struct record record = {0};

	trace->error = lookup->ask(lookup->context,
	                           &(struct lookup_question){.text = lookup->text,
	                                                     .lock = lock,
	                                                     .origin = &lookup->cache.origin,
	                                                     .started = lookup->started},
	                           &record);
	if (trace->error < 0)
		return VERDICT_UNKNOWN;
	/* Made for this very name, so it answers it, complete or not. */
	for (size_t i = 0; i < lookup->reading_count; i++)
		if (record_is_of(&record, &lookup->readings[i])) {
			verdict = take_record(lookup, LOOKUP_ASKED, &record, &lookup->readings[i]);
			break;
		}
	record_done(&record);
	return verdict;
}

/*
 * Asks, unless another process does: then waits for what it finds, and asks if it finds nothing. Nothing is open or held
 * here meanwhile: a program may be stopped, fork, or jump out of its lookup, and holds nobody up.
 */
static enum verdict ask_in_turn(struct lookup *lookup)
{
	struct lookup_trace *trace = &lookup->result->trace[LOOKUP_ASKED];

	cache_lock_path(&lookup->cache, &lookup->readings[0], lookup->lock);
	for (;;) {
		if (!lock_is_held(lookup->lock)) {
			enum verdict verdict = ask_nomad(lookup, lookup->lock);
			if (trace->error != -EWOULDBLOCK)
				return verdict;
		}
		trace->error = lock_wait(lookup->lock, lookup->started, LOOKUP_LOCK_LIMIT);
		if (trace->error < 0)
			return VERDICT_UNKNOWN;
		enum verdict verdict = find_fresh(lookup);
		if (verdict != VERDICT_UNKNOWN)
			return verdict;
		if (lookup->settled || cache_failed_recently(&lookup->cache, &lookup->readings[0])) {
			trace->error = -EAGAIN;
			return VERDICT_UNKNOWN;
		}
	}
}

/* Asks unless somebody else just did, with success or without: what that did not tell, asking once more does not either. */
static enum verdict find_asking(struct lookup *lookup)
{
	if (lookup->ask == NULL)
		return VERDICT_UNKNOWN;
	origin_set_unit(&lookup->cache.origin);
	bool cached = cache_choose(&lookup->cache, true) == 0;
	if (lookup->settled || (cached && cache_failed_recently(&lookup->cache, &lookup->readings[0]))) {
		lookup->result->trace[LOOKUP_ASKED].error = -EAGAIN;
		return VERDICT_UNKNOWN;
	}
	return !cached || lookup_is_put_on() ? ask_nomad(lookup, NULL) : ask_in_turn(lookup);
}

/* Of an expired record only what is there counts: what is not may have come since. */
static enum verdict find_stale(struct lookup *lookup)
{
	if (!record_may_serve_stale(&lookup->kept))
		return VERDICT_UNKNOWN;
	enum verdict verdict = take_record(lookup, LOOKUP_STALE, &lookup->kept, &lookup->readings[lookup->kept_reading]);
	lookup->result->unresolved = FAMILY_ANY;
	return verdict == VERDICT_FOUND ? VERDICT_FOUND : VERDICT_UNKNOWN;
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
	const void *octets = (const void *)getauxval(AT_RANDOM); /* NOLINT: 16 octets that the kernel put there */
	uint64_t random[2] = {0, 0};
	struct timespec now;

	if (count < 2)
		return;
	if (octets != NULL)
		memcpy(random, octets, sizeof random);
	clock_gettime(CLOCK_MONOTONIC, &now);
	/* Each half is a secret of the process (stack protector, pointer guard), and the order is not: one hides the other. */
	size_t start = (size_t)(((random[0] ^ random[1]) + (uint64_t)now.tv_sec) % count);
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

/* The lookup of a name that the catalogue decides. It is not on the stack, which may be a small one. */
static enum verdict look_up(const char *text, const struct lookup_places *places, lookup_ask ask, void *context,
                            struct lookup_result *result)
{
	struct lookup *lookup = calloc(1, sizeof *lookup);

	if (lookup == NULL)
		return VERDICT_UNKNOWN;
	*lookup = (struct lookup){.text = text,
	                          .places = places,
	                          .ask = ask,
	                          .context = context,
	                          .started = deadline_now(),
	                          .result = result};
	read_names(lookup);
	enum verdict verdict = result->name.bare && places->namespace_wrong ? VERDICT_UNKNOWN : run_steps(lookup);
	rotate(result->addresses, result->count);
	record_done(&lookup->kept);
	free(lookup);
	return verdict;
}

void lookup_run(const char *text, const struct lookup_places *places, lookup_ask ask, void *context,
                struct lookup_result *result)
{
	memset(result, 0, sizeof *result);
	for (size_t step = 0; step < LOOKUP_STEPS; step++)
		result->trace[step].age = -1;
	name_parse(text, NAME_SERVICE_LABEL, &result->name);
	result->kind = result->name.kind;
	if (result->kind == NAME_SERVICE)
		result->verdict = look_up(text, places, ask, context, result);
	else if (result->kind != NAME_FOREIGN)
		result->verdict = result->kind == NAME_EMPTY ? VERDICT_NO_DATA : VERDICT_NO_NAME;
}

enum verdict lookup_verdict_for(const struct lookup_result *result, int family)
{
	if (result->verdict != VERDICT_FOUND || family == AF_UNSPEC ||
	    address_has_family(result->addresses, result->count, family))
		return result->verdict;
	return (result->unresolved & address_families(family)) != 0 ? VERDICT_UNKNOWN : VERDICT_NO_DATA;
}

void lookup_done(struct lookup_result *result)
{
	free(result->addresses);
	result->addresses = NULL;
	record_done(&result->record);
}
