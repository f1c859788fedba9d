/*
 * Tests of src/prefix.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "prefix.h"
#include "support.h"

static const struct {
	const char *prefix, *address;
	bool held;
} rows[] = {
	{"10.0.0.0/8", "10.255.0.1", true},
	{"10.0.0.0/8", "11.0.0.1", false},
	{"172.16.0.0/12", "172.31.255.255", true},
	{"172.16.0.0/12", "172.32.0.0", false},
	{"192.0.2.1", "192.0.2.1", true},
	{"192.0.2.1", "192.0.2.2", false},
	{"192.0.2.1/32", "192.0.2.1", true},
	{"0.0.0.0/0", "8.8.8.8", true},
	{"0.0.0.0/0", "2001:db8::1", false},
	{"::/0", "2001:db8::1", true},
	{"::/0", "10.0.0.1", false},
	{"fe80::/10", "febf::1", true},
	{"fe80::/10", "fec0::1", false},
	{"2001:db8::/33", "2001:db8:7fff::1", true},
	{"2001:db8::/33", "2001:db8:8000::1", false},
	{"::1", "::1", true},
};

START_TEST(a_prefix_holds_its_addresses)
{
	struct prefix prefix;
	struct address address;

	ck_assert(prefix_parse(rows[_i].prefix, &prefix));
	ck_assert(address_parse(rows[_i].address, &address));
	ck_assert_int_eq(prefix_holds(&prefix, &address), rows[_i].held);
}
END_TEST

static const char *const odd[] = {
	"", "/", "10", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8 ", "10.0.0.0/ 8", "10.0.0.0/8x",
	"10.0.0.1/8", "10.0.0/8", "::/129", "2001:db8::1/32", "fd00::/7", "10.0.0.0/00000000000000000000000000000000000000000008x",
	"example.com", "[::1]", "10.0.0.0/99999999999999999999",
};

START_TEST(what_is_no_prefix_is_refused_and_changes_nothing)
{
	struct prefix prefix = {.family = 99};

	ck_assert_msg(!prefix_parse(odd[_i], &prefix), "%s", odd[_i]);
	ck_assert_uint_eq(prefix.family, 99);
}
END_TEST

/* Loopback and the private ranges: their ends, and what lies next to them. */
static const struct {
	const char *address;
	bool local;
} addresses[] = {
	{"127.0.0.1", true}, {"127.255.255.255", true}, {"126.255.255.255", false}, {"128.0.0.0", false},
	{"10.0.0.0", true}, {"10.255.255.255", true}, {"9.255.255.255", false}, {"11.0.0.0", false},
	{"172.16.0.0", true}, {"172.31.255.255", true}, {"172.15.255.255", false}, {"172.32.0.0", false},
	{"192.168.0.0", true}, {"192.168.255.255", true}, {"192.167.255.255", false}, {"192.169.0.0", false},
	{"169.254.0.0", true}, {"169.254.255.255", true}, {"169.253.255.255", false}, {"169.255.0.0", false},
	{"100.64.0.0", true}, {"100.127.255.255", true}, {"100.63.255.255", false}, {"100.128.0.0", false},
	{"192.0.2.1", false}, {"255.255.255.255", false},
	{"::1", true}, {"::2", false},
	{"fc00::", true}, {"fdff:ffff::1", true}, {"fbff:ffff::1", false}, {"fe00::", false},
	{"fe80::", true}, {"febf:ffff::1", true}, {"fe7f::1", false}, {"fec0::", false},
	{"2001:db8::1", false}, {"a00::1", false}, {"7f00::1", false},
};

START_TEST(loopback_and_private_addresses_are_local)
{
	struct address address;

	ck_assert(address_parse(addresses[_i].address, &address));
	ck_assert_msg(prefix_local_holds(&address) == addresses[_i].local, "%s", addresses[_i].address);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{a_prefix_holds_its_addresses, sizeof rows / sizeof *rows},
		{loopback_and_private_addresses_are_local, sizeof addresses / sizeof *addresses},
		{what_is_no_prefix_is_refused_and_changes_nothing, sizeof odd / sizeof *odd},
	};

	return support_run("prefix", tests, sizeof tests / sizeof *tests);
}
