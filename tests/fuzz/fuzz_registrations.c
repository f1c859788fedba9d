/*
 * Fuzz target: src/nomad/registrations.c and json.c. Whatever Nomad says is read as each of the four things it may
 * be; every text that comes out is looked at to its end, and must be what the header promises.
 *
 * SPDX-License-Identifier: MIT
 */
#include "nomad/registrations.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No NUL inside comes for free: what comes out is as long as it says. Only its reading is left to the sanitizers. */
static size_t total;

static void look_at(const char *text)
{
	assert(text != NULL);
	total += strlen(text);
}

static void look_at_registration(const struct registration *registration)
{
	struct address address;
	struct instance instance;
	const char *reason = NULL;

	assert(registration->id[0] != '\0' && registration->service[0] != '\0' && registration->namespace[0] != '\0');
	look_at(registration->allocation);
	look_at(registration->node);
	look_at(registration->job);
	look_at(registration->datacenter);
	for (size_t i = 0; i < registration->tag_count; i++)
		look_at(registration->tags[i]);
	if (!registration_instance(registration, &address, &instance, &reason)) {
		assert(reason != NULL);
		return;
	}
	struct spelling spelling = {.namespace = registration->namespace, .service = registration->service, .count = 1};
	struct service service = {
		.spelling_count = 1, .spellings = &spelling, .instance_count = 1, .instances = &instance};
	free(service_copy(&service));
}

static void read_registrations(const char *text, size_t size)
{
	struct registrations set;

	if (registrations_parse(text, size, &set) < 0)
		return;
	for (size_t i = 0; i < set.count; i++)
		look_at_registration(&set.items[i]);
	registrations_done(&set);
}

static void read_list(const char *text, size_t size)
{
	struct service_list list;

	if (service_list_parse(text, size, &list) < 0)
		return;
	for (size_t i = 0; i < list.count; i++) {
		look_at(list.items[i].namespace);
		look_at(list.items[i].service);
	}
	service_list_done(&list);
}

static void read_namespaces(const char *text, size_t size)
{
	uint64_t made;

	if (namespace_list_made_after(text, size, 1, &made) == 0)
		assert(made > 1);
}

static void read_frame(const char *text, size_t size)
{
	struct frame frame;

	if (frame_parse(text, size, &frame) < 0)
		return;
	assert(!frame.heartbeat || frame.count == 0);
	for (size_t i = 0; i < frame.count; i++) {
		look_at(frame.events[i].registration.namespace);
		look_at(frame.events[i].registration.service);
		if (frame.events[i].type != EVENT_OTHER) /* which has no more than these two */
			look_at_registration(&frame.events[i].registration);
	}
	frame_done(&frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	read_registrations(text, size);
	read_list(text, size);
	read_namespaces(text, size);
	read_frame(text, size);
	return 0;
}
