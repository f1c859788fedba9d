/*
 * Listing services; see list.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tool/list.h"

#include "nomad/json.h"
#include "text.h"
#include "tool/directory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	ASKED_MAX = 500, /* services that are read one by one where there is no daemon */
	SHOWN_MAX = 6,   /* ports or tags of a service in the table, which is for the eye */
};

/* A row of the list, each cell a text of its own. */
struct row {
	struct service_key key;
	char *instances, *ports, *tags;
};

/* Words without duplicates, sorted. */
struct set {
	size_t count;
	const char **words;
};

static int compare_numbers(const void *a, const void *b)
{
	const uint16_t *left = a, *right = b;

	return *left - *right;
}

static int compare_words(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Calls `print` for each port of the service, in order, once. */
static void each_port(const struct service *service, FILE *out, const char *separator, size_t most)
{
	uint16_t *ports = calloc(service->instance_count + 1, sizeof *ports);
	size_t count = 0, printed = 0;

	for (size_t i = 0; ports != NULL && i < service->instance_count; i++)
		if (service->instances[i].port != 0)
			ports[count++] = service->instances[i].port;
	if (count > 0)
		qsort(ports, count, sizeof *ports, compare_numbers);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || ports[i] != ports[i - 1]) {
			if (printed++ < most)
				fprintf(out, "%s%u", printed == 1 ? "" : separator, ports[i]);
		}
	if (printed > most)
		fprintf(out, "%s...", separator);
	free(ports);
}

/* The tags of all instances, each once; `words` is the caller's to free. */
static struct set tags_of(const struct service *service)
{
	struct set set = {0};
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < service->instance_count; i++)
		count += service->instances[i].tag_count;
	set.words = calloc(count + 1, sizeof *set.words);
	if (set.words == NULL)
		return set;
	for (size_t i = 0; i < service->instance_count; i++)
		for (size_t j = 0; j < service->instances[i].tag_count; j++)
			set.words[set.count++] = service->instances[i].tags[j];
	if (set.count > 0)
		qsort(set.words, set.count, sizeof *set.words, compare_words);
	for (size_t i = 0; i < set.count; i++)
		if (kept == 0 || strcmp(set.words[kept - 1], set.words[i]) != 0)
			set.words[kept++] = set.words[i];
	set.count = kept;
	return set;
}

static void print_json_row(FILE *out, const struct service_key *key, const struct service *service)
{
	char name[NAME_TEXT_MAX + 1];

	directory_name(key, name);
	fputs("{\"schema\":1,\"name\":", out);
	json_put_text(out, name);
	fputs(",\"service\":", out);
	json_put_text(out, key->service);
	fputs(",\"namespace\":", out);
	json_put_text(out, key->namespace);
	if (service == NULL) {
		fputs(",\"instances\":null,\"ports\":null,\"tags\":null}\n", out);
		return;
	}
	fprintf(out, ",\"instances\":%zu,\"ports\":[", service->instance_count);
	each_port(service, out, ",", SIZE_MAX);
	fputs("],\"tags\":[", out);
	struct set tags = tags_of(service);
	for (size_t i = 0; i < tags.count; i++) {
		fputs(i == 0 ? "" : ",", out);
		json_put_text(out, tags.words[i]);
	}
	free(tags.words);
	fputs("]}\n", out);
}

static char *cell_of_ports(const struct service *service, size_t most)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	each_port(service, out, ",", most);
	fclose(out);
	return text;
}

static char *cell_of_tags(const struct service *service, size_t most)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct set tags = {0};

	if (out == NULL)
		return NULL;
	tags = tags_of(service);
	for (size_t i = 0; i < tags.count && i < most; i++)
		fprintf(out, "%s%s", i == 0 ? "" : ",", tags.words[i]);
	if (tags.count > most)
		fputs(",...", out);
	free(tags.words);
	fclose(out);
	if (text != NULL)
		text_tame(text);
	return text;
}

static char *cell_of_instances(const struct service *service)
{
	char *text;

	return asprintf(&text, "%zu", service->instance_count) < 0 ? NULL : text;
}

/* Makes a row of what is known; "-" stands for what is not. */
static void fill_row(struct row *row, const struct service_key *key, const struct service *service, size_t most)
{
	row->key = *key;
	row->instances = service == NULL ? NULL : cell_of_instances(service);
	row->ports = service == NULL ? NULL : cell_of_ports(service, most);
	row->tags = service == NULL ? NULL : cell_of_tags(service, most);
}

static const char *shown(const char *cell)
{
	return cell == NULL || *cell == '\0' ? "-" : cell;
}

static int wider(int width, const char *text)
{
	int length = (int)strlen(text);

	return length > width ? length : width;
}

static void print_table(FILE *out, const struct row *rows, size_t count)
{
	int widths[4] = {sizeof "NAMESPACE" - 1, sizeof "SERVICE" - 1, sizeof "INSTANCES" - 1, sizeof "PORTS" - 1};

	for (size_t i = 0; i < count; i++) {
		widths[0] = wider(widths[0], rows[i].key.namespace);
		widths[1] = wider(widths[1], rows[i].key.service);
		widths[3] = wider(widths[3], shown(rows[i].ports));
	}
	fprintf(out, "%-*s  %-*s  %*s  %-*s  %s\n", widths[0], "NAMESPACE", widths[1], "SERVICE", widths[2], "INSTANCES",
	        widths[3], "PORTS", "TAGS");
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%-*s  %-*s  %*s  %-*s  %s\n", widths[0], rows[i].key.namespace, widths[1], rows[i].key.service,
		        widths[2], shown(rows[i].instances), widths[3], shown(rows[i].ports), shown(rows[i].tags));
}

static void print_lines(FILE *out, const struct row *rows, size_t count)
{
	char name[NAME_TEXT_MAX + 1];

	for (size_t i = 0; i < count; i++) {
		directory_name(&rows[i].key, name);
		fprintf(out, "%s\t%s\t%s\t%s\n", name, shown(rows[i].instances), shown(rows[i].ports), shown(rows[i].tags));
	}
}

/* Looks a service up with all its instances, as any name; its record's service, NULL where nobody can tell. */
static const struct service *read_item(struct ask *ask, const struct service_key *key, struct lookup_result *result)
{
	char name[NAME_TEXT_MAX + 1];

	directory_name(key, name);
	lookup_run(name, ask->places, ask_nomad, ask, result);
	return result->record.service;
}

static void free_rows(struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(rows[i].instances);
		free(rows[i].ports);
		free(rows[i].tags);
	}
	free(rows);
}

/* Fills the rows, or prints each as JSON at once. Without `whole` only the names are known. */
static void read_rows(FILE *out, struct ask *ask, const struct directory *directory, bool whole, size_t most,
                      struct row *rows)
{
	for (size_t i = 0; i < directory->count; i++) {
		struct lookup_result result = {0};
		const struct service *service = whole ? read_item(ask, &directory->items[i], &result) : NULL;
		if (rows == NULL)
			print_json_row(out, &directory->items[i], service);
		else
			fill_row(&rows[i], &directory->items[i], service, most);
		lookup_done(&result);
	}
}

enum verdict list_services(FILE *out, struct ask *ask, const char *namespace, bool json)
{
	bool table = !json && isatty(fileno(out));
	struct directory directory = {0};
	struct row *rows = NULL;

	if (directory_read(ask, namespace, &directory) < 0)
		return VERDICT_UNKNOWN;
	enum verdict verdict = directory.count > 0 ? VERDICT_FOUND : VERDICT_NO_NAME;
	bool whole = directory.published || directory.count <= ASKED_MAX;
	if (!json && (rows = calloc(directory.count + 1, sizeof *rows)) == NULL)
		verdict = VERDICT_UNKNOWN;
	else
		read_rows(out, ask, &directory, whole, table ? SHOWN_MAX : SIZE_MAX, rows);
	if (rows != NULL) {
		(table ? print_table : print_lines)(out, rows, directory.count);
		free_rows(rows, directory.count);
	}
	if (!whole)
		fprintf(stderr, "nomad-lookup: instances, ports and tags of more than %d services are shown only where "
		                "nomad-dns-srv runs\n", ASKED_MAX);
	directory_done(&directory);
	return verdict;
}

static bool is_at(const struct lookup_result *result, const struct address *address)
{
	for (size_t i = 0; i < result->count; i++)
		if (address_equal(&result->addresses[i], address))
			return true;
	return false;
}

enum verdict list_at_address(FILE *out, struct ask *ask, const struct address *address, const char *text)
{
	enum verdict verdict = VERDICT_NO_NAME;
	struct directory directory = {0};
	char name[NAME_TEXT_MAX + 1];

	if (directory_read(ask, NULL, &directory) < 0)
		return VERDICT_UNKNOWN;
	for (size_t i = 0; i < directory.count; i++) {
		struct lookup_result result;
		read_item(ask, &directory.items[i], &result);
		if (is_at(&result, address)) {
			directory_name(&directory.items[i], name);
			fprintf(out, "%-15s %s\n", text, name);
			verdict = VERDICT_FOUND;
		} else if (result.verdict == VERDICT_UNKNOWN && verdict == VERDICT_NO_NAME) {
			verdict = VERDICT_UNKNOWN;
		}
		lookup_done(&result);
	}
	directory_done(&directory);
	return verdict;
}
