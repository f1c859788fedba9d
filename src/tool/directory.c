/*
 * Which services there are; see directory.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tool/directory.h"

#include "deadline.h"
#include "nomad/agent.h"
#include "nomad/registrations.h"
#include "published.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A directory that grows. */
struct growing {
	struct service_key *items;
	size_t count, room;
	int error; /* 0 or -ENOMEM */
};

static void add(struct growing *growing, const char *namespace, const char *service)
{
	if (!name_is_label(namespace) || !name_is_label(service))
		return;
	if (growing->count == growing->room) {
		size_t room = growing->room == 0 ? 64 : 2 * growing->room;
		struct service_key *larger = reallocarray(growing->items, room, sizeof *larger);
		if (larger == NULL) {
			growing->error = -ENOMEM;
			return;
		}
		growing->items = larger;
		growing->room = room;
	}
	struct service_key *item = &growing->items[growing->count++];
	text_lower(namespace, item->namespace);
	text_lower(service, item->service);
}

static int compare(const void *a, const void *b)
{
	const struct service_key *left = a, *right = b;
	int order = strcmp(left->namespace, right->namespace);

	return order != 0 ? order : strcmp(left->service, right->service);
}

/* Sorts, and leaves one of services that differ in case only. */
static void tidy(struct growing *growing)
{
	size_t kept = 0;

	if (growing->count > 0)
		qsort(growing->items, growing->count, sizeof *growing->items, compare);
	for (size_t i = 0; i < growing->count; i++)
		if (kept == 0 || compare(&growing->items[kept - 1], &growing->items[i]) != 0)
			growing->items[kept++] = growing->items[i];
	growing->count = kept;
}

/* Calls add() for every file of a directory of the published ones. Links are other ways to the same. */
static void add_namespace(struct growing *growing, int services, const char *namespace)
{
	int descriptor = openat(services, namespace, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *names = descriptor < 0 ? NULL : fdopendir(descriptor);

	if (names == NULL && descriptor >= 0)
		close(descriptor);
	if (names == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(names)) != NULL;)
		if (entry->d_name[0] != '.')
			add(growing, namespace, entry->d_name);
	closedir(names);
}

/* What the daemon publishes. -EAGAIN where it does not live, another cluster is meant, or it does not
 * know all that is asked for. */
static int read_published(const struct ask *ask, const char *namespace, struct growing *growing)
{
	const char *dir = ask->places->published;
	char path[PATH_MAX];
	DIR *names;

	if (dir == NULL)
		return -EAGAIN;
	enum published_state state = published_heartbeat(dir);
	if (state == PUBLISHED_DEAD || (state == PUBLISHED_SOME && namespace == NULL))
		return -EAGAIN;
	snprintf(path, sizeof path, "%s/" PUBLISHED_SERVICES, dir);
	names = opendir(path);
	if (names == NULL)
		return -EAGAIN;
	for (struct dirent *entry; (entry = readdir(names)) != NULL;)
		if (entry->d_name[0] != '.' && (namespace == NULL || text_same(namespace, entry->d_name)))
			add_namespace(growing, dirfd(names), entry->d_name);
	closedir(names);
	if (growing->count == 0 && state != PUBLISHED_ALL)
		return -EAGAIN;
	return growing->error;
}

static int take_list(const struct agent_answer *answer, const char *namespace, struct growing *growing)
{
	struct service_list list = {0};
	int result = service_list_parse(answer->body == NULL ? "" : answer->body, answer->size, &list);

	for (size_t i = 0; result == 0 && i < list.count; i++)
		if (namespace == NULL || text_same(namespace, list.items[i].namespace))
			add(growing, list.items[i].namespace, list.items[i].service);
	service_list_done(&list);
	return result == 0 ? growing->error : result;
}

/* One list, of a namespace or of "*". 0, -EAGAIN and a reason, or -ENOMEM. */
static int read_list(struct ask *ask, struct agent *agent, const char *asked, const char *namespace, int64_t deadline,
                     struct growing *growing)
{
	char *path = agent_path("/v1/services", NULL, asked);
	struct agent_answer answer = {0};
	int result = -EAGAIN;

	if (path == NULL)
		return -ENOMEM;
	if (agent_get(agent, path, deadline, &answer) == AGENT_BELIEVED)
		result = take_list(&answer, namespace, growing);
	snprintf(ask->report.reason, sizeof ask->report.reason, "%s", answer.reason);
	agent_answer_done(&answer);
	free(path);
	return result;
}

/*
 * Nomad's list. That of all namespaces comes first: a name may spell its namespace in another case than Nomad. A token
 * that may not list all may still read one.
 */
static int read_nomad(struct ask *ask, const char *namespace, struct growing *growing)
{
	int64_t deadline = deadline_now() + ask->config->timeout;
	struct agent agent = {0};
	int result = -EAGAIN;

	if (agent_init(ask->config, &agent, ask->report.reason) < 0)
		return result;
	result = read_list(ask, &agent, "*", namespace, deadline, growing);
	if (result == -EAGAIN && namespace != NULL)
		result = read_list(ask, &agent, namespace, namespace, deadline, growing);
	agent_done(&agent);
	return result;
}

int directory_read(struct ask *ask, const char *namespace, struct directory *directory)
{
	struct growing growing = {0};
	int result = read_published(ask, namespace, &growing);
	bool published = result == 0;

	if (result == -EAGAIN)
		result = read_nomad(ask, namespace, &growing);
	if (result < 0) {
		free(growing.items);
		return result == -ENOMEM ? result : -EAGAIN;
	}
	tidy(&growing);
	*directory = (struct directory){published, growing.count, growing.items};
	return 0;
}

void directory_done(struct directory *directory)
{
	free(directory->items);
	*directory = (struct directory){0};
}

void directory_name(const struct service_key *item, char *text)
{
	stpcpy(stpcpy(stpcpy(stpcpy(text, item->service), "."), item->namespace), ".nomad");
}
