/*
 * The records of a zone itself; see apex.h. Called by records.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "apex.h"

#include <string.h>
#include <sys/socket.h>

/* Nobody transfers these zones; the numbers only have to make sense (RFC 1912 section 2.2). */
enum { SOA_REFRESH = 60, SOA_RETRY = 10 };

/* Writes LABEL and the zone's name; a reverse zone's servers are named under nomad. */
static void write_below(struct writer *writer, const struct zone_node *node, const char *label)
{
	static const uint8_t nomad[] = "\5nomad";
	size_t length = strlen(label);

	writer_u8(writer, (uint8_t)length);
	writer_put(writer, label, length);
	if (node->zone == ZONE_REVERSE)
		writer_put(writer, nomad, sizeof nomad); /* the NUL is the root */
	else
		writer_u16(writer, (uint16_t)(0xc000 | node->origin));
}

void apex_write_soa(struct reply *reply, const struct dns_view *view, const struct zone_node *node, uint32_t ttl)
{
	struct writer *writer = &reply->writer;
	uint32_t serial;

	catalogue_state(view->catalogue, &serial);
	reply_head(reply, node->origin, DNS_SOA, ttl, 0);
	size_t data = writer_size(writer);
	write_below(writer, node, zone_server_label(view));
	write_below(writer, node, "hostmaster");
	writer_u32(writer, serial);
	writer_u32(writer, SOA_REFRESH);
	writer_u32(writer, SOA_RETRY);
	writer_u32(writer, view->settings->expire);
	writer_u32(writer, view->settings->negative_ttl);
	writer_u16_at(writer, data - 2, (uint16_t)(writer_size(writer) - data));
}

/*
 * Calls for each address of the server: those we listen on; where that is a wildcard, the one that was asked. Returns
 * how many records were written at `owner`; sets TC where `owner` is the question's and one did not fit.
 */
static uint16_t write_servers(struct reply *reply, const struct dns_view *view, const struct dns_client *client,
                              size_t owner, int family, uint32_t ttl)
{
	const struct dns_settings *settings = view->settings;
	const struct address *addresses = settings->server_count > 0 ? settings->servers : &client->local;
	size_t count = settings->server_count > 0 ? settings->server_count : 1;
	uint16_t written = 0;

	for (size_t i = 0; i < count; i++) {
		uint8_t *mark = reply->writer.at;
		if (addresses[i].family != family)
			continue;
		reply_head(reply, owner, family == AF_INET ? DNS_A : DNS_AAAA, ttl, address_size(&addresses[i]));
		writer_put(&reply->writer, addresses[i].octets, address_size(&addresses[i]));
		bool asked = owner == MESSAGE_QUESTION;
		if (!(asked ? reply_fits(reply, mark) : reply_more_fits(reply, mark))) {
			reply->flags |= asked ? FLAG_TC : 0;
			break;
		}
		written++;
	}
	return written;
}

void apex_write_server(struct reply *reply, const struct dns_view *view, const struct dns_client *client, uint16_t type,
                       uint32_t ttl)
{
	reply->answers = write_servers(reply, view, client, MESSAGE_QUESTION, type == DNS_A ? AF_INET : AF_INET6, ttl);
}

static void write_ns(struct reply *reply, const struct dns_view *view, const struct zone_node *node,
                     const struct dns_client *client, uint32_t ttl)
{
	struct writer *writer = &reply->writer;
	uint8_t *mark = writer->at;

	reply_head(reply, MESSAGE_QUESTION, DNS_NS, ttl, 0);
	size_t data = writer_size(writer);
	write_below(writer, node, zone_server_label(view));
	writer_u16_at(writer, data - 2, (uint16_t)(writer_size(writer) - data));
	if (!reply_fits(reply, mark)) {
		reply->flags |= FLAG_TC;
		return;
	}
	reply->answers++;
	if (node->zone == ZONE_REVERSE)
		return;
	reply->additionals = write_servers(reply, view, client, data, AF_INET, ttl);
	reply->additionals = (uint16_t)(reply->additionals + write_servers(reply, view, client, data, AF_INET6, ttl));
}

void apex_write(struct reply *reply, const struct dns_view *view, const struct zone_node *node,
                const struct dns_client *client, uint16_t type, uint32_t ttl)
{
	uint8_t *mark = reply->writer.at;

	if (type == DNS_NS) {
		write_ns(reply, view, node, client, ttl);
		return;
	}
	apex_write_soa(reply, view, node, ttl);
	if (reply_fits(reply, mark))
		reply->answers++;
	else
		reply->flags |= FLAG_TC;
}
