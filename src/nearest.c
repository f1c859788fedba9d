/*
 * Misspelled words; see nearest.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "nearest.h"

#include "text.h"

#include <string.h>

enum { WHOLE_START = 3 }; /* letters by which a longer word is recognised */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* The distance by rows of the usual table, of which the last two are enough. */
size_t nearest_distance(const char *a, const char *b)
{
	size_t rows[3][NEAREST_WORD_MAX], length_a = strlen(a), length_b = strlen(b);
	size_t *before = rows[0], *above = rows[1], *row = rows[2];

	if (length_a >= NEAREST_WORD_MAX || length_b >= NEAREST_WORD_MAX)
		return NEAREST_WORD_MAX;
	for (size_t j = 0; j <= length_b; j++)
		row[j] = j;
	for (size_t i = 1; i <= length_a; i++) {
		size_t *oldest = before;
		before = above;
		above = row;
		row = oldest;
		row[0] = i;
		for (size_t j = 1; j <= length_b; j++) {
			int other = lower(a[i - 1]) != lower(b[j - 1]);
			row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (size_t)other);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
	}
	return row[length_b];
}

bool nearest_is_near(const char *word, const char *other)
{
	size_t length = strlen(word), most = least(3, (length + 2) / 3);

	if (length >= WHOLE_START && length <= strlen(other) && text_same_letters(word, other, length))
		return true;
	return nearest_distance(word, other) <= most;
}
