/*
 * Which namespaces are followed; see watcher.h. Called by watch/daemon_report.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watcher_part.h"

#include "text.h"

#include <errno.h>
#include <string.h>

static bool is_kept(const struct watcher *watcher, const char *namespace)
{
	const struct reading_names *kept = &watcher->reading.kept;

	for (size_t i = 0; i < kept->count; i++)
		if (text_same(kept->names[i].name, namespace))
			return true;
	return false;
}

struct adding {
	const struct watcher *watcher;
	struct scope *scope;
	int result;
};

static void add(struct adding *adding, const char *namespace)
{
	if (adding->result == 0 && !is_kept(adding->watcher, namespace))
		adding->result = scope_add(adding->scope, namespace);
}

static void add_namespace(void *context, const char *namespace)
{
	add(context, namespace);
}

int watcher_scope(const struct watcher *watcher, struct scope *scope)
{
	const struct words *namespaces = &watcher->config->namespaces;
	struct adding adding = {watcher, scope, 0};
	bool star = namespaces->count == 0 || strcmp(namespaces->words[0], "*") == 0;

	scope->all = star && !watcher->signals[0].polling && watcher->reading.kept.count == 0;
	if (star && !scope->all)
		catalogue_each_namespace(watcher->catalogue, add_namespace, &adding);
	for (size_t i = 0; !star && i < namespaces->count; i++)
		add(&adding, namespaces->words[i]);
	return adding.result;
}
