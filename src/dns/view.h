/*
 * What answering looks at: the catalogue, the settings, and a worker's own memory. Called by reply.c, zone.c, records.c
 * and whoever asks them: udp.c, tcp.c, tests.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_VIEW_H
#define NSS_NOMAD_DNS_VIEW_H

#include "index.h"
#include "message.h"
#include "seen.h"
#include "settings.h"
#include "watch/catalogue.h"

/* What kind of answer it was; rate limits and statistics tell them apart. */
enum dns_outcome_kind {
	OUTCOME_NONE,     /* not answered */
	OUTCOME_POSITIVE, /* holds what was asked for */
	OUTCOME_NEGATIVE, /* there is no such name or data */
	OUTCOME_ERROR,
};

struct dns_outcome {
	enum dns_outcome_kind kind;
	uint16_t type; /* 0 where the question could not be read */
	uint16_t rcode;
	bool truncated;
	uint16_t opt_size; /* octets of the OPT record, the last of the answer; 0: there is none */
	bool proven; /* the client showed a cookie of ours: its address is no forgery */
};

/* An SRV record of the answer: what it leads to, and where that stands. */
struct srv_row {
	const struct target *target;
	size_t at;
};

/* A TXT record of the answer. */
struct dns_text {
	const char *key;
	const char *value;
};

/* Memory for one answer at a time; nothing is ever allocated for one. */
struct dns_scratch {
	const struct instance *chosen[INDEX_FROM / 2]; /* of a small service, which has no more: each counts twice at least */
	uint32_t turn; /* by which answers are rotated */
	size_t looked; /* at so many instances, addresses and rows, in all; so that tests can tell what an answer costs */
	struct dns_outcome outcome; /* of the last answer */
	struct seen *seen;
	union { /* of an answer's records, by its type */
		struct srv_row rows[SEEN_MOST];
		struct dns_text texts[SEEN_MOST];
	};
};

/* What a worker hands to dns_answer(). */
struct dns_view {
	const struct catalogue *catalogue; /* entered by the caller */
	const struct dns_settings *settings;
	struct dns_scratch *scratch;
	uint32_t now; /* seconds since 1970 */
	int64_t uptime; /* the same moment by uptime_now() */
	const struct pulse *pulse; /* NULL: the catalogue is what it says of itself */
	const struct entry *ahead; /* what catalogue_look_ahead() found for the question; NULL: nothing */
};

/* Who asks. */
struct dns_client {
	struct address address; /* of an IPv4 client always in that form */
	struct address local;   /* that it asked at; family 0 where it does not matter */
	bool stream;            /* over TCP */
};

/* Memory for answers, NULL where there is none; released with dns_scratch_free(), which accepts NULL. */
struct dns_scratch *dns_scratch_new(void);
void dns_scratch_free(struct dns_scratch *scratch);

/* The next place to begin at, of `count`: another one each time. */
size_t dns_scratch_turn(struct dns_scratch *scratch, size_t count);

#endif
