/*
 * The DNS side of the daemon without the rest of it: answers from a catalogue that a test gives it. Used by
 * tests/system/test_dns_*.py and tests/bench/dns.
 *
 *     dns-serve [KEY=VALUE...]      keys of the section [dns], and ttl, negative-ttl, service-label, namespace
 *
 * It says "listening ADDR:PORT" for each listener, then obeys standard input, a command a line, and says "ok" after each:
 *
 *     load FILE            the file becomes the catalogue; an instance a line, those of a service together:
 *                          NAMESPACE SERVICE ALLOCATION ADDRESSES PORT TAGS, lists with commas, - for an empty one
 *     put SERVICE LINE     what the file's lines of one spelling say, for a single instance; nothing after it: gone
 *     state NAME SERIAL [AGE]  loading, current, stale, expired; AGE: so many milliseconds ago it was confirmed (an hour to
 *                          come, where it is left out)
 *     follow [NAMESPACE...]  these namespaces are followed, not all of them
 *     totals               says what was counted
 *
 * and ends with its input.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dns/server.h"
#include "text.h"

#include <err.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_SIZE = 4096, LIST_MAX = 64 };

struct serve {
	uv_loop_t loop;
	uv_pipe_t input;
	struct catalogue *catalogue;
	struct dns_server *server;
	char line[LINE_SIZE];
	size_t length;
	char buffer[LINE_SIZE];
};

/* A service under construction. */
struct builder {
	struct service_key key;
	size_t count;
	size_t room;
	struct instance *instances;
};

static void *check(void *block)
{
	if (block == NULL)
		errx(1, "out of memory");
	return block;
}

static char *copy(const char *text)
{
	return check(strdup(text));
}

/* Takes a list of words with commas apart; the words stay where they are. */
static size_t split(char *list, const char **words)
{
	size_t count = 0;

	if (strcmp(list, "-") == 0)
		return 0;
	for (char *word; (word = strsep(&list, ",")) != NULL && count < LIST_MAX;)
		words[count++] = word;
	return count;
}

static void set_addresses(struct instance *instance, char *list)
{
	const char *words[LIST_MAX];
	size_t count = split(list, words);
	struct address *addresses = check(calloc(count + 1, sizeof *addresses));

	for (size_t i = 0; i < count; i++)
		if (!address_parse(words[i], &addresses[instance->address_count]))
			instance->host = copy(words[i]);
		else
			instance->address_count++;
	instance->addresses = addresses;
}

static void set_tags(struct instance *instance, char *list)
{
	const char *words[LIST_MAX];
	char **tags;

	instance->tag_count = split(list, words);
	tags = check(calloc(instance->tag_count + 1, sizeof *tags));
	for (size_t i = 0; i < instance->tag_count; i++)
		tags[i] = copy(words[i]);
	instance->tags = (const char *const *)tags;
}

/* Adds an instance from the rest of a line: ALLOCATION ADDRESSES PORT TAGS. */
static void build_instance(struct builder *builder, char *fields[4])
{
	static unsigned number;
	char id[128];

	if (builder->count == builder->room) {
		builder->room = builder->room == 0 ? 4 : 2 * builder->room;
		builder->instances = check(realloc(builder->instances, builder->room * sizeof *builder->instances));
	}
	snprintf(id, sizeof id, "_nomad-task-%s-%u", fields[0], number++);
	struct instance *instance = &builder->instances[builder->count++];
	*instance = (struct instance){.id = copy(id), .allocation = copy(fields[0]), .node = "node", .job = "job",
	                              .datacenter = "dc1", .port = (uint16_t)atoi(fields[2])};
	set_addresses(instance, fields[1]);
	set_tags(instance, fields[3]);
}

static void builder_clear(struct builder *builder)
{
	for (size_t i = 0; i < builder->count; i++) {
		struct instance *instance = &builder->instances[i];
		for (size_t j = 0; j < instance->tag_count; j++)
			free((char *)instance->tags[j]);
		free((void *)instance->tags);
		free((void *)instance->addresses);
		free((char *)instance->id);
		free((char *)instance->allocation);
		free((char *)instance->host);
	}
	builder->count = 0;
}

/* Merges a spelling with those that are there and differ in case only; as the watcher does. */
static struct service *merge(const struct service *old, const struct builder *builder)
{
	size_t olds = old == NULL ? 0 : old->instance_count, spellings = old == NULL ? 0 : old->spelling_count;
	struct instance *instances = check(calloc(olds + builder->count, sizeof *instances));
	struct spelling *all = check(calloc(spellings + 1, sizeof *all));

	if (old != NULL) {
		memcpy(instances, old->instances, olds * sizeof *instances);
		memcpy(all, old->spellings, spellings * sizeof *all);
	}
	memcpy(instances + olds, builder->instances, builder->count * sizeof *instances);
	all[spellings] = (struct spelling){builder->key.namespace, builder->key.service, olds, builder->count, false};
	struct service *merged = check(service_copy(&(struct service){
		.spelling_count = spellings + 1, .spellings = all, .instance_count = olds + builder->count,
		.instances = instances}));
	free(instances);
	free(all);
	return merged;
}

static void builder_put(struct serve *serve, struct builder *builder, bool fresh)
{
	if (builder->count == 0)
		return;
	const struct service *old = fresh ? NULL : catalogue_find(serve->catalogue, &builder->key);
	if (catalogue_put(serve->catalogue, &builder->key, merge(old, builder)) < 0)
		errx(1, "out of memory");
	builder_clear(builder);
}

static void set_key(struct service_key *key, const char *namespace, const char *service)
{
	if (strlen(namespace) > NAME_LABEL_MAX || strlen(service) > NAME_LABEL_MAX)
		errx(1, "%s %s: too long", namespace, service);
	strcpy(key->namespace, namespace);
	strcpy(key->service, service);
}

struct keys {
	size_t count;
	struct service_key *keys;
};

static void note_key(void *context, const struct service_key *key, const struct service *service)
{
	struct keys *keys = context;

	(void)service;
	keys->keys[keys->count++] = *key;
}

static void clear(struct serve *serve)
{
	struct keys keys = {0, check(calloc(catalogue_size(serve->catalogue) + 1, sizeof *keys.keys))};

	catalogue_each(serve->catalogue, note_key, &keys);
	for (size_t i = 0; i < keys.count; i++)
		catalogue_put(serve->catalogue, &keys.keys[i], NULL);
	free(keys.keys);
}

static bool read_fields(char *line, char *fields[6])
{
	for (size_t i = 0; i < 6; i++)
		if ((fields[i] = strsep(&line, " \n")) == NULL)
			return false;
	return true;
}

static void load(struct serve *serve, const char *path)
{
	FILE *file = fopen(path, "re");
	struct builder builder = {0};
	char line[LINE_SIZE], *fields[6];

	if (file == NULL)
		err(1, "%s", path);
	clear(serve);
	while (fgets(line, sizeof line, file) != NULL) {
		if (!read_fields(line, fields))
			errx(1, "%s: a line without six fields", path);
		if (strcmp(fields[0], builder.key.namespace) != 0 || strcmp(fields[1], builder.key.service) != 0)
			builder_put(serve, &builder, false);
		set_key(&builder.key, fields[0], fields[1]);
		build_instance(&builder, fields + 2);
	}
	builder_put(serve, &builder, false);
	free(builder.instances);
	fclose(file);
}

/* put NAMESPACE SERVICE [ALLOCATION ADDRESSES PORT TAGS] */
static void put(struct serve *serve, char *arguments)
{
	struct builder builder = {0};
	char *fields[6];
	const char *namespace = strsep(&arguments, " "), *service = strsep(&arguments, " ");

	if (service == NULL)
		errx(1, "put: which service?");
	set_key(&builder.key, namespace, service);
	if (arguments == NULL) {
		catalogue_put(serve->catalogue, &builder.key, NULL);
		return;
	}
	for (size_t i = 0; i < 4; i++)
		if ((fields[i] = strsep(&arguments, " ")) == NULL)
			errx(1, "put: too few fields");
	build_instance(&builder, fields);
	builder_put(serve, &builder, true);
	free(builder.instances);
}

static void set_state(struct serve *serve, const char *arguments)
{
	static const char *const names[] = {"loading", "current", "stale", "expired"};
	long age = -3600000;
	struct timespec now;
	uint32_t serial;
	char name[16];

	if (sscanf(arguments, "%15s %" SCNu32 " %ld", name, &serial, &age) < 2)
		errx(1, "state: which?");
	clock_gettime(CLOCK_BOOTTIME, &now);
	catalogue_set_confirmed(serve->catalogue, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 - age);
	for (size_t i = 0; i < 4; i++)
		if (strcmp(names[i], name) == 0)
			catalogue_set_state(serve->catalogue, (enum catalogue_state)i, serial);
}

static void set_scope(struct serve *serve, char *arguments)
{
	struct scope scope = {0};
	char *rest;

	for (char *name = arguments == NULL ? NULL : strtok_r(arguments, " ", &rest); name != NULL; name = strtok_r(NULL, " ", &rest))
		if (scope_add(&scope, name) < 0)
			errx(1, "follow: no memory");
	if (catalogue_set_scope(serve->catalogue, &scope) < 0)
		errx(1, "follow: no memory");
	scope_done(&scope);
}

static void say_totals(const struct serve *serve)
{
	struct dns_totals totals;
	size_t connections;

	dns_server_totals(serve->server, &totals, &connections);
	for (unsigned i = 0; i < COUNTER_TYPES; i++)
		printf("%s %" PRIu64 " ", counter_type_name(i), totals.types[i]);
	for (unsigned i = 0; i < COUNTER_RCODES; i++)
		if (counter_rcode_name(i) != NULL)
			printf("%s %" PRIu64 " ", counter_rcode_name(i), totals.rcodes[i]);
	printf("truncated %" PRIu64 " dropped %" PRIu64 " limited %" PRIu64 " streams %" PRIu64 " connections %zu\n",
	       totals.truncated, totals.dropped, totals.limited, totals.streams, connections);
}

static void obey(struct serve *serve, char *line)
{
	char *arguments = line;
	const char *command = strsep(&arguments, " ");

	if (strcmp(command, "load") == 0)
		load(serve, arguments);
	else if (strcmp(command, "put") == 0)
		put(serve, arguments);
	else if (strcmp(command, "state") == 0)
		set_state(serve, arguments);
	else if (strcmp(command, "follow") == 0)
		set_scope(serve, arguments);
	else if (strcmp(command, "totals") == 0)
		say_totals(serve);
	else
		errx(1, "%s: no such command", command);
	puts("ok");
	fflush(stdout);
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct serve *serve = handle->data;

	(void)suggested;
	*buffer = uv_buf_init(serve->buffer, sizeof serve->buffer);
}

static void on_input(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
	struct serve *serve = stream->data;

	if (size < 0) {
		uv_stop(&serve->loop);
		return;
	}
	for (ssize_t i = 0; i < size; i++) {
		if (buffer->base[i] != '\n') {
			serve->line[serve->length] = buffer->base[i];
			serve->length += serve->length < sizeof serve->line - 1;
			continue;
		}
		serve->line[serve->length] = '\0';
		serve->length = 0;
		obey(serve, serve->line);
	}
}

static const char *section_of(const char *key)
{
	if (strcmp(key, "namespace") == 0)
		return "nomad";
	return strcmp(key, "ttl") == 0 || strcmp(key, "negative-ttl") == 0 || strcmp(key, "service-label") == 0 ? "answers"
	                                                                                                      : "dns";
}

static void configure(struct config *config, int count, char **words)
{
	char reason[CONFIG_REASON_MAX];

	if (config_load("/dev/null", config, reason) < 0)
		errx(1, "%s", reason);
	for (int i = 0; i < count; i++) {
		char *value = words[i];
		const char *key = strsep(&value, "=");
		if (value == NULL || config_set(config, section_of(key), key, value, reason) < 0)
			errx(1, "%s: %s", key, value == NULL ? "KEY=VALUE is wanted" : reason);
	}
}

int main(int argc, char **argv)
{
	static struct serve serve;
	struct config config;
	char reason[CONFIG_REASON_MAX], text[LISTEN_TEXT_MAX];

	signal(SIGPIPE, SIG_IGN);
	configure(&config, argc - 1, argv + 1);
	uv_loop_init(&serve.loop);
	serve.catalogue = check(catalogue_new());
	catalogue_set_scope(serve.catalogue, &(struct scope){.all = true});
	if (dns_server_start(&serve.loop, serve.catalogue, &config, NULL, &serve.server, reason) < 0)
		errx(1, "%s", reason);
	config_done(&config);
	for (size_t i = 0; dns_server_address(serve.server, i, text); i++)
		printf("listening %s\n", text);
	puts("ok");
	fflush(stdout);

	uv_pipe_init(&serve.loop, &serve.input, 0);
	serve.input.data = &serve;
	uv_pipe_open(&serve.input, 0);
	uv_read_start((uv_stream_t *)&serve.input, on_allocate, on_input);
	uv_run(&serve.loop, UV_RUN_DEFAULT);

	dns_server_stop(serve.server);
	uv_close((uv_handle_t *)&serve.input, NULL);
	uv_run(&serve.loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&serve.loop) != 0)
		errx(1, "a handle was left open");
	catalogue_free(serve.catalogue);
	return 0;
}
