/*
 * Explaining a lookup; see explain.h. Called by nomad-lookup --explain.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tool/explain.h"

#include "cache_write.h"
#include "deadline.h"
#include "helper.h"
#include "place.h"
#include "published.h"
#include "text.h"
#include "tool/namespaces.h"
#include "tool/surroundings.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One line: what it is about, in a column of its own, and what there is to say. */
__attribute__((format(printf, 3, 4))) static void say(FILE *out, const char *about, const char *format, ...)
{
	va_list arguments;

	fprintf(out, "  %-10s ", about);
	va_start(arguments, format);
	vfprintf(out, format, arguments);
	va_end(arguments);
	fputc('\n', out);
}

static const char *word_for(enum verdict verdict)
{
	static const char *const words[] = {
		[VERDICT_UNKNOWN] = "cannot tell",
		[VERDICT_FOUND] = "found",
		[VERDICT_NO_DATA] = "the name exists, and holds no address",
		[VERDICT_NO_NAME] = "no such name",
	};

	return words[verdict];
}

/* The other reading of a name that may lack its namespace. */
static void say_other(FILE *out, const struct name *name, const char *usual, bool namespace_wrong)
{
	if (!name->maybe_service)
		return;
	if (namespace_wrong)
		say(out, "", "or, where there is no namespace %s, a service of that name: in which namespace, NOMAD_NAMESPACE does not say",
		    name->key.namespace);
	else
		say(out, "", "or, where there is no namespace %s: service %s, namespace %s (the default one)", name->key.namespace,
		    name->key.namespace, usual);
}

static void say_name(FILE *out, const struct lookup_result *result, const struct ask *ask, const char *text)
{
	const struct config *config = ask->config;
	const char *usual = ask_default_namespace(ask);
	struct name name;

	name_parse(text, config->reading, &name);
	if (result->kind == NAME_FOREIGN)
		say(out, "name", "does not end in .nomad: the module leaves it to the others on the hosts line");
	else if (result->kind == NAME_NOWHERE)
		say(out, "name", "ends in .nomad, but has no form that names a service: SERVICE.NAMESPACE.nomad is one");
	else if (result->kind == NAME_EMPTY)
		say(out, "name", "stands above all services; it exists and holds nothing");
	if (name.kind != NAME_SERVICE)
		return;
	say(out, "name", "service %s, namespace %s%s", name.key.service, name.bare ? usual : name.key.namespace,
	    name.bare ? " (the default one)" : "");
	say_other(out, &name, usual, ask->places->namespace_wrong);
	if (name.select == SELECT_NOTHING)
		say(out, "", "the name stands above the service's own and holds nothing");
	else if (name.select != SELECT_ALL)
		say(out, "", "of its instances, those that \"%s\" selects: by %stag", name.selector,
		    name.select == SELECT_LABEL ? "address, allocation or " : "");
}

static void say_environment(FILE *out, const struct lookup_places *places)
{
	struct surroundings list[SURROUNDINGS_MAX];
	size_t count = surroundings_list(places, list);

	for (size_t i = 0; i < count; i++)
		say(out, "environment", "%s", list[i].text);
}

/* Whether there is a file for the service, of whatever content. */
static bool is_published(const struct lookup_places *places, const struct name *name)
{
	char path[PLACE_MAX];

	place_of("", name, "", stpcpy(stpcpy(path, places->published), "/" PUBLISHED_SERVICES "/"));
	return access(path, F_OK) == 0;
}

/* The daemon lives, has no such record, and that proves nothing. */
static void say_not_published(FILE *out, const struct lookup_places *places)
{
	if (published_heartbeat(places->published) == PUBLISHED_NOT_CURRENT)
		say(out, "published", "the daemon has no such service, and is not current: it has lost Nomad, or has just begun; see "
		    "nomad-dns-srv --status");
	else
		say(out, "published", "the daemon has no such service, and cannot tell that there is none: it does not follow the "
		    "namespace, or %s/" PUBLISHED_SERVICES " was changed by somebody else, or cannot be read", places->published);
}

static void say_published(FILE *out, const struct lookup_places *places, const struct lookup_result *result)
{
	const struct lookup_trace *trace = &result->trace[LOOKUP_PUBLISHED];
	const struct name *name = &result->name;

	if (places->published == NULL)
		return;
	int64_t age = published_heartbeat_age(places->published);
	if (trace->taken && trace->verdict != VERDICT_UNKNOWN)
		say(out, "published", "%s, by the daemon's files in %s", word_for(trace->verdict), places->published);
	else if (age == -ENOENT - 1)
		say(out, "published", "no daemon: there is no %s/" PUBLISHED_ALIVE "; that is fine, nomad-dns-srv is an extra",
		    places->published);
	else if (age < -1)
		say(out, "published", "cannot look at %s/" PUBLISHED_ALIVE ": %s", places->published, strerror((int)(-age - 1)));
	else if (age == -1)
		say(out, "published", "the heartbeat %s/" PUBLISHED_ALIVE " is from the future: check this host's clock",
		    places->published);
	else if (age >= PUBLISHED_DEAD_AFTER * 1000)
		say(out, "published", "the daemon's heartbeat is %.1f s old, over %d: it is dead, or has lost Nomad for too long; "
		    "see its log", (double)age / 1000, PUBLISHED_DEAD_AFTER);
	else if (published_heartbeat(places->published) == PUBLISHED_DEAD)
		say(out, "published", "the heartbeat %s/" PUBLISHED_ALIVE " is of a layout that this program does not know: install "
		    "the same version of all packages, and restart nomad-dns-srv", places->published);
	else if (trace->ttl == 0 && !is_published(places, name))
		say_not_published(out, places);
	else if (trace->ttl > 0)
		say(out, "published", "the daemon has the service, and does not know where it is: its address is a host name that "
		    "does not resolve, or Nomad has not told yet; see nomad-dns-srv --status");
	else
		say(out, "published", "the daemon lives, but its record is damaged, or not its own: see %s/" PUBLISHED_SERVICES,
		    places->published);
}

static void say_lock(FILE *out, const struct cache *cache, const struct name *name)
{
	char path[PLACE_MAX];

	cache_lock_path(cache, name, path);
	say(out, "", "another process was asking Nomad for it, and had no answer in time: it holds %s", path);
}

static void say_failure(FILE *out, const struct cache *cache, const struct name *name)
{
	char reason[CACHE_REASON_MAX];
	int64_t age;

	if (cache_failure(cache, name, reason, &age) < 0)
		return;
	say(out, "", "asking Nomad failed %.1f s ago: %s", (double)age / 1000, reason);
	if (age >= 0 && age < CACHE_FAILED_FOR)
		say(out, "", "so nobody asks again for %.1f s", (double)(CACHE_FAILED_FOR - age) / 1000);
}

static const char *state_of_kept(const struct lookup_trace *trace)
{
	if (trace->verdict != VERDICT_UNKNOWN)
		return word_for(trace->verdict);
	if (trace->age >= 0)
		return "expired";
	switch (trace->error) {
	case 0:
		return "from the future, so it is not believed";
	case -ENOENT:
		return "nothing kept";
	case -EBADMSG:
		return "damaged, so it is not believed";
	case -EPERM:
		return "not yours alone, so it is not believed; remove it";
	default:
		return strerror(-trace->error);
	}
}

static void say_cached(FILE *out, const struct ask *ask, const char *text, const struct lookup_result *result)
{
	const struct lookup_trace *trace = &result->trace[LOOKUP_CACHED];
	struct cache cache;
	struct name name;

	if (!trace->taken)
		return;
	cache_init(&cache, ask->places->cache, ask->places->run, ask->places->cluster, &ask->places->origin);
	int error = cache_choose(&cache, false);
	if (error < 0) {
		say(out, "cache", "%s: %s", cache.folders[0],
		    error == -EPERM ? "it, or the directory that it is in, is not yours alone, so it is not believed; remove that, or let "
		                      "root remove it" : strerror(-error));
		return;
	}
	char path[PLACE_MAX];
	name_parse(text, ask->config->reading, &name);
	name_set_namespace(&name, ask->places->namespace);
	place_of("", &name, "", path);
	say(out, "cache", "%s: %s/%s", state_of_kept(trace), cache.folders[cache.chosen], path);
	if (trace->age >= 0)
		say(out, "", "%.1f s old, fresh for %u s", (double)trace->age / 1000, trace->ttl);
	if (result->trace[LOOKUP_ASKED].error == -EAGAIN)
		say_failure(out, &cache, &name);
	if (result->trace[LOOKUP_ASKED].error == -ETIMEDOUT)
		say_lock(out, &cache, &name);
}

/* A name that is not there may be in a namespace that is not there. */
static void say_namespaces(FILE *out, const struct ask *ask, const struct lookup_result *result)
{
	const struct service_key *key = &result->name.key;
	char reason[CONFIG_REASON_MAX], others[NAMESPACES_TEXT_MAX];
	struct agent agent;

	if (result->verdict != VERDICT_NO_NAME || name_in_default_namespace(key) ||
	    agent_init(ask->config, &agent, reason) < 0)
		return;
	if (namespaces_lack(&agent, key->namespace, deadline_now() + ask->config->timeout, others)) {
		text_tame(others);
		say(out, "", "there is no namespace %s; there are: %s", key->namespace, others);
	}
	agent_done(&agent);
}

/* What Nomad says; asked now if the lookup did not. */
static void say_asked(FILE *out, struct ask *ask, const char *text, const struct lookup_result *result)
{
	bool asked = ask->report.count > 0 || ask->report.reason[0] != '\0';

	if (!asked) {
		struct record record = {0};
		struct lookup_question question = {.text = text, .origin = &ask->places->origin, .started = deadline_now()};
		if (ask_nomad(ask, &question, &record) == 0)
			record_done(&record);
	}
	for (size_t i = 0; i < ask->report.count; i++)
		say(out, i == 0 ? "Nomad" : "", "%s%s", ask->report.lines[i],
		    i == 0 && !asked ? " (asked just now; the lookup itself did not ask)" : "");
	if (ask->report.reason[0] != '\0')
		say(out, "", "%s", ask->report.reason);
	if (ask->unkept < 0)
		say(out, "", "the answer could not be kept: %s", strerror(-ask->unkept));
	if (result->trace[LOOKUP_STALE].taken && result->trace[LOOKUP_STALE].verdict == VERDICT_FOUND)
		say(out, "stale", "Nomad did not say, so the expired record serves, for max-stale %u s", ask->config->max_stale);
}

/* Of the families that it has no address of, those in which it may have one. */
static void say_missing(FILE *out, const struct lookup_result *result)
{
	static const struct {
		int family;
		const char *name;
	} families[] = {{AF_INET, "IPv4"}, {AF_INET6, "IPv6"}};

	for (size_t i = 0; i < sizeof families / sizeof *families; i++)
		if (result->verdict == VERDICT_FOUND && lookup_verdict_for(result, families[i].family) == VERDICT_UNKNOWN)
			say(out, "", "whether it has an %s address nobody can tell now: programs that ask for those alone see a temporary failure",
			    families[i].name);
}

/* What the module meets when it runs this program, from inside a process such as this one. */
static void say_module(FILE *out)
{
	int error = helper_try(&(struct helper){.program = HELPER_PROGRAM});

	if (error == 0)
		return;
	say(out, "module", "cannot run " HELPER_PROGRAM " from inside a program such as this one: %s", strerror(-error));
	if (error == -EPERM)
		say(out, "", "it and the directories on the way to it must be root's, and nobody else may write them; or a filter "
		    "(seccomp) forbids it");
	else if (error == -EINVAL || error == -ENOSYS || error == -EAGAIN)
		say(out, "", "an emulator (qemu-user) or a filter does not let it be started as it has to be");
	say(out, "", "so programs here have what nomad-dns-srv publishes and what is kept already, and nothing else; run that, or "
	    "put its files into this container");
}

static void say_addresses(FILE *out, const struct lookup_result *result)
{
	char text[INET6_ADDRSTRLEN];

	say(out, "answer", "%s", word_for(result->verdict));
	for (size_t i = 0; i < result->count; i++)
		say(out, "", "%s", inet_ntop(result->addresses[i].family, result->addresses[i].octets, text, sizeof text));
	say_missing(out, result);
	if (result->verdict == VERDICT_UNKNOWN)
		say(out, "", "programs see a temporary failure (EAI_AGAIN), never \"no such name\"");
}

enum verdict explain_lookup(FILE *out, struct ask *ask, const char *text)
{
	struct lookup_result result;
	enum verdict verdict;

	lookup_run(text, ask->places, ask_nomad, ask, &result);
	fprintf(out, "%s\n", text);
	say_name(out, &result, ask, text);
	if (result.kind == NAME_SERVICE) {
		say_environment(out, ask->places);
		say_published(out, ask->places, &result);
		say_cached(out, ask, text, &result);
		say_asked(out, ask, text, &result);
		say_namespaces(out, ask, &result);
		say_module(out);
	}
	verdict = result.kind == NAME_FOREIGN ? VERDICT_NO_NAME : result.verdict;
	if (result.kind != NAME_FOREIGN)
		say_addresses(out, &result);
	lookup_done(&result);
	return verdict;
}
