/*
 * nomad-lookup: what the module runs on a miss (--for-module), and what a person asks.
 * Exit status: 0 found, 2 no such name, 1 cannot tell or wrong usage.
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
#include "tool/for_module.h"
#include "tool/print.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum exit_status { EXIT_FOUND = 0, EXIT_CANNOT_TELL = 1, EXIT_NO_SUCH_NAME = 2 };

enum form { FORM_ADDRESSES, FORM_SRV, FORM_JSON, FORM_EXPLAIN };

struct options {
	enum form form;
	bool refresh;
	bool check;
	const char *config;
	const char *for_module; /* milliseconds that the lookup has taken already */
};

static const char usage[] =
	"usage: nomad-lookup [--srv | --json | --explain] [--refresh] [--config FILE] NAME...\n"
	"       nomad-lookup --check [--json] [--config FILE] [NAME]\n"
	"\n"
	"Looks up services of Nomad by name, the way every program of this host does:\n"
	"SERVICE.NAMESPACE.nomad, SERVICE.nomad, TAG.SERVICE.NAMESPACE.nomad, _SERVICE._tcp.NAMESPACE.nomad.\n"
	"\n"
	"  --srv           print PRIORITY WEIGHT PORT TARGET instead of ADDRESS NAME\n"
	"  --json          print all that is known of the instances, a JSON object a name\n"
	"  --explain       say what each step of the lookup found, where, how old it is, and what to do\n"
	"  --refresh       ask Nomad even where a file has the answer\n"
	"  --check         look at the whole set-up: say of each part that it is right, or what to do\n"
	"  --config FILE   read FILE instead of " CONFIG_FILE "\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 all were found, or nothing is wrong; 2 there is no such name; 1 cannot tell, or a fault.\n";

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
	result->kind = result->name.kind;
	if (result->kind != NAME_SERVICE) {
		result->verdict = result->kind == NAME_EMPTY ? VERDICT_NO_DATA : VERDICT_NO_NAME;
		return 0;
	}
	int error = ask_nomad(ask, text, -1, started, &record);
	if (error < 0)
		return error;
	result->trace[LOOKUP_ASKED].taken = true;
	result->verdict = record.verdict;
	result->ttl = record.ttl;
	if (record.verdict == VERDICT_FOUND)
		result->verdict = service_addresses(record.service, &result->name, &result->addresses, &result->count,
		                                    &result->unresolved);
	result->trace[LOOKUP_ASKED].verdict = result->verdict;
	result->record = record;
	return 0;
}

static void print_failure(const struct ask *ask, const char *text, const struct lookup_result *result)
{
	if (result->kind == NAME_FOREIGN)
		fprintf(stderr, "nomad-lookup: %s: not a name of Nomad's: it does not end in .nomad\n", text);
	else if (result->verdict == VERDICT_UNKNOWN)
		fprintf(stderr, "nomad-lookup: %s: cannot tell: %s\n", text,
		        ask->report.reason[0] != '\0' ? ask->report.reason
		                                      : "see nomad-lookup --explain for what each step found");
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
		fprintf(stderr, "nomad-lookup: %s: out of memory\n", text);
		return EXIT_CANNOT_TELL;
	}
	if (result.kind == NAME_FOREIGN)
		result.verdict = VERDICT_NO_NAME; /* of Nomad's; what the others say of it was not asked */
	status = exit_status_of(result.verdict);
	/* A name without an address may have ports to show, and the other way round. */
	if (options->form == FORM_SRV && print_srv(stdout, &result) > 0)
		status = EXIT_FOUND;
	else if (options->form == FORM_SRV && status == EXIT_FOUND)
		status = EXIT_NO_SUCH_NAME;
	else if (options->form == FORM_ADDRESSES)
		print_addresses(stdout, text, &result);
	else if (options->form == FORM_JSON)
		print_json(stdout, text, &result);
	if (status != EXIT_FOUND)
		print_failure(ask, text, &result);
	lookup_done(&result);
	return status;
}

/* The option letters stand for long options alone. */
static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
		{"srv", no_argument, NULL, 's'},          {"json", no_argument, NULL, 'j'},
		{"explain", no_argument, NULL, 'e'},      {"refresh", no_argument, NULL, 'r'},
		{"config", required_argument, NULL, 'c'}, {"for-module", required_argument, NULL, 'm'},
		{"check", no_argument, NULL, 'k'},
		{"help", no_argument, NULL, 'h'},         {"version", no_argument, NULL, 'v'},
		{0}};

	for (int letter; (letter = getopt_long(argc, argv, "", table, NULL)) != -1;) {
		switch (letter) {
		case 's': options->form = FORM_SRV; break;
		case 'j': options->form = FORM_JSON; break;
		case 'e': options->form = FORM_EXPLAIN; break;
		case 'r': options->refresh = true; break;
		case 'k': options->check = true; break;
		case 'c': options->config = optarg; break;
		case 'm': options->for_module = optarg; break;
		case 'h': fputs(usage, stdout); exit(EXIT_FOUND);
		case 'v': puts("nomad-lookup " VERSION); exit(EXIT_FOUND);
		default: fputs("Try 'nomad-lookup --help'.\n", stderr); return -EINVAL;
		}
	}
	if (optind == argc && !options->check) {
		fputs("nomad-lookup: which name? Try 'nomad-lookup --help'.\n", stderr);
		return -EINVAL;
	}
	return 0;
}

/* A person's lookups; the worst status of all names: a name that nobody can tell of outweighs one that is not there. */
static enum exit_status look_up_all(const struct options *options, const struct config *config, char **names)
{
	enum exit_status worst = EXIT_FOUND;
	struct lookup_places places;
	struct ask ask = {.config = config, .places = &places};

	lookup_places_init(&places);
	places.whole = true;
	for (; *names != NULL; names++) {
		enum exit_status status = look_up(options, &ask, *names);
		if (worst == EXIT_FOUND || status == EXIT_CANNOT_TELL)
			worst = status;
	}
	return worst;
}

int main(int argc, char **argv)
{
	struct options options = {.config = CONFIG_FILE};
	char reason[CONFIG_REASON_MAX];
	struct config config;

	umask(S_IRWXG | S_IRWXO); /* what is kept can be read again, whatever the mask was */
	/* Whoever may write no file (ulimit -f) keeps no answer, and is to have it all the same. */
	signal(SIGXFSZ, SIG_IGN);
	if (parse_options(argc, argv, &options) < 0)
		return EXIT_CANNOT_TELL;
	if (options.for_module != NULL)
		return for_module(options.config, options.for_module, argv[optind]) < 0 ? EXIT_CANNOT_TELL : EXIT_FOUND;
	if (options.check)
		return doctor_examine(stdout, options.config, argv[optind], options.form == FORM_JSON) ? EXIT_FOUND
		                                                                                       : EXIT_CANNOT_TELL;
	if (config_load(options.config, &config, reason) < 0) {
		fprintf(stderr, "nomad-lookup: %s\n", reason);
		return EXIT_CANNOT_TELL;
	}
	enum exit_status status = look_up_all(&options, &config, argv + optind);
	config_done(&config);
	if (fflush(stdout) != 0) {
		fprintf(stderr, "nomad-lookup: cannot write the answer: %s\n", strerror(errno));
		return EXIT_CANNOT_TELL;
	}
	return (int)status;
}
