/*
 * What test_never_no.c looks at: random numbers from a seed, a truth made of them, and the module and DNS as glibc and a client
 * meet them. Included by that test alone.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_TEST_NEVER_NO_H
#define NSS_NOMAD_TEST_NEVER_NO_H

#include "asking.h"
#include "dns/reply.h"
#include "lookup.h"

#include <stdbool.h>
#include <stdint.h>

/* Random numbers, the same for the same seed on every machine (xorshift64*, Vigna 2016). */
struct chance {
	uint64_t state;
};

static inline uint32_t chance(struct chance *chance, uint32_t below)
{
	chance->state ^= chance->state >> 12;
	chance->state ^= chance->state << 25;
	chance->state ^= chance->state >> 27;
	return (uint32_t)((chance->state * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % below;
}

static inline bool one_in(struct chance *state, uint32_t many)
{
	return chance(state, many) == 0;
}

enum { HOSTS = 4, INSTANCES = 12, TEXT = 64, FAULTLESS = 4 /* one seed in so many has no faults */ };

/* A host name of the truth: the families in which it has an address, and what its name servers fail for now. */
struct host {
	uint8_t families, failing;
	bool awaited;
};

struct row {
	char namespace[TEXT], service[TEXT], id[TEXT];
	bool there;
	int host;  /* -1: it has an address of its own */
	char text[TEXT]; /* "10.1.0.7", or "h2.example" */
	struct address address;
};

struct truth {
	struct host hosts[HOSTS];
	struct row rows[INSTANCES];
};

static inline struct address make_address(int family, uint8_t network, uint8_t number)
{
	struct address address = {.family = (uint8_t)family};

	if (family == AF_INET)
		memcpy(address.octets, (uint8_t[]){10, network, 0, number}, 4);
	else
		memcpy(address.octets, (uint8_t[16]){0x20, 0x01, 0x0d, 0xb8, network, [15] = number}, 16);
	return address;
}

/* The addresses of a host, of those families. */
static inline size_t host_addresses(int host, uint8_t families, struct address addresses[2])
{
	size_t count = 0;

	if ((families & FAMILY_IPV4) != 0)
		addresses[count++] = make_address(AF_INET, 200, (uint8_t)(host + 1));
	if ((families & FAMILY_IPV6) != 0)
		addresses[count++] = make_address(AF_INET6, 200, (uint8_t)(host + 1));
	return count;
}

static inline size_t row_addresses(const struct truth *truth, const struct row *row, struct address addresses[2])
{
	if (row->host >= 0)
		return host_addresses(row->host, truth->hosts[row->host].families, addresses);
	addresses[0] = row->address;
	return 1;
}

static inline void make_truth(struct truth *truth, struct chance *state)
{
	static const char *const namespaces[] = {"default", "prod"}, *const services[] = {"web", "db", "Web"};

	for (int i = 0; i < HOSTS; i++)
		truth->hosts[i] = (struct host){.families = (uint8_t)(1 + chance(state, 3))};
	for (uint8_t i = 0; i < INSTANCES; i++) {
		struct row *row = &truth->rows[i];
		*row = (struct row){.there = one_in(state, 2), .host = one_in(state, 2) ? (int)chance(state, HOSTS) : -1};
		row->address = make_address(one_in(state, 2) ? AF_INET : AF_INET6, 1, (uint8_t)(i + 1));
		strcpy(row->namespace, namespaces[chance(state, 2)]);
		strcpy(row->service, services[chance(state, 3)]);
		snprintf(row->id, sizeof row->id, "i%u", i);
		snprintf(row->text, sizeof row->text, "h%d.example", row->host);
		if (row->host < 0)
			snprintf(row->text, sizeof row->text, "%.60s", support_addresses(&row->address, 1));
	}
}

typedef void (*visit_question)(void *context, const char *name, uint8_t families);

/* The families in which a name of a service, or of what selects it, has an address in truth. */
static inline uint8_t true_families(const struct truth *truth, const struct row *of, const struct address *only, bool tag)
{
	struct address addresses[2];
	uint8_t families = 0;

	for (const struct row *row = truth->rows; row < truth->rows + INSTANCES; row++) {
		if (!row->there || strcmp(row->namespace, of->namespace) != 0 || strcmp(row->service, of->service) != 0 ||
		    (tag && row != of))
			continue;
		size_t count = row_addresses(truth, row, addresses);
		for (size_t i = 0; i < count; i++)
			if (only == NULL || address_equal(only, &addresses[i]))
				families |= address_families(addresses[i].family);
	}
	return families;
}

/* Whether it is a service that a name in lower case means too: there is none that is spelled so. */
static inline bool is_alone(const struct truth *truth, const struct row *of)
{
	for (const struct row *row = truth->rows; row < truth->rows + INSTANCES; row++)
		if (row->there && strcmp(row->namespace, of->namespace) == 0 && strcmp(row->service, "web") == 0)
			return false;
	return strcmp(of->service, "Web") == 0;
}

/* Every name that is in the truth, with the families in which it has an address. */
static inline void each_question(const struct truth *truth, visit_question visit, void *context)
{
	char name[4 * TEXT], label[ADDRESS_TEXT_MAX];
	struct address addresses[2];

	for (const struct row *row = truth->rows; row < truth->rows + INSTANCES; row++) {
		if (!row->there)
			continue;
		snprintf(name, sizeof name, "%.60s.%.60s.nomad", row->service, row->namespace);
		visit(context, name, true_families(truth, row, NULL, false));
		if (is_alone(truth, row)) {
			snprintf(name, sizeof name, "web.%.60s.nomad", row->namespace);
			visit(context, name, true_families(truth, row, NULL, false));
		}
		snprintf(name, sizeof name, "t-%.60s.%.60s.%.60s.nomad", row->id, row->service, row->namespace);
		visit(context, name, true_families(truth, row, NULL, true));
		size_t count = row_addresses(truth, row, addresses);
		for (size_t i = 0; i < count; i++) {
			address_label(&addresses[i], label);
			snprintf(name, sizeof name, "%s.%.60s.%.60s.nomad", label, row->service, row->namespace);
			visit(context, name, true_families(truth, row, &addresses[i], false));
		}
	}
}

/* A registration as Nomad has it. */
static inline size_t put_row(char *at, size_t room, const struct row *row)
{
	return (size_t)snprintf(at, room,
	                        "{\"Address\":\"%s\",\"AllocID\":\"a-%s\",\"ID\":\"%s\",\"Namespace\":\"%s\",\"Port\":80,"
	                        "\"ServiceName\":\"%s\",\"Tags\":[\"t-%s\"],\"CreateIndex\":11,\"ModifyIndex\":11}",
	                        row->text, row->id, row->id, row->namespace, row->service, row->id);
}

#endif
