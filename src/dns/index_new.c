/*
 * Making the index of a large service; see index.h. Called by targets.c with each service that changes: its cost grows with
 * what the service holds and no faster, whatever is registered.
 *
 * First each instance is noted with every key that selects it, which gives the selections; then the selections' lists are
 * laid out one behind the other. Which rows and addresses are the same is found out once for the whole service.
 *
 * SPDX-License-Identifier: MIT
 */
#include "alike.h"
#include "index_part.h"
#include "targets.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

enum {
	ROOM_FIRST = 64, /* items of a growing array */
	SHORT_ID = 8,    /* the digits by which the nomad command shows an allocation */
};

/* Something that a selection lists: an instance, or a spelling, by its number. */
struct posting {
	uint32_t selection;
	uint32_t item;
};

struct making {
	const struct service *service;
	struct index *index; /* its selections grow */
	size_t room;
	uint32_t *slots;
	size_t slots_room;
	struct posting *postings;
	size_t posting_count, posting_room;
	const void **list;
	size_t listed, list_room;
	struct alike rows;        /* instances */
	struct alike addresses;   /* all addresses of all instances */
	size_t *address_at;       /* by instance: where its own begin */
};

/* Makes room for `wanted` items of `size` octets behind `head` octets; false without memory. */
static bool make_room(void *array, size_t *room, size_t wanted, size_t size, size_t head)
{
	size_t larger = *room == 0 ? ROOM_FIRST : *room;
	void *block;

	if (wanted <= *room)
		return true;
	while (larger < wanted)
		larger *= 2;
	memcpy(&block, array, sizeof block);
	block = realloc(block, head + larger * size);
	if (block == NULL)
		return false;
	memcpy(array, &block, sizeof block);
	*room = larger;
	return true;
}

static void fill_slot(const struct making *making, uint32_t number)
{
	size_t mask = making->slots_room - 1, at = (size_t)making->index->selections[number].hash & mask;

	while (making->slots[at] != 0)
		at = (at + 1) & mask;
	making->slots[at] = number + 1;
}

/* Half of the slots stay free. */
static bool make_slots(struct making *making)
{
	size_t room = making->slots_room == 0 ? ROOM_FIRST : 2 * making->slots_room;

	if (2 * ((size_t)making->index->count + 1) <= making->slots_room)
		return true;
	uint32_t *slots = calloc(room, sizeof *slots);
	if (slots == NULL)
		return false;
	free(making->slots);
	making->slots = slots;
	making->slots_room = room;
	for (uint32_t i = 0; i < making->index->count; i++)
		fill_slot(making, i);
	return true;
}

/* The number of the key's selection, made where there is none; false without memory. */
static bool find_or_add(struct making *making, const struct index_key *key, uint32_t *number)
{
	struct index *index = making->index;
	uint64_t hash = index_hash(index, key);

	if (!make_slots(making) || !make_room(&making->index, &making->room, (size_t)index->count + 1,
	                                      sizeof *index->selections, sizeof *index))
		return false;
	index = making->index;
	size_t mask = making->slots_room - 1, at = (size_t)hash & mask;
	for (; making->slots[at] != 0; at = (at + 1) & mask)
		if (index_is(&index->selections[making->slots[at] - 1], hash, key)) {
			*number = making->slots[at] - 1;
			return true;
		}
	*number = index->count++;
	index->selections[*number] = (struct selection){.range = key->range, .kind = (uint8_t)key->kind,
	                                                .key_size = (uint8_t)key->size, .key = key->octets, .hash = hash};
	making->slots[at] = *number + 1;
	return true;
}

/* Notes that a key selects an item; once, as an item's keys come one after the other. */
static bool note(struct making *making, const struct index_key *key, size_t item)
{
	uint32_t number;

	if (!find_or_add(making, key, &number) ||
	    !make_room(&making->postings, &making->posting_room, making->posting_count + 1, sizeof *making->postings, 0))
		return false;
	struct selection *selection = &making->index->selections[number];
	if (selection->count > 0 && selection->first == item)
		return true;
	selection->first = (uint32_t)item; /* the last one, until the lists are laid out */
	selection->count++;
	making->postings[making->posting_count++] = (struct posting){number, (uint32_t)item};
	return true;
}

/* What no name can ask for is left out; most tags are so, as they hold dots and the like. */
static bool note_text(struct making *making, enum index_kind kind, uint32_t range, const char *text, size_t item)
{
	return !name_is_label(text) || note(making, &(struct index_key){kind, range, strlen(text), text}, item);
}

static bool note_allocation(struct making *making, uint32_t range, const char *id, size_t item)
{
	return note_text(making, INDEX_ALLOCATION, range, id, item) &&
	       (strnlen(id, SHORT_ID) < SHORT_ID || !name_is_label(id) ||
	        note(making, &(struct index_key){INDEX_ALLOCATION, range, SHORT_ID, id}, item));
}

static bool note_instance(struct making *making, uint32_t range, size_t item)
{
	const struct instance *instance = &making->service->instances[item];
	bool good = note(making, &(struct index_key){INDEX_ALL, range, 0, NULL}, item) &&
	            note_allocation(making, range, instance->allocation, item);

	for (size_t i = 0; i < instance->address_count && good; i++) {
		const struct address *address = &instance->addresses[i];
		good = note(making, &(struct index_key){INDEX_ADDRESS, range, sizeof *address, address}, item);
	}
	for (size_t i = 0; i < instance->tag_count && good; i++)
		good = note_text(making, INDEX_TAG, range, instance->tags[i], item);
	return good;
}

/* The instances of each spelling, and where there are several, of all together as one more. */
static bool note_all(struct making *making)
{
	const struct service *service = making->service;
	bool good = true;

	for (uint32_t range = 0; range < service->spelling_count && good; range++) {
		const struct spelling *spelling = &service->spellings[range];
		for (size_t i = spelling->first; i < spelling->first + spelling->count && good; i++)
			good = note_instance(making, range, i);
		good = good && note_text(making, INDEX_SPELLING, 0, spelling->service, range);
	}
	for (size_t i = 0; i < service->instance_count && service->spelling_count > 1 && good; i++)
		good = note_instance(making, (uint32_t)service->spelling_count, i);
	return good;
}

/* Finds out which rows and which addresses of the whole service are the same. */
static bool compare_all(struct making *making)
{
	const struct service *service = making->service;
	size_t count = service->instance_count, all = 0;

	making->address_at = calloc(count + 1, sizeof *making->address_at);
	if (making->address_at == NULL || !alike_init(&making->rows, count))
		return false;
	for (size_t i = 0; i < count; i++) {
		making->address_at[i] = all;
		all += service->instances[i].address_count;
		making->rows.items[i] = target_has_row(&service->instances[i]) ? &service->instances[i] : NULL;
	}
	if (!alike_init(&making->addresses, all))
		return false;
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < service->instances[i].address_count; j++)
			making->addresses.items[making->address_at[i] + j] = &service->instances[i].addresses[j];
	return alike_compare_rows(&making->rows, making->index->secret) &&
	       alike_compare_addresses(&making->addresses, making->index->secret);
}

/* Lists one of the items, unless the selection has the same already. Room is made before. */
static void list_once(struct making *making, struct alike *alike, size_t item, uint32_t selection)
{
	if (alike_is_new(alike, item, selection))
		making->list[making->listed++] = alike->items[item];
}

static size_t number_of(const struct making *making, uint32_t place)
{
	return (size_t)((const struct instance *)making->list[place] - making->service->instances);
}

static bool list_rows(struct making *making, uint32_t number)
{
	struct selection *selection = &making->index->selections[number];

	if (!make_room(&making->list, &making->list_room, making->listed + selection->count, sizeof *making->list, 0))
		return false;
	selection->rows = (uint32_t)making->listed;
	for (uint32_t i = 0; i < selection->count; i++) {
		size_t item = number_of(making, selection->first + i);
		if (making->rows.items[item] != NULL)
			list_once(making, &making->rows, item, number);
	}
	selection->row_count = (uint32_t)making->listed - selection->rows;
	if (selection->row_count < selection->count)
		return true;
	making->listed = selection->rows; /* the same as its instances, as nearly always */
	selection->rows = selection->first;
	return true;
}

/* Lists the addresses of one family; how many. */
static uint32_t list_family(struct making *making, uint32_t number, int family)
{
	const struct selection *selection = &making->index->selections[number];
	size_t before = making->listed;

	for (uint32_t i = 0; i < selection->count; i++) {
		size_t item = number_of(making, selection->first + i);
		const struct instance *instance = &making->service->instances[item];
		for (size_t j = 0; j < instance->address_count; j++)
			if (instance->addresses[j].family == family)
				list_once(making, &making->addresses, making->address_at[item] + j, number);
	}
	return (uint32_t)(making->listed - before);
}

static bool list_addresses(struct making *making, uint32_t number)
{
	struct selection *selection = &making->index->selections[number];
	size_t most = 0;

	for (uint32_t i = 0; i < selection->count; i++) {
		const struct instance *instance = making->list[selection->first + i];
		most += instance->address_count;
		selection->unresolved |= instance->unresolved;
	}
	if (!make_room(&making->list, &making->list_room, making->listed + most, sizeof *making->list, 0))
		return false;
	selection->addresses = (uint32_t)making->listed;
	selection->v4_count = list_family(making, number, AF_INET);
	selection->v6_count = list_family(making, number, AF_INET6);
	return true;
}

/* Puts the items of all selections into the list, those of each together, in their order. */
static bool list_items(struct making *making)
{
	struct index *index = making->index;
	uint32_t at = 0;

	if (!make_room(&making->list, &making->list_room, making->posting_count, sizeof *making->list, 0))
		return false;
	for (uint32_t i = 0; i < index->count; i++) {
		index->selections[i].first = at;
		at += index->selections[i].count;
		index->selections[i].count = 0;
	}
	for (size_t i = 0; i < making->posting_count; i++) {
		const struct posting *posting = &making->postings[i];
		struct selection *selection = &index->selections[posting->selection];
		making->list[selection->first + selection->count++] =
			selection->kind == INDEX_SPELLING ? (const void *)&making->service->spellings[posting->item]
			                                  : &making->service->instances[posting->item];
	}
	making->listed = at;
	return true;
}

static bool list_all(struct making *making)
{
	bool good = list_items(making) && compare_all(making);

	for (uint32_t i = 0; i < making->index->count && good; i++)
		if (making->index->selections[i].kind != INDEX_SPELLING)
			good = list_rows(making, i) && list_addresses(making, i);
	return good;
}

/* Puts the list and the slots behind the selections. NULL without memory. */
static struct index *join(struct making *making, size_t *size)
{
	struct index *index = making->index;
	size_t selections = sizeof *index + index->count * sizeof *index->selections;
	size_t list = making->listed * sizeof *making->list, slots = making->slots_room * sizeof *making->slots;
	uint8_t *block = malloc(selections + list + slots);

	if (block == NULL)
		return NULL;
	index->listed = (uint32_t)making->listed;
	index->mask = (uint32_t)(making->slots_room - 1);
	memcpy(block, index, selections);
	memcpy(block + selections, making->list, list);
	memcpy(block + selections + list, making->slots, slots);
	*size = selections + list + slots;
	return (struct index *)(void *)block;
}

struct index *index_new(const struct service *service, size_t *size)
{
	struct making making = {.service = service};
	struct index *made = NULL;

	if (!make_room(&making.index, &making.room, 1, sizeof *making.index->selections, sizeof *making.index))
		return NULL;
	*making.index = (struct index){.count = 0};
	if (getrandom(making.index->secret, SIPHASH_KEY, GRND_NONBLOCK) < 0)
		making.index->secret[0] = 1; /* without randomness yet, at boot: it is as fast, unless somebody knows that */
	if (note_all(&making) && list_all(&making))
		made = join(&making, size);
	alike_done(&making.rows);
	alike_done(&making.addresses);
	free(making.address_at);
	free(making.list);
	free(making.postings);
	free(making.slots);
	free(making.index);
	return made;
}
