/*
 * One connection's questions and answers; see framing.h. Called by tcp.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "framing.h"

#include "query_log.h"
#include "reply.h"
#include "tcp.h"
#include "uptime.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	LENGTH_SIZE = 2,      /* octets of a message's length, RFC 1035 section 4.2.2 */
	READ_SIZE = 16 << 10, /* octets taken at one go */
	WAITER_READ_SIZE = 512, /* octets taken of who has to wait for the next turn; 10,000 hold 5 MB then */
	ANSWER_SIZE = LENGTH_SIZE + MESSAGE_STREAM_MAX,
	OUTPUT_SIZE = 2 * ANSWER_SIZE, /* answered at one go, while another answer surely fits */
};

/* How far what had come in was answered. */
enum progress {
	ALL_ANSWERED, /* all that is whole */
	MORE_WAITS,
	MALFORMED, /* to be cut off */
};

static void go_on(struct turn_place *place);

int framing_shared_init(struct framing_shared *shared, uv_loop_t *loop, struct catalogue *catalogue,
                        const struct dns_settings_place *settings)
{
	shared->reader = catalogue_join(catalogue);
	shared->view = (struct dns_view){.catalogue = catalogue, .settings = atomic_load(&settings->now),
	                                 .scratch = dns_scratch_new(), .pulse = &settings->pulse};
	shared->log = settings->log;
	shared->input = malloc(READ_SIZE);
	shared->output = malloc(OUTPUT_SIZE);
	if (shared->reader != NULL && shared->view.scratch != NULL && shared->input != NULL && shared->output != NULL) {
		turn_init(&shared->turn, loop, go_on);
		return 0;
	}
	framing_shared_part(shared);
	framing_shared_done(shared);
	return -ENOMEM;
}

void framing_shared_part(struct framing_shared *shared)
{
	catalogue_part(shared->reader);
	shared->reader = NULL;
}

void framing_shared_done(struct framing_shared *shared)
{
	dns_scratch_free(shared->view.scratch);
	free(shared->input);
	free(shared->output);
}

void framing_init(struct framing *framing, struct framing_shared *shared, uv_stream_t *handle,
                 const struct dns_client *client, size_t *client_held, framing_report report, void *context)
{
	*framing = (struct framing){.shared = shared, .handle = handle, .client = *client, .client_held = client_held,
	                            .report = report, .context = context};
	framing->write.data = framing;
	handle->data = framing;
}

/* Whether so many more octets may wait. */
static bool may_hold(const struct framing *framing, size_t size)
{
	return framing->shared->held + size <= TCP_HELD_MAX &&
	       (framing->client_held == NULL || *framing->client_held + size <= TCP_HELD_MAX / TCP_CLIENT_SHARE);
}

static void count_held(struct framing *framing, size_t more, size_t less)
{
	framing->shared->held += more - less;
	if (framing->client_held != NULL)
		*framing->client_held += more - less;
}

void framing_done(struct framing *framing)
{
	turn_leave(&framing->place);
	if (framing->shared != NULL)
		count_held(framing, 0, framing->input_size + framing->output_size);
	free(framing->input);
	free(framing->output);
}

static void end(struct framing *framing)
{
	framing->over = true;
	framing->report(framing->context, FRAMING_OVER);
}

/* Keeps octets for later, in place of what was kept; they may lie in it. False where too much waits already. */
static bool keep(struct framing *framing, uint8_t **kept, size_t *kept_size, const uint8_t *octets, size_t size)
{
	uint8_t *copy = NULL;

	if (size > 0) {
		if (!may_hold(framing, size) || (copy = malloc(size)) == NULL)
			return false;
		memcpy(copy, octets, size);
	}
	count_held(framing, size, *kept_size);
	free(*kept);
	*kept = copy;
	*kept_size = size;
	return true;
}

static void on_written(uv_write_t *write, int status)
{
	struct framing *framing = write->data;

	keep(framing, &framing->output, &framing->output_size, NULL, 0);
	if (framing->over || uv_is_closing((uv_handle_t *)framing->handle))
		return;
	if (status < 0) {
		end(framing);
		return;
	}
	framing->report(framing->context, FRAMING_DONE);
	go_on(&framing->place);
}

/* Sends what stands in the shared output; what the client does not take now is kept, and nothing is read meanwhile. */
static void flush(struct framing *framing, size_t size)
{
	uint8_t *output = framing->shared->output;
	uv_buf_t buffer = uv_buf_init((char *)output, (unsigned)size);

	if (size == 0)
		return;
	int sent = uv_try_write(framing->handle, &buffer, 1);
	if (sent == UV_EAGAIN)
		sent = 0;
	if (sent == (int)size)
		return;
	if (sent < 0 ||
	    !keep(framing, &framing->output, &framing->output_size, output + sent, size - (size_t)sent)) {
		end(framing);
		return;
	}
	uv_read_stop(framing->handle);
	buffer = uv_buf_init((char *)framing->output, (unsigned)framing->output_size);
	if (uv_write(&framing->write, framing->handle, &buffer, 1, on_written) < 0)
		end(framing);
}

/* Answers one question behind what stands in the shared output already; returns how much stands there then. */
static size_t answer(struct framing *framing, const uint8_t *query, size_t size, size_t used)
{
	struct framing_shared *shared = framing->shared;
	uint8_t *output = shared->output + used;
	uint64_t began = counters_clock();
	size_t length = dns_answer(&shared->view, &framing->client, query, size, output + LENGTH_SIZE, MESSAGE_STREAM_MAX);

	counters_count(&shared->counters, &shared->view.scratch->outcome, true);
	counters_count_time(&shared->counters, began, 1);
	turn_spend(&shared->turn, TCP_QUESTION_COST + length);
	if (shared->view.settings->query_log)
		query_log(shared->log, &framing->client, query, size, &shared->view.scratch->outcome, output + LENGTH_SIZE, length);
	if (length == 0)
		return used;
	output[0] = (uint8_t)(length >> 8);
	output[1] = (uint8_t)length;
	return used + LENGTH_SIZE + length;
}

/* Answers the whole questions at `*octets`, and moves it past them, as far as the output and the turn allow. */
static enum progress answer_some(struct framing *framing, const uint8_t **octets, const uint8_t *stop)
{
	enum progress progress = ALL_ANSWERED;
	size_t used = 0;

	while (stop - *octets >= LENGTH_SIZE) {
		size_t length = (size_t)((*octets)[0] << 8 | (*octets)[1]);
		if (length < MESSAGE_HEADER || length > TCP_QUERY_MAX) {
			progress = MALFORMED;
			break;
		}
		if ((size_t)(stop - *octets) < LENGTH_SIZE + length)
			break;
		if (used > OUTPUT_SIZE - ANSWER_SIZE || turn_is_over(&framing->shared->turn)) {
			progress = MORE_WAITS;
			break;
		}
		used = answer(framing, *octets + LENGTH_SIZE, length, used);
		*octets += LENGTH_SIZE + length;
	}
	flush(framing, used);
	return progress;
}

static void process(struct framing *framing, const uint8_t *octets, size_t size)
{
	struct framing_shared *shared = framing->shared;
	const uint8_t *at = octets;

	shared->view.now = (uint32_t)time(NULL);
	shared->view.uptime = uptime_now();
	catalogue_enter(shared->reader);
	enum progress progress = answer_some(framing, &at, octets + size);
	catalogue_leave(shared->reader);
	if (framing->over)
		return;
	bool cut_off = progress == MALFORMED && framing->output_size == 0; /* else once the answers before are taken */
	if (cut_off || !keep(framing, &framing->input, &framing->input_size, at, size - (size_t)(at - octets))) {
		end(framing);
		return;
	}
	if (at != octets)
		framing->report(framing->context, FRAMING_DONE);
	if (progress == MORE_WAITS && framing->output_size == 0) {
		uv_read_stop(framing->handle);
		turn_wait(&framing->shared->turn, &framing->place);
	}
}

/* Goes on when the client has taken an answer, or when its turn has come: with what waits, then with what comes in. */
static void go_on(struct turn_place *place)
{
	struct framing *framing = (struct framing *)place; /* its first member */

	if (uv_is_closing((uv_handle_t *)framing->handle))
		return;
	if (framing->input_size > 0)
		process(framing, framing->input, framing->input_size);
	if (!framing->over && framing->output_size == 0 && !turn_waits(place) && framing_start(framing) < 0)
		end(framing);
}

/* Puts what came in behind what was there. */
static bool append(struct framing *framing, const uint8_t *octets, size_t size)
{
	uint8_t *joined = NULL;

	if (may_hold(framing, size))
		joined = realloc(framing->input, framing->input_size + size);
	if (joined == NULL)
		return false;
	memcpy(joined + framing->input_size, octets, size);
	framing->input = joined;
	framing->input_size += size;
	count_held(framing, size, 0);
	return true;
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct framing_shared *shared = ((struct framing *)handle->data)->shared;

	(void)suggested;
	*buffer = uv_buf_init((char *)shared->input, turn_is_over(&shared->turn) ? WAITER_READ_SIZE : READ_SIZE);
}

static void on_read(uv_stream_t *handle, ssize_t size, const uv_buf_t *buffer)
{
	struct framing *framing = handle->data;
	const uint8_t *octets = (const uint8_t *)buffer->base;

	if (size == 0)
		return;
	if (size < 0) {
		end(framing);
		return;
	}
	if (framing->input_size == 0)
		process(framing, octets, (size_t)size);
	else if (append(framing, octets, (size_t)size))
		process(framing, framing->input, framing->input_size);
	else
		end(framing);
}

int framing_start(struct framing *framing)
{
	return uv_read_start(framing->handle, on_allocate, on_read);
}
