/*
 * How many answers a source may have: who forges a victim's address gets it no more than that. Called by udp.c; each worker
 * has its own, and limits by itself to its share: the kernel spreads a source's ports, which a forger is free to choose,
 * over all of them.
 *
 * Sources are counted by prefix, /24 and /56, and by kind of answer, each second anew. Not counted are clients that have
 * shown a cookie, and those on loopback and private networks: what is forged there comes from there, and the answers stay
 * there; and all containers of a host, or all hosts behind a resolver, are one source.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_LIMIT_H
#define NSS_NOMAD_DNS_LIMIT_H

#include "address.h"
#include "view.h"

#include <stddef.h>
#include <stdint.h>

enum {
	LIMIT_BUCKETS = 16384, /* 192 KiB; two sources in one bucket drive each other out, and are limited later */
	LIMIT_ERRORS = 100,    /* FORMERR and NOTIMP a second, to all: NSD's number (nsd.h, query_ratelimit_err) */
};

struct limit {
	uint32_t rate; /* answers a second; 0, also before limit_set_rate(): unlimited */
	uint64_t seed; /* unknown to others, so that nobody chooses whose bucket to share */
	uint32_t error_second;
	uint32_t errors;
	struct bucket {
		uint32_t tag;
		uint32_t second;
		uint32_t count;
	} buckets[LIMIT_BUCKETS];
};

enum limit_verdict {
	LIMIT_PASS,
	LIMIT_CUT,  /* send it without records and with TC set: an honest client comes again, over TCP */
	LIMIT_DROP,
};

/* Sets up zeroed memory. */
void limit_init(struct limit *limit, uint64_t seed);

/* Sets one of `workers` workers' share of `rate` answers a second to a source; 0: unlimited. */
void limit_set_rate(struct limit *limit, uint32_t rate, size_t workers);

/* What to do with an answer; every second one over the limit is cut, the other dropped. `now` is in seconds. */
enum limit_verdict limit_check(struct limit *limit, const struct address *client, const struct dns_outcome *outcome,
                               uint32_t now);

#endif
