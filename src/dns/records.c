/*
 * The records of a name; see records.h. Called by reply.c. SRV records are in records_services.c, TXT records in
 * records_texts.c, those of the zone itself in apex.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "records_part.h"

#include "apex.h"

#include <string.h>
#include <sys/socket.h>

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

	pen->view->scratch->looked += count;
	for (size_t i = 0; i < count; i++, at = at + 1 == count ? 0 : at + 1)
		if (service->addresses[at].family == family && !answer_address(pen, &service->addresses[at]))
			return;
}

/* Of a large service they are laid out: no more of them is looked at than the answer holds. */
static void answer_selected_addresses(struct pen *pen, int family)
{
	const struct zone_node *node = pen->node;
	const struct address *const *addresses = index_addresses(node->targets->index, node->selection, family);
	size_t count = index_count_addresses(node->selection, family);
	size_t at = dns_scratch_turn(pen->view->scratch, count);

	for (size_t i = 0; i < count; i++, at = at + 1 == count ? 0 : at + 1) {
		pen->view->scratch->looked++;
		if (!answer_address(pen, addresses[at]))
			return;
	}
}

static void answer_chosen_addresses(struct pen *pen, int family)
{
	const struct zone_node *node = pen->node;
	struct dns_scratch *scratch = pen->view->scratch;
	size_t at = dns_scratch_turn(scratch, node->chosen_count), most = 0;

	for (size_t i = 0; i < node->chosen_count; i++)
		most += node->chosen[i]->address_count;
	scratch->looked += most;
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
	} else if (node->selection != NULL) {
		answer_selected_addresses(pen, family);
	} else if (node->all_addresses) {
		answer_all_addresses(pen, family);
	} else {
		answer_chosen_addresses(pen, family);
	}
}

/* The services at an address, by their names. */
static void answer_names(struct pen *pen)
{
	const struct service_names *names = pen->node->names;
	size_t count = names->count, at = dns_scratch_turn(pen->view->scratch, count);
	uint8_t octets[2 * (NAME_LABEL_MAX + 1) + sizeof TARGET_ZONE];

	for (size_t i = 0; i < count; i++, at = at + 1 == count ? 0 : at + 1) {
		const struct service_key *key = &names->keys[at];
		uint8_t *mark = pen->reply->writer.at;
		uint8_t *end = target_put_label(octets, key->service, strlen(key->service));
		end = target_put_label(end, key->namespace, strlen(key->namespace));
		end = mempcpy(end, TARGET_ZONE, sizeof TARGET_ZONE);
		reply_head(pen->reply, MESSAGE_QUESTION, DNS_PTR, pen->ttl, (size_t)(end - octets));
		writer_put(&pen->reply->writer, octets, (size_t)(end - octets));
		if (!answer_fits(pen->reply, mark))
			return;
	}
}

static void answer_service(struct pen *pen, uint16_t type)
{
	if (type == DNS_A || type == DNS_AAAA)
		answer_addresses(pen, type == DNS_A ? AF_INET : AF_INET6);
	else if (type == DNS_SRV)
		records_answer_services(pen);
	else if (type == DNS_TXT && pen->node->is_instance)
		records_answer_texts(pen);
}

static void answer_type(struct pen *pen, const struct dns_client *client, uint16_t type)
{
	const struct zone_node *node = pen->node;

	/* Whoever knows where the zone above is finds this one there; NS would lead it to port 53, where we may not listen. */
	if (node->is_apex && (type == DNS_SOA || (type == DNS_NS && !node->is_nested)))
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

void records_write_negative(struct reply *reply, const struct dns_view *view, const struct zone_node *node, uint32_t ttl)
{
	uint8_t *mark = reply->writer.at;
	uint32_t negative_ttl = view->settings->negative_ttl;

	apex_write_soa(reply, view, node, negative_ttl < ttl ? negative_ttl : ttl);
	if (reply_fits(reply, mark))
		reply->authorities++;
	else
		reply->flags |= FLAG_TC;
}
