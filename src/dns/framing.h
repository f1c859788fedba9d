/*
 * One connection's questions and answers, each with its length before it (RFC 7766 section 8): cut anywhere, several in
 * one piece, slow to come and slow to go. Called by tcp.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_FRAMING_H
#define NSS_NOMAD_DNS_FRAMING_H

#include "counters.h"
#include "turn.h"

#include <uv.h>

/* What all connections use, one after the other. */
struct framing_shared {
	struct turn turn;
	struct dns_counters counters;
	struct dns_view view;
	struct log *log; /* for query_log */
	struct catalogue_reader *reader;
	uint8_t *input;  /* what was just read */
	uint8_t *output; /* answers on their way */
	size_t held;     /* octets that wait, over all connections */
};

/* DONE: a whole question was answered, or a whole answer sent. OVER: to be closed. */
enum framing_event { FRAMING_DONE, FRAMING_OVER };

typedef void (*framing_report)(void *context, enum framing_event event);

struct framing {
	struct turn_place place; /* waits in it where it might answer more, but not in this turn; nothing is read meanwhile */
	struct framing_shared *shared;
	uv_stream_t *handle;
	struct dns_client client;
	uint8_t *input; /* what is not answered yet: part of a question, or what waits behind an answer */
	size_t input_size;
	uint8_t *output; /* what the client has not taken yet; while there is some, nothing is read */
	size_t output_size;
	size_t *client_held; /* octets that wait, over all connections of the client; NULL: not counted */
	bool over;
	uv_write_t write;
	framing_report report;
	void *context;
};

/*
 * Sets up zeroed memory: 0 or -ENOMEM. `part` lets go of the catalogue, `done` of the rest; the caller closes the turn.
 */
int framing_shared_init(struct framing_shared *shared, uv_loop_t *loop, struct catalogue *catalogue,
                        const struct dns_settings_place *settings);
void framing_shared_part(struct framing_shared *shared);
void framing_shared_done(struct framing_shared *shared);

/*
 * Sets up a connection's, whose handle's `data` it takes; `report` is called with `context`, and may close the handle.
 * `client_held`, which may be NULL, is kept until framing_done().
 */
void framing_init(struct framing *framing, struct framing_shared *shared, uv_stream_t *handle,
                 const struct dns_client *client, size_t *client_held, framing_report report, void *context);

/* Begins to read: 0 or a negative errno. */
int framing_start(struct framing *framing);

/* Frees what waits; the handle is closed. */
void framing_done(struct framing *framing);

#endif
