/*
 * Misspelled words (src/nearest.c).
 *
 * SPDX-License-Identifier: MIT
 */
#include "nearest.h"

#include "support.h"

#include <string.h>

static const struct {
	const char *a, *b;
	size_t distance;
} distances[] = {
	{"", "", 0},         {"", "abc", 3},         {"redis", "redis", 0},  {"reddis", "redis", 1}, {"rdeis", "redis", 1},
	{"REDIS", "redis", 0}, {"adress", "address", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3},   {"nomda", "nomad", 1},
};

START_TEST(distance_counts_letters)
{
	ck_assert_uint_eq(nearest_distance(distances[_i].a, distances[_i].b), distances[_i].distance);
	ck_assert_uint_eq(nearest_distance(distances[_i].b, distances[_i].a), distances[_i].distance);
}
END_TEST

START_TEST(a_long_word_is_near_to_nothing)
{
	char longest[NEAREST_WORD_MAX + 1];

	memset(longest, 'a', sizeof longest);
	longest[NEAREST_WORD_MAX] = '\0';
	ck_assert_uint_eq(nearest_distance(longest, "a"), NEAREST_WORD_MAX);
	ck_assert(!nearest_is_near(longest, "b"));
	longest[NEAREST_WORD_MAX - 1] = '\0';
	ck_assert_uint_eq(nearest_distance(longest, longest), 0);
}
END_TEST

START_TEST(what_may_have_been_meant)
{
	ck_assert(nearest_is_near("adress", "address"));
	ck_assert(nearest_is_near("max_stale", "max-stale"));
	ck_assert(nearest_is_near("warn", "warning"));
	ck_assert(!nearest_is_near("to", "token-file"));
	ck_assert(!nearest_is_near("x", "redis"));
	ck_assert(!nearest_is_near("postgres", "redis"));
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{distance_counts_letters, sizeof distances / sizeof *distances},
		{a_long_word_is_near_to_nothing, 1},
		{what_may_have_been_meant, 1},
	};

	return support_run("nearest", tests, sizeof tests / sizeof *tests);
}
