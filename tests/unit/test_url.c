/*
 * Tests of src/url.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "support.h"
#include "url.h"

#include <string.h>

/* An address, and as it stands in messages: with port, without what is secret, without what is dropped. */
static const struct {
	const char *text, *shown, *user;
} good[] = {
	{"http://127.0.0.1:4646", "http://127.0.0.1:4646", ""},
	{"http://127.0.0.1:4646/", "http://127.0.0.1:4646", ""},
	{"http://localhost", "http://localhost:80", ""},
	{"http://localhost:", "http://localhost:80", ""},
	{"https://nomad.example.net", "https://nomad.example.net:443", ""},
	{"HTTPS://Nomad.Example.net:65535", "https://Nomad.Example.net:65535", ""},
	{"https://[2001:db8::1]:4646", "https://[2001:db8::1]:4646", ""},
	{"https://[::1]", "https://[::1]:443", ""},
	{"http://me:s%3Aesame%20@host:1", "http://host:1", "me:s:esame "},
	{"http://me@host:1", "http://host:1", "me"},
	{"http://a@b:c@host:1", "http://host:1", "a@b:c"},
	{"http://nomadic:1", "http://nomadic:1", ""},
	{"unix:///run/nomad/api.sock", "unix:///run/nomad/api.sock", ""},
	{"unix:///a%20b?c", "unix:///a%20b?c", ""},
};

START_TEST(address_is_read_and_shown)
{
	char shown[URL_TEXT_MAX];
	const char *wrong = "";
	struct url url;

	ck_assert_msg(url_parse(good[_i].text, &url, &wrong), "%s: %s", good[_i].text, wrong);
	url_text(&url, shown);
	ck_assert_str_eq(shown, good[_i].shown);
	ck_assert_str_eq(url.user, good[_i].user);
}
END_TEST

static const struct {
	const char *text, *wrong;
} bad[] = {
	{"", "starts with http://"},
	{"127.0.0.1:4646", "starts with http://"},
	{"localhost:4646", "starts with http://"},
	{"ftp://localhost", "starts with http://"},
	{"http:/localhost", "starts with http://"},
	{"http://", "host is missing"},
	{"http://:4646", "host is missing"},
	{"http:///", "host is missing"},
	{"http://127.0.0.1:4646/v1", "an address ends after its port"},
	{"https://nomad.example?a=b", "an address ends after its port"},
	{"http://me@", "host is missing"},
	{"http://host:0", "1 to 65535"},
	{"http://host:65536", "1 to 65535"},
	{"http://host:99999999999999999999", "1 to 65535"},
	{"http://host:http", "1 to 65535"},
	{"http://host:-1", "1 to 65535"},
	{"http://2001:db8::1", "brackets"},
	{"http://2001:db8::1:4646", "brackets"},
	{"http://[2001:db8::1", "bracket"},
	{"http://[]", "IPv6 address"},
	{"http://[127.0.0.1]", "IPv6 address"},
	{"http://[fe80::1%25eth0]", "IPv6 address"},
	{"http://[::1]4646", "comes a port"},
	{"http://0.0.0.0:4646", "neither"},
	{"http://192.0.2:4646", "neither"},
	{"http://a_b:4646", "neither"},
	{"http://a b:4646", "neither"},
	{"http://redis.default.nomad:80", "tls-server-name"},
	{"https://server.global.NOMAD.:4646", "tls-server-name"},
	{"http://nomad", "tls-server-name"},
	{"http://a%0ab:c@host", "control characters"},
	{"http://a%4:c@host", "percent-encoded"},
	{"http://a%@host", "percent-encoded"},
	{"unix://run/nomad.sock", "whole path"},
	{"unix:///", "whole path"},
	{"unix://", "whole path"},
};

START_TEST(wrong_address_is_refused_with_what_would_be_right)
{
	const char *wrong = NULL;
	struct url url = {.port = 4711};

	ck_assert_msg(!url_parse(bad[_i].text, &url, &wrong), "%s", bad[_i].text);
	ck_assert_msg(strstr(wrong, bad[_i].wrong) != NULL, "%s: %s", bad[_i].text, wrong);
	ck_assert_uint_eq(url.port, 4711);
}
END_TEST

/* Writes SCHEME, `count` times a letter, and the rest. */
static void repeat(char *text, const char *scheme, size_t count, const char *rest)
{
	char *at = stpcpy(text, scheme);

	memset(at, 'a', count);
	strcpy(at + count, rest);
}

START_TEST(longest_parts_fit_and_longer_ones_are_refused)
{
	char text[1024], shown[URL_TEXT_MAX];
	const char *wrong;
	struct url url;

	repeat(text, "unix:///", 106, "");
	ck_assert(url_parse(text, &url, &wrong));
	repeat(text, "unix:///", 107, "");
	ck_assert(!url_parse(text, &url, &wrong));
	repeat(text, "http://", 255, "@host");
	ck_assert(url_parse(text, &url, &wrong));
	ck_assert_uint_eq(strlen(url.user), 255);
	repeat(text, "http://", 256, "@host");
	ck_assert(!url_parse(text, &url, &wrong));

	strcpy(text, "https://");
	for (int i = 0; i < 126; i++)
		strcat(text, "a.");
	strcat(text, "a:65535");
	ck_assert(url_parse(text, &url, &wrong));
	url_text(&url, shown);
	ck_assert_str_eq(shown, text);
	repeat(text, "http://", 254, "");
	ck_assert(!url_parse(text, &url, &wrong));
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{address_is_read_and_shown, sizeof good / sizeof *good},
		{wrong_address_is_refused_with_what_would_be_right, sizeof bad / sizeof *bad},
		{longest_parts_fit_and_longer_ones_are_refused, 1},
	};

	return support_run("url", tests, sizeof tests / sizeof *tests);
}
