/*
 * Tests of src/nomad/agent_judge.c, with what real agents answered (tests/recordings, byte for byte), through libcurl.
 *
 * SPDX-License-Identifier: MIT
 */
#include "answerer.h"
#include "nomad/agent.h"

enum { LIMIT = 20000 }; /* milliseconds: patience, where nothing is to run out */

/* Asks an agent that answers with these octets. The caller releases the request. */
static struct agent_request *ask(const char *octets, size_t size, enum agent_kind kind, int limit)
{
	char reason[CONFIG_REASON_MAX];
	struct answerer answerer;
	struct agent agent;

	answerer_start(&answerer, octets, size);
	char *word = answerer.address;
	struct config config = {.addresses = {1, &word}};
	ck_assert_int_eq(agent_init(&config, &agent, reason), 0);
	struct agent_request *request = agent_request_new(&agent, kind, "/v1/services?namespace=*", limit, NULL, NULL);
	ck_assert_ptr_nonnull(request);
	agent_request_judge(request, curl_easy_perform(request->easy));
	agent_done(&agent);
	answerer_stop(&answerer);
	return request;
}

/* A recording, what it is worth, and words of the reason. */
static const struct {
	const char *name;
	enum agent_result wanted;
	const char *words;
} recordings[] = {
	{"service-redis.http", AGENT_BELIEVED, ""},
	{"service-many.http", AGENT_BELIEVED, ""},
	{"service-gzip.http", AGENT_BELIEVED, ""},
	{"service-1000-gzip.http", AGENT_BELIEVED, ""},
	{"services-extra-headers.http", AGENT_BELIEVED, ""},
	{"services-fresh-agent.http", AGENT_BELIEVED, ""},
	{"services-unknown-namespace.http", AGENT_BELIEVED, ""},
	{"services-all.http", AGENT_BELIEVED, ""},
	{"odd-services.http", AGENT_BELIEVED, ""},
	{"odd-name-dots.http", AGENT_BELIEVED, ""},
	{"odd-name-dollar.http", AGENT_BELIEVED, ""},
	{"service-web.http", AGENT_BELIEVED, ""},
	{"blocking-behind.http", AGENT_BELIEVED, ""},
	{"blocking-ahead.http", AGENT_BELIEVED, ""},
	{"blocking-change.http", AGENT_BELIEVED, ""},
	{"blocking-timeout.http", AGENT_BELIEVED, ""},
	{"bad-token-no-acl.http", AGENT_BELIEVED, ""},
	{"namespaces.http", AGENT_BELIEVED, ""},
	{"acl-readjob-services-all.http", AGENT_BELIEVED, ""},
	{"acl-default-services-all.http", AGENT_BELIEVED, ""},
	{"taskapi-identity.http", AGENT_BELIEVED, ""},
	/* Nothing but its index, lower than one seen before, gives it away: reading.c asks again. */
	{"restarted-stale-empty.http", AGENT_BELIEVED, ""},
	{"acl-default-service-dev.http", AGENT_DENIED, "403 Permission denied"},
	{"acl-default-services-dev.http", AGENT_DENIED, "403 Permission denied"},
	{"acl-wrong-token.http", AGENT_DENIED, "403 Permission denied"},
	{"acl-malformed-token.http", AGENT_DENIED, "403 Permission denied"},
	{"taskapi-identity-services-all.http", AGENT_UNBELIEVABLE, "no token is configured"},
	{"noleader-services.http", AGENT_NO_LEADER, "No cluster leader"},
	{"serverdown-services.http", AGENT_FAILED, "(500 failed to get conn"},
	{"stream-bad-index.http", AGENT_FAILED, "400"},
	{"serverdown-stream.http", AGENT_FAILED, "500"},
	{"acl-none-service.http", AGENT_DENIED, "403 Permission denied"},
	{"taskapi-none.http", AGENT_DENIED, "401 Unauthorized"},
	{"taskapi-unknown-uuid.http", AGENT_DENIED, "403 Forbidden"},
	{"taskapi-junk.http", AGENT_DENIED, "token"},
	{"acl-none-services.http", AGENT_UNBELIEVABLE, "no token is configured"},
	{"agent-stopping-empty.http", AGENT_NO_LEADER, "stopping"},
	{"noleader-service.http", AGENT_NO_LEADER, "No cluster leader"},
	{"noleader-services-stale.http", AGENT_NO_LEADER, "no leader"},
	{"leaderlost-services-client.http", AGENT_FAILED, "(500 failed to get conn"},
	{"too-many-connections.http", AGENT_OVERLOADED, "http_max_conns_per_client"},
	{"unknown-region.http", AGENT_FAILED, "check region"},
	{"services-no-slash.http", AGENT_NOT_NOMAD, "redirects (307)"},
	{"unknown-path.http", AGENT_NOT_NOMAD, "404"},
	{"agent-health.http", AGENT_NOT_NOMAD, "not as a Nomad agent"},
	{"plain-http-to-https.http", AGENT_NOT_NOMAD, "https://"},
	{"bad-wait.http", AGENT_FAILED, "400 Invalid wait time"},
	{"gzip-33-mib.http", AGENT_TOO_LARGE, "32 MiB"},
};

START_TEST(recorded_answer_is_worth_what_it_says)
{
	size_t size;
	char *octets = answerer_recording(recordings[_i].name, &size);
	struct agent_request *request = ask(octets, size, AGENT_READ, LIMIT);
	const struct agent_answer *answer = &request->answer;

	ck_assert_msg(answer->result == recordings[_i].wanted, "%s: %s: %s", recordings[_i].name,
	              agent_result_text(answer->result), answer->reason);
	ck_assert_msg(strstr(answer->reason, recordings[_i].words) != NULL, "%s", answer->reason);
	ck_assert_msg((answer->result == AGENT_BELIEVED) == (answer->reason[0] == '\0'), "%s", answer->reason);
	ck_assert_msg(answer->reason[0] == '\0' || strncmp(answer->reason, request->name, strlen(request->name)) == 0,
	              "no address in: %s", answer->reason);
	agent_request_free(request);
	free(octets);
}
END_TEST

START_TEST(recorded_head_and_body_are_kept)
{
	size_t size;
	char *octets = answerer_recording("service-1000-gzip.http", &size);
	struct agent_request *request = ask(octets, size, AGENT_READ, LIMIT);

	ck_assert_int_eq((int)request->answer.status, 200);
	ck_assert(request->answer.has_index && request->answer.has_known_leader && request->answer.known_leader);
	ck_assert_uint_gt(request->answer.index, 0);
	ck_assert_uint_eq(request->answer.size, 338561);
	ck_assert_uint_eq(strlen(request->answer.body), 338561);
	agent_request_free(request);
	free(octets);
}
END_TEST

#define HEAD "HTTP/1.1 200 OK\r\n"
#define JSON "Content-Type: application/json\r\n"
#define INDEX "X-Nomad-Index: 7\r\n"
#define LEADER "X-Nomad-Knownleader: true\r\n"
#define EMPTY "Content-Length: 2\r\n\r\n[]"

/* An answer that no agent was heard to give, and what it is worth. */
static const struct {
	const char *octets;
	enum agent_result wanted;
	const char *words;
} answers[] = {
	{HEAD JSON INDEX LEADER EMPTY, AGENT_BELIEVED, ""},
	{HEAD "content-type:application/json; charset=utf-8\r\nx-nomad-index:7\r\nX-NOMAD-KNOWNLEADER: true\r\n" EMPTY,
         AGENT_BELIEVED, ""},
	{"HTTP/1.1 103 Early Hints\r\n" INDEX "\r\n" HEAD JSON LEADER EMPTY, AGENT_NOT_NOMAD, "not as a Nomad agent"},
	{HEAD JSON LEADER EMPTY, AGENT_NOT_NOMAD, "address"},
	{HEAD JSON INDEX EMPTY, AGENT_NOT_NOMAD, "address"},
	{HEAD INDEX LEADER EMPTY, AGENT_NOT_NOMAD, "address"},
	{HEAD "Content-Type: application/jsonx\r\n" INDEX LEADER EMPTY, AGENT_NOT_NOMAD, "address"},
	{HEAD "Content-Type: text/html\r\n" INDEX LEADER "\r\n<html>", AGENT_NOT_NOMAD, "address"},
	{HEAD JSON "X-Nomad-Index: -7\r\n" LEADER EMPTY, AGENT_NOT_NOMAD, "address"},
	{HEAD JSON "X-Nomad-Index: 0\r\n" LEADER EMPTY, AGENT_UNBELIEVABLE, "set token-file"},
	{HEAD JSON INDEX "X-Nomad-Knownleader: false\r\n" EMPTY, AGENT_NO_LEADER, "leader"},
	{"HTTP/1.1 204 No Content\r\n" JSON INDEX LEADER "\r\n", AGENT_NOT_NOMAD, "204"},
	{"HTTP/1.1 206 Partial Content\r\n" JSON INDEX LEADER EMPTY, AGENT_NOT_NOMAD, "206"},
	{"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 12\r\n\r\n<h1>\033[1m</h1>", AGENT_FAILED, "(502 <h1>.[1m</h1)"},
	{"HTTP/1.1 500 Oops\r\nContent-Length: 57\r\n\r\nrpc error: rpc error: Not ready to serve consistent reads\n",
         AGENT_NO_LEADER, "(Not ready"},
	{"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", AGENT_NOT_NOMAD, "1.3"},
	{"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", AGENT_NOT_NOMAD, "redirects"},
	{HEAD JSON INDEX LEADER "Content-Length: 100\r\n\r\n[", AGENT_CUT, "cut"},
	{HEAD JSON INDEX LEADER "Transfer-Encoding: chunked\r\n\r\n8\r\n[", AGENT_CUT, "cut"},
	{HEAD JSON INDEX LEADER "Content-Encoding: gzip\r\n" EMPTY, AGENT_CUT, "cut"},
	{HEAD JSON INDEX, AGENT_NOT_NOMAD, "address"},
	{HEAD JSON INDEX LEADER, AGENT_CUT, "no body"},
	{HEAD JSON INDEX LEADER "\r\n", AGENT_CUT, "no body"},
	{"", AGENT_OVERLOADED, "closed"},
	{"SSH-2.0-OpenSSH_9.2\r\n", AGENT_NOT_NOMAD, "address"},
	{"-ERR unknown command\r\n", AGENT_NOT_NOMAD, "address"},
	{"\x16\x03\x01\x02\x03", AGENT_NOT_NOMAD, "address"},
};

START_TEST(answer_is_believed_only_where_all_is_right)
{
	struct agent_request *request = ask(answers[_i].octets, strlen(answers[_i].octets), AGENT_READ, LIMIT);

	ck_assert_msg(request->answer.result == answers[_i].wanted, "%s: %s", agent_result_text(request->answer.result),
	              request->answer.reason);
	ck_assert_msg(strstr(request->answer.reason, answers[_i].words) != NULL, "%s", request->answer.reason);
	agent_request_free(request);
}
END_TEST

/* A stream says nothing in its head. */
static const struct {
	const char *name;
	enum agent_result wanted;
} streams[] = {
	{"acl-default-stream.http", AGENT_BELIEVED},
	{"serverdown-stream.http", AGENT_FAILED},
	{"acl-none-service.http", AGENT_DENIED},
	{"too-many-connections.http", AGENT_OVERLOADED},
	{"services-no-slash.http", AGENT_NOT_NOMAD},
};

START_TEST(stream_is_judged_by_its_status)
{
	size_t size;
	char *octets = answerer_recording(streams[_i].name, &size);
	struct agent_request *request = ask(octets, size, AGENT_STREAM, LIMIT);

	ck_assert_msg(request->answer.result == streams[_i].wanted, "%s", request->answer.reason);
	agent_request_free(request);
	free(octets);
}
END_TEST

START_TEST(silence_is_a_time_out)
{
	struct agent_request *request = ask(NULL, 0, AGENT_READ, 50);

	ck_assert_int_eq(request->answer.result, AGENT_TIMED_OUT);
	ck_assert_ptr_nonnull(strstr(request->answer.reason, "did not answer in time"));
	agent_request_free(request);
}
END_TEST

/* What libcurl says where there is TLS, and the advice. */
static const struct {
	CURLcode code;
	const char *said;
	enum agent_result wanted;
	const char *words;
} tls[] = {
	{CURLE_PEER_FAILED_VERIFICATION, "SSL certificate problem: unable to get local issuer certificate", AGENT_TLS,
         "set ca-file"},
	{CURLE_PEER_FAILED_VERIFICATION, "SSL: no alternative certificate subject name matches target host name '10.0.0.1'",
         AGENT_TLS, "set tls-server-name"},
	{CURLE_SSL_CONNECT_ERROR, "error:0A00010B:SSL routines::wrong version number", AGENT_TLS, "write http://"},
	{CURLE_SSL_CONNECT_ERROR, "error:0A000410:SSL routines::sslv3 alert handshake failure", AGENT_TLS, "cert-file"},
	{CURLE_RECV_ERROR, "OpenSSL SSL_read: error:0A00045C:SSL routines::tlsv13 alert certificate required, errno 0",
         AGENT_TLS, "cert-file"},
	{CURLE_SSL_CACERT_BADFILE, "error setting certificate file: /nowhere", AGENT_TLS, "correct the file"},
	{CURLE_SSL_CERTPROBLEM, "could not load PEM client certificate", AGENT_TLS, "correct the file"},
	{CURLE_RECV_ERROR, "Recv failure: Connection reset by peer", AGENT_OVERLOADED, "closed"},
	{CURLE_COULDNT_RESOLVE_HOST, "Could not resolve host: nomad.example", AGENT_UNREACHABLE, "not known"},
	{CURLE_COULDNT_CONNECT, "Failed to connect", AGENT_UNREACHABLE, "is the agent running?"},
	{CURLE_OUT_OF_MEMORY, "", AGENT_NO_MEMORY, "out of memory"},
	{CURLE_WRITE_ERROR, "", AGENT_FAILED, "not heard to the end"},
	{CURLE_UNSUPPORTED_PROTOCOL, "Received HTTP/0.9 when not allowed", AGENT_NOT_NOMAD, "address"},
};

START_TEST(failure_is_told_with_what_to_do)
{
	char reason[CONFIG_REASON_MAX], *word = (char *)"https://10.0.0.1:4646";
	struct config config = {.addresses = {1, &word}};
	struct agent agent;

	ck_assert_int_eq(agent_init(&config, &agent, reason), 0);
	struct agent_request *request = agent_request_new(&agent, AGENT_READ, "/v1/services?namespace=*", 1, NULL, NULL);
	strcpy(request->error, tls[_i].said);
	ck_assert_int_eq(agent_request_judge(request, tls[_i].code), tls[_i].wanted);
	ck_assert_msg(strstr(request->answer.reason, tls[_i].words) != NULL, "%s", request->answer.reason);
	ck_assert_msg(strstr(request->answer.reason, tls[_i].said) != NULL, "%s", request->answer.reason);
	ck_assert_msg(strstr(request->answer.reason, word) != NULL, "%s", request->answer.reason);
	agent_request_free(request);
	agent_done(&agent);
}
END_TEST

/* libcurl quotes a certificate's names as they are, and a reason ends on somebody's terminal. */
START_TEST(no_control_character_gets_into_a_reason)
{
	char reason[CONFIG_REASON_MAX];
	struct agent agent;
	char *word = (char *)"https://127.0.0.1:4646";
	struct config config = {.addresses = {1, &word}};

	ck_assert_int_eq(agent_init(&config, &agent, reason), 0);
	struct agent_request *request = agent_request_new(&agent, AGENT_READ, "/v1/services", LIMIT, NULL, NULL);
	ck_assert_ptr_nonnull(request);
	strcpy(request->error, "subject name 'a\x1b[31m\x7f\n' does not match");
	ck_assert_int_eq(agent_request_judge(request, CURLE_PEER_FAILED_VERIFICATION), AGENT_TLS);
	ck_assert_msg(strstr(request->answer.reason, "'a.[31m..' does not match") != NULL, "%s", request->answer.reason);
	agent_request_free(request);
	agent_done(&agent);
}
END_TEST

START_TEST(every_result_has_words_and_none_unbelieved_is_zero)
{
	for (int result = 0; result < AGENT_RESULTS; result++)
		ck_assert_ptr_nonnull(agent_result_text((enum agent_result)result));
	ck_assert_int_eq((int)(struct agent_answer){0}.result, AGENT_FAILED);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{recorded_answer_is_worth_what_it_says, sizeof recordings / sizeof *recordings},
		{recorded_head_and_body_are_kept, 1},
		{answer_is_believed_only_where_all_is_right, sizeof answers / sizeof *answers},
		{stream_is_judged_by_its_status, sizeof streams / sizeof *streams},
		{silence_is_a_time_out, 1},
		{failure_is_told_with_what_to_do, sizeof tls / sizeof *tls},
		{no_control_character_gets_into_a_reason, 1},
		{every_result_has_words_and_none_unbelieved_is_zero, 1},
	};

	return support_run("agent_judge", tests, sizeof tests / sizeof *tests);
}
