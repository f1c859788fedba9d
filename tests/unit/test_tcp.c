/*
 * Tests of src/dns/tcp.c that need a fault inside: what clients see otherwise is in tests/system/test_dns_transport.py.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dns/settings.h"
#include "dns/tcp.h"
#include "support.h"
#include "watch/catalogue.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	ROUNDS = 20, /* of the loop, within which a sweep comes several times */
	LISTENERS = 2,
};

static uv_loop_t loop;
static struct catalogue *catalogue;
static struct dns_settings settings = {.tcp_connections = 8, .tcp_idle = 60};
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

int main(void)
{
	const struct support_test tests[] = {
		{without_memory_for_one_connection_all_come_in_later, 1},
		{a_connection_that_waits_for_memory_is_let_go_at_the_end, 1},
	};

	return support_run("tcp", tests, sizeof tests / sizeof *tests);
}
