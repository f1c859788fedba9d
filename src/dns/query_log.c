/*
 * The query log; see query_log.h. Called by udp.c and framing.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "query_log.h"

#include "bytes.h"
#include "counters.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum {
	NAME_ROOM = 4 * 255 + 2, /* octets with the NUL: each octet of a name as \DDD */
	LINE_ROOM = NAME_ROOM + 160,
};

static char *put_octet(char *at, uint8_t octet)
{
	if (isalnum(octet) || octet == '-' || octet == '_')
		*at++ = (char)octet;
	else
		at += sprintf(at, "\\%03u", octet);
	return at;
}

/* The name of the question, "-" where there is none that can be read. A compressed one is malformed there. */
static void put_name(const uint8_t *query, size_t size, char text[NAME_ROOM])
{
	struct reader reader;
	char *at = text;
	size_t octets = 0;

	reader_init(&reader, query, size);
	reader_take(&reader, MESSAGE_HEADER);
	for (uint8_t length; (length = reader_u8(&reader)) > 0 && length <= NAME_LABEL_MAX;) {
		const uint8_t *label = reader_take(&reader, length);
		octets += length + 1U;
		if (label == NULL || octets > NAME_TEXT_MAX + 1)
			break;
		for (uint8_t i = 0; i < length; i++)
			at = put_octet(at, label[i]);
		*at++ = '.';
	}
	*at = '\0';
	if (reader.failed || octets > NAME_TEXT_MAX + 1)
		strcpy(text, "-");
	else if (at == text)
		strcpy(text, ".");
}

void query_log(struct log *log, const struct dns_client *client, const uint8_t *query, size_t size,
               const struct dns_outcome *outcome, const uint8_t *answer, size_t answer_size)
{
	char name[NAME_ROOM], line[LINE_ROOM], address[INET6_ADDRSTRLEN], number[16];
	const char *type = counter_type_name(counter_type_of(outcome->type)), *rcode = counter_rcode_name(outcome->rcode);
	unsigned answers = answer_size >= MESSAGE_HEADER ? (unsigned)answer[6] << 8 | answer[7] : 0;

	put_name(query, size, name);
	if (counter_type_of(outcome->type) == COUNTER_OTHER) {
		snprintf(number, sizeof number, "TYPE%u", outcome->type); /* RFC 3597 section 5 */
		type = number;
	}
	if (answer_size == 0)
		rcode = "dropped";
	snprintf(line, sizeof line, "query: %s %s %s %s %s %u",
	         inet_ntop(client->address.family, client->address.octets, address, sizeof address),
	         client->stream ? "tcp" : "udp", name, outcome->type == 0 ? "-" : type, rcode == NULL ? "-" : rcode, answers);
	log_query(log, line);
}
