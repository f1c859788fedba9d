/*
 * What Nomad says about services, JSON to structs: the bodies of /v1/service/NAME, /v1/services and /v1/namespaces, the
 * lines of /v1/event/stream?topic=Service; and from a registration to an instance. Called by nomad/fetch.c,
 * nomad/stream.c and watch/.
 *
 * Input may hold anything. Unknown members are passed over, of doubles the last one counts, null is as if it were
 * missing. An element of a wrong shape is left out and counted, it never spoils the others: a member of another
 * type, text that is not UTF-8, holds NUL or is longer than records take, no ID, no namespace, no service name.
 * What is no JSON at all, is nested deeper than REGISTRATIONS_DEPTH_MAX or has more than REGISTRATIONS_TOKENS_MAX
 * values is refused whole. Time and memory grow linearly with the size.
 *
 * API: https://developer.hashicorp.com/nomad/api-docs/services
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_NOMAD_REGISTRATIONS_H
#define NSS_NOMAD_NOMAD_REGISTRATIONS_H

#include "service.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	REGISTRATIONS_DEPTH_MAX = 32,               /* Nomad's own answers have 6 levels */
	REGISTRATIONS_TEXT_MAX = UINT16_MAX,        /* octets with the NUL: what a record has room for */
	REGISTRATIONS_TOKENS_MAX = 4 * 1024 * 1024, /* values and keys; 32 MiB of instances have about 2.6 million */
};

/* One instance as Nomad registered it. Texts are never NULL, "" where Nomad gave none; UTF-8 without NUL. */
struct registration {
	const char *id; /* unique in the namespace; never "" */
	const char *service;
	const char *namespace;
	const char *allocation;
	const char *node;
	const char *job;
	const char *datacenter;
	const char *address; /* IP address, host name, empty or junk */
	const char *const *tags;
	size_t tag_count;
	int64_t port; /* any number; out of range as INT64_MIN or INT64_MAX */
	uint64_t create_index;
	uint64_t modify_index;
};

struct registrations {
	size_t count;
	struct registration *items; /* in one block with all their texts */
	size_t skipped;             /* elements of a wrong shape: there may be instances that are not here */
};

/*
 * Reads a body of /v1/service/NAME.
 *
 * set   on success released with registrations_done(); otherwise untouched
 *
 * 0; -EBADMSG where it is not an array; -E2BIG over one of the limits; -ENOMEM. Any thread.
 */
int registrations_parse(const char *body, size_t size, struct registrations *set);

/* Leaves those of one service, exactly as it is spelled; the others count as skipped. */
void registrations_keep(struct registrations *set, const char *namespace, const char *service);

/* Releases it. Accepts zeroes. */
void registrations_done(struct registrations *set);

/* A service's name in the list of all. */
struct listed_service {
	const char *namespace;
	const char *service;
};

struct service_list {
	size_t count;
	struct listed_service *items; /* in Nomad's order, which is none; in one block with all their texts */
	size_t skipped; /* elements of a wrong shape: there may be services that are not here */
};

/*
 * Reads a body of /v1/services, tags left out. As registrations_parse(); released with service_list_done(). A name that is
 * text, and that no label of a name can be, is left out and not counted: anybody may register one.
 */
int service_list_parse(const char *body, size_t size, struct service_list *names);
void service_list_done(struct service_list *names);

/*
 * Reads a body of /v1/namespaces: the index at which the oldest of those was made that were made after `index` goes to
 * `made`, UINT64_MAX where there are none. As registrations_parse(); -EBADMSG also where one does not say when it was made.
 */
int namespace_list_made_after(const char *body, size_t size, uint64_t index, uint64_t *made);

enum event_type {
	EVENT_UPSERT, /* ServiceRegistration */
	EVENT_DELETE, /* ServiceDeregistration; PlanResult, AllocationUpdated: what Nomad did when it deleted the instance */
	EVENT_OTHER,  /* something has become of the service, and only reading it tells what: of a type that is not known here,
	                 or of a shape; then `registration` has the service's name and namespace alone */
};

struct event {
	enum event_type type;
	uint64_t index; /* of the event; that of a delete is newer than its registration's */
	struct registration registration;
};

/* One line of the stream: all events of one index. */
struct frame {
	bool heartbeat; /* {} */
	uint64_t index; /* 0 where it has none */
	size_t count;
	struct event *events; /* in one block with all their texts */
	size_t skipped;       /* under Topic=Service, and not even of which service: something was missed */
};

/* Reads one line, with or without its newline. As registrations_parse(); released with frame_done(). */
int frame_parse(const char *line, size_t size, struct frame *frame);
void frame_done(struct frame *frame);

/*
 * What a registration is in an answer (the rules of "Names" in docs): an IP address, or a host name that somebody
 * has yet to resolve; a port outside 1 to 65535 is 0.
 *
 * address   gets the IP address, and `instance` points to it; the caller keeps both together
 * instance  borrows every text of the registration; service_copy() makes one that stands by itself
 * reason    why not: the end of a sentence that starts with the registration, static
 *
 * True, or false and a reason: the address is neither, and the instance one that nothing selects.
 */
bool registration_instance(const struct registration *registration, struct address *address,
                           struct instance *instance, const char **reason);

#endif
