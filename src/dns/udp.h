/*
 * Questions over UDP: threads that each have their own socket per address, take what has come in at one go, and send
 * the answers at one go. They share nothing that is written. Called by server.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_UDP_H
#define NSS_NOMAD_DNS_UDP_H

#include "counters.h"
#include "listen.h"

struct udp;

/*
 * Starts listeners->workers threads, which block all signals.
 *
 * listeners  whose UDP sockets they serve; kept, as are the catalogue and the settings, until udp_stop()
 * udp        on success stopped and released with udp_stop(); otherwise untouched
 *
 * 0, -ENOMEM, or why there is no thread.
 */
int udp_start(const struct listeners *listeners, struct catalogue *catalogue,
              const struct dns_settings_place *settings, struct udp **udp);

/* Stops the threads, after the batch they are at, and waits for them. Accepts NULL. */
void udp_stop(struct udp *udp);

/* Adds what they have counted. Any thread. */
void udp_add_totals(const struct udp *udp, struct dns_totals *totals);

#endif
