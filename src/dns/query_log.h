/*
 * The query log: a line for each DNS message, for finding a fault. Called by udp.c and framing.c where the setting
 * query-log is on.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_QUERY_LOG_H
#define NSS_NOMAD_DNS_QUERY_LOG_H

#include "view.h"
#include "watch/log.h"

/*
 * Writes "query: ADDRESS udp|tcp NAME TYPE RCODE ANSWERS" to the log, whatever its level. What is no letter, digit, hyphen
 * or underscore in a name is written as \DDD (RFC 1035 section 5.1); "-" stands for what could not be read.
 *
 * log      not NULL
 * query    as it came, of any content
 * answer   what goes out; `answer_size` 0: nothing does
 *
 * Any thread. Waits for nobody.
 */
void query_log(struct log *log, const struct dns_client *client, const uint8_t *query, size_t size,
               const struct dns_outcome *outcome, const uint8_t *answer, size_t answer_size);

#endif
