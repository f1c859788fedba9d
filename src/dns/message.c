/*
 * DNS messages; see message.h. Called by reply.c and records.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "message.h"

#include <string.h>

enum {
	OPTION_NSID = 3,       /* RFC 5001 */
	OPTION_COOKIE = 10,    /* RFC 7873 */
	OPTION_KEEPALIVE = 11, /* RFC 7828 */
	OPTION_ERROR = 15,     /* RFC 8914 */
	OPTION_HEAD = 4,       /* octets of code and length, RFC 6891 section 6.1.2 */
	OPT_HEAD = 11,         /* octets of the OPT record without options */
};

static uint16_t number(const uint8_t *octets)
{
	return (uint16_t)(octets[0] << 8 | octets[1]);
}

/* Reads an uncompressed name (RFC 1035 section 3.1) as labels; false where it is none. */
static bool read_name(struct reader *reader, struct query *query)
{
	const uint8_t *start = reader->at, *at = start, *end = reader->end;
	size_t count = 0;

	if (end - start > MESSAGE_NAME_MAX)
		end = start + MESSAGE_NAME_MAX;
	for (;;) {
		if (at == end || *at > NAME_LABEL_MAX || *at >= end - at)
			return false;
		size_t length = *at;
		if (length == 0)
			break;
		query->labels[count++] = (struct label){(const char *)at + 1, length};
		at += 1 + length;
	}
	reader->at = at + 1;
	query->label_count = count;
	return true;
}

static bool read_question(struct reader *reader, const uint8_t *start, struct query *query)
{
	if (!read_name(reader, query))
		return false;
	const uint8_t *rest = reader_take(reader, 4);
	if (rest == NULL)
		return false;
	query->type = number(rest);
	query->class = number(rest + 2);
	query->question_size = (size_t)(reader->at - start);
	return true;
}

/* Passes over the owner of an additional record, which may be compressed; false where it is cut or of no form. */
static bool skip_name(struct reader *reader)
{
	enum { POINTER = 0xc0 };

	for (;;) {
		uint8_t length = reader_u8(reader);
		if (reader->failed)
			return false;
		if (length == 0)
			return true;
		if ((length & POINTER) == POINTER)
			return reader_take(reader, 1) != NULL;
		if (length > NAME_LABEL_MAX || reader_take(reader, length) == NULL)
			return false;
	}
}

static void read_option(uint16_t code, const uint8_t *data, size_t size, struct query *query)
{
	if (code == OPTION_NSID) {
		query->nsid = true;
	} else if (code == OPTION_COOKIE && query->cookie == NULL) {
		query->cookie = data;
		query->cookie_size = size;
	} else if (code == OPTION_KEEPALIVE) {
		query->keepalive = size == 0 ? KEEPALIVE_ASKED : KEEPALIVE_ODD;
	}
}

/* Reads the options of an OPT record; others than ours are ignored (RFC 6891 section 6.1.2). */
static bool read_options(const uint8_t *data, size_t size, struct query *query)
{
	struct reader reader;

	reader_init(&reader, data, size);
	while (reader_left(&reader) > 0) {
		uint16_t code = reader_u16(&reader), length = reader_u16(&reader);
		const uint8_t *option = reader_take(&reader, length);
		if (option == NULL)
			return false;
		read_option(code, option, length, query);
	}
	return !reader.failed;
}

/* A record behind the question. */
struct extra {
	bool is_root;        /* the root owns it */
	const uint8_t *head; /* type, class, TTL, size: RFC 1035 section 4.1.3 */
	const uint8_t *data;
};

static bool read_extra(struct reader *reader, struct extra *extra)
{
	const uint8_t *owner = reader->at;

	if (!skip_name(reader))
		return false;
	extra->is_root = reader->at - owner == 1;
	extra->head = reader_take(reader, 10);
	extra->data = extra->head == NULL ? NULL : reader_take(reader, number(extra->head + 8));
	return extra->data != NULL;
}

/* Reads one additional record. There is at most one OPT, and the root owns it (RFC 6891 section 6.1.1). */
static bool read_additional(struct reader *reader, struct query *query)
{
	struct extra extra;

	if (!read_extra(reader, &extra))
		return false;
	if (number(extra.head) != DNS_OPT)
		return true;
	if (!extra.is_root || query->has_opt)
		return false;
	query->has_opt = true;
	query->payload = number(extra.head + 2);
	query->version = extra.head[5];
	query->dnssec = (number(extra.head + 6) & FLAG_DO) != 0;
	return read_options(extra.data, number(extra.head + 8), query);
}

static bool read_additionals(struct reader *reader, uint16_t count, struct query *query)
{
	for (uint16_t i = 0; i < count; i++)
		if (!read_additional(reader, query)) {
			query->has_opt = false; /* what could not be read is not answered in kind */
			return false;
		}
	return true;
}

/*
 * Passes over the answer and authority sections. A query has none, but for the SOA record of who asks for what has changed
 * since (RFC 1995 section 3). Other opcodes have what they like (RFC 1996, RFC 2136); the OPT record comes after it.
 */
static bool skip_sections(struct reader *reader, const uint16_t counts[4], const struct query *query)
{
	struct extra extra;

	if (query->opcode != 0) {
		for (uint32_t left = (uint32_t)counts[1] + counts[2]; left > 0; left--)
			if (!read_extra(reader, &extra))
				return false;
		return true;
	}
	if (counts[1] > 0 || counts[2] > 1)
		return false;
	return counts[2] == 0 || (query->question_size > 0 && query->type == DNS_IXFR && read_extra(reader, &extra) &&
	                          number(extra.head) == DNS_SOA);
}

/* What follows the header of a message that may have no question. */
static bool read_body(struct reader *reader, const uint16_t counts[4], struct query *query)
{
	if (counts[0] > 1)
		return false;
	if (counts[0] == 1 && !read_question(reader, reader->at, query))
		return false;
	return skip_sections(reader, counts, query) && read_additionals(reader, counts[3], query);
}

enum message_kind message_parse(const uint8_t *octets, size_t size, struct query *query)
{
	struct reader reader;

	reader_init(&reader, octets, size);
	const uint8_t *head = reader_take(&reader, MESSAGE_HEADER);
	if (head == NULL || (number(head + 2) & FLAG_QR) != 0)
		return MESSAGE_IGNORED;
	uint16_t flags = number(head + 2);
	const uint16_t counts[4] = {number(head + 4), number(head + 6), number(head + 8), number(head + 10)};
	query->id = number(head);
	query->opcode = flags >> 11 & 15;
	query->recursion = (flags & FLAG_RD) != 0;
	query->question_size = query->label_count = query->type = 0;
	query->has_opt = query->nsid = false;
	query->keepalive = KEEPALIVE_NONE;
	query->cookie = NULL;
	query->cookie_size = 0;

	bool good = read_body(&reader, counts, query);
	if (query->opcode != 0)
		return MESSAGE_OTHER_OPCODE;
	if (!good)
		return MESSAGE_MALFORMED;
	if (counts[0] == 0)
		return query->cookie != NULL ? MESSAGE_COOKIE_REQUEST : MESSAGE_MALFORMED;
	return MESSAGE_QUERY;
}

/* The octets that the OPT record takes, NSID left out. */
static size_t opt_size(const struct options *options, bool may_explain)
{
	size_t size = OPT_HEAD;

	if (options->cookie_size > 0)
		size += OPTION_HEAD + options->cookie_size;
	if (options->keepalive)
		size += OPTION_HEAD + 2;
	return size + (may_explain ? OPTION_HEAD + 2 : 0);
}

/* The octets in which additional records may stand, of `room` for the whole; with OPT at least MESSAGE_PLAIN_MAX. */
static size_t more_size(const struct query *query, size_t room)
{
	size_t most = query->payload > MESSAGE_PLAIN_MAX ? query->payload : MESSAGE_PLAIN_MAX;

	return query->has_opt && most < room ? most : room;
}

bool reply_begin(struct reply *reply, const uint8_t *octets, uint8_t *answer, size_t room, bool with_question,
                 bool may_explain)
{
	const struct options *options = &reply->options;
	bool has_opt = reply->query->has_opt;
	size_t opt = has_opt ? opt_size(options, may_explain) : 0;
	size_t question = with_question ? reply->query->question_size : 0;
	size_t nsid = has_opt && options->nsid != NULL ? OPTION_HEAD + strlen(options->nsid) : 0;

	if (room < MESSAGE_HEADER + question + opt)
		return false;
	reply->identified = nsid > 0 && room >= MESSAGE_HEADER + question + opt + nsid;
	if (reply->identified)
		opt += nsid;
	reply->opt_size = opt;
	reply->flags = reply->answers = reply->authorities = reply->additionals = 0;
	reply->rcode = DNS_NOERROR;
	reply->reason = REASON_NONE;
	writer_init(&reply->writer, answer, room - opt);
	reply->more_end = answer + more_size(reply->query, room) - opt;
	reply->writer.at += MESSAGE_HEADER; /* reply_end() writes it */
	writer_put(&reply->writer, octets + MESSAGE_HEADER, question);
	return true;
}

static void write_option(struct writer *writer, uint16_t code, const void *data, size_t size)
{
	writer_u16(writer, code);
	writer_u16(writer, (uint16_t)size);
	writer_put(writer, data, size);
}

static void write_opt(struct reply *reply)
{
	const struct options *options = &reply->options;
	struct writer *writer = &reply->writer;

	uint8_t *start = writer->at;
	writer->end += reply->opt_size;
	const uint8_t head[OPT_HEAD] = {
		0, 0, DNS_OPT, (uint8_t)(options->payload >> 8), (uint8_t)options->payload,
		(uint8_t)(reply->rcode >> 4), 0, reply->query->dnssec ? FLAG_DO >> 8 : 0,
	};
	writer_put(writer, head, sizeof head);
	size_t length_at = writer_size(writer) - 2;
	if (options->cookie_size > 0)
		write_option(writer, OPTION_COOKIE, options->cookie, options->cookie_size);
	if (options->keepalive) {
		uint8_t idle[2] = {(uint8_t)(options->idle >> 8), (uint8_t)options->idle};
		write_option(writer, OPTION_KEEPALIVE, idle, sizeof idle);
	}
	if (reply->identified)
		write_option(writer, OPTION_NSID, options->nsid, strlen(options->nsid));
	if (reply->reason != REASON_NONE) {
		uint8_t code[2] = {0, (uint8_t)reply->reason};
		uint8_t *mark = writer->at;
		write_option(writer, OPTION_ERROR, code, sizeof code);
		reply_fits(reply, mark);
	}
	writer_u16_at(writer, length_at, (uint16_t)(writer_size(writer) - length_at - 2));
	reply->additionals++;
	reply->opt_size = (size_t)(writer->at - start);
}

size_t reply_end(struct reply *reply)
{
	const struct query *query = reply->query;
	struct writer *writer = &reply->writer;
	bool other = reply->rcode == DNS_NOTIMP; /* RD means something only in queries of opcode 0 */
	bool asked = writer_size(writer) > MESSAGE_HEADER;
	size_t question = asked ? query->question_size : 0;

	if (query->has_opt)
		write_opt(reply);
	uint16_t flags = (uint16_t)(FLAG_QR | query->opcode << 11 | reply->flags | ((int)reply->rcode & 15));
	if (query->recursion && !other)
		flags |= FLAG_RD;
	const uint16_t header[MESSAGE_HEADER / 2] = {htobe16(query->id), htobe16(flags), htobe16(question > 0),
	                                             htobe16(reply->answers), htobe16(reply->authorities),
	                                             htobe16(reply->additionals)};
	memcpy(writer->start, header, sizeof header); /* reply_begin() kept the place */
	return writer_size(writer);
}
