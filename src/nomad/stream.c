/*
 * Framing of the event stream; see stream.h. Called by watch/watcher.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST_ROOM = 4096,      /* octets: a frame of a few events */
	KEPT_ROOM = 256 * 1024, /* octets that are kept for the next line; the room for a giant is given back */
};

void stream_init(struct stream *stream)
{
	*stream = (struct stream){0};
}

void stream_done(struct stream *stream)
{
	free(stream->line);
	stream_init(stream);
}

static int keep(struct stream *stream, const char *bytes, size_t size)
{
	size_t room = stream->room > 0 ? stream->room : FIRST_ROOM;

	if (size > STREAM_LINE_MAX - stream->used)
		return -EMSGSIZE;
	while (room < stream->used + size)
		room *= 2;
	if (room > stream->room) {
		char *line = realloc(stream->line, room);
		if (line == NULL)
			return -ENOMEM;
		stream->line = line;
		stream->room = room;
	}
	memcpy(stream->line + stream->used, bytes, size);
	stream->used += size;
	return 0;
}

static void forget(struct stream *stream)
{
	stream->used = 0;
	if (stream->room <= KEPT_ROOM)
		return;
	free(stream->line);
	stream->line = NULL;
	stream->room = 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void take_line(struct stream *stream, const char *text, size_t size, stream_frame frame, void *context)
{
	while (size > 0 && is_blank(text[size - 1]))
		size--;
	while (size > 0 && is_blank(text[0])) {
		text++;
		size--;
	}
	if (size == 2 && memcmp(text, "{}", 2) == 0)
		stream->beats++;
	else if (size > 0)
		frame(context, text, size);
}

int stream_feed(struct stream *stream, const char *bytes, size_t size, stream_frame frame, void *context)
{
	while (size > 0) {
		const char *newline = memchr(bytes, '\n', size);
		size_t length = newline == NULL ? size : (size_t)(newline - bytes);

		if (newline == NULL || stream->used > 0) {
			int result = keep(stream, bytes, length);
			if (result < 0 || newline == NULL)
				return result;
			take_line(stream, stream->line, stream->used, frame, context);
			forget(stream);
		} else {
			take_line(stream, bytes, length, frame, context);
		}
		bytes += length + 1;
		size -= length + 1;
	}
	return 0;
}
