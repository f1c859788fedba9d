/*
 * Tests of src/name.c: every form in the table of names, and what is none.
 *
 * SPDX-License-Identifier: MIT
 */
#include "name.h"
#include "support.h"

#include <ctype.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The name as it was read: its kind, or SERVICE/NAMESPACE, what selects, and whether .service was taken off. */
static const char *as_text(const struct name *name)
{
	static const char *const kinds[] = {"foreign", "nowhere", "empty"};
	static const char *const selects[] = {"", " label ", " tag ", " nothing"};
	static char text[SUPPORT_TEXT_MAX];

	if (name->kind != NAME_SERVICE)
		return kinds[name->kind];
	const char *address = name->address.family == 0 ? "" : support_addresses(&name->address, 1);
	snprintf(text, sizeof text, "%s/%s%s%s%s%s%s", name->key.service, name->key.namespace, selects[name->select],
	         name->selector, *address == '\0' ? "" : " ", address, name->aliased ? " aliased" : "");
	return text;
}

/* Octets beyond a text's end are never looked at. */
static void parse(const char *text, enum name_reading reading, struct name *name)
{
	size_t size = strlen(text) + 1;
	char *fenced = support_fence(size);

	memcpy(fenced, text, size);
	memset(name, 0xa5, sizeof *name);
	name_parse(fenced, reading, name);
	support_unfence(fenced, size);
}

#define TEN "abcdefghij"
#define L63 TEN TEN TEN TEN TEN TEN "abc"
#define L64 TEN TEN TEN TEN TEN TEN "abcd"
#define ID "9af0b1c2-0d3e-4f56-8a7b-0123456789ab"

static const struct row {
	const char *text, *wanted;
} rows[] = {
	/* the table of names, row by row */
	{"redis.default.nomad", "redis/default"},
	{"redis.nomad", "redis/_"},
	{"192-168-29-76.redis.default.nomad", "redis/default label 192-168-29-76 192.168.29.76"},
	{"2001-db8--1.redis.default.nomad", "redis/default label 2001-db8--1 2001:db8::1"},
	{ID ".redis.default.nomad", "redis/default label " ID},
	{"9af0b1c2.redis.default.nomad", "redis/default label 9af0b1c2"},
	{"primary.redis.default.nomad", "redis/default label primary"},
	{"_redis._tcp.default.nomad", "redis/default"},
	{"_redis._udp.default.nomad", "redis/default"},
	{"_redis._tcp.nomad", "redis/_"},
	{"_redis._primary.default.nomad", "redis/default tag primary"},
	{"_redis._primary.nomad", "redis/_ tag primary"},
	{"_http._tcp.redis.default.nomad", "redis/default"},
	{"_mongodb._udp.redis.default.nomad", "redis/default"},
	{"_http._primary.redis.default.nomad", "redis/default tag primary"},
	{"default.nomad", "default/_"}, /* service or namespace: who looks it up decides */
	{"nomad", "empty"},
	{"service.nomad", "empty"},
	{"_tcp.nomad", "empty"},
	{"_tcp.redis.nomad", "redis/_ nothing"},
	{"_tcp.redis.default.nomad", "redis/default nothing"},
	/* the same, the way CoreDNS' plugin spells them */
	{"redis.default.service.nomad", "redis/default aliased"},
	{"redis.service.nomad", "redis/_ aliased"},
	{"primary.redis.default.service.nomad", "redis/default label primary aliased"},
	{"_redis._tcp.default.service.nomad", "redis/default aliased"},
	{"_redis._tcp.service.nomad", "redis/_ aliased"},
	{"_redis._primary.default.service.nomad", "redis/default tag primary aliased"},
	{"_http._tcp.redis.default.service.nomad", "redis/default aliased"},
	{"_tcp.redis.default.service.nomad", "redis/default nothing aliased"},
	{"_tcp.service.nomad", "empty"},
	{"service.service.nomad", "service/_ aliased"},
	{"service.default.nomad", "service/default"},
	{"redis.service.service.nomad", "redis/service aliased"},
	{"redis.SerVice.nomad", "redis/_ aliased"},
	{"redis.services.nomad", "redis/services"},
	/* upper and lower case: the zone's does not matter, the key keeps its own */
	{"ReDiS.Default.NOMAD", "ReDiS/Default"},
	{"REDIS.nOmAd", "REDIS/_"},
	{"_Redis._TCP.Default.nomad", "Redis/Default"},
	{"_Redis._Udp.Default.nomad", "Redis/Default"},
	{"_redis._Tcp2.default.nomad", "redis/default tag Tcp2"},
	/* dots at the end */
	{"redis.default.nomad.", "redis/default"},
	{"redis.default.nomad..", "foreign"},
	{"nomad.", "empty"},
	{"nomad..", "foreign"},
	{".", "foreign"},
	{"..", "foreign"},
	{"", "foreign"},
	/* empty labels */
	{".nomad", "nowhere"},
	{"..nomad", "nowhere"},
	{"redis..nomad", "nowhere"},
	{"redis.default..nomad", "nowhere"},
	{".redis.default.nomad", "nowhere"},
	{"..redis.default.nomad", "nowhere"},
	/* other people's names */
	{"example.com", "foreign"},
	{"localhost", "foreign"},
	{"notnomad", "foreign"},
	{"redis.notnomad", "foreign"},
	{"nomad.example.com", "foreign"},
	{"redis.default.nomad.example.com", "foreign"},
	{"redis.default.nomads", "foreign"},
	{"redis-nomad", "foreign"},
	{"redis_nomad", "foreign"},
	{"omad", "foreign"},
	{"192.0.2.1", "foreign"},
	{"redis.default.n\xd6mad", "foreign"},
	/* too many labels */
	{"a.redis.default.nomad", "redis/default label a"},
	{"a.b.redis.default.nomad", "nowhere"},
	{"_a.b.redis.default.nomad", "nowhere"},
	{"a._b.redis.default.nomad", "nowhere"},
	{"_a._b._c.redis.default.nomad", "nowhere"},
	{"a.b.c.d.e.f.nomad", "nowhere"},
	{"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.nomad", "nowhere"},
	{"a.b.c.d.e.f.service.nomad", "nowhere"},
	/* underscores where they mean nothing */
	{"_.nomad", "nowhere"},
	{"_._.nomad", "nowhere"},
	{"_redis._.nomad", "nowhere"},
	{"__redis._tcp.nomad", "nowhere"},
	{"_redis.__tcp.nomad", "nowhere"},
	{"redis._default.nomad", "nowhere"},
	{"redis._.nomad", "nowhere"},
	{"redis._tcp.default.nomad", "nowhere"},
	{"_redis._tcp._default.nomad", "nowhere"},
	{"_tcp._redis.default.nomad", "tcp/default tag redis"},
	{"red_is.def_ault.nomad", "red_is/def_ault"},
	{"redis_.default.nomad", "redis_/default"},
	{"-redis-.default.nomad", "-redis-/default"},
	/* labels of 63 and 64 octets */
	{L63 ".default.nomad", L63 "/default"},
	{L64 ".default.nomad", "nowhere"},
	{"redis." L63 ".nomad", "redis/" L63},
	{"redis." L64 ".nomad", "nowhere"},
	{L63 ".redis.default.nomad", "redis/default label " L63},
	{L64 ".redis.default.nomad", "nowhere"},
	{L63 ".nomad", L63 "/_"},
	{L64 ".nomad", "nowhere"},
	{"_" TEN TEN TEN TEN TEN TEN "ab._tcp.nomad", TEN TEN TEN TEN TEN TEN "ab/_"},
	{"_" L63 "._tcp.nomad", "nowhere"}, /* 64 with its mark: no DNS message could ask for it */
	{"_redis._" L63 ".nomad", "nowhere"},
	{"_" L63 ".redis.default.nomad", "nowhere"},
	/* what a path or a terminal would make something of */
	{"../../etc/passwd.nomad", "nowhere"},
	{"....nomad", "nowhere"},
	{"..%2f..%2fetc.nomad", "nowhere"},
	{"a%2fb.default.nomad", "nowhere"},
	{"a/b.default.nomad", "nowhere"},
	{"redis./.nomad", "nowhere"},
	{"a\\b.default.nomad", "nowhere"},
	{"re dis.default.nomad", "nowhere"},
	{" redis.default.nomad", "nowhere"},
	{"redis.default.nomad ", "foreign"},
	{"redis\n.default.nomad", "nowhere"},
	{"redis\t.default.nomad", "nowhere"},
	{"\x01.default.nomad", "nowhere"},
	{"redis\x7f.default.nomad", "nowhere"},
	{"\x1b[2J.default.nomad", "nowhere"},
	{"r\xe9" "dis.default.nomad", "nowhere"},
	{"r\xc3\xa9" "dis.default.nomad", "nowhere"},
	{"redis.d\xff" "fault.nomad", "nowhere"},
	{"*.default.nomad", "nowhere"},
	{"red*s.default.nomad", "nowhere"},
	{"@abc.default.nomad", "nowhere"},
	{"redis:6379.default.nomad", "nowhere"},
};

START_TEST(names_are_read_as_the_table_says)
{
	struct name name;

	parse(rows[_i].text, NAME_SERVICE_LABEL, &name);
	ck_assert_msg(strcmp(as_text(&name), rows[_i].wanted) == 0, "\"%s\" is %s, wanted %s", rows[_i].text,
	              as_text(&name), rows[_i].wanted);
}
END_TEST

static const struct row plain[] = {
	{"redis.default.nomad", "redis/default"},
	{"redis.service.nomad", "redis/service"},
	{"service.nomad", "service/_"},
	{"service.service.nomad", "service/service"},
	{"redis.default.service.nomad", "default/service label redis"},
	{"_redis._tcp.service.nomad", "redis/service"},
	{"_tcp.service.nomad", "service/_ nothing"},
	{"_http._tcp.redis.service.nomad", "redis/service"},
	{"primary.redis.default.service.nomad", "nowhere"},
};

START_TEST(read_plainly_service_is_a_namespace)
{
	struct name name;

	parse(plain[_i].text, NAME_PLAIN, &name);
	ck_assert_str_eq(as_text(&name), plain[_i].wanted);
}
END_TEST

/* A name of `length` octets that ends in .nomad, of labels of one letter, the first perhaps of two. */
static void fill(char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		text[i] = (length - i) % 2 == 0 ? '.' : 'a';
	memcpy(text + length - 6, ".nomad", 6);
	if (text[0] == '.')
		text[0] = 'a';
	text[length] = '\0';
}

START_TEST(no_length_of_a_name_does_harm)
{
	char text[512];
	struct name name;

	for (size_t length = 7; length <= 300; length++) {
		fill(text, length);
		parse(text, NAME_SERVICE_LABEL, &name);
		ck_assert_int_ne(name.kind, NAME_FOREIGN);
		ck_assert_msg((name.kind == NAME_SERVICE) == (length <= strlen("aa.a.a.nomad")), "%zu octets", length);
	}
}
END_TEST

/* The only form that is longer than 253 octets with labels of 63: five of them. */
START_TEST(a_name_has_at_most_253_octets)
{
	static const char longest[] = "_" TEN TEN TEN TEN TEN TEN "ab._" TEN TEN TEN TEN TEN TEN "ab." L63 ".";
	char text[512];
	struct name name;

	/* 192 octets, then a namespace and .nomad: 253 with one of 55 */
	for (size_t namespace = 50; namespace <= 63; namespace++) {
		size_t length = strlen(longest) + namespace + strlen(".nomad");
		snprintf(text, sizeof text, "%s%.*s.nomad", longest, (int)namespace, L63);
		ck_assert_uint_eq(strlen(text), length);
		parse(text, NAME_SERVICE_LABEL, &name);
		ck_assert_msg((name.kind == NAME_SERVICE) == (length <= 253), "%zu octets", length);
		strcat(text, ".");
		parse(text, NAME_SERVICE_LABEL, &name);
		ck_assert_msg((name.kind == NAME_SERVICE) == (length <= 253), "%zu octets and a dot", length);
	}
}
END_TEST

START_TEST(labels_may_hold_any_octet)
{
	static const struct label labels[] = {{"a.b", 3}, {"default", 7}, {"nomad", 5}};
	static const struct label nul[] = {{"a\0b", 3}, {"default", 7}, {"nomad", 5}};
	static const struct label good[] = {{"redisX", 5}, {"defaultX", 7}, {"NoMadX", 5}};
	struct name name;

	name_parse_labels(labels, 3, NAME_SERVICE_LABEL, &name);
	ck_assert_str_eq(as_text(&name), "nowhere");
	name_parse_labels(nul, 3, NAME_SERVICE_LABEL, &name);
	ck_assert_str_eq(as_text(&name), "nowhere");
	name_parse_labels(good, 3, NAME_SERVICE_LABEL, &name);
	ck_assert_str_eq(as_text(&name), "redis/default");
	name_parse_labels(good, 2, NAME_SERVICE_LABEL, &name);
	ck_assert_str_eq(as_text(&name), "foreign");
	name_parse_labels(NULL, 0, NAME_SERVICE_LABEL, &name);
	ck_assert_str_eq(as_text(&name), "foreign");
}
END_TEST

static const struct word {
	const char *text;
	bool is_label;
} words[] = {
	{"a", true},    {"redis", true},  {"Re-d_is9", true}, {L63, true},    {"", false},
	{L64, false},   {"_", false},     {"_redis", false},  {"a.b", false}, {"a b", false},
	{"a/b", false}, {"\xe9", false},  {"a\n", false},
};

START_TEST(a_service_can_be_asked_for_if_it_is_a_label)
{
	ck_assert_msg(name_is_label(words[_i].text) == words[_i].is_label, "%s", words[_i].text);
}
END_TEST

START_TEST(the_default_namespace_cannot_be_named)
{
	struct name name = support_name("redis.nomad");

	ck_assert(name_in_default_namespace(&name.key));
	name = support_name("redis.default.nomad");
	ck_assert(!name_in_default_namespace(&name.key));
	ck_assert(!name_is_label(NAME_DEFAULT_NAMESPACE));
}
END_TEST

/* In Turkish the lower case of I is a dotless i: tolower() and strcasecmp() would part what belongs together. */
START_TEST(a_turkish_locale_changes_nothing)
{
	char folder[SUPPORT_PATH_MAX], command[2 * SUPPORT_PATH_MAX];
	struct name name;

	support_folder(folder);
	snprintf(command, sizeof command, "localedef -i tr_TR -f ISO-8859-9 %s/tr_TR >/dev/null 2>&1", folder);
	ck_assert_msg(system(command) == 0, "localedef cannot make a Turkish locale: install the package locales");
	setenv("LOCPATH", folder, 1);
	ck_assert_ptr_nonnull(setlocale(LC_ALL, "tr_TR"));
	ck_assert_msg(tolower('I') != 'i', "this locale is not Turkish enough to show anything");

	parse("INFLUX.IN.SERVICE.NOMAD", NAME_SERVICE_LABEL, &name);
	ck_assert_str_eq(as_text(&name), "INFLUX/IN aliased");
	ck_assert(name_is_label("I"));
	ck_assert(name_is_label("i"));
	ck_assert(!name_is_label("\xfd")); /* the dotless i, a letter here */
}
END_TEST

/* The other reading of names that may lack their namespace; NULL: there is none. */
static const struct row others[] = {
	{"_mongodb._tcp.mongo.nomad", "mongo/_"},
	{"_mongodb._udp.Mongo.nomad", "Mongo/_"},
	{"_http._blue.web.nomad", "web/_ tag blue"},
	{"_http._tcp.web.service.nomad", "web/_ aliased"},
	{"_http._tcp.web.default.nomad", NULL},
	{"_http._tcp.nomad", NULL},
	{"_tcp.web.nomad", NULL},
	{"x.web.nomad", NULL},
	{"web.nomad", NULL},
	{"_http._tcp.__web.nomad", NULL},
};

START_TEST(what_stands_for_a_namespace_may_be_a_service)
{
	struct name name, other;

	parse(others[_i].text, NAME_SERVICE_LABEL, &name);
	ck_assert_int_eq(name.maybe_service, others[_i].wanted != NULL);
	if (others[_i].wanted == NULL)
		return;
	name_as_service(&name, &other);
	ck_assert_str_eq(as_text(&other), others[_i].wanted);
	ck_assert(!other.maybe_service);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{what_stands_for_a_namespace_may_be_a_service, sizeof others / sizeof *others},
		{names_are_read_as_the_table_says, sizeof rows / sizeof *rows},
		{read_plainly_service_is_a_namespace, sizeof plain / sizeof *plain},
		{no_length_of_a_name_does_harm, 1},
		{a_name_has_at_most_253_octets, 1},
		{labels_may_hold_any_octet, 1},
		{a_service_can_be_asked_for_if_it_is_a_label, sizeof words / sizeof *words},
		{the_default_namespace_cannot_be_named, 1},
		{a_turkish_locale_changes_nothing, 1},
	};

	return support_run("name", tests, sizeof tests / sizeof *tests);
}
