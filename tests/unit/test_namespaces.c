/*
 * Tests of src/watch/namespaces.c: namespaces that are made while a stream of all is followed, which leaves them out.
 *
 * SPDX-License-Identifier: MIT
 */
#include "support.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	SOON = 1100, /* milliseconds: up to one so that many hosts do not come as one, and the time to read */
	MANY = 40,   /* services, of which a sample is a small part */
};

static void begin(const char *namespaces)
{
	unsetenv("NOMAD_TOKEN");
	unsetenv("NOMAD_ADDR");
	unsetenv("NOMAD_NAMESPACE");
	unsetenv("NOMAD_REGION");
	world_begin(namespaces);
	world_register_silently("default", "web", "web-1", "10.0.0.1");
	world_register_silently("prod", "db", "db-1", "10.0.0.3");
}

static void add_many(void)
{
	char name[16];

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "many-%d", i);
		world_register_silently("default", name, name, "10.0.3.1");
	}
}

static void follow(void)
{
	world_start(CATALOGUE_LOADING, 0);
	world_run(5 * 1000);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	ck_assert_uint_eq(world.streams, 1);
	world_changes();
}

static unsigned int asked(void)
{
	return world.reads + world.lists + world.censuses;
}

START_TEST(what_is_registered_in_a_new_one_is_there_within_a_second)
{
	begin(NULL);
	follow();
	world_run(100 * 1000);
	world_register("new", "web", "new-1", "10.0.2.1");
	world_run(SOON);
	ck_assert_str_eq(world_find("new", "web"), "10.0.2.1");
	ck_assert_uint_eq(world.streams, 2);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_register("new", "web", "new-1", "10.0.2.2");
	world_run(0);
	ck_assert_str_eq(world_find("new", "web"), "10.0.2.2");
	world_end();
}
END_TEST

/* Events of others make the index a known one again. */
START_TEST(a_new_one_is_found_among_events_of_others)
{
	begin(NULL);
	follow();
	world_make_namespace("new");
	world_register("new", "web", "new-1", "10.0.2.1");
	for (int i = 0; i < 5; i++) {
		world_register("default", "web", "web-1", i % 2 == 0 ? "10.0.0.11" : "10.0.0.1");
		world_run(300);
	}
	ck_assert_str_eq(world_find("new", "web"), "10.0.2.1");
	ck_assert_uint_eq(world.streams, 2);
	world_end();
}
END_TEST

/* Whatever has happened elsewhere: nothing can be in it that was read before it was made. */
START_TEST(one_that_is_empty_costs_a_stream)
{
	begin(NULL);
	add_many();
	follow();
	world_register("default", "web", "web-1", "10.0.0.11");
	world_run(1000);
	world_make_namespace("new");
	unsigned int reads = world.reads, lists = world.lists;
	world_run(SOON);
	ck_assert_uint_eq(world.streams, 2);
	ck_assert_uint_eq(world.lists, lists);
	ck_assert_uint_eq(world.reads, reads);
	world_register("new", "web", "new-1", "10.0.2.1");
	world_run(0);
	ck_assert_str_eq(world_find("new", "web"), "10.0.2.1");
	ck_assert_uint_eq(world.reads, reads);
	world_end();
}
END_TEST

/* Then it may have been read, and have changed since without a word. */
START_TEST(one_that_was_made_while_the_stream_began_is_read_whole)
{
	begin(NULL);
	add_many();
	world.first_beat = 500;
	world_start(CATALOGUE_LOADING, 0);
	world_run(100);
	world_register("new", "web", "new-1", "10.0.2.1");
	world.holds_censuses = true;
	world_run(1000);
	ck_assert_str_eq(world_find("new", "web"), "10.0.2.1");
	world_register("new", "web", "new-2", "10.0.2.2");
	world_register("default", "web", "web-1", "10.0.0.11");
	world_run(1000);
	ck_assert_uint_eq(world.streams, 1);
	world.holds_censuses = false;
	world_run(SOON + world.first_beat);
	ck_assert_uint_eq(world.streams, 2);
	ck_assert_str_eq(world_find("new", "web"), "10.0.2.1 10.0.2.2");
	world_end();
}
END_TEST

/* Before it was known which there are, and after the stream began. */
START_TEST(what_could_not_be_asked_first_is_asked_later)
{
	begin(NULL);
	world.holds_censuses = true;
	follow();
	world.holds_censuses = false;
	world_register("new", "web", "new-1", "10.0.2.1");
	world_register("default", "web", "web-1", "10.0.0.11");
	world_run(SOON);
	ck_assert_str_eq(world_find("new", "web"), "10.0.2.1");
	world_end();
}
END_TEST

START_TEST(changed_and_deleted_ones_begin_nothing_anew)
{
	begin(NULL);
	world_make_namespace("old");
	follow();
	for (int i = 0; i < 10; i++) {
		world_change_namespace("prod");
		world_run(3000);
	}
	world_delete_namespace("old");
	world_run(SOON);
	ck_assert_uint_eq(world.streams, 1);
	ck_assert_str_eq(world_changes(), "");
	/* What is made again is new. */
	world_register("old", "web", "old-1", "10.0.2.1");
	world_run(SOON);
	ck_assert_str_eq(world_find("old", "web"), "10.0.2.1");
	ck_assert_uint_eq(world.streams, 2);
	world_end();
}
END_TEST

START_TEST(a_hundred_in_a_row_do_not_begin_a_hundred_streams)
{
	char name[16];

	begin(NULL);
	follow();
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "new-%d", i);
		world_make_namespace(name);
		world_run(100);
	}
	ck_assert_uint_ge(world.streams, 5);
	ck_assert_uint_le(world.streams, 11);
	world_register("new-99", "web", "new-1", "10.0.2.1");
	world_run(SOON);
	ck_assert_str_eq(world_find("new-99", "web"), "10.0.2.1");
	ck_assert_uint_le(world.most_at_once, 4);
	world_end();
}
END_TEST

/* Many hosts hear of it in the same moment. */
START_TEST(the_streams_begin_anew_after_a_random_part_of_a_second)
{
	enum { STEP = 10, TIMES = 10 };
	int least = SOON, most = 0;
	char name[16];

	begin(NULL);
	follow();
	for (int i = 0; i < TIMES; i++) {
		unsigned int streams = world.streams;
		int passed = 0;
		snprintf(name, sizeof name, "new-%d", i);
		world_make_namespace(name);
		for (; world.streams == streams && passed < SOON; passed += STEP)
			world_run(STEP);
		least = passed < least ? passed : least;
		most = passed > most ? passed : most;
		world_run(3000);
	}
	ck_assert_int_lt(least, 300);
	ck_assert_int_gt(most, 700);
	ck_assert_int_le(most, 1000);
	world_end();
}
END_TEST

/* A wait that is over is followed by the next one at once. */
START_TEST(idling_costs_four_requests_a_minute_and_one_is_always_waiting)
{
	enum { MINUTES = 15, WAIT = 319 * 1000 }; /* 300 s and a sixteenth */
	char name[16];

	begin(NULL);
	follow();
	for (int i = 0; i < 3; i++) {
		unsigned int before = asked(), streams = world.streams;
		world_run(WAIT);
		ck_assert_uint_le(asked() - before, 4 * WAIT / (60 * 1000));
		ck_assert_uint_eq(world.streams, streams);
		snprintf(name, sizeof name, "new-%d", i);
		world_register(name, "web", "new-1", "10.0.2.1");
		world_run(SOON);
		ck_assert_str_eq(world_find(name, "web"), "10.0.2.1");
	}
	unsigned int before = asked(), streams = world.streams;
	world_run(MINUTES * 60 * 1000);
	ck_assert_uint_le(asked() - before, 4 * MINUTES);
	ck_assert_uint_eq(world.streams, streams);
	world_end();
}
END_TEST

static const enum agent_result failures[] = {
	AGENT_DENIED, AGENT_OVERLOADED, AGENT_UNBELIEVABLE, AGENT_NOT_NOMAD,
	AGENT_UNREACHABLE, AGENT_CUT, AGENT_NO_MEMORY, AGENT_BELIEVED, /* which it is at once */
};
enum { FAILURES = sizeof failures / sizeof *failures };

START_TEST(what_fails_or_does_not_wait_is_asked_again_with_the_next_check)
{
	enum { MINUTES = 10, NEXT_CHECK = 36 * 1000 };
	struct watcher_state state;

	begin(NULL);
	follow();
	world.census_result = failures[_i] == AGENT_BELIEVED ? AGENT_FAILED : failures[_i];
	world.hurries_censuses = failures[_i] == AGENT_BELIEVED;
	unsigned int reads = world.reads, censuses = world.censuses;
	world_run(MINUTES * 60 * 1000);
	ck_assert_uint_le(world.censuses - censuses, world.reads - reads + 1);
	ck_assert_uint_ge(world.censuses - censuses, world.reads - reads - 1);
	ck_assert_uint_eq(world.streams, 1);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	watcher_state(world_watcher(), &state);
	ck_assert_str_eq(state.error, "");
	world.census_result = AGENT_FAILED;
	world_register("new", "web", "new-1", "10.0.2.1");
	world_run(NEXT_CHECK + SOON);
	ck_assert_str_eq(world_find("new", "web"), "10.0.2.1");
	ck_assert_uint_eq(world.streams, 2);
	world_end();
}
END_TEST

/* A cluster that was restored knows fewer than were known; any of them may be new. */
START_TEST(an_index_that_went_back_begins_the_streams_anew)
{
	begin(NULL);
	world_make_namespace("old");
	follow();
	world_delete_namespace("old");
	world.namespaces_index = 3;
	world_run(319 * 1000 + SOON);
	ck_assert_uint_eq(world.streams, 2);
	world_run(60 * 1000);
	ck_assert_uint_eq(world.streams, 2);
	world_end();
}
END_TEST

START_TEST(nothing_is_asked_where_not_all_are_streamed)
{
	begin(_i == 0 ? "prod default" : NULL);
	world.streaming = _i == 0 ? STREAMS : STAYS_SILENT;
	world_start(CATALOGUE_LOADING, 0);
	world_run(10 * 1000);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	/* Where a stream was wanted, before it was denied. */
	ck_assert_uint_eq(world.censuses, (unsigned int)_i);
	world_make_namespace("new");
	world_run(40 * 1000);
	ck_assert_uint_eq(world.censuses, (unsigned int)_i);
	world_end();
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{what_is_registered_in_a_new_one_is_there_within_a_second, 1},
		{a_new_one_is_found_among_events_of_others, 1},
		{one_that_is_empty_costs_a_stream, 1},
		{one_that_was_made_while_the_stream_began_is_read_whole, 1},
		{what_could_not_be_asked_first_is_asked_later, 1},
		{changed_and_deleted_ones_begin_nothing_anew, 1},
		{a_hundred_in_a_row_do_not_begin_a_hundred_streams, 1},
		{the_streams_begin_anew_after_a_random_part_of_a_second, 1},
		{idling_costs_four_requests_a_minute_and_one_is_always_waiting, 1},
		{what_fails_or_does_not_wait_is_asked_again_with_the_next_check, FAILURES},
		{an_index_that_went_back_begins_the_streams_anew, 1},
		{nothing_is_asked_where_not_all_are_streamed, 2},
	};

	return support_run("namespaces", tests, sizeof tests / sizeof *tests);
}
