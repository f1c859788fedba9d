/*
 * Tests of src/nomad/peer.c; other users' sockets are in tests/system/test_local_user.py.
 *
 * SPDX-License-Identifier: MIT
 */
#include "nomad/peer.h"

#include "support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
	const char *here, *there;
	bool read, local;
} rows[] = {
	{"127.0.0.1", "127.0.0.1", true, true},
	{"127.0.0.1", "127.9.9.9", true, true},
	{"::1", "::1", true, true},
	{"::ffff:127.0.0.1", "127.0.0.1", true, true},
	{"::ffff:127.0.0.1", "::ffff:127.0.0.1", true, true},
	{"192.0.2.1", "192.0.2.1", true, true},
	{"192.0.2.1", "::ffff:192.0.2.1", true, true},
	{"2001:db8::1", "2001:db8::1", true, true},
	{"fe80::1%eth0", "fe80::1%eth0", true, true},
	{"192.0.2.1", "192.0.2.2", true, false},
	{"2001:db8::1", "2001:db8::2", true, false},
	{"2001:db8::1", "192.0.2.1", false, false},
	{"", "", false, false},
	{"127.0.0.1", "/run/nomad.sock", false, false},
	{"127.0.0.1", "127.0.0.1.127.0.0.1.127.0.0.1.127.0.0.1.127.0.0.1", false, false},
};

START_TEST(what_is_of_this_host_is_known)
{
	struct peer peer;

	ck_assert_int_eq(peer_parse(rows[_i].here, 1, rows[_i].there, 65535, &peer), rows[_i].read);
	if (!rows[_i].read)
		return;
	ck_assert_int_eq(peer_is_local(&peer), rows[_i].local);
	ck_assert_uint_eq(peer.here_port, 1);
	ck_assert_uint_eq(peer.there_port, 65535);
}
END_TEST

/* A connection within this process: who accepts it, or -1. */
struct connection {
	int listening, here, there;
	struct peer peer;
};

static int port_of(int descriptor)
{
	struct sockaddr_in address;
	socklen_t size = sizeof address;

	ck_assert_int_eq(getsockname(descriptor, (struct sockaddr *)&address, &size), 0);
	return ntohs(address.sin_port);
}

static void begin(struct connection *connection)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	*connection = (struct connection){.listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
	                                  .here = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .there = -1};
	ck_assert_int_eq(bind(connection->listening, (struct sockaddr *)&address, sizeof address), 0);
	ck_assert_int_eq(listen(connection->listening, 1), 0);
	address.sin_port = htons((uint16_t)port_of(connection->listening));
	ck_assert_int_eq(connect(connection->here, (struct sockaddr *)&address, sizeof address), 0);
	ck_assert(peer_parse("127.0.0.1", port_of(connection->here), "127.0.0.1", ntohs(address.sin_port), &connection->peer));
}

static void end(struct connection *connection)
{
	close(connection->here);
	if (connection->listening >= 0)
		close(connection->listening);
	if (connection->there >= 0)
		close(connection->there);
}

START_TEST(an_owner_is_told_accepted_or_not)
{
	struct connection connection;
	uid_t owner = 12345;

	begin(&connection);
	int first = dup(0);
	close(first);
	ck_assert_int_eq(peer_owner(&connection.peer, &owner), 0);
	ck_assert_uint_eq(owner, geteuid());
	connection.there = accept(connection.listening, NULL, NULL);
	owner = 12345;
	ck_assert_int_eq(peer_owner(&connection.peer, &owner), 0);
	ck_assert_uint_eq(owner, geteuid());
	/* the port is given up, the connection stays */
	close(connection.listening);
	connection.listening = -1;
	owner = 12345;
	ck_assert_int_eq(peer_owner(&connection.peer, &owner), 0);
	ck_assert_uint_eq(owner, geteuid());
	end(&connection);
	int after = dup(0);
	close(after);
	ck_assert_int_le(after, first);
}
END_TEST

START_TEST(of_what_is_not_there_nobody_tells)
{
	struct connection connection;
	uid_t owner = 12345;

	begin(&connection);
	struct peer other = connection.peer;
	end(&connection);
	ck_assert_int_eq(peer_owner(&other, &owner), -ENOENT);
	ck_assert_uint_eq(owner, 12345);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{what_is_of_this_host_is_known, sizeof rows / sizeof *rows},
		{an_owner_is_told_accepted_or_not, 1},
		{of_what_is_not_there_nobody_tells, 1},
	};

	return support_run("peer", tests, sizeof tests / sizeof *tests);
}
