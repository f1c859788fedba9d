/*
 * What was asked and answered; see counters.h. Called by udp.c, tcp.c, server.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "counters.h"

/* One thread writes, so adding needs no locked instruction. */
static void add_one(atomic_uint_fast64_t *counter)
{
	uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, value + 1, memory_order_relaxed);
}

static enum counter_type type_of(uint16_t type)
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
	add_one(&counters->types[type_of(outcome->type)]);
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
}
