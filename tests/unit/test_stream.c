/*
 * Tests of src/nomad/stream.c: the event stream cut into pieces of every size. The recordings are a real agent's.
 *
 * SPDX-License-Identifier: MIT
 */
#include "nomad/registrations.h"
#include "nomad/stream.h"
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORDING_MAX = 64 * 1024 };

/* What came out: how many frames and events, and a sum over all their octets. */
struct heard {
	size_t frames, events, unreadable;
	uint64_t sum;
};

static void hear(void *context, const char *text, size_t size)
{
	struct heard *heard = context;
	struct frame frame;

	for (size_t i = 0; i < size; i++)
		heard->sum = heard->sum * 31 + (uint8_t)text[i];
	heard->frames++;
	if (frame_parse(text, size, &frame) < 0) {
		heard->unreadable++;
		return;
	}
	heard->events += frame.count;
	frame_done(&frame);
}

/* A recording's body; `size` octets in a buffer that the next call overwrites. */
static const char *body_of(const char *name, size_t *size)
{
	static char octets[RECORDING_MAX];
	char path[SUPPORT_PATH_MAX];

	snprintf(path, sizeof path, "tests/recordings/%s.http", name);
	FILE *file = fopen(path, "re");
	ck_assert_msg(file != NULL, "%s: run this from the project's own folder", path);
	size_t all = fread(octets, 1, sizeof octets - 1, file);
	fclose(file);
	octets[all] = '\0';
	char *body = strstr(octets, "\r\n\r\n");
	ck_assert_ptr_nonnull(body);
	*size = all - (size_t)(body + 4 - octets);
	return body + 4;
}

static struct heard feed(const char *octets, size_t size, size_t piece, size_t *beats)
{
	struct heard heard = {0};
	struct stream stream;

	stream_init(&stream);
	for (size_t at = 0; at < size; at += piece)
		ck_assert_int_eq(stream_feed(&stream, octets + at, piece < size - at ? piece : size - at, hear, &heard), 0);
	*beats = stream.beats;
	stream_done(&stream);
	return heard;
}

/* Counted by another JSON parser. */
static const struct {
	const char *name;
	size_t beats, frames, events;
} recordings[] = {
	{"stream-life", 3, 29, 33},     {"stream-many", 1, 1, 30},    {"stream-node-lost", 3, 2, 4},
	{"stream-server-paused", 1, 3, 4}, {"stream-backlog", 1, 42, 48}, {"acl-none-stream", 0, 0, 0},
	{"acl-revoked-stream", 1, 0, 0},
};

START_TEST(recordings_are_the_same_in_pieces_of_every_size)
{
	static const size_t pieces[] = {RECORDING_MAX, 1, 2, 3, 7, 64, 1000, 4096};
	size_t size, beats;
	const char *body = body_of(recordings[_i].name, &size);
	struct heard whole = feed(body, size, RECORDING_MAX, &beats);

	ck_assert_uint_eq(beats, recordings[_i].beats);
	ck_assert_uint_eq(whole.frames, recordings[_i].frames);
	ck_assert_uint_eq(whole.events, recordings[_i].events);
	ck_assert_uint_eq(whole.unreadable, 0);
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		struct heard heard = feed(body, size, pieces[i], &beats);
		ck_assert_uint_eq(beats, recordings[_i].beats);
		ck_assert_uint_eq(heard.sum, whole.sum);
		ck_assert_uint_eq(heard.frames, whole.frames);
		ck_assert_uint_eq(heard.events, whole.events);
	}
}
END_TEST

START_TEST(a_recording_cut_in_two_anywhere_is_the_same)
{
	size_t size, beats;
	const char *body = body_of("stream-node-lost", &size);
	struct heard whole = feed(body, size, size, &beats);

	for (size_t cut = 1; cut < size; cut++) {
		struct heard heard = {0};
		struct stream stream;
		stream_init(&stream);
		ck_assert_int_eq(stream_feed(&stream, body, cut, hear, &heard), 0);
		ck_assert_int_eq(stream_feed(&stream, body + cut, size - cut, hear, &heard), 0);
		ck_assert_uint_eq(heard.sum, whole.sum);
		ck_assert_uint_eq(stream.beats, beats);
		stream_done(&stream);
	}
}
END_TEST

START_TEST(a_frame_without_its_end_is_none)
{
	size_t size, beats;
	const char *body = body_of("stream-many", &size);
	size_t cut = size - (body[size - 1] == '\n' ? 5 : 4);

	ck_assert_uint_eq(feed(body, cut, 100, &beats).frames, 0);
	ck_assert_uint_eq(beats, 1);
}
END_TEST

START_TEST(blank_lines_and_carriage_returns_are_no_frames)
{
	static const char octets[] = "\n\r\n  \n{}\r\n {} \n{ }\n";
	size_t beats;
	struct heard heard = feed(octets, sizeof octets - 1, 3, &beats);

	ck_assert_uint_eq(beats, 2);
	ck_assert_uint_eq(heard.frames, 1);
}
END_TEST

START_TEST(a_line_of_64_MiB_is_taken_and_a_longer_one_refused)
{
	enum { PIECE = 1024 * 1024 };
	char *piece = malloc(PIECE);
	struct heard heard = {0};
	struct stream stream;

	memset(piece, 'x', PIECE);
	stream_init(&stream);
	for (int i = 0; i < STREAM_LINE_MAX / PIECE; i++)
		ck_assert_int_eq(stream_feed(&stream, piece, PIECE, hear, &heard), 0);
	ck_assert_int_eq(stream_feed(&stream, "x", 1, hear, &heard), -EMSGSIZE);
	stream_done(&stream);
	ck_assert_int_eq(stream_feed(&stream, "\n{}\n", 4, hear, &heard), 0);
	ck_assert_uint_eq(stream.beats, 1);
	ck_assert_uint_eq(heard.frames, 0);
	stream_done(&stream);
	free(piece);
}
END_TEST

START_TEST(room_for_a_giant_is_given_back)
{
	enum { GIANT = 4 * 1024 * 1024 };
	char *giant = malloc(GIANT);
	struct heard heard = {0};
	struct stream stream;

	memset(giant, 'x', GIANT);
	giant[GIANT - 1] = '\n';
	stream_init(&stream);
	ck_assert_int_eq(stream_feed(&stream, "{", 1, hear, &heard), 0);
	ck_assert_int_eq(stream_feed(&stream, giant, GIANT, hear, &heard), 0);
	ck_assert_uint_eq(heard.frames, 1);
	ck_assert_uint_eq(stream.room, 0);
	stream_done(&stream);
	free(giant);
}
END_TEST

START_TEST(without_memory_it_fails_and_nothing_is_heard)
{
	struct heard heard = {0};
	struct stream stream;

	stream_init(&stream);
	support_fail_allocation(1);
	int result = stream_feed(&stream, "{\"Events", 8, hear, &heard);
	ck_assert(support_fail_allocation(0));
	ck_assert_int_eq(result, -ENOMEM);
	ck_assert_uint_eq(heard.frames, 0);
	stream_done(&stream);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{recordings_are_the_same_in_pieces_of_every_size, sizeof recordings / sizeof *recordings},
		{a_recording_cut_in_two_anywhere_is_the_same, 1},
		{a_frame_without_its_end_is_none, 1},
		{blank_lines_and_carriage_returns_are_no_frames, 1},
		{a_line_of_64_MiB_is_taken_and_a_longer_one_refused, 1},
		{room_for_a_giant_is_given_back, 1},
		{without_memory_it_fails_and_nothing_is_heard, 1},
	};

	return support_run("stream", tests, sizeof tests / sizeof *tests);
}
