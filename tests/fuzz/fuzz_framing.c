/*
 * Fuzzes src/dns/framing.c: octets of any content on a connection, in pieces. An input octet of 0xff followed by a number
 * ends a piece there: so many octets later the next one begins. What comes back are whole answers, each to a question
 * that was asked, in order; and nothing else.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dns/framing.h"
#include "dns/targets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Says what is wrong, and ends the run. */
#define MUST(true_always)                                                         \
	do {                                                                      \
		if (!(true_always)) {                                             \
			fprintf(stderr, "line %d: %s\n", __LINE__, #true_always); \
			abort();                                                  \
		}                                                                 \
	} while (0)

enum { ANSWERS_MAX = 1 << 20 };

static struct framing_shared shared;
static struct dns_settings settings;
static struct dns_settings_place place;
static uv_loop_t loop;

struct peer {
	uv_pipe_t handle;
	struct framing framing;
	int other; /* the client's end */
	bool over;
	uint8_t *answers;
	size_t answer_size;
};

static void set_up(void)
{
	static struct prefix allow = {.family = AF_INET};
	struct address address = {AF_INET, {10, 0, 0, 1}};
	struct spelling spelling = {.namespace = "default", .service = "web", .count = 1};
	struct instance instance = {.id = "i", .allocation = "a", .node = "n", .job = "j", .datacenter = "d",
	                            .addresses = &address, .address_count = 1, .port = 80};
	struct service_key key = {"default", "web"};
	struct catalogue *catalogue = catalogue_new();

	settings = (struct dns_settings){.default_namespace = "default", .ttl = 10, .udp_size = 1232, .allow_count = 1,
	                                 .allow = &allow, .tcp_idle = 10};
	MUST(catalogue != NULL && uv_loop_init(&loop) == 0);
	catalogue_prepare_with(catalogue, targets_prepare);
	MUST(catalogue_put(catalogue, &key, service_copy(&(struct service){
		.spelling_count = 1, .spellings = &spelling, .instance_count = 1, .instances = &instance})) == 0);
	catalogue_set_state(catalogue, CATALOGUE_CURRENT, 1);
	atomic_store(&place.now, &settings);
	MUST(framing_shared_init(&shared, &loop, catalogue, &place) == 0);
}

static void on_event(void *context, enum framing_event event)
{
	struct peer *peer = context;

	if (event == FRAMING_OVER && !peer->over) {
		peer->over = true;
		uv_close((uv_handle_t *)&peer->handle, NULL);
	}
}

/* Takes what came back so far. */
static void take(struct peer *peer)
{
	ssize_t size;

	while (peer->answer_size < ANSWERS_MAX &&
	       (size = recv(peer->other, peer->answers + peer->answer_size, ANSWERS_MAX - peer->answer_size, MSG_DONTWAIT)) > 0)
		peer->answer_size += (size_t)size;
}

static void run(struct peer *peer)
{
	for (int i = 0; i < 4; i++) {
		uv_run(&loop, UV_RUN_NOWAIT);
		take(peer);
	}
}

/* Sends the input in pieces; returns what was sent, without the marks. */
static size_t feed(struct peer *peer, const uint8_t *data, size_t size, uint8_t *sent)
{
	size_t total = 0, piece = 0;

	for (size_t i = 0; i < size; i++) {
		bool mark = data[i] == 0xff && i + 1 < size;
		if (!mark)
			sent[total++] = data[i];
		else
			i++;
		if ((mark || i + 1 == size) && total > piece) {
			if (!peer->over && send(peer->other, sent + piece, total - piece, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
				return piece;
			piece = total;
			run(peer);
		}
	}
	return total;
}

/* Every answer is to the next question that can have one. */
static void check(const struct peer *peer, const uint8_t *sent, size_t size)
{
	const uint8_t *question = sent, *end = sent + size;

	for (size_t at = 0; at < peer->answer_size;) {
		MUST(peer->answer_size - at >= 2);
		size_t length = (size_t)peer->answers[at] << 8 | peer->answers[at + 1];
		MUST(length >= 12 && peer->answer_size - at - 2 >= length);
		const uint8_t *answer = peer->answers + at + 2;
		for (;;) {
			MUST(end - question >= 2 + 12);
			const uint8_t *asked = question + 2;
			question = asked + ((size_t)question[0] << 8 | question[1]);
			MUST(question <= end);
			if ((asked[2] & 0x80) != 0)
				continue; /* no question: never answered */
			MUST(memcmp(asked, answer, 2) == 0);
			break;
		}
		at += 2 + length;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_client client = {.address = {AF_INET, {127, 0, 0, 1}}, .stream = true};
	struct peer *peer = calloc(1, sizeof *peer);
	uint8_t *sent = malloc(size + 1);
	size_t held = 0;
	int ends[2];

	if (shared.reader == NULL)
		set_up();
	MUST(peer != NULL && sent != NULL && socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	peer->answers = malloc(ANSWERS_MAX);
	peer->other = ends[1];
	MUST(peer->answers != NULL && uv_pipe_init(&loop, &peer->handle, 0) == 0 &&
	     uv_pipe_open(&peer->handle, ends[0]) == 0);
	framing_init(&peer->framing, &shared, (uv_stream_t *)&peer->handle, &client, &held, on_event, peer);
	MUST(framing_start(&peer->framing) == 0);

	size_t total = feed(peer, data, size, sent);
	run(peer);
	check(peer, sent, total);
	on_event(peer, FRAMING_OVER);
	uv_run(&loop, UV_RUN_DEFAULT);
	framing_done(&peer->framing);
	MUST(shared.held == 0 && held == 0);
	close(peer->other);
	free(peer->answers);
	free(peer);
	free(sent);
	return 0;
}
