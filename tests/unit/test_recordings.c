/*
 * A real agent's event streams (tests/recordings), driven through the watcher byte for byte, piece by piece, each at its
 * recorded moment, or octet by octet where the moments were not recorded. The agent's truth is told by the same
 * recordings, read by a few lines that share nothing with the code under test.
 *
 * SPDX-License-Identifier: MIT
 */
#include "answerer.h"
#include "world.h"

enum { EVENTS_MAX = 64, NAME_ROOM = 160, JSON_ROOM = 1000, AFTERWARDS = 500 };

/* An event as it stands there. */
struct told {
	char id[NAME_ROOM], namespace[NAME_ROOM], service[NAME_ROOM], type[NAME_ROOM], json[JSON_ROOM];
	uint64_t index;
	size_t ends_at; /* in the recording */
};

/* A recording under way. */
static struct {
	char *octets;
	size_t size, body, sent;
	struct told events[EVENTS_MAX];
	size_t count, applied;
	int64_t at;        /* milliseconds since it began */
	int64_t denied_at; /* when the token loses its right; 0: never */
} tape;

/* What stands between `before` and the next `end`, from `at` on; where it ends. */
static const char *between(const char *at, const char *before, char end, char *text, size_t room)
{
	at = strstr(at, before);
	ck_assert_ptr_nonnull(at);
	at += strlen(before);
	size_t length = strcspn(at, (char[]){end, '\0'});
	ck_assert_uint_lt(length, room);
	memcpy(text, at, length);
	text[length] = '\0';
	return at + length;
}

static void read_events(void)
{
	char index[NAME_ROOM];

	for (const char *at = tape.octets; (at = strstr(at, "{\"FilterKeys\"")) != NULL; tape.count++) {
		struct told *told = &tape.events[tape.count];
		ck_assert_uint_lt(tape.count, EVENTS_MAX);
		at = between(at, "\"Index\":", ',', index, sizeof index);
		at = between(at, "\"Key\":\"", '"', told->id, sizeof told->id);
		at = between(at, "\"Namespace\":\"", '"', told->namespace, sizeof told->namespace);
		at = between(at, "\"Service\":{", '}', told->json + 1, sizeof told->json - 2);
		told->json[0] = '{';
		strcat(told->json, "}");
		between(told->json, "\"ServiceName\":\"", '"', told->service, sizeof told->service);
		at = between(at, "\"Type\":\"", '"', told->type, sizeof told->type);
		told->index = strtoull(index, NULL, 10);
		told->ends_at = (size_t)(strchr(at, '\n') - tape.octets);
	}
}

static bool registers(const struct told *told)
{
	return strcmp(told->type, "ServiceRegistration") == 0;
}

/* What is deleted without having been registered was there before. */
static void make_what_was_before(void)
{
	for (size_t i = 0; i < tape.count; i++) {
		bool known = registers(&tape.events[i]);
		for (size_t j = 0; j < i && !known; j++)
			known = strcmp(tape.events[j].id, tape.events[i].id) == 0;
		if (!known)
			world_record(tape.events[i].namespace, tape.events[i].service, tape.events[i].id, tape.events[i].json,
			             world.index + 1);
	}
}

static void open_tape(const char *name)
{
	char file[64];

	snprintf(file, sizeof file, "%s.http", name);
	memset(&tape, 0, sizeof tape);
	tape.octets = answerer_recording(file, &tape.size);
	tape.octets = realloc(tape.octets, tape.size + 1);
	tape.octets[tape.size] = '\0';
	tape.body = tape.sent = (size_t)(strstr(tape.octets, "\r\n\r\n") + 4 - tape.octets);
	read_events();
	world_begin(NULL);
	world.index = 1;
	world.stalls = true; /* what is said is what was recorded */
	make_what_was_before();
	world_start(CATALOGUE_LOADING, 0);
}

/* Sends up to there; the agent has by then what the events in it tell. */
static void send_up_to(size_t end)
{
	char piece[64 * 1024];

	for (; tape.applied < tape.count && tape.events[tape.applied].ends_at <= end; tape.applied++) {
		const struct told *told = &tape.events[tape.applied];
		if (registers(told))
			world_record(told->namespace, told->service, told->id, told->json, told->index);
		else
			world_deregister(told->namespace, told->id, NULL);
		world.index = told->index;
	}
	if (end <= tape.sent)
		return;
	ck_assert_uint_lt(end - tape.sent, sizeof piece);
	memcpy(piece, tape.octets + tape.sent, end - tape.sent);
	piece[end - tape.sent] = '\0';
	tape.sent = end;
	world_send(piece);
}

static void run_up_to(int64_t at)
{
	if (tape.at < tape.denied_at && at >= tape.denied_at) {
		world_run(tape.denied_at - tape.at);
		tape.at = tape.denied_at;
		world.behaviour = DENIES;
	}
	world_run(at - tape.at);
	tape.at = at;
}

/* Plays it in pieces of `name`.times; where there is none, of one octet, ten in a millisecond. */
static void play(const char *name)
{
	char path[SUPPORT_PATH_MAX], file_name[64];
	long long at;
	size_t offset, length;

	snprintf(file_name, sizeof file_name, "%s.times", name);
	support_path("tests/recordings", file_name, path);
	FILE *times = fopen(path, "re");
	run_up_to(1);
	while (times != NULL && fscanf(times, "%lld %zu %zu", &at, &offset, &length) == 3) {
		run_up_to(at > tape.at ? at : tape.at);
		if (offset + length > tape.body)
			send_up_to(offset + length);
	}
	if (times != NULL)
		fclose(times);
	for (size_t end = tape.sent; end <= tape.size; end++) {
		send_up_to(end);
		if (end % 10 == 0)
			run_up_to(tape.at + 1);
	}
	run_up_to(tape.at + AFTERWARDS);
}

/* The catalogue has what the agent has, of every service that was spoken of. */
static void assert_true(void)
{
	for (size_t i = 0; i < tape.count; i++)
		ck_assert_str_eq(world_ids(tape.events[i].namespace, tape.events[i].service),
		                 world_true_ids(tape.events[i].namespace, tape.events[i].service));
}

static void close_tape(void)
{
	world_end();
	free(tape.octets);
}

/* Those of agents that were well; what became of a service in them, and which one was gone for a moment or for good. */
static const struct {
	const char *name;
	size_t events;
	const char *namespace, *service;
	size_t instances;
	const char *went, *stayed; /* "" for none */
} followed[] = {
	{"stream-life", 33, "default", "web", 6, "-default/redis", "-default/web"},
	{"stream-default", 30, "default", "web", 6, "-default/redis", "-default/web"},
	{"stream-many", 30, "default", "many", 30, "", "-"},
	{"stream-backlog", 48, "default", "redis", 3, "-default/redis", ""},
	{"stream-node-lost", 4, "default", "two", 0, "-default/two", ""},
	{"stream-node-back", 10, "default", "two", 1, "-default/iso-task", "-default/two"},
	{"stream-server-paused", 4, "default", "two", 1, "-default/two", ""},
	{"acl-default-stream", 2, "default", "redis", 2, "", "-"},
	{"acl-readjob-stream-all", 4, "dev", "redis", 2, "", "-"},
	{"acl-management-stream-all", 4, "dev", "redis", 2, "", "-"},
};

START_TEST(what_nomad_told_is_what_is_known)
{
	size_t instances = 0;

	open_tape(followed[_i].name);
	ck_assert_uint_eq(tape.count, followed[_i].events);
	play(followed[_i].name);
	ck_assert_uint_eq(tape.applied, tape.count);
	assert_true();
	for (const char *at = world_ids(followed[_i].namespace, followed[_i].service); *at != '\0'; at++)
		instances += *at == ' ';
	ck_assert_uint_eq(instances, followed[_i].instances);
	const char *changes = world_changes();
	ck_assert_msg(strstr(changes, followed[_i].went) != NULL, "%s", changes);
	/* In deploying and restarting nobody ever found it gone. */
	ck_assert_msg(followed[_i].stayed[0] == '\0' || strstr(changes, followed[_i].stayed) == NULL, "%s", changes);
	/* By the stream alone: the checks, which went on meanwhile, had nothing to mend. */
	ck_assert_uint_eq(world_said("is read again"), 0);
	ck_assert_uint_eq(world.streams, 1);
	ck_assert_int_eq(world_state(), CATALOGUE_CURRENT);
	close_tape();
}
END_TEST

/* A dev agent that stops deletes its services, which is true, and is gone. */
START_TEST(an_agent_that_stops_says_so_of_its_services_first)
{
	open_tape("stream-agent-stopped");
	play("stream-agent-stopped");
	world.behaviour = REFUSES;
	world_close_streams();
	world_run(10 * 1000);
	assert_true();
	ck_assert_str_eq(world_find("default", "svc"), "none");
	ck_assert_int_eq(world_state(), CATALOGUE_STALE);
	close_tape();
}
END_TEST

/* The token is deleted, loses its policy, expires: the stream falls silent, says `{}` on for a while, or ends some time. */
static const struct {
	const char *name;
	int64_t denied_at, ended_at; /* milliseconds of the stream */
	enum catalogue_state when_it_ends;
	const char *service;
} denials[] = {
	{"acl-revoked-stream", 10000, 30900, CATALOGUE_STALE, "kept"},
	{"acl-policy-lost-stream", 30500, 30800, CATALOGUE_CURRENT, "svc"},
	{"acl-expired-stream", 60000, 137700, CATALOGUE_STALE, "kept"},
};

START_TEST(a_right_that_is_lost_while_streaming_is_noticed_and_nothing_is_forgotten)
{
	open_tape(denials[_i].name);
	world_register_silently("default", "kept", "kept-1", "10.0.0.1");
	tape.denied_at = denials[_i].denied_at;
	play(denials[_i].name);
	run_up_to(denials[_i].ended_at);
	ck_assert_int_eq(world_state(), denials[_i].when_it_ends);
	world_close_streams();
	run_up_to(tape.at + 10 * 1000);
	ck_assert_int_eq(world_state(), CATALOGUE_STALE);
	ck_assert_str_ne(world_find("default", denials[_i].service), "none");
	ck_assert_uint_eq(world_said("Nomad cannot be followed: denied"), 1);
	close_tape();
}
END_TEST

/* Heads and nothing more: denied, or a region that is unknown; ended at once, later, or never. Or `{}`, and no leader. */
static const struct {
	const char *name;
	enum behaviour behaviour;
	const char *hidden;
	int64_t ended_at;
	enum catalogue_state state;
} silences[] = {
	{"acl-none-stream", DENIES, NULL, 20900, CATALOGUE_LOADING},
	{"acl-default-stream-all", SERVES, "dev", 2300, CATALOGUE_CURRENT},
	{"stream-unknown-region", LEADERLESS, NULL, 0, CATALOGUE_LOADING},
	{"taskapi-identity-stream", SHOWS_NOTHING, NULL, 0, CATALOGUE_LOADING},
	{"noleader-stream", LEADERLESS, NULL, 0, CATALOGUE_LOADING},
};

START_TEST(a_stream_that_is_not_granted_is_polled_for_or_waited_for)
{
	open_tape(silences[_i].name);
	world_register_silently("default", "web", "web-1", "10.0.0.1");
	world_register_silently("dev", "web", "web-2", "10.0.0.2");
	world.behaviour = silences[_i].behaviour;
	world.hidden = silences[_i].hidden;
	play(silences[_i].name);
	run_up_to(silences[_i].ended_at > tape.at ? silences[_i].ended_at : tape.at);
	if (silences[_i].ended_at > 0)
		world_close_streams();
	run_up_to(tape.at + 30 * 1000);
	ck_assert_int_eq(world_state(), silences[_i].state);
	world_register_silently("default", "web", "web-3", "10.0.0.3");
	run_up_to(tape.at + 2000);
	ck_assert_str_eq(world_find("default", "web"), silences[_i].state == CATALOGUE_CURRENT ? "10.0.0.1 10.0.0.3" : "none");
	ck_assert_str_eq(world_find("dev", "web"), "none");
	close_tape();
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{what_nomad_told_is_what_is_known, sizeof followed / sizeof *followed},
		{an_agent_that_stops_says_so_of_its_services_first, 1},
		{a_right_that_is_lost_while_streaming_is_noticed_and_nothing_is_forgotten, sizeof denials / sizeof *denials},
		{a_stream_that_is_not_granted_is_polled_for_or_waited_for, sizeof silences / sizeof *silences},
	};

	return support_run("recordings", tests, sizeof tests / sizeof *tests);
}
