/*
 * nomad-dns-srv: follows Nomad's catalogue, publishes it as files, serves it over DNS. The options; the rest is in
 * watch/daemon.c. Exit status: 0 ended by a signal, or all is well with --check-config and --status; 1 otherwise;
 * 64 wrong usage.
 *
 * SPDX-License-Identifier: MIT
 */
#include "nomad/json.h"
#include "published.h"
#include "watch/daemon.h"
#include "watch/status.h"

#include <curl/curl.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 64 }; /* as of nomad-lookup: EX_USAGE of sysexits.h */

enum action { ACTION_RUN, ACTION_CHECK, ACTION_STATUS };

/* What is to be done, and how it is to be said. */
struct order {
	enum action action;
	bool json;
	bool ends; /* it was --help or --version, and has been said */
};

static const char usage[] =
	"usage: nomad-dns-srv [--config FILE] [--nomad URL] [--namespace NAME] [--listen ADDR:PORT] [--publish DIR]\n"
	"       nomad-dns-srv --check-config [--json]\n"
	"       nomad-dns-srv --status [--json]\n"
	"\n"
	"Follows the service catalogue of a Nomad cluster, publishes it as files for every lookup on this host, and\n"
	"serves it over DNS. Runs in the foreground; the log goes to standard error.\n"
	"\n"
	"  -c, --config FILE    read FILE instead of " CONFIG_FILE "\n"
	"  --nomad URL          ask this agent instead of the configured ones; several with spaces between them\n"
	"  --namespace NAME     follow this namespace instead of the configured ones; several with spaces between them,\n"
	"                       the first is the default one; * for all\n"
	"  --listen ADDR:PORT   serve DNS there; several with spaces between them; \"\" for no DNS\n"
	"  --publish DIR        publish in DIR instead of " PUBLISHED_DIR "\n"
	"  --check-interval MS  compare Nomad's index so often instead of every 30000 milliseconds; for tests\n"
	"  --check-config       say whether the configuration is right, and end\n"
	"  --status             say how the running daemon goes, and end: 0 if its catalogue is current\n"
	"  -j, --json           say either as one JSON object\n"
	"  -h, --help, -V, --version\n"
	"\n"
	"Signals: SIGTERM ends it, and lookups do without it at once; SIGHUP reads configuration and token again.\n";

static bool parse_interval(const char *text, int *milliseconds)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || number < 10 || number > 3600 * 1000) {
		fprintf(stderr, "nomad-dns-srv: --check-interval takes 10 to 3600000 milliseconds, not \"%s\"\n", text);
		return false;
	}
	*milliseconds = (int)number;
	return true;
}

static const struct option table[] = {
	{"config", required_argument, NULL, 'c'},  {"nomad", required_argument, NULL, 'n'},
	{"namespace", required_argument, NULL, 'N'},
	{"listen", required_argument, NULL, 'l'},  {"publish", required_argument, NULL, 'p'},
	{"check-config", no_argument, NULL, 'C'},  {"check-interval", required_argument, NULL, 'i'},
	{"status", no_argument, NULL, 's'},        {"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},       {"json", no_argument, NULL, 'j'},
	{0}};

static int refuse(const char *why)
{
	fprintf(stderr, "nomad-dns-srv: %s. Try 'nomad-dns-srv --help'.\n", why);
	return -EINVAL;
}

static int set_action(struct order *order, enum action action)
{
	if (order->action != ACTION_RUN && order->action != action)
		return refuse("only one of --check-config and --status can be given");
	order->action = action;
	return 0;
}

static int take(int letter, struct daemon_options *options, struct order *order)
{
	switch (letter) {
	case 'c': options->config = optarg; return 0;
	case 'n': options->nomad = optarg; return 0;
	case 'N': options->namespace = optarg; return 0;
	case 'l': options->listen = optarg; return 0;
	case 'p': options->publish = optarg; return 0;
	case 'C': return set_action(order, ACTION_CHECK);
	case 's': return set_action(order, ACTION_STATUS);
	case 'j': order->json = true; return 0;
	case 'h': fputs(usage, stdout); order->ends = true; return 0;
	case 'V': puts("nomad-dns-srv " VERSION); order->ends = true; return 0;
	case 'i': return parse_interval(optarg, &options->check) ? 0 : -EINVAL;
	default: fputs("Try 'nomad-dns-srv --help'.\n", stderr); return -EINVAL;
	}
}

/* Whether what was given goes together. */
static int check_together(const struct daemon_options *options, const struct order *order)
{
	if (order->json && order->action == ACTION_RUN)
		return refuse("--json goes with --check-config or --status");
	if (order->action == ACTION_STATUS && (options->nomad != NULL || options->namespace != NULL || options->listen != NULL ||
	                                       options->check != 0))
		return refuse("--status goes with --config, --publish and --json alone");
	return 0;
}

static int parse_options(int argc, char **argv, struct daemon_options *options, struct order *order)
{
	/* Only those letters are for users that nomad-lookup has too. */
	for (int letter; (letter = getopt_long(argc, argv, "c:jhV", table, NULL)) != -1;) {
		if (take(letter, options, order) < 0)
			return -EINVAL;
		if (order->ends)
			return 0;
	}
	if (optind == argc)
		return check_together(options, order);
	fprintf(stderr, "nomad-dns-srv: \"%s\" is not an option. Try 'nomad-dns-srv --help'.\n", argv[optind]);
	return -EINVAL;
}

static int print_status(const struct config *config, bool json)
{
	const char *dir = config->publish == NULL ? PUBLISHED_DIR : config->publish;
	struct status status;
	int result = status_read(dir, &status);

	if (result == 0 && json)
		return status_print_json(stdout, dir, &status) ? EXIT_SUCCESS : EXIT_FAILURE;
	if (result == 0)
		return status_print(stdout, dir, &status) ? EXIT_SUCCESS : EXIT_FAILURE;
	fprintf(stderr, "nomad-dns-srv: %s/" STATUS_FILE ": %s; does the daemon run, and publish there?\n", dir,
	        strerror(-result));
	return EXIT_FAILURE;
}

/* `reason` is NULL where the configuration is right. */
static int print_check(const struct order *order, const char *path, const char *reason)
{
	if (order->json) {
		printf("{\"ok\":%s,\"configuration\":", reason == NULL ? "true" : "false");
		json_put_text(stdout, path);
		fputs(",\"reason\":", stdout);
		json_put_text(stdout, reason == NULL ? "" : reason);
		puts("}");
	} else if (reason == NULL) {
		printf("The configuration of %s is right.\n", path);
	} else {
		fprintf(stderr, "nomad-dns-srv: %s\n", reason);
	}
	return reason == NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(const struct daemon_options *options, struct config *config)
{
	int result;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	result = daemon_run(options, config);
	curl_global_cleanup();
	return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct daemon_options options = {.config = CONFIG_FILE};
	struct order order = {.action = ACTION_RUN};
	char reason[CONFIG_REASON_MAX];
	struct config config;
	int status = EXIT_SUCCESS;

	if (parse_options(argc, argv, &options, &order) < 0)
		return EXIT_USAGE;
	if (order.ends)
		return EXIT_SUCCESS;
	if (daemon_configure(&options, &config, reason) < 0)
		return print_check(&order, options.config, reason);
	if (order.action == ACTION_RUN)
		return run(&options, &config);
	if (order.action == ACTION_STATUS)
		status = print_status(&config, order.json);
	else
		status = print_check(&order, options.config, NULL);
	config_done(&config);
	return status;
}
