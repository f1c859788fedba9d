/*
 * Printing answers; see print.h. Called by nomad-lookup.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tool/print.h"

#include "nomad/json.h"

#include <arpa/inet.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

enum {
	PRIORITY = 10, /* as the daemon answers over DNS; never 0, HAProxy reads a weight of 0 as "no traffic" */
	WEIGHT = 10,
	TARGET_MAX = ADDRESS_TEXT_MAX + 2 * (NAME_LABEL_MAX + 1) + sizeof "nomad",
	HOST_OR_TARGET_MAX = TARGET_MAX > NAME_TEXT_MAX ? TARGET_MAX : NAME_TEXT_MAX + 1,
};

/* A row of an SRV answer. */
struct row {
	char target[HOST_OR_TARGET_MAX];
	uint16_t port;
};

const char *print_verdict(enum verdict verdict)
{
	static const char *const words[] = {
		[VERDICT_UNKNOWN] = "unknown",
		[VERDICT_FOUND] = "found",
		[VERDICT_NO_DATA] = "no-data",
		[VERDICT_NO_NAME] = "no-name",
	};

	return words[verdict];
}

static const char *address_text(const struct address *address, char text[INET6_ADDRSTRLEN])
{
	return inet_ntop(address->family, address->octets, text, INET6_ADDRSTRLEN);
}

void print_addresses(FILE *out, const char *text, const struct lookup_result *result)
{
	char address[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < result->count; i++)
		fprintf(out, "%-15s %s\n", address_text(&result->addresses[i], address), text);
}

/* The instances that the name selects; an array that the caller frees, NULL where there are none. */
static const struct instance **selected(const struct lookup_result *result, size_t *count)
{
	const struct service *service = result->record.service;

	*count = 0;
	if (service == NULL)
		return NULL;
	const struct instance **chosen = calloc(service->instance_count + 1, sizeof *chosen);
	if (chosen != NULL)
		service_select(service, &result->name, chosen, count);
	return chosen;
}

/* The name of the host that serves the port: its own, or the one that means its address alone. */
static bool target_of(const struct lookup_result *result, const struct instance *instance,
                      char target[HOST_OR_TARGET_MAX])
{
	char label[ADDRESS_TEXT_MAX];

	if (instance->host != NULL) {
		snprintf(target, HOST_OR_TARGET_MAX, "%s", instance->host);
		return true;
	}
	if (instance->address_count == 0)
		return false;
	address_label(&instance->addresses[0], label);
	snprintf(target, HOST_OR_TARGET_MAX, "%s.%s.%s.nomad", label, result->record.key.service,
	         result->record.key.namespace);
	return true;
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *left = a, *right = b;

	return left->port != right->port ? left->port - right->port : strcmp(left->target, right->target);
}

/* Whether none of the rows before says the same; where there is no memory to know it, none does. */
static bool is_new(void **before, const struct row *row)
{
	const struct row **found = tsearch(row, before, compare_rows);

	return found == NULL || *found == row;
}

/* The rows of the tree are in an array. */
static void free_nothing(void *row)
{
	(void)row;
}

size_t print_srv(FILE *out, const struct lookup_result *result)
{
	size_t count, printed = 0;
	const struct instance **chosen = selected(result, &count);
	struct row *rows = calloc(count + 1, sizeof *rows);
	void *tree = NULL; /* of those printed: ten thousand instances would be compared fifty million times */

	for (size_t i = 0; rows != NULL && i < count; i++) {
		struct row *row = &rows[printed];
		row->port = chosen[i]->port;
		if (row->port == 0 || !target_of(result, chosen[i], row->target) || !is_new(&tree, row))
			continue;
		fprintf(out, "%d %d %u %s\n", PRIORITY, WEIGHT, row->port, row->target);
		printed++;
	}
	tdestroy(tree, free_nothing);
	free(rows);
	free(chosen);
	return printed;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *place_text(const struct address *address, uint16_t port)
{
	bool v6 = address->family == AF_INET6;
	char text[INET6_ADDRSTRLEN], *place;

	return asprintf(&place, "%s%s%s:%u", v6 ? "[" : "", address_text(address, text), v6 ? "]" : "", port) < 0 ? NULL : place;
}

/* Sorts, and leaves one of those that are the same. How many are left. */
static size_t sort_once(char **places, size_t count)
{
	size_t kept = 0;

	if (count > 0)
		qsort(places, count, sizeof *places, compare_texts);
	for (size_t i = 0; i < count; i++)
		if (kept > 0 && strcmp(places[kept - 1], places[i]) == 0)
			free(places[i]);
		else
			places[kept++] = places[i];
	return kept;
}

int print_ports(const struct lookup_result *result, char ***places, size_t *count)
{
	size_t chosen_count, room = 1, found = 0;
	const struct instance **chosen = selected(result, &chosen_count);
	char **texts;
	int error = 0;

	for (size_t i = 0; i < chosen_count; i++)
		room += chosen[i]->address_count;
	texts = calloc(room, sizeof *texts);
	for (size_t i = 0; texts != NULL && i < chosen_count; i++)
		for (size_t j = 0; chosen[i]->port != 0 && j < chosen[i]->address_count; j++) {
			texts[found] = place_text(&chosen[i]->addresses[j], chosen[i]->port);
			if (texts[found] == NULL)
				error = -ENOMEM;
			else
				found++;
		}
	free(chosen);
	if (texts == NULL)
		return -ENOMEM;
	*count = sort_once(texts, found);
	*places = texts;
	return error;
}

size_t print_all_ports(FILE *out, const struct lookup_result *result)
{
	char **places = NULL;
	size_t count = 0;

	if (print_ports(result, &places, &count) < 0)
		fputs("nomad-lookup: out of memory\n", stderr);
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "%s\n", places[i]);
		free(places[i]);
	}
	free(places);
	return count;
}

static void json_member(FILE *out, const char *key, const char *value)
{
	json_put_text(out, key);
	fputc(':', out);
	if (value == NULL)
		fputs("null", out);
	else
		json_put_text(out, value);
	fputc(',', out);
}

static void json_addresses(FILE *out, const struct address *addresses, size_t count)
{
	char text[INET6_ADDRSTRLEN];

	fputs("\"addresses\":[", out);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s\"%s\"", i == 0 ? "" : ",", address_text(&addresses[i], text));
	fputc(']', out);
}

static void json_instance(FILE *out, const struct lookup_result *result, const struct instance *instance)
{
	char target[HOST_OR_TARGET_MAX];
	bool has_target = target_of(result, instance, target);

	fputc('{', out);
	json_addresses(out, instance->addresses, instance->address_count);
	fprintf(out, ",\"port\":%u,", instance->port);
	json_member(out, "host", instance->host);
	json_member(out, "target", has_target ? target : NULL);
	json_member(out, "id", instance->id);
	json_member(out, "allocation", instance->allocation);
	json_member(out, "node", instance->node);
	json_member(out, "job", instance->job);
	json_member(out, "datacenter", instance->datacenter);
	fputs("\"tags\":[", out);
	for (size_t i = 0; i < instance->tag_count; i++) {
		fputs(i == 0 ? "" : ",", out);
		json_put_text(out, instance->tags[i]);
	}
	fputs("]}", out);
}

/* The step that answered, NULL where none did. */
static const char *source_of(const struct lookup_result *result)
{
	static const char *const words[] = {
		[LOOKUP_PUBLISHED] = "published",
		[LOOKUP_CACHED] = "cache",
		[LOOKUP_ASKED] = "nomad",
		[LOOKUP_STALE] = "stale",
	};

	for (size_t step = 0; step < LOOKUP_STEPS; step++)
		if (result->trace[step].taken && result->trace[step].verdict != VERDICT_UNKNOWN)
			return words[step];
	return NULL;
}

void print_json(FILE *out, const char *text, const struct lookup_result *result)
{
	size_t count;
	const struct instance **chosen = selected(result, &count);

	fputs("{\"schema\":1,", out);
	json_member(out, "name", text);
	json_member(out, "verdict", print_verdict(result->verdict));
	json_member(out, "source", source_of(result));
	fprintf(out, "\"ttl\":%u,", result->ttl);
	json_addresses(out, result->addresses, result->count);
	fputs(",\"instances\":[", out);
	for (size_t i = 0; chosen != NULL && i < count; i++) {
		fputs(i == 0 ? "" : ",", out);
		json_instance(out, result, chosen[i]);
	}
	fputs("]}\n", out);
	free(chosen);
}
