/*
 * JSON on top of jsmn; see json.h.
 *
 * SPDX-License-Identifier: MIT
 */
#define JSMN_STATIC
#define JSMN_STRICT
#define JSMN_PARENT_LINKS
#include <jsmn.h>
#undef JSMN_STATIC

#include "nomad/json.h"

#include "text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_DIGITS_MAX = 32 }; /* octets of a number that are looked at; a longer one is none of Nomad's */

/* How deep the brackets go, seen before jsmn is let at them. */
static size_t depth_of(const char *text, size_t size)
{
	size_t depth = 0, deepest = 0;
	bool in_string = false;

	for (size_t i = 0; i < size; i++) {
		if (in_string && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			in_string = !in_string;
		else if (!in_string && (text[i] == '[' || text[i] == '{'))
			deepest = ++depth > deepest ? depth : deepest;
		else if (!in_string && (text[i] == ']' || text[i] == '}') && depth > 0)
			depth--;
	}
	return deepest;
}

/*
 * What jsmn lets pass: {"a"}, ["a":1], and [[]:1,2], where a colon makes 1 and 2 children of the array that is closed
 * already. Every child of an object is a key with one value, nobody else has a value, and whatever is in an array or
 * object lies between its brackets: so that its size is the number of values that json_after() leads to.
 */
static bool is_well_formed(const struct json *json)
{
	for (size_t i = 1; i < json->count; i++) {
		const jsmntok_t *token = &json->tokens[i];
		if (token->parent < 0)
			return false;
		const jsmntok_t *parent = &json->tokens[token->parent];
		bool is_key = parent->type == JSMN_OBJECT;
		if (is_key ? token->type != JSMN_STRING || token->size != 1
		           : (token->type == JSMN_STRING || token->type == JSMN_PRIMITIVE) && token->size != 0)
			return false;
		if (parent->type == JSMN_STRING && parent->parent < 0)
			return false;
		if (parent->type == JSMN_STRING)
			parent = &json->tokens[parent->parent]; /* it is a key, and what is around it holds its value */
		if (token->end > parent->end)
			return false;
	}
	return true;
}

/* Splits the text, with more room each time that jsmn runs out of it: it goes on where it was. */
static int split(const char *text, size_t size, size_t limit, struct json *json)
{
	enum { OCTETS_PER_TOKEN = 12 }; /* in Nomad's answers */
	size_t room = 0, more = size / OCTETS_PER_TOKEN + 16;
	jsmn_parser parser;
	int result = JSMN_ERROR_NOMEM;

	jsmn_init(&parser);
	while (result == JSMN_ERROR_NOMEM) {
		if (room == limit)
			return -E2BIG;
		room = room + more < limit ? room + more : limit;
		more = room;
		jsmntok_t *larger = realloc(json->tokens, room * sizeof *larger);
		if (larger == NULL)
			return -ENOMEM;
		json->tokens = larger;
		result = jsmn_parse(&parser, text, size, json->tokens, (unsigned)room);
	}
	json->count = parser.toknext;
	/* jsmn stops at a NUL as if that were the end. */
	return result < 0 || json->count == 0 || parser.pos != size ? -EBADMSG : 0;
}

int json_parse(const char *text, size_t size, size_t depth, size_t limit, struct json *json)
{
	struct json parsed = {.text = text};

	if (size > INT_MAX || depth_of(text, size) > depth)
		return -E2BIG;
	int result = split(text, size, limit, &parsed);
	if (result == 0 && (json_after(&parsed, 0) != parsed.count || !is_well_formed(&parsed)))
		result = -EBADMSG;
	if (result < 0)
		json_done(&parsed);
	else
		*json = parsed;
	return result;
}

void json_done(struct json *json)
{
	free(json->tokens);
	*json = (struct json){0};
}

size_t json_after(const struct json *json, size_t token)
{
	int end = json->tokens[token].end;

	do
		token++;
	while (token < json->count && json->tokens[token].start < end);
	return token;
}

bool json_is(const struct json *json, size_t token, jsmntype_t type)
{
	return token < json->count && json->tokens[token].type == type;
}

static size_t length_of(const struct json *json, size_t token)
{
	return (size_t)(json->tokens[token].end - json->tokens[token].start);
}

static const char *start_of(const struct json *json, size_t token)
{
	return json->text + json->tokens[token].start;
}

bool json_equals(const struct json *json, size_t token, const char *text)
{
	size_t length = strlen(text);

	return length_of(json, token) == length && memcmp(start_of(json, token), text, length) == 0;
}

bool json_is_null(const struct json *json, size_t token)
{
	return json_is(json, token, JSMN_PRIMITIVE) && json_equals(json, token, "null");
}

/* Four hex digits, -1 where they are none. */
static int hex4(const char *digits, size_t left)
{
	int value = 0;

	if (left < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = text_hex_digit(digits[i]);
		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

/* RFC 3629 section 3. */
static char *put_utf8(char *to, unsigned code)
{
	if (code < 0x80) {
		*to++ = (char)code;
	} else if (code < 0x800) {
		*to++ = (char)(0xc0 | code >> 6);
		*to++ = (char)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		*to++ = (char)(0xe0 | code >> 12);
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
		*to++ = (char)(0x80 | (code & 0x3f));
	} else {
		*to++ = (char)(0xf0 | code >> 18);
		*to++ = (char)(0x80 | (code >> 12 & 0x3f));
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
		*to++ = (char)(0x80 | (code & 0x3f));
	}
	return to;
}

/*
 * \uXXXX, or two of them where the first is one half of a pair (RFC 8259 section 7). What was read of the text, 0
 * where it is none, or NUL, or half a pair.
 */
static size_t unescape_unicode(const char *from, size_t left, char **to)
{
	int code = hex4(from + 2, left < 2 ? 0 : left - 2);

	if (code <= 0 || (code >= 0xdc00 && code < 0xe000))
		return 0;
	if (code < 0xd800 || code >= 0xe000) {
		*to = put_utf8(*to, (unsigned)code);
		return 6;
	}
	if (left < 12 || from[6] != '\\' || from[7] != 'u')
		return 0;
	int low = hex4(from + 8, left - 8);
	if (low < 0xdc00 || low >= 0xe000)
		return 0;
	*to = put_utf8(*to, 0x10000 + ((unsigned)(code - 0xd800) << 10) + (unsigned)(low - 0xdc00));
	return 12;
}

static size_t unescape(const char *from, size_t left, char **to)
{
	static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";

	if (left < 2)
		return 0;
	if (from[1] == 'u')
		return unescape_unicode(from, left, to);
	const char *letter = memchr(letters, from[1], sizeof letters - 1);
	if (letter == NULL)
		return 0;
	*(*to)++ = meanings[letter - letters];
	return 2;
}

/* The octets of a UTF-8 character by its first one, 0 where none starts with it. */
static size_t utf8_announced(unsigned char first)
{
	if (first < 0x80)
		return first < 0x20 ? 0 : 1; /* control characters are escaped in JSON */
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* The octets of one UTF-8 character, 0 where it is none (RFC 3629 section 4: no overlong form, no surrogate). */
static size_t utf8_length(const unsigned char *c, size_t left)
{
	/* The least and the most that may stand second, after the first octets that leave less than 0x80 to 0xbf. */
	static const unsigned char bounds[][3] = {
		{0xe0, 0xa0, 0xbf}, {0xed, 0x80, 0x9f}, {0xf0, 0x90, 0xbf}, {0xf4, 0x80, 0x8f}};
	size_t length = utf8_announced(c[0]);

	if (length > left)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
		if (c[0] == bounds[i][0] && (c[1] < bounds[i][1] || c[1] > bounds[i][2]))
			return 0;
	return length;
}

/* The octets in front that stand for themselves, whatever follows them: nearly every text is only these. */
static size_t plain_length(const char *text, size_t left)
{
	size_t length = 0;

	while (length < left && (unsigned char)text[length] >= ' ' && (unsigned char)text[length] < 0x80 &&
	       text[length] != '\\')
		length++;
	return length;
}

bool json_text(const struct json *json, size_t token, char **at)
{
	char *to = *at;

	if (!json_is(json, token, JSMN_STRING))
		return false;
	const char *from = start_of(json, token);
	for (size_t left = length_of(json, token), taken; left > 0; from += taken, left -= taken) {
		if (*from == '\\') {
			taken = unescape(from, left, &to);
		} else {
			taken = plain_length(from, left);
			if (taken == 0)
				taken = utf8_length((const unsigned char *)from, left);
			memcpy(to, from, taken);
			to += taken;
		}
		if (taken == 0)
			return false;
	}
	*to++ = '\0';
	*at = to;
	return true;
}

/* An integer's digits as a text of their own; false where it is none: true, 1.5, 1e3. */
static bool digits_of(const struct json *json, size_t token, char digits[NUMBER_DIGITS_MAX])
{
	if (!json_is(json, token, JSMN_PRIMITIVE) || length_of(json, token) >= NUMBER_DIGITS_MAX)
		return false;
	size_t length = length_of(json, token);
	memcpy(digits, start_of(json, token), length);
	digits[length] = '\0';
	size_t sign = digits[0] == '-';
	return length > sign && strspn(digits + sign, "0123456789") == length - sign;
}

bool json_signed(const struct json *json, size_t token, int64_t *number)
{
	char digits[NUMBER_DIGITS_MAX];

	if (!digits_of(json, token, digits))
		return false;
	*number = strtoll(digits, NULL, 10);
	return true;
}

bool json_unsigned(const struct json *json, size_t token, uint64_t *number)
{
	char digits[NUMBER_DIGITS_MAX];

	if (!digits_of(json, token, digits) || digits[0] == '-')
		return false;
	*number = strtoull(digits, NULL, 10);
	return true;
}

void json_put_text(FILE *out, const char *text)
{
	size_t length;

	fputc('"', out);
	for (size_t left = strlen(text); left > 0; text += length, left -= length) {
		const unsigned char *c = (const unsigned char *)text;
		length = *c < 0x80 ? 1 : utf8_length(c, left);
		if (*c == '"' || *c == '\\')
			fprintf(out, "\\%c", *c);
		else if (*c < 0x20 || *c == 0x7f)
			fprintf(out, "\\u%04x", *c);
		else if (length > 0)
			fwrite(c, 1, length, out);
		else
			fputs("\\ufffd", out);
		length += length == 0;
	}
	fputc('"', out);
}
