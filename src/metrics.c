/*
 * The HTTP side of the metrics; see metrics.h. Called by watch/daemon.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "metrics.h"

#include "address.h"
#include "deadline.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	CONNECTIONS = 64, /* at once; a scraper needs one */
	/*
	 * With fewer left the oldest connection makes room for the one that comes. So many that libmicrohttpd, which accepts ten
	 * in a round and closes them in the next, never has too many: then it would not listen until it is run again.
	 */
	SPARE = 32,
	PATIENCE = 10,    /* seconds for a connection, whatever happens on it */
	BACKLOG = 128,
	ROUNDS = 16,      /* of work at a time, before the loop goes on with DNS */
};

/* A connection that is open. */
struct visit {
	int64_t deadline; /* see deadline.h; 0: there is none in this place */
	int socket;
	bool hung_up; /* by us; libmicrohttpd closes it in its next round */
};

struct metrics {
	uv_poll_t poll;
	struct MHD_Daemon *server;
	struct metrics_source source;
	struct visit visits[CONNECTIONS];
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned int status, const char *type, char *text,
                              size_t size, enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(size, text, mode);

	if (response == NULL) {
		if (mode == MHD_RESPMEM_MUST_FREE)
			free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	enum MHD_Result result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer_short(struct MHD_Connection *connection, unsigned int status, char *text)
{
	return answer(connection, status, "text/plain; charset=utf-8", text, strlen(text), MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result answer_metrics(struct metrics *metrics, struct MHD_Connection *connection)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return MHD_NO;
	metrics->source.write(metrics->source.context, out);
	if (fclose(out) != 0) {
		free(text);
		return MHD_NO;
	}
	return answer(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", text, size,
	              MHD_RESPMEM_MUST_FREE);
}

/* libmicrohttpd's. What a client sends as a body is passed over. */
static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path, const char *method,
                              const char *version, const char *body, size_t *body_size, void **state)
{
	static char ok[] = "ok\n", not_ready[] = "not ready: there is no catalogue, or it is too old\n",
		    nothing[] = "not here: /metrics, /health, /ready\n", no_method[] = "GET it\n";
	struct metrics *metrics = context;

	(void)version;
	(void)body;
	if (*state == NULL || *body_size > 0) {
		*state = metrics;
		*body_size = 0;
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return answer_short(connection, MHD_HTTP_METHOD_NOT_ALLOWED, no_method);
	if (strcmp(path, "/metrics") == 0)
		return answer_metrics(metrics, connection);
	if (strcmp(path, "/health") == 0)
		return answer_short(connection, MHD_HTTP_OK, ok);
	if (strcmp(path, "/ready") != 0)
		return answer_short(connection, MHD_HTTP_NOT_FOUND, nothing);
	if (metrics->source.ready(metrics->source.context))
		return answer_short(connection, MHD_HTTP_OK, ok);
	return answer_short(connection, MHD_HTTP_SERVICE_UNAVAILABLE, not_ready);
}

static void hang_up(struct visit *visit)
{
	visit->hung_up = true;
	shutdown(visit->socket, SHUT_RDWR);
}

/* With few places left the oldest connection goes, so that half requests, however many, keep no whole one waiting. */
static void make_room(struct metrics *metrics)
{
	struct visit *oldest = NULL;
	size_t taken = 0;

	for (struct visit *visit = metrics->visits; visit < metrics->visits + CONNECTIONS; visit++) {
		if (visit->deadline == 0 || visit->hung_up)
			continue;
		taken++;
		if (oldest == NULL || visit->deadline < oldest->deadline)
			oldest = visit;
	}
	if (taken > CONNECTIONS - SPARE)
		hang_up(oldest);
}

/* libmicrohttpd's: a connection was accepted, or is closed. There are never more than there is room for. */
static void note_visit(void *context, struct MHD_Connection *connection, void **state,
                       enum MHD_ConnectionNotificationCode code)
{
	struct metrics *metrics = context;
	struct visit *visit = *state;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED && visit != NULL)
		visit->deadline = 0;
	if (code != MHD_CONNECTION_NOTIFY_STARTED)
		return;
	for (visit = metrics->visits; visit < metrics->visits + CONNECTIONS && visit->deadline != 0;)
		visit++;
	if (visit == metrics->visits + CONNECTIONS)
		return;
	*visit = (struct visit){deadline_now() + PATIENCE * 1000,
	                        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd, false};
	*state = visit;
	make_room(metrics);
}

/* libmicrohttpd closes those on which nothing happens; one that sends an octet now and then would stay. */
static void end_overdue(struct metrics *metrics)
{
	for (struct visit *visit = metrics->visits; visit < metrics->visits + CONNECTIONS; visit++)
		if (visit->deadline != 0 && !visit->hung_up && deadline_left(visit->deadline) == 0)
			hang_up(visit);
}

static void work(struct metrics *metrics)
{
	MHD_UNSIGNED_LONG_LONG wait = 0;

	for (int round = 0; round < ROUNDS; round++) {
		MHD_run(metrics->server);
		if (MHD_get_timeout(metrics->server, &wait) != MHD_YES || wait > 0)
			break;
	}
}

void metrics_tick(struct metrics *metrics)
{
	if (metrics == NULL)
		return;
	end_overdue(metrics);
	work(metrics);
}

static void ready(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	work(poll->data);
}

/* A listening socket, or a negative errno. */
static int open_socket(const char *endpoint)
{
	const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
	const char *colon = strrchr(endpoint, ':');
	size_t bracket = endpoint[0] == '[';
	char host[ADDRESS_TEXT_MAX];
	struct addrinfo *found;
	int on = 1;

	snprintf(host, sizeof host, "%.*s", (int)((size_t)(colon - endpoint) - 2 * bracket), endpoint + bracket);
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
		return -EINVAL;
	int descriptor = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
	if (descriptor < 0 || setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
	    bind(descriptor, found->ai_addr, found->ai_addrlen) < 0 || listen(descriptor, BACKLOG) < 0)
		error = -errno;
	freeaddrinfo(found);
	if (error < 0 && descriptor >= 0)
		close(descriptor);
	return error < 0 ? error : descriptor;
}

/* The server takes the socket over. */
static int start_server(struct metrics *metrics, uv_loop_t *loop, int descriptor)
{
	metrics->server = MHD_start_daemon(
		MHD_USE_EPOLL, 0, NULL, NULL, handle, metrics, MHD_OPTION_LISTEN_SOCKET, descriptor,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned int)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)PATIENCE,
		MHD_OPTION_NOTIFY_CONNECTION, note_visit, metrics, MHD_OPTION_END);
	if (metrics->server == NULL) {
		close(descriptor);
		return -ENOMEM;
	}
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(metrics->server, MHD_DAEMON_INFO_EPOLL_FD);
	int result = uv_poll_init(loop, &metrics->poll, info->epoll_fd);
	if (result < 0) {
		MHD_stop_daemon(metrics->server);
		return result;
	}
	metrics->poll.data = metrics;
	return uv_poll_start(&metrics->poll, UV_READABLE, ready);
}

int metrics_start(uv_loop_t *loop, const char *endpoint, const struct metrics_source *source, struct metrics **metrics,
                  char reason[CONFIG_REASON_MAX])
{
	struct metrics *made = calloc(1, sizeof *made);
	int result = made == NULL ? -ENOMEM : open_socket(endpoint);

	if (result >= 0) {
		made->source = *source;
		result = start_server(made, loop, result);
	}
	if (result < 0) {
		snprintf(reason, CONFIG_REASON_MAX, "cannot serve metrics on %s: %s; correct the setting metrics; until then it is "
		         "tried again", endpoint, strerror(-result));
		free(made);
		return result;
	}
	*metrics = made;
	return 0;
}

static void free_metrics(uv_handle_t *poll)
{
	free(poll->data);
}

void metrics_stop(struct metrics *metrics)
{
	if (metrics == NULL)
		return;
	uv_poll_stop(&metrics->poll);
	MHD_stop_daemon(metrics->server);
	uv_close((uv_handle_t *)&metrics->poll, free_metrics);
}
