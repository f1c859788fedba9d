/*
 * A world for the watcher; see world.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "world.h"

#include "support.h"
#include "world_events.h"
#include "world_path.h"

#include <assert.h> /* for what is called while allocations fail, which check cannot stand */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 64, SPACES = 192, REQUESTS = 16, TEXT = 64 * 1024, LINE = 1024 };
struct row {
	char namespace[160], service[80], id[120], address[80];
	char registration[LINE]; /* "" for one that is made of these */
	uint64_t index;
};

struct space {
	char name[160];
	uint64_t made;
};

struct pending {
	struct watch_request *request;
	bool deaf;           /* a stream of a server that has stopped */
	bool beaten;         /* a stream that has said `{}` */
	uint64_t newest;     /* the namespaces that a stream of all shows were made up to this index */
	bool forgotten;      /* was asked while the agent did not answer, and never will be answered */
	int64_t started_at, beat_at;
	int agent;           /* the number of the address */
	uint64_t index;      /* of an answer that is late, and what it says */
	char *late;          /* NULL: it is none */
};

struct world world;

static struct config config;
static struct outside outside;
static struct catalogue *catalogue;
static struct registry *registry;
static struct watcher *watcher;
static struct row rows[ROWS];
static size_t row_count;
static struct space spaces[SPACES];
static size_t space_count;
static struct pending pending[REQUESTS];
static int64_t clock_now, wake;
static char said[TEXT], changes[TEXT], collected[TEXT];
static bool collecting, first_refuses;
static char token_file[SUPPORT_PATH_MAX];
static uint32_t random_state;

static int64_t now(void *context)
{
	(void)context;
	return clock_now;
}

static uint32_t next_random(void *context)
{
	(void)context;
	random_state = random_state * 1664525 + 1013904223;
	return random_state >> 8;
}

/* Nothing is ever said to a subscription that was denied; a read that hangs is answered later, or not. */
static bool forgets(const struct watch_request *request)
{
	return request->is_stream ? world.behaviour == DENIES || world.behaviour == SHOWS_NOTHING || world.behaviour == HANGS
	                          : world.behaviour == HANGS && world.forgets;
}

static void start(void *context, struct watch_request *request)
{
	unsigned int running = 0;

	(void)context;
	for (size_t i = 0; i < REQUESTS; i++)
		running += pending[i].request != NULL;
	if (running + 1 > world.most_at_once)
		world.most_at_once = running + 1;
	for (size_t i = 0; i < REQUESTS; i++)
		if (pending[i].request == NULL) {
			pending[i] = (struct pending){
				.request = request,
				.forgotten = forgets(request),
				.started_at = clock_now,
				.agent = (int)watcher_agent(watcher)->current,
				.newest = world.namespaces_index,
			};
			world.streams += request->is_stream;
			return;
		}
	ck_abort_msg("too many requests at once");
}

static void cancel(void *context, struct watch_request *request)
{
	(void)context;
	for (size_t i = 0; i < REQUESTS; i++)
		if (pending[i].request == request) {
			pending[i].request = NULL;
			free(pending[i].late);
			pending[i].late = NULL;
		}
}

static void wake_at(void *context, int64_t when)
{
	(void)context;
	wake = when;
}

static void say(void *context, int priority, const char *text)
{
	(void)context;
	size_t used = strlen(said);
	snprintf(said + used, sizeof said - used, "<%d>%s\n", priority, text);
}

static void state_changed(void *context)
{
	struct watcher_state state;

	(void)context;
	watcher_state(watcher, &state);
	world.kept_told = state.kept;
}

static void changed(void *context, const struct service_key *key, const struct service *service)
{
	size_t used = strlen(changes);

	(void)context;
	snprintf(changes + used, sizeof changes - used, "%s%c%s/%s", used == 0 ? "" : " ", service == NULL ? '-' : '+',
	         key->namespace, key->service);
}

static struct registry_host resolve(void *context, const char *namespace, const char *host)
{
	(void)namespace;
	(void)context;
	if (world.resolve != NULL)
		return world.resolve(host);
	return (struct registry_host){.awaited = world.resolves_nothing,
	                              .unresolved = world.resolves_nothing ? FAMILY_ANY : 0};
}

static void begin(const char *namespaces, const char *addresses)
{
	static const struct registry_owner owner = {NULL, changed, resolve};
	char reason[CONFIG_REASON_MAX];

	ck_assert_int_eq(config_load("/dev/null", &config, reason), 0);
	if (token_file[0] != '\0')
		ck_assert_int_eq(config_set(&config, "nomad", "token-file", token_file, reason), 0);
	ck_assert_int_eq(config_set(&config, "nomad", "address", addresses, reason), 0);
	if (namespaces != NULL)
		ck_assert_int_eq(config_set(&config, "nomad", "namespace", namespaces, reason), 0);
	outside = (struct outside){NULL, now, next_random, start, cancel, wake_at, say, state_changed, NULL};
	memset(&world, 0, sizeof world);
	world.index = 10;
	world.buffer = 100;
	world.namespaces_index = 1;
	spaces[0] = (struct space){"default", 1};
	space_count = 1;
	row_count = 0;
	memset(pending, 0, sizeof pending);
	said[0] = changes[0] = collected[0] = '\0';
	collecting = false;
	clock_now = 1000000;
	wake = INT64_MAX;
	random_state = 1;
	catalogue = catalogue_new();
	registry = registry_new(catalogue, &owner);
	ck_assert_ptr_nonnull(registry);
}

void world_begin(const char *namespaces)
{
	first_refuses = false;
	begin(namespaces, "http://127.0.0.1:4646");
}

void world_begin_with_token(const char *path)
{
	snprintf(token_file, sizeof token_file, "%s", path);
	world_begin(NULL);
}

void world_begin_far_away(void)
{
	first_refuses = false;
	begin(NULL, "http://192.0.2.1:4646");
}

void world_begin_with_two(void)
{
	first_refuses = true;
	begin(NULL, "http://192.0.2.1:4646 http://192.0.2.2:4646");
}

void world_end(void)
{
	watcher_free(watcher);
	watcher = NULL;
	for (size_t i = 0; i < REQUESTS; i++)
		ck_assert_ptr_null(pending[i].request);
	registry_free(registry);
	catalogue_free(catalogue);
	config_done(&config);
	world_events_forget();
	token_file[0] = '\0';
}

void world_start(enum catalogue_state state, int64_t current_at)
{
	struct watcher_begin first = {state, current_at == 0 ? clock_now : current_at,
	                              world.kept_since == 0 ? INT64_MAX : world.kept_since, world.check};
	char reason[CONFIG_REASON_MAX];

	ck_assert_int_eq(watcher_new(&config, &outside, registry, catalogue, &first, &watcher, reason), 0);
	watcher_start(watcher);
}

/* Answers. */

static bool has_right(const char *namespace)
{
	return world.hidden == NULL || strcmp(namespace, world.hidden) != 0;
}

static size_t put_registration(char *at, size_t room, const struct row *row)
{
	if (world.garbled != NULL && strcmp(row->id, world.garbled) == 0)
		return (size_t)snprintf(at, room, "7");
	if (row->registration[0] != '\0')
		return (size_t)snprintf(at, room, "%s", row->registration);
	return (size_t)snprintf(at, room,
	                        "{\"Address\":\"%s\",\"AllocID\":\"a-%s\",\"CreateIndex\":%" PRIu64
	                        ",\"Datacenter\":\"dc1\",\"ID\":\"%s\",\"JobID\":\"job\",\"ModifyIndex\":%" PRIu64
	                        ",\"Namespace\":\"%s\",\"NodeID\":\"n\",\"Port\":80,\"ServiceName\":\"%s\",\"Tags\":[%s%s%s]}",
	                        row->address, row->id, row->index, row->id, row->index, row->namespace, row->service,
	                        world.has_tags ? "\"t-" : "", world.has_tags ? row->id : "", world.has_tags ? "\"" : "");
}

/* Whether an earlier row is of the same service. */
static bool is_repeated(size_t row)
{
	for (size_t i = 0; i < row; i++)
		if (strcmp(rows[i].service, rows[row].service) == 0 && strcmp(rows[i].namespace, rows[row].namespace) == 0)
			return true;
	return false;
}

static void list(const char *namespace, char *body, size_t room)
{
	bool lies = world.lies > 0;
	size_t used = 0, shown = 0;

	world.lies -= lies;
	used += (size_t)snprintf(body, room, "[");
	for (size_t i = 0; i < row_count; i++) {
		bool wanted = strcmp(namespace, "*") == 0 ? has_right(rows[i].namespace)
		                                          : strcmp(namespace, rows[i].namespace) == 0;
		if (!wanted || (lies && i > 0) || is_repeated(i))
			continue;
		used += (size_t)snprintf(body + used, room - used,
		                         "%s{\"Namespace\":\"%s\",\"Services\":[{\"ServiceName\":\"%s\",\"Tags\":[]}]}",
		                         shown++ == 0 ? "" : ",", rows[i].namespace, rows[i].service);
	}
	snprintf(body + used, room - used, "]");
}

static void read_service(const char *namespace, const char *service, char *body, size_t room)
{
	size_t used = (size_t)snprintf(body, room, "["), shown = 0;

	for (size_t i = 0; i < row_count; i++) {
		bool hidden = world.unreadable_rows != NULL && strcmp(service, world.unreadable_rows) == 0;
		if (hidden || strcmp(rows[i].service, service) != 0 || strcmp(rows[i].namespace, namespace) != 0)
			continue;
		used += (size_t)snprintf(body + used, room - used, "%s", shown++ == 0 ? "" : ",");
		used += put_registration(body + used, room - used, &rows[i]);
	}
	if (world.junk != NULL && strcmp(service, "web") == 0)
		used += (size_t)snprintf(body + used, room - used, "%s%s", shown == 0 ? "" : ",", world.junk);
	snprintf(body + used, room - used, "]");
}

static void list_namespaces(char *body, size_t room)
{
	size_t used = (size_t)snprintf(body, room, "[");

	for (size_t i = 0; i < space_count; i++)
		if (has_right(spaces[i].name))
			used += (size_t)snprintf(body + used, room - used, "%s{\"CreateIndex\":%" PRIu64 ",\"Name\":\"%s\"}",
			                         used == 1 ? "" : ",", spaces[i].made, spaces[i].name);
	snprintf(body + used, room - used, "]");
}

/* What the agent says of a service now. */
static char *read_now(const char *path)
{
	static char body[TEXT];
	char namespace[160], service[160];

	read_service(world_part_of(path, "namespace=", namespace), world_part_of(path, "/v1/service/", service), body, sizeof body);
	return strdup(body);
}

static void finish(struct pending *which, enum agent_result result, uint64_t index, const char *body)
{
	static struct agent_answer answer;
	struct watch_request *request = which->request;

	answer = (struct agent_answer){.status = result == AGENT_BELIEVED ? 200
	                                         : result == AGENT_DENIED ? 403
	                                         : result == AGENT_FAILED ? world.failed_status == 0 ? 405 : world.failed_status
	                                                                  : 500,
	                               .has_index = true,
	                               .last_contact = world.last_contact,
	                               .index = index,
	                               .result = result};
	char *copy = strdup(body);
	answer.body = copy;
	answer.size = strlen(copy);
	snprintf(answer.reason, sizeof answer.reason, "%s", result == AGENT_BELIEVED ? "" : agent_result_text(result));
	which->request = NULL;
	request->done(request, &answer);
	free(copy);
}

/* Whether that sort of read ends otherwise than all others. */
static bool is_ordered(const char *path, enum agent_result *result)
{
	bool census = world_asked_for(path) == CENSUS, nearest = world_asked_for(path) == NEAREST;

	*result = census ? world.census_result : world.nearest_result;
	return (census && (world.fails_censuses || *result != AGENT_FAILED)) ||
	       (nearest && (world.fails_nearest || *result != AGENT_FAILED));
}

static enum agent_result result_of(const struct pending *which, const char *namespace)
{
	static const enum agent_result results[] = {
		[SERVES] = AGENT_BELIEVED,       [DENIES] = AGENT_DENIED,          [LEADERLESS] = AGENT_NO_LEADER,
		[REFUSES] = AGENT_UNREACHABLE,   [SHOWS_NOTHING] = AGENT_DENIED,
		[OVERLOADED] = AGENT_OVERLOADED, [HANGS] = AGENT_TIMED_OUT,
	};

	enum agent_result ordered;

	if (first_refuses && !world.first_serves && which->agent == 0)
		return AGENT_UNREACHABLE;
	if (world.breaks != NULL && strcmp(namespace, world.breaks) == 0)
		return AGENT_NO_LEADER;
	if (is_ordered(which->request->path, &ordered))
		return ordered;
	if (world.behaviour == SHOWS_NOTHING && strcmp(namespace, "*") == 0)
		return AGENT_UNBELIEVABLE;
	return world.behaviour == SERVES && !has_right(namespace) ? AGENT_DENIED : results[world.behaviour];
}

/* Whether a blocking query has to wait still. */
static bool is_blocked(const struct pending *which)
{
	enum { EXTRA = 16 }; /* Nomad adds up to a sixteenth to a wait */
	const char *path = which->request->path;
	char above[160];
	int64_t limit = strstr(path, "wait=300ms") != NULL  ? 300
	                : strstr(path, "wait=300s") != NULL ? 300 * 1000
	                : strstr(path, "wait=50s") != NULL  ? 50 * 1000
	                                                    : 0;
	uint64_t index = world_asked_for(path) == CENSUS ? world.namespaces_index : world.index;

	world_part_of(path, "&index=", above);
	if (strcmp(above, "0") == 0 || (world_asked_for(path) == CENSUS && world.hurries_censuses))
		return false;
	return above[0] != '\0' && strtoull(above, NULL, 10) >= index &&
	       clock_now - which->started_at < limit + limit / EXTRA;
}

/* What has become of a read by now; false where it has to wait. */
static bool has_result(const struct pending *which, enum agent_result *result)
{
	int64_t age = clock_now - which->started_at;
	char namespace[160];

	*result = AGENT_TIMED_OUT;
	if (which->request->limit > 0 && age >= which->request->limit)
		return true;
	if (!which->forgotten)
		*result = result_of(which, world_part_of(which->request->path, "namespace=", namespace));
	if (*result == AGENT_BELIEVED && world.ends_polls > 0 && age >= world.ends_polls && is_blocked(which)) {
		*result = world.failed_status == 0 ? AGENT_CUT : AGENT_FAILED;
		return true;
	}
	if (*result == AGENT_BELIEVED)
		return age >= world.slowness && !is_blocked(which);
	return *result != AGENT_TIMED_OUT;
}

/* Counts a read that is answered now; false where the test holds those back. */
static bool count_read(enum asked asked, const char *path, bool may_be_held)
{
	const struct {
		bool held;
		unsigned int *count;
	} sorts[] = {
		[SERVICE] = {world.holds_reads, &world.reads},
		[LIST] = {world.holds_lists, &world.lists},
		[KNOCK] = {false, &world.knocks},
		[CENSUS] = {world.holds_censuses, &world.censuses},
		[NEAREST] = {false, &world.nearest_reads},
		[LEADER] = {false, &world.leaders},
	};

	if (may_be_held && sorts[asked].held)
		return false;
	++*sorts[asked].count;
	world.polls += strstr(path, "wait=50s") != NULL;
	return true;
}

/* What is said, where it is believed. */
static void tell(enum asked asked, const char *namespace, const char *path, bool believed, char body[TEXT])
{
	char service[160];

	/* A server that has just started has an empty list for who asks it by itself, with a leader and index 1. */
	strcpy(body, "[]");
	if (!believed)
		return;
	if (asked == LIST)
		list(namespace, body, TEXT);
	else if (asked == SERVICE)
		read_service(namespace, world_part_of(path, "/v1/service/", service), body, TEXT);
	else if (asked == LEADER)
		snprintf(body, TEXT, "\"%s\"", world.leader == NULL ? "" : world.leader);
	else if (asked == CENSUS)
		list_namespaces(body, TEXT);
}

static uint64_t index_of(enum asked asked)
{
	if (asked == CENSUS)
		return world.namespaces_index;
	if (asked == NEAREST && world.nearest_index > 0)
		return world.nearest_index;
	return asked == KNOCK ? 1 : world.index;
}

/* Answers one read; false where it has to wait. */
static bool answer_read(struct pending *which)
{
	static char body[TEXT];
	char namespace[160];
	const char *path = which->request->path;
	enum asked asked = world_asked_for(path);
	enum agent_result result;

	if (!has_result(which, &result) || !count_read(asked, path, result != AGENT_TIMED_OUT))
		return false;
	world_part_of(path, "namespace=", namespace);
	tell(asked, namespace, path, result == AGENT_BELIEVED, body);
	finish(which, result, result == AGENT_BELIEVED ? index_of(asked) : 0, body);
	return true;
}

/* An answer that is under way for long: given in the middle of that time. False where it does not arrive yet. */
static bool answer_late(struct pending *which)
{
	int64_t age = clock_now - which->started_at;
	char *body = which->late;

	if (body == NULL && age >= world.late / 2) {
		which->index = world.index;
		which->late = body = read_now(which->request->path);
	}
	if (age < world.late)
		return false;
	world.reads++;
	which->late = NULL;
	finish(which, AGENT_BELIEVED, which->index, body);
	free(body);
	return true;
}

/* What a server says that lags behind, of before anything was registered; or that fails. */
static bool answer_wrongly(struct pending *which)
{
	const char *path = which->request->path;
	bool is_read = world_asked_for(path) == SERVICE;
	char service[160];

	if (is_read && world.unreadable != NULL && strcmp(world_part_of(path, "/v1/service/", service), world.unreadable) == 0) {
		finish(which, world.unreadable_result, 0, "");
	} else if (is_read && world.failing_reads > 0) {
		world.failing_reads--;
		finish(which, AGENT_NO_LEADER, 0, "");
	} else if (is_read && world.old_reads > 0) {
		world.old_reads--;
		finish(which, AGENT_BELIEVED, 2, "[]");
	} else if (strncmp(path, "/v1/services", 12) == 0 && world.old_lists > 0 && strstr(path, "&") == NULL) {
		static char body[TEXT];
		world.old_lists--;
		list("*", body, sizeof body);
		finish(which, AGENT_BELIEVED, 2, world.old_lists_are_full ? body : "[]");
	} else {
		return false;
	}
	return true;
}

/* Every 30 s, as long as it lasts. */
static bool beat(struct pending *which)
{
	if (which->deaf || clock_now < which->beat_at || world.stalls ||
	    (world.behaviour != SERVES && world.behaviour != LEADERLESS && !world.beats_on))
		return false;
	which->beat_at = clock_now + 30 * 1000;
	which->request->data(which->request, "{}\n", 3);
	return true;
}

static void begin_stream(struct pending *which, const char *namespace)
{
	struct watch_request *request = which->request;
	char wanted[160];

	which->beaten = true;
	if (world.streaming == ENDS_AT_ONCE) {
		finish(which, AGENT_BELIEVED, 0, "");
		return;
	}
	beat(which);
	if (which->request == request)
		world_events_replay(&which->request, namespace, strtoull(world_part_of(request->path, "&index=", wanted), NULL, 10),
		                    world.writes_otherwise);
	if (world.streaming == ENDS_AFTER_BEAT && which->request == request)
		finish(which, AGENT_BELIEVED, 0, "");
}

/* Lets a subscription go on; true where something happened. */
static bool answer_stream(struct pending *which)
{
	struct watch_request *request = which->request;
	char namespace[160];
	enum agent_result result = result_of(which, world_part_of(request->path, "namespace=", namespace));

	if (result == AGENT_UNREACHABLE || result == AGENT_OVERLOADED) {
		finish(which, result, 0, "");
		return true;
	}
	bool allowed = world.behaviour == SERVES || world.behaviour == LEADERLESS;
	if (which->beaten)
		return beat(which);
	if (which->forgotten || !allowed || world.streaming == STAYS_SILENT ||
	    !has_right(namespace) || (strcmp(namespace, "*") == 0 && world.hidden != NULL))
		return false;
	if (clock_now < which->started_at + world.first_beat)
		return false;
	begin_stream(which, namespace);
	return true;
}

static bool answer_request(struct pending *which)
{
	if (which->request->is_stream)
		return answer_stream(which);
	if (world.late > 0 && world_asked_for(which->request->path) == SERVICE)
		return answer_late(which);
	return answer_wrongly(which) || answer_read(which);
}

static void settle(void)
{
	for (size_t i = 0; i < REQUESTS;) {
		bool done = pending[i].request != NULL && answer_request(&pending[i]);
		i = done ? 0 : i + 1;
	}
}

void world_run(int64_t milliseconds)
{
	enum { STEP = 10 }; /* milliseconds in which an agent notices that time goes by */
	int64_t end = clock_now + milliseconds;

	settle();
	while (clock_now < end || wake <= clock_now) {
		int64_t next = clock_now + STEP < end ? clock_now + STEP : end;
		clock_now = wake < next ? (wake > clock_now ? wake : clock_now) : next;
		if (wake <= clock_now)
			watcher_tick(watcher);
		settle();
	}
}

void world_sleep(int64_t milliseconds)
{
	clock_now += milliseconds;
	watcher_tick(watcher);
}

void world_release(void)
{
	world.holds_lists = world.holds_reads = false;
	settle();
}

/* The truth. */

static struct space *find_space(const char *name)
{
	for (size_t i = 0; i < space_count; i++)
		if (strcmp(spaces[i].name, name) == 0)
			return &spaces[i];
	return NULL;
}

static struct row *find_row(const char *namespace, const char *id)
{
	for (size_t i = 0; i < row_count; i++)
		if (strcmp(rows[i].id, id) == 0 && strcmp(rows[i].namespace, namespace) == 0)
			return &rows[i];
	return NULL;
}

void world_send(const char *octets)
{
	if (collecting) {
		strncat(collected, octets, sizeof collected - strlen(collected) - 1);
		return;
	}
	for (size_t i = 0; i < REQUESTS; i++)
		if (pending[i].request != NULL && pending[i].request->is_stream && pending[i].beaten && !pending[i].deaf)
			pending[i].request->data(pending[i].request, octets, strlen(octets));
}

/* Octets to the streams of one namespace, or of all, but for those that are older than it. */
static void send_in(const char *wanted, const char *octets)
{
	const struct space *space = find_space(wanted);
	char namespace[160];

	for (size_t i = 0; i < REQUESTS; i++) {
		struct watch_request *request = pending[i].request;
		if (request == NULL || !request->is_stream || !pending[i].beaten || pending[i].deaf)
			continue;
		world_part_of(request->path, "namespace=", namespace);
		bool of_all = strcmp(namespace, "*") == 0 && (space == NULL || space->made <= pending[i].newest);
		if (of_all || strcmp(namespace, wanted) == 0)
			request->data(request, octets, strlen(octets));
	}
}

static void send_event(uint64_t index, const char *type, const struct row *row)
{
	char frame[2 * LINE], registration[LINE];

	put_registration(registration, sizeof registration, row);
	snprintf(frame, sizeof frame,
	         "{\"Events\":[{\"Index\":%" PRIu64 ",\"Key\":\"%s\",\"Namespace\":\"%s\",\"Payload\":{\"Service\":%s},"
	         "\"Topic\":\"Service\",\"Type\":\"%s\"}],\"Index\":%" PRIu64 "}\n",
	         index, row->id, row->namespace, registration, type, index);
	world_events_keep(index, row->namespace, frame, world.buffer);
	if (collecting)
		world_send(frame);
	else
		send_in(row->namespace, frame);
}

void world_event(uint64_t index, const char *type, const char *namespace, const char *service, const char *id,
                 const char *address)
{
	struct row row = {.index = index};

	snprintf(row.namespace, sizeof row.namespace, "%s", namespace);
	snprintf(row.service, sizeof row.service, "%s", service);
	snprintf(row.id, sizeof row.id, "%s", id);
	snprintf(row.address, sizeof row.address, "%s", address);
	send_event(index, type, &row);
}

static void add_space(const char *name, uint64_t index)
{
	struct space *space = &spaces[space_count++];

	assert(space_count < SPACES);
	snprintf(space->name, sizeof space->name, "%s", name);
	space->made = world.namespaces_index = index;
}

/* All changes have one count. */
static uint64_t next_index(void)
{
	return (world.index > world.namespaces_index ? world.index : world.namespaces_index) + 1;
}

void world_make_namespace(const char *name)
{
	add_space(name, next_index());
}

void world_change_namespace(const char *name)
{
	assert(find_space(name) != NULL);
	world.namespaces_index = next_index();
}

void world_delete_namespace(const char *name)
{
	struct space *space = find_space(name);

	*space = spaces[--space_count];
	world.namespaces_index = next_index();
}

void world_register_silently(const char *namespace, const char *service, const char *id, const char *address)
{
	struct row *row = find_row(namespace, id);

	if (row == NULL) {
		row = &rows[row_count++];
		*row = (struct row){0}; /* that of an earlier world may have stood there */
	}
	assert(row_count < ROWS);
	snprintf(row->namespace, sizeof row->namespace, "%s", namespace);
	snprintf(row->service, sizeof row->service, "%s", service);
	snprintf(row->id, sizeof row->id, "%s", id);
	snprintf(row->address, sizeof row->address, "%s", address);
	row->index = world.index = next_index();
	if (find_space(namespace) == NULL)
		add_space(namespace, world.index);
}

void world_record(const char *namespace, const char *service, const char *id, const char *registration, uint64_t index)
{
	world.index = index - 1;
	world_register_silently(namespace, service, id, "");
	snprintf(find_row(namespace, id)->registration, LINE, "%s", registration);
}

void world_register(const char *namespace, const char *service, const char *id, const char *address)
{
	world_register_silently(namespace, service, id, address);
	send_event(world.index, "ServiceRegistration", find_row(namespace, id));
}

void world_deregister(const char *namespace, const char *id, const char *type)
{
	struct row *row = find_row(namespace, id), old;

	assert(row != NULL);
	old = *row;
	memmove(row, row + 1, (size_t)(&rows[--row_count] - row) * sizeof *row);
	world.index++;
	if (type != NULL)
		send_event(world.index, type, &old);
}

void world_collect(void)
{
	collecting = true;
}

void world_send_collected(void)
{
	collecting = false;
	world_send(collected);
	collected[0] = '\0';
}

void world_stop_server(void)
{
	for (size_t i = 0; i < REQUESTS; i++)
		pending[i].deaf = pending[i].request != NULL && pending[i].request->is_stream;
}

void world_close_streams(void)
{
	for (size_t i = 0; i < REQUESTS; i++)
		if (pending[i].request != NULL && pending[i].request->is_stream)
			finish(&pending[i], AGENT_BELIEVED, 0, "");
}

void world_rebuild(uint64_t index)
{
	row_count = 0;
	space_count = 1;
	world_events_forget();
	world.namespaces_index = 1;
	world.index = index;
}

/* What came of it. */

const struct service *world_service(const char *namespace, const char *service)
{
	struct service_key key = {0};

	snprintf(key.namespace, sizeof key.namespace, "%s", namespace);
	snprintf(key.service, sizeof key.service, "%s", service);
	return catalogue_find(catalogue, &key);
}

const char *world_find(const char *namespace, const char *service)
{
	const struct service *found = world_service(namespace, service);
	if (found == NULL)
		return "none";
	bool unknown = found->unknown || (found->address_count == 0 && found->unresolved != 0);
	return unknown ? "unknown" : support_addresses(found->addresses, found->address_count);
}

const char *world_ids(const char *namespace, const char *service)
{
	const struct service *found = world_service(namespace, service);
	const char *ids[ROWS];
	size_t count = 0;

	for (; found != NULL && count < found->instance_count && count < ROWS; count++)
		ids[count] = found->instances[count].id;
	return support_join(ids, count);
}

const char *world_true_ids(const char *namespace, const char *service)
{
	const char *ids[ROWS];
	size_t count = 0;

	for (size_t i = 0; i < row_count; i++)
		if (strcmp(rows[i].namespace, namespace) == 0 && strcmp(rows[i].service, service) == 0)
			ids[count++] = rows[i].id;
	return support_join(ids, count);
}

const char *world_stream_path(void)
{
	const char *path = "";

	for (size_t i = 0; i < REQUESTS; i++)
		if (pending[i].request != NULL && pending[i].request->is_stream)
			path = pending[i].request->path;
	return path;
}

struct catalogue *world_catalogue(void) { return catalogue; }

static bool is_host(const void *context, const char *host) { return strcmp(context, host) == 0; }

void world_host_changed(const char *host)
{
	registry_hosts_changed(registry, is_host, host);
	watcher_wake(watcher);
}

enum catalogue_state world_state(void) { return catalogue_state(catalogue, &(uint32_t){0}); }

const struct watcher *world_watcher(void) { return watcher; }

const char *world_changes(void)
{
	static char copy[TEXT];

	strcpy(copy, changes);
	changes[0] = '\0';
	return copy;
}

unsigned int world_said(const char *words)
{
	unsigned int count = 0;

	for (const char *at = said; (at = strstr(at, words)) != NULL; at++)
		count++;
	return count;
}

void world_load(const char *namespace, const char *service, const char *address)
{
	struct service_key key = {0};
	char line[LINE];

	snprintf(line, sizeof line, "%s %s 11111111-0000-4000-8000-000000000001 %s 80 -\n", namespace, service, address);
	snprintf(key.namespace, sizeof key.namespace, "%s", namespace);
	snprintf(key.service, sizeof key.service, "%s", service);
	struct service *loaded = support_service(line);
	ck_assert_int_eq(registry_load(registry, &key, loaded), 0);
	free(loaded);
}
