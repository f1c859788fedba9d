/*
 * What the unit tests share: running them, memory that ends where it must, memory that runs out, files in a folder
 * that is removed again, and results as text. Used by every tests/unit/test_*.c.
 *
 * Every test program is linked with -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc, so that support_fail_allocation()
 * can make one of the allocations in our own objects fail; those of shared libraries are not touched. The check
 * library is linked statically: nothing is asserted while a failure is ordered.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_TEST_SUPPORT_H
#define NSS_NOMAD_TEST_SUPPORT_H

#include "record.h"
#include "service.h"

#include <check.h>
#include <netdb.h>
#include <nss.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SUPPORT_PATH_MAX = 256,  /* octets with the NUL, of a path below support_folder() */
	SUPPORT_TEXT_MAX = 4096, /* octets with the NUL, of a result as text */
	SUPPORT_SECONDS = 60,    /* of patience with one test, also under valgrind */
};

/* 1 where a function takes as much stack as in earnest: optimized, and without a sanitizer. */
#if !defined(__OPTIMIZE__) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SUPPORT_REAL_FRAMES = 0 };
#elif defined(__has_feature)
enum { SUPPORT_REAL_FRAMES = !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer) };
#else
enum { SUPPORT_REAL_FRAMES = 1 };
#endif

/* A test, and how often it runs: for each row of a table, with _i the row, or once. */
struct support_test {
	const TTest *test;
	size_t times;
};

/* Runs the tests and removes what support_folder() made, also where a test died; what main() returns. */
int support_run(const char *name, const struct support_test *tests, size_t count);

/* A new empty folder of the running test, mode 0700; `path` has room for SUPPORT_PATH_MAX. */
void support_folder(char *path);

/*
 * A new folder of all caches, as it is installed; and the path of our user's in it, of this network, which is not there
 * yet. SUPPORT_PATH_MAX each.
 */
void support_caches(char *dir, char *own);

/* PATH/NAME in a buffer of SUPPORT_PATH_MAX. */
void support_path(const char *folder, const char *name, char *path);

/* Makes a folder and those above it, mode 0755. */
void support_make_folder(const char *path);

/* Replaces a file as a writer does: under another name first, then rename(). Mode 0644; its folder is made too. */
void support_write(const char *path, const void *bytes, size_t size);

/* The same with a record's bytes. */
void support_write_record(const char *path, const struct record *record);

/* `size` octets of memory whose end is followed by a page that may not be touched; released with support_unfence(). */
void *support_fence(size_t size);
void support_unfence(void *fenced, size_t size);

/*
 * From now on the nth allocation (1: the next) in this process gives NULL, once; 0: none. True where the last
 * one that was ordered did fail, so that a test can count up until everything has failed once.
 */
bool support_fail_allocation(unsigned nth);

/*
 * A service from text, one instance a line: NAMESPACE SERVICE ALLOCATION ADDRESSES PORT TAGS, the lists with commas,
 * - for an empty one. An address that is none becomes the host name. Lines of one spelling stand together.
 * Released with free().
 */
struct service *support_service(const char *text);

/* A record that was just made, FOUND where there is a service, complete. */
struct record support_record(const char *namespace, const char *service_name, enum verdict verdict,
                             const struct service *service);

/* A name, read as NAME_SERVICE_LABEL. */
struct name support_name(const char *text);

/* Milliseconds since 1970. */
uint64_t support_now(void);

/* Results as text, in a buffer that the next call of the same function overwrites. */
const char *support_verdict(enum verdict verdict);
const char *support_addresses(const struct address *addresses, size_t count);
const char *support_instances(const struct service *service);
const char *support_hostent(const struct hostent *host);
const char *support_tuples(const struct gaih_addrtuple *tuples);

enum { SUPPORT_JOINED_MAX = 16 * 1024 };

/* Texts, each with a space behind it, sorted in place; valid until the next but one. */
const char *support_join(const char *texts[], size_t count);

/* Seals a directory as the daemon does, once all is in it that should be (published.h). */
void support_seal(const char *path);

enum { SUPPORT_WAITERS_MAX = 16 };

/* Says that the thread that calls it is going to wait, with nanosleep(). */
void support_will_wait(void);

/*
 * Waits until that many threads have said so and sleep; then they are forgotten. One that has missed the cache and not yet
 * looked at a lock would find it free when it is let go, and be right to go on.
 */
void support_wait_for_waiters(int count);

#endif
