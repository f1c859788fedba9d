/*
 * Tests of nss_nomad.c: what each entry point says, with somebody in the place of src/lookup.c who finds what the test
 * wants. Through glibc and with real files it is tested in tests/system/.
 *
 * SPDX-License-Identifier: MIT
 */
#include "lookup.h"
#include "support.h"

/* In the place of src/lookup.c. */
void found_lookup_places_init(struct lookup_places *places);
void found_lookup_run(const char *text, const struct lookup_places *places, lookup_ask ask, void *context,
                      struct lookup_result *result);
void found_lookup_done(struct lookup_result *result);

#define lookup_run found_lookup_run
#define lookup_done found_lookup_done
#define lookup_places_init found_lookup_places_init
#define HELPER_PROGRAM "/nonexistent/nomad-lookup"
#include "../../nss_nomad.c"
#undef lookup_run
#undef lookup_done
#undef lookup_places_init

#include <string.h>

/* What the next lookup finds, and how many there were. */
static enum verdict found_verdict;
static const char *found_addresses;
static uint32_t found_ttl;
static int lookups, places_read;

void found_lookup_places_init(struct lookup_places *places)
{
	places_read++;
	*places = (struct lookup_places){0};
}

void found_lookup_run(const char *text, const struct lookup_places *places, lookup_ask ask, void *context,
                      struct lookup_result *result)
{
	int cancel_state;

	(void)places;
	(void)context;
	lookups++;
	*result = (struct lookup_result){.verdict = found_verdict, .kind = support_name(text).kind, .ttl = found_ttl};
	ck_assert_ptr_nonnull(ask);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	ck_assert_int_eq(cancel_state, PTHREAD_CANCEL_DISABLE);
	if (found_verdict == VERDICT_FOUND) {
		char words[SUPPORT_TEXT_MAX], *rest = NULL;
		strcpy(words, found_addresses);
		result->addresses = calloc(8, sizeof *result->addresses);
		for (char *word = strtok_r(words, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
			ck_assert(address_parse(word, &result->addresses[result->count++]));
	}
	errno = EBADF; /* as whatever it did may leave it */
}

void found_lookup_done(struct lookup_result *result)
{
	free(result->addresses);
	errno = ENOTTY;
}

static void find(enum verdict verdict, const char *addresses)
{
	found_verdict = verdict;
	found_addresses = addresses;
	found_ttl = 7;
}

enum { BEFORE = 999, ROOM = 1024 }; /* an errno that is none; octets of glibc's own first buffer */

/* What an entry point was given and gave. errnop is errno, as with glibc; or an int of its own. */
struct call {
	enum nss_status status;
	int error, h_error;
	int32_t ttl;
	char *canonical;
	struct hostent host;
	struct gaih_addrtuple first, *tuples;
	_Alignas(16) char buffer[ROOM];
};

static struct call new_call(void)
{
	return (struct call){.error = BEFORE, .h_error = BEFORE, .ttl = BEFORE};
}

/* One of the ways into the module: 4, 3, 2 or 1, as in the functions' names. */
static void enter(struct call *call, int way, const char *name, int family, size_t size)
{
	switch (way) {
	case 4:
		call->status = _nss_nomad_gethostbyname4_r(name, &call->tuples, call->buffer, size, &call->error,
		                                           &call->h_error, &call->ttl);
		break;
	case 3:
		call->status = _nss_nomad_gethostbyname3_r(name, family, &call->host, call->buffer, size, &call->error,
		                                           &call->h_error, &call->ttl, &call->canonical);
		break;
	case 2:
		call->status = _nss_nomad_gethostbyname2_r(name, family, &call->host, call->buffer, size, &call->error,
		                                           &call->h_error);
		break;
	default:
		call->status = _nss_nomad_gethostbyname_r(name, &call->host, call->buffer, size, &call->error,
		                                          &call->h_error);
		break;
	}
}

static const int ways[] = {4, 3, 2, 1};

static const struct row {
	const char *name;
	enum verdict verdict;
	enum nss_status status;
	int error, h_error;
} failures[] = {
	{"web.prod.nomad", VERDICT_UNKNOWN, NSS_STATUS_TRYAGAIN, EAGAIN, TRY_AGAIN},
	{"web.prod.nomad", VERDICT_NO_DATA, NSS_STATUS_NOTFOUND, ENOENT, NO_DATA},
	{"web.prod.nomad", VERDICT_NO_NAME, NSS_STATUS_NOTFOUND, ENOENT, HOST_NOT_FOUND},
	{"example.com", VERDICT_FOUND, NSS_STATUS_UNAVAIL, ENOENT, HOST_NOT_FOUND},
	{"", VERDICT_FOUND, NSS_STATUS_UNAVAIL, ENOENT, HOST_NOT_FOUND},
};

START_TEST(each_verdict_has_its_status)
{
	const struct row *row = &failures[_i];

	find(row->verdict, "10.0.0.1");
	for (size_t way = 0; way < 4; way++) {
		struct call call = new_call();
		enter(&call, ways[way], row->name, AF_INET, ROOM);
		ck_assert_int_eq(call.status, row->status);
		ck_assert_int_eq(call.error, row->error);
		ck_assert_int_eq(call.h_error, row->h_error);
		ck_assert_int_eq(call.ttl, BEFORE);
		ck_assert_ptr_null(call.canonical);
		ck_assert_ptr_null(call.tuples);
	}
}
END_TEST

START_TEST(a_foreign_name_costs_nothing)
{
	lookups = places_read = 0;
	find(VERDICT_FOUND, "10.0.0.1");
	for (size_t way = 0; way < 4; way++) {
		struct call call = new_call();
		enter(&call, ways[way], "www.example.com", AF_INET, ROOM);
	}
	ck_assert_int_eq(lookups, 0);
	ck_assert_int_eq(places_read, 0);
	struct call call = new_call();
	enter(&call, 4, "nomad", AF_UNSPEC, ROOM);
	ck_assert_int_eq(lookups, 1);
	ck_assert_int_eq(places_read, 1);
}
END_TEST

static const struct found {
	const char *addresses;
	int way, family;
	const char *wanted; /* NULL: no data */
} founds[] = {
	{"10.0.0.1", 4, AF_UNSPEC, "web.prod.nomad 10.0.0.1"},
	{"10.0.0.1 2001:db8::1", 4, AF_UNSPEC, "web.prod.nomad 10.0.0.1 2001:db8::1"},
	{"10.0.0.1 2001:db8::1", 3, AF_INET, "web.prod.nomad 10.0.0.1"},
	{"10.0.0.1 2001:db8::1", 3, AF_INET6, "web.prod.nomad 2001:db8::1"},
	{"10.0.0.1 2001:db8::1", 2, AF_INET, "web.prod.nomad 10.0.0.1"},
	{"10.0.0.1 2001:db8::1", 2, AF_INET6, "web.prod.nomad 2001:db8::1"},
	{"2001:db8::1 10.0.0.2 10.0.0.1", 1, AF_INET, "web.prod.nomad 10.0.0.2 10.0.0.1"},
	{"10.0.0.1", 3, AF_INET6, NULL},
	{"10.0.0.1", 2, AF_INET6, NULL},
	{"2001:db8::1", 3, AF_INET, NULL},
	{"2001:db8::1", 1, AF_INET, NULL},
};

START_TEST(each_function_gives_its_family)
{
	const struct found *row = &founds[_i];
	struct call call = new_call();

	find(VERDICT_FOUND, row->addresses);
	h_errno = NO_RECOVERY;
	enter(&call, row->way, "web.prod.nomad.", row->family, ROOM);
	if (row->wanted == NULL) {
		ck_assert_int_eq(call.status, NSS_STATUS_NOTFOUND);
		ck_assert_int_eq(call.error, ENOENT);
		ck_assert_int_eq(call.h_error, NO_DATA);
		return;
	}
	ck_assert_int_eq(call.status, NSS_STATUS_SUCCESS);
	ck_assert_int_eq(call.error, BEFORE);
	ck_assert_int_eq(call.h_error, NETDB_SUCCESS);
	ck_assert_int_eq(h_errno, 0);
	ck_assert_str_eq(row->way == 4 ? support_tuples(call.tuples) : support_hostent(&call.host), row->wanted);
	ck_assert_int_eq(call.ttl, row->way >= 3 ? 7 : BEFORE);
	if (row->way == 3)
		ck_assert_ptr_eq(call.canonical, call.host.h_name);
}
END_TEST

/* As with glibc, where errnop is &errno: whatever the lookup left there is not seen. */
START_TEST(errno_is_set_last_and_left_alone_on_success)
{
	struct call call = new_call();

	find(VERDICT_FOUND, "10.0.0.1");
	errno = BEFORE;
	ck_assert_int_eq(_nss_nomad_gethostbyname4_r("web.prod.nomad", &call.tuples, call.buffer, ROOM, &errno,
	                                             &call.h_error, NULL),
	                 NSS_STATUS_SUCCESS);
	ck_assert_int_eq(errno, BEFORE);
	find(VERDICT_UNKNOWN, NULL);
	ck_assert_int_eq(_nss_nomad_gethostbyname_r("web.prod.nomad", &call.host, call.buffer, ROOM, &errno,
	                                            &call.h_error),
	                 NSS_STATUS_TRYAGAIN);
	ck_assert_int_eq(errno, EAGAIN);
	errno = BEFORE;
	enter(&call, 2, "web.prod.nomad", AF_INET, ROOM);
	ck_assert_int_eq(errno, BEFORE); /* another errnop: this one is nobody's */
}
END_TEST

START_TEST(no_family_but_two_is_known)
{
	static const int families[] = {AF_UNSPEC, AF_UNIX, -1, 12345};

	lookups = 0;
	find(VERDICT_FOUND, "10.0.0.1");
	for (size_t i = 0; i < 4; i++)
		for (int way = 2; way <= 3; way++) {
			struct call call = new_call();
			enter(&call, way, "web.prod.nomad", families[i], ROOM);
			ck_assert_int_eq(call.status, NSS_STATUS_UNAVAIL);
			ck_assert_int_eq(call.error, EAFNOSUPPORT);
			ck_assert_int_eq(call.h_error, HOST_NOT_FOUND);
		}
	ck_assert_int_eq(lookups, 0);
}
END_TEST

START_TEST(a_buffer_too_small_says_so_in_the_one_way_that_is_understood)
{
	find(VERDICT_FOUND, "10.0.0.1 10.0.0.2 10.0.0.3");
	for (size_t way = 0; way < 4; way++) {
		size_t size = 0;
		for (bool fits = false; !fits; size++) {
			struct call call = new_call();
			enter(&call, ways[way], "web.prod.nomad", AF_INET, size);
			fits = call.status == NSS_STATUS_SUCCESS;
			if (fits)
				break;
			ck_assert_int_eq(call.status, NSS_STATUS_TRYAGAIN);
			ck_assert_int_eq(call.error, ERANGE);
			ck_assert_int_eq(call.h_error, NETDB_INTERNAL);
			ck_assert_int_eq(call.ttl, BEFORE);
			ck_assert_ptr_null(call.tuples);
			ck_assert_ptr_null(call.canonical);
			ck_assert_ptr_null(call.host.h_name);
		}
		ck_assert_uint_gt(size, 3 * 4);
	}
}
END_TEST

START_TEST(pointers_may_be_null)
{
	struct call call = new_call();

	find(VERDICT_FOUND, "10.0.0.1");
	ck_assert_int_eq(_nss_nomad_gethostbyname4_r("web.prod.nomad", &call.tuples, call.buffer, ROOM, &call.error,
	                                             &call.h_error, NULL),
	                 NSS_STATUS_SUCCESS);
	ck_assert_int_eq(_nss_nomad_gethostbyname3_r("web.prod.nomad", AF_INET, &call.host, call.buffer, ROOM, &call.error,
	                                             &call.h_error, NULL, NULL),
	                 NSS_STATUS_SUCCESS);
	ck_assert_str_eq(support_hostent(&call.host), "web.prod.nomad 10.0.0.1");
	ck_assert_int_eq(_nss_nomad_gethostbyname4_r("web.prod.nomad", &call.tuples, NULL, 0, &call.error, &call.h_error,
	                                             NULL),
	                 NSS_STATUS_TRYAGAIN);
	ck_assert_int_eq(call.error, ERANGE);
}
END_TEST

START_TEST(the_callers_own_tuple_is_filled)
{
	struct call call = new_call();

	find(VERDICT_FOUND, "10.0.0.1 2001:db8::1");
	call.tuples = &call.first;
	enter(&call, 4, "web.prod.nomad", AF_UNSPEC, ROOM);
	ck_assert_ptr_eq(call.tuples, &call.first);
	ck_assert_str_eq(support_tuples(&call.first), "web.prod.nomad 10.0.0.1 2001:db8::1");
}
END_TEST

START_TEST(no_time_to_live_is_negative)
{
	static const struct {
		uint32_t found;
		int32_t given;
	} times[] = {{0, 0}, {1, 1}, {INT32_MAX, INT32_MAX}, {(uint32_t)INT32_MAX + 1, INT32_MAX}, {UINT32_MAX, INT32_MAX}};

	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		struct call call = new_call();
		find(VERDICT_FOUND, "10.0.0.1");
		found_ttl = times[i].found;
		enter(&call, 4, "web.prod.nomad", AF_UNSPEC, ROOM);
		ck_assert_int_eq(call.ttl, times[i].given);
	}
}
END_TEST

START_TEST(without_memory_nobody_can_tell)
{
	for (size_t way = 0; way < 4; way++) {
		struct call call = new_call();
		find(VERDICT_NO_NAME, NULL);
		support_fail_allocation(1);
		enter(&call, ways[way], "web.prod.nomad", AF_INET, ROOM);
		ck_assert(support_fail_allocation(0));
		ck_assert_int_eq(call.status, NSS_STATUS_TRYAGAIN);
		ck_assert_int_eq(call.error, EAGAIN);
		ck_assert_int_eq(call.h_error, TRY_AGAIN);
	}
}
END_TEST

START_TEST(the_callers_cancel_state_comes_back)
{
	static const int states[] = {PTHREAD_CANCEL_ENABLE, PTHREAD_CANCEL_DISABLE};
	struct call call = new_call();
	int state;

	find(VERDICT_UNKNOWN, NULL);
	for (size_t i = 0; i < 2; i++) {
		pthread_setcancelstate(states[i], NULL);
		enter(&call, 4, "web.prod.nomad", AF_UNSPEC, ROOM);
		pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
		ck_assert_int_eq(state, states[i]);
	}
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{each_verdict_has_its_status, sizeof failures / sizeof *failures},
		{a_foreign_name_costs_nothing, 1},
		{each_function_gives_its_family, sizeof founds / sizeof *founds},
		{errno_is_set_last_and_left_alone_on_success, 1},
		{no_family_but_two_is_known, 1},
		{a_buffer_too_small_says_so_in_the_one_way_that_is_understood, 1},
		{pointers_may_be_null, 1},
		{the_callers_own_tuple_is_filled, 1},
		{no_time_to_live_is_negative, 1},
		{without_memory_nobody_can_tell, 1},
		{the_callers_cancel_state_comes_back, 1},
	};

	return support_run("nss_nomad", tests, sizeof tests / sizeof *tests);
}
