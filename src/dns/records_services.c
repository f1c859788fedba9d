/*
 * SRV records and the addresses of their targets; see records_part.h. Called by records.c.
 *
 * Nearly every answer is the whole of a service, and fits: then its records are copied as they lie ready (targets.h), and
 * nothing is looked at twice; without the addresses where the client's size ends before them. All others are written record
 * by record.
 *
 * SPDX-License-Identifier: MIT
 */
#include "records_part.h"

#include "targets.h"

#include <string.h>

enum {
	POINTER_LIMIT = 0x4000, /* offsets from here on no compression pointer reaches, RFC 1035 section 4.1.4 */
	POINTER = 2,            /* octets */
	A_SIZE = RECORD_HEAD + 4,
	AAAA_SIZE = RECORD_HEAD + 16,
};

/* How much of a service's records fits where they are copied as they lie ready. */
enum fit {
	FITS_SOME, /* or the names are others */
	FITS_ROWS, /* and there is no room for any address */
	FITS_WHOLE,
};

static enum fit fit_of(const struct pen *pen, const struct targets *targets)
{
	const struct writer *writer = &pen->reply->writer;
	size_t start = writer_size(writer), room = (size_t)(writer->end - writer->start);
	size_t more_room = (size_t)(pen->reply->more_end - writer->start);

	if (pen->node->chosen != NULL || pen->node->zone == ZONE_ALIAS)
		return FITS_SOME;
	if (start + targets->octets <= more_room && start + targets->octets <= POINTER_LIMIT)
		return FITS_WHOLE;
	return start + targets->row_octets >= more_room && start + targets->row_octets <= room ? FITS_ROWS : FITS_SOME;
}

/* Copies the address record of a target whose name stands at `owner`. Returns where it ends. */
static inline uint8_t *copy_address(uint8_t *at, const struct target *target, size_t owner, uint32_t ttl)
{
	const uint8_t *record = target->record + target->size;

	if (target->address_size == A_SIZE)
		memcpy(at, record, A_SIZE); /* two sizes that the compiler knows */
	else
		memcpy(at, record, AAAA_SIZE);
	record_set_owner(at, owner);
	record_set_ttl(at, ttl);
	return at + target->address_size;
}

/* Each time it begins with another target. `whole` is a constant where it is called. */
static inline void copy_ready(struct pen *pen, const struct targets *targets, bool whole)
{
	struct reply *reply = pen->reply;
	const uint8_t *start = reply->writer.start;
	const struct target *first = targets->targets, *last = first + targets->count;
	const struct target *target = first + dns_scratch_turn(pen->view->scratch, targets->count);
	uint8_t *row = reply->writer.at, *address = row + targets->row_octets;
	uint32_t ttl = pen->ttl;

	pen->view->scratch->looked += targets->count;
	reply->writer.at += whole ? targets->octets : targets->row_octets;
	reply->answers = targets->rows;
	reply->additionals = whole ? targets->addresses : 0;
	for (size_t left = targets->count; left > 0; left--) {
		if (target->first_row) {
			memcpy(row, target->record, target->size);
			record_set_ttl(row, ttl);
			if (whole && target->first_address)
				address = copy_address(address, target, (size_t)(row - start) + SRV_HEAD, ttl);
			row += target->size;
		}
		if (++target == last)
			target = first;
	}
}

static const uint8_t service_label[] = {7, 's', 'e', 'r', 'v', 'i', 'c', 'e'};

/* Octets that a target gets before `nomad`: who asks under service.nomad may find nothing elsewhere. */
static size_t alias_size(const struct pen *pen, const struct target *target)
{
	return pen->node->zone == ZONE_ALIAS && target->address_size > 0 ? sizeof service_label : 0;
}

/* Writes a target, or the whole SRV record: what ends where it ends, with the alias' label before the zone. */
static void write_target(struct writer *writer, const uint8_t *octets, const uint8_t *end, size_t alias)
{
	size_t zone = alias > 0 ? sizeof TARGET_ZONE : 0;

	writer_put(writer, octets, (size_t)(end - octets) - zone);
	writer_put(writer, service_label, alias);
	writer_put(writer, TARGET_ZONE, zone);
}

/* Targets stand uncompressed (RFC 2782); the additional records' owners may point at them: so the row says where. */
static bool answer_srv(struct pen *pen, const struct target *target, struct srv_row *row)
{
	struct writer *writer = &pen->reply->writer;
	size_t alias = alias_size(pen, target);
	uint8_t *mark = writer->at;

	*row = (struct srv_row){target, writer_size(writer) + SRV_HEAD};
	write_target(writer, target->record, target->record + target->size, alias);
	if (!answer_fits(pen->reply, mark))
		return false;
	record_set_ttl(mark, pen->ttl);
	record_set_size(mark, target->size - (size_t)RECORD_HEAD + alias);
	return true;
}

/* The address of a target. Where no pointer reaches its name, that is written once more. */
static bool add_address(struct pen *pen, const struct srv_row *row)
{
	struct writer *writer = &pen->reply->writer;
	const struct target *target = row->target;
	const uint8_t *name = target->record + SRV_HEAD, *end = target->record + target->size;
	uint8_t *mark = writer->at;

	if (row->at < POINTER_LIMIT)
		writer_u16(writer, (uint16_t)(0xc000 | row->at));
	else
		write_target(writer, name, end, alias_size(pen, target));
	writer_put(writer, end + POINTER, target->address_size - (size_t)POINTER);
	if (!reply_more_fits(pen->reply, mark))
		return false;
	record_set_ttl(writer->at - target->address_size, pen->ttl);
	pen->reply->additionals++;
	return true;
}

/* The addresses of the rows' targets, each once. */
static void add_addresses(struct pen *pen, const struct srv_row *rows, size_t count)
{
	const struct zone_node *node = pen->node;
	struct seen *seen = pen->view->scratch->seen;

	seen_reset(seen, count);
	for (size_t i = 0; i < count; i++) {
		const struct address *address = node->service->instances[rows[i].target - node->targets->targets].addresses;
		if (rows[i].target->address_size > 0 &&
		    seen_add(seen, seen_hash_address(address), address, seen_same_address) && !add_address(pen, &rows[i]))
			return;
	}
}

/* Whether the answer has no such row yet. */
static bool is_new(const struct pen *pen, const struct target *target, const struct instance *instance)
{
	return target->has_row &&
	       seen_add(pen->view->scratch->seen, target_hash_row(instance), instance, target_same_row);
}

/* Of a large service the rows that differ are laid out: no more of them is looked at than the answer holds. */
static void write_each(struct pen *pen)
{
	const struct zone_node *node = pen->node;
	const struct selection *selection = node->selection;
	struct dns_scratch *scratch = pen->view->scratch;
	const struct instance *const *list = selection == NULL ? node->chosen : index_rows(node->targets->index, selection);
	size_t count = selection == NULL ? node->chosen_count : selection->row_count, found = 0;
	size_t at = dns_scratch_turn(scratch, count);

	seen_reset(scratch->seen, selection == NULL ? count : 0);
	for (size_t left = count; left > 0; left--, at = at + 1 == count ? 0 : at + 1) {
		const struct instance *instance = list == NULL ? &node->service->instances[at] : list[at];
		const struct target *target = &node->targets->targets[instance - node->service->instances];
		scratch->looked++;
		if (selection == NULL && !is_new(pen, target, instance))
			continue;
		if (!answer_srv(pen, target, &scratch->rows[found]))
			return;
		found++;
	}
	add_addresses(pen, scratch->rows, found);
}

void records_answer_services(struct pen *pen)
{
	const struct targets *targets = pen->node->targets;

	switch (fit_of(pen, targets)) {
	case FITS_WHOLE:
		copy_ready(pen, targets, true);
		break;
	case FITS_ROWS:
		copy_ready(pen, targets, false);
		break;
	case FITS_SOME:
		write_each(pen);
	}
}
