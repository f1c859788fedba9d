/*
 * Fuzzes dns_answer(): messages of any content, and what must be true of every answer. The first two octets of the input
 * choose how the message is asked (see read_mode()), the rest is the message.
 *
 * The walker below shares no code with src/dns.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dns/reply.h"
#include "dns/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Says what is wrong, and ends the run. */
#define MUST(true_always)                                                         \
	do {                                                                      \
		if (!(true_always)) {                                             \
			fprintf(stderr, "line %d: %s\n", __LINE__, #true_always); \
			abort();                                                  \
		}                                                                 \
	} while (0)

enum { MANY = 300, ROOM = 65535, RECORDS_MAX = 8192 };

static struct catalogue *catalogue;
static struct dns_settings settings;
static struct dns_scratch *scratch;

/* Puts a service with `count` instances, of every sort that there is. */
static void put(const char *namespace, const char *name, size_t count, bool plain)
{
	static const char *const tags[] = {"prod", "v1", "a tag with spaces and \xc3\xa9"};
	struct instance *instances = calloc(count, sizeof *instances);
	struct address *addresses = calloc(count, sizeof *addresses);
	char(*texts)[64] = calloc(count, sizeof *texts);
	struct spelling spelling = {.namespace = namespace, .service = name, .count = count};
	struct service_key key;

	for (size_t i = 0; i < count; i++) {
		snprintf(texts[i], sizeof texts[i], "%08zx-1111-2222-3333-444444444444", i);
		addresses[i] = (struct address){AF_INET, {10, 0, (uint8_t)(i >> 8), (uint8_t)i}};
		if (!plain && i % 3 == 1)
			addresses[i] = (struct address){AF_INET6, {0x20, 1, 0xd, 0xb8, [15] = (uint8_t)i}};
		instances[i] = (struct instance){
			.id = texts[i], .allocation = texts[i], .node = "node", .job = "job", .datacenter = "dc1",
			.host = !plain && i % 3 == 2 ? "db.example.com" : NULL, .addresses = &addresses[i],
			.address_count = 1, .tags = tags, .tag_count = i % 4, .port = (uint16_t)(!plain && i == 0 ? 0 : 8000 + i)};
	}
	strcpy(key.namespace, namespace);
	strcpy(key.service, name);
	MUST(catalogue_put(catalogue, &key, service_copy(&(struct service){
		.spelling_count = 1, .spellings = &spelling, .instance_count = count, .instances = instances})) == 0);
	free(instances);
	free(addresses);
	free(texts);
}

static void set_up(void)
{
	static struct prefix allow = {.family = AF_INET, .bits = 8, .octets = {198}}, reverse[2];
	static struct address server = {AF_INET, {127, 0, 0, 1}};

	catalogue = catalogue_new();
	scratch = dns_scratch_new();
	MUST(catalogue != NULL && scratch != NULL && catalogue_keep_names(catalogue) == 0);
	catalogue_prepare_with(catalogue, targets_prepare);
	MUST(prefix_parse("10.0.0.0/8", &reverse[0]) && prefix_parse("2001:db8::/33", &reverse[1]));
	settings = (struct dns_settings){
		.tags = true,
		.default_namespace = "default", .ttl = 10, .negative_ttl = 3, .expire = 3600, .udp_size = 1232,
		.allow_count = 1, .allow = &allow, .reverse_count = 2, .reverse = reverse, .server_count = 1,
		.servers = &server, .cookies = true, .nsid = (char *)"nsid", .version = (char *)"version", .tcp_idle = 10};
	put("default", "web", 3, true);
	put("default", "mixed", 7, false);
	put("prod", "many", MANY, true);
	put("prod", "one", 1, true);
}

/* How it is asked: over what, from where, of what catalogue, at which turn of the rotation, and for how much room. */
struct mode {
	bool stream;
	bool allowed;
	enum catalogue_state state;
	uint32_t turn;
	size_t room;
};

static struct mode read_mode(const uint8_t octets[2])
{
	return (struct mode){.stream = (octets[0] & 1) != 0,
	                     .allowed = (octets[0] & 2) == 0,
	                     .state = (enum catalogue_state)((octets[0] >> 2 & 3) ^ CATALOGUE_CURRENT),
	                     .turn = (uint32_t)octets[0] >> 4 << 28,
	                     .room = octets[1] == 0 ? 1232 : MESSAGE_PLAIN_MAX + octets[1] * 8U};
}

static unsigned u16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/* A record of an answer. */
struct found {
	size_t owner;
	unsigned type;
	unsigned section; /* 1 to 3 */
	size_t data;
	size_t size;
};

struct walked {
	size_t count;
	size_t types[4]; /* records of section */
	size_t soas;     /* in the authority section */
	size_t opts;
	struct found records[RECORDS_MAX];
};

/* Passes over a name; a pointer leads back, and the whole has at most 255 octets. Returns what follows it. */
static size_t walk_name(const uint8_t *message, size_t size, size_t at)
{
	size_t end = 0, length = 0, lowest = at;

	for (;;) {
		MUST(at < size);
		if (message[at] >= 0xc0) {
			MUST(at + 1 < size);
			size_t to = u16(message + at) & 0x3fff;
			if (end == 0)
				end = at + 2;
			MUST(to < lowest && to >= 12);
			at = lowest = to;
			continue;
		}
		MUST(message[at] < 64);
		length += 1U + message[at];
		MUST(length <= 255);
		if (message[at] == 0)
			return end == 0 ? at + 1 : end;
		at += 1U + message[at];
	}
}

static void walk(const uint8_t *message, size_t size, struct walked *walked)
{
	size_t at = 12;

	memset(walked, 0, offsetof(struct walked, records));
	MUST(u16(message + 4) <= 1);
	if (u16(message + 4) == 1)
		at = walk_name(message, size, at) + 4;
	MUST(at <= size);
	for (unsigned section = 1; section <= 3; section++)
		for (unsigned i = 0; i < u16(message + 4 + 2 * section); i++) {
			MUST(walked->count < RECORDS_MAX);
			struct found *found = &walked->records[walked->count++];
			found->owner = at;
			at = walk_name(message, size, at);
			MUST(at + 10 <= size);
			found->type = u16(message + at);
			found->section = section;
			found->size = u16(message + at + 8);
			found->data = at + 10;
			at = found->data + found->size;
			MUST(at <= size);
			walked->types[section]++;
			walked->soas += section == 2 && found->type == 6;
			walked->opts += found->type == 41;
			MUST(found->type != 41 || section == 3);
		}
	MUST(at == size);
}

/* Data of the kinds that have a form. */
static void check_data(const uint8_t *message, size_t size, const struct found *found)
{
	size_t end = found->data + found->size;

	switch (found->type) {
	case 1:
		MUST(found->size == 4);
		break;
	case 28:
		MUST(found->size == 16);
		break;
	case 2:
	case 12:
		MUST(walk_name(message, size, found->data) == end);
		break;
	case 6:
		MUST(walk_name(message, size, walk_name(message, size, found->data)) + 20 == end);
		break;
	case 33:
		MUST(u16(message + found->data + 2) > 0 && u16(message + found->data + 4) > 0);
		MUST(walk_name(message, size, found->data + 6) == end);
		for (size_t at = found->data + 6; message[at] != 0; at += 1U + message[at])
			MUST(message[at] < 64); /* uncompressed */
		break;
	case 16:
		for (size_t at = found->data; at != end; at += 1U + message[at])
			MUST(at < end);
		break;
	default:
		MUST(found->type == 41);
	}
}

/* No record of the answer section is there twice. */
static void check_set(const uint8_t *message, const struct walked *walked)
{
	for (size_t i = 0; i < walked->types[1]; i++)
		for (size_t j = 0; j < i; j++) {
			const struct found *a = &walked->records[i], *b = &walked->records[j];
			MUST(a->type == b->type);
			MUST(a->size != b->size || memcmp(message + a->data, message + b->data, a->size) != 0);
		}
}

static void check_header(const uint8_t *query, const uint8_t *answer)
{
	unsigned rcode = answer[3] & 15;

	MUST(memcmp(query, answer, 2) == 0);
	MUST((answer[2] & 0x80) != 0);                   /* QR */
	MUST((answer[2] & 0x78) == (query[2] & 0x78));   /* opcode */
	MUST((answer[3] & 0xf0) == 0);                   /* RA, Z, AD, CD */
	if (rcode != DNS_NOTIMP)
		MUST((answer[2] & 1) == (query[2] & 1)); /* RD */
	if (rcode != DNS_NOERROR && rcode != DNS_NXDOMAIN)
		MUST((answer[2] & 4) == 0);              /* AA */
}

static void check_sections(const uint8_t *answer, const struct walked *walked)
{
	unsigned rcode = answer[3] & 15;
	bool authoritative = (answer[2] & 4) != 0, cut = (answer[2] & 2) != 0;

	MUST(walked->opts <= 1);
	if (authoritative && walked->types[1] == 0 && !cut)
		MUST(walked->soas == 1 && walked->types[2] == 1);
	else
		MUST(walked->types[2] == 0);
	if (rcode != DNS_NOERROR)
		MUST(walked->types[1] == 0);
	if (!authoritative)
		MUST(walked->types[3] == walked->opts);
}

static void check_answer(const uint8_t *query, size_t query_size, const uint8_t *answer, size_t size,
                         struct walked *walked)
{
	struct query parsed;
	enum message_kind kind = message_parse(query, query_size, &parsed);

	MUST(size >= 12);
	check_header(query, answer);
	walk(answer, size, walked);
	check_sections(answer, walked);
	check_set(answer, walked);
	for (size_t i = 0; i < walked->count; i++)
		check_data(answer, size, &walked->records[i]);
	if (u16(answer + 4) == 1)
		MUST(memcmp(query + 12, answer + 12, walk_name(answer, size, 12) + 4 - 12) == 0);
	if (kind == MESSAGE_QUERY || kind == MESSAGE_OTHER_OPCODE)
		MUST((walked->opts == 1) == parsed.has_opt);
	if (kind == MESSAGE_QUERY)
		MUST(u16(answer + 4) == 1);
}

static size_t ask(const struct mode *mode, const uint8_t *query, size_t size, const struct entry *ahead, uint8_t *answer,
                  size_t room)
{
	const struct dns_view view = {.catalogue = catalogue, .settings = &settings, .scratch = scratch, .now = 1559731985,
	                              .ahead = ahead};
	const struct dns_client client = {
		.address = {AF_INET, {mode->allowed ? 198 : 192, 0, 2, 1}}, .stream = mode->stream};

	return dns_answer(&view, &client, query, size, answer, room);
}

/* An answer says that it is cut if and only if one without limit holds more. */
static void check_cut(const struct mode *mode, const uint8_t *query, size_t size, const uint8_t *answer,
                      const struct walked *walked)
{
	static uint8_t whole[ROOM];
	static struct walked all;
	struct mode unlimited = *mode;
	bool cut = (answer[2] & 2) != 0;

	unlimited.stream = true;
	size_t whole_size = ask(&unlimited, query, size, NULL, whole, sizeof whole);
	if (whole_size == 0 || (whole[3] & 15) != (answer[3] & 15))
		return;
	walk(whole, whole_size, &all);
	if ((whole[2] & 2) == 0)
		MUST(cut == (all.types[1] > walked->types[1] || all.types[2] > walked->types[2]));
}

/* Whoever looks ahead, as udp.c does, gets the same answer to the octet. */
static void check_ahead(const struct mode *mode, const uint8_t *query, size_t size, const uint8_t *answer,
                        size_t answer_size)
{
	static uint8_t again[ROOM];
	uint8_t padded[MESSAGE_QUESTION + CATALOGUE_LABELS_MAX] = {0};
	const uint8_t *labels = padded + MESSAGE_QUESTION;
	const struct entry *ahead;

	memcpy(padded, query, size < sizeof padded ? size : sizeof padded);
	catalogue_look_ahead(catalogue, &labels, 1, &ahead);
	scratch->turn = mode->turn;
	MUST(ask(mode, query, size, ahead, again, mode->stream ? ROOM : mode->room) == answer_size);
	MUST(memcmp(again, answer, answer_size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct walked walked;

	if (catalogue == NULL)
		set_up();
	if (size < 2)
		return 0;
	struct mode mode = read_mode(data);
	const uint8_t *query = data + 2;
	size_t query_size = size - 2, room = mode.stream ? ROOM : mode.room;
	uint8_t *answer = malloc(room);

	MUST(answer != NULL);
	catalogue_set_state(catalogue, mode.state, 7);
	scratch->turn = mode.turn;
	size_t answer_size = ask(&mode, query, query_size, NULL, answer, room);
	MUST(answer_size <= room);
	MUST((scratch->outcome.kind == OUTCOME_NONE) == (answer_size == 0));
	if (answer_size > 0) {
		check_answer(query, query_size, answer, answer_size, &walked);
		check_cut(&mode, query, query_size, answer, &walked);
		check_ahead(&mode, query, query_size, answer, answer_size);
		size_t opts = walked.opts, rest = dns_answer_cut(answer, answer_size, scratch->outcome.opt_size);
		MUST(rest <= answer_size);
		walk(answer, rest, &walked);
		MUST(walked.count == opts && walked.opts == opts && (answer[2] & 2) != 0);
	}
	free(answer);
	return 0;
}
