/*
 * One connection's questions and answers; see stream.h. Called by tcp.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "stream.h"

#include "reply.h"
#include "tcp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	LENGTH_SIZE = 2,      /* octets of a message's length, RFC 1035 section 4.2.2 */
	READ_SIZE = 16 << 10, /* octets taken at one go */
	ANSWER_SIZE = LENGTH_SIZE + MESSAGE_STREAM_MAX,
	OUTPUT_SIZE = 2 * ANSWER_SIZE, /* sent when another answer might not fit */
};

int stream_shared_init(struct stream_shared *shared, struct catalogue *catalogue, const struct dns_settings *settings)
{
	shared->reader = catalogue_join(catalogue);
	shared->view = (struct dns_view){catalogue, settings, dns_scratch_new(), 0};
	shared->input = malloc(READ_SIZE);
	shared->output = malloc(OUTPUT_SIZE);
	if (shared->reader != NULL && shared->view.scratch != NULL && shared->input != NULL && shared->output != NULL)
		return 0;
	stream_shared_part(shared);
	stream_shared_done(shared);
	return -ENOMEM;
}

void stream_shared_part(struct stream_shared *shared)
{
	catalogue_part(shared->reader);
	shared->reader = NULL;
}

void stream_shared_done(struct stream_shared *shared)
{
	dns_scratch_free(shared->view.scratch);
	free(shared->input);
	free(shared->output);
}

void stream_init(struct stream *stream, struct stream_shared *shared, uv_stream_t *handle,
                 const struct dns_client *client, stream_report report, void *context)
{
	*stream = (struct stream){
		.shared = shared, .handle = handle, .client = *client, .report = report, .context = context};
	stream->write.data = stream;
	handle->data = stream;
}

void stream_done(struct stream *stream)
{
	if (stream->shared != NULL)
		stream->shared->held -= stream->input_size + stream->output_size;
	free(stream->input);
	free(stream->output);
}

static void end(struct stream *stream)
{
	stream->over = true;
	stream->report(stream->context, STREAM_OVER);
}

/* Keeps octets for later, in place of what was kept; they may lie in it. False where too much waits already. */
static bool keep(struct stream *stream, uint8_t **kept, size_t *kept_size, const uint8_t *octets, size_t size)
{
	uint8_t *copy = NULL;

	if (size > 0) {
		if (stream->shared->held + size > TCP_HELD_MAX || (copy = malloc(size)) == NULL)
			return false;
		memcpy(copy, octets, size);
	}
	stream->shared->held += size - *kept_size;
	free(*kept);
	*kept = copy;
	*kept_size = size;
	return true;
}

static void process(struct stream *stream, const uint8_t *octets, size_t size);

static void on_written(uv_write_t *write, int status)
{
	struct stream *stream = write->data;

	keep(stream, &stream->output, &stream->output_size, NULL, 0);
	if (stream->over || uv_is_closing((uv_handle_t *)stream->handle))
		return;
	if (status < 0) {
		end(stream);
		return;
	}
	stream->report(stream->context, STREAM_DONE);
	process(stream, stream->input, stream->input_size);
	if (!stream->over && stream->output_size == 0 && stream_start(stream) < 0)
		end(stream);
}

/* Sends what stands in the shared output; what the client does not take now is kept, and nothing is read meanwhile. */
static void flush(struct stream *stream, size_t size)
{
	uint8_t *output = stream->shared->output;
	uv_buf_t buffer = uv_buf_init((char *)output, (unsigned)size);

	if (size == 0)
		return;
	int sent = uv_try_write(stream->handle, &buffer, 1);
	if (sent == UV_EAGAIN)
		sent = 0;
	if (sent == (int)size)
		return;
	if (sent < 0 ||
	    !keep(stream, &stream->output, &stream->output_size, output + sent, size - (size_t)sent)) {
		end(stream);
		return;
	}
	uv_read_stop(stream->handle);
	buffer = uv_buf_init((char *)stream->output, (unsigned)stream->output_size);
	if (uv_write(&stream->write, stream->handle, &buffer, 1, on_written) < 0)
		end(stream);
}

/* Answers one question behind what stands in the shared output already; returns how much stands there then. */
static size_t answer(struct stream *stream, const uint8_t *query, size_t size, size_t used)
{
	struct stream_shared *shared = stream->shared;
	uint8_t *output = shared->output + used;
	size_t length = dns_answer(&shared->view, &stream->client, query, size, output + LENGTH_SIZE, MESSAGE_STREAM_MAX);

	counters_count(&shared->counters, &shared->view.scratch->outcome, true);
	if (length == 0)
		return used;
	output[0] = (uint8_t)(length >> 8);
	output[1] = (uint8_t)length;
	return used + LENGTH_SIZE + length;
}

/* Answers the whole questions at `*octets`, and moves it past them, until an answer has to wait. False: cut it off. */
static bool answer_all(struct stream *stream, const uint8_t **octets, const uint8_t *stop)
{
	size_t used = 0;

	while (!stream->over && stream->output_size == 0 && stop - *octets >= LENGTH_SIZE) {
		size_t length = (size_t)((*octets)[0] << 8 | (*octets)[1]);
		if (length < MESSAGE_HEADER || length > TCP_QUERY_MAX)
			return false;
		if ((size_t)(stop - *octets) < LENGTH_SIZE + length)
			break;
		used = answer(stream, *octets + LENGTH_SIZE, length, used);
		*octets += LENGTH_SIZE + length;
		if (used > OUTPUT_SIZE - ANSWER_SIZE) {
			flush(stream, used);
			used = 0;
		}
	}
	if (!stream->over)
		flush(stream, used);
	return true;
}

static void process(struct stream *stream, const uint8_t *octets, size_t size)
{
	struct stream_shared *shared = stream->shared;
	const uint8_t *at = octets;

	shared->view.now = (uint32_t)time(NULL);
	catalogue_enter(shared->reader);
	bool good = answer_all(stream, &at, octets + size);
	catalogue_leave(shared->reader);
	if (stream->over)
		return;
	if (!good || !keep(stream, &stream->input, &stream->input_size, at, size - (size_t)(at - octets))) {
		end(stream);
		return;
	}
	if (at != octets)
		stream->report(stream->context, STREAM_DONE);
}

/* Puts what came in behind what was there. */
static bool append(struct stream *stream, const uint8_t *octets, size_t size)
{
	uint8_t *joined = NULL;

	if (stream->shared->held + size <= TCP_HELD_MAX)
		joined = realloc(stream->input, stream->input_size + size);
	if (joined == NULL)
		return false;
	memcpy(joined + stream->input_size, octets, size);
	stream->input = joined;
	stream->input_size += size;
	stream->shared->held += size;
	return true;
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	(void)suggested;
	*buffer = uv_buf_init((char *)((struct stream *)handle->data)->shared->input, READ_SIZE);
}

static void on_read(uv_stream_t *handle, ssize_t size, const uv_buf_t *buffer)
{
	struct stream *stream = handle->data;
	const uint8_t *octets = (const uint8_t *)buffer->base;

	if (size == 0)
		return;
	if (size < 0) {
		end(stream);
		return;
	}
	if (stream->input_size == 0)
		process(stream, octets, (size_t)size);
	else if (append(stream, octets, (size_t)size))
		process(stream, stream->input, stream->input_size);
	else
		end(stream);
}

int stream_start(struct stream *stream)
{
	return uv_read_start(stream->handle, on_allocate, on_read);
}
