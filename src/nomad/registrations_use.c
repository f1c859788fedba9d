/*
 * What registrations are in an answer; see registrations.h. Called by nomad/fetch.c and watch/intake.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "nomad/registrations.h"

#include <string.h>

void registrations_keep(struct registrations *set, const char *namespace, const char *service)
{
	size_t kept = 0;

	for (size_t i = 0; i < set->count; i++)
		if (strcmp(set->items[i].service, service) == 0 && strcmp(set->items[i].namespace, namespace) == 0)
			set->items[kept++] = set->items[i];
	set->skipped += set->count - kept;
	set->count = kept;
}

bool registration_instance(const struct registration *registration, struct address *address,
                           struct instance *instance, const char **reason)
{
	bool is_address = address_parse(registration->address, address);
	bool is_host = !is_address && address_is_host(registration->address);

	*instance = (struct instance){
		.id = registration->id,
		.allocation = registration->allocation,
		.node = registration->node,
		.job = registration->job,
		.datacenter = registration->datacenter,
		.host = is_host ? registration->address : NULL,
		.addresses = is_address ? address : NULL,
		.address_count = is_address,
		.tags = registration->tags,
		.tag_count = registration->tag_count,
		.port = registration->port > 0 && registration->port <= UINT16_MAX ? (uint16_t)registration->port : 0,
		.modified = registration->modify_index,
	};
	if (is_address || is_host)
		return true;
	/* Nothing selects it but its service's name. */
	instance->allocation = "";
	instance->tag_count = 0;
	instance->port = 0;
	*reason = registration->address[0] == '\0' ? "is empty" : "is neither an IP address nor the name of a host";
	return false;
}
