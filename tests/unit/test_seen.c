/*
 * Tests of src/dns/seen.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dns/seen.h"
#include "support.h"

#include <stdlib.h>

static bool same(const void *a, const void *b)
{
	return *(const unsigned *)a == *(const unsigned *)b;
}

static const size_t sizes[] = {1, 3, 100, SEEN_MOST};

START_TEST(an_item_is_new_once)
{
	static unsigned items[SEEN_MOST];
	struct seen *seen = seen_new(SEEN_MOST);

	seen_reset(seen, sizes[_i]);
	for (unsigned i = 0; i < sizes[_i]; i++) {
		items[i] = i;
		ck_assert(seen_add(seen, i * 7, &items[i], same)); /* some in one place, some apart */
		ck_assert(!seen_add(seen, i * 7, &items[i], same));
	}
	for (unsigned i = 0; i < sizes[_i]; i++)
		ck_assert(!seen_add(seen, i * 7, &items[i], same));
	seen_reset(seen, sizes[_i]);
	ck_assert(seen_add(seen, 0, &items[0], same));
	free(seen);
}
END_TEST

START_TEST(a_full_set_takes_nothing_more)
{
	static unsigned items[2 * SEEN_MOST];
	struct seen *seen = seen_new(SEEN_MOST);
	unsigned taken = 0;

	seen_reset(seen, 4);
	for (unsigned i = 0; i < 2 * SEEN_MOST; i++) {
		items[i] = i;
		taken += seen_add(seen, i, &items[i], same);
	}
	ck_assert_uint_eq(taken, 8);
	free(seen);
}
END_TEST

START_TEST(what_was_seen_ages_ago_is_forgotten)
{
	unsigned item = 1;
	struct seen *seen = seen_new(SEEN_MOST);

	seen_reset(seen, 1);
	ck_assert(seen_add(seen, 0, &item, same));
	seen->generation = UINT32_MAX;
	seen_reset(seen, 1); /* wraps to the generation of the first item */
	ck_assert(seen_add(seen, 0, &item, same));
	free(seen);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{an_item_is_new_once, sizeof sizes / sizeof *sizes},
		{a_full_set_takes_nothing_more, 1},
		{what_was_seen_ages_ago_is_forgotten, 1},
	};

	return support_run("seen", tests, sizeof tests / sizeof *tests);
}
