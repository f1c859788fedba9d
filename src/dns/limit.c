/*
 * How many answers a source may have; see limit.h. Called by udp.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "limit.h"

#include "prefix.h"

#include <sys/socket.h>

void limit_init(struct limit *limit, uint64_t seed)
{
	limit->seed = seed | 1;
}

void limit_set_rate(struct limit *limit, uint32_t rate, size_t workers)
{
	limit->rate = (uint32_t)((rate + workers - 1) / workers);
}

/* The source's prefix: 24 bits of an IPv4 address, 56 of an IPv6 one. */
static uint64_t prefix_of(const struct address *address)
{
	size_t size = address->family == AF_INET ? 3 : 7;
	uint64_t prefix = address->family;

	for (size_t i = 0; i < size; i++)
		prefix = prefix << 8 | address->octets[i];
	return prefix;
}

/* Mixes all bits into all (the finalizer of MurmurHash3). */
static uint64_t mix(uint64_t value)
{
	value = (value ^ value >> 33) * UINT64_C(0xff51afd7ed558ccd);
	value = (value ^ value >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return value ^ value >> 33;
}

static bool too_many_errors(struct limit *limit, uint32_t now)
{
	if (limit->error_second != now) {
		limit->error_second = now;
		limit->errors = 0;
	}
	return ++limit->errors > LIMIT_ERRORS;
}

enum limit_verdict limit_check(struct limit *limit, const struct address *client, const struct dns_outcome *outcome,
                               uint32_t now)
{
	if (limit->rate == 0 || outcome->proven || prefix_local_holds(client))
		return LIMIT_PASS;
	if ((outcome->rcode == DNS_FORMERR || outcome->rcode == DNS_NOTIMP) && too_many_errors(limit, now))
		return LIMIT_DROP;

	uint64_t hash = mix((prefix_of(client) ^ (uint64_t)outcome->kind << 60) * limit->seed);
	struct bucket *bucket = &limit->buckets[hash % LIMIT_BUCKETS];
	uint32_t tag = (uint32_t)(hash >> 32);
	if (bucket->tag != tag || bucket->second != now)
		*bucket = (struct bucket){.tag = tag, .second = now};
	if (++bucket->count <= limit->rate)
		return LIMIT_PASS;
	return (bucket->count - limit->rate) % 2 == 0 ? LIMIT_CUT : LIMIT_DROP;
}
