/*
 * TXT records: what is known of instances, a record for each key=value, as Consul has them. Most programs join the strings
 * of a record without a separator (Go, PHP, c-ares), so that two values in one could not be told apart. Called by records.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "records_part.h"

#include "seen.h"

#include <string.h>

enum { STRING_MAX = 255 }; /* octets, RFC 1035 section 3.3.14 */

/* The records under way. */
struct texts {
	struct pen *pen;
	size_t count; /* of those in the scratch's `texts` */
	size_t left;  /* octets that may still be looked at */
};

static bool same_text(const void *a, const void *b)
{
	const struct dns_text *one = a, *other = b;

	return strcmp(one->key, other->key) == 0 && strcmp(one->value, other->value) == 0;
}

static uint64_t hash_text(const struct dns_text *text)
{
	uint64_t hash = (uint8_t)text->key[0];

	for (const char *c = text->value; *c != '\0'; c++)
		hash = (hash ^ (uint8_t)*c) * UINT64_C(0x100000001b3); /* FNV-1a's prime */
	return hash ^ hash >> 32;
}

/* Writes "key=value" in as few strings as it takes. */
static void write_strings(struct writer *writer, const struct dns_text *text)
{
	const char *value = text->value;
	size_t left = strlen(value), start = strlen(text->key) + 1;

	size_t part = left < STRING_MAX - start ? left : STRING_MAX - start;
	writer_u8(writer, (uint8_t)(start + part));
	writer_put(writer, text->key, start - 1);
	writer_u8(writer, '=');
	writer_put(writer, value, part);
	for (value += part, left -= part; left > 0; value += part, left -= part) {
		part = left < STRING_MAX ? left : STRING_MAX;
		writer_u8(writer, (uint8_t)part);
		writer_put(writer, value, part);
	}
}

/* Answers with one record, unless the answer has it already; false where that does not fit, or enough was looked at. */
static bool answer_text(struct texts *texts, const char *key, const char *value)
{
	struct dns_scratch *scratch = texts->pen->view->scratch;
	struct reply *reply = texts->pen->reply;
	struct writer *writer = &reply->writer;
	struct dns_text *text = &scratch->texts[texts->count];
	size_t size = RECORD_HEAD + strlen(key) + strlen(value);

	if (size > texts->left || texts->count == SEEN_MOST) {
		reply->flags |= FLAG_TC;
		return false;
	}
	texts->left -= size;
	scratch->looked++;
	*text = (struct dns_text){key, value};
	if (!seen_add(scratch->seen, hash_text(text), text, same_text))
		return true;
	texts->count++;
	uint8_t *mark = writer->at;
	reply_head(reply, MESSAGE_QUESTION, DNS_TXT, texts->pen->ttl, 0);
	size_t data = writer_size(writer);
	write_strings(writer, text);
	writer_u16_at(writer, data - 2, (uint16_t)(writer_size(writer) - data));
	return answer_fits(reply, mark);
}

static bool answer_instance(struct texts *texts, const struct instance *instance)
{
	bool more = answer_text(texts, "id", instance->id) && answer_text(texts, "allocation", instance->allocation) &&
	            answer_text(texts, "node", instance->node) && answer_text(texts, "job", instance->job) &&
	            answer_text(texts, "datacenter", instance->datacenter);

	if (!texts->pen->view->settings->tags)
		return more;
	for (size_t i = 0; i < instance->tag_count && more; i++)
		more = answer_text(texts, "tag", instance->tags[i]);
	return more;
}

void records_answer_texts(struct pen *pen)
{
	enum { TIMES = 2 }; /* the answer's room; what many have in common is looked at more often than it is written */
	const struct zone_node *node = pen->node;
	const struct writer *writer = &pen->reply->writer;
	struct texts texts = {.pen = pen, .left = TIMES * (size_t)(writer->end - writer->at)};
	size_t count = node->chosen_count, at = dns_scratch_turn(pen->view->scratch, count);

	seen_reset(pen->view->scratch->seen, texts.left / RECORD_HEAD);
	for (size_t i = 0; i < count; i++, at = at + 1 == count ? 0 : at + 1)
		if (!answer_instance(&texts, node->chosen[at]))
			return;
}
