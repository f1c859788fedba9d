/*
 * Questions over TCP (RFC 7766), on the daemon's event loop: slower than UDP's workers, and never in their way. Called
 * by server.c.
 *
 * Bounds: TCP_QUERY_MAX octets of a question, so many connections and TCP_HELD_MAX octets that wait for slow clients in
 * all, a quarter of either per client, one piece of answers under way per connection. Who says nothing whole within the
 * idle time is let go; where there are too many, whoever has been idle longest; and whose answer has no room to wait.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_TCP_H
#define NSS_NOMAD_DNS_TCP_H

#include "counters.h"
#include "listen.h"

#include <uv.h>

enum {
	TCP_QUERY_MAX = 4096,      /* octets; a question with every option that there is has some hundreds */
	TCP_HELD_MAX = 64 << 20,   /* octets that wait, of questions and answers, over all connections */
	TCP_TURN_MAX = 4 << 20,    /* octets of one turn of the loop, over all connections; of time there is TURN_TIME */
	TCP_QUESTION_COST = 256,   /* octets of it that a question takes besides its answer; so 10,000 small ones fit */
	TCP_CLIENT_SHARE = 4,      /* one client has at most this part of either, and one connection at least; loopback excepted */
};

struct tcp;

/*
 * Accepts connections from now on.
 *
 * loop       on which all of it happens, in its thread
 * listeners  whose TCP sockets are taken over
 * tcp        on success ended with tcp_stop(); otherwise untouched
 *
 * The catalogue and the settings are kept until tcp_stop(). 0 or a negative errno.
 */
int tcp_start(uv_loop_t *loop, struct listeners *listeners, struct catalogue *catalogue,
              const struct dns_settings_place *settings, struct tcp **tcp);

/* Takes over how many connections there may be, and for how long, from settings that have changed. The loop's thread. */
void tcp_configure(struct tcp *tcp);

/*
 * Closes everything. The catalogue and the settings are no longer needed; the memory is freed when the loop has run
 * the callbacks of the handles that close. Accepts NULL.
 */
void tcp_stop(struct tcp *tcp);

/* How many connections there are, and what they have counted. The loop's thread. */
size_t tcp_connections(const struct tcp *tcp);
void tcp_add_totals(const struct tcp *tcp, struct dns_totals *totals);

#endif
