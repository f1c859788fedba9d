/*
 * Between Nomad's words and the registry: which registrations count here, and what is said of those that do not.
 * Called by watch/watcher.c, watch/reading.c and watch/signal.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_INTAKE_H
#define NSS_NOMAD_INTAKE_H

#include "nomad/registrations.h"
#include "watch/outside.h"
#include "watch/registry.h"

enum { INTAKE_NOTES = 512 }; /* as many different records are complained of; then no more, the log would drown */

struct intake {
	struct registry *registry;
	const struct config *config;
	const struct outside *outside;
	size_t notes;
	uint64_t said[INTAKE_NOTES]; /* hashes of what was said */
};

/* Whether the namespace is one of those that are followed. */
bool intake_follows(const struct intake *intake, const char *namespace);

/* Whether a service can be asked for and is followed; says once where its name is why not. */
bool intake_takes(struct intake *intake, const char *namespace, const char *service);

/* Applies an event. 0 or -ENOMEM. */
int intake_event(struct intake *intake, const struct event *event);

/* Whether Nomad lists the service, and does not give it, or it is too large: a read of this one alone fails. */
bool intake_is_refused(const struct agent_answer *answer);

/* Such a service stays as it is, and is unknown where nothing is known of it; says why. 0 or -ENOMEM. */
int intake_refused(struct intake *intake, const char *namespace, const char *service, const char *why);

/*
 * Applies what a read said about one spelling of a service, and leaves of `set` what is of it. Where that is not all, the
 * service is partial. 0 or -ENOMEM.
 */
int intake_read(struct intake *intake, const char *namespace, const char *service, struct registrations *set);

#endif
