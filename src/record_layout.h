/*
 * What record.c, record_body.c and record_encode.c share: the numbers of the layout in record.h, the checksums.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_RECORD_LAYOUT_H
#define NSS_NOMAD_RECORD_LAYOUT_H

#include "record.h"

enum {
	RECORD_MAGIC = 0x6e6d6472, /* "nmdr" */
	RECORD_VERSION = 2,
	FLAG_COMPLETE = 1,
	FLAGS_UNRESOLVED = 1, /* bits by which the families stand further up */
	FLAG_PARTIAL = 8,
	FLAGS_ALL = FLAG_COMPLETE | FAMILY_ANY << FLAGS_UNRESOLVED | FLAG_PARTIAL,
	HEAD_SUM_AT = RECORD_PREFIX, /* octets from the start */
	BODY_SUM_AT = HEAD_SUM_AT + 8,
	FIELDS_AT = BODY_SUM_AT + 8,
	HEAD_MIN = FIELDS_AT + 8 + 8 + 4 + 4 + 2 + 2 + 4 + 4 + 4, /* the fields, with keys of one letter */
	/* the fewest octets that one of these takes in the body, to bound their numbers */
	SPELLING_MIN = 3 + 3 + 4,
	INSTANCE_MIN = 5 * 3 + 2 + 2 + 1 + 4 + 4,
	ADDRESS_MIN = 1 + 4,
	TAG_MIN = 3,
};

/* The checksum of a head of `size` octets, over all of it but the checksum itself. */
uint64_t record_head_checksum(const uint8_t *head, size_t size);

/* The checksum of a body. */
uint64_t record_body_checksum(const uint8_t *body, size_t size);

/* The head's fields, once its checksum was right. */
struct record_head {
	struct record record; /* without service */
	size_t size, total;   /* octets of the head, and of all */
	uint64_t body_sum;
	uint8_t unresolved; /* as in struct service, of the union */
	bool partial;
	size_t spelling_count, v4_count, v6_count;
	const uint8_t *addresses; /* in the bytes that were read */
};

/*
 * Reads a body of any content. 0 and a new service, released with free(); -EBADMSG or -ENOMEM and `service`
 * untouched. Any thread.
 */
int record_body(const uint8_t *body, size_t size, const struct record_head *head, struct service **service);

#endif
