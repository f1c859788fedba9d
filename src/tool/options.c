/*
 * The command line of nomad-lookup; see options.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tool/options.h"

#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] =
	"usage: nomad-lookup [--srv | --ports | --json | --explain] [--refresh] NAME...\n"
	"       nomad-lookup ADDRESS...\n"
	"       nomad-lookup --list [--json] [NAMESPACE]\n"
	"       nomad-lookup --watch [--json] NAME...\n"
	"       nomad-lookup --check [--json] [NAME]\n"
	"\n"
	"Looks up services of Nomad by name, as every program on this host does: SERVICE.NAMESPACE.nomad, SERVICE.nomad,\n"
	"TAG.SERVICE.NAMESPACE.nomad, _SERVICE._tcp.NAMESPACE.nomad. For an address it prints the names at it.\n"
	"\n"
	"  -s, --srv          print PRIORITY WEIGHT PORT TARGET instead of ADDRESS NAME\n"
	"  -p, --ports        print ADDRESS:PORT, one instance a line\n"
	"  -j, --json         print all that is known, one JSON object a line\n"
	"  -e, --explain      say what each step of the lookup found, where, how old it is, and what to do\n"
	"  -r, --refresh      ask Nomad even where a file has the answer\n"
	"  -l, --list         list the services, of one namespace or of all\n"
	"  -w, --watch        print a line for each instance that comes or goes, until interrupted\n"
	"  -k, --check        examine the whole set-up: each part is right, or what to do\n"
	"  -c, --config FILE  read FILE instead of " CONFIG_FILE "\n"
	"  -h, --help, -V, --version\n"
	"\n"
	"Examples:\n"
	"  nomad-lookup redis.default.nomad            its addresses\n"
	"  nomad-lookup --ports redis.default.nomad    where to connect to\n"
	"  nomad-lookup --list                         all services\n"
	"  nomad-lookup --explain redis.default.nomad  why it does not resolve\n"
	"\n"
	"Exit status: 0 all were found, or nothing is wrong; 2 there is no such name; 1 cannot tell, or a fault; 64 wrong usage.\n";

static const struct option table[] = {
	{"srv", no_argument, NULL, 's'},          {"ports", no_argument, NULL, 'p'},
	{"json", no_argument, NULL, 'j'},         {"explain", no_argument, NULL, 'e'},
	{"refresh", no_argument, NULL, 'r'},      {"list", no_argument, NULL, 'l'},
	{"watch", no_argument, NULL, 'w'},        {"check", no_argument, NULL, 'k'},
	{"config", required_argument, NULL, 'c'}, {"for-module", required_argument, NULL, 'm'},
	{"origin", required_argument, NULL, 'o'}, {"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{0}};

static int refuse(const char *why)
{
	fprintf(stderr, "nomad-lookup: %s. Try 'nomad-lookup --help'.\n", why);
	return -EINVAL;
}

/* Each option sets its part; one that was set to something else already does not go with it. */
static int set_form(struct options *options, enum form form)
{
	if (options->form != FORM_ADDRESSES && options->form != form)
		return refuse("only one of --srv, --ports and --explain can be given");
	options->form = form;
	return 0;
}

static int set_action(struct options *options, enum action action)
{
	if (options->action != ACTION_LOOK_UP && options->action != action)
		return refuse("only one of --list, --watch and --check can be given");
	options->action = action;
	return 0;
}

static int take(struct options *options, int letter)
{
	switch (letter) {
	case 's': return set_form(options, FORM_SRV);
	case 'p': return set_form(options, FORM_PORTS);
	case 'e': return set_form(options, FORM_EXPLAIN);
	case 'l': return set_action(options, ACTION_LIST);
	case 'w': return set_action(options, ACTION_WATCH);
	case 'k': return set_action(options, ACTION_CHECK);
	case 'm': options->for_module = optarg; return set_action(options, ACTION_FOR_MODULE);
	case 'o': options->origin = optarg; return 0;
	case 'j': options->json = true; return 0;
	case 'r': options->refresh = true; return 0;
	case 'c': options->config = optarg; return 0;
	case 'h': fputs(usage, stdout); options->action = ACTION_END; return 0;
	case 'V': puts("nomad-lookup " VERSION); options->action = ACTION_END; return 0;
	default: fputs("Try 'nomad-lookup --help'.\n", stderr); return -EINVAL;
	}
}

/* Whether what was given goes together. */
static int check(const struct options *options, int names)
{
	bool asks = options->action == ACTION_LOOK_UP;

	if (options->json && options->form != FORM_ADDRESSES)
		return refuse("--json does not go with --srv, --ports or --explain");
	if (!asks && options->form != FORM_ADDRESSES)
		return refuse("--srv, --ports and --explain do not go with --list, --watch or --check");
	if (options->refresh && (!asks || options->form == FORM_EXPLAIN))
		return refuse("--refresh goes with names alone, and not with --explain, which asks Nomad anyway");
	if (names == 0 && (asks || options->action == ACTION_WATCH))
		return refuse("which name?");
	if (names > 1 && options->action == ACTION_LIST)
		return refuse("--list takes one namespace, or none for all");
	if (names > 1 && options->action == ACTION_CHECK)
		return refuse("--check takes one name, or none for any");
	return 0;
}

int options_parse(int argc, char **argv, struct options *options)
{
	*options = (struct options){.config = CONFIG_FILE};
	for (int letter; (letter = getopt_long(argc, argv, "spjerlwkc:hV", table, NULL)) != -1;) {
		if (take(options, letter) < 0)
			return -EINVAL;
		if (options->action == ACTION_END)
			return 0;
	}
	options->names = argv + optind;
	return options->action == ACTION_FOR_MODULE && argc - optind == 1 ? 0 : check(options, argc - optind);
}
