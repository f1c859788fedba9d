/*
 * Fuzzes src/nomad/stream.c and what follows it: the first octet says how the rest is cut into pieces; every frame that
 * comes out is parsed. The pieces must not matter. Inputs in stream/ are named after what they try.
 *
 * SPDX-License-Identifier: MIT
 */
#include "nomad/registrations.h"
#include "nomad/stream.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size);

struct heard {
	size_t frames;
	uint64_t sum;
};

static void hear(void *context, const char *text, size_t size)
{
	struct heard *heard = context;
	struct frame frame;

	heard->frames++;
	for (size_t i = 0; i < size; i++)
		heard->sum = heard->sum * 31 + (uint8_t)text[i];
	if (frame_parse(text, size, &frame) == 0)
		frame_done(&frame);
}

static struct heard feed(const char *octets, size_t size, size_t piece, size_t *beats)
{
	struct heard heard = {0};
	struct stream stream;

	stream_init(&stream);
	for (size_t at = 0; at < size; at += piece)
		if (stream_feed(&stream, octets + at, piece < size - at ? piece : size - at, hear, &heard) < 0)
			break;
	*beats = stream.beats;
	stream_done(&stream);
	return heard;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size)
{
	size_t beats, beats_in_pieces;

	if (size < 2)
		return 0;
	const char *text = (const char *)octets + 1;
	struct heard whole = feed(text, size - 1, size, &beats);
	struct heard pieces = feed(text, size - 1, octets[0] == 0 ? 1 : octets[0], &beats_in_pieces);
	if (whole.frames != pieces.frames || whole.sum != pieces.sum || beats != beats_in_pieces)
		abort();
	return 0;
}
