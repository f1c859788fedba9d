/*
 * ASCII text without locale, stdio or allocation, for code that runs in other people's processes: a Turkish
 * locale knows "service" and "SERVICE" as two words, and printf's stack is larger than some threads'.
 * Used by name.c, service.c, place.c, cache.c, helper.c and others.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_TEXT_H
#define NSS_NOMAD_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum { TEXT_NUMBER_MAX = 24 }; /* octets with the NUL: more than any number of 64 bits takes */

/* Whether two texts differ at most in the case of ASCII letters (RFC 4343 section 3). */
bool text_same(const char *a, const char *b);

/* The same for the first `length` octets of each. */
bool text_same_letters(const char *a, const char *b, size_t length);

/* Writes `text` with its ASCII letters in lower case. `lowered` has room for as much and may be `text` itself. */
void text_lower(const char *text, char *lowered);

/* Whether there is an ASCII letter in upper case. */
bool text_has_upper(const char *text);

/* Makes a dot of each control character, in a text of somebody else's that goes to a terminal. */
void text_tame(char *text);

/* The value of a hexadecimal digit in either case, -1 where it is none. */
int text_hex_digit(char c);

/* Writes a number in decimal digits and a NUL; returns where the NUL stands, as stpcpy(). */
char *text_number(char *at, unsigned long long number);

#endif
