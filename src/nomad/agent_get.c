/*
 * Asking Nomad and waiting for the answer, and the certificates of NOMAD_CAPATH; see agent.h. Called by fetch.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "nomad/agent_judge.h"

#include "deadline.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AUTHORITIES_MAX = 16 * 1024 * 1024 }; /* octets; all of the world's are 0.2 MiB */

/* Keeps what was said of the addresses before in front of what is said of this one. */
static void prepend(struct agent_answer *answer, const char *before)
{
	char both[2 * AGENT_REASON_MAX];

	if (before[0] == '\0' || answer->reason[0] == '\0')
		return;
	snprintf(both, sizeof both, "%s; %s", before, answer->reason);
	snprintf(answer->reason, sizeof answer->reason, "%.*s", AGENT_REASON_MAX - 1, both);
}

/* One request a connection: the agent ends it with the answer, so that it counts against its limit no longer. */
static void close_after(struct agent_request *request)
{
	struct curl_slist *longer = curl_slist_append(request->headers, "Connection: close");

	if (longer == NULL)
		return;
	request->headers = longer;
	curl_easy_setopt(request->easy, CURLOPT_HTTPHEADER, request->headers);
}

/* One address, within its share of the time; the answer is moved out of the request. */
static enum agent_result get_once(const struct agent *agent, const char *path, int limit, struct agent_answer *answer)
{
	char before[AGENT_REASON_MAX];
	struct agent_request *request = agent_request_new(agent, AGENT_READ, path, limit, NULL, NULL);

	memcpy(before, answer->reason, sizeof before);
	agent_answer_done(answer);
	if (request == NULL) {
		answer->result = AGENT_NO_MEMORY;
		snprintf(answer->reason, sizeof answer->reason, "out of memory");
		return AGENT_NO_MEMORY;
	}
	close_after(request);
	enum agent_result result = agent_request_judge(request, curl_easy_perform(request->easy));
	*answer = request->answer;
	request->answer = (struct agent_answer){0};
	agent_request_free(request);
	prepend(answer, before);
	return result;
}

enum agent_result agent_get(struct agent *agent, const char *path, int64_t deadline, struct agent_answer *answer)
{
	enum agent_result result = AGENT_FAILED;

	*answer = (struct agent_answer){0};
	for (size_t left = agent->config->addresses.count; left > 0; left--) {
		int share = deadline_left(deadline) / (int)left;
		result = get_once(agent, path, share > 0 ? share : 1, answer);
		if (!agent_should_try_next(result))
			break;
		agent_next(agent);
	}
	return result;
}

/* Appends a file to the text; false without memory, or where it cannot be read. */
static int append_file(const char *path, char **text, size_t *length)
{
	FILE *file = fopen(path, "re");
	int result = 0;

	if (file == NULL)
		return -errno;
	for (char part[4096];;) {
		size_t size = fread(part, 1, sizeof part, file);
		char *longer = size == 0 ? NULL : realloc(*text, *length + size + 2);
		if (longer == NULL || *length + size > AUTHORITIES_MAX) {
			result = size == 0 ? 0 : longer == NULL ? -ENOMEM : -EFBIG;
			*text = longer == NULL ? *text : longer;
			break;
		}
		*text = longer;
		memcpy(*text + *length, part, size);
		*length += size;
		(*text)[*length] = '\n'; /* a file need not end in one */
		(*text)[*length + 1] = '\0';
	}
	if (*text != NULL)
		*length += 1;
	fclose(file);
	return result;
}

int agent_read_authorities(const char *folder, char **authorities, char reason[CONFIG_REASON_MAX])
{
	char *const paths[] = {(char *)folder, NULL};
	FTS *tree = fts_open(paths, FTS_LOGICAL | FTS_NOCHDIR, NULL);
	char *text = NULL;
	size_t length = 0;
	int result = tree == NULL ? -errno : 0;

	for (FTSENT *entry; result == 0 && (entry = fts_read(tree)) != NULL;) {
		if (entry->fts_info == FTS_F)
			result = append_file(entry->fts_path, &text, &length);
		else if (entry->fts_info == FTS_NS || entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR)
			result = -entry->fts_errno;
		if (result < 0)
			snprintf(reason, CONFIG_REASON_MAX, "cannot read the certificates in %s: %s: %s; see NOMAD_CAPATH", folder,
			         entry->fts_path, strerror(-result));
	}
	if (tree != NULL)
		fts_close(tree);
	if (result == 0 && text == NULL) {
		result = -ENOENT;
		snprintf(reason, CONFIG_REASON_MAX, "there are no certificates in %s; see NOMAD_CAPATH", folder);
	}
	if (result < 0) {
		free(text);
		return result;
	}
	*authorities = text;
	return 0;
}
