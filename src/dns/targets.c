/*
 * What SRV records of a service lead to; see targets.h. Called by watch/catalogue.c with each service that changes.
 *
 * SPDX-License-Identifier: MIT
 */
#include "targets.h"

#include "seen.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

bool target_has_row(const struct instance *instance)
{
	return instance->port != 0 && (instance->host != NULL || instance->address_count > 0);
}

bool target_same_row(const void *a, const void *b)
{
	const struct instance *one = a, *other = b;

	if (one->port != other->port || (one->host == NULL) != (other->host == NULL))
		return false;
	return one->host == NULL ? address_equal(&one->addresses[0], &other->addresses[0])
	                         : text_same(one->host, other->host);
}

uint64_t target_hash_row(const struct instance *instance)
{
	uint64_t hash = 0;

	if (instance->host == NULL)
		hash = seen_hash_address(&instance->addresses[0]);
	else
		for (const char *c = instance->host; *c != '\0'; c++)
			hash = (hash ^ (uint64_t)(*c | 0x20)) * UINT64_C(0x100000001b3); /* FNV-1a's prime; letters of any case */
	return hash + instance->port * UINT64_C(0x9e3779b9);
}

uint8_t *target_put_label(uint8_t *at, const char *label, size_t length)
{
	*at = (uint8_t)length;
	memcpy(at + 1, label, length);
	return at + 1 + length;
}

/* A host's name, which address_is_host() took: labels of 1 to 63 octets, perhaps a dot at the end. */
static uint8_t *put_host(uint8_t *at, const char *host)
{
	for (const char *label = host; *label != '\0';) {
		size_t length = (size_t)(strchrnul(label, '.') - label);
		at = target_put_label(at, label, length);
		label += length + (label[length] == '.');
	}
	*at = 0;
	return at + 1;
}

/* The octets that an instance's records take at the most. */
static size_t most_octets(const struct instance *instance, const struct spelling *spelling)
{
	if (instance->host != NULL)
		return SRV_HEAD + strlen(instance->host) + 2;
	return SRV_HEAD + 1 + ADDRESS_TEXT_MAX + 1 + strlen(spelling->service) + 1 + strlen(spelling->namespace) +
	       sizeof TARGET_ZONE + RECORD_HEAD + sizeof instance->addresses->octets;
}

/* The spelling of the instance at a place, that of the one before it being `spelling`. */
static const struct spelling *spelling_of(const struct spelling *spelling, size_t place)
{
	while (place - spelling->first >= spelling->count)
		spelling++;
	return spelling;
}

static uint8_t *put_name(uint8_t *at, const struct instance *instance, const struct spelling *spelling)
{
	char label[ADDRESS_TEXT_MAX];

	if (instance->host != NULL)
		return put_host(at, instance->host);
	address_label(&instance->addresses[0], label);
	at = target_put_label(at, label, strlen(label));
	at = target_put_label(at, spelling->service, strlen(spelling->service));
	at = target_put_label(at, spelling->namespace, strlen(spelling->namespace));
	return mempcpy(at, TARGET_ZONE, sizeof TARGET_ZONE);
}

static uint8_t *put_address(uint8_t *at, const struct address *address)
{
	size_t size = address_size(address);

	record_head(at, 0, address->family == AF_INET ? DNS_A : DNS_AAAA, 0, size);
	return mempcpy(at + RECORD_HEAD, address->octets, size);
}

/* Writes an instance's records, if it has any; returns where they end. */
static uint8_t *put_target(struct target *target, const struct instance *instance, const struct spelling *spelling,
                           uint8_t *at)
{
	const uint8_t data[] = {0, SRV_PRIORITY, 0, SRV_WEIGHT, (uint8_t)(instance->port >> 8), (uint8_t)instance->port};

	*target = (struct target){.record = at};
	target->has_row = target_has_row(instance);
	if (!target->has_row)
		return at;
	uint8_t *end = put_name(at + SRV_HEAD, instance, spelling);
	target->size = (uint16_t)(end - at);
	record_head(at, MESSAGE_QUESTION, DNS_SRV, 0, target->size - (size_t)RECORD_HEAD);
	memcpy(at + RECORD_HEAD, data, sizeof data);
	if (instance->host != NULL)
		return end;
	at = put_address(end, &instance->addresses[0]);
	target->address_size = (uint8_t)(at - end);
	return at;
}

static void mark_rows(struct targets *targets, const struct service *service, struct seen *seen)
{
	seen_reset(seen, service->instance_count);
	for (size_t i = 0; i < targets->count; i++) {
		const struct instance *instance = &service->instances[i];
		targets->targets[i].first_row = targets->targets[i].has_row &&
		                                seen_add(seen, target_hash_row(instance), instance, target_same_row);
	}
}

static void mark_addresses(struct targets *targets, const struct service *service, struct seen *seen)
{
	seen_reset(seen, service->instance_count);
	for (size_t i = 0; i < targets->count; i++) {
		const struct address *address = service->instances[i].addresses;
		targets->targets[i].first_address = targets->targets[i].first_row && targets->targets[i].address_size > 0 &&
		                                    seen_add(seen, seen_hash_address(address), address, seen_same_address);
	}
}

/* Marks the instances that say something new. Of a service with so many that copying all would take long, none is. */
static void mark_first(struct targets *targets, const struct service *service, struct seen *seen)
{
	if (targets->count > INDEX_FROM) {
		targets->row_octets = targets->octets = TARGETS_UNMARKED;
		return;
	}
	mark_rows(targets, service, seen);
	mark_addresses(targets, service, seen);
	for (const struct target *target = targets->targets; target < targets->targets + targets->count; target++) {
		targets->rows = (uint16_t)(targets->rows + target->first_row);
		targets->addresses = (uint16_t)(targets->addresses + target->first_address);
		targets->row_octets += target->first_row * (size_t)target->size;
		targets->octets += target->first_address * (size_t)target->address_size;
	}
	targets->octets += targets->row_octets;
}

/* The octets that all records take at the most. */
static size_t count_octets(const struct service *service)
{
	const struct spelling *spelling = service->spellings;
	size_t octets = 0;

	for (size_t i = 0; i < service->instance_count; i++) {
		spelling = spelling_of(spelling, i);
		octets += most_octets(&service->instances[i], spelling);
	}
	return octets;
}

static void put_targets(struct targets *targets, const struct service *service, uint8_t *at)
{
	const struct spelling *spelling = service->spellings;

	for (size_t i = 0; i < service->instance_count; i++) {
		spelling = spelling_of(spelling, i);
		at = put_target(&targets->targets[i], &service->instances[i], spelling, at);
	}
}

/* One block for the targets, the index, if there is one, and the records. */
static struct targets *join(const struct service *service, const struct index *index, size_t index_size)
{
	size_t size = sizeof(struct targets) + service->instance_count * sizeof(struct target);
	struct targets *targets = malloc(size + index_size + count_octets(service));

	if (targets == NULL)
		return NULL;
	uint8_t *behind = (uint8_t *)targets + size;
	*targets = (struct targets){.count = service->instance_count,
	                            .one_spelling = service->spelling_count == 1,
	                            .partial = service->partial,
	                            .unknown = service->unknown,
	                            .index = index == NULL ? NULL : memcpy(behind, index, index_size)};
	put_targets(targets, service, behind + index_size);
	return targets;
}

void *targets_prepare(const struct service *service)
{
	bool large = index_is_wanted(service);
	size_t index_size = 0;
	struct index *index = large ? index_new(service, &index_size) : NULL;
	struct seen *seen = seen_new(INDEX_FROM);
	struct targets *targets = NULL;

	if (seen != NULL && (index != NULL || !large))
		targets = join(service, index, index_size);
	if (targets != NULL)
		mark_first(targets, service, seen);
	free(index);
	free(seen);
	return targets;
}
