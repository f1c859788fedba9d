/*
 * What an answer of an agent is worth; see agent.h. Called by whoever has sent the request.
 *
 * SPDX-License-Identifier: MIT
 */
#include "nomad/agent_judge.h"

#include "nomad/agent_tls.h"
#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HEADER_MAX = 256, /* octets; a longer header is none of Nomad's own */
	QUOTED_MAX = 120, /* octets of an error's body that are shown */
	WORDS_MAX = 80,   /* bytes with the NUL, of the system's words for an error */
	PORT_RPC = 4647,  /* Nomad's defaults */
	PORT_SERF = 4648,
};

/* The value of a header line, NULL where it is another one. */
static const char *value_of(const char *line, const char *name)
{
	size_t length = strlen(name);

	if (strlen(line) <= length || line[length] != ':' || !text_same_letters(line, name, length))
		return NULL;
	return line + length + 1 + strspn(line + length + 1, " \t");
}

static bool is_json(const char *media_type)
{
	static const char json[] = "application/json";
	size_t length = strcspn(media_type, "; \t\r\n");

	return length == sizeof json - 1 && text_same_letters(media_type, json, length);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

size_t agent_take_header(char *line, size_t one, size_t size, void *context)
{
	struct agent_answer *answer = context;
	const char *value;
	char copy[HEADER_MAX];

	(void)one; /* libcurl promises 1 */
	if (size >= sizeof copy)
		return size;
	memcpy(copy, line, size);
	copy[size] = '\0';
	if (strncmp(copy, "HTTP/", 5) == 0) {
		/* Another head, after one of 1xx. */
		answer->has_index = answer->has_known_leader = answer->known_leader = answer->is_json = false;
	} else if ((value = value_of(copy, "X-Nomad-Index")) != NULL) {
		answer->has_index = is_digit(value[0]);
		answer->index = answer->has_index ? strtoull(value, NULL, 10) : 0;
	} else if ((value = value_of(copy, "X-Nomad-KnownLeader")) != NULL) {
		answer->known_leader = strncmp(value, "true", 4) == 0;
		answer->has_known_leader = true;
	} else if ((value = value_of(copy, "X-Nomad-LastContact")) != NULL) {
		answer->last_contact = is_digit(value[0]) ? strtoll(value, NULL, 10) : 0;
	} else if ((value = value_of(copy, "Date")) != NULL) {
		int64_t date = curl_getdate(value, NULL);
		answer->date = date < 0 ? 0 : date;
	} else if ((value = value_of(copy, "Content-Type")) != NULL) {
		answer->is_json = is_json(value);
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
		[AGENT_STRANGER] = "another user's",
		[AGENT_TOO_LARGE] = "too large",
		[AGENT_CUT] = "cut short",
		[AGENT_NO_MEMORY] = "out of memory",
	};

	return words[result];
}

enum agent_result agent_say(struct agent_request *request, enum agent_result result, const char *format, ...)
{
	struct agent_answer *answer = &request->answer;
	va_list arguments;
	int length = snprintf(answer->reason, sizeof answer->reason, "%s ", request->name);

	answer->result = result;
	va_start(arguments, format);
	vsnprintf(answer->reason + length, sizeof answer->reason - (size_t)length, format, arguments);
	va_end(arguments);
	/* libcurl quotes a certificate's names as they are, and this ends on somebody's terminal. */
	text_tame(answer->reason);
	return result;
}

enum agent_result agent_say_of(struct agent_request *request, enum agent_result result, const char *format, ...)
{
	struct agent_answer *answer = &request->answer;
	va_list arguments;

	answer->result = result;
	va_start(arguments, format);
	vsnprintf(answer->reason, sizeof answer->reason, format, arguments);
	va_end(arguments);
	text_tame(answer->reason);
	return result;
}

/* The first line of an error's body, without Nomad's prefixes; whatever is no printable ASCII becomes a dot. */
static const char *quote(const struct agent_answer *answer, char text[QUOTED_MAX])
{
	static const char prefix[] = "rpc error: ";
	const char *body = answer->body == NULL ? "" : answer->body;
	size_t length = 0;

	while (strncmp(body, prefix, sizeof prefix - 1) == 0)
		body += sizeof prefix - 1;
	for (; length < QUOTED_MAX - 1 && body[length] != '\0' && body[length] != '\n' && body[length] != '\r'; length++)
		text[length] = (char)(body[length] >= ' ' && body[length] <= '~' ? body[length] : '.');
	text[length] = '\0';
	return text;
}

static bool body_has(const struct agent_answer *answer, const char *words)
{
	return answer->body != NULL && strstr(answer->body, words) != NULL;
}

/* Ports of Nomad's that are not its HTTP API: by their default numbers. */
enum agent_result agent_judge_other_port(struct agent_request *request)
{
	return agent_say(request, AGENT_NOT_NOMAD, "does not speak HTTP: %u is Nomad's %s port, its HTTP API is on 4646",
	           (unsigned)request->port, request->port == PORT_RPC ? "RPC" : "Serf");
}

bool agent_is_other_port(const struct agent_request *request)
{
	return request->port == PORT_RPC || request->port == PORT_SERF;
}

/* With TLS 1.3 this side's certificate is refused only at the first read. */
static enum agent_result judge_broken(struct agent_request *request, CURLcode code, const char *said)
{
	if (request->is_tls && strstr(said, "alert") != NULL)
		return agent_judge_tls(request, code, said);
	if (request->answer.status != 0)
		return agent_say(request, AGENT_CUT, "cut its answer short (%s); it may be stopping, try again", said);
	if (agent_is_other_port(request))
		return agent_judge_other_port(request);
	return agent_say(request, AGENT_OVERLOADED, "closed the connection without an answer (%s); it is stopping, has more connections "
	           "than limits.http_max_conns_per_client, or is not Nomad's HTTP API%s", said,
	           request->is_tls ? ", or wants a client certificate: check cert-file and key-file" : "");
}

/* The system's words for an error, as part of a sentence: "connection refused". */
static const char *words_of(int error, const char *said, char words[WORDS_MAX])
{
	if (error == 0)
		return said;
	snprintf(words, WORDS_MAX, "%s", strerror(error));
	if (words[0] >= 'A' && words[0] <= 'Z' && words[1] >= 'a')
		words[0] = (char)(words[0] - 'A' + 'a');
	return words;
}

static const char *advice_for(const struct agent_request *request, int error)
{
	if (request->is_unix && error == ENOENT)
		return "is that the path of the task's api.sock?";
	if (request->is_unix && (error == EACCES || error == EPERM))
		return "a task's api.sock is for the user of the task alone";
	if (request->socket_error != 0)
		return "this process may not make such a socket, or has reached a limit";
	if (error == EACCES || error == EPERM)
		return "a firewall or a filter of this host does not let this process connect";
	if (error == EHOSTUNREACH || error == ENETUNREACH || error == EADDRNOTAVAIL)
		return "is the address right?";
	return "is the agent running?";
}

static enum agent_result judge_unreachable(struct agent_request *request, const char *said)
{
	char words[WORDS_MAX];
	long told = 0;

	curl_easy_getinfo(request->easy, CURLINFO_OS_ERRNO, &told);
	int error = request->socket_error != 0 ? request->socket_error : (int)told;
	return agent_say_of(request, AGENT_UNREACHABLE, "cannot reach %s (%s): %s", request->name, words_of(error, said, words),
	                 advice_for(request, error));
}

static enum agent_result judge_own_end(struct agent_request *request, const char *said)
{
	if (request->too_large)
		return agent_say(request, AGENT_TOO_LARGE, "sent more than %d MiB, which is refused; is that a Nomad agent?",
		           AGENT_BODY_MAX >> 20);
	if (request->no_memory)
		return agent_say(request, AGENT_NO_MEMORY, "was asked, but there is no memory for its answer");
	return agent_say(request, AGENT_FAILED, "was not heard to the end (%s)", said);
}

static enum agent_result judge_transport(struct agent_request *request, CURLcode code)
{
	const char *said = request->error[0] != '\0' ? request->error : curl_easy_strerror(code);

	switch (code) {
	case CURLE_ABORTED_BY_CALLBACK:
		return agent_say(request, AGENT_STRANGER, "%s", request->stranger);
	case CURLE_WRITE_ERROR:
		return judge_own_end(request, said);
	case CURLE_OUT_OF_MEMORY:
		return agent_say(request, AGENT_NO_MEMORY, "was not asked: out of memory");
	case CURLE_OPERATION_TIMEDOUT:
		if (strncmp(said, "Resolving", strlen("Resolving")) == 0)
			return agent_say(request, AGENT_UNREACHABLE, "has a host that no name server told of in time (%s); check DNS", said);
		return agent_say(request, AGENT_TIMED_OUT,
		           "did not answer in time (%s); is it overloaded, stopped, or behind a firewall?", said);
	case CURLE_COULDNT_RESOLVE_HOST:
		return agent_say(request, AGENT_UNREACHABLE, "has a host that is not known (%s); check the address, or DNS", said);
	case CURLE_COULDNT_CONNECT:
		return judge_unreachable(request, said);
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return agent_judge_tls(request, code, said);
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		return judge_broken(request, code, said);
	case CURLE_PARTIAL_FILE:
	case CURLE_BAD_CONTENT_ENCODING:
		return agent_say(request, AGENT_CUT, "cut its answer short (%s); it may be stopping, try again", said);
	default:
		if (agent_is_other_port(request))
			return agent_judge_other_port(request);
		return agent_say(request, AGENT_NOT_NOMAD, "did not answer as a Nomad agent does (%s); is the address right?", said);
	}
}

/* Index 0 is what an agent with ACLs gives to a token that may read no namespace at all. */
static enum agent_result judge_blind(struct agent_request *request)
{
	if (!request->has_token)
		return agent_say(request, AGENT_UNBELIEVABLE, "has ACLs, and no token is configured: set token-file (docs/acl-tls.md)");
	return agent_say(request, AGENT_UNBELIEVABLE, "shows no namespace to this token; give it a policy with read-job "
	                 "(docs/acl-tls.md)");
}

/* A refusal of the token, or for want of one. */
static enum agent_result judge_denied(struct agent_request *request, const char *said)
{
	long status = request->answer.status;

	if (!request->has_token)
		return agent_say(request, AGENT_DENIED, "denied the request (%ld %s): the cluster has ACLs, and no token is configured; set "
		           "token-file (docs/acl-tls.md)", status, said);
	return agent_say(request, AGENT_DENIED, "denied the request (%ld %s): the token is wrong or expired, or lacks read-job; see "
	           "token-file (docs/acl-tls.md)", status, said);
}

static enum agent_result judge_success(struct agent_request *request)
{
	struct agent_answer *answer = &request->answer;

	if (request->kind == AGENT_STREAM)
		return answer->result = AGENT_BELIEVED;
	if (request->kind == AGENT_STATUS && answer->is_json && answer->size > 0)
		return answer->result = AGENT_BELIEVED;
	if (!answer->is_json || !answer->has_index || !answer->has_known_leader)
		return agent_say(request, AGENT_NOT_NOMAD, "answered 200, but not as a Nomad agent does; is the address right?");
	if (!answer->known_leader)
		return agent_say(request, AGENT_NO_LEADER, "knows no leader of its cluster, or is stopping; see nomad server members");
	if (answer->index == 0)
		return judge_blind(request);
	if (answer->size == 0)
		return agent_say(request, AGENT_CUT, "sent no body; it may be stopping, try again");
	return answer->result = AGENT_BELIEVED;
}

static enum agent_result judge_client_error(struct agent_request *request, const char *said)
{
	long status = request->answer.status;

	if (status == 429)
		return agent_say(request, AGENT_OVERLOADED,
		           "has too many connections of this host (429); see limits.http_max_conns_per_client there");
	if (status == 404)
		return agent_say(request, AGENT_NOT_NOMAD, "does not know this request (404); is that a Nomad agent, 1.3 or newer?");
	if (body_has(&request->answer, "HTTP request to an HTTPS server"))
		return agent_say(request, AGENT_NOT_NOMAD, "speaks TLS; write https:// for http:// in its address");
	return agent_say(request, AGENT_FAILED, "refused the request (%ld %s); is that a Nomad agent?", status, said);
}

static enum agent_result judge_server_error(struct agent_request *request, const char *said)
{
	const struct agent_answer *answer = &request->answer;

	if (body_has(answer, "No cluster leader") || body_has(answer, "Not ready to serve consistent reads"))
		return agent_say(request, AGENT_NO_LEADER, "knows no leader of its cluster (%s); see nomad server members", said);
	if (body_has(answer, "No path to region"))
		return agent_say(request, AGENT_FAILED, "knows no way to the region (%s); check region", said);
	return agent_say(request, AGENT_FAILED, "failed (%ld %s); see its log", answer->status, said);
}

static enum agent_result judge_status(struct agent_request *request)
{
	char text[QUOTED_MAX];
	const char *said = quote(&request->answer, text);
	long status = request->answer.status;

	if (status == 401 || status == 403 || body_has(&request->answer, "Server error authenticating request"))
		return judge_denied(request, said);
	if (status >= 500)
		return judge_server_error(request, said);
	if (status >= 400)
		return judge_client_error(request, said);
	if (status >= 300)
		return agent_say(request, AGENT_NOT_NOMAD, "redirects (%ld), which is not followed; is that a Nomad agent?", status);
	return agent_say(request, AGENT_NOT_NOMAD, "answered %ld %s; is that a Nomad agent?", status, said);
}

/* What a system call says where this process may not, or has no more: a filter, a firewall's refusal, a limit. */
static bool is_own_error(long error)
{
	static const int own[] = {EPERM, EACCES, EMFILE, ENFILE, ENOMEM, ENOBUFS, EAFNOSUPPORT, EPROTONOSUPPORT, EADDRNOTAVAIL};

	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (error == own[i])
			return true;
	return false;
}

/*
 * Whether a failure is this process's own. A name of the agent's that is not resolved is one: its resolver fails at once
 * for want of a descriptor or a family as it does for want of the name. So are files that cannot be read.
 */
static bool is_own(struct agent_request *request, CURLcode code)
{
	long error = 0;

	curl_easy_getinfo(request->easy, CURLINFO_OS_ERRNO, &error);
	switch (code) {
	case CURLE_OUT_OF_MEMORY:
	case CURLE_FAILED_INIT:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
		return true;
	case CURLE_WRITE_ERROR:
		return request->no_memory;
	case CURLE_ABORTED_BY_CALLBACK:
		return request->owner_unknown;
	case CURLE_COULDNT_CONNECT:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		return request->socket_error != 0 || is_own_error(error);
	default:
		return false;
	}
}

enum agent_result agent_request_judge(struct agent_request *request, CURLcode code)
{
	curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &request->answer.status);
	request->answer.reason[0] = '\0';
	request->answer.result = AGENT_FAILED;
	request->answer.is_own = is_own(request, code);
	if (code != CURLE_OK)
		return judge_transport(request, code);
	return request->answer.status == 200 ? judge_success(request) : judge_status(request);
}

bool agent_should_try_next(enum agent_result result)
{
	return result != AGENT_BELIEVED && result != AGENT_DENIED && result != AGENT_UNBELIEVABLE &&
	       result != AGENT_TOO_LARGE && result != AGENT_NO_MEMORY;
}
