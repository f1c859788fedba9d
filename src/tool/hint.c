/*
 * Why a name has no answer; see hint.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tool/hint.h"

#include "nearest.h"
#include "noun.h"
#include "text.h"
#include "tool/directory.h"

#include <stdlib.h>
#include <string.h>

enum { NAMED_MAX = 8 }; /* namespaces or tags that one message names */

/* The host that a URL or HOST:PORT names, in `host`; the text itself where it is neither. */
static void host_of(const char *text, char host[NAME_TEXT_MAX + 1])
{
	const char *start = strstr(text, "://");

	start = start == NULL ? text : start + 3;
	snprintf(host, NAME_TEXT_MAX + 1, "%.*s", (int)strcspn(start, "/:?#"), start);
}

static void say_foreign(FILE *out, const char *text)
{
	char host[NAME_TEXT_MAX + 1];
	struct name name;

	host_of(text, host);
	if (strcmp(host, text) != 0 && name_is_ours(host)) {
		fprintf(out, "it is not a name but a URL or has a port; did you mean %s?\n", host);
		return;
	}
	fputs("it does not end in .nomad", out);
	if (strlen(host) + sizeof ".nomad" <= sizeof host) {
		strcat(host, ".nomad");
		name_parse(host, NAME_PLAIN, &name);
		if (name.kind == NAME_SERVICE)
			fprintf(out, "; did you mean %s?", host);
	}
	fputc('\n', out);
}

/* Whether a label can be one of a name's; what is wrong with it is said. */
static bool is_sound(FILE *out, const char *label, size_t length)
{
	char shown[NAME_LABEL_MAX + 1];

	snprintf(shown, sizeof shown, "%.*s", (int)length, label);
	text_tame(shown);
	if (length == 0)
		fputs("there is nothing between two dots, or before the first one\n", out);
	else if (length > NAME_LABEL_MAX)
		fprintf(out, "\"%.20s...\" has %zu characters, and a label has at most %d\n", shown, length, NAME_LABEL_MAX);
	else if (strspn(shown, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != length)
		fprintf(out, "\"%s\" cannot be part of a name: letters, digits, - and _ can\n", shown);
	else
		return true;
	return false;
}

/* A name that ends in .nomad and has none of the forms. */
static void say_invalid(FILE *out, const char *text)
{
	for (const char *label = text; *label != '\0';) {
		size_t length = strcspn(label, ".");
		if (!is_sound(out, label, length))
			return;
		label += length + (label[length] == '.');
	}
	fputs("no such name: the forms are SERVICE.NAMESPACE.nomad, SERVICE.nomad, X.SERVICE.NAMESPACE.nomad and "
	      "_SERVICE._tcp.NAMESPACE.nomad\n", out);
}

/* The service exists, and the selector takes none of its instances. */
static void say_selector(FILE *out, const struct lookup_result *result)
{
	const struct service *service = result->record.service;
	size_t named = 0;

	fprintf(out, "service \"%s\" has no instance whose address, allocation or tag is \"%s\"", result->record.key.service,
	        result->name.selector);
	for (size_t i = 0; i < service->instance_count && named < NAMED_MAX; i++)
		for (size_t j = 0; j < service->instances[i].tag_count && named < NAMED_MAX; j++) {
			const char *tag = service->instances[i].tags[j];
			if (nearest_is_near(result->name.selector, tag)) {
				fprintf(out, "; did you mean \"%s\"?\n", tag);
				return;
			}
		}
	fputc('\n', out);
}

static void say_namespaces(FILE *out, struct ask *ask, const char *wanted)
{
	struct directory all = {0};
	size_t named = 0;

	fprintf(out, "there are no services in namespace \"%s\"", wanted);
	if (directory_read(ask, NULL, &all) == 0)
		for (size_t i = 0; i < all.count && named < NAMED_MAX; i++)
			if (i == 0 || strcmp(all.items[i].namespace, all.items[i - 1].namespace) != 0)
				fprintf(out, "%s%s", named++ == 0 ? "; there are in: " : ", ", all.items[i].namespace);
	directory_done(&all);
	fputc('\n', out);
}

static void say_service(FILE *out, struct ask *ask, const struct service_key *key)
{
	const char *namespace = name_in_default_namespace(key) ? ask_default_namespace(ask) : key->namespace;
	const struct service_key *best = NULL;
	struct directory directory = {0};

	if (directory_read(ask, namespace, &directory) < 0) {
		fputs("no such name\n", out);
		return;
	}
	for (size_t i = 0; i < directory.count; i++)
		if (nearest_is_near(key->service, directory.items[i].service) &&
		    (best == NULL || nearest_distance(key->service, directory.items[i].service) <
		                             nearest_distance(key->service, best->service)))
			best = &directory.items[i];
	if (directory.count == 0)
		say_namespaces(out, ask, namespace);
	else if (best == NULL)
		fprintf(out, "no such name; namespace \"%s\" has %zu other %s: nomad-lookup --list %s\n", namespace,
		        directory.count, noun(directory.count, "service", "services"), namespace);
	else
		fprintf(out, "no such name; \"%s\" is the nearest of the %zu %s in namespace \"%s\"\n", best->service,
		        directory.count, noun(directory.count, "service", "services"), namespace);
	directory_done(&directory);
}

void hint_say(FILE *out, struct ask *ask, const char *text, const struct lookup_result *result)
{
	char shown[NAME_TEXT_MAX + 1];

	if (*text == '\0') {
		fputs("nomad-lookup: the name is empty\n", out);
		return;
	}
	snprintf(shown, sizeof shown, "%s", text);
	text_tame(shown);
	fprintf(out, "nomad-lookup: %s: ", shown);
	if (result->kind == NAME_FOREIGN)
		say_foreign(out, text);
	else if (result->kind == NAME_NOWHERE)
		say_invalid(out, text);
	else if (result->kind == NAME_EMPTY)
		fputs("it stands above all services, and has no address itself\n", out);
	else if (result->verdict == VERDICT_UNKNOWN)
		fprintf(out, "cannot tell: %s\n", ask->report.reason[0] != '\0' ? ask->report.reason
		                                      : "see nomad-lookup --explain for what each step found");
	else if (result->record.service != NULL && result->verdict == VERDICT_NO_NAME)
		say_selector(out, result);
	else if (result->record.service != NULL || result->name.select == SELECT_NOTHING)
		fputs("the name exists, and has no address\n", out);
	else
		say_service(out, ask, &result->name.key);
}
