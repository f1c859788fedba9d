/*
 * One service read from Nomad; see fetch.h. Called by tool/ask.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "nomad/fetch_part.h"

#include "deadline.h"
#include "nomad/agent.h"
#include "nomad/hosts.h"
#include "nomad/registrations.h"
#include "noun.h"
#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A service under one spelling, as Nomad told it. */
struct reading {
	char *namespace;
	char *service;
	struct registrations registrations;
};

/* A fetch under way. */
struct fetch {
	const struct config *config;
	const struct name *name;
	const char *namespace; /* the one that is asked for, the default put in */
	int64_t deadline;
	struct agent agent;
	struct fetch_report *report;
	size_t count;
	struct reading readings[FETCH_SPELLINGS_MAX];
	bool complete;         /* every spelling was looked for */
	bool partial;          /* not all that was said of the service could be understood, or taken */
	bool namespace_exists; /* there is one of the service's name */
	bool namespace_seen;   /* there is the one that is asked for */
	bool denied;           /* an answer was refused: what it would have said nobody can tell */
};

/* What Nomad said is quoted, and goes to somebody's terminal: no control character gets there. */
__attribute__((format(printf, 2, 3))) static void tell(struct fetch_report *report, const char *format, ...)
{
	va_list arguments;

	if (report->count == FETCH_LINES_MAX)
		return;
	char *line = report->lines[report->count++];
	va_start(arguments, format);
	vsnprintf(line, FETCH_LINE_MAX, format, arguments);
	va_end(arguments);
	text_tame(line);
}

/* One request; true where its answer is to be believed, otherwise the report says why not. */
static bool get(struct fetch *fetch, const char *prefix, const char *service, const char *namespace,
                struct agent_answer *answer)
{
	char *path = agent_path(prefix, service, namespace);
	int64_t started = deadline_now();

	*answer = (struct agent_answer){0};
	if (path == NULL) {
		snprintf(fetch->report->reason, sizeof fetch->report->reason, "out of memory");
		fetch->report->is_own = true;
		return false;
	}
	enum agent_result result = agent_get(&fetch->agent, path, fetch->deadline, answer);
	if (answer->status != 0)
		tell(fetch->report, "%s: GET %s: %ld, index %llu, %zu octets in %lld ms: %s", answer->name, path, answer->status,
		     (unsigned long long)answer->index, answer->size, (long long)(deadline_now() - started),
		     agent_result_text(result));
	else
		tell(fetch->report, "%s: GET %s: no answer in %lld ms: %s", answer->name, path,
		     (long long)(deadline_now() - started), agent_result_text(result));
	free(path);
	if (result == AGENT_BELIEVED)
		return true;
	fetch->denied = fetch->denied || result == AGENT_DENIED;
	fetch->report->concerns_service = result == AGENT_DENIED || result == AGENT_TOO_LARGE;
	fetch->report->is_own = answer->is_own;
	snprintf(fetch->report->reason, sizeof fetch->report->reason, "%s", answer->reason);
	return false;
}

static bool unreadable(struct fetch *fetch, int error)
{
	char address[AGENT_NAME_MAX];

	agent_name(&fetch->agent, address);
	fetch->report->concerns_service = true;
	snprintf(fetch->report->reason, sizeof fetch->report->reason,
	         "%s sent an answer that cannot be read (%s); is that a Nomad agent?", address, strerror(-error));
	return false;
}

/* Reads the service under one spelling. False where Nomad did not say; where it has none, nothing is added. */
static bool read_spelling(struct fetch *fetch, const char *namespace, const char *service)
{
	struct reading *reading = &fetch->readings[fetch->count];
	struct agent_answer answer;
	bool believed = get(fetch, "/v1/service/", service, namespace, &answer);

	if (believed) {
		int result = registrations_parse(answer.body == NULL ? "" : answer.body, answer.size,
		                                 &reading->registrations);
		if (result == 0)
			registrations_keep(&reading->registrations, namespace, service);
		if (result == 0 && reading->registrations.skipped > 0) {
			tell(fetch->report, "left out: %zu %s not a registration of the service",
			     reading->registrations.skipped,
			     noun(reading->registrations.skipped, "element that is", "elements each of which is"));
			fetch->partial = true;
		}
		/* An empty list says that there is no such service; one with nothing but junk in it says nothing. */
		if (result == 0 && reading->registrations.count == 0 && reading->registrations.skipped > 0) {
			registrations_done(&reading->registrations);
			result = -EBADMSG;
		}
		if (result < 0)
			believed = unreadable(fetch, result);
	}
	agent_answer_done(&answer);
	if (!believed || reading->registrations.count == 0) {
		if (believed)
			registrations_done(&reading->registrations);
		return believed;
	}
	reading->namespace = strdup(namespace);
	reading->service = strdup(service);
	fetch->count++;
	return reading->namespace != NULL && reading->service != NULL;
}

/* Whether a service of the list is the one that is asked for but for its case. */
static bool is_asked_for(const struct fetch *fetch, const struct listed_service *listed)
{
	return text_same(listed->service, fetch->name->key.service) &&
	       text_same(listed->namespace, fetch->namespace) &&
	       (strcmp(listed->service, fetch->name->key.service) != 0 ||
	        strcmp(listed->namespace, fetch->namespace) != 0);
}

static bool read_listed(struct fetch *fetch, const struct service_list *names)
{
	fetch->complete = true;
	for (size_t i = 0; i < names->count; i++) {
		const struct listed_service *listed = &names->items[i];
		if (fetch->name->bare && text_same(listed->namespace, fetch->name->key.service))
			fetch->namespace_exists = true;
		fetch->namespace_seen = fetch->namespace_seen || text_same(listed->namespace, fetch->namespace);
		if (!is_asked_for(fetch, listed))
			continue;
		if (fetch->count == FETCH_SPELLINGS_MAX) {
			fetch->partial = true;
			fetch->complete = false; /* a name that spells the one left out so has to be asked for by itself */
		} else if (!read_spelling(fetch, listed->namespace, listed->service)) {
			return false;
		}
	}
	return true;
}

/* Reads the list of a namespace, or of all, and what it has of the service. */
static bool read_list_of(struct fetch *fetch, const char *namespace, size_t *count, enum agent_result *said)
{
	struct service_list names = {0};
	struct agent_answer answer;
	bool believed = get(fetch, "/v1/services", NULL, namespace, &answer);

	*said = answer.result;
	if (believed) {
		int result = service_list_parse(answer.body == NULL ? "" : answer.body, answer.size, &names);
		/* Of a list that is understood in part alone, the service may be in the rest. */
		if (result == 0 && names.skipped > 0)
			result = -EBADMSG;
		*count = names.count;
		believed = result == 0 ? read_listed(fetch, &names) : unreadable(fetch, result);
	}
	service_list_done(&names);
	agent_answer_done(&answer);
	return believed;
}

/* Whether a namespace is there, spelled so: Nomad's own always is, and the configuration says so of its own. */
static bool is_certain(const struct fetch *fetch)
{
	return name_in_default_namespace(&fetch->name->key) || text_same(fetch->namespace, "default");
}

/*
 * For a token that may not list all namespaces, such as a task's own: the list of the one that is asked for, as it is
 * written and in lower case. Where that is empty Nomad may spell the namespace otherwise: then nobody can tell.
 */
static bool read_list_of_one(struct fetch *fetch)
{
	char lowered[NAME_LABEL_MAX + 1];
	enum agent_result said;
	size_t count = 0;

	text_lower(fetch->namespace, lowered);
	bool believed = read_list_of(fetch, fetch->namespace, &count, &said);
	if (believed && count == 0 && strcmp(lowered, fetch->namespace) != 0)
		believed = read_list_of(fetch, lowered, &count, &said);
	fetch->complete = false;
	if (!believed || count > 0 || fetch->count > 0 || is_certain(fetch))
		return believed;
	fetch->report->concerns_service = true;
	snprintf(fetch->report->reason, sizeof fetch->report->reason,
	         "the token may not list all namespaces, and sees no service in \"%s\", which may be spelled otherwise; give it the "
	         "capability read-job", fetch->namespace);
	return false;
}

/* Looks for other spellings, and for a namespace of that name. */
static bool read_list(struct fetch *fetch)
{
	enum agent_result said;
	size_t count;

	bool believed = read_list_of(fetch, "*", &count, &said);
	if (believed || (said != AGENT_UNBELIEVABLE && said != AGENT_DENIED))
		return believed;
	fetch->report->reason[0] = '\0';
	fetch->report->concerns_service = false;
	return read_list_of_one(fetch);
}

/* One request where the name is in lower case and there is such a service; otherwise the list is asked as well. */
static bool read_service(struct fetch *fetch)
{
	const struct service_key *key = &fetch->name->key;
	bool mixed = text_has_upper(key->service) || text_has_upper(key->namespace);

	if (!read_spelling(fetch, fetch->namespace, key->service))
		return false;
	return (fetch->count > 0 && !mixed) || read_list(fetch);
}

static size_t count_registrations(const struct fetch *fetch)
{
	size_t count = 0;

	for (size_t i = 0; i < fetch->count; i++)
		count += fetch->readings[i].registrations.count;
	return count;
}

/* Turns what was read into instances, a range for each spelling. How many. */
static size_t make_instances(struct fetch *fetch, struct spelling *spellings, struct instance *instances,
                             struct address *addresses)
{
	size_t count = 0;

	for (size_t i = 0; i < fetch->count; i++) {
		const struct reading *reading = &fetch->readings[i];
		spellings[i] = (struct spelling){.namespace = reading->namespace, .service = reading->service, .first = count};
		for (size_t j = 0; j < reading->registrations.count; j++) {
			const struct registration *registration = &reading->registrations.items[j];
			const char *reason;
			if (registration_instance(registration, &addresses[count], &instances[count], &reason))
				count++;
			else
				tell(fetch->report, "left out: instance %s, its address \"%.60s\" %s", registration->id,
				     registration->address, reason);
		}
		spellings[i].count = count - spellings[i].first;
	}
	return count;
}

/* The service of all that was read, its host names resolved, some in vain (`unknown`); NULL without memory. */
static struct service *make_service(struct fetch *fetch, size_t *unknown)
{
	size_t room = count_registrations(fetch);
	struct spelling spellings[FETCH_SPELLINGS_MAX];
	struct instance *instances = calloc(room + 1, sizeof *instances);
	struct address *addresses = calloc(room + 1, sizeof *addresses), *resolved = NULL;
	struct service *service = NULL;

	if (instances == NULL || addresses == NULL)
		goto done;
	size_t count = make_instances(fetch, spellings, instances, addresses);
	if (hosts_resolve(instances, count, fetch->deadline, unknown, &resolved) < 0)
		goto done;
	service = service_copy(&(struct service){.spelling_count = fetch->count,
	                                         .spellings = spellings,
	                                         .instance_count = count,
	                                         .instances = instances,
	                                         .partial = fetch->partial});
done:
	free(resolved);
	free(addresses);
	free(instances);
	return service;
}

/* A service that is nowhere but at host names that this host cannot resolve now may have an address all the same. */
static void say_unresolved(struct fetch *fetch, const struct service *service)
{
	for (size_t i = 0; i < service->instance_count; i++)
		if (service->instances[i].host != NULL)
			snprintf(fetch->report->reason, sizeof fetch->report->reason,
			         "its address is the name of a host, %s, which could not be resolved; check this host's DNS",
			         service->instances[i].host);
	fetch->report->concerns_service = true;
}

/* Those that could not be resolved, where others could. */
static void tell_unresolved(struct fetch *fetch, const struct service *service)
{
	static const char *const families[] = {
		[FAMILY_IPV4] = "IPv4 addresses", [FAMILY_IPV6] = "IPv6 addresses", [FAMILY_ANY] = "addresses"};

	for (size_t i = 0; i < service->instance_count; i++)
		if (service->instances[i].unresolved != 0)
			tell(fetch->report, "the name of a host, %.300s, could not be resolved to %s; check this host's DNS",
			     service->instances[i].host, families[service->instances[i].unresolved]);
}

/* The verdict on what was read, and the record's times. */
static int make_record(struct fetch *fetch, struct record *record)
{
	size_t unknown;

	record->complete = fetch->complete;
	record->max_stale = fetch->config->max_stale;
	record->ttl = fetch->config->negative_ttl;
	if (fetch->count == 0) {
		record->verdict = fetch->namespace_exists ? VERDICT_NO_DATA : VERDICT_NO_NAME;
		return 0;
	}
	struct service *service = make_service(fetch, &unknown);
	if (service == NULL)
		return -ENOMEM;
	if (service->address_count == 0 && unknown > 0) {
		say_unresolved(fetch, service);
		free(service);
		return 0;
	}
	tell_unresolved(fetch, service);
	record->verdict = VERDICT_FOUND;
	record->ttl = unknown > 0 ? fetch->config->negative_ttl : fetch->config->ttl; /* a part of it, for now */
	record->service = service;
	return 0;
}

/* Whether it is the default namespace, or another that the settings name: those are there also while they are empty. */
static bool is_configured(const struct config *config, const char *namespace)
{
	for (size_t i = 0; i < config->namespaces.count; i++)
		if (text_same(config->namespaces.words[i], namespace))
			return true;
	return text_same(config_default_namespace(config), namespace);
}

int fetch_reading(const struct config *config, const struct name *name, int64_t deadline, struct fetched *fetched,
                  struct fetch_report *report)
{
	struct fetch fetch = {.config = config, .name = name, .deadline = deadline, .report = report};
	struct record *record = &fetched->record;
	char reason[CONFIG_REASON_MAX];
	int result = 0;

	*fetched = (struct fetched){.record.key = name->key};
	fetch.namespace = name->key.namespace;
	if (name_in_default_namespace(&name->key)) {
		fetch.namespace = config_default_namespace(config);
		snprintf(record->key.namespace, sizeof record->key.namespace, "%s", fetch.namespace);
	}
	fetch.namespace_exists = name->bare && text_same(fetch.namespace, name->key.service); /* empty or not, as for DNS */
	fetch.namespace_seen = is_configured(config, fetch.namespace);
	if (agent_init(config, &fetch.agent, reason) < 0) {
		snprintf(report->reason, sizeof report->reason, "%s", reason);
		report->is_own = true;
		return 0;
	}
	if (reason[0] != '\0')
		tell(report, "warning: %s", reason);
	if (read_service(&fetch))
		result = make_record(&fetch, record);
	for (size_t i = 0; i < fetch.count; i++) {
		free(fetch.readings[i].namespace);
		free(fetch.readings[i].service);
		registrations_done(&fetch.readings[i].registrations);
	}
	agent_done(&fetch.agent);
	fetched->namespace_seen = fetch.namespace_seen || fetch.count > 0;
	fetched->denied = fetch.denied;
	return result;
}
