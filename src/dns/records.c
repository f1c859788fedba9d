/*
 * The records of services; see records.h. Called by reply.c. Those of the zone itself are in apex.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "records.h"

#include "apex.h"
#include "targets.h"

#include <string.h>
#include <sys/socket.h>

enum { POINTER_LIMIT = 0x4000 }; /* offsets from here on no compression pointer reaches, RFC 1035 section 4.1.4 */

/* An answer being written. */
struct pen {
	struct reply *reply;
	const struct dns_view *view;
	const struct zone_node *node;
	uint32_t ttl;
};

/* Writes one record into the answer section; false where it did not fit, and TC is set. */
static bool answer_fits(struct reply *reply, uint8_t *mark)
{
	if (!reply_fits(reply, mark)) {
		reply->flags |= FLAG_TC;
		return false;
	}
	reply->answers++;
	return true;
}

static void write_address(struct reply *reply, size_t owner, const struct address *address, uint32_t ttl)
{
	uint8_t record[RECORD_HEAD + sizeof address->octets];
	bool is_v4 = address->family == AF_INET;

	record_head(record, owner, is_v4 ? DNS_A : DNS_AAAA, ttl, is_v4 ? 4 : 16);
	memcpy(record + RECORD_HEAD, address->octets, sizeof address->octets);
	if (is_v4)
		writer_put(&reply->writer, record, RECORD_HEAD + 4); /* two sizes that the compiler knows */
	else
		writer_put(&reply->writer, record, RECORD_HEAD + 16);
}

static bool answer_address(struct pen *pen, const struct address *address)
{
	uint8_t *mark = pen->reply->writer.at;

	write_address(pen->reply, MESSAGE_QUESTION, address, pen->ttl);
	return answer_fits(pen->reply, mark);
}

static void answer_all_addresses(struct pen *pen, int family)
{
	const struct service *service = pen->node->service;
	size_t count = service->address_count;
	size_t at = dns_scratch_turn(pen->view->scratch, count);

	for (size_t i = 0; i < count; i++, at = at + 1 == count ? 0 : at + 1)
		if (service->addresses[at].family == family && !answer_address(pen, &service->addresses[at]))
			return;
}

static void answer_chosen_addresses(struct pen *pen, int family)
{
	const struct zone_node *node = pen->node;
	struct dns_scratch *scratch = pen->view->scratch;
	size_t at = dns_scratch_turn(scratch, node->chosen_count), most = 0;

	for (size_t i = 0; i < node->chosen_count; i++)
		most += node->chosen[i]->address_count;
	seen_reset(scratch->seen, most);
	for (size_t i = 0; i < node->chosen_count; i++, at = at + 1 == node->chosen_count ? 0 : at + 1)
		for (size_t j = 0; j < node->chosen[at]->address_count; j++) {
			const struct address *address = &node->chosen[at]->addresses[j];
			if (address->family != family ||
			    !seen_add(scratch->seen, seen_hash_address(address), address, seen_same_address))
				continue;
			if (!answer_address(pen, address))
				return;
		}
}

static void answer_addresses(struct pen *pen, int family)
{
	const struct zone_node *node = pen->node;

	if (node->has_only) {
		if (node->only.family == family)
			answer_address(pen, &node->only);
	} else if (node->all_addresses) {
		answer_all_addresses(pen, family);
	} else {
		answer_chosen_addresses(pen, family);
	}
}

static const uint8_t service_label[] = {7, 's', 'e', 'r', 'v', 'i', 'c', 'e'};

/* Octets that a target gets before `nomad`: who asks under service.nomad may find nothing elsewhere. */
static size_t alias_size(const struct pen *pen, const struct target *target)
{
	return pen->node->zone == ZONE_ALIAS && target->address_size > 0 ? sizeof service_label : 0;
}

/* Writes a target, or the whole SRV record: what ends where it ends, with the alias' label before the zone. */
static void write_aliased(struct writer *writer, const uint8_t *octets, const uint8_t *end, size_t alias)
{
	writer_put(writer, octets, (size_t)(end - octets) - sizeof TARGET_ZONE);
	writer_put(writer, service_label, alias);
	writer_put(writer, TARGET_ZONE, sizeof TARGET_ZONE);
}

static bool answer_aliased_srv(struct pen *pen, const struct target *target)
{
	uint8_t *mark = pen->reply->writer.at;
	size_t alias = alias_size(pen, target);

	write_aliased(&pen->reply->writer, target->record, target->record + target->size, alias);
	if (!answer_fits(pen->reply, mark))
		return false;
	record_set_ttl(mark, pen->ttl);
	record_set_size(mark, target->size - (size_t)RECORD_HEAD + alias);
	return true;
}

/* Targets stand uncompressed (RFC 2782); the additional records' owners may point at them: so the row says where. */
static inline bool answer_srv(struct pen *pen, const struct target *target, struct srv_row *row)
{
	struct writer *writer = &pen->reply->writer;
	uint8_t *mark = writer->at;

	*row = (struct srv_row){target, writer_size(writer) + SRV_HEAD};
	if (pen->node->zone == ZONE_ALIAS && target->address_size > 0)
		return answer_aliased_srv(pen, target);
	writer_put(writer, target->record, target->size);
	if (!answer_fits(pen->reply, mark))
		return false;
	record_set_ttl(mark, pen->ttl);
	return true;
}

/* A target's address whose owner is the whole name once more: no pointer reaches as far as where that stands. */
static bool add_far_address(struct pen *pen, const struct target *target)
{
	enum { POINTER = 2 }; /* octets */
	struct writer *writer = &pen->reply->writer;
	const uint8_t *end = target->record + target->size;
	uint8_t *mark = writer->at;
	size_t alias = alias_size(pen, target);

	if (alias == 0)
		writer_put(writer, target->record + SRV_HEAD, target->size - (size_t)SRV_HEAD);
	else
		write_aliased(writer, target->record + SRV_HEAD, end, alias);
	writer_put(writer, end + POINTER, target->address_size - (size_t)POINTER);
	if (!reply_fits(pen->reply, mark))
		return false;
	record_set_ttl(writer->at - target->address_size, pen->ttl);
	pen->reply->additionals++;
	return true;
}

/* The address of a target. */
static inline bool add_address(struct pen *pen, const struct srv_row *row)
{
	enum { A_SIZE = RECORD_HEAD + 4 };
	struct writer *writer = &pen->reply->writer;
	const struct target *target = row->target;
	const uint8_t *record = target->record + target->size;
	uint8_t *mark = writer->at;

	if (row->at >= POINTER_LIMIT)
		return add_far_address(pen, target);
	if (target->address_size == A_SIZE)
		writer_put(writer, record, A_SIZE); /* two sizes that the compiler knows */
	else
		writer_put(writer, record, RECORD_HEAD + 16);
	if (!reply_fits(pen->reply, mark))
		return false;
	record_set_owner(mark, row->at);
	record_set_ttl(mark, pen->ttl);
	pen->reply->additionals++;
	return true;
}

/* Writes the SRV records of targets from one up to another, and rows of them; returns where the rows end, NULL with TC. */
static struct srv_row *answer_targets(struct pen *pen, const struct target *target, const struct target *end,
                                      struct srv_row *row)
{
	for (; target < end; target++) {
		if (!target->first_row)
			continue;
		if (!answer_srv(pen, target, row))
			return NULL;
		row++;
	}
	return row;
}

/* The records of all instances; which of them say something new was found out when the service changed. */
static void answer_all_services(struct pen *pen)
{
	struct srv_row *rows = pen->view->scratch->rows;
	const struct targets *targets = pen->node->targets;
	const struct target *first = targets->targets, *last = first + targets->count;
	const struct target *middle = first + dns_scratch_turn(pen->view->scratch, targets->count);

	struct srv_row *end = answer_targets(pen, middle, last, rows);
	if (end != NULL)
		end = answer_targets(pen, first, middle, end);
	for (const struct srv_row *row = rows; row < end; row++)
		if (row->target->first_address && !add_address(pen, row))
			return;
}

/* The addresses of the rows' targets, each once. */
static void add_chosen_targets(struct pen *pen, const struct srv_row *rows, size_t count)
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

/* The records of some instances. */
static void answer_chosen_services(struct pen *pen)
{
	const struct zone_node *node = pen->node;
	struct dns_scratch *scratch = pen->view->scratch;
	size_t count = node->chosen_count, at = dns_scratch_turn(scratch, count), found = 0;

	seen_reset(scratch->seen, count);
	for (size_t left = count; left > 0; left--, at = at + 1 == count ? 0 : at + 1) {
		const struct instance *instance = node->chosen[at];
		const struct target *target = &node->targets->targets[instance - node->service->instances];
		if (!target->has_row ||
		    !seen_add(scratch->seen, target_hash_row(instance), instance, target_same_row))
			continue;
		if (!answer_srv(pen, target, &scratch->rows[found]))
			return;
		found++;
	}
	add_chosen_targets(pen, scratch->rows, found);
}

static void answer_services(struct pen *pen)
{
	if (pen->node->chosen == NULL)
		answer_all_services(pen);
	else
		answer_chosen_services(pen);
}

/* Writes "key=value", in as many strings of up to 255 octets as it takes (RFC 1035 section 3.3.14). */
static void write_string(struct writer *writer, const char *key, const char *value)
{
	enum { MOST = 255 };
	size_t left = strlen(value), start = strlen(key) + 1;

	size_t part = left < MOST - start ? left : MOST - start;
	writer_u8(writer, (uint8_t)(start + part));
	writer_put(writer, key, start - 1);
	writer_u8(writer, '=');
	writer_put(writer, value, part);
	for (value += part, left -= part; left > 0; value += part, left -= part) {
		part = left < MOST ? left : MOST;
		writer_u8(writer, (uint8_t)part);
		writer_put(writer, value, part);
	}
}

/* What is known of an instance. The id comes first: no two have the same, so no two records are. */
static void write_text(struct writer *writer, const struct instance *instance)
{
	write_string(writer, "id", instance->id);
	write_string(writer, "allocation", instance->allocation);
	write_string(writer, "node", instance->node);
	write_string(writer, "job", instance->job);
	write_string(writer, "datacenter", instance->datacenter);
	for (size_t i = 0; i < instance->tag_count; i++)
		write_string(writer, "tag", instance->tags[i]);
}

static void answer_texts(struct pen *pen)
{
	struct writer *writer = &pen->reply->writer;

	for (size_t i = 0; i < pen->node->chosen_count; i++) {
		uint8_t *mark = writer->at;
		reply_head(pen->reply, MESSAGE_QUESTION, DNS_TXT, pen->ttl, 0);
		size_t data = writer_size(writer);
		write_text(writer, pen->node->chosen[i]);
		writer_u16_at(writer, data - 2, (uint16_t)(writer_size(writer) - data));
		if (!answer_fits(pen->reply, mark))
			return;
	}
}

/* The services at an address, by their names. */
static void answer_names(struct pen *pen)
{
	const struct service_names *names = pen->node->names;
	uint8_t octets[2 * (NAME_LABEL_MAX + 1) + sizeof "\5nomad"];

	for (size_t i = 0; i < names->count; i++) {
		uint8_t *mark = pen->reply->writer.at;
		uint8_t *at = target_put_label(octets, names->keys[i].service, strlen(names->keys[i].service));
		at = target_put_label(at, names->keys[i].namespace, strlen(names->keys[i].namespace));
		at = mempcpy(at, TARGET_ZONE, sizeof TARGET_ZONE);
		reply_head(pen->reply, MESSAGE_QUESTION, DNS_PTR, pen->ttl, (size_t)(at - octets));
		writer_put(&pen->reply->writer, octets, (size_t)(at - octets));
		if (!answer_fits(pen->reply, mark))
			return;
	}
}

static void answer_service(struct pen *pen, uint16_t type)
{
	if (type == DNS_A || type == DNS_AAAA)
		answer_addresses(pen, type == DNS_A ? AF_INET : AF_INET6);
	else if (type == DNS_SRV)
		answer_services(pen);
	else if (type == DNS_TXT && pen->node->is_instance)
		answer_texts(pen);
}

static void answer_type(struct pen *pen, const struct dns_client *client, uint16_t type)
{
	const struct zone_node *node = pen->node;

	if (node->is_apex && (type == DNS_SOA || type == DNS_NS))
		apex_write(pen->reply, pen->view, node, client, type, pen->ttl);
	else if (node->is_server && (type == DNS_A || type == DNS_AAAA))
		apex_write_server(pen->reply, pen->view, client, type, pen->ttl);
	else if (node->zone == ZONE_REVERSE && node->names != NULL && type == DNS_PTR)
		answer_names(pen);
	else if (node->zone != ZONE_REVERSE && node->verdict == VERDICT_FOUND)
		answer_service(pen, type);
}

void records_write(struct reply *reply, const struct dns_view *view, const struct zone_node *node,
                   const struct dns_client *client, uint16_t type, uint32_t ttl)
{
	static const uint16_t any[] = {DNS_SOA, DNS_A, DNS_AAAA, DNS_SRV, DNS_PTR};
	struct pen pen = {reply, view, node, ttl};

	if (type != DNS_ANY) {
		answer_type(&pen, client, type);
		return;
	}
	for (size_t i = 0; i < sizeof any / sizeof *any && reply->answers == 0 && (reply->flags & FLAG_TC) == 0; i++)
		answer_type(&pen, client, any[i]);
}

void records_write_negative(struct reply *reply, const struct dns_view *view, const struct zone_node *node)
{
	uint8_t *mark = reply->writer.at;

	apex_write_soa(reply, view, node, view->settings->negative_ttl);
	if (reply_fits(reply, mark))
		reply->authorities++;
	else
		reply->flags |= FLAG_TC;
}
