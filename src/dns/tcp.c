/*
 * Questions over TCP: listeners and connections; see tcp.h. Called by server.c. What comes in on a connection is read
 * and answered in framing.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tcp.h"

#include "framing.h"
#include "prefix.h"
#include "siphash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>

enum {
	BACKLOG = 1024,       /* connections not yet accepted */
	SWEEP_PERIOD = 250,   /* milliseconds between looks for idle connections, and those that wait for memory */
	OTHER_FILES = 64,     /* descriptors that the rest of the daemon needs */
	CLIENT_BUCKETS = 4096,
};

/* What a client has, over all its connections. */
struct client_use {
	size_t connections;
	size_t held; /* octets that wait */
};

/* What listens, or wakes up; all are freed with the last that closes. */
struct tcp {
	struct framing_shared shared;
	const struct dns_settings_place *settings;
	struct connection *oldest; /* in the order of their last whole question */
	struct connection *newest;
	size_t count;
	size_t most;
	uint32_t idle; /* milliseconds */
	uint8_t key[SIPHASH_KEY]; /* of the places of clients: nobody can compute an address that shares another's */
	struct client_use clients[CLIENT_BUCKETS];
	uv_loop_t *loop;
	uv_timer_t sweep;
	size_t handles; /* not yet closed, connections too */
	bool ended;
	bool waiting; /* a listener has a connection for which there was no memory */
	size_t listener_count;
	uv_tcp_t listeners[];
};

struct connection {
	uv_tcp_t handle;
	struct framing framing;
	struct tcp *tcp;
	struct connection *older;
	struct connection *newer;
	uint64_t active; /* the loop's time */
	struct client_use *use; /* its client's; NULL: not counted */
};

static void free_last(struct tcp *tcp)
{
	if (--tcp->handles > 0 || !tcp->ended)
		return;
	framing_shared_done(&tcp->shared);
	free(tcp);
}

static void unlink_connection(struct connection *connection)
{
	struct tcp *tcp = connection->tcp;

	*(connection->older == NULL ? &tcp->oldest : &connection->older->newer) = connection->newer;
	*(connection->newer == NULL ? &tcp->newest : &connection->newer->older) = connection->older;
}

static void link_newest(struct connection *connection)
{
	struct tcp *tcp = connection->tcp;

	connection->active = uv_now(tcp->loop);
	connection->newer = NULL;
	connection->older = tcp->newest;
	*(tcp->newest == NULL ? &tcp->oldest : &tcp->newest->newer) = connection;
	tcp->newest = connection;
}

static void on_connection_closed(uv_handle_t *handle)
{
	struct connection *connection = (struct connection *)handle; /* its first member */
	struct tcp *tcp = connection->tcp;

	framing_done(&connection->framing);
	free(connection);
	free_last(tcp);
}

static void close_connection(struct connection *connection)
{
	struct tcp *tcp = connection->tcp;

	if (uv_is_closing((uv_handle_t *)&connection->handle))
		return;
	unlink_connection(connection);
	tcp->count--;
	if (connection->use != NULL)
		connection->use->connections--;
	uv_close((uv_handle_t *)&connection->handle, on_connection_closed);
}

/* The report: something whole was done, or it is over. */
static void on_framing(void *context, enum framing_event event)
{
	struct connection *connection = context;

	if (event == FRAMING_OVER) {
		close_connection(connection);
		return;
	}
	unlink_connection(connection);
	link_newest(connection);
}

/* Where it is counted what a client has: by address, of IPv6 by /64; two clients may share a place. */
static struct client_use *use_of(struct tcp *tcp, const struct address *address)
{
	enum { CLIENT = 8 }; /* octets of a client's address: all of IPv4, /64 of IPv6 */

	if (prefix_loopback_holds(address))
		return NULL;
	return &tcp->clients[siphash(tcp->key, address->octets, CLIENT) % CLIENT_BUCKETS];
}

static bool read_client(uv_tcp_t *handle, struct dns_client *client)
{
	union endpoint peer, local;
	int peer_size = sizeof peer, local_size = sizeof local;

	if (uv_tcp_getpeername(handle, &peer.any, &peer_size) < 0 ||
	    uv_tcp_getsockname(handle, &local.any, &local_size) < 0)
		return false;
	*client = (struct dns_client){endpoint_address(&peer), endpoint_address(&local), true};
	return true;
}

/* How many connections one client may have. */
static size_t share(const struct tcp *tcp)
{
	return tcp->most < TCP_CLIENT_SHARE ? 1 : tcp->most / TCP_CLIENT_SHARE;
}

/* Lets a connection in; false where its client has too many. */
static bool admit(struct connection *connection)
{
	struct tcp *tcp = connection->tcp;
	struct dns_client client;

	if (!read_client(&connection->handle, &client))
		return false;
	struct client_use *use = use_of(tcp, &client.address);
	if (use != NULL && use->connections >= share(tcp))
		return false;
	if (tcp->count >= tcp->most)
		close_connection(tcp->oldest);
	connection->use = use;
	if (use != NULL)
		use->connections++;
	link_newest(connection);
	tcp->count++;
	framing_init(&connection->framing, &tcp->shared, (uv_stream_t *)&connection->handle, &client,
	             use == NULL ? NULL : &use->held, on_framing, connection);
	return true;
}

static struct connection *new_connection(struct tcp *tcp)
{
	struct connection *connection = calloc(1, sizeof *connection);

	if (connection == NULL)
		return NULL;
	if (uv_tcp_init(tcp->loop, &connection->handle) < 0) {
		free(connection);
		return NULL;
	}
	connection->tcp = tcp;
	tcp->handles++;
	return connection;
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct tcp *tcp = listener->data;

	if (status < 0 || tcp->ended)
		return;
	struct connection *connection = new_connection(tcp);
	if (connection == NULL) {
		tcp->waiting = true;
		return;
	}
	if (uv_accept(listener, (uv_stream_t *)&connection->handle) < 0 || !admit(connection)) {
		uv_close((uv_handle_t *)&connection->handle, on_connection_closed);
		return;
	}
	uv_tcp_nodelay(&connection->handle, 1);
	if (framing_start(&connection->framing) < 0)
		close_connection(connection);
}

/*
 * Takes the connections for which there was no memory. libuv does not listen on until it is done, and never tells of them
 * again; a listener that has none waiting says so, and the memory for one is given back.
 */
static void take_waiting(struct tcp *tcp)
{
	tcp->waiting = false;
	for (size_t i = 0; i < tcp->listener_count; i++)
		on_connection((uv_stream_t *)&tcp->listeners[i], 0);
}

static void on_sweep(uv_timer_t *timer)
{
	struct tcp *tcp = timer->data;
	uint64_t now = uv_now(tcp->loop);

	while (tcp->oldest != NULL && now - tcp->oldest->active >= tcp->idle)
		close_connection(tcp->oldest);
	if (tcp->waiting)
		take_waiting(tcp);
}

/* As many connections as there are descriptors for. */
static size_t bound_connections(size_t wanted)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return wanted;
	if (files.rlim_cur < wanted + OTHER_FILES) {
		files.rlim_cur = files.rlim_max < wanted + OTHER_FILES ? files.rlim_max : wanted + OTHER_FILES;
		setrlimit(RLIMIT_NOFILE, &files);
		getrlimit(RLIMIT_NOFILE, &files);
	}
	rlim_t left = files.rlim_cur > 2 * OTHER_FILES ? files.rlim_cur - OTHER_FILES : OTHER_FILES;
	return wanted < left ? wanted : (size_t)left;
}

static int open_listener(struct tcp *tcp, struct listener *listener)
{
	uv_tcp_t *handle = &tcp->listeners[tcp->listener_count];

	int result = uv_tcp_init(tcp->loop, handle);
	if (result < 0)
		return result;
	handle->data = tcp;
	tcp->listener_count++;
	tcp->handles++;
	result = uv_tcp_open(handle, listener->stream);
	if (result < 0)
		return result;
	listener->stream = -1; /* the handle's now */
	return uv_listen((uv_stream_t *)handle, BACKLOG, on_connection);
}

void tcp_configure(struct tcp *tcp)
{
	const struct dns_settings *settings = atomic_load(&tcp->settings->now);

	tcp->shared.view.settings = settings;
	tcp->idle = settings->tcp_idle * 1000;
	tcp->most = bound_connections(settings->tcp_connections);
}

int tcp_start(uv_loop_t *loop, struct listeners *listeners, struct catalogue *catalogue,
              const struct dns_settings_place *settings, struct tcp **tcp)
{
	struct tcp *started = calloc(1, sizeof *started + listeners->count * sizeof *started->listeners);
	int result;

	if (started == NULL)
		return -ENOMEM;
	/* Without randomness yet, at boot, the shares hold all the same. */
	if (getrandom(started->key, sizeof started->key, GRND_NONBLOCK) < 0)
		memcpy(started->key, &started, sizeof started);
	started->loop = loop;
	started->settings = settings;
	result = framing_shared_init(&started->shared, loop, catalogue, settings);
	if (result < 0) {
		free(started);
		return result;
	}
	tcp_configure(started);
	uv_timer_init(loop, &started->sweep);
	started->sweep.data = started;
	started->handles = 1 + TURN_HANDLES;
	for (size_t i = 0; i < listeners->count && result == 0; i++)
		if (listeners->list[i].stream >= 0)
			result = open_listener(started, &listeners->list[i]);
	if (result == 0)
		result = uv_timer_start(&started->sweep, on_sweep, SWEEP_PERIOD, SWEEP_PERIOD);
	if (result < 0)
		tcp_stop(started);
	else
		*tcp = started;
	return result;
}

static void on_closed(uv_handle_t *handle)
{
	free_last(handle->data);
}

void tcp_stop(struct tcp *tcp)
{
	if (tcp == NULL)
		return;
	tcp->ended = true;
	while (tcp->oldest != NULL)
		close_connection(tcp->oldest);
	framing_shared_part(&tcp->shared);
	for (size_t i = 0; i < tcp->listener_count; i++)
		uv_close((uv_handle_t *)&tcp->listeners[i], on_closed);
	uv_close((uv_handle_t *)&tcp->sweep, on_closed);
	turn_close(&tcp->shared.turn, on_closed, tcp);
}

size_t tcp_connections(const struct tcp *tcp)
{
	return tcp->count;
}

void tcp_add_totals(const struct tcp *tcp, struct dns_totals *totals)
{
	counters_add(&tcp->shared.counters, totals);
}
