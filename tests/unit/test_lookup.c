/*
 * Tests of src/lookup.c: the five steps, with files made here and somebody who answers in the place of Nomad.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cache_write.h"
#include "deadline.h"
#include "lock.h"
#include "lookup.h"
#include "published.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char published[SUPPORT_PATH_MAX], dir[SUPPORT_PATH_MAX], own[SUPPORT_PATH_MAX];
static struct lookup_places places;

/* Who answers for Nomad: with an error, or a record for NAMESPACE/SERVICE. What he was asked is kept. */
struct nomad {
	int error;
	enum verdict verdict;
	const char *namespace, *service, *instances;
	atomic_int asked;
	atomic_int busy; /* so many times another process was a moment faster to take the lock */
	bool locked;
	int64_t started;
	char text[SUPPORT_PATH_MAX];
};

static int ask(void *context, const struct lookup_question *question, struct record *record)
{
	struct nomad *nomad = context;

	if (atomic_load(&nomad->busy) > 0) {
		atomic_fetch_sub(&nomad->busy, 1);
		return -EWOULDBLOCK;
	}
	atomic_fetch_add(&nomad->asked, 1);
	nomad->locked = question->lock != NULL;
	nomad->started = question->started;
	snprintf(nomad->text, sizeof nomad->text, "%s", question->text);
	ck_assert_uint_eq(strlen(question->origin->unit), ORIGIN_UNIT_MAX - 1);
	if (nomad->error < 0)
		return nomad->error;
	*record = support_record(nomad->namespace, nomad->service, nomad->verdict,
	                         nomad->verdict == VERDICT_FOUND ? support_service(nomad->instances) : NULL);
	return 0;
}

/* Says that web.prod is at 10.0.0.3. */
static struct nomad answering(void)
{
	return (struct nomad){.verdict = VERDICT_FOUND,
	                      .namespace = "prod",
	                      .service = "web",
	                      .instances = "prod web 33333333-0000-4000-8000-000000000003 10.0.0.3 80 -\n"};
}

static struct nomad away(void)
{
	return (struct nomad){.error = -ETIMEDOUT};
}

/* Empty places: no daemon, no cache. */
static void set_up(void)
{
	support_folder(published);
	support_caches(dir, own);
	places = (struct lookup_places){.published = published, .cache = dir};
}

static void beat(void)
{
	char path[SUPPORT_PATH_MAX];

	support_path(published, "alive", path);
	support_write(path, published_texts[PUBLISHED_ALL].text, published_texts[PUBLISHED_ALL].size);
}

/* As the daemon leaves a directory in which all is that should be. */
static void seal(const char *name)
{
	char path[SUPPORT_PATH_MAX];

	support_path(published, name, path);
	support_seal(path);
}

/* web.prod is published at 10.0.0.1, and more. */
static void set_up_published(void)
{
	char path[SUPPORT_PATH_MAX];
	struct service *service = support_service("prod web 11111111-0000-4000-8000-000000000001 10.0.0.1 80 blue\n");
	struct record record = support_record("prod", "web", VERDICT_FOUND, service);

	support_path(published, "services/prod/web", path);
	support_write_record(path, &record);
	support_path(published, "services/service", path);
	ck_assert_int_eq(symlink(".", path), 0);
	free(service);
	seal("services/prod");
	seal("services");
	beat();
}

/* A record in the cache, made so many milliseconds ago. */
static void cached(const char *place, const char *namespace, const char *service_name, enum verdict verdict,
                   const char *instances, int64_t milliseconds_ago)
{
	struct service *service = verdict == VERDICT_FOUND ? support_service(instances) : NULL;
	struct record record = support_record(namespace, service_name, verdict, service);
	char path[SUPPORT_PATH_MAX];

	record.made -= (uint64_t)milliseconds_ago;
	record.since_boot -= (uint64_t)milliseconds_ago;
	mkdir(own, 0700);
	support_path(own, place, path);
	support_write_record(path, &record);
	free(service);
}

/* web.prod is in the cache at 10.0.0.2. */
static void cached_web(int64_t milliseconds_ago)
{
	cached("prod/web", "prod", "web", VERDICT_FOUND, "prod web 22222222-0000-4000-8000-000000000002 10.0.0.2 80 -\n",
	       milliseconds_ago);
}

/* The path of what lies beside a record, or with "" of what lies in the folder: the lock, the mark of a failure. */
static const char *beside(const char *place, const char *kind)
{
	static char path[2 * SUPPORT_PATH_MAX];
	struct origin origin = {0};

	origin_set_unit(&origin);
	snprintf(path, sizeof path, "%s/%s.%s%s", own, place, origin.unit, kind);
	return path;
}

static void mark_failed(const char *place)
{
	mkdir(own, 0700);
	support_write(beside(place, CACHE_FAILED), "away", 4);
}

/*
 * Looks up, and says what came of it: the verdict or the addresses, and which steps were taken: P C A S, the last
 * one that which decided.
 */
static const char *look_up(const char *text, struct nomad *nomad)
{
	static char said[SUPPORT_TEXT_MAX];
	struct lookup_result result;
	size_t used;

	lookup_run(text, &places, nomad == NULL ? NULL : ask, nomad, &result);
	ck_assert_int_eq(result.verdict == VERDICT_FOUND, result.count > 0);
	ck_assert_int_eq(result.verdict == VERDICT_FOUND, result.addresses != NULL);
	used = (size_t)snprintf(said, sizeof said, "%s ",
	                        result.verdict == VERDICT_FOUND ? support_addresses(result.addresses, result.count)
	                                                        : support_verdict(result.verdict));
	for (size_t step = 0; step < LOOKUP_STEPS; step++)
		if (result.trace[step].taken)
			said[used++] = "PCAS"[step];
	said[used] = '\0';
	lookup_done(&result);
	ck_assert_ptr_null(result.addresses);
	return said;
}

enum { FRESH = 0, EXPIRED = 100000, OLD = 4000000, FUTURE = -100000 }; /* ms ago; ttl 60 s, max-stale 3600 s */

START_TEST(a_published_answer_is_final)
{
	struct nomad nomad = answering();

	set_up();
	set_up_published();
	cached_web(FRESH);
	ck_assert_str_eq(look_up("web.prod.nomad", &nomad), "10.0.0.1 P");
	ck_assert_str_eq(look_up("blue.web.prod.nomad", &nomad), "10.0.0.1 P");
	ck_assert_str_eq(look_up("red.web.prod.nomad", &nomad), "no name P");
	ck_assert_str_eq(look_up("_tcp.web.prod.nomad", &nomad), "no data P");
	ck_assert_str_eq(look_up("db.prod.nomad", &nomad), "no name P");
	ck_assert_str_eq(look_up("prod.nomad", &nomad), "no data P");
	ck_assert_int_eq(nomad.asked, 0);
}
END_TEST

START_TEST(without_daemon_the_cache_answers_while_fresh)
{
	struct nomad nomad = answering();

	set_up();
	cached_web(FRESH);
	cached("prod/db", "prod", "db", VERDICT_NO_NAME, NULL, FRESH);
	cached("_/prod", "prod", "prod", VERDICT_NO_DATA, NULL, FRESH);
	ck_assert_str_eq(look_up("web.prod.nomad", &nomad), "10.0.0.2 PC");
	ck_assert_str_eq(look_up("22222222.web.prod.nomad", &nomad), "10.0.0.2 PC");
	ck_assert_str_eq(look_up("red.web.prod.nomad", &nomad), "no name PC");
	ck_assert_str_eq(look_up("db.prod.nomad", &nomad), "no name PC");
	ck_assert_str_eq(look_up("prod.nomad", &nomad), "no data PC");
	ck_assert_int_eq(nomad.asked, 0);
}
END_TEST

START_TEST(a_miss_asks_nomad_and_holds_the_lock)
{
	struct nomad nomad = answering();
	int64_t before = deadline_now();

	set_up();
	ck_assert_str_eq(look_up("Web.Prod.nomad.", &nomad), "10.0.0.3 PCA");
	ck_assert_int_eq(nomad.asked, 1);
	ck_assert(nomad.locked);
	ck_assert_str_eq(nomad.text, "Web.Prod.nomad.");
	ck_assert_int_ge(nomad.started, before);
	ck_assert_int_le(nomad.started, deadline_now());
}
END_TEST

static const struct said {
	enum verdict verdict;
	const char *namespace, *service, *wanted;
} said[] = {
	{VERDICT_FOUND, "prod", "web", "10.0.0.3 PCA"},
	{VERDICT_NO_NAME, "prod", "web", "no name PCA"},
	{VERDICT_NO_DATA, "prod", "web", "no data PCA"},
	{VERDICT_UNKNOWN, "prod", "web", "unknown PCAS"},
	{VERDICT_NO_NAME, "prod", "db", "unknown PCAS"}, /* says nothing about this name */
	{VERDICT_NO_NAME, "dev", "web", "unknown PCAS"},
};

START_TEST(what_nomad_says_is_taken)
{
	struct nomad nomad = answering();

	nomad.verdict = said[_i].verdict;
	nomad.namespace = said[_i].namespace;
	nomad.service = said[_i].service;
	set_up();
	ck_assert_str_eq(look_up("web.prod.nomad", &nomad), said[_i].wanted);
	ck_assert_int_eq(nomad.asked, 1);
}
END_TEST

static const int64_t not_fresh[] = {EXPIRED, OLD, FUTURE};

START_TEST(a_record_that_is_not_fresh_is_asked_for_anew)
{
	struct nomad nomad = answering();

	set_up();
	cached_web(not_fresh[_i]);
	ck_assert_str_eq(look_up("web.prod.nomad", &nomad), "10.0.0.3 PCA");
	nomad.verdict = VERDICT_NO_NAME;
	ck_assert_str_eq(look_up("web.prod.nomad", &nomad), "no name PCA");
	ck_assert_int_eq(nomad.asked, 2);
}
END_TEST

START_TEST(while_nomad_is_away_an_expired_record_answers)
{
	struct nomad nomad = away();

	set_up();
	cached_web(EXPIRED);
	ck_assert_str_eq(look_up("web.prod.nomad", &nomad), "10.0.0.2 PCAS");
	ck_assert_str_eq(look_up("22222222.web.prod.nomad", &nomad), "10.0.0.2 PCAS");
	ck_assert_str_eq(look_up("web.prod.nomad", NULL), "10.0.0.2 PCAS");
	ck_assert_str_eq(look_up("db.prod.nomad", &nomad), "unknown PCAS");
}
END_TEST

/* What is not there may have come since: a service was registered, an instance, an address. */
START_TEST(of_an_expired_record_only_what_is_there_counts)
{
	static const struct {
		const char *name, *wanted;
		enum verdict ipv4, ipv6;
	} asked[] = {
		{"web.prod.nomad", "10.0.0.2 PCAS", VERDICT_FOUND, VERDICT_UNKNOWN},
		{"red.web.prod.nomad", "unknown PCAS", VERDICT_UNKNOWN, VERDICT_UNKNOWN},
		{"10-0-0-9.web.prod.nomad", "unknown PCAS", VERDICT_UNKNOWN, VERDICT_UNKNOWN},
	};
	struct nomad nomad = away();
	struct lookup_result result;

	set_up();
	cached_web(EXPIRED);
	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
		ck_assert_str_eq(look_up(asked[i].name, &nomad), asked[i].wanted);
		lookup_run(asked[i].name, &places, ask, &nomad, &result);
		ck_assert_int_eq(lookup_verdict_for(&result, AF_INET), asked[i].ipv4);
		ck_assert_int_eq(lookup_verdict_for(&result, AF_INET6), asked[i].ipv6);
		lookup_done(&result);
	}
}
END_TEST

/* A service at 10.0.0.4, and at a host's name that could not be resolved; its record lies where `place` says. */
static void put_uncertain(const char *root, const char *place)
{
	struct service *service = support_service("prod half 1 10.0.0.4 80 -\nprod half 2 six.example 80 -\n");
	char path[SUPPORT_PATH_MAX];

	((struct instance *)service->instances)[1].unresolved = FAMILY_ANY;
	struct service *copy = service_copy(service);
	struct record record = support_record("prod", "half", VERDICT_FOUND, copy);
	support_path(root, place, path);
	support_write_record(path, &record);
	free(copy);
	free(service);
}

/* Of one family there is an address, of the other one nobody can tell; and asking once more would not help for a while. */
START_TEST(what_could_not_be_resolved_is_not_denied)
{
	struct nomad nomad = away();
	struct lookup_result result;

	set_up();
	if (_i == 0) {
		put_uncertain(published, "services/prod/half");
		seal("services/prod");
		beat();
	} else {
		mkdir(own, 0700);
	}
	put_uncertain(own, "prod/half");
	ck_assert_int_eq(chmod(own, 0700), 0);
	lookup_run("half.prod.nomad", &places, ask, &nomad, &result);
	ck_assert_int_eq(lookup_verdict_for(&result, AF_INET), VERDICT_FOUND);
	ck_assert_int_eq(lookup_verdict_for(&result, AF_INET6), VERDICT_UNKNOWN);
	ck_assert_int_eq(lookup_verdict_for(&result, AF_UNSPEC), VERDICT_FOUND);
	lookup_done(&result);
	ck_assert_str_eq(look_up("2001-db8--6.half.prod.nomad", &nomad), "unknown PCAS");
	ck_assert_str_eq(look_up("10-0-0-4.half.prod.nomad", &nomad), _i == 0 ? "10.0.0.4 P" : "10.0.0.4 PC");
	ck_assert_str_eq(look_up("red.half.prod.nomad", &nomad), _i == 0 ? "no name P" : "no name PC");
	ck_assert_int_eq(nomad.asked, 0);
}
END_TEST

START_TEST(no_error_becomes_no_such_name)
{
	static const int errors[] = {-ETIMEDOUT, -EPIPE, -ENOENT, -EACCES, -ENOMEM, -EMFILE, -EBADMSG};
	struct nomad nomad = away();

	set_up();
	cached("prod/old", "prod", "old", VERDICT_FOUND, "prod old 1 10.0.0.9 80 -\n", OLD);
	cached("prod/future", "prod", "future", VERDICT_FOUND, "prod future 1 10.0.0.9 80 -\n", FUTURE);
	cached("prod/gone", "prod", "gone", VERDICT_NO_NAME, NULL, EXPIRED);
	cached("prod/failed", "prod", "failed", VERDICT_UNKNOWN, NULL, FRESH);
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
		nomad.error = errors[i];
		ck_assert_str_eq(look_up("db.prod.nomad", &nomad), "unknown PCAS");
		ck_assert_str_eq(look_up("old.prod.nomad", &nomad), "unknown PCAS");
		ck_assert_str_eq(look_up("future.prod.nomad", &nomad), "unknown PCAS");
		ck_assert_str_eq(look_up("gone.prod.nomad", &nomad), "unknown PCAS");
		ck_assert_str_eq(look_up("failed.prod.nomad", &nomad), "unknown PCAS");
	}
}
END_TEST

START_TEST(after_a_failure_nobody_asks_for_a_moment)
{
	struct nomad nomad = answering();
	int64_t marked;
	bool slow;

	set_up();
	cached_web(EXPIRED);
	/* of the name, then of the agent; a machine that sleeps through the mark's life proves nothing */
	for (int i = 0; i < 2; i++) {
		do {
			atomic_store(&nomad.asked, 0);
			marked = deadline_now();
			mark_failed(i == 0 ? "prod/web" : "");
			const char *found = look_up("web.prod.nomad", &nomad);
			slow = deadline_now() - marked >= CACHE_FAILED_FOR / 2;
			ck_assert(slow || strcmp(found, "10.0.0.2 PCAS") == 0);
		} while (slow);
		ck_assert_int_eq(nomad.asked, 0);
		ck_assert_int_eq(unlink(beside(i == 0 ? "prod/web" : "", CACHE_FAILED)), 0);
	}
	ck_assert_str_eq(look_up("web.prod.nomad", &nomad), "10.0.0.3 PCA");
}
END_TEST

START_TEST(without_a_cache_everybody_asks_for_himself)
{
	struct nomad nomad = answering();

	set_up();
	ck_assert_int_eq(mkdir(own, 0755), 0); /* not ours alone */
	ck_assert_str_eq(look_up("web.prod.nomad", &nomad), "10.0.0.3 PCA");
	ck_assert(!nomad.locked);
	ck_assert_int_eq(rmdir(own), 0);
	support_write(own, "", 0); /* a file in the place of a folder */
	ck_assert_str_eq(look_up("web.prod.nomad", &nomad), "10.0.0.3 PCA");
	ck_assert(!nomad.locked);
	ck_assert_int_eq(unlink(own), 0);
	ck_assert_str_eq(look_up("web.prod.nomad", &nomad), "10.0.0.3 PCA");
	ck_assert(nomad.locked);
	places.cache = "/nonexistent";
	ck_assert_str_eq(look_up("web.prod.nomad", &nomad), "10.0.0.3 PCA");
	ck_assert(!nomad.locked);
}
END_TEST

/* Takes the lock of web.prod as the helper of another process does. */
static int hold_web(uint32_t limit)
{
	char path[SUPPORT_PATH_MAX];

	mkdir(own, 0700);
	support_path(own, "prod", path);
	mkdir(path, 0700);
	int lock = lock_take(beside("prod/web", CACHE_LOCK), limit, deadline_now() + limit);
	ck_assert_int_ge(lock, 0);
	return lock;
}

static void *look_up_web(void *context)
{
	struct lookup_result result;

	support_will_wait();
	lookup_run("web.prod.nomad", &places, ask, context, &result);
	bool waited = result.trace[LOOKUP_ASKED].taken && result.verdict == VERDICT_FOUND;
	lookup_done(&result);
	return (void *)(uintptr_t)waited;
}

/* They miss while another process asks: it puts the answer into the cache and lets go, and nobody asks again. */
START_TEST(who_waited_takes_what_another_has_asked_for)
{
	enum { THREADS = SUPPORT_WAITERS_MAX };
	struct nomad nomad = answering();
	pthread_t threads[THREADS];

	set_up();
	int lock = hold_web(LOCK_LIMIT_MOST);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, look_up_web, &nomad), 0);
	support_wait_for_waiters(THREADS);
	cached_web(FRESH);
	close(lock);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_int_eq(nomad.asked, 0);
}
END_TEST

/* The same, but whoever held it had no luck. */
START_TEST(who_waited_for_a_failure_does_not_ask_again)
{
	struct nomad nomad = answering();
	int64_t marked;
	pthread_t thread;
	bool slow;

	set_up();
	do {
		atomic_store(&nomad.asked, 0);
		int lock = hold_web(LOCK_LIMIT_MOST);
		ck_assert_int_eq(pthread_create(&thread, NULL, look_up_web, &nomad), 0);
		support_wait_for_waiters(1);
		marked = deadline_now();
		mark_failed("prod/web");
		close(lock);
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
		slow = deadline_now() - marked >= CACHE_FAILED_FOR / 2;
		ck_assert_int_eq(unlink(beside("prod/web", CACHE_FAILED)), 0);
	} while (slow);
	ck_assert_int_eq(nomad.asked, 0);
}
END_TEST

/* Nobody held it when it was looked at, and somebody did when it was to be taken. */
START_TEST(who_was_a_moment_late_waits_too)
{
	struct nomad nomad = answering();

	set_up();
	nomad.busy = 3;
	ck_assert_str_eq(look_up("web.prod.nomad", &nomad), "10.0.0.3 PCA");
	ck_assert_int_eq(nomad.asked, 1);
	ck_assert(nomad.locked);
}
END_TEST

START_TEST(nobody_waits_longer_than_the_limit_for_another)
{
	struct nomad nomad = answering();

	set_up();
	cached_web(EXPIRED);
	int lock = hold_web(0);
	ck_assert_int_eq(ftruncate(lock, 0), 0);
	int64_t start = deadline_now();
	ck_assert_str_eq(look_up("web.prod.nomad", &nomad), "10.0.0.2 PCAS");
	ck_assert_int_ge(deadline_now() - start, LOOKUP_LOCK_LIMIT);
	ck_assert_int_eq(nomad.asked, 0);
	close(lock);
}
END_TEST

START_TEST(who_holds_the_lock_says_how_long_others_wait)
{
	struct nomad nomad = answering();

	set_up();
	cached_web(EXPIRED);
	int lock = hold_web(LOOKUP_LOCK_LIMIT + 500);
	lock_say(lock, LOOKUP_LOCK_LIMIT + 500, deadline_now() + LOCK_LIMIT_MOST / 2);
	int64_t start = deadline_now();
	ck_assert_str_eq(look_up("web.prod.nomad", &nomad), "10.0.0.2 PCAS");
	ck_assert_int_ge(deadline_now() - start, LOOKUP_LOCK_LIMIT + 500);
	close(lock);
}
END_TEST

/* It was stopped, or its host's machine slept: whoever comes now asks himself, at once, and keeps others from it. */
START_TEST(one_that_is_over_its_time_holds_nobody_up)
{
	struct nomad nomad = answering();

	set_up();
	cached_web(EXPIRED);
	int lock = hold_web(0);
	lock_say(lock, LOOKUP_LOCK_LIMIT, deadline_now() - LOCK_GRACE - 1);
	int64_t start = deadline_now();
	ck_assert_str_eq(look_up("web.prod.nomad", &nomad), "10.0.0.3 PCA");
	ck_assert_int_lt(deadline_now() - start, LOOKUP_LOCK_LIMIT);
	ck_assert(nomad.locked);
	close(lock);
}
END_TEST

/* `service` before `nomad` is nothing, or a namespace: both readings are tried, in every step. */
START_TEST(both_readings_of_service_are_tried_among_published_files)
{
	char path[SUPPORT_PATH_MAX];

	set_up();
	set_up_published();
	ck_assert_str_eq(look_up("web.prod.service.nomad", NULL), "10.0.0.1 P");
	ck_assert_str_eq(look_up("prod.service.nomad", NULL), "no data P");
	ck_assert_str_eq(look_up("db.prod.service.nomad", NULL), "no name P");
	ck_assert_str_eq(look_up("web.service.nomad", NULL), "no name P");

	/* service-label no: a namespace like any other */
	support_path(published, "services/service", path);
	ck_assert_int_eq(unlink(path), 0);
	seal("services");
	ck_assert_str_eq(look_up("web.prod.service.nomad", NULL), "no name P");
	struct service *service = support_service("service web 1 10.0.0.7 80 prod\n");
	struct record record = support_record("service", "web", VERDICT_FOUND, service);
	support_path(published, "services/service/web", path);
	support_write_record(path, &record);
	seal("services/service");
	seal("services");
	ck_assert_str_eq(look_up("web.service.nomad", NULL), "10.0.0.7 P");
	ck_assert_str_eq(look_up("prod.web.service.nomad", NULL), "10.0.0.7 P");
	free(service);
}
END_TEST

START_TEST(both_readings_of_service_are_tried_in_the_cache)
{
	set_up();
	cached("service/web", "service", "web", VERDICT_FOUND, "service web 1 10.0.0.7 80 -\n", FRESH);
	ck_assert_str_eq(look_up("web.service.nomad", NULL), "10.0.0.7 PC");
	cached("service/_/web", "default", "web", VERDICT_FOUND, "default web 1 10.0.0.6 80 -\n", FRESH);
	ck_assert_str_eq(look_up("web.service.nomad", NULL), "10.0.0.6 PC");
	/* the setting was changed: the first reading's record is only left over */
	cached("service/_/web", "default", "web", VERDICT_FOUND, "default web 1 10.0.0.6 80 -\n", EXPIRED + 10000);
	ck_assert_str_eq(look_up("web.service.nomad", NULL), "10.0.0.7 PC");
	cached("service/web", "service", "web", VERDICT_FOUND, "service web 1 10.0.0.7 80 -\n", EXPIRED);
	ck_assert_str_eq(look_up("web.service.nomad", NULL), "10.0.0.7 PCAS");
	cached("service/_/web", "default", "web", VERDICT_FOUND, "default web 1 10.0.0.6 80 -\n", EXPIRED - 10000);
	ck_assert_str_eq(look_up("web.service.nomad", NULL), "10.0.0.6 PCAS");
}
END_TEST

START_TEST(nomad_answers_for_either_reading)
{
	struct nomad nomad = answering();

	nomad.namespace = "service";
	set_up();
	ck_assert_str_eq(look_up("web.service.nomad", &nomad), "10.0.0.3 PCA");
	nomad.instances = "service prod 1 10.0.0.4 80 web\n";
	nomad.service = "prod";
	ck_assert_str_eq(look_up("web.prod.service.nomad", &nomad), "10.0.0.4 PCA");
	nomad.namespace = "prod";
	nomad.service = "web";
	nomad.instances = "prod web 1 10.0.0.5 80 -\n";
	ck_assert_str_eq(look_up("web.prod.service.nomad", &nomad), "10.0.0.5 PCA");
	ck_assert_int_eq(nomad.asked, 3);
}
END_TEST

START_TEST(another_cluster_has_neither_published_files_nor_the_same_cache)
{
	struct nomad nomad = away();

	set_up();
	set_up_published();
	cached_web(FRESH);
	strcat(own, "@0123456789abcdef");
	cached("prod/db", "prod", "db", VERDICT_FOUND, "prod db 1 10.0.0.8 80 -\n", FRESH);
	places.published = NULL;
	strcpy(places.cluster, "0123456789abcdef");
	ck_assert_str_eq(look_up("web.prod.nomad", &nomad), "unknown PCAS");
	ck_assert_str_eq(look_up("db.prod.nomad", &nomad), "10.0.0.8 PC");
}
END_TEST

/* SERVICE.nomad with NOMAD_NAMESPACE: the record of that namespace, from all places. */
START_TEST(a_name_without_namespace_is_of_the_environments)
{
	struct nomad nomad = answering();

	set_up();
	strcpy(places.namespace, "prod");
	ck_assert_str_eq(look_up("web.nomad", &nomad), "10.0.0.3 PCA");
	cached_web(FRESH);
	ck_assert_str_eq(look_up("web.nomad", &nomad), "10.0.0.2 PC");
	set_up_published();
	ck_assert_str_eq(look_up("web.nomad", &nomad), "10.0.0.1 P");
	ck_assert_str_eq(look_up("other.nomad", &nomad), "no name P");
	ck_assert_str_eq(look_up("blue.web.prod.nomad", &nomad), "10.0.0.1 P");
	places.namespace_wrong = true;
	ck_assert_str_eq(look_up("web.nomad", &nomad), "unknown ");
	ck_assert_str_eq(look_up("red.web.prod.nomad", &nomad), "no name P");
}
END_TEST

START_TEST(what_a_daemon_that_is_not_current_lacks_is_asked_for)
{
	struct nomad nomad = answering();
	char path[SUPPORT_PATH_MAX];

	set_up();
	set_up_published();
	support_path(published, "alive", path);
	support_write(path, published_texts[PUBLISHED_NOT_CURRENT].text, published_texts[PUBLISHED_NOT_CURRENT].size);
	ck_assert_str_eq(look_up("web.prod.nomad", &nomad), "10.0.0.1 P");
	nomad.service = "later";
	nomad.instances = "prod later 44444444-0000-4000-8000-000000000004 10.0.0.4 80 -\n";
	ck_assert_str_eq(look_up("later.prod.nomad", &nomad), "10.0.0.4 PCA");
	nomad = answering();
	ck_assert_str_eq(look_up("red.web.prod.nomad", &nomad), "no name PCA");
}
END_TEST

static const struct fixed {
	const char *name;
	enum name_kind kind;
	enum verdict verdict;
} fixed[] = {
	{"example.com", NAME_FOREIGN, VERDICT_UNKNOWN},
	{"", NAME_FOREIGN, VERDICT_UNKNOWN},
	{"nomad", NAME_EMPTY, VERDICT_NO_DATA},
	{"service.nomad", NAME_EMPTY, VERDICT_NO_DATA},
	{"_tcp.nomad", NAME_EMPTY, VERDICT_NO_DATA},
	{"..nomad", NAME_NOWHERE, VERDICT_NO_NAME},
	{"a.b.c.d.nomad", NAME_NOWHERE, VERDICT_NO_NAME},
};

START_TEST(some_names_are_known_without_looking)
{
	struct nomad nomad = answering();
	struct lookup_result result;

	set_up();
	set_up_published();
	lookup_run(fixed[_i].name, &places, ask, &nomad, &result);
	ck_assert_int_eq(result.kind, fixed[_i].kind);
	ck_assert_int_eq(result.verdict, fixed[_i].verdict);
	for (size_t step = 0; step < LOOKUP_STEPS; step++)
		ck_assert(!result.trace[step].taken);
	ck_assert_int_eq(nomad.asked, 0);
	lookup_done(&result);
	lookup_done(&result);
}
END_TEST

static const struct kept {
	int64_t milliseconds_ago;
	uint32_t most, least;
} kept[] = {
	/* ttl 60 s, a few seconds for a slow machine */
	{0, 60, 55},
	{30000, 30, 25},
	{EXPIRED, 60, 60}, /* stale: its own ttl again, for as long may pass until Nomad is asked anew */
};

START_TEST(an_answer_may_be_kept_for_what_is_left)
{
	struct lookup_result result;
	struct nomad nomad = away();

	set_up();
	cached_web(kept[_i].milliseconds_ago);
	lookup_run("web.prod.nomad", &places, ask, &nomad, &result);
	ck_assert_int_eq(result.verdict, VERDICT_FOUND);
	ck_assert_uint_le(result.ttl, kept[_i].most);
	ck_assert_uint_ge(result.ttl, kept[_i].least);
	lookup_done(&result);
}
END_TEST

START_TEST(each_step_says_what_it_found)
{
	struct lookup_result result;
	struct nomad nomad = away();

	set_up();
	cached_web(EXPIRED);
	lookup_run("web.prod.nomad", &places, ask, &nomad, &result);
	ck_assert_int_eq(result.trace[LOOKUP_PUBLISHED].verdict, VERDICT_UNKNOWN);
	ck_assert_int_eq(result.trace[LOOKUP_PUBLISHED].age, -1);
	ck_assert_int_eq(result.trace[LOOKUP_CACHED].verdict, VERDICT_UNKNOWN);
	ck_assert_int_ge(result.trace[LOOKUP_CACHED].age, EXPIRED);
	ck_assert_uint_eq(result.trace[LOOKUP_CACHED].ttl, 60);
	ck_assert_int_eq(result.trace[LOOKUP_CACHED].error, 0);
	ck_assert_int_eq(result.trace[LOOKUP_ASKED].error, -ETIMEDOUT);
	ck_assert_int_eq(result.trace[LOOKUP_STALE].verdict, VERDICT_FOUND);
	ck_assert_int_ge(result.trace[LOOKUP_STALE].age, EXPIRED);
	ck_assert_str_eq(result.name.key.service, "web");
	lookup_done(&result);

	lookup_run("db.prod.nomad", &places, NULL, NULL, &result);
	ck_assert_int_eq(result.trace[LOOKUP_CACHED].error, -ENOENT);
	lookup_done(&result);
}
END_TEST

START_TEST(the_instances_come_too_where_they_are_wanted)
{
	char path[SUPPORT_PATH_MAX];
	struct lookup_result result;

	set_up();
	set_up_published();
	places.whole = true;
	lookup_run("web.prod.nomad", &places, NULL, NULL, &result);
	ck_assert_str_eq(support_addresses(result.addresses, result.count), "10.0.0.1");
	ck_assert_uint_eq(result.record.service->instance_count, 1);
	lookup_done(&result);
	ck_assert_ptr_null(result.record.service);

	/* a reading that is found and holds nothing, then one that does: one record, and none is lost */
	struct service *none = support_service("default x 1 10.0.0.6 80 -\n");
	struct service *service = support_service("service x 1 10.0.0.7 80 blue\n");
	struct record first = support_record("default", "x", VERDICT_FOUND, none);
	struct record second = support_record("service", "x", VERDICT_FOUND, service);
	support_path(published, "services/service", path);
	ck_assert_int_eq(unlink(path), 0);
	support_path(published, "services/service/_/x", path);
	support_write_record(path, &first);
	support_path(published, "services/service/x", path);
	support_write_record(path, &second);
	seal("services/service/_");
	seal("services/service");
	seal("services");
	lookup_run("_x._blue.service.nomad", &places, NULL, NULL, &result);
	ck_assert_str_eq(support_addresses(result.addresses, result.count), "10.0.0.7");
	ck_assert_str_eq(result.record.key.namespace, "service");
	ck_assert_ptr_nonnull(result.record.service);
	lookup_done(&result);
	free(service);
	free(none);
}
END_TEST

/* Within a second the order stays; it is the record's own, begun somewhere. */
START_TEST(addresses_are_rotated_not_shuffled)
{
	static const char ring[] = "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4";
	char first[SUPPORT_TEXT_MAX], second[SUPPORT_TEXT_MAX];
	struct timespec before, after;

	set_up();
	cached("prod/web", "prod", "web", VERDICT_FOUND,
	       "prod web 1 10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5 80 -\n", FRESH);
	do {
		clock_gettime(CLOCK_MONOTONIC, &before);
		strcpy(first, look_up("web.prod.nomad", NULL));
		strcpy(second, look_up("web.prod.nomad", NULL));
		clock_gettime(CLOCK_MONOTONIC, &after);
	} while (before.tv_sec != after.tv_sec);
	ck_assert_str_eq(first, second);
	*strstr(first, " PC") = '\0';
	ck_assert_uint_eq(strlen(first), strlen("10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5"));
	ck_assert_ptr_nonnull(strstr(ring, first));
}
END_TEST

START_TEST(without_memory_nobody_can_tell)
{
	struct nomad nomad = away();
	unsigned failures = 0;

	set_up();
	set_up_published();
	cached_web(EXPIRED);
	for (bool failed = true; failed; failures += failed) {
		struct lookup_result result;
		support_fail_allocation(failures + 1);
		lookup_run("web.prod.nomad", &places, NULL, &nomad, &result);
		failed = support_fail_allocation(0);
		/* at the worst nothing is known; or the next step helps out */
		ck_assert(result.verdict == VERDICT_UNKNOWN || result.verdict == VERDICT_FOUND);
		lookup_done(&result);
	}
	ck_assert_uint_ge(failures, 4);
	beat();
}
END_TEST

START_TEST(nothing_stays_open)
{
	struct nomad nomad = answering();
	int before = dup(0);

	close(before);
	set_up();
	look_up("web.prod.nomad", &nomad);
	cached_web(EXPIRED);
	look_up("web.prod.nomad", &nomad);
	nomad.error = -EPIPE;
	look_up("web.prod.nomad", &nomad);
	set_up_published();
	look_up("web.prod.nomad", &nomad);
	look_up("db.prod.nomad", &nomad);
	int after = dup(0);
	close(after);
	ck_assert_int_eq(before, after);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{a_published_answer_is_final, 1},
		{without_daemon_the_cache_answers_while_fresh, 1},
		{a_miss_asks_nomad_and_holds_the_lock, 1},
		{what_nomad_says_is_taken, sizeof said / sizeof *said},
		{a_record_that_is_not_fresh_is_asked_for_anew, sizeof not_fresh / sizeof *not_fresh},
		{while_nomad_is_away_an_expired_record_answers, 1},
		{of_an_expired_record_only_what_is_there_counts, 1},
		{what_could_not_be_resolved_is_not_denied, 2},
		{no_error_becomes_no_such_name, 1},
		{after_a_failure_nobody_asks_for_a_moment, 1},
		{without_a_cache_everybody_asks_for_himself, 1},
		{who_waited_takes_what_another_has_asked_for, 1},
		{who_waited_for_a_failure_does_not_ask_again, 1},
		{nobody_waits_longer_than_the_limit_for_another, 1},
		{who_was_a_moment_late_waits_too, 1},
		{who_holds_the_lock_says_how_long_others_wait, 1},
		{one_that_is_over_its_time_holds_nobody_up, 1},
		{both_readings_of_service_are_tried_among_published_files, 1},
		{both_readings_of_service_are_tried_in_the_cache, 1},
		{nomad_answers_for_either_reading, 1},
		{another_cluster_has_neither_published_files_nor_the_same_cache, 1},
		{a_name_without_namespace_is_of_the_environments, 1},
		{what_a_daemon_that_is_not_current_lacks_is_asked_for, 1},
		{some_names_are_known_without_looking, sizeof fixed / sizeof *fixed},
		{an_answer_may_be_kept_for_what_is_left, sizeof kept / sizeof *kept},
		{each_step_says_what_it_found, 1},
		{the_instances_come_too_where_they_are_wanted, 1},
		{addresses_are_rotated_not_shuffled, 1},
		{without_memory_nobody_can_tell, 1},
		{nothing_stays_open, 1},
	};

	return support_run("lookup", tests, sizeof tests / sizeof *tests);
}
