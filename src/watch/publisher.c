/*
 * Keeps the published files equal to the catalogue; see publisher.h. Called by watch/daemon.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watch/publisher_part.h"

#include "config_users.h"
#include "published.h"
#include "wall.h"
#include "watch/running.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

static void copy_text(char **to, const char *from)
{
	char *copy = from == NULL || from[0] == '\0' ? NULL : strdup(from);

	free(*to);
	*to = copy;
}

static struct published_layout layout_of(const struct publisher *publisher, const struct shelf *shelf)
{
	const char *name = publisher->default_namespace;

	return (struct published_layout){shelf->dir, name == NULL ? "default" : name, publisher->reading,
	                                 publisher->access};
}

/* What failed is said once, until it is well again or fails in another way. */
static void fail(struct publisher *publisher, struct shelf *shelf, int error)
{
	char text[PUBLISHED_REASON_MAX + 128];

	shelf->wrong = true;
	if (shelf->said == error)
		return;
	shelf->said = error;
	snprintf(text, sizeof text, "%s (until then %s; tried again every second)", shelf->reason,
	         shelf == &publisher->shelves[PUBLISHED] ? "lookups do without the daemon" : "a reboot forgets the catalogue");
	publisher->say(publisher->context, LOG_ERR, text);
}

static int open_shelf(struct publisher *publisher, struct shelf *shelf)
{
	struct published_layout layout = layout_of(publisher, shelf);
	int result = published_open(&layout, &shelf->folder, shelf->reason);

	/* A directory that another daemon uses is that one's, whatever else is said against it. */
	if ((result == -EPERM || result == -EACCES || result == -EBUSY) &&
	    running_names(shelf->dir, shelf->reason, sizeof shelf->reason))
		result = -EBUSY;
	shelf->wrong = true;
	return result;
}

static void close_shelf(struct shelf *shelf)
{
	published_close(shelf->folder);
	shelf->folder = NULL;
}

static void set_config(struct publisher *publisher, const struct config *config)
{
	copy_text(&publisher->default_namespace, config_default_namespace(config));
	publisher->reading = config->reading;
	publisher->ttl = config->ttl;
	publisher->max_stale = config->max_stale;
}

int publisher_new(const struct config *config, const struct catalogue *catalogue, publisher_say say, void *context,
                  struct publisher **publisher, char reason[PUBLISHED_REASON_MAX])
{
	struct publisher *made = calloc(1, sizeof *made);

	if (made == NULL) {
		snprintf(reason, PUBLISHED_REASON_MAX, "out of memory");
		return -ENOMEM;
	}
	int result = config_find_group(config->publish_group, &made->access.group, reason);
	if (result < 0) {
		free(made);
		return result;
	}
	made->access.mode = config_mode(config->publish_mode);
	made->catalogue = catalogue;
	made->say = say;
	made->context = context;
	set_config(made, config);
	copy_text(&made->shelves[PUBLISHED].dir, config->publish == NULL ? PUBLISHED_DIR : config->publish);
	copy_text(&made->shelves[STATE].dir, config->state);
	for (int i = 0; i < SHELVES; i++) {
		struct shelf *shelf = &made->shelves[i];
		result = shelf->dir == NULL ? 0 : open_shelf(made, shelf);
		if (result == -EBUSY || result == -ENAMETOOLONG || result == -ENOMEM) {
			snprintf(reason, PUBLISHED_REASON_MAX, "%s", shelf->reason);
			publisher_free(made);
			return result;
		}
		if (result < 0)
			fail(made, shelf, result);
	}
	*publisher = made;
	return 0;
}

void publisher_free(struct publisher *publisher)
{
	if (publisher == NULL)
		return;
	for (int i = 0; i < SHELVES; i++) {
		close_shelf(&publisher->shelves[i]);
		free(publisher->shelves[i].dir);
	}
	scope_done(&publisher->scope);
	free(publisher->default_namespace);
	free(publisher);
}

void publisher_configure(struct publisher *publisher, const struct config *config)
{
	set_config(publisher, config);
	publisher_write_all(publisher);
}

struct count_loaded {
	int (*visit)(void *context, const struct record *record);
	void *context;
	size_t count;
};

static int count_loaded(void *context, const struct record *record)
{
	struct count_loaded *loaded = context;

	loaded->count++;
	return loaded->visit(loaded->context, record);
}

int publisher_load(struct publisher *publisher, int (*visit)(void *context, const struct record *record), void *context)
{
	struct count_loaded loaded = {visit, context, 0};
	int result = 0;

	for (int i = 0; i < SHELVES && loaded.count == 0 && result == 0; i++)
		if (publisher->shelves[i].folder != NULL)
			result = published_load(publisher->shelves[i].folder, count_loaded, &loaded);
	return result;
}

/* That there is such a service, and, unless it is NULL, what it has. */
static int store_record(const struct publisher *publisher, struct shelf *shelf, const struct service_key *key,
                        const struct service *service)
{
	struct record record = {
		.verdict = service == NULL ? VERDICT_UNKNOWN : VERDICT_FOUND,
		.complete = true,
		.key = *key,
		.made = (uint64_t)wall_now(),
		.ttl = publisher->ttl,
		.max_stale = publisher->max_stale,
		.service = service,
	};

	return published_store(shelf->folder, &record, shelf->reason);
}

/* One that is too large for a record is published as unknown: its absence would say that there is no such service. */
static int store(const struct publisher *publisher, struct shelf *shelf, const struct service_key *key,
                 const struct service *service)
{
	char text[PUBLISHED_REASON_MAX + 128];
	int result = store_record(publisher, shelf, key, service->unknown ? NULL : service);

	if (result != -E2BIG)
		return result;
	if (shelf == &publisher->shelves[PUBLISHED]) {
		snprintf(text, sizeof text, "service %s in namespace %s is too large for a file of %d MiB: lookups do without the daemon",
		         key->service, key->namespace, RECORD_SIZE_MAX / 1024 / 1024);
		publisher->say(publisher->context, LOG_WARNING, text);
	}
	return store_record(publisher, shelf, key, NULL);
}

static void stop_beating(struct publisher *publisher)
{
	if (publisher->beating && publisher->shelves[PUBLISHED].folder != NULL)
		published_stop(publisher->shelves[PUBLISHED].folder);
	publisher->beating = false;
}

void publisher_put(struct publisher *publisher, const struct service_key *key, const struct service *service)
{
	for (int i = 0; i < SHELVES; i++) {
		struct shelf *shelf = &publisher->shelves[i];
		if (shelf->folder == NULL || shelf->wrong)
			continue;
		int result = service == NULL ? published_remove(shelf->folder, key, shelf->reason)
		                             : store(publisher, shelf, key, service);
		if (result == 0)
			continue;
		fail(publisher, shelf, result);
		if (i == PUBLISHED)
			stop_beating(publisher);
	}
}

struct writing {
	struct publisher *publisher;
	struct shelf *shelf;
	int result; /* the first failure */
};

static void write_one(void *context, const struct service_key *key, const struct service *service)
{
	struct writing *writing = context;

	if (writing->result == 0)
		writing->result = store(writing->publisher, writing->shelf, key, service);
}

static void remove_if_gone(void *context, const struct service_key *key)
{
	struct writing *writing = context;

	if (writing->result == 0 && catalogue_find(writing->publisher->catalogue, key) == NULL)
		writing->result = published_remove(writing->shelf->folder, key, writing->shelf->reason);
}

/* Makes a folder what the catalogue is. Until that is done readers may not believe it. */
static int write_all(struct publisher *publisher, struct shelf *shelf)
{
	struct published_layout layout = layout_of(publisher, shelf);
	struct writing writing = {publisher, shelf, published_set_links(shelf->folder, &layout, shelf->reason)};

	catalogue_each(publisher->catalogue, write_one, &writing);
	if (writing.result < 0)
		return writing.result;
	int result = published_list(shelf->folder, remove_if_gone, &writing);
	if (result < 0)
		snprintf(shelf->reason, sizeof shelf->reason, "cannot read %s: %s", shelf->dir, strerror(-result));
	if (result == 0)
		result = writing.result;
	if (result == 0 && shelf == &publisher->shelves[PUBLISHED])
		result = published_seal(shelf->folder, &publisher->scope, shelf->reason);
	return result;
}

static void say_well(struct publisher *publisher, struct shelf *shelf)
{
	char text[PUBLISHED_REASON_MAX];

	if (shelf->said == 0)
		return;
	shelf->said = 0;
	snprintf(text, sizeof text, "%s can be written again, and holds the whole catalogue", shelf->dir);
	publisher->say(publisher->context, LOG_NOTICE, text);
}

/* Opens a folder where it is not open, and makes it right where it is wrong. */
static void repair(struct publisher *publisher, struct shelf *shelf)
{
	int result = 0;

	if (shelf->dir == NULL || !shelf->wrong)
		return;
	if (shelf->folder == NULL)
		result = open_shelf(publisher, shelf);
	if (result == 0)
		result = write_all(publisher, shelf);
	if (result < 0) {
		/* Perhaps it is another folder by now: opened anew the next time. */
		if (shelf == &publisher->shelves[PUBLISHED])
			stop_beating(publisher);
		close_shelf(shelf);
		fail(publisher, shelf, result);
		return;
	}
	shelf->wrong = false;
	say_well(publisher, shelf);
}

void publisher_write_all(struct publisher *publisher)
{
	for (int i = 0; i < SHELVES; i++) {
		publisher->shelves[i].wrong = true;
		repair(publisher, &publisher->shelves[i]);
	}
}

int publisher_set_scope(struct publisher *publisher, const struct scope *scope)
{
	struct scope copy;

	if (scope_equal(&publisher->scope, scope))
		return 0;
	if (scope_copy(scope, &copy) < 0)
		return -ENOMEM;
	scope_done(&publisher->scope);
	publisher->scope = copy;
	publisher->shelves[PUBLISHED].wrong = true;
	return 0;
}

void publisher_beat(struct publisher *publisher, enum published_state state)
{
	struct shelf *shelf = &publisher->shelves[PUBLISHED];
	int result;

	bool alive = state != PUBLISHED_DEAD;

	publisher_check(publisher, shelf);
	for (int i = 0; i < SHELVES && alive; i++)
		repair(publisher, &publisher->shelves[i]);
	if (!alive || shelf->wrong) {
		stop_beating(publisher);
		return;
	}
	result = published_beat(shelf->folder, state, shelf->reason);
	if (result == 0) {
		publisher->beating = true;
		return;
	}
	fail(publisher, shelf, result);
	stop_beating(publisher);
	close_shelf(shelf);
}

void publisher_stop(struct publisher *publisher)
{
	stop_beating(publisher);
}

void publisher_put_file(struct publisher *publisher, const char *name, const void *bytes, size_t size)
{
	for (int i = 0; i < SHELVES; i++) {
		struct shelf *shelf = &publisher->shelves[i];
		if (shelf->folder == NULL || shelf->wrong)
			continue;
		char text[PUBLISHED_REASON_MAX];
		int result = published_store_file(shelf->folder, name, bytes, size, text);
		/* The records are as they should be all the same, and go on being written. */
		if (result < 0 && shelf->file_said != result)
			publisher->say(publisher->context, LOG_ERR, text);
		shelf->file_said = result;
	}
}

const char *publisher_error(const struct publisher *publisher)
{
	for (int i = 0; i < SHELVES; i++)
		if (publisher->shelves[i].dir != NULL && publisher->shelves[i].wrong)
			return publisher->shelves[i].reason;
	return NULL;
}
