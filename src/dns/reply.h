/*
 * The answer to a query: from octets to octets, without system calls. Called by udp.c, tcp.c, the fuzzer.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_REPLY_H
#define NSS_NOMAD_DNS_REPLY_H

#include "view.h"

/*
 * Answers a query.
 *
 * view    its catalogue is entered; its scratch is this thread's alone, and holds the outcome afterwards
 * client  who asks, and how
 * query   `size` octets of any content
 * answer  room for `room` octets; at least 512, over TCP 65535, for all that is there to be said
 *
 * Returns the answer's size, 0 where there is none to be sent. Allocates only where a service is larger than any before.
 */
size_t dns_answer(const struct dns_view *view, const struct dns_client *client, const uint8_t *query, size_t size,
                  uint8_t *answer, size_t room);

/*
 * Makes of one of these answers one that says "ask again over TCP": the question and the OPT record alone, TC set. For
 * clients that ask more often than they may. Returns its size, never more than `size`.
 *
 * opt_size  octets of the OPT record, as the outcome has it
 */
size_t dns_answer_cut(uint8_t *answer, size_t size, size_t opt_size);

#endif
