/*
 * nomad-dns-srv: follows Nomad's catalogue, publishes it as files, serves it over DNS. The options; the rest is in
 * watch/daemon.c. Exit status: 0 ended by a signal, or all is well with --check-config and --status; 1 otherwise;
 * 2 wrong usage.
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

enum { EXIT_USAGE = 2 };

enum action { ACTION_RUN, ACTION_CHECK, ACTION_STATUS };

/* What is to be done, and how it is to be said. */
struct order {
	enum action action;
	bool json;
};

static const char usage[] =
	"usage: nomad-dns-srv [--config FILE] [--nomad URL] [--namespace NAME] [--listen ADDR:PORT] [--publish DIR]\n"
	"       nomad-dns-srv --check-config [--json] | --status\n"
	"\n"
	"Follows the service catalogue of a Nomad cluster, publishes it as files for every lookup on this host, and\n"
	"serves it over DNS. Runs in the foreground; the log goes to standard error.\n"
	"\n"
	"  --config FILE        read FILE instead of " CONFIG_FILE "\n"
	"  --nomad URL          ask this agent instead of the configured ones; several with blanks between them\n"
	"  --namespace NAME     follow this namespace instead of the configured ones; several with blanks between them,\n"
	"                       the first is the default one; * for all\n"
	"  --listen ADDR:PORT   serve DNS there; several with blanks between them; \"\" for no DNS\n"
	"  --publish DIR        publish in DIR instead of " PUBLISHED_DIR "\n"
	"  --check-interval MS  compare Nomad's index so often instead of every 30000 milliseconds; for tests\n"
	"  --check-config       say whether the configuration is right, and end\n"
	"  --json               say it as one JSON object\n"
	"  --status             say how the running daemon goes, and end: 0 if its catalogue is current\n"
	"  --help, --version\n"
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

/* The option letters stand for long options alone. */
static int parse_options(int argc, char **argv, struct daemon_options *options, struct order *order)
{
	static const struct option table[] = {
		{"config", required_argument, NULL, 'c'},  {"nomad", required_argument, NULL, 'n'},
		{"namespace", required_argument, NULL, 'N'},
		{"listen", required_argument, NULL, 'l'},  {"publish", required_argument, NULL, 'p'},
		{"check-config", no_argument, NULL, 'C'},  {"check-interval", required_argument, NULL, 'i'},
		{"status", no_argument, NULL, 's'},        {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},       {"json", no_argument, NULL, 'j'},
		{0}};

	for (int letter; (letter = getopt_long(argc, argv, "", table, NULL)) != -1;) {
		switch (letter) {
		case 'c': options->config = optarg; break;
		case 'n': options->nomad = optarg; break;
		case 'N': options->namespace = optarg; break;
		case 'l': options->listen = optarg; break;
		case 'p': options->publish = optarg; break;
		case 'C': order->action = ACTION_CHECK; break;
		case 'j': order->json = true; break;
		case 's': order->action = ACTION_STATUS; break;
		case 'h': fputs(usage, stdout); exit(EXIT_SUCCESS);
		case 'v': puts("nomad-dns-srv " VERSION); exit(EXIT_SUCCESS);
		case 'i':
			if (parse_interval(optarg, &options->check))
				break;
			return -EINVAL;
		default: fputs("Try 'nomad-dns-srv --help'.\n", stderr); return -EINVAL;
		}
	}
	if (optind == argc)
		return 0;
	fprintf(stderr, "nomad-dns-srv: \"%s\" is no option. Try 'nomad-dns-srv --help'.\n", argv[optind]);
	return -EINVAL;
}

static int print_status(const struct config *config)
{
	const char *dir = config->publish == NULL ? PUBLISHED_DIR : config->publish;
	struct status status;
	int result = status_read(dir, &status);

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
	if (daemon_configure(&options, &config, reason) < 0)
		return print_check(&order, options.config, reason);
	if (order.action == ACTION_RUN)
		return run(&options, &config);
	if (order.action == ACTION_STATUS)
		status = print_status(&config);
	else
		status = print_check(&order, options.config, NULL);
	config_done(&config);
	return status;
}
