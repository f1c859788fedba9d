/*
 * Tests of src/nomad/agent_get.c: which of several agents is asked, and for how long.
 *
 * SPDX-License-Identifier: MIT
 */
#include "answerer.h"
#include "deadline.h"
#include "nomad/agent.h"

enum { AGENTS = 3, PATIENCE = 20000 /* milliseconds */ };

#define PERSON "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Nomad-Knownleader: true\r\n"

static const char believed[] = PERSON "X-Nomad-Index: 7\r\nContent-Length: 2\r\n\r\n[]";
static const char denied[] = "HTTP/1.1 403 Forbidden\r\nContent-Length: 17\r\n\r\nPermission denied";
static const char failed[] = "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\nOops";
static const char no_leader[] = "HTTP/1.1 500 Oops\r\nContent-Length: 17\r\n\r\nNo cluster leader";
static const char unbelievable[] = PERSON "X-Nomad-Index: 0\r\nContent-Length: 2\r\n\r\n[]";
static const char junk[] = "junk";
static const char nothing[] = "";

/* What each of three agents says, and what comes of it: the result, who is kept to, how often each was asked. */
static const struct {
	const char *octets[AGENTS];
	enum agent_result wanted;
	size_t current;
	int asked[AGENTS];
} walks[] = {
	{{believed, believed, believed}, AGENT_BELIEVED, 0, {1, 0, 0}},
	{{failed, believed, believed}, AGENT_BELIEVED, 1, {1, 1, 0}},
	{{junk, no_leader, believed}, AGENT_BELIEVED, 2, {1, 1, 1}},
	{{nothing, denied, believed}, AGENT_DENIED, 1, {1, 1, 0}},
	{{denied, believed, believed}, AGENT_DENIED, 0, {1, 0, 0}},
	{{unbelievable, believed, believed}, AGENT_UNBELIEVABLE, 0, {1, 0, 0}},
	{{junk, failed, no_leader}, AGENT_NO_LEADER, 0, {1, 1, 1}},
};

static void start_all(struct answerer answerers[AGENTS], const char *const octets[AGENTS], char *words[AGENTS])
{
	for (size_t i = 0; i < AGENTS; i++) {
		answerer_start(&answerers[i], octets[i], octets[i] == NULL ? 0 : strlen(octets[i]));
		words[i] = answerers[i].address;
	}
}

START_TEST(agents_are_asked_in_order_until_one_has_spoken)
{
	char reason[CONFIG_REASON_MAX], *words[AGENTS];
	struct answerer answerers[AGENTS];
	struct config config = {.addresses = {AGENTS, words}};
	struct agent_answer answer;
	struct agent agent;

	start_all(answerers, walks[_i].octets, words);
	ck_assert_int_eq(agent_init(&config, &agent, reason), 0);
	ck_assert_int_eq(agent_get(&agent, "/v1/services?namespace=a", deadline_now() + PATIENCE, &answer), walks[_i].wanted);
	ck_assert_int_eq(answer.result, walks[_i].wanted);
	ck_assert_uint_eq(agent.current, walks[_i].current);
	for (size_t i = 0; i < AGENTS; i++) {
		answerer_stop(&answerers[i]);
		ck_assert_int_eq(answerers[i].connections, walks[_i].asked[i]);
		/* The reason tells of everybody who was asked, a belief of nobody. */
		bool told = strstr(answer.reason, words[i]) != NULL;
		ck_assert_int_eq(told, walks[_i].asked[i] > 0 && walks[_i].wanted != AGENT_BELIEVED);
	}
	agent_answer_done(&answer);
	agent_done(&agent);
}
END_TEST

START_TEST(agent_that_answered_is_asked_first_from_then_on)
{
	static const char *const octets[AGENTS] = {failed, believed, failed};
	char reason[CONFIG_REASON_MAX], *words[AGENTS];
	struct answerer answerers[AGENTS];
	struct config config = {.addresses = {AGENTS, words}};
	struct agent_answer answer;
	struct agent agent;

	start_all(answerers, octets, words);
	ck_assert_int_eq(agent_init(&config, &agent, reason), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(agent_get(&agent, "/v1/services?namespace=a", deadline_now() + PATIENCE, &answer),
		                 AGENT_BELIEVED);
		agent_answer_done(&answer);
	}
	for (size_t i = 0; i < AGENTS; i++)
		answerer_stop(&answerers[i]);
	ck_assert_int_eq(answerers[0].connections, 1);
	ck_assert_int_eq(answerers[1].connections, 3);
	ck_assert_int_eq(answerers[2].connections, 0);
	agent_done(&agent);
}
END_TEST

START_TEST(agent_that_hangs_leaves_time_for_the_next)
{
	static const char *const octets[AGENTS] = {NULL, believed, believed};
	char reason[CONFIG_REASON_MAX], *words[AGENTS];
	struct answerer answerers[AGENTS];
	struct config config = {.addresses = {AGENTS, words}};
	struct agent_answer answer;
	struct agent agent;

	start_all(answerers, octets, words);
	ck_assert_int_eq(agent_init(&config, &agent, reason), 0);
	ck_assert_int_eq(agent_get(&agent, "/v1/services?namespace=a", deadline_now() + 3000, &answer), AGENT_BELIEVED);
	ck_assert_uint_eq(agent.current, 1);
	for (size_t i = 0; i < AGENTS; i++)
		answerer_stop(&answerers[i]);
	agent_answer_done(&answer);
	agent_done(&agent);
}
END_TEST

START_TEST(deadline_that_has_passed_is_a_time_out)
{
	static const char *const octets[AGENTS] = {NULL, NULL, NULL};
	char reason[CONFIG_REASON_MAX], *words[AGENTS];
	struct answerer answerers[AGENTS];
	struct config config = {.addresses = {AGENTS, words}};
	struct agent_answer answer;
	struct agent agent;

	start_all(answerers, octets, words);
	ck_assert_int_eq(agent_init(&config, &agent, reason), 0);
	ck_assert_int_eq(agent_get(&agent, "/v1/services?namespace=a", deadline_now() - 1, &answer), AGENT_TIMED_OUT);
	for (size_t i = 0; i < AGENTS; i++)
		answerer_stop(&answerers[i]);
	agent_answer_done(&answer);
	agent_done(&agent);
}
END_TEST

START_TEST(socket_that_is_not_there_is_unreachable)
{
	char reason[CONFIG_REASON_MAX], folder[SUPPORT_PATH_MAX], text[SUPPORT_PATH_MAX + 16], *word = text;
	struct config config = {.addresses = {1, &word}};
	struct agent_answer answer;
	struct agent agent;

	support_folder(folder);
	snprintf(text, sizeof text, "unix://%s/none", folder);
	ck_assert_int_eq(agent_init(&config, &agent, reason), 0);
	ck_assert_int_eq(agent_get(&agent, "/v1/services?namespace=a", deadline_now() + PATIENCE, &answer), AGENT_UNREACHABLE);
	ck_assert_msg(strstr(answer.reason, text) != NULL, "%s", answer.reason);
	agent_answer_done(&answer);
	agent_done(&agent);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{agents_are_asked_in_order_until_one_has_spoken, sizeof walks / sizeof *walks},
		{agent_that_answered_is_asked_first_from_then_on, 1},
		{agent_that_hangs_leaves_time_for_the_next, 1},
		{deadline_that_has_passed_is_a_time_out, 1},
		{socket_that_is_not_there_is_unreachable, 1},
	};

	return support_run("agent_get", tests, sizeof tests / sizeof *tests);
}
