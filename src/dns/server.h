/*
 * The DNS side of the daemon, as a whole. Called by watch/daemon.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_SERVER_H
#define NSS_NOMAD_DNS_SERVER_H

#include "counters.h"
#include "listen.h"

#include <uv.h>

struct dns_server;

/*
 * Answers from now on: UDP in threads of its own, TCP on the loop. Before catalogue_set_state() has said that there is
 * a catalogue the answers are SERVFAIL.
 *
 * loop       the calling thread's
 * catalogue  kept until dns_server_stop(); nothing is in it yet, for what answers need of a service is computed from
 *            now on when it is put (targets.h), and its names by address where there are reverse prefixes
 * config     not kept
 * log        for `query-log`, kept until dns_server_stop(); NULL where that is never set
 * server     on success ended with dns_server_stop(); otherwise untouched
 * reason     on failure says what is wrong, and what to do
 *
 * 0 or a negative errno; after a failure, too, the loop has to run once more before it can be closed, and it may be tried
 * again, also when there are services by then.
 */
int dns_server_start(uv_loop_t *loop, struct catalogue *catalogue, const struct config *config, struct log *log,
                     struct dns_server **server, char reason[CONFIG_REASON_MAX]);

/*
 * Takes over a configuration that was read again: answers follow it from now on, without a pause. What only a start can
 * change has to be in it as it was: listen, workers, reverse (config_keep()). The loop's thread.
 *
 * 0; or a negative errno and a reason, then all is as before.
 */
int dns_server_configure(struct dns_server *server, const struct config *config, char reason[CONFIG_REASON_MAX]);

/*
 * Stops answering and waits for the threads; the catalogue is no longer needed. Connections close when the loop runs,
 * which has to happen before uv_loop_close(). The loop's thread. Accepts NULL.
 */
void dns_server_stop(struct dns_server *server);

/* The address and port of listener number `index`, for a log line; false where there are no more. */
bool dns_server_address(const struct dns_server *server, size_t index, char text[LISTEN_TEXT_MAX]);

/*
 * The loop runs: to be said every second. Where it was not for PULSE_LATE_AFTER seconds answers are stale, and from `expires`
 * on there are none; both by uptime_now(). The loop's thread.
 */
void dns_server_beat(struct dns_server *server, int64_t now, int64_t expires);

/* What was asked and answered since the start, and how many TCP connections there are. The loop's thread. */
void dns_server_totals(const struct dns_server *server, struct dns_totals *totals, size_t *connections);

#endif
