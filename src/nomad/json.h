/*
 * JSON as a list of tokens (jsmn), with what jsmn leaves to its caller: bounds, texts unescaped and checked to be
 * UTF-8, numbers; and texts escaped. Called by registrations.c, and by who prints JSON.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_NOMAD_JSON_H
#define NSS_NOMAD_NOMAD_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define JSMN_HEADER
#define JSMN_STRICT
#define JSMN_PARENT_LINKS
#include <jsmn.h>

/* A document. A token's children follow it; an object's are keys and values in turn. */
struct json {
	const char *text;
	jsmntok_t *tokens;
	size_t count;
};

/*
 * Splits a text into tokens.
 *
 * text   kept by reference until json_done()
 * depth  of nesting, at the most
 * limit  of tokens
 *
 * 0; -EBADMSG where it is not one value; -E2BIG over a limit; -ENOMEM. Linear in the size. Any thread.
 */
int json_parse(const char *text, size_t size, size_t depth, size_t limit, struct json *json);
void json_done(struct json *json);

/* The token after a value and all that is in it. */
size_t json_after(const struct json *json, size_t token);

/* Whether a token is there and of that type; whether it is null. */
bool json_is(const struct json *json, size_t token, jsmntype_t type);
bool json_is_null(const struct json *json, size_t token);

/* Whether a token is this very text, taken as it stands; for keys, which Nomad never escapes. */
bool json_equals(const struct json *json, size_t token, const char *text);

/*
 * Writes a string's text, unescaped and ended by NUL, to *at, and moves it on; never more octets than the string takes
 * with its quotes. False where it is no string, no UTF-8, or holds NUL; then `at` is where it was.
 */
bool json_text(const struct json *json, size_t token, char **at);

/* Integers; out of range they become the nearest there is. False where it is none. */
bool json_signed(const struct json *json, size_t token, int64_t *number);
bool json_unsigned(const struct json *json, size_t token, uint64_t *number);

/* Writes a text as a JSON string (RFC 8259 section 7); an octet that is not of UTF-8 becomes U+FFFD. */
void json_put_text(FILE *out, const char *text);

#endif
