/*
 * What an answer costs, without sockets: asks dns_answer() for SRV of services with three instances, COUNT times. Run
 * under callgrind it gives instructions per answer, which no noise touches; by itself it gives nanoseconds.
 *
 *     cost SERVICES COUNT
 *
 * Called by tests/bench/dns.py, which counts an empty run too and takes the difference.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dns/reply.h"
#include "dns/targets.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { INSTANCES = 3, QUERY_MAX = MESSAGE_QUESTION + CATALOGUE_LABELS_MAX };

static void put(struct catalogue *catalogue, unsigned number)
{
	struct instance instances[INSTANCES];
	struct address addresses[INSTANCES];
	struct service_key key = {"default", ""};
	struct spelling spelling = {key.namespace, key.service, 0, INSTANCES};

	snprintf(key.service, sizeof key.service, "svc-%06u", number);
	for (unsigned i = 0; i < INSTANCES; i++) {
		unsigned at = number * INSTANCES + i + 1;
		addresses[i] = (struct address){AF_INET, {10, (uint8_t)(at >> 16), (uint8_t)(at >> 8), (uint8_t)at}};
		instances[i] = (struct instance){.id = "id", .allocation = "allocation", .node = "node", .job = "job",
		                                 .datacenter = "dc1", .addresses = &addresses[i], .address_count = 1,
		                                 .port = (uint16_t)(20000 + i)};
	}
	struct service *service = service_copy(&(struct service){
		.spelling_count = 1, .spellings = &spelling, .instance_count = INSTANCES, .instances = instances});
	if (service == NULL || catalogue_put(catalogue, &key, service) < 0)
		errx(1, "out of memory");
}

/* SRV with EDNS, as blast asks. */
static size_t write_query(uint8_t *query, unsigned number)
{
	static const uint8_t head[] = "\0\0\1\0\0\1\0\0\0\0\0\1\x0asvc-000000\7default\5nomad\0\0\x21\0\1"
	                              "\0\0\x29\x04\xd0\0\0\0\0\0\0";
	char digits[16];

	memcpy(query, head, sizeof head - 1);
	snprintf(digits, sizeof digits, "%06u", number % 1000000);
	memcpy(query + 17, digits, 6);
	return sizeof head - 1;
}

/* Which service the question asks for. */
static size_t pick(long question, unsigned services)
{
	return (size_t)question * 7919 % services;
}

/* As udp.c does with a batch of questions. */
static void look_ahead(const struct catalogue *catalogue, uint8_t (*queries)[QUERY_MAX], long first, unsigned services,
                       const struct entry *ahead[])
{
	const uint8_t *labels[CATALOGUE_AHEAD_MAX];

	for (long i = 0; i < CATALOGUE_AHEAD_MAX; i++)
		labels[i] = queries[pick(first + i, services)] + MESSAGE_QUESTION;
	catalogue_look_ahead(catalogue, labels, CATALOGUE_AHEAD_MAX, ahead);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		errx(1, "usage: cost SERVICES COUNT");
	unsigned services = (unsigned)atoi(argv[1]);
	long count = atol(argv[2]), octets = 0;
	struct prefix allow = {.family = AF_INET};
	struct dns_settings settings = {.tags = true, .default_namespace = "default", .ttl = 10, .negative_ttl = 3, .expire = 3600,
	                                .udp_size = 1232, .allow_count = 1, .allow = &allow, .cookies = true};
	const struct dns_client client = {.address = {AF_INET, {127, 0, 0, 1}}};
	struct catalogue *catalogue = catalogue_new();
	uint8_t(*queries)[QUERY_MAX] = calloc(services, sizeof *queries);
	struct dns_view view = {.catalogue = catalogue, .settings = &settings, .scratch = dns_scratch_new()};
	const struct entry *ahead[CATALOGUE_AHEAD_MAX];
	uint8_t answer[1232];
	size_t size = 0;
	struct timespec begun, ended;

	catalogue_prepare_with(catalogue, targets_prepare);
	for (unsigned i = 0; i < services; i++) {
		put(catalogue, i);
		size = write_query(queries[i], i);
	}
	catalogue_set_state(catalogue, CATALOGUE_CURRENT, 1);
	clock_gettime(CLOCK_MONOTONIC, &begun);
	for (long i = 0; i < count; i++) {
		if (i % CATALOGUE_AHEAD_MAX == 0)
			look_ahead(catalogue, queries, i, services, ahead);
		view.ahead = ahead[i % CATALOGUE_AHEAD_MAX];
		octets += (long)dns_answer(&view, &client, queries[pick(i, services)], size, answer, sizeof answer);
	}
	clock_gettime(CLOCK_MONOTONIC, &ended);
	double span = (double)(ended.tv_sec - begun.tv_sec) * 1e9 + (double)(ended.tv_nsec - begun.tv_nsec);
	printf("%ld answers of %ld octets, %.0f ns each\n", count, octets / (count > 0 ? count : 1),
	       span / (double)(count > 0 ? count : 1));
	free(queries);
	dns_scratch_free(view.scratch);
	catalogue_free(catalogue);
	return 0;
}
