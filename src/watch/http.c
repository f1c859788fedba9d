/*
 * Carries the watcher's requests out; see http.h. Called by watch/daemon.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watch/http.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A peer that does not even acknowledge is gone: found out in 5 s, though a stream may be silent for 30. */
enum {
	KEEPALIVE_IDLE = 2,     /* seconds without a packet, then a probe ... */
	KEEPALIVE_INTERVAL = 1, /* ... every second ... */
	KEEPALIVE_PROBES = 3,   /* ... so many times */
	UNSENT_LIMIT = 5000,    /* milliseconds in which what was sent has to be acknowledged */
};

/* A request under way. */
struct transfer {
	struct transfer *next;
	struct watch_request *request;
	struct agent_request *made; /* NULL: there was no memory for it */
	char *waiting;              /* what came of a stream and was not handed on */
	size_t size;
	size_t room;
};

/* A connection that curl waits for. */
struct http_socket {
	uv_poll_t poll;
	struct http *http;
	curl_socket_t descriptor;
};

struct http {
	uv_loop_t *loop;
	uv_timer_t timer;
	CURLM *multi;
	struct transfer *transfers;
	struct watch_request *hopeless; /* there was not even memory for a transfer */
	uint64_t results[AGENT_RESULTS];
};

static void act(struct http *http, curl_socket_t descriptor, int events);

static void timer_rang(uv_timer_t *timer)
{
	act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *multi, long milliseconds, void *context)
{
	struct http *http = context;

	(void)multi;
	if (milliseconds < 0)
		uv_timer_stop(&http->timer);
	else
		uv_timer_start(&http->timer, timer_rang, (uint64_t)milliseconds, 0);
	return 0;
}

static void socket_ready(uv_poll_t *poll, int status, int events)
{
	struct http_socket *found = poll->data;
	int flags = status < 0 ? CURL_CSELECT_ERR : 0;

	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	act(found->http, found->descriptor, flags);
}

static void free_socket(uv_handle_t *handle)
{
	free(handle->data);
}

static struct http_socket *new_socket(struct http *http, curl_socket_t descriptor)
{
	struct http_socket *made = calloc(1, sizeof *made);

	if (made == NULL)
		return NULL;
	made->http = http;
	made->descriptor = descriptor;
	made->poll.data = made;
	if (uv_poll_init(http->loop, &made->poll, descriptor) < 0) {
		free(made);
		return NULL;
	}
	return made;
}

static int watch_socket(CURL *easy, curl_socket_t descriptor, int what, void *context, void *assigned)
{
	struct http *http = context;
	struct http_socket *known = assigned;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		curl_multi_assign(http->multi, descriptor, NULL);
		if (known != NULL)
			uv_close((uv_handle_t *)&known->poll, free_socket);
		return 0;
	}
	if (known == NULL) {
		known = new_socket(http, descriptor);
		if (known == NULL)
			return -1;
		curl_multi_assign(http->multi, descriptor, known);
	}
	int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
	return uv_poll_start(&known->poll, events, socket_ready) < 0 ? -1 : 0;
}

struct http *http_new(uv_loop_t *loop)
{
	struct http *http = calloc(1, sizeof *http);

	if (http == NULL)
		return NULL;
	http->loop = loop;
	http->multi = curl_multi_init();
	if (http->multi == NULL) {
		free(http);
		return NULL;
	}
	uv_timer_init(loop, &http->timer);
	http->timer.data = http;
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)HTTP_CONNECTIONS);
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)HTTP_CONNECTIONS);
	return http;
}

/* Takes a transfer off the list and out of curl. */
static void detach(struct http *http, struct transfer *transfer)
{
	struct transfer **at = &http->transfers;

	while (*at != transfer)
		at = &(*at)->next;
	*at = transfer->next;
	if (transfer->made != NULL)
		curl_multi_remove_handle(http->multi, transfer->made->easy);
	transfer->request->transfer = NULL;
}

static void free_transfer(struct transfer *transfer)
{
	agent_request_free(transfer->made);
	free(transfer->waiting);
	free(transfer);
}

static void free_http(uv_handle_t *timer)
{
	free(timer->data);
}

void http_free(struct http *http)
{
	if (http == NULL)
		return;
	while (http->transfers != NULL)
		http_cancel(http, http->transfers->request);
	curl_multi_cleanup(http->multi);
	uv_close((uv_handle_t *)&http->timer, free_http);
}

/* Notes what came of a stream; curl is still at work, so that nobody may be told yet. */
static size_t take_stream(void *context, const char *octets, size_t size)
{
	struct transfer *transfer = context;
	size_t room = transfer->room == 0 ? CURL_MAX_WRITE_SIZE : transfer->room;

	while (room < transfer->size + size)
		room *= 2;
	if (room > transfer->room) {
		char *waiting = realloc(transfer->waiting, room);
		if (waiting == NULL)
			return 0;
		transfer->waiting = waiting;
		transfer->room = room;
	}
	memcpy(transfer->waiting + transfer->size, octets, size);
	transfer->size += size;
	return size;
}

static int set_socket(void *context, curl_socket_t descriptor, curlsocktype purpose)
{
	static const struct {
		int name;
		int value;
	} options[] = {
		{TCP_KEEPIDLE, KEEPALIVE_IDLE},
		{TCP_KEEPINTVL, KEEPALIVE_INTERVAL},
		{TCP_KEEPCNT, KEEPALIVE_PROBES},
		{TCP_USER_TIMEOUT, UNSENT_LIMIT},
	};
	int on = 1;

	(void)context;
	(void)purpose;
	/* On a unix socket they fail, and nothing is lost. */
	setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		setsockopt(descriptor, IPPROTO_TCP, options[i].name, &options[i].value, sizeof options[i].value);
	return CURL_SOCKOPT_OK;
}

void http_start(struct http *http, const struct agent *agent, struct watch_request *request)
{
	enum agent_kind kind = request->is_stream ? AGENT_STREAM : request->is_status ? AGENT_STATUS : AGENT_READ;
	struct transfer *transfer = calloc(1, sizeof *transfer);

	if (transfer == NULL) {
		request->next = http->hopeless;
		http->hopeless = request;
		uv_timer_start(&http->timer, timer_rang, 0, 0);
		return;
	}
	transfer->request = request;
	transfer->next = http->transfers;
	http->transfers = transfer;
	request->transfer = transfer;
	transfer->made = agent_request_new(agent, kind, request->path, (int)request->limit,
	                                   request->is_stream ? take_stream : NULL, transfer);
	if (transfer->made == NULL) {
		uv_timer_start(&http->timer, timer_rang, 0, 0);
		return;
	}
	curl_easy_setopt(transfer->made->easy, CURLOPT_SOCKOPTFUNCTION, set_socket);
	curl_multi_add_handle(http->multi, transfer->made->easy);
}

static void forget_hopeless(struct http *http, const struct watch_request *request)
{
	struct watch_request **at = &http->hopeless;

	while (*at != NULL && *at != request)
		at = &(*at)->next;
	if (*at != NULL)
		*at = request->next;
}

void http_cancel(struct http *http, struct watch_request *request)
{
	struct transfer *transfer = request->transfer;

	if (transfer == NULL) {
		forget_hopeless(http, request);
		return;
	}
	detach(http, transfer);
	free_transfer(transfer);
}

const uint64_t *http_results(const struct http *http)
{
	return http->results;
}

/* The first stream that has something to hand on. */
static struct transfer *next_waiting(const struct http *http)
{
	struct transfer *transfer = http->transfers;

	while (transfer != NULL && transfer->size == 0)
		transfer = transfer->next;
	return transfer;
}

static void deliver(struct http *http)
{
	struct transfer *transfer;

	while ((transfer = next_waiting(http)) != NULL) {
		char *octets = transfer->waiting;
		size_t size = transfer->size;

		/* It may be cancelled, or get more, before this comes back. */
		transfer->waiting = NULL;
		transfer->size = transfer->room = 0;
		transfer->request->data(transfer->request, octets, size);
		free(octets);
	}
}

static void end_without_memory(struct http *http, struct watch_request *request)
{
	static const struct agent_answer none = {
		.result = AGENT_NO_MEMORY,
		.reason = "no memory for a request to Nomad",
	};

	http->results[AGENT_NO_MEMORY]++;
	request->done(request, &none);
}

static void end(struct http *http, struct transfer *transfer, CURLcode code)
{
	struct watch_request *request = transfer->request;

	detach(http, transfer);
	if (transfer->made == NULL) {
		end_without_memory(http, request);
	} else {
		http->results[agent_request_judge(transfer->made, code)]++;
		request->done(request, &transfer->made->answer);
	}
	free_transfer(transfer);
}

static struct transfer *transfer_of(const struct http *http, const CURL *easy)
{
	struct transfer *transfer = http->transfers;

	while (transfer != NULL && (transfer->made == NULL ? easy != NULL : transfer->made->easy != easy))
		transfer = transfer->next;
	return transfer;
}

static void finish(struct http *http)
{
	struct transfer *transfer;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left)) != NULL)
		if (message->msg == CURLMSG_DONE && (transfer = transfer_of(http, message->easy_handle)) != NULL)
			end(http, transfer, message->data.result);
	while ((transfer = transfer_of(http, NULL)) != NULL)
		end(http, transfer, CURLE_OUT_OF_MEMORY);
	while (http->hopeless != NULL) {
		struct watch_request *request = http->hopeless;
		http->hopeless = request->next;
		end_without_memory(http, request);
	}
}

/* Lets curl do its work, then hands on what came of it. */
static void act(struct http *http, curl_socket_t descriptor, int events)
{
	int running;

	curl_multi_socket_action(http->multi, descriptor, events, &running);
	deliver(http);
	finish(http);
}
