/*
 * nomad-lookup: what the module runs on a miss (--for-module), and what a person asks.
 * Exit status: 0 found, 2 no such name, 1 cannot tell, 64 wrong usage.
 *
 * SPDX-License-Identifier: MIT
 */
#include "config.h"
#include "deadline.h"
#include "helper.h"
#include "lookup.h"
#include "tool/ask.h"
#include "tool/doctor.h"
#include "tool/explain.h"
#include "tool/follow_names.h"
#include "tool/for_module.h"
#include "tool/hint.h"
#include "tool/list.h"
#include "tool/options.h"
#include "tool/print.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum exit_status { EXIT_FOUND = 0, EXIT_CANNOT_TELL = 1, EXIT_NO_SUCH_NAME = 2, EXIT_WRONG_USAGE = OPTIONS_WRONG };

static enum exit_status exit_status_of(enum verdict verdict)
{
	static const enum exit_status statuses[] = {
		[VERDICT_UNKNOWN] = EXIT_CANNOT_TELL,
		[VERDICT_FOUND] = EXIT_FOUND,
		[VERDICT_NO_DATA] = EXIT_NO_SUCH_NAME,
		[VERDICT_NO_NAME] = EXIT_NO_SUCH_NAME,
	};

	return statuses[verdict];
}

/* Refreshing leaves out every file: nothing is published, and what is cached is taken from nobody. */
static int look_up_afresh(struct ask *ask, const char *text, struct lookup_result *result)
{
	struct record record;
	int64_t started = deadline_now();

	*result = (struct lookup_result){0};
	name_parse(text, ask->config->reading, &result->name);
	name_set_namespace(&result->name, ask->places->namespace_wrong ? NULL : ask->places->namespace);
	result->kind = result->name.kind;
	if (result->kind != NAME_SERVICE) {
		result->verdict = result->kind == NAME_EMPTY ? VERDICT_NO_DATA : VERDICT_NO_NAME;
		return 0;
	}
	int error = ask_nomad(ask, &(struct lookup_question){.text = text, .origin = &ask->places->origin, .started = started},
	                      &record);
	if (error < 0)
		return error;
	result->trace[LOOKUP_ASKED].taken = true;
	if (result->name.maybe_service && !record_is_of(&record, &result->name))
		name_as_service(&result->name, &result->name);
	result->verdict = record.verdict;
	result->ttl = record.ttl;
	if (record.verdict == VERDICT_FOUND)
		result->verdict = service_addresses(record.service, &result->name, &result->addresses, &result->count,
		                                    &result->unresolved);
	result->trace[LOOKUP_ASKED].verdict = result->verdict;
	result->record = record;
	return 0;
}

/* Prints what there is, in the form that is wanted; whether that is anything. */
static bool print_result(const struct options *options, const char *text, const struct lookup_result *result)
{
	if (options->json) {
		print_json(stdout, text, result);
		return result->verdict == VERDICT_FOUND;
	}
	/* A name without an address may have ports to show, and the other way round. */
	if (options->form == FORM_SRV)
		return print_srv(stdout, result) > 0;
	if (options->form == FORM_PORTS)
		return print_all_ports(stdout, result) > 0;
	print_addresses(stdout, text, result);
	return result->verdict == VERDICT_FOUND;
}

static enum exit_status look_up(const struct options *options, struct ask *ask, const char *text)
{
	struct lookup_result result;
	enum exit_status status;

	ask->report = (struct fetch_report){0};
	if (options->form == FORM_EXPLAIN)
		return exit_status_of(explain_lookup(stdout, ask, text));
	if (!options->refresh)
		lookup_run(text, ask->places, ask_nomad, ask, &result);
	else if (look_up_afresh(ask, text, &result) < 0) {
		fprintf(stderr, "nomad-lookup: %s: cannot tell: %s\n", text,
		        ask->places->namespace_wrong ? "which namespace is meant, NOMAD_NAMESPACE does not say" : "out of memory");
		return EXIT_CANNOT_TELL;
	}
	if (result.kind == NAME_FOREIGN)
		result.verdict = VERDICT_NO_NAME; /* of Nomad's; what the others say of it was not asked */
	status = exit_status_of(result.verdict);
	if (print_result(options, text, &result))
		status = EXIT_FOUND;
	else if (status == EXIT_FOUND)
		status = EXIT_NO_SUCH_NAME;
	if (status != EXIT_FOUND && result.verdict == VERDICT_FOUND)
		fprintf(stderr, "nomad-lookup: %s: no instance of it has a port\n", text);
	else if (status != EXIT_FOUND)
		hint_say(stderr, ask, text, &result);
	lookup_done(&result);
	return status;
}

/* What is asked for may be an address: then the names at it are wanted. */
static enum exit_status answer(const struct options *options, struct ask *ask, const char *text)
{
	struct address address;

	if (options->form != FORM_ADDRESSES || options->json || !address_parse(text, &address))
		return look_up(options, ask, text);
	enum verdict verdict = list_at_address(stdout, ask, &address, text);
	if (verdict != VERDICT_FOUND)
		fprintf(stderr, "nomad-lookup: %s: %s%s\n", text,
		        verdict == VERDICT_NO_NAME ? "no service has an instance at this address" : "cannot tell: ",
		        verdict == VERDICT_NO_NAME ? "" : ask->report.reason);
	return exit_status_of(verdict);
}

/* A person's lookups; the worst status of all names: a name that nobody can tell of outweighs one that is not there. */
static enum exit_status look_up_all(const struct options *options, struct ask *ask)
{
	enum exit_status worst = EXIT_FOUND;

	if (ask->places->namespace_wrong)
		fputs("nomad-lookup: NOMAD_NAMESPACE is not a namespace that a name can give: names that give none cannot be looked "
		      "up; unset it, or correct it\n", stderr);
	for (char **name = options->names; *name != NULL; name++) {
		enum exit_status status = answer(options, ask, *name);
		if (worst == EXIT_FOUND || status == EXIT_CANNOT_TELL)
			worst = status;
	}
	return worst;
}

static enum exit_status list(const struct options *options, struct ask *ask)
{
	enum verdict verdict = list_services(stdout, ask, *options->names, options->json);

	if (verdict == VERDICT_UNKNOWN)
		fprintf(stderr, "nomad-lookup: cannot list the services: %s\n", ask->report.reason);
	else if (verdict == VERDICT_NO_NAME)
		fprintf(stderr, "nomad-lookup: there are no services%s%s\n", *options->names == NULL ? "" : " in namespace ",
		        *options->names == NULL ? "" : *options->names);
	return exit_status_of(verdict);
}

static enum exit_status run(const struct options *options, const struct config *config)
{
	struct lookup_places places;
	struct ask ask = {.config = config, .places = &places};

	lookup_places_init(&places);
	origin_set_network(&places.origin);
	origin_set_unit(&places.origin);
	places.whole = true;
	if (options->action == ACTION_LIST)
		return list(options, &ask);
	if (options->action == ACTION_WATCH) {
		int result = follow_names(stdout, &ask, options->names, options->json);
		fprintf(stderr, "nomad-lookup: the watch ended: %s\n", strerror(-result));
		return EXIT_CANNOT_TELL;
	}
	return look_up_all(options, &ask);
}

int main(int argc, char **argv)
{
	char reason[CONFIG_REASON_MAX];
	struct options options;
	struct config config;

	umask(S_IRWXG | S_IRWXO); /* what is kept can be read again, whatever the mask was */
	signal(SIGXFSZ, SIG_IGN); /* under `ulimit -f` no answer can be kept, and it is printed all the same */
	if (options_parse(argc, argv, &options) < 0)
		return EXIT_WRONG_USAGE;
	if (options.action == ACTION_END)
		return EXIT_FOUND;
	if (options.action == ACTION_FOR_MODULE)
		return for_module(options.config, options.for_module, options.origin, *options.names) < 0 ? EXIT_CANNOT_TELL
		                                                                                       : EXIT_FOUND;
	if (options.action == ACTION_CHECK)
		return doctor_examine(stdout, options.config, *options.names, options.json) ? EXIT_FOUND : EXIT_CANNOT_TELL;
	if (config_load(options.config, &config, reason) < 0) {
		fprintf(stderr, "nomad-lookup: %s\n", reason);
		return EXIT_CANNOT_TELL;
	}
	enum exit_status status = run(&options, &config);
	config_done(&config);
	if (fflush(stdout) != 0) {
		fprintf(stderr, "nomad-lookup: cannot write the answer: %s\n", strerror(errno));
		return EXIT_CANNOT_TELL;
	}
	return (int)status;
}
