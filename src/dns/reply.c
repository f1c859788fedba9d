/*
 * The answer to a query; see reply.h. Called by udp.c and tcp.c.
 *
 * Every outcome is in the order in which it is decided in answer_query(); the zone's own are in answer_name().
 *
 * SPDX-License-Identifier: MIT
 */
#include "reply.h"

#include "cookie.h"
#include "records.h"
#include "text.h"
#include "uptime.h"

#include <string.h>

enum { STALE_TTL = 30 }; /* seconds, RFC 8767 section 4 */

/* A query on its way to its answer. */
struct exchange {
	const struct dns_view *view;
	const struct dns_client *client;
	const uint8_t *octets;
	struct query query;
	struct reply reply;
	uint8_t *answer;
	size_t room;
	enum catalogue_state state;
};

/* The size that the client takes (RFC 6891 sections 6.2.3 to 6.2.5), and we give. */
static size_t limit(const struct exchange *exchange)
{
	size_t most = exchange->view->settings->udp_size, size = MESSAGE_PLAIN_MAX;

	if (exchange->client->stream)
		return exchange->room < MESSAGE_STREAM_MAX ? exchange->room : MESSAGE_STREAM_MAX;
	if (exchange->query.has_opt && exchange->query.payload > size)
		size = exchange->query.payload < most ? exchange->query.payload : most;
	return size < exchange->room ? size : exchange->room;
}

/*
 * Whether cookies are spoken with this client. Not on loopback and private networks, where it may be a forwarder that hands
 * the option through, both ways: its own clients would then take it for a server that makes cookies, and drop its answers
 * about all other names, which have none (RFC 7873 section 5.3). There the option is one that we do not know.
 */
static bool speaks_cookies(const struct exchange *exchange)
{
	return exchange->query.cookie != NULL && exchange->view->settings->cookies &&
	       !prefix_local_holds(&exchange->client->address);
}

static bool cookie_is_odd(const struct query *query)
{
	enum { SERVER_LEAST = 16 }; /* octets of both parts, RFC 7873 section 4 */

	return query->cookie_size != MESSAGE_COOKIE_CLIENT &&
	       (query->cookie_size < SERVER_LEAST || query->cookie_size > MESSAGE_COOKIE_MAX);
}

/* Ours, if it is still good, else a new one (RFC 7873 sections 5.2.3 to 5.2.5). */
static void answer_cookie(struct exchange *exchange)
{
	const struct dns_settings *settings = exchange->view->settings;
	const struct query *query = &exchange->query;
	const struct address *address = &exchange->client->address;
	struct options *options = &exchange->reply.options;
	bool renew = true;

	bool ours = cookie_check(settings->secret, query->cookie, query->cookie_size, address, exchange->view->now, &renew);
	exchange->view->scratch->outcome.proven = ours;
	options->cookie_size = sizeof options->cookie;
	if (ours && !renew) {
		memcpy(options->cookie, query->cookie, options->cookie_size);
		return;
	}
	memcpy(options->cookie, query->cookie, COOKIE_CLIENT);
	cookie_make(settings->secret, query->cookie, address, exchange->view->now, options->cookie + COOKIE_CLIENT);
}

static void prepare_options(struct exchange *exchange)
{
	enum { TENTHS = 10 };
	const struct dns_settings *settings = exchange->view->settings;
	const struct query *query = &exchange->query;
	struct options *options = &exchange->reply.options;

	options->payload = (uint16_t)settings->udp_size;
	options->cookie_size = 0;
	options->nsid = query->nsid ? settings->nsid : NULL;
	options->keepalive = exchange->client->stream && query->keepalive == KEEPALIVE_ASKED;
	if (options->keepalive)
		options->idle = settings->tcp_idle < UINT16_MAX / TENTHS ? (uint16_t)(settings->tcp_idle * TENTHS) : UINT16_MAX;
	if (speaks_cookies(exchange) && !cookie_is_odd(query))
		answer_cookie(exchange);
}

/* Begins the answer; an extended error may follow where something is wrong or the catalogue is old. */
static bool begin(struct exchange *exchange, bool with_question, bool may_explain)
{
	return reply_begin(&exchange->reply, exchange->octets, exchange->answer, limit(exchange), with_question, may_explain);
}

static size_t end(struct exchange *exchange)
{
	struct dns_outcome *outcome = &exchange->view->scratch->outcome;
	const struct reply *reply = &exchange->reply;

	outcome->rcode = (uint16_t)reply->rcode;
	outcome->truncated = (reply->flags & FLAG_TC) != 0;
	if (reply->rcode != DNS_NOERROR && reply->rcode != DNS_NXDOMAIN)
		outcome->kind = OUTCOME_ERROR;
	else
		outcome->kind = reply->answers > 0 || outcome->truncated ? OUTCOME_POSITIVE : OUTCOME_NEGATIVE;
	size_t size = reply_end(&exchange->reply);
	outcome->opt_size = (uint16_t)reply->opt_size;
	return size;
}

static size_t fail(struct exchange *exchange, bool with_question, enum dns_rcode rcode, enum dns_reason reason)
{
	if (!begin(exchange, with_question, reason != REASON_NONE))
		return 0;
	exchange->reply.rcode = rcode;
	exchange->reply.reason = reason;
	return end(exchange);
}

static bool asks_for(const struct query *query, const char *first, const char *second)
{
	const struct label *labels = query->labels;

	return query->label_count == 2 && labels[0].length == strlen(first) && labels[1].length == strlen(second) &&
	       text_same_letters(labels[0].start, first, labels[0].length) &&
	       text_same_letters(labels[1].start, second, labels[1].length);
}

/* Who the server is (RFC 4892 section 3), where that was configured. */
static size_t answer_chaos(struct exchange *exchange)
{
	const struct query *query = &exchange->query;
	const struct dns_settings *settings = exchange->view->settings;
	struct writer *writer = &exchange->reply.writer;
	const char *text = NULL;

	if (asks_for(query, "version", "bind") || asks_for(query, "version", "server"))
		text = settings->version;
	else if (asks_for(query, "id", "server") || asks_for(query, "hostname", "bind"))
		text = settings->nsid;
	if (text == NULL || (query->type != DNS_TXT && query->type != DNS_ANY))
		return fail(exchange, true, DNS_REFUSED, REASON_NOT_SUPPORTED);
	if (!begin(exchange, true, false))
		return 0;
	uint8_t *mark = writer->at;
	size_t length = strlen(text), class_at = writer_size(writer) + 4;
	reply_head(&exchange->reply, MESSAGE_QUESTION, DNS_TXT, 0, 1 + length);
	writer_u8(writer, (uint8_t)length);
	writer_put(writer, text, length);
	writer_u16_at(writer, class_at, DNS_CHAOS);
	if (reply_fits(&exchange->reply, mark))
		exchange->reply.answers++;
	else
		exchange->reply.flags |= FLAG_TC;
	return end(exchange);
}

/* Whether it is too long ago that the last catalogue was Nomad's to say of anything that it is not there. */
static bool may_be_there_now(const struct exchange *exchange)
{
	int64_t most = (int64_t)exchange->view->settings->negative_ttl * 1000;

	return uptime_now() - catalogue_confirmed(exchange->view->catalogue) > most;
}

/* A name of ours, with a catalogue to look it up in. */
static size_t answer_name(struct exchange *exchange, struct zone_node *node)
{
	const struct dns_view *view = exchange->view;
	struct reply *reply = &exchange->reply;
	bool stale = exchange->state == CATALOGUE_STALE;
	uint32_t ttl = view->settings->ttl;

	zone_find(view, &exchange->query, node);
	if (node->verdict == VERDICT_UNKNOWN)
		return fail(exchange, true, DNS_SERVFAIL,
		            node->unfollowed && !stale ? REASON_NOT_AUTHORITATIVE : REASON_NO_AUTHORITY);
	if (stale && node->absent && may_be_there_now(exchange))
		return fail(exchange, true, DNS_SERVFAIL, REASON_NO_AUTHORITY);
	if (!begin(exchange, true, stale))
		return 0;
	reply->flags = FLAG_AA;
	if (stale) {
		reply->reason = node->verdict == VERDICT_NO_NAME ? REASON_STALE_NXDOMAIN : REASON_STALE;
		ttl = ttl < STALE_TTL ? ttl : STALE_TTL;
	}
	if (node->verdict == VERDICT_NO_NAME)
		reply->rcode = DNS_NXDOMAIN;
	else
		records_write(reply, view, node, exchange->client, exchange->query.type, ttl);
	if (reply->answers == 0 && (reply->flags & FLAG_TC) == 0)
		records_write_negative(reply, view, node, ttl);
	return end(exchange);
}

/* A question that could be read. */
static size_t answer_question(struct exchange *exchange)
{
	const struct query *query = &exchange->query;
	struct zone_node node;
	uint32_t serial;

	if (query->class == DNS_CHAOS)
		return answer_chaos(exchange);
	if (query->class != DNS_IN)
		return fail(exchange, true, DNS_REFUSED, REASON_NOT_SUPPORTED);
	zone_locate(exchange->view, query, &node);
	if (node.zone == ZONE_NONE)
		return fail(exchange, true, DNS_REFUSED, REASON_NOT_AUTHORITATIVE);
	if (query->type == DNS_AXFR || query->type == DNS_IXFR)
		return fail(exchange, true, DNS_REFUSED, REASON_PROHIBITED);
	exchange->state = catalogue_state(exchange->view->catalogue, &serial);
	if (exchange->view->pulse != NULL)
		exchange->state = pulse_judge(exchange->view->pulse, exchange->view->uptime, exchange->state);
	/* Never "no such name" from a catalogue that is not there: that would be cached (RFC 2308 section 5). */
	if (exchange->state == CATALOGUE_LOADING)
		return fail(exchange, true, DNS_SERVFAIL, REASON_NOT_READY);
	if (exchange->state == CATALOGUE_EXPIRED)
		return fail(exchange, true, DNS_SERVFAIL, REASON_NO_AUTHORITY);
	return answer_name(exchange, &node);
}

static size_t answer_query(struct exchange *exchange, enum message_kind kind)
{
	const struct dns_settings *settings = exchange->view->settings;
	const struct query *query = &exchange->query;
	bool question = kind == MESSAGE_QUERY;

	if (kind == MESSAGE_IGNORED)
		return 0;
	if (kind == MESSAGE_OTHER_OPCODE)
		return fail(exchange, false, DNS_NOTIMP, REASON_NONE);
	if (kind == MESSAGE_MALFORMED)
		return fail(exchange, false, DNS_FORMERR, REASON_NONE);
	if (!prefixes_hold(settings->allow, settings->allow_count, &exchange->client->address))
		return fail(exchange, question, DNS_REFUSED, REASON_PROHIBITED);
	if (query->has_opt && query->version > 0)
		return fail(exchange, question, DNS_BADVERS, REASON_NONE);
	if (speaks_cookies(exchange) && cookie_is_odd(query))
		return fail(exchange, question, DNS_FORMERR, REASON_NONE);
	if (exchange->client->stream && query->keepalive == KEEPALIVE_ODD)
		return fail(exchange, question, DNS_FORMERR, REASON_NONE);
	if (kind == MESSAGE_COOKIE_REQUEST)
		return fail(exchange, false, speaks_cookies(exchange) ? DNS_NOERROR : DNS_FORMERR, REASON_NONE);
	return answer_question(exchange);
}

size_t dns_answer(const struct dns_view *view, const struct dns_client *client, const uint8_t *query, size_t size,
                  uint8_t *answer, size_t room)
{
	struct exchange exchange;

	exchange.view = view;
	exchange.client = client;
	exchange.octets = query;
	exchange.reply.query = &exchange.query;
	exchange.answer = answer;
	exchange.room = room;
	view->scratch->outcome = (struct dns_outcome){.kind = OUTCOME_NONE};
	enum message_kind kind = message_parse(query, size, &exchange.query);
	if (kind != MESSAGE_IGNORED)
		prepare_options(&exchange);
	if (kind == MESSAGE_QUERY)
		view->scratch->outcome.type = exchange.query.type;
	return answer_query(&exchange, kind);
}

size_t dns_answer_cut(uint8_t *answer, size_t size, size_t opt_size)
{
	size_t end = MESSAGE_HEADER;

	if ((answer[4] | answer[5]) != 0) {
		while (end < size && answer[end] != 0)
			end += 1U + answer[end];
		end += 1 + 4; /* the root, type and class */
	}
	answer[2] |= FLAG_TC >> 8;
	memset(answer + 6, 0, MESSAGE_HEADER - 6);
	answer[11] = opt_size > 0;
	memmove(answer + end, answer + size - opt_size, opt_size);
	return end + opt_size;
}
