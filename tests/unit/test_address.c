/*
 * Tests of src/address.c. The odd ones are addresses that a Nomad agent really hands out.
 *
 * SPDX-License-Identifier: MIT
 */
#include "address.h"
#include "support.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const struct parsed {
	const char *text;
	const char *wanted; /* NULL: refused */
} parsed[] = {
	{"192.168.29.76", "192.168.29.76"},
	{"127.0.0.1", "127.0.0.1"},
	{"255.255.255.255", "255.255.255.255"},
	{"::1", "::1"},
	{"2001:db8::1", "2001:db8::1"},
	{"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
	{"fe80::1", "fe80::1"},
	{"::ffff:10.1.2.3", "::ffff:10.1.2.3"},
	{"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
	/* nobody can be reached there */
	{"0.0.0.0", NULL},
	{"::", NULL},
	{"0:0:0:0:0:0:0:0", NULL},
	{"::0.0.0.0", NULL},
	/* inet_aton() and browsers would take these for addresses */
	{"010.000.000.001", NULL},
	{"0x7f000001", NULL},
	{"192.0.2", NULL},
	{"192.0", NULL},
	{"192", NULL},
	{"2130706433", NULL},
	{"0x7f.1", NULL},
	{"1.2.3.4 ", NULL},
	{" 1.2.3.4", NULL},
	{"1.2.3.4\n", NULL},
	{"1.2.3.256", NULL},
	{"1.2.3.4.5", NULL},
	{"1.2.3.", NULL},
	{"[2001:db8::1]", NULL},
	{"10.0.0.1:99", NULL},
	{"fe80::1%eth0", NULL},
	{"2001:db8::1::2", NULL},
	{"12345::", NULL},
	{"", NULL},
	{" ", NULL},
	{"localhost", NULL},
	{"${nosuch}", NULL},
};

START_TEST(addresses_are_read_strictly)
{
	struct address address = {.family = 99};
	bool taken = address_parse(parsed[_i].text, &address);

	ck_assert_msg(taken == (parsed[_i].wanted != NULL), "\"%s\"", parsed[_i].text);
	if (taken)
		ck_assert_str_eq(support_addresses(&address, 1), parsed[_i].wanted);
	else
		ck_assert_int_eq(address.family, 99);
}
END_TEST

static const struct labelled {
	const char *text, *label;
} labelled[] = {
	{"192.168.29.76", "192-168-29-76"},
	{"10.0.0.1", "10-0-0-1"},
	{"2001:db8::1", "2001-db8--1"},
	{"::1", "0--1"},
	{"::2:3", "0-0-0-0-0-0-2-3"}, /* inet_ntop() takes it for an IPv4 address in disguise */
	{"2001:db8::", "2001-db8--0"},
	{"fe80::", "fe80--0"},
	{"1:2:3:4:5:6:7:8", "1-2-3-4-5-6-7-8"},
	{"1:2:3:4:5:6:7:0", "1-2-3-4-5-6-7-0"},
	{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff-ffff-ffff-ffff-ffff-ffff-ffff-ffff"},
	{"::ffff:10.1.2.3", "0-0-0-0-0-ffff-a01-203"}, /* a dot would end the label */
	{"::10.1.2.3", "0-0-0-0-0-0-a01-203"},
};

START_TEST(an_address_becomes_its_label_and_again_itself)
{
	const struct labelled *row = &labelled[_i];
	struct address address, again;
	char label[ADDRESS_TEXT_MAX];

	ck_assert(address_parse(row->text, &address));
	address_label(&address, label);
	ck_assert_str_eq(label, row->label);
	ck_assert(name_is_label(label));
	ck_assert_int_ne(label[0], '-');
	ck_assert_int_ne(label[strlen(label) - 1], '-');
	ck_assert(address_parse_label(label, &again));
	ck_assert(address_equal(&address, &again));
}
END_TEST

static const struct parsed labels[] = {
	{"192-168-29-76", "192.168.29.76"},
	{"2001-db8--1", "2001:db8::1"},
	{"2001-DB8-0-0-0-0-0-1", "2001:db8::1"},
	{"2001-0db8--0001", "2001:db8::1"},
	{"--1", "::1"},
	{"0--1", "::1"},
	{"0-0-0-0-0-0-0-1", "::1"},
	{"2001-db8--", "2001:db8::"},
	{"0-0-0-0-0-ffff-a01-203", "::ffff:10.1.2.3"},
	{"0-0-0-0", NULL},
	{"--", NULL},
	{"-", NULL},
	{"", NULL},
	{"10", NULL},
	{"1-2-3", NULL},
	{"1-2-3-4-5", NULL},
	{"1-2-3-256", NULL},
	{"010-0-0-1", NULL},
	{"9af0b1c2-0d3e-4f56-8a7b-0123456789ab", NULL},
	{"primary", NULL},
	{"my-tag", NULL},
	{"192.168.29.76", NULL},
	{"2001:db8::1", NULL},
	{"1-2-3-4-5-6-7-8-9", NULL},
	{"000000000000000000000000000000000000000000000-1", NULL},
	{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-a-a", NULL},
};

START_TEST(a_label_is_an_address_in_any_spelling)
{
	struct address address = {.family = 99};
	bool taken = address_parse_label(labels[_i].text, &address);

	ck_assert_msg(taken == (labels[_i].wanted != NULL), "\"%s\"", labels[_i].text);
	if (taken)
		ck_assert_str_eq(support_addresses(&address, 1), labels[_i].wanted);
	else
		ck_assert_int_eq(address.family, 99);
}
END_TEST

/* Every second one of the octets 0 and another, so that each run of zero groups is met. */
START_TEST(every_pattern_of_groups_survives_its_label)
{
	char label[ADDRESS_TEXT_MAX];

	for (int pattern = 1; pattern < 256; pattern++) {
		struct address address = {.family = AF_INET6}, again;
		for (int group = 0; group < 8; group++)
			address.octets[2 * group + 1] = (pattern >> group & 1) != 0 ? 0xab : 0;
		address_label(&address, label);
		ck_assert(name_is_label(label));
		ck_assert(address_parse_label(label, &again));
		ck_assert_str_eq(support_addresses(&again, 1), support_addresses(&address, 1));
	}
}
END_TEST

#define TEN "abcdefghij"
#define L63 TEN TEN TEN TEN TEN TEN "abc"

static const struct host {
	const char *text;
	bool is_host;
} hosts[] = {
	{"localhost", true},
	{"db.example.com", true},
	{"db.example.com.", true},
	{"3com.com", true},
	{"a-b.example", true},
	{"xn--bcher-kva.example", true},
	{L63 ".example", true},
	{"4.3.2.1.in-addr.arpa", true},
	{"1e5", true},
	{"0xzz", true},
	{"notnomad", true},
	{L63 "d.example", false},
	{L63 "." L63 "." L63 "." L63, false},
	{"", false},
	{".", false},
	{" ", false},
	{"a..b", false},
	{".a", false},
	{"a..", false},
	{"-a.example", false},
	{"a-.example", false},
	{"a_b.example", false},
	{"a b.example", false},
	{"${nosuch}", false},
	{"b\xc3\xbc" "cher.example", false},
	{"a/b", false},
	{"a%eth0", false},
	{"[2001:db8::1]", false},
	{"2001:db8::1", false},
	{"10.0.0.1:99", false},
	/* numbers that a resolver would take for an address */
	{"1.2.3.4", false},
	{"010.000.000.001", false},
	{"0x7f000001", false},
	{"0X7F000001", false},
	{"0x", false},
	{"192.0.2", false},
	{"2130706433", false},
	{"example.123", false},
	{"example.0x1f", false},
	{"example.123.", false},
	/* asking for them would ask ourselves */
	{"redis.default.nomad", false},
	{"redis.default.NOMAD.", false},
	{"nomad", false},
	{"service.nomad", false},
};

START_TEST(a_host_is_a_name_that_may_be_resolved)
{
	ck_assert_msg(address_is_host(hosts[_i].text) == hosts[_i].is_host, "\"%s\"", hosts[_i].text);
}
END_TEST

START_TEST(addresses_are_equal_in_family_and_octets)
{
	struct address four, six, other;

	ck_assert(address_parse("1.2.3.4", &four));
	ck_assert(address_parse("102:304::", &six)); /* the same octets */
	ck_assert(address_parse("1.2.3.5", &other));
	ck_assert(address_equal(&four, &four));
	ck_assert(!address_equal(&four, &six));
	ck_assert(!address_equal(&four, &other));
	ck_assert_uint_eq(address_size(&four), 4);
	ck_assert_uint_eq(address_size(&six), 16);
}
END_TEST

START_TEST(a_sockets_address_is_taken_over)
{
	const struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = 53, .sin_addr.s_addr = htonl(0x0a010203)};
	const struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	const struct sockaddr other = {.sa_family = AF_UNIX};
	struct address found, wanted;

	ck_assert(address_from_socket((const struct sockaddr *)&four, &found) && address_parse("10.1.2.3", &wanted));
	ck_assert(address_equal(&found, &wanted));
	ck_assert(address_from_socket((const struct sockaddr *)&six, &found) && address_parse("::1", &wanted));
	ck_assert(address_equal(&found, &wanted));
	ck_assert(!address_from_socket(&other, &found));
	ck_assert(address_equal(&found, &wanted));
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{addresses_are_read_strictly, sizeof parsed / sizeof *parsed},
		{an_address_becomes_its_label_and_again_itself, sizeof labelled / sizeof *labelled},
		{a_label_is_an_address_in_any_spelling, sizeof labels / sizeof *labels},
		{every_pattern_of_groups_survives_its_label, 1},
		{a_host_is_a_name_that_may_be_resolved, sizeof hosts / sizeof *hosts},
		{a_sockets_address_is_taken_over, 1},
		{addresses_are_equal_in_family_and_octets, 1},
	};

	return support_run("address", tests, sizeof tests / sizeof *tests);
}
