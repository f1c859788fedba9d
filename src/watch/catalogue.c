/*
 * The catalogue in memory; see catalogue.h. Written by watch/watcher.c, read by the DNS workers.
 *
 * One table holds services, under the labels of their names in lower case, as they stand in a question to a DNS server
 * (RFC 1035 section 3.1): "\5redis\7default"; and namespaces, under "\7default", with the number of their services. A
 * second one, where it is wanted, holds the names at each address.
 *
 * SPDX-License-Identifier: MIT
 */
#include "catalogue_part.h"

#include "lower.h"
#include "names.h"

#include <assert.h>
#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_MAX = CATALOGUE_LABELS_MAX };

/* The reader's slot; the type that callers see. */
struct catalogue_reader {
	struct epoch_reader *slot;
	struct catalogue *catalogue;
};

struct catalogue *catalogue_new(void)
{
	struct catalogue *catalogue = aligned_alloc(alignof(struct catalogue), sizeof *catalogue);

	if (catalogue == NULL)
		return NULL;
	memset(catalogue, 0, sizeof *catalogue);
	epochs_init(&catalogue->epochs);
	if (table_init(&catalogue->services) < 0) {
		free(catalogue);
		return NULL;
	}
	return catalogue;
}

void catalogue_free(struct catalogue *catalogue)
{
	if (catalogue == NULL)
		return;
	table_done(&catalogue->services);
	table_done(&catalogue->names);
	catalogue_free_scope(catalogue);
	epochs_done(&catalogue->epochs);
	free(catalogue);
}

int catalogue_keep_names(struct catalogue *catalogue)
{
	int result = catalogue->keeps_names ? 0 : table_init(&catalogue->names);

	catalogue->keeps_names = result == 0;
	return result;
}

void catalogue_prepare_with(struct catalogue *catalogue, catalogue_prepare prepare)
{
	catalogue->prepare = prepare;
}

/* Writes a label in lower case; returns where it ends. */
static uint8_t *put_label(uint8_t *to, const char *text)
{
	size_t length = strlen(text);

	*to = (uint8_t)length;
	lower_put(to + 1, (const uint8_t *)text, length);
	return to + 1 + length;
}

/* Copies a text, which fits, with its NUL, in lower case. */
static void lower_text(char *to, const char *text)
{
	lower_put((uint8_t *)to, (const uint8_t *)text, strlen(text) + 1);
}

/* A key of the services' table. */
struct octets {
	size_t size;
	size_t namespace; /* where its namespace begins, which is a key too */
	uint8_t octets[KEY_MAX];
};

static void make_octets(struct octets *key, const char *namespace, const char *service)
{
	key->namespace = (size_t)(put_label(key->octets, service) - key->octets);
	key->size = (size_t)(put_label(key->octets + key->namespace, namespace) - key->octets);
}

static struct entry *find(const struct table *table, const uint8_t *key, size_t size)
{
	return table_find(table, table_hash(key, size), key, size);
}

static struct entry *find_service(const struct catalogue *catalogue, const struct octets *key)
{
	return find(&catalogue->services, key->octets, key->size);
}

static struct entry *find_namespace(const struct catalogue *catalogue, const struct octets *key)
{
	return find(&catalogue->services, key->octets + key->namespace, key->size - key->namespace);
}

/* A service, or the names at an address; NULL of no entry. */
static void *value_of(const struct entry *entry)
{
	return entry == NULL ? NULL : entry->retired.owned[0];
}

/* Reads a label; returns where it ends. */
static const uint8_t *read_label(const uint8_t *at, char *text)
{
	memcpy(text, at + 1, *at);
	text[*at] = '\0';
	return at + 1 + *at;
}

/* The name that an entry of the services' table is for; false for a namespace. */
static bool entry_key(const struct entry *entry, struct service_key *key)
{
	const uint8_t *at = entry->key;

	if (entry->key_size == 1U + *at)
		return false;
	at = read_label(at, key->service);
	read_label(at, key->namespace);
	return true;
}

/* Counts a service in or out of its namespace. `made` is a new namespace, which is then in the table. */
static void count_service(struct catalogue *catalogue, struct entry *namespace, struct entry *made, bool more)
{
	struct table *table = &catalogue->services;

	catalogue->size += more ? 1 : (size_t)-1;
	if (namespace == NULL) {
		namespace = made;
		table_set(table, made, &catalogue->epochs);
	}
	namespace->members += more ? 1 : (size_t)-1;
	if (namespace->members == 0)
		table_remove(table, namespace, &catalogue->epochs);
}

/* What is made for a put before anything is changed, for all of it may fail. */
struct draft {
	struct entry *service;   /* NULL where it goes */
	struct entry *namespace; /* NULL where it is there already */
	struct names_changes changes;
};

/* Makes the new entries: 0 or -ENOMEM. The service is not in them yet. */
static int make_entries(struct catalogue *catalogue, const struct octets *key, const struct service *service,
                        struct draft *draft)
{
	draft->service = table_entry(key->octets, key->size);
	if (draft->service == NULL)
		return -ENOMEM;
	if (catalogue->prepare != NULL) {
		draft->service->retired.owned[1] = catalogue->prepare(service);
		if (draft->service->retired.owned[1] == NULL)
			return -ENOMEM;
	}
	if (find_namespace(catalogue, key) == NULL) {
		draft->namespace = table_entry(key->octets + key->namespace, key->size - key->namespace);
		if (draft->namespace == NULL)
			return -ENOMEM;
	}
	return table_reserve(&catalogue->services, 2, &catalogue->epochs);
}

/* Puts the draft in place of `old`. A namespace comes before its first service and goes after its last. */
static void make_change(struct catalogue *catalogue, const struct octets *key, struct entry *old, struct draft *draft)
{
	struct entry *namespace = find_namespace(catalogue, key);

	if (old == NULL)
		count_service(catalogue, namespace, draft->namespace, true);
	if (draft->service != NULL)
		table_set(&catalogue->services, draft->service, &catalogue->epochs);
	else
		table_remove(&catalogue->services, old, &catalogue->epochs);
	if (draft->service == NULL)
		count_service(catalogue, namespace, NULL, false);
	names_change(&catalogue->names, &catalogue->epochs, &draft->changes);
	epoch_collect(&catalogue->epochs);
	draft->service = draft->namespace = NULL;
}

int catalogue_put(struct catalogue *catalogue, const struct service_key *key, struct service *service)
{
	struct octets octets;
	struct service_key lowered;
	struct draft draft = {0};
	int result;

	make_octets(&octets, key->namespace, key->service);
	struct entry *old = find_service(catalogue, &octets);
	if (old == NULL && service == NULL)
		return 0;
	lower_text(lowered.namespace, key->namespace);
	lower_text(lowered.service, key->service);
	result = catalogue->keeps_names ? names_prepare(&catalogue->names, &catalogue->epochs, &lowered, value_of(old), service,
	                                              &draft.changes)
	                               : 0;
	if (result == 0 && service != NULL)
		result = make_entries(catalogue, &octets, service, &draft);
	if (result == 0) {
		if (service != NULL)
			draft.service->retired.owned[0] = service;
		make_change(catalogue, &octets, old, &draft);
	}
	table_free_entry(draft.service);
	table_free_entry(draft.namespace);
	names_done(&draft.changes);
	return result;
}

void catalogue_each_part(const struct catalogue *catalogue, unsigned int part, unsigned int parts,
                         void (*visit)(void *context, const struct service_key *key, const struct service *service),
                         void *context)
{
	size_t count = table_positions(&catalogue->services);
	size_t position = count * part / parts, end = count * (part + 1) / parts;

	for (const struct entry *entry; (entry = table_next(&catalogue->services, &position)) != NULL && position <= end;) {
		struct service_key key;
		if (entry_key(entry, &key))
			visit(context, &key, value_of(entry));
	}
}

void catalogue_each(const struct catalogue *catalogue,
                    void (*visit)(void *context, const struct service_key *key, const struct service *service),
                    void *context)
{
	catalogue_each_part(catalogue, 0, 1, visit, context);
}

struct catalogue_reader *catalogue_join(struct catalogue *catalogue)
{
	struct catalogue_reader *reader = malloc(sizeof *reader);

	if (reader == NULL)
		return NULL;
	*reader = (struct catalogue_reader){epoch_join(&catalogue->epochs), catalogue};
	if (reader->slot == NULL) {
		free(reader);
		return NULL;
	}
	return reader;
}

void catalogue_part(struct catalogue_reader *reader)
{
	if (reader == NULL)
		return;
	epoch_part(reader->slot);
	free(reader);
}

void catalogue_enter(struct catalogue_reader *reader)
{
	epoch_enter(&reader->catalogue->epochs, reader->slot);
}

void catalogue_leave(struct catalogue_reader *reader)
{
	epoch_leave(reader->slot);
}

void catalogue_retire(struct catalogue *catalogue, struct retired *block)
{
	epoch_retire(&catalogue->epochs, block);
	epoch_collect(&catalogue->epochs);
}

const struct service *catalogue_find(const struct catalogue *catalogue, const struct service_key *key)
{
	struct octets octets;

	make_octets(&octets, key->namespace, key->service);
	return value_of(find_service(catalogue, &octets));
}

static const struct service *with_prepared(const struct entry *entry, const void **prepared)
{
	*prepared = entry == NULL ? NULL : entry->retired.owned[1];
	return value_of(entry);
}

const struct service *catalogue_find_prepared(const struct catalogue *catalogue, const char *namespace,
                                              const char *service, const void **prepared)
{
	struct octets octets;

	make_octets(&octets, namespace, service);
	return with_prepared(find_service(catalogue, &octets), prepared);
}

const struct service *catalogue_find_labels(const struct catalogue *catalogue, const uint8_t *labels, size_t size,
                                            const struct entry *ahead, const void **prepared)
{
	uint8_t lowered[KEY_MAX];

	if (ahead != NULL && entry_is(ahead, labels, size))
		return with_prepared(ahead, prepared);
	if (size > sizeof lowered) {
		*prepared = NULL;
		return NULL;
	}
	lower_put(lowered, labels, size);
	return with_prepared(find(&catalogue->services, lowered, size), prepared);
}

/* The hash of the first two labels of a name; of no use where they are none. */
static uint64_t hash_ahead(const uint8_t *labels)
{
	size_t service = labels[0] & NAME_LABEL_MAX, namespace = labels[1 + service] & NAME_LABEL_MAX;

	return table_hash(labels, 1 + service + 1 + namespace);
}

/* A service's addresses come behind it, the records for answers behind what is prepared. */
static void fetch_values(const struct entry *entry)
{
	enum { LINE = 64, SERVICE_LINES = 2, PREPARED_LINES = 6 }; /* of three instances */
	const uint8_t *service = entry->retired.owned[0], *prepared = entry->retired.owned[1];

	for (size_t i = 0; i < SERVICE_LINES; i++)
		__builtin_prefetch(service + i * LINE);
	for (size_t i = 0; i < PREPARED_LINES; i++)
		__builtin_prefetch(prepared + i * LINE);
}

void catalogue_look_ahead(const struct catalogue *catalogue, const uint8_t *const labels[], size_t count,
                          const struct entry *found[])
{
	const struct table *table = &catalogue->services;
	uint64_t hashes[CATALOGUE_AHEAD_MAX];

	assert(count <= CATALOGUE_AHEAD_MAX);
	for (size_t i = 0; i < count; i++) {
		hashes[i] = hash_ahead(labels[i]);
		table_fetch_slot(table, hashes[i]);
	}
	for (size_t i = 0; i < count; i++)
		found[i] = table_fetch_entry(table, hashes[i]);
	for (size_t i = 0; i < count; i++)
		if (found[i] != NULL)
			fetch_values(found[i]);
}

const struct service_names *catalogue_names_at(const struct catalogue *catalogue, const struct address *address)
{
	return catalogue->keeps_names ? names_find(&catalogue->names, address) : NULL;
}

size_t catalogue_size(const struct catalogue *catalogue)
{
	return catalogue->size;
}

bool catalogue_has_namespace(const struct catalogue *catalogue, const char *name)
{
	uint8_t octets[KEY_MAX];

	return find(&catalogue->services, octets, (size_t)(put_label(octets, name) - octets)) != NULL;
}
