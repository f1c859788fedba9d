/*
 * Host names among the addresses of registrations, resolved by whoever fetched them; never by the module.
 * Called by nomad/fetch.c; the daemon does the same on its loop.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_HOSTS_H
#define NSS_NOMAD_HOSTS_H

#include "service.h"

#include <stdint.h>

/*
 * Resolves the host names of `count` instances, all at the same time, and gives each instance its addresses, and the
 * families in which there may be more of them. One whose name does not resolve before the deadline has none.
 *
 * deadline   by deadline_now()
 * unknown    on success how many of the names may have addresses that were not found
 * addresses  on success a new block in which the instances' addresses lie, released with free(); may be NULL
 *
 * 0 or -ENOMEM, then the instances are as they were. One thread at a time (getaddrinfo_a).
 */
int hosts_resolve(struct instance *instances, size_t count, int64_t deadline, size_t *unknown,
                  struct address **addresses);

#endif
