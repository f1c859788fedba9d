/*
 * Tests of src/watch/watcher.c and all that it drives: how the catalogue is followed while Nomad is well. The traps
 * are those of Nomad's event stream and API; outages are in test_outage.c.
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
	world_register_silently("default", "web", "web-2", "10.0.0.2");
	world_register_silently("prod", "db", "db-1", "10.0.0.3");
}

static void follow(void)
{
	world_start(CATALOGUE_LOADING, 0);
	world_run(100);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_changes();
}

START_TEST(first_catalogue_is_read_after_the_stream_has_begun)
{
	set_up();
	world.first_beat = 50;
	world_start(CATALOGUE_LOADING, 0);
	world_run(40);
	ck_assert_uint_eq(world.streams, 1);
	ck_assert_uint_eq(world.lists, 0);
	ck_assert_int_eq(world_state(), CATALOGUE_LOADING);
	world_run(20);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	ck_assert_uint_eq(world.lists, 1);
	ck_assert_uint_eq(world.reads, 2);
	ck_assert_str_eq(world_find("default", "web"), "10.0.0.1 10.0.0.2");
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3");
	ck_assert_uint_le(world.most_at_once, 5);
	world_end();
}
END_TEST

START_TEST(events_change_what_they_are_about_alone)
{
	set_up();
	follow();
	world_register("prod", "cache", "cache-1", "10.0.0.9");
	world_run(0);
	ck_assert_str_eq(world_changes(), "+prod/cache");
	ck_assert_str_eq(world_find("prod", "cache"), "10.0.0.9");
	world_register("default", "web", "web-2", "10.0.0.22");
	world_run(0);
	ck_assert_str_eq(world_changes(), "+default/web");
	ck_assert_str_eq(world_find("default", "web"), "10.0.0.1 10.0.0.22");
	ck_assert_uint_eq(world.reads, 2);
	world_end();
}
END_TEST

static const char *const delete_types[] = {"ServiceDeregistration", "PlanResult", "AllocationUpdated"};

/* The payload carries the index of the registration, the event a newer one. */
START_TEST(what_nomad_did_when_it_deleted_deletes)
{
	set_up();
	follow();
	world_deregister("default", "web-1", delete_types[_i]);
	world_run(REGISTRY_LEAVING);
	ck_assert_str_eq(world_find("default", "web"), "10.0.0.2");
	world_end();
}
END_TEST

#define EVENT(type, service) \
	"{\"Events\":[{\"Index\":20,\"Payload\":{\"Service\":" service "},\"Topic\":\"Service\",\"Type\":\"" type "\"}],\"Index\":20}\n"

/* Of a type that Nomad may have some day, and of registrations that nobody can read. */
static const char *const unread[] = {
	EVENT("Unheard", "{\"ID\":\"web-1\",\"ServiceName\":\"web\",\"Namespace\":\"default\"}"),
	EVENT("ServiceRegistration", "{\"ID\":7,\"ServiceName\":\"web\",\"Namespace\":\"default\"}"),
	EVENT("ServiceRegistration", "{\"ID\":\"web-3\",\"ServiceName\":\"web\",\"Namespace\":\"default\",\"Tags\":[\"\\u0000\"]}"),
};

/* It may be one more instance, or one less: what is there stays, and may not be all, until the service is read. */
START_TEST(an_event_that_cannot_be_read_has_its_service_read)
{
	set_up();
	follow();
	world_register_silently("default", "web", "web-3", "10.0.0.3");
	world.index = 20;
	world_send(unread[_i]);
	world_run(100);
	ck_assert_str_eq(world_find("default", "web"), "10.0.0.1 10.0.0.2");
	ck_assert(world_service("default", "web")->partial);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_run(2000);
	ck_assert_str_eq(world_find("default", "web"), "10.0.0.1 10.0.0.2 10.0.0.3");
	ck_assert(!world_service("default", "web")->partial);
	world_end();
}
END_TEST

START_TEST(an_event_of_nobody_knows_which_service_makes_the_catalogue_stale)
{
	set_up();
	follow();
	world_register_silently("default", "new", "new-1", "10.0.0.3");
	world.index = 20;
	world_send(EVENT("ServiceRegistration", "{\"ID\":\"new-1\",\"ServiceName\":7}"));
	world_run(100);
	ck_assert_int_eq(world_state(), CATALOGUE_STALE);
	world_run(2000);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	ck_assert_str_eq(world_find("default", "new"), "10.0.0.3");
	world_end();
}
END_TEST

START_TEST(replayed_events_change_nothing)
{
	set_up();
	follow();
	world_register("default", "web", "web-1", "10.0.0.11");
	world_deregister("default", "web-2", "ServiceDeregistration");
	world_run(REGISTRY_LEAVING);
	world_changes();
	world_event(11, "ServiceRegistration", "default", "web", "web-1", "10.0.0.1");
	world_event(12, "ServiceRegistration", "default", "web", "web-2", "10.0.0.2");
	world_event(14, "ServiceRegistration", "default", "web", "web-1", "10.0.0.11");
	world_event(9, "ServiceDeregistration", "default", "web", "web-1", "10.0.0.1");
	world_run(2000);
	ck_assert_str_eq(world_changes(), "");
	ck_assert_str_eq(world_find("default", "web"), "10.0.0.11");
	world_end();
}
END_TEST

/* A stream that begins brings the newest batch, which is older than the list. */
START_TEST(events_older_than_what_was_read_change_nothing)
{
	set_up();
	follow();
	world_event(5, "ServiceRegistration", "default", "ghost", "ghost-1", "10.0.0.66");
	world_event(12, "ServiceDeregistration", "default", "web", "web-2", "10.0.0.2");
	world_run(0);
	ck_assert_str_eq(world_changes(), "");
	world_end();
}
END_TEST

START_TEST(deletions_of_what_is_not_there_change_nothing)
{
	set_up();
	follow();
	world_event(++world.index, "ServiceDeregistration", "default", "web", "unknown", "10.0.0.2");
	world_event(++world.index, "PlanResult", "nowhere", "nothing", "unknown", "10.0.0.2");
	world_run(200);
	ck_assert_str_eq(world_changes(), "");
	world_end();
}
END_TEST

START_TEST(events_between_the_list_and_the_reads_count)
{
	set_up();
	world_start(CATALOGUE_LOADING, 0);
	world.holds_reads = true;
	world_run(10);
	ck_assert_uint_eq(world.lists, 1);
	/* In the list, and gone before it is read; not in the list, and there; changed before and after its read. */
	world_deregister("prod", "db-1", "ServiceDeregistration");
	world_register("prod", "late", "late-1", "10.0.0.4");
	world_register("default", "web", "web-1", "10.0.0.11");
	world_release();
	world_run(500);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	ck_assert_str_eq(world_find("prod", "db"), "none");
	ck_assert_str_eq(world_find("prod", "late"), "10.0.0.4");
	ck_assert_str_eq(world_find("default", "web"), "10.0.0.11 10.0.0.2");
	world_end();
}
END_TEST

START_TEST(frames_may_come_octet_by_octet)
{
	set_up();
	char frames[4096], octet[2] = "";

	follow();
	snprintf(frames, sizeof frames,
	         "{\"Events\":[{\"Index\":14,\"Key\":\"x-1\",\"Namespace\":\"default\",\"Payload\":{\"Service\":{\"Address\":"
	         "\"10.0.0.7\",\"AllocID\":\"a\",\"ID\":\"x-1\",\"ModifyIndex\":14,\"Namespace\":\"default\",\"Port\":1,"
	         "\"ServiceName\":\"x\",\"Tags\":[\"\\u00e9\"]}},\"Topic\":\"Service\",\"Type\":\"ServiceRegistration\"}],"
	         "\"Index\":14}\n{}\n");
	for (const char *at = frames; *at != '\0'; at++) {
		ck_assert_str_eq(world_find("default", "x"), "none");
		octet[0] = *at;
		world_send(octet);
		if (*at == '\n')
			break;
	}
	world_run(0);
	ck_assert_str_eq(world_find("default", "x"), "10.0.0.7");
	world_end();
}
END_TEST

START_TEST(a_restarted_allocation_is_never_away_where_frames_come_together)
{
	set_up();
	follow();
	world_collect();
	world_deregister("default", "web-1", "ServiceDeregistration");
	world_deregister("default", "web-2", "ServiceDeregistration");
	world_register("default", "web", "web-1", "10.0.0.1");
	world_register("default", "web", "web-2", "10.0.0.2");
	world_send_collected();
	world_run(200);
	ck_assert_str_eq(world_changes(), "");
	ck_assert_str_eq(world_find("default", "web"), "10.0.0.1 10.0.0.2");
	world_end();
}
END_TEST

START_TEST(a_service_is_held_while_its_allocation_restarts)
{
	set_up();
	follow();
	world_deregister("prod", "db-1", "ServiceDeregistration");
	world_run(90);
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3");
	world_register("prod", "db", "db-2", "10.0.0.4");
	world_run(200);
	ck_assert_str_eq(world_changes(), "+prod/db");
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.4");
	world_end();
}
END_TEST

START_TEST(a_service_without_instances_goes_after_a_moment)
{
	set_up();
	follow();
	world_deregister("prod", "db-1", "ServiceDeregistration");
	world_run(0);
	ck_assert_str_eq(world_changes(), "");
	world_run(REGISTRY_HOLD);
	ck_assert_str_eq(world_changes(), "-prod/db");
	ck_assert_str_eq(world_find("prod", "db"), "none");
	world_end();
}
END_TEST

START_TEST(names_that_differ_in_case_are_one_service_with_all_instances)
{
	set_up();
	world_register_silently("default", "WEB", "up-1", "10.0.1.1");
	follow();
	ck_assert_str_eq(world_find("default", "web"), "10.0.1.1 10.0.0.1 10.0.0.2");
	world_deregister("default", "web-1", "ServiceDeregistration");
	world_deregister("default", "web-2", "ServiceDeregistration");
	world_run(500);
	ck_assert_str_eq(world_find("default", "web"), "10.0.1.1");
	ck_assert_str_eq(world_changes(), "+default/web");
	world_end();
}
END_TEST

START_TEST(names_that_nobody_can_ask_for_are_left_out_and_said_once)
{
	set_up();
	char longer[160];

	memset(longer, 'n', 100);
	longer[100] = '\0';
	world_register_silently(longer, "web", "long-1", "10.0.1.1");
	world_register_silently("default", "x.y_z", "dots-1", "10.0.1.2");
	world_register_silently("service", "web", "shadow-1", "10.0.1.3");
	follow();
	ck_assert_uint_eq(world.reads, 2);
	world_register(longer, "web", "long-2", "10.0.1.1");
	world_register("default", "x.y_z", "dots-2", "10.0.1.2");
	world_register("service", "web", "shadow-2", "10.0.1.3");
	world_run(0);
	ck_assert_str_eq(world_changes(), "");
	ck_assert_uint_eq(world_said("cannot be a label"), 2);
	ck_assert_uint_eq(world_said("service-label"), 1);
	world_end();
}
END_TEST

START_TEST(junk_records_spoil_no_others_and_are_said_once)
{
	set_up();
	world.junk = "{\"ID\":7},{\"Address\":\"not an address\",\"ID\":\"bad\",\"Namespace\":\"default\",\"ServiceName\":"
	             "\"web\",\"Port\":80,\"Tags\":null}";
	follow();
	ck_assert_str_eq(world_find("default", "web"), "10.0.0.1 10.0.0.2");
	world_event(++world.index, "ServiceRegistration", "default", "web", "bad", "not an address");
	world_run(0);
	ck_assert_str_eq(world_find("default", "web"), "10.0.0.1 10.0.0.2");
	ck_assert_uint_eq(world_said("in namespace \"default\" is left out"), 1);
	world_end();
}
END_TEST

/* An instance whose address turns to junk is no instance any more. */
START_TEST(an_address_that_becomes_junk_takes_the_instance_away)
{
	set_up();
	follow();
	world_register("default", "web", "web-1", "no address at all");
	world_run(0);
	ck_assert_str_eq(world_find("default", "web"), "10.0.0.2");
	world_end();
}
END_TEST

/* It exists as long as Nomad has it, and holds no address. */
START_TEST(a_service_at_no_address_at_all_is_no_unknown_name)
{
	static const char *const addresses[] = {"", "no address at all"};

	set_up();
	world_register_silently("default", "odd", "odd-1", addresses[_i]);
	world_register_silently("default", "spoilt", "spoilt-1", "10.0.0.8");
	follow();
	world_register("default", "spoilt", "spoilt-1", addresses[_i]);
	world_run(10 * 60 * 1000);
	ck_assert_str_eq(world_find("default", "odd"), "");
	ck_assert_str_eq(world_find("default", "spoilt"), "");
	ck_assert_uint_eq(world_said("everything is read again"), 0);
	world_deregister("default", "odd-1", "ServiceDeregistration");
	world_deregister("default", "spoilt-1", "ServiceDeregistration");
	world_run(1000);
	ck_assert_str_eq(world_find("default", "odd"), "none");
	ck_assert_str_eq(world_find("default", "spoilt"), "none");
	world_end();
}
END_TEST

START_TEST(a_deletion_without_event_is_found_by_the_index)
{
	set_up();
	follow();
	world_deregister("prod", "db-1", NULL);
	world_run(40 * 1000);
	ck_assert_str_eq(world_find("prod", "db"), "none");
	ck_assert_str_eq(world_find("default", "web"), "10.0.0.1 10.0.0.2");
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_end();
}
END_TEST

static const int intervals[] = {10, 100, 300, 700, 1500};

START_TEST(checks_at_any_interval_find_what_was_missed)
{
	int interval = intervals[_i / 2];

	world_begin(_i % 2 == 0 ? NULL : "prod");
	world.check = interval;
	follow();
	for (int round = 0; round < 3; round++) {
		char id[8];
		snprintf(id, sizeof id, "x-%d", round);
		world_register_silently("prod", "x", id, "10.0.0.8");
		world_run(2 * interval + 1500);
		ck_assert_str_ne(world_find("prod", "x"), "none");
		world_deregister("prod", id, NULL);
		world_run(2 * interval + 1500);
		ck_assert_str_eq(world_find("prod", "x"), "none");
	}
	world_end();
}
END_TEST

/* While the answer of a check was on its way events came: it is not older than what was known when it was asked for. */
START_TEST(a_check_among_events_finds_nothing_missing)
{
	set_up();
	world.check = 1000;
	follow();
	unsigned int lists = world.lists;
	world.late = 30;
	for (int i = 0; i < 2000; i++) {
		world_register("default", "web", "web-2", i % 2 == 0 ? "10.0.0.22" : "10.0.0.2");
		world_run(10);
	}
	ck_assert_uint_eq(world_said("everything is read again"), 0);
	ck_assert_uint_eq(world.lists, lists);
	ck_assert_uint_eq(world.streams, 1);
	world_end();
}
END_TEST

/* Later events move the index over the one that was missed; each service is read in its turn. */
START_TEST(a_deletion_that_later_events_hide_is_found_in_turn)
{
	set_up();
	follow();
	world_deregister("prod", "db-1", NULL);
	world_register("default", "web", "web-3", "10.0.0.5");
	world_run(150 * 1000);
	ck_assert_str_eq(world_find("prod", "db"), "none");
	world_end();
}
END_TEST

START_TEST(an_idle_catalogue_costs_two_reads_a_minute)
{
	set_up();
	follow();
	unsigned int before = world.reads + world.lists;
	world_run(600 * 1000);
	ck_assert_uint_le(world.reads + world.lists - before, 26);
	ck_assert_uint_ge(world.reads + world.lists - before, 16);
	ck_assert_uint_eq(world.streams, 1);
	ck_assert_str_eq(world_changes(), "");
	world_end();
}
END_TEST

START_TEST(a_rebuilt_cluster_with_a_lower_index_is_read_again)
{
	set_up();
	follow();
	/* The stream has brought something, so that indexes of the old cluster are known of it too. */
	world_register("default", "web", "web-1", "10.0.0.1");
	world_run(10 * 1000);
	world_rebuild(3);
	world_register_silently("default", "web", "web-9", "10.9.9.9");
	world_close_streams();
	world_run(1500);
	ck_assert_str_eq(world_find("default", "web"), "10.9.9.9");
	ck_assert_str_eq(world_find("prod", "db"), "none");
	ck_assert_uint_eq(world_said("went back from 14 to 4"), 1);
	/* Events of the new cluster count, though their indexes are lower than what was known. */
	world_register("default", "web", "web-10", "10.9.9.10");
	world_run(0);
	ck_assert_str_eq(world_find("default", "web"), "10.9.9.10 10.9.9.9");
	/* The old index is forgotten: nothing is looked for up to it. */
	world_run(200 * 1000);
	ck_assert_uint_eq(world_said("everything is read again"), 1);
	ck_assert_uint_eq(world_said("cannot be followed"), 0);
	world_end();
}
END_TEST

/* A restored snapshot leaves the open stream silent for ever, with heartbeats or without. */
START_TEST(a_restored_snapshot_behind_an_open_stream_is_found)
{
	set_up();
	follow();
	world_rebuild(3);
	world_register_silently("default", "web", "web-9", "10.9.9.9");
	world_run(41 * 1000);
	ck_assert_str_eq(world_find("default", "web"), "10.9.9.9");
	ck_assert_str_eq(world_find("prod", "db"), "none");
	world_end();
}
END_TEST

START_TEST(a_list_that_is_shorter_once_removes_nothing)
{
	set_up();
	world_register_silently("default", "other", "other-1", "10.0.0.4");
	follow();
	world.lies = 1;
	world_close_streams();
	world_run(1000);
	ck_assert_int_eq(world.lies, 0);
	ck_assert_str_eq(world_changes(), "");
	ck_assert_str_eq(world_find("default", "other"), "10.0.0.4");
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3");
	world_end();
}
END_TEST

/* The server that is asked has not caught up: it knows nothing yet, by an index that is long past. */
START_TEST(a_list_of_long_ago_removes_nothing_and_is_no_rebuilt_cluster)
{
	set_up();
	follow();
	world_run(10 * 1000);
	world.old_lists = 1;
	world.old_lists_are_full = _i == 1;
	world_close_streams();
	world_run(1000);
	ck_assert_int_eq(world.old_lists, 0);
	ck_assert_str_eq(world_changes(), "");
	ck_assert_uint_eq(world_said("went back"), 0);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_end();
}
END_TEST

/* The same, where nothing is known yet that would be missing from the list. */
START_TEST(a_read_that_is_older_than_the_list_is_made_again)
{
	set_up();
	world.old_reads = 2;
	world_start(CATALOGUE_LOADING, 0);
	world_run(2000);
	ck_assert_int_eq(world.old_reads, 0);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	ck_assert_str_eq(world_find("default", "web"), "10.0.0.1 10.0.0.2");
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3");
	ck_assert_uint_eq(world_said("cannot be followed"), 0);
	world_end();
}
END_TEST

START_TEST(reads_that_fail_for_a_moment_are_made_again)
{
	set_up();
	world.failing_reads = 4;
	world_start(CATALOGUE_LOADING, 0);
	world_run(2000);
	ck_assert_int_eq(world.failing_reads, 0);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	ck_assert_uint_eq(world_said("cannot be followed"), 0);
	ck_assert_uint_eq(world.streams, 1);
	world_end();
}
END_TEST

static const enum agent_result unreadable[] = {AGENT_TOO_LARGE, AGENT_FAILED};

START_TEST(a_service_that_is_listed_and_cannot_be_read_spoils_no_other)
{
	set_up();
	world.unreadable = "web";
	world.unreadable_result = unreadable[_i];
	world_start(CATALOGUE_LOADING, 0);
	world_run(2000);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3");
	/* Nor does it become an unknown name, or the end of it all when its turn to be checked comes. */
	ck_assert_str_eq(world_find("default", "web"), "unknown");
	world_register("default", "web", "web-3", "10.0.0.9");
	world_run(10 * 60 * 1000);
	ck_assert_str_eq(world_find("default", "web"), "unknown");
	ck_assert_uint_eq(world_said("cannot be followed"), 0);
	ck_assert_uint_eq(world_said("\"web\" in namespace \"default\" cannot be read"), 1);
	world.unreadable = NULL;
	world_close_streams();
	world_run(5 * 60 * 1000);
	ck_assert_str_eq(world_find("default", "web"), "10.0.0.1 10.0.0.2 10.0.0.9");
	world_end();
}
END_TEST

/* What is known of it stays; and what says nothing of a service does not empty it. */
START_TEST(a_service_that_cannot_be_read_any_more_stays)
{
	set_up();
	world_register_silently("default", "api", "api-1", "10.0.0.7");
	follow();
	if (_i < 2) {
		world.unreadable = "web";
		world.unreadable_result = unreadable[_i];
	} else {
		world_deregister("default", "web-1", NULL);
		world_deregister("default", "web-2", NULL);
		world.junk = "{\"ID\":7}";
		world_register_silently("default", "web", "web-1", "10.0.0.1");
		world.unreadable_rows = "web";
	}
	world_register_silently("prod", "db", "db-2", "10.0.0.4");
	world_close_streams();
	world_run(10 * 60 * 1000);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	ck_assert_str_eq(world_find("default", "web"), "10.0.0.1 10.0.0.2");
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3 10.0.0.4");
	ck_assert_uint_eq(world_said("cannot be followed"), 0);
	world_end();
}
END_TEST

/* The read has seen it come and go; of its going the stream has not spoken yet. */
START_TEST(events_older_than_the_read_of_their_service_change_nothing)
{
	set_up();
	world_start(CATALOGUE_LOADING, 0);
	world.holds_reads = true;
	world_run(10);
	world_register("default", "web", "web-3", "10.0.0.5");
	world_deregister("default", "web-3", NULL);
	world_release();
	world_run(100);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	ck_assert_str_eq(world_find("default", "web"), "10.0.0.1 10.0.0.2");
	world_end();
}
END_TEST

/* More than there is room for: what is lost is found by reading again. */
START_TEST(frames_that_find_no_room_while_everything_is_read_are_not_missed)
{
	enum { FRAME = 8 * 1024 * 1024, FRAMES = 9 };
	char *frame = malloc(FRAME + 1);

	ck_assert_ptr_nonnull(frame);
	set_up();
	world_start(CATALOGUE_LOADING, 0);
	world.holds_reads = true;
	world_run(10);
	memset(frame, ' ', FRAME);
	memcpy(frame, "{\"Index\":9", 10);
	memcpy(frame + FRAME - 2, "}\n", 3);
	for (int i = 0; i < FRAMES; i++)
		world_send(frame);
	world_register("prod", "late", "late-1", "10.0.0.4");
	world_release();
	world_run(100);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	ck_assert_str_eq(world_find("prod", "late"), "10.0.0.4");
	world_end();
	free(frame);
}
END_TEST

/* Rebuilt, and come to the very same index and names: a few that are read differ, so all are. */
START_TEST(a_rebuilt_cluster_with_the_same_index_is_read_again)
{
	enum { SERVICES = 20 };
	char name[16];

	world_begin(NULL);
	for (int round = 0; round < 2; round++) {
		world_rebuild(10);
		for (int i = 0; i < SERVICES; i++) {
			snprintf(name, sizeof name, "s%d", i);
			world_register_silently("default", name, name, round == 0 ? "10.3.0.1" : "10.3.0.2");
		}
		if (round == 0)
			follow();
	}
	world_close_streams();
	world_run(1000);
	for (int i = 0; i < SERVICES; i++) {
		snprintf(name, sizeof name, "s%d", i);
		ck_assert_str_eq(world_find("default", name), "10.3.0.2");
	}
	world_end();
}
END_TEST

/* The index is the whole table's, and moves by what others do: it is looked at ever more rarely. */
START_TEST(changes_in_other_namespaces_do_not_have_everything_read_each_time)
{
	world_begin("prod");
	world_register_silently("prod", "db", "db-1", "10.0.0.3");
	follow();
	unsigned int before = world.lists;
	for (int i = 0; i < 60; i++) {
		world_register_silently("default", "web", "web-1", "10.0.0.1");
		world_run(30 * 1000);
	}
	ck_assert_uint_le(world.lists - before, 8);
	ck_assert_uint_ge(world.lists - before, 3);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_end();
}
END_TEST

/* Until it is known where they lead, nothing is said to be complete; but not for long. */
START_TEST(the_first_catalogue_is_complete_with_the_addresses_of_its_host_names)
{
	set_up();
	world_register_silently("prod", "ext", "ext-1", "db.example.net");
	world.resolves_nothing = true;
	world_start(CATALOGUE_LOADING, 0);
	world_run(REGISTRY_RESOLVE - 100);
	ck_assert_int_eq(world_state(), CATALOGUE_LOADING);
	if (_i == 0)
		world.resolves_nothing = false;
	world_run(200);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_end();
}
END_TEST

/* What came before a stream began is read; only what comes is asked of it. */
START_TEST(a_stream_is_asked_for_what_comes_alone)
{
	set_up();
	follow();
	ck_assert_ptr_nonnull(strstr(world_stream_path(), "topic=Service&index=9223372036854775807"));
	world_end();
}
END_TEST

START_TEST(what_did_not_change_while_away_is_not_read_again)
{
	set_up();
	for (int i = 0; i < 30; i++) {
		char id[16];
		snprintf(id, sizeof id, "s%d", i);
		world_register_silently("default", id, id, "10.3.0.1");
	}
	follow();
	unsigned int before = world.reads;
	world_run(10 * 1000);
	world_close_streams();
	world_run(1000);
	ck_assert_uint_eq(world.streams, 2);
	ck_assert_uint_le(world.reads - before, READING_SAMPLE + 3);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_end();
}
END_TEST

START_TEST(configured_namespaces_are_followed_alone)
{
	set_up();
	world_end();
	world_begin("prod dev");
	world_register_silently("default", "web", "web-1", "10.0.0.1");
	world_register_silently("prod", "db", "db-1", "10.0.0.3");
	world_load("default", "old", "10.0.0.77");
	follow();
	ck_assert_uint_eq(world.streams, 2);
	ck_assert_str_eq(world_find("default", "web"), "none");
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3");
	world_register("dev", "db", "db-2", "10.0.0.4");
	world_register("default", "web", "web-2", "10.0.0.5");
	world_run(200);
	ck_assert_str_eq(world_find("dev", "db"), "10.0.0.4");
	ck_assert_str_eq(world_find("default", "web"), "none");
	ck_assert_str_eq(world_find("default", "old"), "none");
	world_end();
}
END_TEST

/* What one stream has brought says nothing of another one, which brings now what the reading has seen long ago. */
START_TEST(events_of_a_slower_stream_that_are_older_than_the_read_change_nothing)
{
	set_up();
	world_end();
	world_begin("prod default");
	world_register_silently("prod", "db", "db-1", "10.0.0.3");
	world_register_silently("prod", "db", "db-2", "10.0.0.4");
	uint64_t registered = world.index;
	world_deregister("prod", "db-2", NULL);
	follow();
	world_register("default", "web", "web-1", "10.0.0.1");
	world_event(registered, "ServiceRegistration", "prod", "db", "db-2", "10.0.0.4");
	world_run(0);
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3");
	world_event(registered + 1, "ServiceDeregistration", "prod", "db", "db-2", "10.0.0.4");
	world_run(0);
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3");
	ck_assert_str_eq(world_changes(), "+default/web");
	world_end();
}
END_TEST

START_TEST(a_frame_that_is_no_json_has_everything_read_again)
{
	set_up();
	follow();
	world_register_silently("prod", "db", "db-2", "10.0.0.4");
	world_send("{\"Events\":[{]\n");
	world_run(3000);
	ck_assert_str_eq(world_find("prod", "db"), "10.0.0.3 10.0.0.4");
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_end();
}
END_TEST

/* An event that cannot be taken, of an index that is the agent's: the service is read, but not for each of many at once. */
START_TEST(an_event_of_a_wrong_shape_has_everything_read_again_now_and_then)
{
	char frame[512];

	set_up();
	follow();
	world_register_silently("default", "web", "web-1", "10.0.0.11");
	for (int i = 0; i < 600; i++) {
		snprintf(frame, sizeof frame,
		         "{\"Events\":[{\"Index\":%d,\"Key\":\"web-1\",\"Namespace\":\"default\",\"Payload\":{\"Service\":{\"Address\":7,"
		         "\"ID\":\"web-1\",\"Namespace\":\"default\",\"ServiceName\":\"web\"}},\"Topic\":\"Service\",\"Type\":"
		         "\"ServiceRegistration\"}],\"Index\":%d}\n",
		         (int)world.index, (int)world.index);
		world_send(frame);
		world_run(1000);
		ck_assert(i < 2 || strcmp(world_find("default", "web"), "10.0.0.11 10.0.0.2") == 0);
	}
	ck_assert_uint_le(world.lists, 23);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	world_end();
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{first_catalogue_is_read_after_the_stream_has_begun, 1},
		{events_change_what_they_are_about_alone, 1},
		{what_nomad_did_when_it_deleted_deletes, 3},
		{an_event_that_cannot_be_read_has_its_service_read, sizeof unread / sizeof *unread},
		{an_event_of_nobody_knows_which_service_makes_the_catalogue_stale, 1},
		{replayed_events_change_nothing, 1},
		{events_older_than_what_was_read_change_nothing, 1},
		{deletions_of_what_is_not_there_change_nothing, 1},
		{events_between_the_list_and_the_reads_count, 1},
		{frames_may_come_octet_by_octet, 1},
		{a_restarted_allocation_is_never_away_where_frames_come_together, 1},
		{a_service_is_held_while_its_allocation_restarts, 1},
		{a_service_without_instances_goes_after_a_moment, 1},
		{names_that_differ_in_case_are_one_service_with_all_instances, 1},
		{names_that_nobody_can_ask_for_are_left_out_and_said_once, 1},
		{junk_records_spoil_no_others_and_are_said_once, 1},
		{an_address_that_becomes_junk_takes_the_instance_away, 1},
		{a_service_at_no_address_at_all_is_no_unknown_name, 2},
		{a_deletion_without_event_is_found_by_the_index, 1},
		{checks_at_any_interval_find_what_was_missed, 2 * sizeof intervals / sizeof *intervals},
		{a_check_among_events_finds_nothing_missing, 1},
		{a_deletion_that_later_events_hide_is_found_in_turn, 1},
		{an_idle_catalogue_costs_two_reads_a_minute, 1},
		{a_rebuilt_cluster_with_a_lower_index_is_read_again, 1},
		{a_restored_snapshot_behind_an_open_stream_is_found, 1},
		{a_list_that_is_shorter_once_removes_nothing, 1},
		{a_list_of_long_ago_removes_nothing_and_is_no_rebuilt_cluster, 2},
		{a_read_that_is_older_than_the_list_is_made_again, 1},
		{reads_that_fail_for_a_moment_are_made_again, 1},
		{a_service_that_cannot_be_read_any_more_stays, 3},
		{a_service_that_is_listed_and_cannot_be_read_spoils_no_other, 2},
		{events_older_than_the_read_of_their_service_change_nothing, 1},
		{frames_that_find_no_room_while_everything_is_read_are_not_missed, 1},
		{a_rebuilt_cluster_with_the_same_index_is_read_again, 1},
		{changes_in_other_namespaces_do_not_have_everything_read_each_time, 1},
		{the_first_catalogue_is_complete_with_the_addresses_of_its_host_names, 2},
		{a_stream_is_asked_for_what_comes_alone, 1},
		{what_did_not_change_while_away_is_not_read_again, 1},
		{configured_namespaces_are_followed_alone, 1},
		{events_of_a_slower_stream_that_are_older_than_the_read_change_nothing, 1},
		{a_frame_that_is_no_json_has_everything_read_again, 1},
		{an_event_of_a_wrong_shape_has_everything_read_again_now_and_then, 1},
	};

	return support_run("watcher", tests, sizeof tests / sizeof *tests);
}
