/*
 * Tests of src/lookup.c: the stack it needs, for programs with small threads.
 *
 * SPDX-License-Identifier: MIT
 */
#include "lookup.h"
#include "published.h"
#include "support.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char published[SUPPORT_PATH_MAX];
static struct lookup_places places;

/* A daemon's folder with one service. */
static void set_up(void)
{
	char path[SUPPORT_PATH_MAX];
	struct service *service = support_service("prod web 11111111-0000-4000-8000-000000000001 10.0.0.1 80 blue\n");
	struct record record = support_record("prod", "web", VERDICT_FOUND, service);

	support_folder(published);
	support_path(published, "services/prod/web", path);
	support_write_record(path, &record);
	support_path(published, "alive", path);
	support_write(path, published_texts[PUBLISHED_ALL].text, published_texts[PUBLISHED_ALL].size);
	places = (struct lookup_places){.published = published, .cache = published};
	free(service);
}

enum { MOST = (SUPPORT_REAL_FRAMES ? 3 : 1024) * 1024, STACK = 2 * 1024 * 1024, UNTOUCHED = 0x5a };

/* A thread's stack, and how far below the thread's own function a lookup reached. */
struct depth {
	uint8_t *stack;
	size_t used;
	enum verdict verdict;
};

static void *measure(void *context)
{
	struct depth *depth = context;
	struct lookup_result result;
	size_t untouched = 0;
	uint8_t *seen = malloc(STACK);

	lookup_run("blue.web.prod.nomad", &places, NULL, NULL, &result);
	depth->verdict = result.verdict;
	lookup_done(&result);
	/* by way of the kernel: valgrind lets nobody look below the stack pointer */
	int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(pread(memory, seen, STACK, (off_t)(uintptr_t)depth->stack), STACK);
	close(memory);
	while (seen[untouched] == UNTOUCHED)
		untouched++;
	depth->used = (size_t)((uint8_t *)&result - depth->stack) - untouched;
	free(seen);
	return NULL;
}

/*
 * Our own frames are below 2 KiB on the longest way down, where a record is read as a whole; the rest is what libc
 * needs for malloc(), open() and the like.
 */
START_TEST(a_lookup_needs_little_stack)
{
	struct depth depth = {.stack = aligned_alloc(4096, STACK)};
	pthread_attr_t attributes;
	pthread_t thread;

	set_up();
	memset(depth.stack, UNTOUCHED, STACK);
	ck_assert_int_eq(pthread_attr_init(&attributes), 0);
	ck_assert_int_eq(pthread_attr_setstack(&attributes, depth.stack, STACK), 0);
	ck_assert_int_eq(pthread_create(&thread, &attributes, measure, &depth), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attributes);
	free(depth.stack);
	ck_assert_int_eq(depth.verdict, VERDICT_FOUND);
	ck_assert_msg(depth.used < MOST, "%zu octets", depth.used);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{a_lookup_needs_little_stack, 1},
	};

	return support_run("lookup_stack", tests, sizeof tests / sizeof *tests);
}
