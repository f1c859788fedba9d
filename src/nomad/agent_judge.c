/*
 * What an answer of an agent is worth; see agent.h. Called by whoever has sent the request.
 *
 * SPDX-License-Identifier: MIT
 */
#include "nomad/agent_judge.h"

#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HEADER_MAX = 256, /* octets; a longer header is none of Nomad's own */
	QUOTED_MAX = 120, /* octets of an error's body that are shown */
};

/* The value of a header line, NULL where it is another one. */
static const char *value_of(const char *line, const char *name)
{
	size_t length = strlen(name);

	if (strlen(line) <= length || line[length] != ':' || !text_same_letters(line, name, length))
		return NULL;
	return line + length + 1 + strspn(line + length + 1, " \t");
}

size_t agent_take_header(char *line, size_t one, size_t size, void *context)
{
	static const char json[] = "application/json";
	struct agent_answer *answer = context;
	const char *value;
	char copy[HEADER_MAX];

	(void)one;
	if (size >= sizeof copy)
		return size;
	memcpy(copy, line, size);
	copy[size] = '\0';
	if ((value = value_of(copy, "X-Nomad-Index")) != NULL) {
		answer->index = strtoull(value, NULL, 10);
		answer->has_index = true;
	} else if ((value = value_of(copy, "X-Nomad-KnownLeader")) != NULL) {
		answer->known_leader = strncmp(value, "true", 4) == 0;
		answer->has_known_leader = true;
	} else if ((value = value_of(copy, "X-Nomad-LastContact")) != NULL) {
		answer->last_contact = strtoull(value, NULL, 10);
	} else if ((value = value_of(copy, "Content-Type")) != NULL) {
		answer->is_json = strlen(value) >= sizeof json - 1 && text_same_letters(value, json, sizeof json - 1);
	}
	return size;
}

const char *agent_result_text(enum agent_result result)
{
	static const char *const words[AGENT_RESULTS] = {
		[AGENT_FAILED] = "failed",
		[AGENT_BELIEVED] = "believed",
		[AGENT_DENIED] = "denied",
		[AGENT_OVERLOADED] = "overloaded",
		[AGENT_NO_LEADER] = "no leader",
		[AGENT_UNBELIEVABLE] = "not to be believed",
		[AGENT_NOT_NOMAD] = "not Nomad",
		[AGENT_UNREACHABLE] = "unreachable",
		[AGENT_TIMED_OUT] = "timed out",
		[AGENT_TLS] = "TLS failed",
		[AGENT_TOO_LARGE] = "too large",
		[AGENT_CUT] = "cut short",
		[AGENT_NO_MEMORY] = "out of memory",
	};

	return words[result];
}

__attribute__((format(printf, 3, 4))) static enum agent_result say(struct agent_request *request,
                                                                   enum agent_result result, const char *format, ...)
{
	struct agent_answer *answer = &request->answer;
	va_list arguments;
	int length = snprintf(answer->reason, sizeof answer->reason, "%s ", request->name);

	answer->result = result;
	va_start(arguments, format);
	vsnprintf(answer->reason + length, sizeof answer->reason - (size_t)length, format, arguments);
	va_end(arguments);
	return result;
}

/* The start of an error's body on one line; whatever is no printable ASCII becomes a dot. */
static const char *quote(const struct agent_answer *answer, char text[QUOTED_MAX])
{
	size_t length = 0;

	for (; length < answer->size && length < QUOTED_MAX - 1; length++) {
		char c = answer->body[length];
		if (c == '\n' || c == '\r')
			break;
		text[length] = (char)(c >= ' ' && c <= '~' ? c : '.');
	}
	text[length] = '\0';
	return text;
}

static bool body_has(const struct agent_answer *answer, const char *words)
{
	return answer->body != NULL && strstr(answer->body, words) != NULL;
}

static enum agent_result judge_tls(struct agent_request *request, const char *said)
{
	return say(request, AGENT_TLS,
	           "and this side do not agree on TLS (%s); check ca-file, cert-file, key-file, tls-server-name", said);
}

/* With TLS 1.3 this side's certificate is refused only at the first read. */
static enum agent_result judge_broken(struct agent_request *request, const char *said)
{
	if (request->is_tls && strstr(said, "alert") != NULL)
		return judge_tls(request, said);
	return say(request, AGENT_OVERLOADED, "closed the connection without an answer (%s); it is overloaded or stopping",
	           said);
}

static enum agent_result judge_own_end(struct agent_request *request, const char *said)
{
	if (request->too_large)
		return say(request, AGENT_TOO_LARGE, "sent more than %d MiB, which is refused; is that a Nomad agent?",
		           AGENT_BODY_MAX >> 20);
	if (request->no_memory)
		return say(request, AGENT_NO_MEMORY, "was asked, but there is no memory for its answer");
	return say(request, AGENT_FAILED, "was not heard to the end (%s)", said);
}

static enum agent_result judge_transport(struct agent_request *request, CURLcode code)
{
	const char *said = request->error[0] != '\0' ? request->error : curl_easy_strerror(code);

	switch (code) {
	case CURLE_WRITE_ERROR:
		return judge_own_end(request, said);
	case CURLE_OUT_OF_MEMORY:
		return say(request, AGENT_NO_MEMORY, "was not asked: out of memory");
	case CURLE_OPERATION_TIMEDOUT:
		return say(request, AGENT_TIMED_OUT, "did not answer in time (%s); is it overloaded, or stopped?", said);
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
		return say(request, AGENT_UNREACHABLE, "cannot be reached (%s); does the agent run, and is the address right?",
		           said);
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
		return judge_tls(request, said);
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		return judge_broken(request, said);
	case CURLE_PARTIAL_FILE:
	case CURLE_BAD_CONTENT_ENCODING:
		return say(request, AGENT_CUT, "cut its answer short (%s); it may be stopping", said);
	default:
		return say(request, AGENT_NOT_NOMAD, "did not answer as a Nomad agent does (%s)", said);
	}
}

static enum agent_result judge_success(struct agent_request *request)
{
	struct agent_answer *answer = &request->answer;

	if (request->kind == AGENT_STREAM)
		return answer->result = AGENT_BELIEVED;
	if (!answer->is_json || !answer->has_index || !answer->has_known_leader)
		return say(request, AGENT_NOT_NOMAD, "answered 200, but not as a Nomad agent does; is the address right?");
	if (!answer->known_leader)
		return say(request, AGENT_NO_LEADER, "knows no leader of its cluster; it may be starting or stopping");
	if (answer->index == 0)
		return say(request, AGENT_UNBELIEVABLE, "shows nothing to this token in any namespace; give it read-job");
	return answer->result = AGENT_BELIEVED;
}

static enum agent_result judge_status(struct agent_request *request)
{
	struct agent_answer *answer = &request->answer;
	char text[QUOTED_MAX];
	const char *said = quote(answer, text);
	long status = answer->status;

	if (status == 401 || status == 403 || body_has(answer, "Server error authenticating request"))
		return say(request, AGENT_DENIED,
		           "denies it (%ld %s): the token is missing, wrong or expired, or lacks read-job; see token-file", status,
		           said);
	if (status == 429)
		return say(request, AGENT_OVERLOADED,
		           "has too many connections of this host (429); see limits.http_max_conns_per_client there");
	if (status >= 300 && status < 400)
		return say(request, AGENT_NOT_NOMAD, "redirects (%ld), which is not followed; is that a Nomad agent?", status);
	if (body_has(answer, "HTTP request to an HTTPS server"))
		return say(request, AGENT_NOT_NOMAD, "speaks TLS; write https:// for http:// in its address");
	if (body_has(answer, "No cluster leader") || body_has(answer, "Not ready to serve consistent reads"))
		return say(request, AGENT_NO_LEADER, "knows no leader of its cluster (%ld %s)", status, said);
	if (body_has(answer, "No path to region"))
		return say(request, AGENT_FAILED, "knows no such region (%ld %s); check region", status, said);
	if (status >= 500 || status == 400)
		return say(request, AGENT_FAILED, "failed (%ld %s); see the agent's log", status, said);
	return say(request, AGENT_NOT_NOMAD, "answered %ld %s; is that a Nomad agent?", status, said);
}

enum agent_result agent_request_judge(struct agent_request *request, CURLcode code)
{
	curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &request->answer.status);
	request->answer.reason[0] = '\0';
	if (code != CURLE_OK)
		return judge_transport(request, code);
	return request->answer.status == 200 ? judge_success(request) : judge_status(request);
}

bool agent_should_try_next(enum agent_result result)
{
	return result != AGENT_BELIEVED && result != AGENT_DENIED && result != AGENT_UNBELIEVABLE &&
	       result != AGENT_TOO_LARGE && result != AGENT_NO_MEMORY;
}
