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

/* Reads an uncompressed name (RFC 1035 section 3.1) as labels; false where it is none. */
static bool read_name(struct reader *reader, struct query *query)
{
	size_t size = 1;

	for (;;) {
		uint8_t length = reader_u8(reader);
		const uint8_t *label = reader_take(reader, length);
		if (label == NULL || length > NAME_LABEL_MAX)
			return false;
		if (length == 0)
			return true;
		size += 1U + length;
		if (size > MESSAGE_NAME_MAX)
			return false;
		query->labels[query->label_count++] = (struct label){(const char *)label, length};
	}
}

static bool read_question(struct reader *reader, const uint8_t *start, struct query *query)
{
	if (!read_name(reader, query))
		return false;
	query->type = reader_u16(reader);
	query->class = reader_u16(reader);
	query->question_size = (size_t)(reader->at - start);
	return !reader->failed;
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

/* Reads one additional record. There is at most one OPT, and the root owns it (RFC 6891 section 6.1.1). */
static bool read_additional(struct reader *reader, struct query *query)
{
	const uint8_t *owner = reader->at;

	if (!skip_name(reader))
		return false;
	bool is_root = reader->at - owner == 1;
	uint16_t type = reader_u16(reader), class = reader_u16(reader);
	uint32_t ttl = reader_u32(reader);
	uint16_t size = reader_u16(reader);
	const uint8_t *data = reader_take(reader, size);
	if (data == NULL)
		return false;
	if (type != DNS_OPT)
		return true;
	if (!is_root || query->has_opt)
		return false;
	query->has_opt = true;
	query->payload = class;
	query->version = (uint8_t)(ttl >> 16);
	query->dnssec = (ttl & FLAG_DO) != 0;
	return read_options(data, size, query);
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

/* What follows the header of a message that may have no question. */
static bool read_body(struct reader *reader, const uint16_t counts[4], struct query *query)
{
	if (counts[0] > 1 || counts[1] > 0 || counts[2] > 0)
		return false;
	if (counts[0] == 1 && !read_question(reader, reader->at, query))
		return false;
	return read_additionals(reader, counts[3], query);
}

enum message_kind message_parse(const uint8_t *octets, size_t size, struct query *query)
{
	struct reader reader;
	uint16_t flags, counts[4];

	reader_init(&reader, octets, size);
	query->id = reader_u16(&reader);
	flags = reader_u16(&reader);
	for (size_t i = 0; i < 4; i++)
		counts[i] = reader_u16(&reader);
	if (reader.failed || (flags & FLAG_QR) != 0)
		return MESSAGE_IGNORED;
	query->opcode = flags >> 11 & 15;
	query->recursion = (flags & FLAG_RD) != 0;
	query->question_size = query->label_count = 0;
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
static size_t opt_size(const struct query *query, const struct options *options, bool may_explain)
{
	size_t size = OPT_HEAD;

	if (!query->has_opt)
		return 0;
	if (options->cookie_size > 0)
		size += OPTION_HEAD + options->cookie_size;
	if (options->keepalive)
		size += OPTION_HEAD + 2;
	if (options->nsid != NULL)
		size += OPTION_HEAD + strlen(options->nsid);
	return size + (may_explain ? OPTION_HEAD + 2 : 0);
}

bool reply_begin(struct reply *reply, const struct query *query, const struct options *options,
                 const uint8_t *octets, uint8_t *answer, size_t room, bool with_question, bool may_explain)
{
	size_t opt = opt_size(query, options, may_explain);
	size_t question = with_question ? query->question_size : 0;

	if (room < MESSAGE_HEADER + question + opt)
		return false;
	*reply = (struct reply){.query = query, .reason = REASON_NONE, .opt_size = opt};
	writer_init(&reply->writer, answer, room - opt);
	memset(answer, 0, MESSAGE_HEADER);
	reply->writer.at += MESSAGE_HEADER;
	writer_put(&reply->writer, octets + MESSAGE_HEADER, question);
	return true;
}

static void write_option(struct writer *writer, uint16_t code, const void *data, size_t size)
{
	writer_u16(writer, code);
	writer_u16(writer, (uint16_t)size);
	writer_put(writer, data, size);
}

static void write_opt(struct reply *reply, const struct options *options)
{
	struct writer *writer = &reply->writer;

	writer->end += reply->opt_size;
	writer_u8(writer, 0);
	writer_u16(writer, DNS_OPT);
	writer_u16(writer, options->payload);
	writer_u32(writer, (uint32_t)reply->rcode >> 4 << 24 | (reply->query->dnssec ? FLAG_DO : 0));
	size_t length_at = writer_size(writer);
	writer_u16(writer, 0);
	if (options->cookie_size > 0)
		write_option(writer, OPTION_COOKIE, options->cookie, options->cookie_size);
	if (options->keepalive) {
		uint8_t idle[2] = {(uint8_t)(options->idle >> 8), (uint8_t)options->idle};
		write_option(writer, OPTION_KEEPALIVE, idle, sizeof idle);
	}
	if (options->nsid != NULL)
		write_option(writer, OPTION_NSID, options->nsid, strlen(options->nsid));
	if (reply->reason != REASON_NONE) {
		uint8_t code[2] = {0, (uint8_t)reply->reason};
		uint8_t *mark = writer->at;
		write_option(writer, OPTION_ERROR, code, sizeof code);
		reply_fits(reply, mark);
	}
	writer_u16_at(writer, length_at, (uint16_t)(writer_size(writer) - length_at - 2));
	reply->additionals++;
}

size_t reply_end(struct reply *reply, const struct options *options)
{
	const struct query *query = reply->query;
	struct writer *writer = &reply->writer;
	bool other = reply->rcode == DNS_NOTIMP; /* RD means something only in queries of opcode 0 */
	bool asked = writer_size(writer) > MESSAGE_HEADER;
	size_t question = asked ? query->question_size : 0;

	if (query->has_opt)
		write_opt(reply, options);
	uint16_t flags = (uint16_t)(FLAG_QR | query->opcode << 11 | reply->flags | ((int)reply->rcode & 15));
	if (query->recursion && !other)
		flags |= FLAG_RD;
	writer_u16_at(writer, 0, query->id);
	writer_u16_at(writer, 2, flags);
	writer_u16_at(writer, 4, question > 0);
	writer_u16_at(writer, 6, reply->answers);
	writer_u16_at(writer, 8, reply->authorities);
	writer_u16_at(writer, 10, reply->additionals);
	return writer_size(writer);
}

void reply_head(struct reply *reply, size_t owner, enum dns_type type, uint32_t ttl, size_t size)
{
	const uint8_t head[MESSAGE_HEADER] = {
		(uint8_t)(0xc0 | owner >> 8), (uint8_t)owner,
		(uint8_t)(type >> 8), (uint8_t)type,
		0, DNS_IN,
		(uint8_t)(ttl >> 24), (uint8_t)(ttl >> 16), (uint8_t)(ttl >> 8), (uint8_t)ttl,
		(uint8_t)(size >> 8), (uint8_t)size,
	};

	writer_put(&reply->writer, head, sizeof head);
}

bool reply_fits(struct reply *reply, uint8_t *mark)
{
	if (!reply->writer.failed)
		return true;
	reply->writer.failed = false;
	reply->writer.at = mark;
	return false;
}
