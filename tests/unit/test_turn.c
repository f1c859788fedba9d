/*
 * Tests of src/dns/turn.c, by a clock that goes as the test says.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dns/tcp.h"
#include "dns/turn.h"
#include "support.h"

enum { PLACES = 8, MILLISECOND = 1000000, ANSWERS_MOST = 1000 };

static uv_loop_t loop;
static uv_timer_t far_off; /* keeps the loop alive */
static struct turn turn;
static struct turn_place places[PLACES];
static uint64_t moment;
static unsigned gone, cost; /* how often somebody's turn has come; milliseconds that each answer takes */

static uint64_t now(void)
{
	return moment;
}

static void answer(void)
{
	moment += (uint64_t)cost * MILLISECOND;
	turn_spend(&turn, TCP_QUESTION_COST);
}

/* Answers as much as may be, and waits again. */
static void go(struct turn_place *place)
{
	gone++;
	while (!turn_is_over(&turn))
		answer();
	turn_wait(&turn, place);
}

static void nothing(uv_timer_t *timer)
{
	(void)timer;
}

static void begin(unsigned milliseconds)
{
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	uv_timer_init(&loop, &far_off);
	uv_timer_start(&far_off, nothing, 3600 * 1000, 0);
	turn_init(&turn, &loop, go);
	turn.clock = now;
	moment = 1;
	gone = 0;
	cost = milliseconds;
	memset(places, 0, sizeof places);
}

static void end(void)
{
	for (size_t i = 0; i < PLACES; i++)
		turn_leave(&places[i]);
	turn_close(&turn, NULL, NULL);
	uv_close((uv_handle_t *)&far_off, NULL);
	ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

/* Answers until the turn is over; how many. */
static unsigned answers(void)
{
	unsigned count = 0;

	for (; !turn_is_over(&turn) && count < ANSWERS_MOST; count++)
		answer();
	return count;
}

START_TEST(time_ends_a_turn_and_not_octets_alone)
{
	begin(1);
	unsigned count = answers();
	ck_assert_uint_ge(count, TURN_TIME);
	ck_assert_uint_le(count, TURN_TIME + TURN_LOOKS);
	ck_assert_uint_lt(count * TCP_QUESTION_COST, TCP_TURN_MAX);
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert(!turn_is_over(&turn)); /* the next one */
	end();
}
END_TEST

START_TEST(what_the_loop_sleeps_is_not_counted)
{
	begin(1);
	for (int i = 0; i < 5; i++) {
		answer();
		uv_run(&loop, UV_RUN_NOWAIT);
		moment += 1000 * (uint64_t)MILLISECOND;
		answer();
		ck_assert(!turn_is_over(&turn));
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	end();
}
END_TEST

START_TEST(who_waits_has_a_turn_of_its_own_time_in_the_order_of_the_queue)
{
	begin(3);
	for (size_t i = 0; i < PLACES; i++)
		turn_wait(&turn, &places[i]);
	for (unsigned i = 1; i <= PLACES; i++) {
		uint64_t before = moment;
		uv_run(&loop, UV_RUN_NOWAIT);
		ck_assert_uint_eq(gone, i); /* the first takes all of it */
		ck_assert_uint_le(moment - before, (TURN_TIME + TURN_LOOKS * 3) * (uint64_t)MILLISECOND);
	}
	end();
}
END_TEST

START_TEST(octets_end_a_turn_whatever_the_time)
{
	begin(0);
	turn_spend(&turn, TCP_TURN_MAX - 1);
	ck_assert(!turn_is_over(&turn));
	turn_spend(&turn, 1);
	ck_assert(turn_is_over(&turn));
	end();
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{time_ends_a_turn_and_not_octets_alone, 1},
		{what_the_loop_sleeps_is_not_counted, 1},
		{who_waits_has_a_turn_of_its_own_time_in_the_order_of_the_queue, 1},
		{octets_end_a_turn_whatever_the_time, 1},
	};

	return support_run("turn", tests, sizeof tests / sizeof *tests);
}
