/*
 * The nearest of several words to one that is misspelled, for "did you mean ...?". Called by config*.c and tool/.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_NEAREST_H
#define NSS_NOMAD_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

enum { NEAREST_WORD_MAX = 64 }; /* bytes with the NUL; a longer word is near to nothing */

/*
 * How many single letters have to be added, left out, changed, or swapped with their neighbour to make one word of the
 * other (optimal string alignment distance), without regard to ASCII case; NEAREST_WORD_MAX where a word is longer than
 * that. Any thread.
 */
size_t nearest_distance(const char *a, const char *b);

/*
 * Whether `word` may stand for `other`: it is the other's start, of three letters or more, or at most one letter in three
 * is wrong, and at most three are. Any thread.
 */
bool nearest_is_near(const char *word, const char *other);

#endif
