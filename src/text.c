/*
 * ASCII text; see text.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "text.h"

#include <string.h>

static char lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool text_same_letters(const char *a, const char *b, size_t length)
{
	if (memcmp(a, b, length) == 0)
		return true;
	for (size_t i = 0; i < length; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

bool text_same(const char *a, const char *b)
{
	size_t length = strlen(a);

	return length == strlen(b) && text_same_letters(a, b, length);
}

void text_lower(const char *text, char *lowered)
{
	while (*text != '\0')
		*lowered++ = lower(*text++);
	*lowered = '\0';
}

bool text_has_upper(const char *text)
{
	for (; *text != '\0'; text++)
		if (lower(*text) != *text)
			return true;
	return false;
}

void text_tame(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '.';
}

int text_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char *text_number(char *at, unsigned long long number)
{
	char digits[TEXT_NUMBER_MAX];
	size_t count = 0;

	do
		digits[count++] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	while (count > 0)
		*at++ = digits[--count];
	*at = '\0';
	return at;
}
