/*
 * What reading.c (the lists) and reading_services.c (each service) have of each other.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_READING_PART_H
#define NSS_NOMAD_READING_PART_H

#include "reading.h"

/* Ends the reading and tells its owner. */
void reading_end(struct reading *reading, enum agent_result result, const char *reason);

/* The lists are believed: reads the services, and removes those that are gone. */
void reading_start_services(struct reading *reading);
void reading_cancel_slots(struct reading *reading);

/* The job of a service; NULL where the lists do not have it. */
struct reading_job *reading_find_job(const struct reading *reading, const char *namespace, const char *service);

/* Namespaces by name; adding one twice is no error. -ENOMEM. */
bool reading_has_name(const struct reading_names *names, const char *name);
int reading_add_name(struct reading_names *names, const char *name);

/* What is known of the namespace stays, as the token may not read it any more, which is said; -ENOMEM. And the reverse. */
int reading_keep(struct reading *reading, const char *namespace);
void reading_stop_keeping(struct reading *reading, const char *namespace);

#endif
