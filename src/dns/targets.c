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

static const struct spelling *spelling_of(const struct service *service, size_t place)
{
	const struct spelling *spelling = service->spellings;

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
	target->has_row = instance->port != 0 && (instance->host != NULL || instance->address_count > 0);
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

/* Marks the instances that say something new. Past SEEN_MOST none is marked: no answer holds as many records. */
static void mark_first(struct targets *targets, const struct service *service, struct seen *seen)
{
	mark_rows(targets, service, seen);
	mark_addresses(targets, service, seen);
	targets->row_octets = targets->octets = targets->rows = targets->addresses = 0;
	for (const struct target *target = targets->targets; target < targets->targets + targets->count; target++) {
		targets->rows = (uint16_t)(targets->rows + target->first_row);
		targets->addresses = (uint16_t)(targets->addresses + target->first_address);
		targets->row_octets += target->first_row * (size_t)target->size;
		targets->octets += target->first_address * (size_t)target->address_size;
	}
	targets->octets += targets->row_octets;
}

void *targets_prepare(const struct service *service)
{
	size_t count = service->instance_count, octets = 0;
	struct seen *seen = seen_new(count);
	struct targets *targets = NULL;

	if (seen == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++)
		octets += most_octets(&service->instances[i], spelling_of(service, i));
	targets = malloc(sizeof *targets + count * sizeof *targets->targets + octets);
	if (targets == NULL)
		goto done;
	targets->count = count;
	targets->one_spelling = service->spelling_count == 1;
	targets->partial = service->partial;
	targets->unknown = service->unknown;
	uint8_t *at = (uint8_t *)&targets->targets[count];
	for (size_t i = 0; i < count; i++)
		at = put_target(&targets->targets[i], &service->instances[i], spelling_of(service, i), at);
	mark_first(targets, service, seen);
done:
	free(seen);
	return targets;
}
