/*
 * Tests of src/watch/log.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watch/log.h"

#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

enum { LINE_MOST = 4096 };

static int ends[2];

static struct log *begin(void)
{
	unsetenv("JOURNAL_STREAM");
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	struct log *log = log_new(ends[1]);
	ck_assert_ptr_nonnull(log);
	return log;
}

/* All that was written; the log is gone. */
static char *end(struct log *log)
{
	static char text[8 * LOG_ROOM];
	size_t size = 0;

	log_free(log);
	close(ends[1]);
	for (ssize_t more; (more = read(ends[0], text + size, sizeof text - 1 - size)) > 0;)
		size += (size_t)more;
	close(ends[0]);
	text[size] = '\0';
	return text;
}

/* Fills the pipe, so that it takes nothing until it is read. */
static void fill(void)
{
	char octets[LINE_MOST];

	memset(octets, 'x', sizeof octets);
	ck_assert_int_eq(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
	while (write(ends[1], octets, sizeof octets) > 0)
		continue;
	ck_assert_int_eq(fcntl(ends[1], F_SETFL, 0), 0);
}

START_TEST(what_is_urgent_enough_is_a_line)
{
	struct log *log = begin();

	log_say(log, LOG_NOTICE, "one");
	log_say(log, LOG_INFO, "not said");
	log_set_level(log, "error");
	log_say(log, LOG_WARNING, "not said either");
	log_say(log, LOG_ERR, "two\nthree\033[1m");
	log_query(log, "query");
	ck_assert_str_eq(end(log), "nomad-dns-srv: one\nnomad-dns-srv: two.three.[1m\nnomad-dns-srv: query\n");
}
END_TEST

START_TEST(for_the_journal_it_has_its_priority)
{
	setenv("JOURNAL_STREAM", "1:2", 1);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	struct log *log = log_new(ends[1]);
	unsetenv("JOURNAL_STREAM");
	log_say(log, LOG_ERR, "one");
	ck_assert_str_eq(end(log), "<3>one\n");
}
END_TEST

START_TEST(a_long_line_is_cut)
{
	static char text[2 * LINE_MOST];
	struct log *log = begin();

	memset(text, 'l', sizeof text - 1);
	log_say(log, LOG_ERR, text);
	log_say(log, LOG_ERR, "next");
	char *said = end(log);
	ck_assert_ptr_eq(strchr(said, '\n'), said + LINE_MOST - 2);
	ck_assert_str_eq(strchr(said, '\n'), "\nnomad-dns-srv: next\n");
}
END_TEST

static size_t count(const char *text, const char *wanted)
{
	size_t found = 0;

	for (; (text = strstr(text, wanted)) != NULL; text++)
		found++;
	return found;
}

START_TEST(what_finds_no_room_is_counted)
{
	enum { LINES = 10000 };
	struct log *log = begin();

	fill();
	for (int i = 0; i < LINES; i++)
		log_query(log, "a question");
	uint64_t before = log_dropped(log);
	ck_assert_uint_gt(before, 0);
	log_say(log, LOG_ERR, "urgent"); /* the query log leaves some room */
	ck_assert_uint_eq(log_dropped(log), before);

	/* now there is room */
	ck_assert_int_gt(fcntl(ends[1], F_SETPIPE_SZ, 8 * LOG_ROOM), 0);
	char *said = end(log), wanted[96];
	snprintf(wanted, sizeof wanted, "nomad-dns-srv: %lu lines of this log were dropped", (unsigned long)before);
	ck_assert_uint_eq(count(said, "a question\n") + before, LINES);
	ck_assert_uint_eq(count(said, "nomad-dns-srv: urgent\n"), 1);
	ck_assert_uint_eq(count(said, wanted), 1);
}
END_TEST

START_TEST(the_end_does_not_wait_for_ever)
{
	struct log *log = begin();

	fill();
	log_say(log, LOG_ERR, "nobody reads it");
	log_free(log); /* returns; the thread and its memory are the process's to end */
}
END_TEST

START_TEST(without_memory_there_is_none)
{
	unsigned failures = 0;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	for (bool failed = true; failed; failures += failed) {
		support_fail_allocation(failures + 1);
		struct log *log = log_new(ends[1]);
		failed = support_fail_allocation(0);
		ck_assert_int_eq(log == NULL, failed);
		log_free(log);
	}
	ck_assert_uint_eq(failures, 3);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{what_is_urgent_enough_is_a_line, 1}, {for_the_journal_it_has_its_priority, 1}, {a_long_line_is_cut, 1},
		{what_finds_no_room_is_counted, 1},   {the_end_does_not_wait_for_ever, 1},      {without_memory_there_is_none, 1},
	};

	return support_run("log", tests, sizeof tests / sizeof *tests);
}
