/*
 * The doctor asks Nomad: whether an agent answers, what the token may read, whether the clocks agree; see doctor.h.
 * Called by doctor.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "deadline.h"
#include "nomad/agent.h"
#include "nomad/registrations.h"
#include "noun.h"
#include "tool/doctor.h"
#include "tool/namespaces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	SKEW_MOST = 30,  /* seconds between two clocks: an answer may take as long, Date is in whole seconds */
	LIST_MAX = 1024, /* octets with the NUL, of namespaces in a sentence */
};

/* What to do, beside what the agent's own reason says. */
static const char *remedy_for(enum agent_result result)
{
	static const char token[] = "give a token with read-job in this namespace: token-file in " CONFIG_FILE
	                            " (docs/acl-policy.hcl is a policy)";
	static const char *const remedies[AGENT_RESULTS] = {
		[AGENT_FAILED] = "see the agent's log",
		[AGENT_DENIED] = token,
		[AGENT_OVERLOADED] = "see whether Nomad's HTTP API is at that address; else see the agent's log, raise "
	                             "http_max_conns_per_client in its limits, or run nomad-dns-srv on each host",
		[AGENT_NO_LEADER] = "see why Nomad's servers have no leader: nomad server members",
		[AGENT_UNBELIEVABLE] = token,
		[AGENT_NOT_NOMAD] = "correct address in " CONFIG_FILE,
		[AGENT_UNREACHABLE] = "start the agent (systemctl start nomad), or correct address in " CONFIG_FILE,
		[AGENT_TIMED_OUT] = "see what holds the agent up, or name another one in address too",
		[AGENT_STRANGER] = "see which program has that port (ss -ltnp), or set agent-user in " CONFIG_FILE,
		[AGENT_TLS] = "do what the sentence says (docs/acl-tls.md)",
	};

	return remedies[result] == NULL ? "try again" : remedies[result];
}

/* The same where the token's file, or another one, cannot be read. */
static const char *remedy_for_file(int error)
{
	if (error == -ENOENT)
		return "create it: nomad acl token create -type=client -policy=POLICY (docs/acl-policy.hcl is one), and put its "
		       "Secret ID into the file";
	if (error == -EACCES)
		return "run this as root, run nomad-dns-srv, or let this user read the file";
	return "do what the sentence says";
}

static bool is_about_token(enum agent_result result)
{
	return result == AGENT_DENIED || result == AGENT_UNBELIEVABLE;
}

/* Heartbeats and records are judged by this host's clock, certificates too. */
static void check_clock(struct doctor *doctor, int64_t date)
{
	int64_t ahead = (int64_t)time(NULL) - date;

	if (date == 0)
		return;
	if (ahead > SKEW_MOST || ahead < -SKEW_MOST)
		doctor_say(doctor, DOCTOR_FAULT, "clock", "set the clock that is wrong: timedatectl set-ntp true",
		           "this host's clock is %lld s %s that of the Nomad agent", (long long)(ahead < 0 ? -ahead : ahead),
		           ahead < 0 ? "behind" : "ahead of");
	else
		doctor_say(doctor, DOCTOR_OK, "clock", NULL, "this host and the agent agree on the time");
}

/* The service to try: the first by its name of those that can be asked for. */
static void take_name(struct doctor *doctor, const struct service_list *names)
{
	char text[2 * (NAME_LABEL_MAX + 1) + sizeof "nomad"];

	for (size_t i = 0; i < names->count; i++) {
		const struct listed_service *one = &names->items[i];
		if (!name_is_label(one->namespace) || !name_is_label(one->service))
			continue;
		snprintf(text, sizeof text, "%s.%s.nomad", one->service, one->namespace);
		if (doctor->name[0] == '\0' || strcmp(text, doctor->name) < 0)
			strcpy(doctor->name, text);
	}
}

/* Nomad's list has one element a namespace, and service_list_parse() keeps its order. */
static void list_namespaces(const struct service_list *names, char list[LIST_MAX])
{
	size_t used = 0;

	list[0] = '\0';
	for (size_t i = 0; i < names->count && used < LIST_MAX; i++)
		if (i == 0 || strcmp(names->items[i].namespace, names->items[i - 1].namespace) != 0)
			used += (size_t)snprintf(list + used, LIST_MAX - used, "%s%s", i == 0 ? "" : ", ", names->items[i].namespace);
}

static void check_list(struct doctor *doctor, const char *namespace, const struct agent_answer *answer, bool choose)
{
	struct service_list names;
	char list[LIST_MAX];

	if (service_list_parse(answer->body, answer->size, &names) < 0) {
		doctor_say(doctor, DOCTOR_FAULT, "agent", "see the agent's log", "the agent's list of services cannot be read");
		return;
	}
	list_namespaces(&names, list);
	if (strcmp(namespace, "*") != 0)
		doctor_say(doctor, DOCTOR_OK, "token", NULL, "%zu %s may be read in namespace %s", names.count,
		           noun(names.count, "service", "services"), namespace);
	else if (names.count > 0)
		doctor_say(doctor, DOCTOR_OK, "token", NULL, "%zu %s may be read, in: %s", names.count,
		           noun(names.count, "service", "services"), list);
	else
		doctor_say(doctor, DOCTOR_NOTE, "token", "register one with provider = \"nomad\", or give the token read-job",
		           "there is no service, or the token may read none");
	if (choose)
		take_name(doctor, &names);
	service_list_done(&names);
}

/* A namespace without services may be one that is not there. True where that was said. */
static bool check_existence(struct doctor *doctor, struct agent *agent, const char *namespace,
                            const struct agent_answer *answer)
{
	char others[NAMESPACES_TEXT_MAX];
	struct service_list names;

	if (strcmp(namespace, "*") == 0 || service_list_parse(answer->body, answer->size, &names) < 0)
		return false;
	bool empty = names.count == 0;
	service_list_done(&names);
	if (!empty || !namespaces_lack(agent, namespace, deadline_now() + doctor->config->timeout, others))
		return false;
	doctor_say(doctor, DOCTOR_FAULT, "token", "correct namespace in " CONFIG_FILE ", or: nomad namespace apply NAME",
	           "namespace %s does not exist; there are: %s", namespace, others);
	return true;
}

/* True where an agent has answered, whatever it said. */
static bool check_namespace(struct doctor *doctor, struct agent *agent, const char *namespace, bool first, bool choose)
{
	struct agent_answer answer = {0};
	char *path = agent_path("/v1/services", NULL, namespace);

	if (path == NULL)
		return false;
	enum agent_result result = agent_get(agent, path, deadline_now() + doctor->config->timeout, &answer);
	bool answered = result == AGENT_BELIEVED || is_about_token(result);
	if (answered && first) {
		doctor_say(doctor, DOCTOR_OK, "agent", NULL, "%s answers", answer.name);
		check_clock(doctor, answer.date);
	}
	if (result == AGENT_BELIEVED && !check_existence(doctor, agent, namespace, &answer))
		check_list(doctor, namespace, &answer, choose);
	else if (result != AGENT_BELIEVED)
		doctor_say(doctor, DOCTOR_FAULT, is_about_token(result) ? "token" : "agent", remedy_for(result), "namespace %s: %s",
		           namespace, answer.reason);
	agent_answer_done(&answer);
	free(path);
	return answered;
}

void doctor_nomad(struct doctor *doctor)
{
	const struct words *namespaces = &doctor->config->namespaces;
	char reason[CONFIG_REASON_MAX];
	bool choose = doctor->name[0] == '\0';
	struct agent agent;

	int error = agent_init(doctor->config, &agent, reason);
	if (error < 0) {
		doctor_say(doctor, doctor->daemon_lives ? DOCTOR_NOTE : DOCTOR_FAULT, "token",
		           doctor->daemon_lives ? NULL : remedy_for_file(error),
		           "%s%s", reason, doctor->daemon_lives ? " (the daemon answers for this user)" : "");
		return;
	}
	if (reason[0] != '\0')
		doctor_say(doctor, DOCTOR_FAULT, "token", "do what the sentence says", "%s", reason);
	for (size_t i = 0; i < namespaces->count; i++)
		if (!check_namespace(doctor, &agent, namespaces->words[i], i == 0, choose))
			break;
	agent_done(&agent);
}
