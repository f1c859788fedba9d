/*
 * The daemon's configuration: read at the start and, on SIGHUP, again; see daemon.h and daemon_part.h. Called by daemon.c
 * and nomad-dns-srv.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "watch/daemon_part.h"

#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

static void say(const struct daemon *daemon, int priority, const char *text)
{
	log_say(daemon->log, priority, text);
}

int daemon_configure(const struct daemon_options *options, struct config *config, char reason[CONFIG_REASON_MAX])
{
	const struct {
		const char *section, *key, *value;
	} settings[] = {
		{"nomad", "address", options->nomad},
		{"nomad", "namespace", options->namespace},
		{"dns", "listen", options->listen},
		{"daemon", "publish", options->publish},
	};
	struct config loaded;
	int result = config_load(options->config, &loaded, reason);

	if (result < 0)
		return result;
	for (size_t i = 0; i < sizeof settings / sizeof *settings && result == 0; i++)
		if (settings[i].value != NULL)
			result = config_set(&loaded, settings[i].section, settings[i].key, settings[i].value, reason);
	loaded.for_daemon = true;
	if (result < 0)
		config_done(&loaded);
	else
		*config = loaded;
	return result;
}

int daemon_new_watcher(struct daemon *daemon, const struct watcher_begin *begin)
{
	char reason[CONFIG_REASON_MAX] = "";
	struct watcher *watcher;
	int result = watcher_new(daemon->config, &daemon->outside, daemon->registry, daemon->catalogue, begin, &watcher,
	                         reason);

	if (reason[0] != '\0')
		say(daemon, result < 0 ? LOG_ERR : LOG_WARNING, reason);
	if (result == 0)
		daemon->watcher = watcher;
	return result;
}

/* What the configuration that is read says is not what holds. */
static void say_kept(void *context, const char *section, const char *key)
{
	char text[128];

	snprintf(text, sizeof text, "[%s] %s takes effect only at the next restart", section, key);
	say(context, LOG_WARNING, text);
}

/* Whether the catalogue holds the services of a namespace, if it has any. */
static bool follows(const struct config *config, const char *namespace)
{
	const struct words *namespaces = &config->namespaces;

	for (size_t i = 0; i < namespaces->count; i++)
		if (strcmp(namespaces->words[i], "*") == 0 || text_same(namespaces->words[i], namespace))
			return true;
	return false;
}

/* Where the watcher of a new configuration begins: of a new default namespace nobody can tell before it was read. */
static struct watcher_begin begin_again(const struct daemon *daemon, const struct config *old)
{
	struct watcher_state state;

	watcher_state(daemon->watcher, &state);
	if (!follows(old, config_default_namespace(daemon->config)))
		state.state = CATALOGUE_LOADING;
	return (struct watcher_begin){state.state, state.current_at, state.kept_since, daemon->options->check};
}

/* Files and DNS take over what has changed; at once, so that they agree. */
static void configure_answers(struct daemon *daemon)
{
	char reason[CONFIG_REASON_MAX];

	report_beat(daemon);
	if (daemon->dns != NULL && dns_server_configure(daemon->dns, daemon->config, reason) < 0)
		say(daemon, LOG_ERR, reason);
	publisher_configure(daemon->publisher, daemon->config);
}

void daemon_reload(struct daemon *daemon)
{
	char reason[CONFIG_REASON_MAX], text[CONFIG_REASON_MAX + 64];
	struct config *config = malloc(sizeof *config), *old = daemon->config;
	struct watcher *watcher = daemon->watcher;

	if (config == NULL || daemon_configure(daemon->options, config, reason) < 0) {
		snprintf(text, sizeof text, "reload failed, the previous configuration is kept: %s",
		         config == NULL ? "out of memory" : reason);
		say(daemon, LOG_ERR, text);
		free(config);
		return;
	}
	daemon->config = config;
	struct watcher_begin begin = begin_again(daemon, old);
	if (daemon_new_watcher(daemon, &begin) < 0) {
		daemon->config = old;
		config_done(config);
		free(config);
		return;
	}
	config_keep(config, old, say_kept, daemon);
	log_set_level(daemon->log, config->log_level);
	configure_answers(daemon);
	region_forget(&daemon->region);
	watcher_free(watcher);
	config_done(old);
	free(old);
	watcher_start(daemon->watcher);
	report_ask_region(daemon);
	say(daemon, LOG_NOTICE, "the configuration was read again");
}
