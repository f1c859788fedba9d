/*
 * DNS messages: a query's octets to its parts, and the pieces of an answer. Called by reply.c and records.c.
 *
 * A query has a header, one uncompressed question and perhaps an OPT record; an answer has records that we make
 * ourselves. So no compression pointer is ever followed, and nothing is allocated.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_MESSAGE_H
#define NSS_NOMAD_DNS_MESSAGE_H

#include "bytes.h"
#include "name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	MESSAGE_HEADER = 12,       /* octets, RFC 1035 section 4.1.1 */
	MESSAGE_PLAIN_MAX = 512,   /* octets over UDP without EDNS, section 4.2.1 */
	MESSAGE_STREAM_MAX = 65535, /* octets over TCP, section 4.2.2 */
	MESSAGE_NAME_MAX = 255,    /* octets of a name with its root, section 2.3.4 */
	MESSAGE_LABELS_MAX = 127,  /* labels of a name of so many octets */
	MESSAGE_QUESTION = 12,     /* where the question's name stands */
	MESSAGE_COOKIE_CLIENT = 8, /* octets, RFC 7873 section 4 */
	MESSAGE_COOKIE_MAX = 40,
	RECORD_HEAD = 12, /* octets of a record with a pointer for its owner, up to its data */
};

/* RFC 1035 section 3.2.2 and the registry of DNS parameters. */
enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_SRV = 33,
	DNS_OPT = 41,
	DNS_DS = 43,
	DNS_HTTPS = 65,
	DNS_IXFR = 251,
	DNS_AXFR = 252,
	DNS_ANY = 255,
};

enum dns_class { DNS_IN = 1, DNS_CHAOS = 3 };

/* RFC 1035 section 4.1.1; from 16 on RFC 6891 section 6.1.3, whose upper bits stand in the OPT record. */
enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,
	DNS_BADVERS = 16,
};

/* Extended errors, RFC 8914 section 4; -1 is none. */
enum dns_reason {
	REASON_NONE = -1,
	REASON_STALE = 3,
	REASON_NOT_READY = 14,
	REASON_PROHIBITED = 18,
	REASON_STALE_NXDOMAIN = 19,
	REASON_NOT_AUTHORITATIVE = 20,
	REASON_NOT_SUPPORTED = 21,
	REASON_NO_AUTHORITY = 22,
};

/* Bits of the second half of the header's flags, and of the OPT record's. */
enum {
	FLAG_QR = 0x8000,
	FLAG_AA = 0x0400,
	FLAG_TC = 0x0200,
	FLAG_RD = 0x0100,
	FLAG_DO = 0x8000,
};

/* Whether a client asks how long it may keep its connection (RFC 7828); ODD: with a time, which is not its to say. */
enum keepalive { KEEPALIVE_NONE, KEEPALIVE_ASKED, KEEPALIVE_ODD };

/* What a query says; pointers lead into its octets. */
struct query {
	uint16_t id;
	uint8_t opcode;
	bool recursion; /* RD */

	size_t question_size; /* octets of the question section; 0: there is none */
	size_t label_count;   /* without the root */
	struct label labels[MESSAGE_LABELS_MAX];
	uint16_t type;
	uint16_t class;

	bool has_opt; /* the rest only with it */
	uint16_t payload;
	uint8_t version;
	bool dnssec;
	bool nsid;
	enum keepalive keepalive;
	const uint8_t *cookie; /* NULL: none */
	size_t cookie_size;
};

enum message_kind {
	MESSAGE_IGNORED,        /* no query at all: never answered */
	MESSAGE_MALFORMED,      /* FORMERR */
	MESSAGE_OTHER_OPCODE,   /* NOTIMP */
	MESSAGE_QUERY,
	MESSAGE_COOKIE_REQUEST, /* no question, but a cookie (RFC 7873 section 5.4) */
};

/*
 * Reads a message.
 *
 * octets  of any content; the query keeps pointers into them
 * query   id, opcode and recursion are set for all but IGNORED; has_opt and what follows it where the OPT record
 *         could be read, also with OTHER_OPCODE; the question with QUERY
 *
 * No allocation. Any thread.
 */
enum message_kind message_parse(const uint8_t *octets, size_t size, struct query *query);

/* What an OPT record says besides; sizes of 0 leave an option out. */
struct options {
	uint16_t payload;
	uint8_t cookie[MESSAGE_COOKIE_CLIENT + 16];
	size_t cookie_size;
	const char *nsid; /* NULL: none */
	bool keepalive;
	uint16_t idle; /* units of 100 ms */
};

/* An answer on its way. */
struct reply {
	const struct query *query; /* set by who begins it; so are the options, if there is an OPT record in the query */
	struct options options;
	struct writer writer;
	const uint8_t *more_end; /* where additional records end at the latest: the client has said what it takes at once */
	uint16_t flags; /* AA and TC; the others follow from the query */
	enum dns_rcode rcode;
	enum dns_reason reason;
	uint16_t answers;
	uint16_t authorities;
	uint16_t additionals;
	size_t opt_size; /* octets kept free for the OPT record; in the end those that it has */
	bool identified; /* NSID is in it */
};

/*
 * Begins an answer to reply->query, whose octets are `octets`: the header's place, and the question where `with_question`.
 * The OPT record's octets are kept free if the query had one; an extended error counts as one where `may_explain`, NSID is
 * left out where it does not fit. False where not even the rest fits.
 *
 * Additional records keep to the size in the query's OPT record, over TCP as well: it need not count there, but HAProxy
 * drops what is longer, and what is not needed should not make it so.
 */
bool reply_begin(struct reply *reply, const uint8_t *octets, uint8_t *answer, size_t room, bool with_question,
                 bool may_explain);

/* Writes the OPT record and the header; returns the size of the whole. */
size_t reply_end(struct reply *reply);

/* Set one part of the head of a record whose owner is a pointer; see record_head(). */
static inline void record_set_owner(uint8_t *record, size_t owner)
{
	uint16_t pointer = htobe16((uint16_t)(0xc000 | owner));

	memcpy(record, &pointer, sizeof pointer);
}

/* In seconds. */
static inline void record_set_ttl(uint8_t *record, uint32_t ttl)
{
	ttl = htobe32(ttl);
	memcpy(record + 6, &ttl, sizeof ttl);
}

/* In octets, of the data. */
static inline void record_set_size(uint8_t *record, size_t size)
{
	uint16_t data_size = htobe16((uint16_t)size);

	memcpy(record + 10, &data_size, sizeof data_size);
}

/*
 * The head of a record up to its data, RECORD_HEAD octets at `at`: owner as a pointer to `owner` (under 16384), type,
 * class IN, TTL, and the data's size.
 */
static inline void record_head(uint8_t *at, size_t owner, enum dns_type type, uint32_t ttl, size_t size)
{
	uint32_t kind = htobe32((uint32_t)type << 16 | DNS_IN);

	record_set_owner(at, owner);
	memcpy(at + 2, &kind, sizeof kind);
	record_set_ttl(at, ttl);
	record_set_size(at, size);
}

/* Writes that into an answer. */
static inline void reply_head(struct reply *reply, size_t owner, enum dns_type type, uint32_t ttl, size_t size)
{
	uint8_t head[RECORD_HEAD];

	record_head(head, owner, type, ttl, size);
	writer_put(&reply->writer, head, sizeof head);
}

/* Takes back what was written since `mark`. */
static inline bool reply_take_back(struct reply *reply, uint8_t *mark)
{
	reply->writer.failed = false;
	reply->writer.at = mark;
	return false;
}

/* Whether what was written since `mark` fits; otherwise it is taken back. */
static inline bool reply_fits(struct reply *reply, uint8_t *mark)
{
	return !reply->writer.failed || reply_take_back(reply, mark);
}

/* The same for a record of the additional section. */
static inline bool reply_more_fits(struct reply *reply, uint8_t *mark)
{
	return (!reply->writer.failed && reply->writer.at <= reply->more_end) || reply_take_back(reply, mark);
}

#endif
