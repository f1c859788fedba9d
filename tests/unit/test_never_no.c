/*
 * A property: whatever fails, nothing says "no" of what is in the truth. Random catalogues, and random faults of Nomad, of name
 * servers, of memory and of the disk; asked for are all services, tags and addresses that there are, in both families: through
 * the module's entry points over real files, with and without a daemon, and over DNS. Where nothing fails, all is found.
 *
 * Everything follows from a seed, which a failure prints: NEVER_NO_SEED=N runs that one alone, NEVER_NO_SEEDS=N so many.
 *
 * SPDX-License-Identifier: MIT
 */
#include "never_no.h"
#include "world.h"

#include "helper.h"
#include "nomad/agent.h"
#include "published.h"
#include "published_write.h"
#include "watch/daemon_part.h"
#include "watch/publisher.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEEDS = 200, STEPS = 6 };

static struct chance state;
static struct truth truth;
static bool faultless;
static uint64_t seed;

/* What stands in for the network: fetch.c and its kin are compiled into this test, and call these. */

static enum agent_result fake_agent_get(struct agent *agent, const char *path, int64_t deadline,
                                        struct agent_answer *answer);
static int fake_getaddrinfo_a(int mode, struct gaicb *list[], int count, struct sigevent *event);
static int fake_gai_error(struct gaicb *request);
static void fake_freeaddrinfo(struct addrinfo *list);

#define agent_get fake_agent_get
#define getaddrinfo_a fake_getaddrinfo_a
#define gai_error fake_gai_error
#define freeaddrinfo fake_freeaddrinfo
#define hosts_resolve test_hosts_resolve
#define fetch_reading test_fetch_reading
#define fetch_service test_fetch_service
#define ask_default_namespace test_ask_default_namespace
#define ask_holding test_ask_holding
#define ask_nomad test_ask_nomad
#include "../../src/nomad/hosts.c"
#define reading fetched_reading
#include "../../src/nomad/fetch.c"
#undef reading
#include "../../src/nomad/fetch_name.c"
#include "../../src/tool/ask.c"
#undef ask_nomad

/* The module, with the places of this test, and without a process of its own to ask Nomad. */
static char published[SUPPORT_PATH_MAX], caches[SUPPORT_PATH_MAX], own[SUPPORT_PATH_MAX];
static struct config config;
static bool asks;

static void test_places(struct lookup_places *places)
{
	*places = (struct lookup_places){.published = published, .cache = caches};
}

/* Without a lock: then no failure is noted, and each lookup asks again. */
static int test_helper(const struct helper *helper, const struct lookup_question *question, struct record *record)
{
	struct lookup_places places = {.published = published, .cache = caches};
	struct ask ask = {.config = &config, .places = &places};
	struct record asked = {0};
	uint8_t *bytes;
	size_t size;
	struct lookup_question alone = *question;

	(void)helper;
	alone.lock = NULL;
	if (!asks)
		return -ENOENT;
	int result = test_ask_nomad(&ask, &alone, &asked);
	if (result == 0)
		result = record_encode(&asked, &bytes, &size);
	record_done(&asked);
	if (result < 0)
		return result;
	result = record_decode(bytes, size, record);
	free(bytes);
	return result;
}

#define HELPER_PROGRAM ""
#define lookup_places_init test_places
#define helper_run test_helper
#include "../../nss_nomad.c"

/* Name servers. */

static int fake_getaddrinfo_a(int mode, struct gaicb *list[], int count, struct sigevent *event)
{
	static struct sockaddr_storage sockets[INSTANCES * 2];
	static struct addrinfo infos[INSTANCES * 2];
	int used = 0;

	(void)mode;
	(void)event;
	for (int i = 0; i < count && used < INSTANCES * 2; i++, used++) {
		int number = list[i]->ar_name[1] - '0', family = list[i]->ar_request->ai_family;
		const struct host *host = &truth.hosts[number];
		uint8_t wanted = address_families(family);
		struct address address = make_address(family, 200, (uint8_t)(number + 1));
		list[i]->ar_result = NULL;
		list[i]->__return = (host->failing & wanted) != 0 ? EAI_AGAIN : (host->families & wanted) == 0 ? EAI_NODATA : 0;
		if (list[i]->__return != 0)
			continue;
		infos[used] = (struct addrinfo){.ai_family = family, .ai_addr = (struct sockaddr *)&sockets[used]};
		sockets[used] = (struct sockaddr_storage){.ss_family = (sa_family_t)family};
		if (family == AF_INET)
			memcpy(&((struct sockaddr_in *)(void *)&sockets[used])->sin_addr, address.octets, 4);
		else
			memcpy(&((struct sockaddr_in6 *)(void *)&sockets[used])->sin6_addr, address.octets, 16);
		list[i]->ar_result = &infos[used];
	}
	return 0;
}

static int fake_gai_error(struct gaicb *request)
{
	return request->__return;
}

static void fake_freeaddrinfo(struct addrinfo *list)
{
	(void)list;
}

/* The same for the daemon: what an earlier answer said stays, and what fails may have more. */
static struct registry_host resolve_host(const char *name)
{
	static struct address addresses[HOSTS][2];
	int number = name[1] - '0';
	const struct host *host = &truth.hosts[number];
	uint8_t known = host->awaited ? 0 : (uint8_t)(host->families & ~host->failing);

	return (struct registry_host){addresses[number], host_addresses(number, known, addresses[number]),
	                              host->awaited ? FAMILY_ANY : host->failing, host->awaited};
}

/* Nomad, as the helper asks it. */

static const char *const junk[] = {"7", "{}", "null", "{\"ID\":7}", "[[]]",
                                   "{\"ID\":\"x\",\"ServiceName\":\"other\",\"Namespace\":\"default\",\"Address\":\"10.9.9.9\"}"};

static size_t put_junk(char *at, size_t room, const char *comma)
{
	return (size_t)snprintf(at, room, "%s%s", comma, junk[chance(&state, 6)]);
}

static void put_service(char *body, size_t room, const char *service, const char *namespace)
{
	size_t used = (size_t)snprintf(body, room, "[");

	for (const struct row *row = truth.rows; row < truth.rows + INSTANCES; row++) {
		if (!row->there || strcmp(row->service, service) != 0 || strcmp(row->namespace, namespace) != 0)
			continue;
		const char *comma = used > 1 ? "," : "";
		if (!faultless && one_in(&state, 6)) {
			used += put_junk(body + used, room - used, comma);
			continue;
		}
		used += (size_t)snprintf(body + used, room - used, "%s", comma);
		used += put_row(body + used, room - used, row);
	}
	snprintf(body + used, room - used, "]");
}

static void put_list(char *body, size_t room, const char *namespace)
{
	size_t used = (size_t)snprintf(body, room, "[");

	for (const struct row *row = truth.rows; row < truth.rows + INSTANCES; row++) {
		if (!row->there || (strcmp(namespace, "%2A") != 0 && strcmp(row->namespace, namespace) != 0))
			continue;
		const char *comma = used > 1 ? "," : "";
		if (!faultless && one_in(&state, 8))
			used += put_junk(body + used, room - used, comma);
		else
			used += (size_t)snprintf(body + used, room - used,
			                         "%s{\"Namespace\":\"%s\",\"Services\":[{\"ServiceName\":\"%s\",\"Tags\":[]}]}", comma,
			                         row->namespace, row->service);
	}
	snprintf(body + used, room - used, "]");
}

static enum agent_result fake_agent_get(struct agent *agent, const char *path, int64_t deadline,
                                        struct agent_answer *answer)
{
	static const enum agent_result failures[] = {AGENT_UNREACHABLE, AGENT_TIMED_OUT, AGENT_DENIED, AGENT_NO_LEADER,
	                                             AGENT_UNBELIEVABLE, AGENT_NOT_NOMAD, AGENT_FAILED, AGENT_OVERLOADED};
	static char body[64 * 1024];
	char service[TEXT], namespace[TEXT];
	bool is_list = sscanf(path, "/v1/service/%63[^?]?namespace=%63s", service, namespace) != 2;

	(void)agent;
	(void)deadline;
	answer->result = !faultless && one_in(&state, 5) ? failures[chance(&state, 8)] : AGENT_BELIEVED;
	if (answer->result != AGENT_BELIEVED)
		return answer->result;
	if (is_list && sscanf(path, "/v1/services?namespace=%63s", namespace) != 1)
		return answer->result = AGENT_FAILED;
	if (is_list)
		put_list(body, sizeof body, namespace);
	else
		put_service(body, sizeof body, service, namespace);
	answer->size = strlen(body);
	if (!faultless && one_in(&state, 20))
		answer->size -= answer->size > 2 ? 1 + chance(&state, (uint32_t)answer->size - 1) : 0;
	answer->body = malloc(answer->size + 1);
	if (answer->body == NULL)
		return answer->result = AGENT_NO_MEMORY;
	memcpy(answer->body, body, answer->size);
	answer->status = 200;
	answer->index = 12;
	return AGENT_BELIEVED;
}

/* Asking. */

struct asked {
	struct dns_view view;
	struct dns_settings settings;
	struct prefix allow;
	const char *way;
	bool over_dns;
	size_t questions, found;
};

/* "No" by the module: what getaddrinfo() would take for EAI_NONAME or EAI_NODATA. */
static enum nss_status ask_module(const char *name, int family, int *h_error)
{
	struct gaih_addrtuple *tuples = NULL;
	struct hostent host;
	_Alignas(16) char buffer[4096];
	int error = 0;

	if (family == AF_UNSPEC)
		return _nss_nomad_gethostbyname4_r(name, &tuples, buffer, sizeof buffer, &error, h_error, NULL);
	return _nss_nomad_gethostbyname2_r(name, family, &host, buffer, sizeof buffer, &error, h_error);
}

static void check_module(struct asked *asked, const char *name, int family, bool fails_allocation)
{
	int h_error = 0;

	if (fails_allocation)
		support_fail_allocation(1 + chance(&state, 40));
	enum nss_status status = ask_module(name, family, &h_error);
	support_fail_allocation(0);
	ck_assert_msg(status != NSS_STATUS_NOTFOUND, "seed %lu: %s says no (%d) of %s, family %d", seed, asked->way, h_error, name,
	              family);
	asked->questions++;
	asked->found += status == NSS_STATUS_SUCCESS;
}

static void check_dns(struct asked *asked, const char *name, uint16_t type)
{
	const struct dns_client client = {.address = {AF_INET, {127, 0, 0, 1}}};
	struct asking asking;
	uint8_t answer[1232];

	asking_write(&asking, name, type);
	size_t size = dns_answer(&asked->view, &client, asking.octets, asking.size, answer, sizeof answer);
	int rcode = answer[3] & 15, count = answer[6] << 8 | answer[7];
	ck_assert_uint_gt(size, 0);
	ck_assert_msg(rcode == DNS_SERVFAIL || count > 0, "seed %lu: DNS says no (rcode %d) of %s, type %u", seed, rcode, name,
	              type);
	asked->questions++;
	asked->found += count > 0;
}

static void ask_both(void *context, const char *name, uint8_t families)
{
	static const int all[] = {AF_INET, AF_INET6, AF_UNSPEC};
	struct asked *asked = context;

	for (size_t i = 0; i < 3; i++)
		if ((families & address_families(all[i])) != 0)
			check_module(asked, name, all[i], !faultless && one_in(&state, 3));
	if (asked->over_dns && (families & FAMILY_IPV4) != 0)
		check_dns(asked, name, DNS_A);
	if (asked->over_dns && (families & FAMILY_IPV6) != 0)
		check_dns(asked, name, DNS_AAAA);
}

static void ask_all(struct asked *asked, const char *way)
{
	asked->way = way;
	asked->questions = asked->found = 0;
	each_question(&truth, ask_both, asked);
	if (faultless)
		ck_assert_msg(asked->found == asked->questions, "seed %lu: %s finds %zu of %zu", seed, way, asked->found,
		              asked->questions);
}

/* A seed's beginning: its truth, and empty places. */
static void begin(void)
{
	char reason[CONFIG_REASON_MAX];

	state.state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	chance(&state, 2);
	faultless = seed % FAULTLESS == 0;
	make_truth(&truth, &state);
	support_folder(published);
	support_caches(caches, own);
	ck_assert_int_eq(config_load("/dev/null", &config, reason), 0);
}

static void change_hosts(void)
{
	for (int i = 0; i < HOSTS; i++)
		truth.hosts[i].failing = faultless || one_in(&state, 2) ? 0 : (uint8_t)chance(&state, 4);
}

/* A bit of a file turns over, or its end is lost. */
static void spoil(const char *folder)
{
	static const char *const names[] = {"default/web", "default/db", "prod/web", "prod/db"};
	char path[SUPPORT_PATH_MAX];
	struct stat status;
	uint8_t octet;

	support_path(folder, names[chance(&state, 4)], path);
	int file = open(path, O_RDWR | O_CLOEXEC);
	if (file < 0)
		return;
	fstat(file, &status);
	off_t at = (off_t)chance(&state, (uint32_t)status.st_size);
	if (one_in(&state, 4)) {
		ck_assert_int_eq(ftruncate(file, at), 0);
	} else {
		ck_assert_int_eq(pread(file, &octet, 1, at), 1);
		octet ^= (uint8_t)(1 << chance(&state, 8));
		ck_assert_int_eq(pwrite(file, &octet, 1, at), 1);
	}
	close(file);
}

static void without_a_daemon(void)
{
	struct asked asked = {0};

	begin();
	asks = true;
	for (int step = 0; step < STEPS; step++) {
		change_hosts();
		if (!faultless && one_in(&state, 2))
			spoil(own);
		ask_all(&asked, "the module without a daemon");
	}
	config_done(&config);
}

/* The daemon. */

static struct publisher *publisher;

static void say_nothing(void *context, int priority, const char *text)
{
	(void)context;
	(void)priority;
	(void)text;
}

static void begin_daemon(struct asked *asked)
{
	char reason[PUBLISHED_REASON_MAX];

	begin();
	asks = false;
	free(config.publish);
	config.publish = strdup(published);
	free(config.state);
	config.state = NULL;
	world_begin(NULL);
	world_make_namespace("prod"); /* one that is younger than the stream is known a second later */
	world.resolve = resolve_host;
	world.has_tags = true;
	catalogue_prepare_with(world_catalogue(), targets_prepare);
	*asked = (struct asked){.over_dns = true, .allow = {.family = AF_INET}};
	asked->settings = (struct dns_settings){.default_namespace = "default", .negative_ttl = 3, .ttl = 10, .udp_size = 1232,
	                                        .expire = 3600, .allow = &asked->allow, .allow_count = 1};
	asked->view = (struct dns_view){.catalogue = world_catalogue(), .settings = &asked->settings,
	                                .scratch = dns_scratch_new()};
	ck_assert_int_eq(publisher_new(&config, world_catalogue(), say_nothing, NULL, &publisher, reason), 0);
	ck_assert_int_eq(publisher_set_scope(publisher, &(struct scope){.all = true}), 0);
}

/* An instance comes or goes, told of in one of the ways that there may be. */
static void change_row(struct row *row)
{
	static const char *const deletions[] = {"ServiceDeregistration", "PlanResult", "AllocationUpdated", "Unheard"};
	bool odd = !faultless && one_in(&state, 3);
	char event[1024], service[TEXT + 2], named[TEXT + 2];
	bool readable = one_in(&state, 3);

	row->there = !row->there;
	if (!row->there) {
		world_deregister(row->namespace, row->id, deletions[chance(&state, odd ? 4 : 3)]);
	} else if (!odd) {
		world_register(row->namespace, row->service, row->id, row->text);
	} else {
		world_register_silently(row->namespace, row->service, row->id, row->text);
		/* Of a type that nobody knows, or one that cannot be read; it may not even say of which service it is. */
		snprintf(named, sizeof named, "\"%s\"", row->service);
		snprintf(service, sizeof service, one_in(&state, 4) ? "7" : "\"%s\"", row->service);
		snprintf(event, sizeof event,
		         "{\"Events\":[{\"Payload\":{\"Service\":{\"ID\":%s,\"Namespace\":\"%s\",\"ServiceName\":%s}},"
		         "\"Topic\":\"Service\",\"Type\":\"%s\"}],\"Index\":%lu}\n",
		         readable ? "\"x\"" : "7", row->namespace, readable ? named : service,
		         readable || one_in(&state, 2) ? "Unheard" : "ServiceRegistration", (unsigned long)world.index);
		world_send(event);
	}
}

/* The name servers know something else of each host, or nothing. */
static void change_resolving(void)
{
	char name[TEXT];

	for (int i = 0; i < HOSTS; i++) {
		struct host *host = &truth.hosts[i];
		snprintf(name, sizeof name, "h%d.example", i);
		host->failing = faultless || one_in(&state, 2) ? 0 : (uint8_t)chance(&state, 4);
		host->awaited = !faultless && one_in(&state, 8);
		world_host_changed(name);
	}
}

/* Nomad's answers are wrong in some way from now on, or right again; whether its streams have ended. */
static bool change_answers(void)
{
	world.junk = one_in(&state, 3) ? junk[chance(&state, 6)] : NULL;
	world.garbled = one_in(&state, 3) ? truth.rows[chance(&state, INSTANCES)].id : NULL;
	world.unreadable = one_in(&state, 6) ? "db" : NULL;
	world.unreadable_result = AGENT_TOO_LARGE;
	world.failing_reads = one_in(&state, 4) ? (int)chance(&state, 3) : 0;
	bool closed = one_in(&state, 4);
	if (closed)
		world_close_streams();
	if (one_in(&state, 6))
		world_send("this is no frame\n");
	return closed;
}

static void change_world(void)
{
	bool closed = false;

	if (!faultless && one_in(&state, 2))
		support_fail_allocation(1 + chance(&state, 60));
	for (uint32_t i = 1 + chance(&state, 3); i > 0; i--)
		change_row(&truth.rows[chance(&state, INSTANCES)]);
	if (one_in(&state, 3))
		world_run(0);
	change_resolving();
	if (!faultless)
		closed = change_answers();
	world_run(one_in(&state, 2) ? 10 : (int64_t)chance(&state, 40) * 1000);
	/* What happens while a stream begins again, for want of memory too, is known a little later. */
	if (support_fail_allocation(0) || closed)
		world_run(6000);
}

/* The files become what the catalogue is, as far as memory goes and the disk does not forget. */
static void publish(void)
{
	char services[SUPPORT_PATH_MAX];

	if (!faultless && one_in(&state, 3))
		support_fail_allocation(1 + chance(&state, 30));
	publisher_write_all(publisher);
	support_fail_allocation(0);
	publisher_beat(publisher, world_state() == CATALOGUE_CURRENT ? PUBLISHED_ALL : PUBLISHED_DEAD);
	support_path(published, "services", services);
	if (!faultless && one_in(&state, 2))
		spoil(services);
}

static void with_a_daemon(void)
{
	struct asked asked;

	begin_daemon(&asked);
	for (struct row *row = truth.rows; row < truth.rows + INSTANCES; row++)
		if (row->there)
			world_register_silently(row->namespace, row->service, row->id, row->text);
	world_start(CATALOGUE_LOADING, 0);
	world_run(3000);
	for (int step = 0; step < STEPS; step++) {
		if (step > 0)
			change_world();
		if (world_state() != CATALOGUE_CURRENT)
			continue;
		publish();
		ask_all(&asked, "the module with a daemon");
	}
	publisher_free(publisher);
	dns_scratch_free(asked.view.scratch);
	world_end();
	config_done(&config);
}

/* Perhaps there are only descriptors for a few files more; what the limit was. */
static struct rlimit limit_files(void)
{
	struct rlimit before, few;
	int next = dup(STDIN_FILENO);

	close(next);
	getrlimit(RLIMIT_NOFILE, &before);
	few = before;
	few.rlim_cur = (rlim_t)next + chance(&state, 4);
	if (!faultless && one_in(&state, 2))
		setrlimit(RLIMIT_NOFILE, &few);
	return before;
}

/* A daemon that is started again has what the one before published, whatever its memory and the disk have become. */
static void started_again(void)
{
	struct registry_owner owner = {0};
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct watcher_begin first = {CATALOGUE_LOADING, 0, INT64_MAX, 0};
	struct asked asked;
	char reason[PUBLISHED_REASON_MAX], services[SUPPORT_PATH_MAX];

	begin_daemon(&asked);
	truth.hosts[0].failing = truth.hosts[1].failing = FAMILY_ANY; /* as it was; who has an address has it still */
	for (struct row *row = truth.rows; row < truth.rows + INSTANCES; row++)
		if (row->there && row->host < 0)
			world_register_silently(row->namespace, row->service, row->id, row->text);
		else
			row->there = false;
	world_start(CATALOGUE_LOADING, 0);
	world_run(3000);
	publisher_write_all(publisher);
	publisher_free(publisher);
	world_end();
	support_path(published, "services", services);
	if (!faultless && one_in(&state, 2))
		spoil(services);

	struct daemon daemon = {.config = &config, .catalogue = catalogue_new()};
	catalogue_prepare_with(daemon.catalogue, targets_prepare);
	asked.view.catalogue = daemon.catalogue;
	daemon.registry = registry_new(daemon.catalogue, &owner);
	ck_assert_int_eq(publisher_new(&config, daemon.catalogue, say_nothing, NULL, &publisher, reason), 0);
	daemon.publisher = publisher;
	daemon.log = log_new(nowhere);
	if (!faultless && one_in(&state, 2))
		support_fail_allocation(1 + chance(&state, 200));
	struct rlimit before = limit_files();
	daemon_load(&daemon, &first);
	setrlimit(RLIMIT_NOFILE, &before);
	support_fail_allocation(0);
	bool alive = first.state == CATALOGUE_STALE;
	catalogue_set_state(daemon.catalogue, first.state, 1);
	publisher_beat(publisher, alive ? PUBLISHED_NOT_CURRENT : PUBLISHED_DEAD);
	ask_all(&asked, "a daemon that was started again");
	publisher_free(publisher);
	log_free(daemon.log);
	close(nowhere);
	dns_scratch_free(asked.view.scratch);
	registry_free(daemon.registry);
	catalogue_free(daemon.catalogue);
	config_done(&config);
}

static void run_seeds(void (*run)(void))
{
	const char *one = getenv("NEVER_NO_SEED"), *many = getenv("NEVER_NO_SEEDS");
	uint64_t first = one != NULL ? strtoull(one, NULL, 10) : 0;
	uint64_t count = one != NULL ? 1 : many != NULL ? strtoull(many, NULL, 10) : SEEDS;

	for (seed = first; seed < first + count; seed++)
		run();
}

START_TEST(a_lookup_that_asks_nomad_never_denies_what_there_is)
{
	run_seeds(without_a_daemon);
}
END_TEST

START_TEST(a_daemon_never_denies_what_there_is)
{
	run_seeds(with_a_daemon);
}
END_TEST

START_TEST(a_daemon_that_is_started_again_never_denies_what_was_there)
{
	run_seeds(started_again);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{a_lookup_that_asks_nomad_never_denies_what_there_is, 1},
		{a_daemon_never_denies_what_there_is, 1},
		{a_daemon_that_is_started_again_never_denies_what_was_there, 1},
	};

	return support_run("never_no", tests, sizeof tests / sizeof *tests);
}
