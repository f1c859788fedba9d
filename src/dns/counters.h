/*
 * What was asked and answered, counted by each worker for itself and added up by whoever wants to know. Called by
 * udp.c, tcp.c, server.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_COUNTERS_H
#define NSS_NOMAD_DNS_COUNTERS_H

#include "view.h"

#include <stdatomic.h>
#include <stdint.h>

/* Types of question that are counted by themselves. */
enum counter_type {
	COUNTER_OTHER,
	COUNTER_A,
	COUNTER_AAAA,
	COUNTER_SRV,
	COUNTER_TXT,
	COUNTER_SOA,
	COUNTER_NS,
	COUNTER_PTR,
	COUNTER_ANY,
	COUNTER_HTTPS,
	COUNTER_TYPES,
};

enum {
	COUNTER_RCODES = DNS_BADVERS + 1,
	COUNTER_BUCKETS = 12, /* of the time that an answer takes, see counter_bucket_limit() */
};

/* Since the start. Every message that came in is counted by type, and by rcode or as dropped. */
struct dns_totals {
	uint64_t types[COUNTER_TYPES];
	uint64_t rcodes[COUNTER_RCODES];
	uint64_t truncated; /* answers with TC set for want of room */
	uint64_t dropped;   /* messages that are never answered: too short, answers, from port 0 */
	uint64_t limited;   /* answers held back, or cut, by the rate limit */
	uint64_t streams;   /* those of them that came over TCP */
	uint64_t buckets[COUNTER_BUCKETS]; /* messages by the time they took, each in one bucket */
	uint64_t nanoseconds;              /* that all of them took */
};

/* A worker's own; lines of cache that no other worker writes to. */
struct dns_counters {
	_Alignas(64) atomic_uint_fast64_t types[COUNTER_TYPES];
	atomic_uint_fast64_t rcodes[COUNTER_RCODES];
	atomic_uint_fast64_t truncated;
	atomic_uint_fast64_t dropped;
	atomic_uint_fast64_t limited;
	atomic_uint_fast64_t streams;
	atomic_uint_fast64_t buckets[COUNTER_BUCKETS];
	atomic_uint_fast64_t nanoseconds;
};

/* Where a question's type is counted. */
enum counter_type counter_type_of(uint16_t type);

/* The type's name as it stands in a question, "other" for the rest. */
const char *counter_type_name(enum counter_type type);

/* The rcode's name, NULL where it is never used. */
const char *counter_rcode_name(unsigned rcode);

/* Counts a message by what became of it. The worker's thread. */
void counters_count(struct dns_counters *counters, const struct dns_outcome *outcome, bool stream);
void counters_count_dropped(struct dns_counters *counters);
void counters_count_limited(struct dns_counters *counters);

/* The longest time in nanoseconds that a bucket is for; UINT64_MAX for the last one. */
uint64_t counter_bucket_limit(size_t bucket);

/* The moment in nanoseconds by a clock that nobody sets. No system call. */
uint64_t counters_clock(void);

/* Counts the time since `began` for `count` messages that were taken in and answered together. The worker's thread. */
void counters_count_time(struct dns_counters *counters, uint64_t began, unsigned count);

/* Adds a worker's to the totals. Any thread. */
void counters_add(const struct dns_counters *counters, struct dns_totals *totals);

#endif
