/*
 * Tests of src/nomad/agent.c and authorities.c: what is sent, and what is made of a body as it comes.
 *
 * SPDX-License-Identifier: MIT
 */
#include "answerer.h"
#include "nomad/agent.h"
#include "nomad/agent_judge.h"

#include <errno.h>
#include <sys/stat.h>

enum { LIMIT = 20000 }; /* milliseconds: patience, where nothing is to run out */

static const char believed[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Nomad-Index: 7\r\n"
			       "X-Nomad-Knownleader: true\r\nContent-Length: 2\r\n\r\n[]";

/* A path in parts, and whole. */
static const struct {
	const char *prefix, *name, *namespace, *wanted;
} paths[] = {
	{"/v1/services", NULL, "*", "/v1/services?namespace=%2A"},
	{"/v1/services", NULL, "default", "/v1/services?namespace=default"},
	{"/v1/service/", "redis", "prod", "/v1/service/redis?namespace=prod"},
	{"/v1/service/", "Az09-._~", "a", "/v1/service/Az09-._~?namespace=a"},
	{"/v1/service/", "x-a.b_c/d \xc3\xa9", "a&b=c", "/v1/service/x-a.b_c%2Fd%20%C3%A9?namespace=a%26b%3Dc"},
	{"/v1/service/", "a%2Fb?c#d", "\x01\x7f\xff", "/v1/service/a%252Fb%3Fc%23d?namespace=%01%7F%FF"},
};

START_TEST(path_is_percent_encoded)
{
	char *path = agent_path(paths[_i].prefix, paths[_i].name, paths[_i].namespace);

	ck_assert_str_eq(path, paths[_i].wanted);
	free(path);
}
END_TEST

/* Asks a stand-in under these settings; its head is in answerer->request. The caller releases the request. */
static struct agent_request *ask(struct config *config, struct answerer *answerer, const char *octets,
                                 enum agent_kind kind, agent_receive receive, void *context)
{
	char reason[CONFIG_REASON_MAX];
	struct agent agent;

	answerer_start(answerer, octets, strlen(octets));
	char *word = answerer->address;
	config->addresses = (struct words){1, &word};
	ck_assert_int_eq(agent_init(config, &agent, reason), 0);
	char *path = agent_path("/v1/service/", "redis", "prod");
	struct agent_request *request = agent_request_new(&agent, kind, path, LIMIT, receive, context);
	free(path);
	ck_assert_ptr_nonnull(request);
	agent_request_judge(request, curl_easy_perform(request->easy));
	agent_done(&agent);
	answerer_stop(answerer);
	config->addresses = (struct words){0};
	return request;
}

START_TEST(request_is_a_plain_get)
{
	struct config config = {0};
	struct answerer answerer;
	struct agent_request *request = ask(&config, &answerer, believed, AGENT_READ, NULL, NULL);

	ck_assert_str_eq(answerer.request, "GET /v1/service/redis?namespace=prod HTTP/1.1\r\nHost: 127.0.0.1\r\n"
	                                   "User-Agent: nss-nomad\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n\r\n");
	ck_assert_int_eq(request->answer.result, AGENT_BELIEVED);
	ck_assert_str_eq(request->answer.body, "[]");
	agent_request_free(request);
}
END_TEST

START_TEST(request_carries_token_region_and_password)
{
	struct config config = {.token = (char *)"secret token", .region = (char *)"eu west", .http_auth = (char *)"me:sesame"};
	struct answerer answerer;
	struct agent_request *request = ask(&config, &answerer, believed, AGENT_STREAM, NULL, NULL);

	ck_assert_ptr_nonnull(strstr(answerer.request, "GET /v1/service/redis?namespace=prod&region=eu%20west HTTP/1.1\r\n"));
	ck_assert_ptr_nonnull(strstr(answerer.request, "\r\nX-Nomad-Token: secret token\r\n"));
	ck_assert_ptr_nonnull(strstr(answerer.request, "\r\nAuthorization: Basic bWU6c2VzYW1l\r\n"));
	ck_assert_ptr_null(strstr(answerer.request, "Accept-Encoding"));
	agent_request_free(request);
}
END_TEST

START_TEST(environment_of_libcurl_is_not_heard)
{
	struct config config = {0};
	struct answerer answerer;

	setenv("http_proxy", "http://127.0.0.1:1/", 1);
	setenv("all_proxy", "socks5://127.0.0.1:1/", 1);
	struct agent_request *request = ask(&config, &answerer, believed, AGENT_READ, NULL, NULL);
	ck_assert_msg(request->answer.result == AGENT_BELIEVED, "%s", request->answer.reason);
	agent_request_free(request);
}
END_TEST

/* Collects pieces; ends the request once it has `most`. */
struct pieces {
	char text[64];
	size_t size, most;
};

static size_t take(void *context, const char *octets, size_t size)
{
	struct pieces *pieces = context;

	if (pieces->size + size > pieces->most)
		return 0;
	memcpy(pieces->text + pieces->size, octets, size);
	pieces->size += size;
	return size;
}

START_TEST(stream_is_handed_on_and_not_kept)
{
	struct pieces pieces = {.most = sizeof pieces.text};
	struct config config = {0};
	struct answerer answerer;
	struct agent_request *request = ask(&config, &answerer, "HTTP/1.1 200 OK\r\n\r\n{}\n{\"Index\":7}\n", AGENT_STREAM, take,
	                                    &pieces);

	ck_assert_int_eq(request->answer.result, AGENT_BELIEVED);
	ck_assert_str_eq(pieces.text, "{}\n{\"Index\":7}\n");
	ck_assert_ptr_null(request->answer.body);
	agent_request_free(request);
}
END_TEST

START_TEST(receiver_that_has_enough_ends_the_request)
{
	struct pieces pieces = {.most = 1};
	struct config config = {0};
	struct answerer answerer;
	struct agent_request *request = ask(&config, &answerer, "HTTP/1.1 200 OK\r\n\r\n{}\n", AGENT_STREAM, take, &pieces);

	ck_assert_int_eq(request->answer.result, AGENT_FAILED);
	agent_request_free(request);
}
END_TEST

START_TEST(refusal_of_a_stream_is_kept_and_not_handed_on)
{
	struct pieces pieces = {.most = sizeof pieces.text};
	struct config config = {0};
	struct answerer answerer;
	struct agent_request *request = ask(&config, &answerer, "HTTP/1.1 403 Forbidden\r\n\r\nPermission denied", AGENT_STREAM,
	                                    take, &pieces);

	ck_assert_int_eq(request->answer.result, AGENT_DENIED);
	ck_assert_str_eq(request->answer.body, "Permission denied");
	ck_assert_uint_eq(pieces.size, 0);
	agent_request_free(request);
}
END_TEST

START_TEST(name_shows_no_password)
{
	char reason[CONFIG_REASON_MAX], name[AGENT_NAME_MAX];
	char *words[] = {(char *)"https://me:sesame@nomad.example/", (char *)"unix:///s"};
	struct config config = {.addresses = {2, words}};
	struct agent agent;

	ck_assert_int_eq(agent_init(&config, &agent, reason), 0);
	agent_name(&agent, name);
	ck_assert_str_eq(name, "https://nomad.example:443");
	ck_assert(!agent_next(&agent));
	agent_name(&agent, name);
	ck_assert_str_eq(name, "unix:///s");
	ck_assert(agent_next(&agent));
	ck_assert_uint_eq(agent.current, 0);
	agent_done(&agent);
	agent_done(&agent);
}
END_TEST

START_TEST(token_is_read_anew)
{
	char reason[CONFIG_REASON_MAX], folder[SUPPORT_PATH_MAX], path[SUPPORT_PATH_MAX], *word = (char *)"unix:///s";
	struct config config = {.addresses = {1, &word}, .token_file = path};
	struct agent agent = {.current = 4711};

	support_folder(folder);
	support_path(folder, "token", path);
	ck_assert_int_eq(agent_init(&config, &agent, reason), -ENOENT);
	ck_assert_ptr_nonnull(strstr(reason, path));
	ck_assert_uint_eq(agent.current, 4711);
	support_write(path, "one\n", 4);
	ck_assert_int_eq(agent_init(&config, &agent, reason), 0);
	ck_assert_str_eq(agent.token, "one");
	support_write(path, "one", 3);
	ck_assert_int_eq(agent_read_token(&agent, reason), 0);
	support_write(path, "two", 3);
	ck_assert_int_eq(agent_read_token(&agent, reason), 1);
	ck_assert_str_eq(agent.token, "two");
	unlink(path);
	ck_assert_int_eq(agent_read_token(&agent, reason), -ENOENT);
	ck_assert_str_eq(agent.token, "two");
	agent_done(&agent);
}
END_TEST

START_TEST(authorities_are_all_files_of_a_folder_and_below)
{
	char reason[CONFIG_REASON_MAX], folder[SUPPORT_PATH_MAX], path[SUPPORT_PATH_MAX], *text = NULL;

	support_folder(folder);
	ck_assert_int_eq(agent_read_authorities(folder, &text, reason), -ENOENT);
	ck_assert_ptr_nonnull(strstr(reason, folder));
	support_path(folder, "a", path);
	support_write(path, "first", 5);
	support_path(folder, "b/c", path);
	support_write(path, "second\n", 7);
	ck_assert_int_eq(agent_read_authorities(folder, &text, reason), 0);
	ck_assert(strcmp(text, "first\nsecond\n\n") == 0 || strcmp(text, "second\n\nfirst\n") == 0);
	free(text);

	char *large = calloc(1, 5 * 1024 * 1024);
	support_path(folder, "large", path);
	support_write(path, large, 5 * 1024 * 1024);
	free(large);
	ck_assert_int_eq(agent_read_authorities(folder, &text, reason), -EFBIG);
	support_path(folder, "missing", path);
	ck_assert_int_eq(agent_read_authorities(path, &text, reason), -ENOENT);
	struct config config = {.ca_path = path};
	struct agent agent;
	ck_assert_int_eq(agent_init(&config, &agent, reason), -ENOENT);
	ck_assert_ptr_nonnull(strstr(reason, "NOMAD_CAPATH"));
}
END_TEST

/* An address and a name of the server, so that every way of making a URL is gone. */
static char *const addresses[] = {(char *)"unix:///s", (char *)"http://me:a@[::1]:1", (char *)"https://10.0.0.1:4646"};

START_TEST(request_survives_every_failing_allocation)
{
	char reason[CONFIG_REASON_MAX], *word = addresses[_i];
	struct config config = {.addresses = {1, &word},
	                        .token = (char *)"t",
	                        .region = (char *)"r",
	                        .tls_server_name = (char *)"server.global.nomad"};
	bool failed = true;

	for (unsigned nth = 1; failed; nth++) {
		struct agent agent = {0};
		support_fail_allocation(nth);
		int result = agent_init(&config, &agent, reason);
		struct agent_request *request =
			result < 0 ? NULL : agent_request_new(&agent, AGENT_READ, "/v1/services?namespace=a", LIMIT, NULL, NULL);
		failed = support_fail_allocation(0);
		ck_assert_int_eq(request == NULL, failed);
		agent_request_free(request);
		agent_done(&agent);
	}
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{path_is_percent_encoded, sizeof paths / sizeof *paths},
		{request_is_a_plain_get, 1},
		{request_carries_token_region_and_password, 1},
		{environment_of_libcurl_is_not_heard, 1},
		{stream_is_handed_on_and_not_kept, 1},
		{receiver_that_has_enough_ends_the_request, 1},
		{refusal_of_a_stream_is_kept_and_not_handed_on, 1},
		{name_shows_no_password, 1},
		{token_is_read_anew, 1},
		{authorities_are_all_files_of_a_folder_and_below, 1},
		{request_survives_every_failing_allocation, sizeof addresses / sizeof *addresses},
	};

	return support_run("agent", tests, sizeof tests / sizeof *tests);
}
