/*
 * What was asked and answered; see counters.h. Called by udp.c, tcp.c, server.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "counters.h"

#include <time.h>

/* One thread writes, so adding needs no locked instruction. */
static void add(atomic_uint_fast64_t *counter, uint64_t number)
{
	uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, value + number, memory_order_relaxed);
}

static void add_one(atomic_uint_fast64_t *counter)
{
	add(counter, 1);
}

enum counter_type counter_type_of(uint16_t type)
{
	switch (type) {
	case DNS_A:
		return COUNTER_A;
	case DNS_AAAA:
		return COUNTER_AAAA;
	case DNS_SRV:
		return COUNTER_SRV;
	case DNS_TXT:
		return COUNTER_TXT;
	case DNS_SOA:
		return COUNTER_SOA;
	case DNS_NS:
		return COUNTER_NS;
	case DNS_PTR:
		return COUNTER_PTR;
	case DNS_ANY:
		return COUNTER_ANY;
	case DNS_HTTPS:
		return COUNTER_HTTPS;
	default:
		return COUNTER_OTHER;
	}
}

const char *counter_type_name(enum counter_type type)
{
	static const char *const names[COUNTER_TYPES] = {
		[COUNTER_OTHER] = "other", [COUNTER_A] = "A",       [COUNTER_AAAA] = "AAAA", [COUNTER_SRV] = "SRV",
		[COUNTER_TXT] = "TXT",     [COUNTER_SOA] = "SOA",   [COUNTER_NS] = "NS",     [COUNTER_PTR] = "PTR",
		[COUNTER_ANY] = "ANY",     [COUNTER_HTTPS] = "HTTPS",
	};

	return names[type];
}

const char *counter_rcode_name(unsigned rcode)
{
	static const char *const names[COUNTER_RCODES] = {
		[DNS_NOERROR] = "NOERROR",   [DNS_FORMERR] = "FORMERR", [DNS_SERVFAIL] = "SERVFAIL",
		[DNS_NXDOMAIN] = "NXDOMAIN", [DNS_NOTIMP] = "NOTIMP",   [DNS_REFUSED] = "REFUSED",
		[DNS_BADVERS] = "BADVERS",
	};

	return rcode < COUNTER_RCODES ? names[rcode] : NULL;
}

void counters_count(struct dns_counters *counters, const struct dns_outcome *outcome, bool stream)
{
	add_one(&counters->types[counter_type_of(outcome->type)]);
	if (stream)
		add_one(&counters->streams);
	if (outcome->kind == OUTCOME_NONE) {
		add_one(&counters->dropped);
		return;
	}
	add_one(&counters->rcodes[outcome->rcode]);
	if (outcome->truncated)
		add_one(&counters->truncated);
}

void counters_count_dropped(struct dns_counters *counters)
{
	add_one(&counters->types[COUNTER_OTHER]);
	add_one(&counters->dropped);
}

void counters_count_limited(struct dns_counters *counters)
{
	add_one(&counters->limited);
}

uint64_t counter_bucket_limit(size_t bucket)
{
	/* From what a batch of one takes to what somebody would notice. */
	static const uint64_t limits[COUNTER_BUCKETS] = {
		5000,    10000,   25000,    50000,    100000,    250000, /* nanoseconds */
		500000, 1000000, 2500000, 10000000, 100000000, UINT64_MAX,
	};

	return limits[bucket];
}

uint64_t counters_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void counters_count_time(struct dns_counters *counters, uint64_t began, unsigned count)
{
	uint64_t took = counters_clock() - began;
	size_t bucket = 0;

	while (took > counter_bucket_limit(bucket))
		bucket++;
	add(&counters->buckets[bucket], count);
	add(&counters->nanoseconds, took * count);
}

static uint64_t value_of(const atomic_uint_fast64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void counters_add(const struct dns_counters *counters, struct dns_totals *totals)
{
	for (size_t i = 0; i < COUNTER_TYPES; i++)
		totals->types[i] += value_of(&counters->types[i]);
	for (size_t i = 0; i < COUNTER_RCODES; i++)
		totals->rcodes[i] += value_of(&counters->rcodes[i]);
	totals->truncated += value_of(&counters->truncated);
	totals->dropped += value_of(&counters->dropped);
	totals->limited += value_of(&counters->limited);
	totals->streams += value_of(&counters->streams);
	for (size_t i = 0; i < COUNTER_BUCKETS; i++)
		totals->buckets[i] += value_of(&counters->buckets[i]);
	totals->nanoseconds += value_of(&counters->nanoseconds);
}
