/*
 * Tests of src/watch/follow.c and reading.c: agents that lie, fall silent, deny, go away and come back. Whatever they
 * do, what was known stays, and nothing becomes "no such name" by it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "support.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set_up(void)
{
	unsetenv("NOMAD_TOKEN");
	unsetenv("NOMAD_ADDR");
	unsetenv("NOMAD_NAMESPACE");
	unsetenv("NOMAD_REGION");
	world_begin(NULL);
	world_register_silently("default", "web", "web-1", "10.0.0.1");
	world_register_silently("prod", "db", "db-1", "10.0.0.3");
}

static void follow(void)
{
	world_start(CATALOGUE_LOADING, 0);
	world_run(100);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_run(10 * 1000);
	world_changes();
}

/* All is as it was, whatever has happened. */
static void assert_kept(void)
{
	ck_assert_str_eq(world_changes(), "");
	ck_assert_str_eq(world_find("default", "web"), "10.0.0.1");
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3");
}

/* How each fails; all of them for longer than any time to live. */
static const struct {
	enum behaviour behaviour;
	bool closes;  /* its streams end at once */
	bool forgets; /* what was asked meanwhile is never answered */
} outages[] = {
	{HANGS, false, false},     {HANGS, true, false},         {HANGS, false, true},      {HANGS, true, true},
	{REFUSES, true, false},    {DENIES, false, false},       {DENIES, true, false},     {LEADERLESS, false, false},
	{LEADERLESS, true, false}, {SHOWS_NOTHING, false, false}, {OVERLOADED, true, false},
};
enum { OUTAGES = sizeof outages / sizeof *outages };

/* Each at a moment of its own of the tries, so that none of them is found by chance. */
static void go_through(int outage, int64_t lasts)
{
	follow();
	world.behaviour = outages[outage].behaviour;
	world.forgets = outages[outage].forgets;
	if (outages[outage].closes)
		world_close_streams();
	world_run(lasts);
	assert_kept();
	ck_assert_int_eq(world_state(), CATALOGUE_STALE);
	world.behaviour = SERVES;
	world_register_silently("prod", "db", "db-2", "10.0.0.4");
	world_deregister("default", "web-1", NULL);
	world_run(1000);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
}

START_TEST(every_outage_keeps_what_is_known_as_stale_and_ends_within_a_second)
{
	set_up();
	go_through(_i % OUTAGES, 120 * 1000 + _i / OUTAGES * 70);
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3 10.0.0.4");
	ck_assert_str_eq(world_find("default", "web"), "none");
	world_end();
}
END_TEST

/* A denial aside: of that 10,000 hosts remind an agent far away more rarely. */
START_TEST(an_outage_of_an_agent_elsewhere_ends_within_a_second)
{
	bool denied = outages[_i % OUTAGES].behaviour == DENIES || outages[_i % OUTAGES].behaviour == SHOWS_NOTHING;

	set_up();
	world_end();
	world_begin_far_away();
	world_register_silently("default", "web", "web-1", "10.0.0.1");
	world_register_silently("prod", "db", "db-1", "10.0.0.3");
	go_through(_i % OUTAGES, (denied ? 90 : 600) * 1000 + _i / OUTAGES * 70);
	world_end();
}
END_TEST

/* While it is away an agent is asked once in a while, and never more than twice at once. */
START_TEST(an_outage_costs_an_agent_little)
{
	static const struct {
		void (*begin)(void);
		unsigned int least, most; /* knocks in ten minutes, of which two are left aside */
	} places[] = {{set_up, 1000, 1950}, {world_begin_far_away, 600, 1250}};

	places[_i % 2].begin();
	world_register_silently("default", "web", "web-1", "10.0.0.1");
	follow();
	world.behaviour = outages[_i / 2].behaviour;
	world.forgets = outages[_i / 2].forgets;
	world_close_streams();
	world_run(130 * 1000);
	world.knocks = world.most_at_once = 0;
	unsigned int others = world.lists + world.reads + world.streams;
	world_run(480 * 1000);
	bool denied = outages[_i / 2].behaviour == DENIES || outages[_i / 2].behaviour == SHOWS_NOTHING;
	ck_assert_uint_le(world.knocks, _i % 2 == 1 && denied ? 200 : places[_i % 2].most);
	ck_assert_uint_ge(world.knocks, _i % 2 == 1 && denied ? 90 : places[_i % 2].least);
	ck_assert_uint_le(world.most_at_once, 2);
	ck_assert_uint_eq(world.lists + world.reads + world.streams, others);
	world_end();
}
END_TEST

/* It takes longer for each answer than a fresh knock is given. */
START_TEST(an_agent_that_is_merely_slow_is_found_again)
{
	set_up();
	follow();
	world.behaviour = REFUSES;
	world_close_streams();
	world_run(10 * 1000);
	world.behaviour = SERVES;
	world.slowness = 2000;
	world_run(20 * 1000);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_end();
}
END_TEST

START_TEST(an_outage_is_said_once_and_its_end_once)
{
	set_up();
	follow();
	world.behaviour = REFUSES;
	world_close_streams();
	world_run(600 * 1000);
	ck_assert_uint_eq(world_said("Nomad cannot be followed"), 1);
	world.behaviour = SERVES;
	world_run(1000);
	ck_assert_uint_eq(world_said("follows Nomad at"), 2);
	world_end();
}
END_TEST

START_TEST(after_max_stale_what_is_known_is_expired_and_current_again_afterwards)
{
	set_up();
	follow();
	world.behaviour = REFUSES;
	world_close_streams();
	world_run(3500 * 1000);
	ck_assert_int_eq(world_state(), CATALOGUE_STALE);
	world_run(101 * 1000);
	ck_assert_int_eq(world_state(), CATALOGUE_EXPIRED);
	assert_kept();
	world.behaviour = SERVES;
	world_run(1000);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_end();
}
END_TEST

/* The age is that of the last word of the agent, not of the last reading. */
START_TEST(what_was_followed_for_long_is_not_old)
{
	set_up();
	follow();
	world_run(2 * 3600 * 1000);
	world.behaviour = REFUSES;
	world_close_streams();
	world_run(600 * 1000);
	ck_assert_int_eq(world_state(), CATALOGUE_STALE);
	world_end();
}
END_TEST

/* The machine sleeps, and the watcher with it: nobody has told it how Nomad is since. */
static const struct {
	int seconds;
	enum catalogue_state afterwards;
} sleeps[] = {{3, CATALOGUE_CURRENT}, {20, CATALOGUE_STALE}, {600, CATALOGUE_STALE}, {7200, CATALOGUE_EXPIRED}};

START_TEST(what_was_known_before_a_sleep_is_as_old_as_it_is)
{
	set_up();
	follow();
	world_register_silently("prod", "db", "db-2", "10.0.0.4");
	world_sleep(sleeps[_i].seconds * 1000);
	ck_assert_int_eq(world_state(), sleeps[_i].afterwards);
	world_run(1000);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	if (sleeps[_i].afterwards == CATALOGUE_CURRENT)
		world_run(40 * 1000);
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3 10.0.0.4");
	world_end();
}
END_TEST

START_TEST(without_nomad_from_the_start_nothing_is_known)
{
	set_up();
	world.behaviour = REFUSES;
	world_start(CATALOGUE_LOADING, 0);
	world_run(60 * 1000);
	ck_assert_int_eq(world_state(), CATALOGUE_LOADING);
	world.behaviour = SERVES;
	world_run(1000);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_end();
}
END_TEST

START_TEST(a_restart_without_nomad_goes_on_with_what_was_published)
{
	set_up();
	world_load("default", "web", "10.0.0.1");
	world_load("default", "gone", "10.0.0.7");
	world.behaviour = REFUSES;
	world_start(CATALOGUE_STALE, 0);
	world_run(60 * 1000);
	ck_assert_int_eq(world_state(), CATALOGUE_STALE);
	ck_assert_str_eq(world_find("default", "gone"), "10.0.0.7");
	world.behaviour = SERVES;
	world_run(1200);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	ck_assert_str_eq(world_find("default", "gone"), "none");
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3");
	world_end();
}
END_TEST

/* What an earlier daemon left an hour ago is too old from the start. */
START_TEST(what_was_published_too_long_ago_is_expired_at_once)
{
	set_up();
	world_load("default", "web", "10.0.0.1");
	world.behaviour = REFUSES;
	world_start(CATALOGUE_STALE, 1000000 - 3600 * 1000 - 1);
	world_run(100);
	ck_assert_int_eq(world_state(), CATALOGUE_EXPIRED);
	world_end();
}
END_TEST

static const enum streaming refusals[] = {STAYS_SILENT, ENDS_AT_ONCE};

START_TEST(where_the_stream_is_denied_changes_are_polled_for)
{
	set_up();
	world.streaming = refusals[_i];
	world_start(CATALOGUE_LOADING, 0);
	world_run(5000);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_register_silently("prod", "db", "db-2", "10.0.0.4");
	world_run(1000);
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3 10.0.0.4");
	world_deregister("default", "web-1", NULL);
	world_run(1000);
	ck_assert_str_eq(world_find("default", "web"), "none");
	ck_assert_uint_eq(world_said("it is polled instead"), 1);
	/* The stream is tried again, and used once it may be. */
	unsigned int before = world.streams;
	world.streaming = STREAMS;
	world_run(70 * 1000);
	ck_assert_uint_eq(world.streams, before + 1);
	world_register("default", "new", "new-1", "10.0.0.5");
	world_run(0);
	ck_assert_str_eq(world_find("default", "new"), "10.0.0.5");
	world_end();
}
END_TEST

START_TEST(a_change_between_the_list_and_a_read_is_not_missed_by_polling)
{
	set_up();
	world.streaming = ENDS_AT_ONCE;
	world_start(CATALOGUE_LOADING, 0);
	world_run(5000);
	world.holds_reads = true;
	world_register_silently("prod", "db", "db-2", "10.0.0.4");
	world_run(1000);
	/* The list is answered; the read of prod/db will have the next index, and the list had no default/new. */
	world_register_silently("default", "new", "new-1", "10.0.0.5");
	world.holds_reads = false;
	world_release();
	world_run(1000);
	ck_assert_str_eq(world_find("default", "new"), "10.0.0.5");
	unsigned int lists = world.lists;
	world_run(1000);
	ck_assert_uint_eq(world.lists, lists);
	world_end();
}
END_TEST

START_TEST(where_no_stream_lasts_changes_are_polled_for)
{
	set_up();
	world.streaming = ENDS_AFTER_BEAT;
	world_start(CATALOGUE_LOADING, 0);
	world_run(3000);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_register_silently("prod", "db", "db-2", "10.0.0.4");
	world_run(50 * 1000);
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3 10.0.0.4");
	ck_assert_uint_eq(world.streams, 3);
	world_run(3600 * 1000);
	ck_assert_uint_le(world.streams, 60);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_end();
}
END_TEST

/* For long, and through many of Nomad's waits, which last a little longer than they were asked to. */
START_TEST(where_changes_are_polled_for_nothing_is_an_outage)
{
	set_up();
	world.streaming = STAYS_SILENT;
	world_start(CATALOGUE_LOADING, 0);
	world_run(3600 * 1000);
	ck_assert_uint_ge(world.polls, 40);
	ck_assert_uint_eq(world_said("cannot be followed"), 0);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_end();
}
END_TEST

/* A proxy waits for so long and no longer; that is none of the agent's doings, and is said once, with both causes. */
START_TEST(polls_that_a_proxy_ends_are_no_outage)
{
	static const int statuses[] = {502, 503, 504, 0};

	set_up();
	world.streaming = STAYS_SILENT;
	world.ends_polls = 30 * 1000;
	world.failed_status = statuses[_i];
	world_start(CATALOGUE_LOADING, 0);
	world_run(600 * 1000);
	ck_assert_uint_eq(world_said("cannot be followed"), 0);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	ck_assert_uint_eq(world_said("or a proxy"), 1);
	ck_assert_uint_eq(world_said("a proxy ends"), 1);
	unsigned int lists = world.lists;
	world_register_silently("prod", "db", "db-2", "10.0.0.4");
	world_run(1000);
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3 10.0.0.4");
	ck_assert_uint_le(world.lists, lists + 3);
	/* One that ends them at once does not work. */
	world.ends_polls = 1;
	world_run(10 * 1000);
	ck_assert_uint_ge(world_said("cannot be followed"), 1);
	world_end();
}
END_TEST

/* Each sort of request by itself, while all others are answered. */
static const struct {
	bool lists, reads; /* are never answered ... */
	bool later;        /* ... once all has been read */
	bool polled;
} mutes[] = {{true, false, false, false}, {false, true, false, false}, {false, true, true, false}, {true, false, true, true}};

START_TEST(a_request_that_is_never_answered_is_given_up)
{
	set_up();
	if (mutes[_i].polled)
		world.streaming = STAYS_SILENT;
	world.holds_lists = mutes[_i].lists && !mutes[_i].later;
	world.holds_reads = mutes[_i].reads && !mutes[_i].later;
	world_start(CATALOGUE_LOADING, 0);
	/* Beyond the moment at which a stream is tried again. */
	world_run(mutes[_i].later ? 70 * 1000 : 60 * 1000);
	world.holds_lists = mutes[_i].lists;
	world.holds_reads = mutes[_i].reads;
	world_run(100 * 1000);
	ck_assert_int_eq(world_state(), mutes[_i].later ? CATALOGUE_STALE : CATALOGUE_LOADING);
	ck_assert_uint_eq(world_said("Nomad cannot be followed: timed out"), 1);
	world_release();
	world_run(10 * 1000);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_end();
}
END_TEST

/* A token that has expired: the heartbeats go on, until there is an event. Reads are denied. */
START_TEST(heartbeats_of_a_stream_that_is_denied_by_now_prove_nothing)
{
	set_up();
	follow();
	world.behaviour = DENIES;
	world.beats_on = true;
	world_run(40 * 1000);
	ck_assert_int_eq(world_state(), CATALOGUE_STALE);
	assert_kept();
	world_end();
}
END_TEST

/* Reads fail, while the stream goes on. */
START_TEST(heartbeats_without_reads_prove_nothing)
{
	set_up();
	follow();
	world.behaviour = LEADERLESS;
	world_run(45 * 1000);
	ck_assert_int_eq(world_state(), CATALOGUE_STALE);
	assert_kept();
	world_end();
}
END_TEST

START_TEST(a_denied_token_is_read_again_from_its_file)
{
	char folder[SUPPORT_PATH_MAX], path[SUPPORT_PATH_MAX];

	set_up();
	world_end();
	support_folder(folder);
	support_path(folder, "token", path);
	support_write(path, "old\n", 4);
	world_begin_with_token(path);
	world_register_silently("default", "web", "web-1", "10.0.0.1");
	follow();
	world.behaviour = DENIES;
	world_run(60 * 1000);
	ck_assert_str_eq(watcher_agent(world_watcher())->token, "old");
	support_write(path, "new\n", 4);
	world_run(1000);
	ck_assert_str_eq(watcher_agent(world_watcher())->token, "new");
	world_end();
}
END_TEST

/* No namespace is asked for by name in the list of all; here each list is, and fails. */
START_TEST(lists_of_namespaces_that_fail_remove_nothing)
{
	set_up();
	world_end();
	world_begin("default prod");
	world_register_silently("default", "web", "web-1", "10.0.0.1");
	world_register_silently("prod", "db", "db-1", "10.0.0.3");
	follow();
	world.breaks = _i == 0 ? "default" : "prod";
	world_close_streams();
	world_run(60 * 1000);
	assert_kept();
	world_end();
}
END_TEST

/* The namespace has vanished from the list of all, and what is asked after it fails. */
START_TEST(a_namespace_that_cannot_be_asked_for_is_kept)
{
	set_up();
	follow();
	world.hidden = world.breaks = "prod";
	world_close_streams();
	world_run(60 * 1000);
	assert_kept();
	world_end();
}
END_TEST

START_TEST(a_stream_without_a_byte_for_40_s_is_dead)
{
	set_up();
	follow();
	world_run(50 * 1000);
	ck_assert_uint_eq(world.streams, 1);
	world.stalls = true;
	world_run(60 * 1000);
	ck_assert_uint_eq(world.streams, 2);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_end();
}
END_TEST

START_TEST(a_namespace_the_token_lost_is_kept_and_one_that_is_gone_goes)
{
	set_up();
	world_register_silently("dev", "api", "api-1", "10.0.0.8");
	follow();
	/* The token loses prod, and dev is emptied, in the same moment; the stream falls silent. */
	world.hidden = "prod";
	world_deregister("dev", "api-1", NULL);
	world_close_streams();
	world_run(10 * 1000);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3");
	ck_assert_str_eq(world_find("dev", "api"), "none");
	ck_assert_uint_eq(world_said("may not read namespace \"prod\""), 1);
	struct watcher_state state;
	watcher_state(world_watcher(), &state);
	ck_assert_uint_eq(state.kept, 1);
	/* Nothing is asked of what may not be read. */
	world_run(600 * 1000);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	ck_assert_uint_eq(world_said("cannot be followed"), 0);
	/* It gets the right back. */
	world.hidden = NULL;
	world_register_silently("prod", "db", "db-2", "10.0.0.4");
	world_run(2000);
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3 10.0.0.4");
	watcher_state(world_watcher(), &state);
	ck_assert_uint_eq(state.kept, 0);
	world_end();
}
END_TEST

/* Files and DNS deny what is in it until they are told. */
START_TEST(a_right_that_is_lost_is_told_at_once)
{
	struct watcher_state state = {0};

	set_up();
	follow();
	world.hidden = "prod";
	world_close_streams();
	for (int i = 0; i < 10000 && (state.kept == 0 || state.state != CATALOGUE_CURRENT); i++) {
		world_run(1);
		watcher_state(world_watcher(), &state);
	}
	ck_assert_uint_eq(state.kept, 1);
	world_run(20);
	ck_assert_uint_eq(world.kept_told, 1);
	world.hidden = NULL;
	world_register_silently("prod", "db", "db-2", "10.0.0.4");
	for (int i = 0; i < 10000 && (state.kept == 1 || state.state != CATALOGUE_CURRENT); i++) {
		world_run(1);
		watcher_state(world_watcher(), &state);
	}
	world_run(20);
	ck_assert_uint_eq(world.kept_told, 0);
	world_end();
}
END_TEST

/* It was empty when all were listed, and is not when it is asked for: nothing is lost, and nothing grows old. */
START_TEST(a_namespace_that_is_back_when_it_is_asked_for_is_followed)
{
	struct watcher_state state;

	set_up();
	follow();
	world.lies = 2;
	world_register_silently("prod", "new", "new-1", "10.0.0.9");
	world_close_streams();
	world_run(1000);
	ck_assert_int_eq(world.lies, 0);
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3");
	ck_assert_str_eq(world_find("prod", "new"), "10.0.0.9");
	ck_assert_uint_eq(world_said("may not read namespace"), 0);
	watcher_state(world_watcher(), &state);
	ck_assert_uint_eq(state.kept, 0);
	world_run(7200 * 1000);
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3");
	world_end();
}
END_TEST

/* Nobody knows for ever what is in a namespace that may not be read: when it is too old nobody can tell. */
START_TEST(what_is_kept_of_a_namespace_grows_too_old)
{
	set_up();
	follow();
	world.hidden = "prod";
	world_close_streams();
	world_run(3590 * 1000);
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3");
	ck_assert_str_eq(world_changes(), "");
	world_run(20 * 1000);
	ck_assert_str_eq(world_find("prod", "db"), "unknown");
	ck_assert_str_eq(world_changes(), "+prod/db");
	ck_assert_str_eq(world_find("default", "web"), "10.0.0.1");
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_close_streams();
	world_run(10 * 1000);
	ck_assert_str_eq(world_find("prod", "db"), "unknown");
	/* It gets the right back, and nothing has changed: seen when the stream is tried again. */
	world.hidden = NULL;
	world_run(700 * 1000);
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3");
	world_end();
}
END_TEST

/* What has changed there meanwhile is found, though the index was told by others. */
START_TEST(a_namespace_that_may_be_read_again_is_read)
{
	char name[16];

	set_up();
	/* So many that where nothing seems to have changed only some are read. */
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof name, "s%d", i);
		world_register_silently("default", name, name, "10.0.1.1");
	}
	follow();
	world.hidden = "prod";
	world_close_streams();
	world_run(10 * 1000);
	world_register_silently("prod", "db", "db-1", "10.0.0.9");
	world_run(10 * 60 * 1000);
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3");
	world.hidden = NULL;
	world_run(700 * 1000);
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.9");
	world_end();
}
END_TEST

/* A restart does not make it young again. */
START_TEST(what_was_kept_before_a_restart_grows_old_from_then_on)
{
	enum { START = 1000000 };

	set_up();
	world_load("default", "web", "10.0.0.1");
	world_load("prod", "db", "10.0.0.3");
	world.hidden = "prod";
	world.kept_since = _i == 0 ? START - 3000 * 1000 : 0;
	world_start(CATALOGUE_STALE, START - 10 * 1000);
	world_run((_i == 0 ? 590 : 3580) * 1000);
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3");
	world_run(20 * 1000);
	ck_assert_str_eq(world_find("prod", "db"), "unknown");
	world_end();
}
END_TEST

/* Of several namespaces that are configured one is denied, from the start or later: the others are followed. */
START_TEST(a_denied_namespace_of_several_spoils_no_other)
{
	set_up();
	world_end();
	world_begin(_i % 2 == 0 ? "prod default" : "default prod");
	world_register_silently("default", "web", "web-1", "10.0.0.1");
	world_register_silently("prod", "db", "db-1", "10.0.0.3");
	world.hidden = _i < 2 ? "prod" : NULL;
	world.streaming = _i < 4 ? STREAMS : STAYS_SILENT;
	world_start(CATALOGUE_LOADING, 0);
	world_run(10 * 1000);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world.hidden = "prod";
	world_close_streams();
	world_run(600 * 1000);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_register("default", "web", "web-2", "10.0.0.2");
	world_run(1000);
	ck_assert_str_eq(world_find("default", "web"), "10.0.0.1 10.0.0.2");
	ck_assert_str_eq(world_find("prod", "db"), _i < 2 ? "none" : "10.0.0.3");
	struct watcher_state state;
	watcher_state(world_watcher(), &state);
	ck_assert_uint_eq(state.kept, 1);
	ck_assert_uint_le(world_said("may not read namespace \"prod\""), 1);
	/* An outage in between is one as any other. */
	world.behaviour = REFUSES;
	world_close_streams();
	world_run(5000);
	world.behaviour = SERVES;
	world_run(10 * 1000);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world.hidden = NULL;
	world_run(700 * 1000);
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3");
	world_register("prod", "db", "db-2", "10.0.0.4");
	world_run(1000);
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3 10.0.0.4");
	world_end();
}
END_TEST

/* Where all are denied that is an outage, which ends when any of them may be read. */
START_TEST(all_namespaces_of_several_denied_are_an_outage)
{
	set_up();
	world_end();
	world_begin("prod default");
	world_register_silently("default", "web", "web-1", "10.0.0.1");
	world_register_silently("prod", "db", "db-1", "10.0.0.3");
	follow();
	world.behaviour = DENIES;
	world_close_streams();
	world_run(60 * 1000);
	ck_assert_int_eq(world_state(), CATALOGUE_STALE);
	assert_kept();
	world.behaviour = SERVES;
	world.hidden = "prod";
	world_run(10 * 1000);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	assert_kept();
	world_end();
}
END_TEST

START_TEST(a_cluster_that_is_really_empty_becomes_empty)
{
	set_up();
	follow();
	world_deregister("default", "web-1", NULL);
	world_deregister("prod", "db-1", NULL);
	world_run(45 * 1000);
	ck_assert_str_eq(world_find("default", "web"), "none");
	ck_assert_str_eq(world_find("prod", "db"), "none");
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_end();
}
END_TEST

START_TEST(the_next_agent_is_tried_at_once_and_kept)
{
	set_up();
	world_end();
	world_begin_with_two();
	world_register_silently("default", "web", "web-1", "10.0.0.1");
	world_start(CATALOGUE_LOADING, 0);
	world_run(100);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	ck_assert_uint_eq(watcher_agent(world_watcher())->current, 1);
	world_run(3600 * 1000);
	ck_assert_uint_eq(watcher_agent(world_watcher())->current, 1);
	world_end();
}
END_TEST

static const struct {
	const char *leader;
	bool first_serves;
	unsigned int current;
} leaders[] = {
	{"192.0.2.2:4647", true, 1}, {"[::ffff:192.0.2.2]:4647", true, 1},     {"192.0.2.1:4647", true, 0},
	{"192.0.2.9:4647", true, 0}, {"leader.example:4647", true, 0}, {NULL, true, 0},
	{"192.0.2.1:4647", false, 1}, /* which cannot be followed from here */
};

START_TEST(the_address_of_the_leader_goes_first)
{
	set_up();
	world_end();
	world_begin_with_two();
	world_register_silently("default", "web", "web-1", "10.0.0.1");
	world.leader = leaders[_i].leader;
	world.first_serves = leaders[_i].first_serves;
	world_start(CATALOGUE_LOADING, 0);
	world_run(100);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	ck_assert_uint_eq(watcher_agent(world_watcher())->current, leaders[_i].current);
	/* One that cannot be followed is not tried each time. */
	for (int i = 0; i < 5; i++) {
		world_run(60 * 1000);
		world_close_streams();
		world_run(1000);
		ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
		ck_assert_uint_eq(watcher_agent(world_watcher())->current, leaders[_i].current);
	}
	ck_assert_uint_le(world_said("cannot be followed"), leaders[_i].first_serves ? 0 : 2);
	world_end();
}
END_TEST

START_TEST(of_one_address_nobody_asks_for_the_leader)
{
	set_up();
	follow();
	world_close_streams();
	world_run(1000);
	ck_assert_uint_eq(world.leaders, 0);
	world_end();
}
END_TEST

START_TEST(a_reading_that_breaks_off_removes_nothing)
{
	set_up();
	follow();
	world_register_silently("prod", "db", "db-2", "10.0.0.4");
	world.holds_reads = true;
	world_close_streams();
	world_run(10);
	world.behaviour = LEADERLESS;
	world_release();
	world_run(5000);
	assert_kept();
	ck_assert_int_eq(world_state(), CATALOGUE_STALE);
	world_end();
}
END_TEST

/* A start, changes, an outage and a token that may not stream: whatever cannot be allocated then, once, is made up for. */
static void live_through_much(unsigned int nth)
{
	set_up();
	world_start(CATALOGUE_LOADING, 0);
	support_fail_allocation(nth);
	world_run(2000);
	world_register("prod", "db", "db-2", "10.0.0.4");
	world_deregister("default", "web-1", "PlanResult");
	world_register("default", "other", "other-1", "10.0.0.7");
	world_run(2000);
	world.behaviour = REFUSES;
	world_close_streams();
	world_run(2000);
	world_register_silently("prod", "cache", "cache-1", "10.0.0.5");
	world.behaviour = SERVES;
	world_run(2000);
	world.streaming = STAYS_SILENT;
	world_close_streams();
	world_run(10 * 1000);
	world_register_silently("prod", "late", "late-1", "10.0.0.6");
}

START_TEST(what_cannot_be_allocated_once_is_made_up_for)
{
	unsigned int nth = 0;
	bool failed;

	do {
		live_through_much(++nth);
		world_run(70 * 1000);
		failed = support_fail_allocation(0);
		ck_assert_msg(world_state() == CATALOGUE_CURRENT, "allocation %u", nth);
		ck_assert_msg(strcmp(world_find("default", "web"), "none") == 0, "allocation %u", nth);
		ck_assert_msg(strcmp(world_find("default", "other"), "10.0.0.7") == 0, "allocation %u", nth);
		ck_assert_msg(strcmp(world_find("prod", "db"), "10.0.0.3 10.0.0.4") == 0, "allocation %u", nth);
		ck_assert_msg(strcmp(world_find("prod", "cache"), "10.0.0.5") == 0, "allocation %u", nth);
		ck_assert_msg(strcmp(world_find("prod", "late"), "10.0.0.6") == 0, "allocation %u", nth);
		world_end();
	} while (failed);
	ck_assert_uint_gt(nth, 100);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{every_outage_keeps_what_is_known_as_stale_and_ends_within_a_second, 8 * OUTAGES},
		{an_outage_of_an_agent_elsewhere_ends_within_a_second, 8 * OUTAGES},
		{an_outage_costs_an_agent_little, 2 * OUTAGES},
		{an_agent_that_is_merely_slow_is_found_again, 1},
		{an_outage_is_said_once_and_its_end_once, 1},
		{after_max_stale_what_is_known_is_expired_and_current_again_afterwards, 1},
		{what_was_followed_for_long_is_not_old, 1},
		{what_was_known_before_a_sleep_is_as_old_as_it_is, sizeof sleeps / sizeof *sleeps},
		{without_nomad_from_the_start_nothing_is_known, 1},
		{a_restart_without_nomad_goes_on_with_what_was_published, 1},
		{what_was_published_too_long_ago_is_expired_at_once, 1},
		{where_the_stream_is_denied_changes_are_polled_for, 2},
		{a_change_between_the_list_and_a_read_is_not_missed_by_polling, 1},
		{where_no_stream_lasts_changes_are_polled_for, 1},
		{where_changes_are_polled_for_nothing_is_an_outage, 1},
		{polls_that_a_proxy_ends_are_no_outage, 4},
		{a_request_that_is_never_answered_is_given_up, sizeof mutes / sizeof *mutes},
		{heartbeats_of_a_stream_that_is_denied_by_now_prove_nothing, 1},
		{heartbeats_without_reads_prove_nothing, 1},
		{a_denied_token_is_read_again_from_its_file, 1},
		{lists_of_namespaces_that_fail_remove_nothing, 2},
		{a_namespace_that_cannot_be_asked_for_is_kept, 1},
		{a_stream_without_a_byte_for_40_s_is_dead, 1},
		{a_namespace_the_token_lost_is_kept_and_one_that_is_gone_goes, 1},
		{a_right_that_is_lost_is_told_at_once, 1},
		{a_namespace_that_is_back_when_it_is_asked_for_is_followed, 1},
		{what_is_kept_of_a_namespace_grows_too_old, 1},
		{a_namespace_that_may_be_read_again_is_read, 1},
		{what_was_kept_before_a_restart_grows_old_from_then_on, 2},
		{a_denied_namespace_of_several_spoils_no_other, 6},
		{all_namespaces_of_several_denied_are_an_outage, 1},
		{a_cluster_that_is_really_empty_becomes_empty, 1},
		{the_next_agent_is_tried_at_once_and_kept, 1},
		{the_address_of_the_leader_goes_first, sizeof leaders / sizeof *leaders},
		{of_one_address_nobody_asks_for_the_leader, 1},
		{a_reading_that_breaks_off_removes_nothing, 1},
		{what_cannot_be_allocated_once_is_made_up_for, 1},
	};

	return support_run("outage", tests, sizeof tests / sizeof *tests);
}
