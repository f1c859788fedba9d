/*
 * Tests of src/watch/publisher.c: which files there are of a catalogue, as the module reads them.
 *
 * SPDX-License-Identifier: MIT
 */
#include "lookup.h"
#include "support.h"
#include "watch/publisher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

static struct config config;
static struct catalogue *catalogue;
static struct publisher *publisher;
static char said[SUPPORT_TEXT_MAX];

static void say(void *context, int priority, const char *text)
{
	size_t used = strlen(said);

	(void)context;
	snprintf(said + used, sizeof said - used, "<%d>%s\n", priority, text);
}

static void set_up(void)
{
	char reason[PUBLISHED_REASON_MAX], folder[SUPPORT_PATH_MAX];

	said[0] = '\0';
	support_folder(folder);
	ck_assert_int_eq(config_load("/dev/null", &config, reason), 0);
	free(config.publish);
	config.publish = strdup(folder);
	free(config.state);
	config.state = NULL;
	catalogue = catalogue_new();
	ck_assert_int_eq(publisher_new(&config, catalogue, say, NULL, &publisher, reason), 0);
	ck_assert_int_eq(publisher_set_scope(publisher, &(struct scope){.all = true}), 0);
}

static void tear_down(void)
{
	publisher_free(publisher);
	catalogue_free(catalogue);
	config_done(&config);
}

static void put(const char *service_name, struct service *service)
{
	struct service_key key = {"default", ""};

	strcpy(key.service, service_name);
	ck_assert_int_eq(catalogue_put(catalogue, &key, service), 0);
}

/* What the module finds: addresses, or the verdict. */
static const char *find(const char *name)
{
	struct lookup_places places = {.published = config.publish, .cache = "/nonexistent"};
	struct lookup_result result;
	static char text[SUPPORT_TEXT_MAX];

	lookup_run(name, &places, NULL, NULL, &result);
	strcpy(text, result.verdict == VERDICT_FOUND ? support_addresses(result.addresses, result.count)
	                                             : support_verdict(result.verdict));
	lookup_done(&result);
	return text;
}

/* Its record would be larger than RECORD_SIZE_MAX: one long tag after the other. */
static struct service *too_large(void)
{
	enum { LENGTH = 60000, COUNT = RECORD_SIZE_MAX / LENGTH + 1 };
	struct spelling spelling = {.namespace = "default", .service = "large", .count = 1};
	const char **tags = calloc(COUNT, sizeof *tags);
	char *tag = malloc(LENGTH + 1);
	struct address address;

	ck_assert(tags != NULL && tag != NULL && address_parse("10.0.0.1", &address));
	memset(tag, 'x', LENGTH);
	tag[LENGTH] = '\0';
	for (size_t i = 0; i < COUNT; i++)
		tags[i] = tag;
	const struct instance instance = {.id = "1", .allocation = "a", .node = "", .job = "", .datacenter = "",
	                                  .addresses = &address, .address_count = 1, .tags = tags, .tag_count = COUNT};
	struct service *service = service_copy(&(struct service){
		.spelling_count = 1, .spellings = &spelling, .instance_count = 1, .instances = &instance});
	ck_assert_ptr_nonnull(service);
	free(tags);
	free(tag);
	return service;
}

/* It alone is what nobody can tell, and the heart beats for the others. */
START_TEST(one_that_is_too_large_for_a_file_spoils_no_other)
{
	const struct service_key key = {"default", "large"}, other = {"default", "web"};

	set_up();
	put("web", support_service("default web 1 10.0.0.2 80 -\n"));
	put("large", too_large());
	publisher_write_all(publisher);
	publisher_beat(publisher, PUBLISHED_ALL);
	ck_assert_str_eq(find("web.nomad"), "10.0.0.2");
	ck_assert_str_eq(find("large.nomad"), "unknown");
	ck_assert_str_eq(find("nosuch.nomad"), "no name");
	ck_assert_ptr_nonnull(strstr(said, "service large in namespace default is too large"));
	ck_assert_ptr_null(publisher_error(publisher));
	/* The same where it becomes so, and where it is so no longer. */
	put("web", support_service("default web 1 10.0.0.3 80 -\n"));
	publisher_put(publisher, &other, catalogue_find(catalogue, &other));
	publisher_put(publisher, &key, catalogue_find(catalogue, &key));
	ck_assert_str_eq(find("web.nomad"), "10.0.0.3");
	ck_assert_str_eq(find("large.nomad"), "unknown");
	put("large", support_service("default large 1 10.0.0.4 80 -\n"));
	publisher_put(publisher, &key, catalogue_find(catalogue, &key));
	ck_assert_str_eq(find("large.nomad"), "10.0.0.4");
	tear_down();
}
END_TEST

/* What lies there may be all that is known, as long as the catalogue is not. */
START_TEST(nothing_is_removed_before_the_catalogue_may_be_believed)
{
	char path[SUPPORT_PATH_MAX], reason[PUBLISHED_REASON_MAX];

	set_up();
	put("web", support_service("default web 1 10.0.0.2 80 -\n"));
	publisher_write_all(publisher);
	publisher_free(publisher);
	catalogue_free(catalogue);
	catalogue = catalogue_new();
	ck_assert_int_eq(publisher_new(&config, catalogue, say, NULL, &publisher, reason), 0);
	ck_assert_int_eq(publisher_set_scope(publisher, &(struct scope){.all = true}), 0);
	publisher_beat(publisher, PUBLISHED_DEAD);
	support_path(config.publish, "services/default/web", path);
	ck_assert_int_eq(access(path, F_OK), 0);
	publisher_beat(publisher, PUBLISHED_ALL);
	ck_assert_int_ne(access(path, F_OK), 0);
	ck_assert_str_eq(find("web.nomad"), "no name");
	tear_down();
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{one_that_is_too_large_for_a_file_spoils_no_other, 1},
		{nothing_is_removed_before_the_catalogue_may_be_believed, 1},
	};

	return support_run("publisher", tests, sizeof tests / sizeof *tests);
}
