/*
 * Gives memory back that only the start, or a reading of everything, has needed. Called by daemon.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_TRIM_H
#define NSS_NOMAD_TRIM_H

/*
 * Returns free pages of the heap, and drops what is mapped of files and was never written to: libcurl brings 30
 * libraries with it, of which setting up touches some 7 MiB, and following almost nothing. What is needed comes back by
 * itself, from the page cache as a rule. Changes errno.
 */
void trim_memory(void);

#endif
