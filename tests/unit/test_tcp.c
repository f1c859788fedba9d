/*
 * Tests of src/dns/tcp.c and turn.c that need a fault inside, or look between turns of the loop: what clients see
 * otherwise is in tests/system/test_dns_transport.py.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dns/settings.h"
#include "dns/targets.h"
#include "dns/tcp.h"
#include "support.h"
#include "watch/catalogue.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	ROUNDS = 20, /* of the loop, within which a sweep comes several times */
	LISTENERS = 2,
	ASKERS = 40,
	INSTANCES = 2000,      /* more than an answer has room for */
	LARGE_ANSWER = 60000,  /* octets; it has at least so many */
	ANSWER_MAX = 2 + 65535,
	TURNS_MAX = 10000,     /* beyond which the loop is taken to hang */
};

static uv_loop_t loop;
static struct catalogue *catalogue;
static struct prefix allow = {.family = AF_INET};
static struct dns_settings settings = {.tcp_connections = 100, .tcp_idle = 60, .default_namespace = "default",
                                       .ttl = 10, .expire = 3600, .allow_count = 1, .allow = &allow};
static struct dns_settings_place place;
static struct listeners listeners;
static struct tcp *tcp;

static void begin(void)
{
	char endpoint[] = "127.0.0.1:0", *endpoints[LISTENERS] = {endpoint, endpoint}, reason[CONFIG_REASON_MAX];

	atomic_store(&place.now, &settings);
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	ck_assert_ptr_nonnull(catalogue = catalogue_new());
	ck_assert_int_eq(listeners_open(&(struct words){.count = LISTENERS, .words = endpoints}, 1, &listeners, reason), 0);
	ck_assert_int_eq(tcp_start(&loop, &listeners, catalogue, &place, &tcp), 0);
}

static void end(void)
{
	tcp_stop(tcp);
	ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	listeners_close(&listeners);
	catalogue_free(catalogue);
}

/* A client of one of the listeners. */
static int connect_to(size_t listener)
{
	const union endpoint *endpoint = &listeners.list[listener].endpoint;
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(client, 0);
	ck_assert_int_eq(connect(client, &endpoint->any, sizeof endpoint->v4), 0);
	return client;
}

/* A client comes while there is no memory for it. */
static int connect_in_need(size_t listener)
{
	int client = connect_to(listener);

	support_fail_allocation(1);
	uv_run(&loop, UV_RUN_ONCE);
	ck_assert(support_fail_allocation(0));
	return client;
}

static void wait_for_connections(size_t count)
{
	for (int round = 0; round < ROUNDS && tcp_connections(tcp) != count; round++)
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert_uint_eq(tcp_connections(tcp), count);
}

START_TEST(without_memory_for_one_connection_all_come_in_later)
{
	int clients[2 * LISTENERS];

	begin();
	for (size_t i = 0; i < LISTENERS; i++)
		clients[i] = connect_in_need(i);
	ck_assert_uint_eq(tcp_connections(tcp), 0);
	for (size_t i = 0; i < LISTENERS; i++)
		clients[LISTENERS + i] = connect_to(i);
	wait_for_connections(2 * LISTENERS);
	for (size_t i = 0; i < 2 * LISTENERS; i++)
		close(clients[i]);
	wait_for_connections(0);
	end();
}
END_TEST

START_TEST(a_connection_that_waits_for_memory_is_let_go_at_the_end)
{
	begin();
	int client = connect_in_need(0);
	char octet;

	end();
	ck_assert_int_eq(recv(client, &octet, sizeof octet, 0), 0);
	close(client);
}
END_TEST

/* Questions behind their lengths; the ID comes first. */
#define HEADER "\0\0\0\0\0\1\0\0\0\0\0\0"
static const char small_question[] = "\0\x26" HEADER "\6nobody\7default\5nomad\0" "\0\1\0\1";
static const char large_question[] = "\0\x23" HEADER "\3web\7default\5nomad\0" "\0\x21\0\1";

/* A client that asks the same many times in one piece, and takes the answers between turns of the loop. */
struct asker {
	int socket;
	size_t asked, answered;
	uint8_t octets[ANSWER_MAX];
	size_t size;
};

static struct asker askers[ASKERS];

static void put_service(void)
{
	static struct address address = {AF_INET, {10, 0, 0, 1}};
	static struct instance instances[INSTANCES];
	static char ids[INSTANCES][8];
	struct spelling spelling = {.namespace = "default", .service = "web", .count = INSTANCES};

	for (size_t i = 0; i < INSTANCES; i++) {
		snprintf(ids[i], sizeof ids[i], "%zu", i);
		instances[i] = (struct instance){.id = ids[i], .allocation = ids[i], .node = "n", .job = "j", .datacenter = "d",
		                                 .addresses = &address, .address_count = 1, .port = (uint16_t)(i + 1)};
	}
	catalogue_prepare_with(catalogue, targets_prepare);
	ck_assert_int_eq(0, catalogue_put(catalogue, &(struct service_key){"default", "web"}, service_copy(&(struct service){
		.spelling_count = 1, .spellings = &spelling, .instance_count = INSTANCES, .instances = instances})));
	catalogue_set_state(catalogue, CATALOGUE_CURRENT, 1);
}

static void ask(struct asker *asker, const char *question, size_t size, size_t count)
{
	uint8_t *piece = malloc(size * count);

	ck_assert_ptr_nonnull(piece);
	for (size_t i = 0; i < count; i++) {
		memcpy(piece + i * size, question, size);
		piece[i * size + 2] = (uint8_t)(i >> 8);
		piece[i * size + 3] = (uint8_t)i;
	}
	*asker = (struct asker){.socket = connect_to(0), .asked = count};
	ck_assert_int_eq(send(asker->socket, piece, size * count, MSG_NOSIGNAL), (ssize_t)(size * count));
	free(piece);
}

/* Takes what came, and counts the whole answers, each of which has the next question's ID; false at the end. */
static bool take(struct asker *asker)
{
	ssize_t came;

	while ((came = recv(asker->socket, asker->octets + asker->size, ANSWER_MAX - asker->size, MSG_DONTWAIT)) > 0) {
		size_t length;
		asker->size += (size_t)came;
		while (asker->size >= 4 && asker->size >= (length = 2 + (size_t)(asker->octets[0] << 8 | asker->octets[1]))) {
			ck_assert_uint_eq((size_t)(asker->octets[2] << 8 | asker->octets[3]), asker->answered);
			asker->answered++;
			asker->size -= length;
			memmove(asker->octets, asker->octets + length, asker->size);
		}
	}
	return came < 0;
}

/* Runs one turn of the loop; returns how many questions were answered in it. */
static size_t run_turn(void)
{
	struct dns_totals before = {0}, after = {0};

	tcp_add_totals(tcp, &before);
	uv_run(&loop, UV_RUN_ONCE);
	tcp_add_totals(tcp, &after);
	return after.streams - before.streams;
}

static bool take_all(void)
{
	bool all = true;

	for (size_t i = 0; i < ASKERS; i++) {
		ck_assert(take(&askers[i]));
		all = all && askers[i].answered == askers[i].asked;
	}
	return all;
}

static void begin_asking(void)
{
	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	begin();
	put_service();
}

static void end_asking(void)
{
	for (size_t i = 0; i < ASKERS; i++)
		close(askers[i].socket);
	wait_for_connections(0);
	end();
}

static const struct {
	const char *question;
	size_t size;
	size_t count; /* of each asker; in all, many times what a turn is for */
	size_t cost;  /* octets of a turn that one answer takes at least */
} loads[] = {
	{small_question, sizeof small_question - 1, 2000, TCP_QUESTION_COST},
	{large_question, sizeof large_question - 1, 20, LARGE_ANSWER},
};

/* What was left of the turn before may come on top, hence twice. */
START_TEST(a_turn_has_a_bound_and_nothing_is_lost)
{
	size_t turns = 0;

	begin_asking();
	for (size_t i = 0; i < ASKERS; i++)
		ask(&askers[i], loads[_i].question, loads[_i].size, loads[_i].count);
	do
		ck_assert_uint_le(run_turn(), 2 * TCP_TURN_MAX / loads[_i].cost);
	while (!take_all() && ++turns < TURNS_MAX);
	ck_assert_uint_lt(turns, TURNS_MAX);
	end_asking();
}
END_TEST

START_TEST(who_asks_once_is_not_kept_waiting_by_who_asks_much)
{
	struct asker *once = &askers[ASKERS - 1];
	size_t turns = 0;

	begin_asking();
	for (size_t i = 0; i < ASKERS - 1; i++)
		ask(&askers[i], large_question, sizeof large_question - 1, 200);
	run_turn();
	ask(once, small_question, sizeof small_question - 1, 1);
	do
		run_turn();
	while (!take_all() && once->answered == 0 && ++turns < TURNS_MAX);
	ck_assert_uint_eq(once->answered, 1);
	for (size_t i = 0; i < ASKERS - 1; i++)
		ck_assert_uint_lt(askers[i].answered, 20); /* a tenth of what it waits for */
	end_asking();
}
END_TEST

/* For some of these counts the last answers have to wait for the client, and what is malformed stands behind them. */
START_TEST(a_malformed_question_ends_the_connection_behind_the_answers_before)
{
	struct asker *asker = &askers[0];

	begin_asking();
	for (size_t count = 2; count <= 120; count += 2) {
		ask(asker, large_question, sizeof large_question - 1, count);
		ck_assert_int_eq(send(asker->socket, "\0", 2, MSG_NOSIGNAL), 2);
		for (size_t turn = 0; turn < count; turn++)
			uv_run(&loop, UV_RUN_NOWAIT);
		while (take(asker))
			run_turn();
		ck_assert_uint_eq(asker->answered, count);
		close(asker->socket);
	}
	wait_for_connections(0);
	end();
}
END_TEST

START_TEST(connections_that_wait_for_their_turn_end_with_the_rest)
{
	begin_asking();
	for (size_t i = 0; i < ASKERS; i++)
		ask(&askers[i], large_question, sizeof large_question - 1, 20);
	for (int round = 0; round < ROUNDS && tcp_connections(tcp) != ASKERS; round++)
		run_turn();
	end();
	for (size_t i = 0; i < ASKERS; i++)
		close(askers[i].socket);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{a_turn_has_a_bound_and_nothing_is_lost, sizeof loads / sizeof *loads},
		{who_asks_once_is_not_kept_waiting_by_who_asks_much, 1},
		{a_malformed_question_ends_the_connection_behind_the_answers_before, 1},
		{connections_that_wait_for_their_turn_end_with_the_rest, 1},
		{without_memory_for_one_connection_all_come_in_later, 1},
		{a_connection_that_waits_for_memory_is_let_go_at_the_end, 1},
	};

	return support_run("tcp", tests, sizeof tests / sizeof *tests);
}
