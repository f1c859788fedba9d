/*
 * Tests of src/watch/draft.c and ids.c: instances are found by their IDs however many there are, and however they come and go.
 *
 * SPDX-License-Identifier: MIT
 */
#include "support.h"
#include "watch/draft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IDS = 3000, STEPS = 40000, ID_MAX = 16 };

static char ids[IDS][ID_MAX];
static unsigned drawn;

/* The same numbers in each run. */
static unsigned draw(unsigned below)
{
	drawn = drawn * 1664525 + 1013904223;
	return (unsigned)((uint64_t)drawn * below >> 32);
}

static struct registered item(unsigned number, uint64_t modified)
{
	return (struct registered){"default", "web", {.id = ids[number], .allocation = "a", .node = "n", .job = "j",
	                                              .datacenter = "d", .modified = modified}};
}

static struct draft *begin(void)
{
	static const struct service_key key = {"default", "web"};

	drawn = 20261130;
	for (unsigned i = 0; i < IDS; i++)
		snprintf(ids[i], sizeof ids[i], "_nomad-%u", i);
	struct draft *draft = draft_new(&key, NULL);
	ck_assert_ptr_nonnull(draft);
	return draft;
}

static void put(struct draft *draft, struct pool *pool, unsigned number, uint64_t modified)
{
	struct registered one = item(number, modified);

	ck_assert_int_eq(0, draft_add(draft, &one, pool));
}

START_TEST(each_is_found_as_it_was_put_last)
{
	static uint64_t known[IDS];
	struct draft *draft = begin();
	struct pool pool = {NULL};
	size_t count = 0;

	for (uint64_t step = 1; step <= STEPS; step++) {
		unsigned number = draw(IDS);
		struct registered *found = draft_find(draft, "default", "web", ids[number]);
		ck_assert_int_eq(known[number] != 0, found != NULL);
		if (found != NULL) {
			ck_assert_str_eq(ids[number], found->instance.id);
			ck_assert_uint_eq(known[number], found->instance.modified);
			draft_remove(draft, found);
			count--;
			known[number] = 0;
		}
		if (draw(3) > 0) {
			put(draft, &pool, number, step);
			count++;
			known[number] = step;
		}
		if (draw(STEPS / 4) == 0) {
			draft_remove_spelling(draft, "default", "web");
			memset(known, 0, sizeof known);
			count = 0;
		}
		ck_assert_uint_eq(count, draft->count);
		ck_assert_ptr_null(draft_find(draft, "default", "Web", ids[number]));
	}
	draft_free(draft);
	pool_done(&pool);
}
END_TEST

START_TEST(looking_for_many_costs_a_look_each)
{
	struct draft *draft = begin();
	struct pool pool = {NULL};

	for (unsigned i = 0; i < IDS; i++) {
		ck_assert_ptr_null(draft_find(draft, "default", "web", ids[i]));
		put(draft, &pool, i, 1);
	}
	for (unsigned i = 0; i < IDS; i++)
		draft_remove(draft, draft_find(draft, "default", "web", ids[i]));
	ck_assert_uint_eq(0, draft->count);
	ck_assert_uint_lt(draft->looks, 2 * IDS);
	draft_free(draft);
	pool_done(&pool);
}
END_TEST

START_TEST(without_memory_all_are_looked_through)
{
	struct draft *draft = begin();
	struct pool pool = {NULL};

	for (unsigned i = 0; i < 100; i++)
		put(draft, &pool, i, 1);
	for (unsigned i = 0; i < 100; i++) {
		support_fail_allocation(1);
		const struct registered *found = draft_find(draft, "default", "web", ids[i]);
		bool failed = support_fail_allocation(0);
		ck_assert_ptr_nonnull(found);
		ck_assert_int_eq(i >= 4, failed);
	}
	draft_free(draft);
	pool_done(&pool);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{each_is_found_as_it_was_put_last, 1},
		{looking_for_many_costs_a_look_each, 1},
		{without_memory_all_are_looked_through, 1},
	};

	return support_run("draft", tests, sizeof tests / sizeof *tests);
}
