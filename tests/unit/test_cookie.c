/*
 * Tests of src/dns/cookie.c, with the examples of RFC 9018 appendix A.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dns/cookie.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

static void read_hex(const char *hex, uint8_t *octets)
{
	for (unsigned octet; *hex != '\0'; hex += 2) {
		ck_assert_int_eq(sscanf(hex, "%2x", &octet), 1);
		*octets++ = (uint8_t)octet;
	}
}

/* Both parts of a cookie as a client shows them, from where, when, and whether it is ours and old. */
static const struct {
	const char *secret, *cookie, *address;
	uint32_t now;
	bool ours, renew;
} shown[] = {
	/* A.1: just made */
	{"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957010000005cf79f111f8130c3eee29480", "198.51.100.100", 1559731985,
	 true, false},
	/* A.2: forty minutes later */
	{"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957010000005cf79f111f8130c3eee29480", "198.51.100.100", 1559734385,
	 true, true},
	{"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957010000005cf7a871d4a564a1442aca77", "198.51.100.100", 1559734385,
	 true, false},
	/* A.3: the reserved octets count as they came */
	{"e5e973e5a6b2a43f48e7dc849e37bfcf", "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", "203.0.113.203", 1559727985,
	 true, false},
	/* A.4: IPv6, by a secret that was replaced and by the new one */
	{"dd3bdf9344b678b185a6f5cb60fca715", "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
	 "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961, true, false},
	{"445536bcd2513298075a5d379663c962", "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
	 "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961, false, false},
	{"445536bcd2513298075a5d379663c962", "22681ab97d52c298010000005cf7c609a6bb79d16625507a",
	 "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961, true, false},
	/* the edges of its life, as RFC 9018 section 4.3 has them */
	{"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957010000005cf79f111f8130c3eee29480", "198.51.100.100",
	 1559731985 + 1800, true, false},
	{"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957010000005cf79f111f8130c3eee29480", "198.51.100.100",
	 1559731985 + 3600, true, true},
	{"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957010000005cf79f111f8130c3eee29480", "198.51.100.100",
	 1559731985 + 3601, false, false},
	{"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957010000005cf79f111f8130c3eee29480", "198.51.100.100",
	 1559731985 - 300, true, false},
	{"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957010000005cf79f111f8130c3eee29480", "198.51.100.100",
	 1559731985 - 301, false, false},
	/* somebody else's: another address, client, version, octet, length */
	{"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957010000005cf79f111f8130c3eee29480", "198.51.100.101", 1559731985,
	 false, false},
	{"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c958010000005cf79f111f8130c3eee29480", "198.51.100.100", 1559731985,
	 false, false},
	{"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957020000005cf79f111f8130c3eee29480", "198.51.100.100", 1559731985,
	 false, false},
	{"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957010000005cf79f111f8130c3eee29481", "198.51.100.100", 1559731985,
	 false, false},
	{"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957010000005cf79f111f8130c3eee294", "198.51.100.100", 1559731985,
	 false, false},
};

START_TEST(a_cookie_of_ours_is_known)
{
	uint8_t secret[COOKIE_SECRET], cookie[40];
	struct address address;
	bool renew = false;

	read_hex(shown[_i].secret, secret);
	read_hex(shown[_i].cookie, cookie);
	ck_assert(address_parse(shown[_i].address, &address));
	bool ours = cookie_check(secret, cookie, strlen(shown[_i].cookie) / 2, &address, shown[_i].now, &renew);
	ck_assert_int_eq(ours, shown[_i].ours);
	ck_assert_int_eq(renew, shown[_i].renew);
}
END_TEST

/* What is made for a client, an address and a time. */
static const struct {
	const char *secret, *client, *address;
	uint32_t now;
	const char *server;
} made[] = {
	{"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957", "198.51.100.100", 1559731985, "010000005cf79f111f8130c3eee29480"},
	{"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957", "198.51.100.100", 1559734385, "010000005cf7a871d4a564a1442aca77"},
	{"dd3bdf9344b678b185a6f5cb60fca715", "22681ab97d52c298", "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741817,
	 "010000005cf7c57926556bd0934c72f8"},
	{"445536bcd2513298075a5d379663c962", "22681ab97d52c298", "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961,
	 "010000005cf7c609a6bb79d16625507a"},
};

START_TEST(a_cookie_is_made_as_other_servers_make_it)
{
	uint8_t secret[COOKIE_SECRET], client[COOKIE_CLIENT], server[COOKIE_SERVER], wanted[COOKIE_SERVER];
	struct address address;

	read_hex(made[_i].secret, secret);
	read_hex(made[_i].client, client);
	read_hex(made[_i].server, wanted);
	ck_assert(address_parse(made[_i].address, &address));
	cookie_make(secret, client, &address, made[_i].now, server);
	ck_assert_mem_eq(server, wanted, sizeof wanted);
}
END_TEST

START_TEST(time_may_wrap_around)
{
	const uint8_t secret[COOKIE_SECRET] = {1};
	uint8_t cookie[COOKIE_CLIENT + COOKIE_SERVER] = {2};
	struct address address = {.family = 2};
	bool renew;

	cookie_make(secret, cookie, &address, UINT32_MAX, cookie + COOKIE_CLIENT);
	ck_assert(cookie_check(secret, cookie, sizeof cookie, &address, 10, &renew));
	ck_assert(!cookie_check(secret, cookie, sizeof cookie, &address, 10 + COOKIE_LIFE, &renew));
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{a_cookie_of_ours_is_known, sizeof shown / sizeof *shown},
		{a_cookie_is_made_as_other_servers_make_it, sizeof made / sizeof *made},
		{time_may_wrap_around, 1},
	};

	return support_run("cookie", tests, sizeof tests / sizeof *tests);
}
