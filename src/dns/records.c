/*
 * The records of services; see records.h. Called by reply.c. Those of the zone itself are in apex.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "records.h"

#include "apex.h"
#include "text.h"

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

static uint64_t hash_address(const struct address *address)
{
	uint64_t half[2];

	memcpy(half, address->octets, sizeof half);
	uint64_t hash = (half[0] ^ half[1] * 3 ^ address->family) * UINT64_C(0x9e3779b97f4a7c15); /* 2^64 / golden ratio */
	return hash ^ hash >> 32;
}

static bool same_address(const void *a, const void *b)
{
	return address_equal(a, b);
}

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
	size_t size = address_size(address);

	reply_head(reply, owner, address->family == AF_INET ? DNS_A : DNS_AAAA, ttl, size);
	writer_put(&reply->writer, address->octets, size);
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
	seen_reset(&scratch->seen, most);
	for (size_t i = 0; i < node->chosen_count; i++, at = at + 1 == node->chosen_count ? 0 : at + 1)
		for (size_t j = 0; j < node->chosen[at]->address_count; j++) {
			const struct address *address = &node->chosen[at]->addresses[j];
			if (address->family != family ||
			    !seen_add(&scratch->seen, hash_address(address), address, same_address))
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

static bool same_row(const void *a, const void *b)
{
	const struct instance *one = a, *other = b;

	if (one->port != other->port || (one->host == NULL) != (other->host == NULL))
		return false;
	return one->host == NULL ? address_equal(&one->addresses[0], &other->addresses[0])
	                         : text_same(one->host, other->host);
}

static uint64_t hash_row(const struct instance *instance)
{
	uint64_t hash = 0;

	if (instance->host == NULL)
		hash = hash_address(&instance->addresses[0]);
	else
		for (const char *c = instance->host; *c != '\0'; c++)
			hash = (hash ^ (uint64_t)(*c | 0x20)) * UINT64_C(0x100000001b3); /* FNV-1a's prime; letters of any case */
	return hash + instance->port * UINT64_C(0x9e3779b9);
}

/* The name that the targets of a spelling lie under: SERVICE.NAMESPACE.nomad, or .service.nomad for who asks so. */
struct suffix {
	const struct spelling *spelling;
	size_t size;
	uint8_t octets[2 * (NAME_LABEL_MAX + 1) + sizeof "\7service\5nomad"];
};

static uint8_t *put_label(uint8_t *at, const char *label)
{
	size_t length = strlen(label);

	*at = (uint8_t)length;
	memcpy(at + 1, label, length);
	return at + 1 + length;
}

static const struct spelling *spelling_of(const struct service *service, const struct instance *instance)
{
	size_t place = (size_t)(instance - service->instances);
	const struct spelling *spelling = service->spellings;

	while (place - spelling->first >= spelling->count)
		spelling++;
	return spelling;
}

static void build_suffix(struct suffix *suffix, const struct zone_node *node, const struct instance *instance)
{
	const struct spelling *spelling = spelling_of(node->service, instance);

	if (suffix->spelling == spelling)
		return;
	uint8_t *at = put_label(put_label(suffix->octets, spelling->service), spelling->namespace);
	if (node->zone == ZONE_ALIAS)
		at = put_label(at, "service");
	at = put_label(at, "nomad");
	*at++ = 0;
	suffix->size = (size_t)(at - suffix->octets);
	suffix->spelling = spelling;
}

/* Writes a host's name, which address_is_host() took: labels of 1 to 63 octets, perhaps a dot at the end. */
static void write_host(struct writer *writer, const char *host)
{
	for (const char *label = host; *label != '\0';) {
		size_t length = (size_t)(strchrnul(label, '.') - label);
		writer_u8(writer, (uint8_t)length);
		writer_put(writer, label, length);
		label += length + (label[length] == '.');
	}
	writer_u8(writer, 0);
}

/* Targets stand uncompressed (RFC 2782); the additional records' owners may point at them. */
static void write_target(struct writer *writer, const struct instance *instance, const struct suffix *suffix)
{
	char label[1 + ADDRESS_TEXT_MAX];

	if (instance->host != NULL) {
		write_host(writer, instance->host);
		return;
	}
	address_label(&instance->addresses[0], label + 1);
	size_t length = strlen(label + 1);
	label[0] = (char)length;
	writer_put(writer, label, 1 + length);
	writer_put(writer, suffix->octets, suffix->size);
}

static bool answer_srv(struct pen *pen, const struct instance *instance, struct suffix *suffix, struct srv_row *row)
{
	struct writer *writer = &pen->reply->writer;
	uint8_t *mark = writer->at;
	const uint8_t head[] = {0, SRV_PRIORITY, 0, SRV_WEIGHT, (uint8_t)(instance->port >> 8), (uint8_t)instance->port};

	build_suffix(suffix, pen->node, instance);
	reply_head(pen->reply, MESSAGE_QUESTION, DNS_SRV, pen->ttl, 0);
	size_t data = writer_size(writer);
	writer_put(writer, head, sizeof head);
	*row = (struct srv_row){instance, writer_size(writer)};
	write_target(writer, instance, suffix);
	writer_u16_at(writer, data - 2, (uint16_t)(writer_size(writer) - data));
	return answer_fits(pen->reply, mark);
}

/* A target's own name, as owner: a pointer to it, or where none reaches that far, the whole of it once more. */
static void write_additional(struct pen *pen, const struct srv_row *row)
{
	struct writer *writer = &pen->reply->writer;
	const struct address *address = &row->instance->addresses[0];
	uint8_t head[10] = {0, address->family == AF_INET ? DNS_A : DNS_AAAA, 0, DNS_IN};

	if (row->target < POINTER_LIMIT) {
		write_address(pen->reply, row->target, address, pen->ttl);
		return;
	}
	const uint8_t *name = writer->start + row->target, *end = name;
	while (*end != 0)
		end += 1 + *end;
	writer_put(writer, name, (size_t)(end - name) + 1);
	uint32_t ttl = pen->ttl;
	for (size_t i = 0; i < 4; i++)
		head[4 + i] = (uint8_t)(ttl >> (24 - 8 * i));
	head[9] = (uint8_t)address_size(address);
	writer_put(writer, head, sizeof head);
	writer_put(writer, address->octets, address_size(address));
}

/* The targets' addresses. A host's are not ours to say. */
static void add_targets(struct pen *pen, const struct srv_row *rows, size_t count)
{
	struct reply *reply = pen->reply;
	struct seen *seen = &pen->view->scratch->seen;

	seen_reset(seen, count);
	for (size_t i = 0; i < count; i++) {
		const struct instance *instance = rows[i].instance;
		uint8_t *mark = reply->writer.at;
		if (instance->host != NULL ||
		    !seen_add(seen, hash_address(&instance->addresses[0]), &instance->addresses[0], same_address))
			continue;
		write_additional(pen, &rows[i]);
		if (!reply_fits(reply, mark))
			return;
		reply->additionals++;
	}
}

/* An instance without a port is left out: it has addresses, but nothing that a program could connect to by SRV. */
static bool has_row(const struct instance *instance)
{
	return instance->port != 0 && (instance->host != NULL || instance->address_count > 0);
}

static void answer_services(struct pen *pen)
{
	const struct zone_node *node = pen->node;
	struct dns_scratch *scratch = pen->view->scratch;
	size_t at = dns_scratch_turn(scratch, node->chosen_count), rows = 0;
	struct suffix suffix = {.spelling = NULL};

	seen_reset(&scratch->seen, node->chosen_count);
	for (size_t i = 0; i < node->chosen_count; i++, at = at + 1 == node->chosen_count ? 0 : at + 1) {
		const struct instance *instance = node->chosen[at];
		if (!has_row(instance) || !seen_add(&scratch->seen, hash_row(instance), instance, same_row))
			continue;
		if (!answer_srv(pen, instance, &suffix, &scratch->rows[rows]))
			break;
		rows++;
	}
	if ((pen->reply->flags & FLAG_TC) == 0)
		add_targets(pen, scratch->rows, rows);
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
		uint8_t *at = put_label(put_label(octets, names->keys[i].service), names->keys[i].namespace);
		at = put_label(at, "nomad");
		*at++ = 0;
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
}
