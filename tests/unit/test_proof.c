/*
 * Tests of src/watch/proof.c, nearest.c and resume.c: servers that stop behind an agent, which says nothing of it. What
 * counts as current is WATCHER_PROMISE old at the most, and what was missed meanwhile costs a few requests.
 *
 * SPDX-License-Identifier: MIT
 */
#include "support.h"
#include "watch/nearest.h"
#include "world.h"
#include "world_events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MANY = 40,    /* services, of which 10 change */
	FEW = 20,     /* requests for what was missed, all together */
	MOMENTS = 20, /* of the time between two questions, at which a server stops */
	SECOND = 1000,
};

static void begin(const char *namespaces)
{
	char name[16];

	unsetenv("NOMAD_TOKEN");
	unsetenv("NOMAD_ADDR");
	unsetenv("NOMAD_NAMESPACE");
	unsetenv("NOMAD_REGION");
	world_begin(namespaces);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "s%d", i);
		world_register_silently("default", name, name, "10.0.0.1");
	}
}

static void follow(void)
{
	world_start(CATALOGUE_LOADING, 0);
	world_run(SECOND);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_register("default", "web", "web-1", "10.0.0.1");
	world_run(60 * SECOND);
	world_changes();
}

static unsigned int asked(void)
{
	return world.streams + world.reads + world.lists + world.censuses + world.nearest_reads + world.knocks;
}

/* Milliseconds until the address is there; -1 where it is not within `most`. */
static int wait_for(const char *service, const char *address, int most)
{
	for (int passed = 0; passed <= most; passed += 10) {
		if (strcmp(world_find("default", service), address) == 0)
			return passed;
		world_run(10);
	}
	return -1;
}

START_TEST(a_change_after_the_server_behind_the_agent_has_stopped_is_there_within_5_s)
{
	begin(NULL);
	follow();
	world_run(_i * NEAREST_INTERVAL / MOMENTS);
	world_stop_server();
	world_run(_i % 2 * 7 * SECOND);
	world_register("default", "web", "web-1", "10.0.0.2");
	ck_assert_int_ge(wait_for("web", "10.0.0.2", WATCHER_PROMISE), 0);
	world_run(SECOND);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_end();
}
END_TEST

/* The read that waits for namespaces is the leader's, and ends with it. */
START_TEST(a_change_after_a_leader_has_stopped_is_there_within_1_s)
{
	begin(NULL);
	follow();
	world_run(_i * NEAREST_INTERVAL / MOMENTS);
	world_stop_server();
	world.census_result = _i % 2 == 0 ? AGENT_FAILED : AGENT_NO_LEADER;
	world.fails_censuses = _i % 2 == 0;
	world.failed_status = 500;
	world_register("default", "web", "web-1", "10.0.0.2");
	ck_assert_int_ge(wait_for("web", "10.0.0.2", SECOND), 0);
	ck_assert_uint_eq(world.lists, 1);
	world_end();
}
END_TEST

static const enum agent_result no_stops[] = {AGENT_TIMED_OUT, AGENT_DENIED, AGENT_UNBELIEVABLE, AGENT_CUT, AGENT_OVERLOADED};

/* A proxy that has waited long enough, or a token that may not ask. */
START_TEST(a_wait_that_ends_otherwise_begins_nothing_again)
{
	begin(NULL);
	follow();
	world.census_result = no_stops[_i];
	world_run(60 * SECOND);
	ck_assert_uint_eq(world.streams, 1);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_end();
}
END_TEST

START_TEST(a_wait_that_a_proxy_gives_up_begins_nothing_again)
{
	begin(NULL);
	follow();
	world.fails_censuses = true;
	world.failed_status = 502 + _i;
	world_run(60 * SECOND);
	ck_assert_uint_eq(world.streams, 1);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_end();
}
END_TEST

/* While there is no leader the question fails at once: it is asked again soon, and begins nothing. */
START_TEST(an_election_begins_no_stream_after_the_other)
{
	begin(NULL);
	follow();
	world_stop_server();
	world.census_result = AGENT_NO_LEADER;
	world_run(30 * SECOND);
	ck_assert_uint_eq(world.streams, 2);
	world.census_result = AGENT_FAILED;
	world_register("new", "web", "new-1", "10.0.2.1");
	world_run(8 * SECOND);
	ck_assert_str_eq(world_find("new", "web"), "10.0.2.1");
	world_end();
}
END_TEST

static void change_ten(void)
{
	char name[16];

	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof name, "s%d", i);
		if (i % 3 == 0)
			world_deregister("default", name, "ServiceDeregistration");
		else
			world_register("default", name, name, "10.0.0.2");
	}
}

static void assert_ten(void)
{
	char name[16];

	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof name, "s%d", i);
		ck_assert_str_eq(world_find("default", name), i % 3 == 0 ? "none" : "10.0.0.2");
	}
	ck_assert_str_eq(world_find("default", "s10"), "10.0.0.1");
}

/* Where the events are kept still, however the stream was lost. */
START_TEST(what_was_missed_costs_few_requests)
{
	begin(NULL);
	follow();
	unsigned int before = asked();
	if (_i == 0) {
		world_stop_server();
		change_ten();
	} else if (_i == 1) {
		world.behaviour = REFUSES;
		world_close_streams();
		change_ten();
		world_run(100);
		world.behaviour = SERVES;
	} else {
		world_collect(); /* nobody gets them live */
		change_ten();
		world_close_streams();
	}
	world_run(WATCHER_PROMISE);
	assert_ten();
	ck_assert_uint_le(asked() - before, FEW);
	ck_assert_uint_eq(world.lists, 1);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_run(120 * SECOND);
	ck_assert_uint_eq(world.lists, 1);
	world_end();
}
END_TEST

/* The first frame shows what was read, though the stream was silent since. */
START_TEST(what_was_missed_costs_few_requests_right_after_the_start)
{
	begin(NULL);
	world_register("default", "web", "web-1", "10.0.0.1");
	world_start(CATALOGUE_LOADING, 0);
	world_run(10 * SECOND);
	unsigned int before = asked();
	world_stop_server();
	change_ten();
	world_run(WATCHER_PROMISE);
	assert_ten();
	ck_assert_uint_le(asked() - before, FEW);
	ck_assert_uint_eq(world.lists, 1);
	world_end();
}
END_TEST

/* Nothing proves that the new stream goes on where the old one ended: everything is read. */
START_TEST(what_cannot_be_gone_on_with_is_read_again)
{
	begin(NULL);
	follow();
	world_stop_server();
	if (_i == 0)
		world.buffer = 5; /* what came since has pushed the known event out */
	else if (_i == 1)
		world_events_forget();
	else
		world.writes_otherwise = true;
	change_ten();
	world_run(WATCHER_PROMISE);
	assert_ten();
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	ck_assert_str_eq(world_find("default", "web"), "10.0.0.1");
	ck_assert_uint_eq(world.lists, 2 + (world.lists > 2)); /* one that has less is asked for twice */
	world_end();
}
END_TEST

/* It has an event of the very index, which is another one. */
START_TEST(another_cluster_is_not_gone_on_with)
{
	begin(NULL);
	follow();
	uint64_t index = world.index;
	world_stop_server();
	world_rebuild(index - 1);
	world_register("default", "other", "other-1", "10.0.9.9");
	ck_assert_uint_eq(world.index, index);
	world_register("default", "more", "more-1", "10.0.9.9");
	world_run(WATCHER_PROMISE);
	ck_assert_str_eq(world_find("default", "other"), "10.0.9.9");
	ck_assert_str_eq(world_find("default", "more"), "10.0.9.9");
	ck_assert_str_eq(world_find("default", "web"), "none");
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_end();
}
END_TEST

/* Some deletions have no event at all: the stream goes on, and does not bring what the index tells of. */
START_TEST(what_no_event_tells_of_is_read_again)
{
	begin(NULL);
	follow();
	world_deregister("default", "s5", NULL);
	world_run(2 * WATCHER_PROMISE);
	ck_assert_str_eq(world_find("default", "s5"), "none");
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	ck_assert_uint_le(world.streams, 3);
	world_end();
}
END_TEST

/* What a stream has left out is not gone on with: the namespace is younger than it, and older than its last event. */
START_TEST(what_a_stream_has_left_out_is_not_taken_as_known)
{
	begin(NULL);
	follow();
	world.holds_censuses = _i == 1;
	world_register("new", "web", "new-1", "10.0.2.1");
	world_register("default", "web", "web-1", "10.0.0.2");
	world_run(10);
	world_close_streams();
	world_run(200);
	world.holds_censuses = false;
	world_register("new", "web", "new-2", "10.0.2.2");
	world_run(4 * SECOND);
	ck_assert_str_eq(world_find("new", "web"), "10.0.2.1 10.0.2.2");
	ck_assert_str_eq(world_find("default", "web"), "10.0.0.2");
	world_end();
}
END_TEST

/* A server that is cut off, or paused: nothing answers, and nothing ends. */
START_TEST(without_a_proof_what_is_known_is_stale_within_5_s)
{
	begin(NULL);
	follow();
	world_run(_i * NEAREST_INTERVAL / MOMENTS);
	world.behaviour = HANGS;
	world_run(WATCHER_PROMISE);
	ck_assert_int_eq(world_state(), CATALOGUE_STALE);
	world.behaviour = SERVES;
	world_run(SECOND);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_end();
}
END_TEST

/* The age of a server's own knowledge counts: one that is cut off from the others answers all the same. */
START_TEST(a_server_that_has_not_heard_of_its_leader_proves_what_was_then)
{
	static const struct {
		int64_t contact;
		enum catalogue_state state;
	} rows[] = {{900, CATALOGUE_CURRENT}, {WATCHER_PROMISE, CATALOGUE_STALE}, {9223372036854, CATALOGUE_STALE}};

	begin(NULL);
	world.check = WATCHER_CHECK;
	follow();
	world.last_contact = rows[_i].contact;
	for (int i = 0; i < 2 * WATCHER_PROMISE / 100; i++) {
		world_run(100);
		ck_assert(rows[_i].state == CATALOGUE_STALE || world_state() == CATALOGUE_CURRENT);
	}
	ck_assert_int_eq(world_state(), rows[_i].state);
	world_end();
}
END_TEST

/* An election is over in a second or three: the streams go on, and nothing is lost by it. */
START_TEST(an_election_is_no_outage)
{
	begin(NULL);
	follow();
	world.nearest_result = AGENT_NO_LEADER;
	world_run(WATCHER_PROMISE - NEAREST_INTERVAL - 100);
	world_register("default", "web", "web-1", "10.0.0.2");
	world_run(0);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	ck_assert_str_eq(world_find("default", "web"), "10.0.0.2");
	world.behaviour = LEADERLESS;
	world_run(2 * WATCHER_PROMISE);
	ck_assert_int_eq(world_state(), CATALOGUE_STALE);
	ck_assert_uint_eq(world_said("cannot be followed: no leader"), 1);
	world.nearest_result = AGENT_FAILED;
	world.behaviour = SERVES;
	world_run(SECOND);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_end();
}
END_TEST

/* It has read a part of its log, or nothing, and says that it has a leader: the real one is asked. */
START_TEST(a_server_that_has_just_started_proves_nothing_and_removes_nothing)
{
	begin(NULL);
	follow();
	world.nearest_index = _i == 0 ? 1 : world.index - 1;
	unsigned int reads = world.reads;
	world_run(10 * SECOND);
	ck_assert_uint_ge(world.reads, reads + 2);
	ck_assert_uint_le(world.reads, reads + 6);
	ck_assert_str_eq(world_changes(), "");
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	ck_assert_uint_eq(world.streams, 1);
	world_end();
}
END_TEST

/* Nomad's own error begins the streams again at once; one of the way is asked again before the agent is lost. */
START_TEST(a_nearest_server_that_fails_begins_the_streams_again)
{
	begin(NULL);
	follow();
	world_stop_server();
	world.failed_status = 500;
	world.fails_nearest = true;
	world_run(NEAREST_INTERVAL);
	world.fails_nearest = false;
	world_register("default", "web", "web-1", "10.0.0.2");
	world_run(SECOND);
	ck_assert_str_eq(world_find("default", "web"), "10.0.0.2");
	ck_assert_uint_eq(world.lists, 1);
	world.nearest_result = AGENT_CUT;
	world_run(NEAREST_INTERVAL + NEAREST_TRIES * NEAREST_AGAIN);
	ck_assert_int_eq(world_state(), CATALOGUE_STALE);
	ck_assert_uint_ge(world_said("cannot be followed: cut short"), 1);
	world_end();
}
END_TEST

/* All of them: nearest_reads, checks, and the read that waits. */
START_TEST(following_costs_at_most_24_requests_a_minute)
{
	enum { MINUTES = 20, PER_MINUTE = 24 };

	begin(_i == 0 ? NULL : "default");
	follow();
	unsigned int before = asked();
	world_run(MINUTES * 60 * SECOND);
	ck_assert_uint_le(asked() - before, PER_MINUTE * MINUTES);
	ck_assert_uint_ge(asked() - before, 15 * MINUTES);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	ck_assert_uint_eq(world.streams, 1);
	world_end();
}
END_TEST

/* The index is that of all namespaces: what others change has the streams go on where they were, and nothing read. */
START_TEST(what_is_missed_of_some_namespaces_is_there_within_5_s)
{
	begin("default prod");
	world_start(CATALOGUE_LOADING, 0);
	world_run(SECOND);
	world_register("default", "web", "web-1", "10.0.0.1");
	world_register("prod", "db", "db-1", "10.0.0.1");
	world_run(SECOND);
	unsigned int lists = world.lists;
	for (int i = 0; i < 10; i++) {
		world_register("other", "web", "other-1", "10.0.3.1");
		world_run(WATCHER_PROMISE);
		ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	}
	world_stop_server();
	world_register("default", "web", "web-1", "10.0.0.2");
	ck_assert_int_ge(wait_for("web", "10.0.0.2", WATCHER_PROMISE), 0);
	ck_assert_uint_eq(world.lists, lists);
	world_end();
}
END_TEST

/* A server that is always a little ahead of the stream, or behind it, among many changes. */
START_TEST(among_many_changes_what_is_known_is_current)
{
	begin(NULL);
	follow();
	unsigned int lists = world.lists;
	for (int i = 0; i < 600; i++) {
		world.nearest_index = _i == 0 ? world.index - 1 : world.index + 1;
		world_run(90);
		world_register("default", "web", "web-1", i % 2 == 0 ? "10.0.0.1" : "10.0.0.2");
		world_run(10);
		ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	}
	ck_assert_uint_eq(world.lists, lists);
	ck_assert_uint_eq(world.streams, 1);
	world_end();
}
END_TEST

/* Whatever happens, and in whatever order: what is current has no change missing that is older than the promise. */
static void do_anything(unsigned int *random)
{
	static const enum behaviour behaviours[] = {SERVES, SERVES, SERVES, HANGS, REFUSES, LEADERLESS, OVERLOADED};
	char id[16], address[16];

	*random = *random * 1103515245 + 12345;
	unsigned int number = *random >> 16;
	snprintf(id, sizeof id, "w%u", number / 16 % 5);
	snprintf(address, sizeof address, "10.0.1.%u", number / 16 % 200 + 1);
	switch (number % 16) {
	case 0: case 1: case 2: case 3:
		world_register("default", "web", id, address);
		break;
	case 4: case 5: case 6:
		if (strstr(world_true_ids("default", "web"), id) != NULL)
			world_deregister("default", id, "ServiceDeregistration");
		break;
	case 7: case 8:
		world_stop_server();
		break;
	case 9:
		world_close_streams();
		break;
	case 10:
		world.behaviour = behaviours[number / 16 % (sizeof behaviours / sizeof *behaviours)];
		break;
	case 11:
		world_events_forget();
		break;
	case 12:
		world.nearest_index = number / 16 % 2 == 0 ? 1 : 0;
		break;
	case 13:
		world.nearest_result = number / 16 % 2 == 0 ? AGENT_NO_LEADER : AGENT_FAILED;
		break;
	case 14:
		world.census_result = number / 16 % 2 == 0 ? AGENT_NO_LEADER : AGENT_FAILED;
		break;
	default:
		world.behaviour = SERVES;
	}
}

START_TEST(nothing_that_counts_as_current_is_older_than_promised)
{
	enum { STEP = 50, STEPS = 6000, SLACK = 250 };
	unsigned int random = (unsigned int)_i * 2654435761U + 1, current = 0;
	int different = 0, settled = 0;

	begin(NULL);
	follow();
	for (int i = 0; i < STEPS; i++) {
		random = random * 1103515245 + 12345;
		if ((random >> 16) % 20 == 0)
			do_anything(&random);
		world_run(STEP);
		different = strcmp(world_ids("default", "web"), world_true_ids("default", "web")) == 0 ? 0 : different + STEP;
		settled = world_state() == CATALOGUE_CURRENT ? settled + STEP : 0;
		current += settled > 0;
		/* What has just come back shows what was removed for a moment longer, as always. */
		ck_assert_msg(settled <= SLACK || different <= WATCHER_PROMISE + SLACK, "step %d: \"%s\", true \"%s\"",
		              i, world_ids("default", "web"), world_true_ids("default", "web"));
	}
	ck_assert_uint_gt(current, STEPS / 10);
	world_end();
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{a_change_after_the_server_behind_the_agent_has_stopped_is_there_within_5_s, MOMENTS},
		{a_change_after_a_leader_has_stopped_is_there_within_1_s, MOMENTS},
		{a_wait_that_ends_otherwise_begins_nothing_again, sizeof no_stops / sizeof *no_stops},
		{a_wait_that_a_proxy_gives_up_begins_nothing_again, 3},
		{an_election_begins_no_stream_after_the_other, 1},
		{what_was_missed_costs_few_requests, 3},
		{what_was_missed_costs_few_requests_right_after_the_start, 1},
		{what_cannot_be_gone_on_with_is_read_again, 3},
		{another_cluster_is_not_gone_on_with, 1},
		{what_no_event_tells_of_is_read_again, 1},
		{what_a_stream_has_left_out_is_not_taken_as_known, 2},
		{without_a_proof_what_is_known_is_stale_within_5_s, MOMENTS},
		{a_server_that_has_not_heard_of_its_leader_proves_what_was_then, 3},
		{an_election_is_no_outage, 1},
		{a_server_that_has_just_started_proves_nothing_and_removes_nothing, 2},
		{a_nearest_server_that_fails_begins_the_streams_again, 1},
		{following_costs_at_most_24_requests_a_minute, 2},
		{what_is_missed_of_some_namespaces_is_there_within_5_s, 1},
		{among_many_changes_what_is_known_is_current, 2},
		{nothing_that_counts_as_current_is_older_than_promised, 20},
	};

	return support_run("proof", tests, sizeof tests / sizeof *tests);
}
