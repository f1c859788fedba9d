/*
 * Gives memory back; see trim.h. Called by daemon.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watch/trim.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* A mapping of /proc/self/smaps: a line with its place, then one for each figure. */
struct mapping {
	uintptr_t start;
	uintptr_t end;
	bool of_file; /* code or constants: private, not for writing */
};

/* Whether a line begins a mapping, which is then filled in. */
static bool begins(const char *line, struct mapping *mapping)
{
	uintptr_t start, end;
	char rights[5];

	if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &start, &end, rights) != 3)
		return false;
	*mapping = (struct mapping){start, end, rights[1] == '-' && rights[3] == 'p' && strchr(line, '/') != NULL};
	return true;
}

void trim_memory(void)
{
	struct mapping mapping = {0};
	char line[512];
	unsigned long anonymous;
	FILE *maps;

	malloc_trim(0);
	maps = fopen("/proc/self/smaps", "re");
	if (maps == NULL)
		return;
	while (fgets(line, sizeof line, maps) != NULL) {
		if (begins(line, &mapping))
			continue;
		/* Where the loader wrote addresses before it took the right to write away (RELRO) there are pages of our own. */
		if (mapping.of_file && sscanf(line, "Anonymous: %lu kB", &anonymous) == 1 && anonymous == 0)
			madvise((void *)mapping.start, mapping.end - mapping.start, MADV_DONTNEED);
	}
	fclose(maps);
}
