/*
 * NOMAD_CAPATH: all certificates in a folder; see agent_judge.h. Called by agent.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "nomad/agent_judge.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AUTHORITIES_MAX = 4 * 1024 * 1024 }; /* octets; all of Mozilla's authorities have 220 KiB */

/* Appends a file and a newline; 0 or a negative errno. */
static int append_file(FILE *to, const char *path)
{
	char octets[4096];
	size_t count;
	FILE *from = fopen(path, "re");

	if (from == NULL)
		return -errno;
	while ((count = fread(octets, 1, sizeof octets, from)) > 0 && ftell(to) <= AUTHORITIES_MAX)
		fwrite(octets, 1, count, to);
	int result = ferror(from) ? -EIO : 0;
	fclose(from);
	fputc('\n', to);
	return ftell(to) > AUTHORITIES_MAX ? -EFBIG : result;
}

static int append_folder(FILE *to, FTS *walk)
{
	int result = -ENOENT;

	for (FTSENT *entry = fts_read(walk); entry != NULL; entry = fts_read(walk)) {
		if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS)
			return -entry->fts_errno;
		if (entry->fts_info != FTS_F)
			continue;
		result = append_file(to, entry->fts_accpath);
		if (result < 0)
			break;
	}
	return result;
}

int agent_read_authorities(const char *folder, char **authorities, char reason[CONFIG_REASON_MAX])
{
	char *all = NULL;
	size_t size;
	char *const roots[] = {(char *)folder, NULL};
	int result = -ENOMEM;
	FTS *walk = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
	FILE *to = open_memstream(&all, &size);

	if (walk != NULL && to != NULL)
		result = append_folder(to, walk);
	if (walk != NULL)
		fts_close(walk);
	if (to != NULL && fclose(to) != 0)
		result = -ENOMEM;
	if (result < 0) {
		snprintf(reason, CONFIG_REASON_MAX, "cannot read certificates in %s, which NOMAD_CAPATH names: %s", folder,
		         strerror(-result));
		free(all);
	} else {
		*authorities = all;
	}
	return result;
}
