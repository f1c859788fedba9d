/*
 * Tests of src/watch/resolve.c and resolve_turns.c, with name servers that answer when the test says so.
 *
 * SPDX-License-Identifier: MIT
 */
#include "support.h"
#include "watch/resolve.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASKED_MOST = 64, NAME_MOST = 64, NAMES = 5000 };

/* What is asked, in place of libuv's own. */
static struct asked {
	uv_getaddrinfo_t *request;
	uv_getaddrinfo_cb done;
	char name[NAME_MOST];
} asked[ASKED_MOST];

static size_t told;

int uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *request, uv_getaddrinfo_cb done, const char *node,
                   const char *service, const struct addrinfo *hints)
{
	(void)service;
	(void)hints;
	request->loop = loop;
	for (size_t i = 0; i < ASKED_MOST; i++)
		if (asked[i].request == NULL) {
			asked[i] = (struct asked){.request = request, .done = done};
			snprintf(asked[i].name, sizeof asked[i].name, "%s", node);
			return 0;
		}
	return UV_ENOMEM;
}

void uv_freeaddrinfo(struct addrinfo *list)
{
	(void)list;
}

int uv_cancel(uv_req_t *request)
{
	(void)request;
	return UV_EBUSY;
}

/* Ends all questions for a name: there is none. */
static void answer(const char *name)
{
	for (size_t i = 0; i < ASKED_MOST; i++)
		if (asked[i].request != NULL && strcmp(asked[i].name, name) == 0) {
			struct asked one = asked[i];
			asked[i].request = NULL;
			one.done(one.request, UV_EAI_NONAME, NULL);
		}
}

/* How many questions there are for names that begin so. */
static size_t count_asked(const char *start)
{
	size_t count = 0;

	for (size_t i = 0; i < ASKED_MOST; i++)
		count += asked[i].request != NULL && strncmp(asked[i].name, start, strlen(start)) == 0;
	return count;
}

static void changed(void *context)
{
	(void)context;
	told++;
}

static uv_loop_t loop;

static struct resolver *begin(void)
{
	memset(asked, 0, sizeof asked);
	told = 0;
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	struct resolver *resolver = resolver_new(&loop, changed, NULL);
	ck_assert_ptr_nonnull(resolver);
	return resolver;
}

/* Ends, and with it what is under way. */
static void end(struct resolver *resolver)
{
	resolver_free(resolver);
	for (size_t i = 0; i < ASKED_MOST; i++)
		if (asked[i].request != NULL)
			answer(asked[i].name);
	uv_loop_close(&loop);
}

static void find_many(struct resolver *resolver, const char *namespace, unsigned count)
{
	char name[NAME_MOST];

	for (unsigned i = 0; i < count; i++) {
		snprintf(name, sizeof name, "%s-%u.example", namespace, i);
		ck_assert(resolver_find(resolver, namespace, name).awaited);
	}
}

START_TEST(dead_names_of_one_namespace_do_not_hold_up_anothers)
{
	struct resolver *resolver = begin();

	find_many(resolver, "bad", 12);
	ck_assert_uint_le(count_asked("bad"), 2 * RESOLVE_AT_ONCE / 2);
	find_many(resolver, "worse", 12);
	find_many(resolver, "good", 1);
	ck_assert_uint_eq(2, count_asked("good")); /* at once */
	answer("good-0.example");
	ck_assert_uint_eq(1, told);
	ck_assert(resolver_has_news(resolver, "GOOD-0.example") && !resolver_has_news(resolver, "bad-0.example"));
	ck_assert(resolver_is_busy(resolver));
	resolver_told(resolver);
	ck_assert(!resolver_has_news(resolver, "good-0.example"));
	end(resolver);
}
END_TEST

START_TEST(a_name_that_two_have_waits_where_fewer_do)
{
	struct resolver *resolver = begin();

	find_many(resolver, "bad", 40);
	ck_assert_uint_eq(0, count_asked("bad-39."));
	resolver_find(resolver, "good", "bad-39.example");
	ck_assert_uint_eq(2, count_asked("bad-39."));
	end(resolver);
}
END_TEST

START_TEST(all_have_their_turn)
{
	struct resolver *resolver = begin();
	char name[NAME_MOST];

	find_many(resolver, "one", NAMES);
	for (unsigned i = 0; i < NAMES; i++) {
		snprintf(name, sizeof name, "one-%u.example", i);
		ck_assert_uint_eq(2, count_asked(name)); /* in the order in which they came */
		ck_assert_uint_le(count_asked("one"), 2 * RESOLVE_AT_ONCE);
		answer(name);
	}
	ck_assert_uint_eq(NAMES, told);
	ck_assert_uint_eq(NAMES, resolver_count(resolver));
	ck_assert_uint_eq(0, count_asked("one"));
	resolver_refresh(resolver);
	resolver_refresh(resolver); /* nobody has marked any */
	ck_assert_uint_eq(0, resolver_count(resolver));
	end(resolver);
}
END_TEST

START_TEST(one_namespace_has_no_more_names_than_its_part)
{
	struct resolver *resolver = begin();
	char name[NAME_MOST];

	find_many(resolver, "bad", RESOLVE_NAMES / RESOLVE_SHARE);
	ck_assert_uint_eq(0, resolver_refused(resolver));
	struct registry_host found = resolver_find(resolver, "bad", "one-more.example");
	ck_assert_uint_eq(1, resolver_refused(resolver));
	ck_assert(!found.awaited && found.count == 0 && found.unresolved == FAMILY_ANY);
	snprintf(name, sizeof name, "good.example");
	ck_assert(resolver_find(resolver, "good", name).awaited);
	end(resolver);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{dead_names_of_one_namespace_do_not_hold_up_anothers, 1},
		{a_name_that_two_have_waits_where_fewer_do, 1},
		{all_have_their_turn, 1},
		{one_namespace_has_no_more_names_than_its_part, 1},
	};

	return support_run("resolve", tests, sizeof tests / sizeof *tests);
}
