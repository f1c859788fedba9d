/*
 * Tests of src/watch/http.c: requests on the daemon's loop, and what their owners may do in the middle of one.
 *
 * SPDX-License-Identifier: MIT
 */
#include "answerer.h"
#include "watch/http.h"

static const char stream_answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{}\n";

/* Somebody who asks. */
static struct {
	struct answerer answerer;
	char *words[1];
	struct config config;
	struct agent agent;
	uv_loop_t loop;
	struct http *http;
	struct watch_request request;
	char heard[64];
	int ends, again; /* how often it has ended, and is to be started again then */
	bool cancels;    /* as soon as something is heard */
	enum agent_result result;
} asker;

static void data_came(struct watch_request *request, const char *octets, size_t size)
{
	ck_assert_uint_lt(strlen(asker.heard) + size, sizeof asker.heard);
	strncat(asker.heard, octets, size);
	if (asker.cancels)
		http_cancel(asker.http, request);
}

static void ended(struct watch_request *request, const struct agent_answer *answer)
{
	asker.ends++;
	asker.result = answer->result;
	if (asker.again-- > 0)
		http_start(asker.http, &asker.agent, request);
}

static void begin(void)
{
	char reason[CONFIG_REASON_MAX];

	memset(&asker, 0, sizeof asker);
	answerer_start(&asker.answerer, stream_answer, sizeof stream_answer - 1);
	asker.words[0] = asker.answerer.address;
	asker.config.addresses = (struct words){1, asker.words};
	ck_assert_int_eq(agent_init(&asker.config, &asker.agent, reason), 0);
	ck_assert_int_eq(uv_loop_init(&asker.loop), 0);
	asker.http = http_new(&asker.loop);
	ck_assert_ptr_nonnull(asker.http);
	asker.request = (struct watch_request){.path = "/v1/event/stream", .is_stream = true, .data = data_came, .done = ended};
}

/* Lets all that is under way come to its end. */
static void run(void)
{
	uv_run(&asker.loop, UV_RUN_DEFAULT);
}

static void end(void)
{
	http_free(asker.http);
	run();
	ck_assert_int_eq(uv_loop_close(&asker.loop), 0);
	agent_done(&asker.agent);
	answerer_stop(&asker.answerer);
}

START_TEST(a_request_that_is_started_again_at_its_end_runs_again)
{
	begin();
	asker.again = 2;
	http_start(asker.http, &asker.agent, &asker.request);
	run();
	ck_assert_int_eq(asker.ends, 3);
	ck_assert_int_eq(asker.result, AGENT_BELIEVED);
	ck_assert_str_eq(asker.heard, "{}\n{}\n{}\n");
	end();
}
END_TEST

START_TEST(a_stream_that_is_cancelled_by_who_hears_it_does_not_end)
{
	begin();
	asker.cancels = true;
	http_start(asker.http, &asker.agent, &asker.request);
	run();
	ck_assert_str_eq(asker.heard, "{}\n");
	ck_assert_int_eq(asker.ends, 0);
	end();
}
END_TEST

/* Each allocation that a request needs fails once: it ends all the same, once, and not before it was started. */
START_TEST(a_request_without_memory_ends_too)
{
	bool failed = true;

	for (unsigned int nth = 1; failed; nth++) {
		begin();
		support_fail_allocation(nth);
		http_start(asker.http, &asker.agent, &asker.request);
		failed = support_fail_allocation(0);
		ck_assert_int_eq(asker.ends, 0);
		run();
		ck_assert_int_eq(asker.ends, 1);
		ck_assert_int_eq(asker.result, failed ? AGENT_NO_MEMORY : AGENT_BELIEVED);
		ck_assert_uint_eq(http_results(asker.http)[AGENT_NO_MEMORY], failed);
		end();
		ck_assert(!failed || nth < 100);
	}
}
END_TEST

START_TEST(a_request_without_memory_can_be_cancelled)
{
	for (unsigned int nth = 1; nth <= 2; nth++) {
		begin();
		support_fail_allocation(nth);
		http_start(asker.http, &asker.agent, &asker.request);
		ck_assert(support_fail_allocation(0));
		http_cancel(asker.http, &asker.request);
		run();
		ck_assert_int_eq(asker.ends, 0);
		end();
	}
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{a_request_that_is_started_again_at_its_end_runs_again, 1},
		{a_stream_that_is_cancelled_by_who_hears_it_does_not_end, 1},
		{a_request_without_memory_ends_too, 1},
		{a_request_without_memory_can_be_cancelled, 1},
	};

	return support_run("http", tests, sizeof tests / sizeof *tests);
}
