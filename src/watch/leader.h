/*
 * Which of several addresses is the leader's: it hears of a change 65 ms before the other servers do, and goes first. Asked
 * before the streams begin; while they last nobody changes the address. Called by follow.c.
 *
 * Nomad tells the leader's address for its own protocol (https://developer.hashicorp.com/nomad/api-docs/status), so the host
 * is compared, and means one address where only one has it. The host of an address has to be an IP address for that.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_LEADER_H
#define NSS_NOMAD_LEADER_H

#include "watch/outside.h"

enum {
	LEADER_LIMIT = 1000,       /* milliseconds for the answer */
	LEADER_AGAIN = 600 * 1000, /* milliseconds after an address was taken for it that could not be followed */
};

struct leader {
	const struct outside *outside;
	struct agent *agent;
	void *owner;
	void (*told)(void *owner); /* the end of the question, whatever came of it */
	struct watch_request request;
	bool running;
	size_t taken;       /* the number of the address that was taken last */
	int64_t not_before; /* a moment of the clock; 0: any */
};

/* Asks nothing yet. What is given outlives it; `agent` gets its `current` changed. */
void leader_init(struct leader *leader, const struct outside *outside, struct agent *agent, void *owner,
                 void (*told)(void *owner));

/* Asks; false where there is one address alone, or the leader's could not be followed of late: then nobody is told. */
bool leader_ask(struct leader *leader);

/* The current address is followed. */
void leader_followed(struct leader *leader);

/* Ends the question, if there is one. */
void leader_cancel(struct leader *leader);

/*
 * The one address of a configuration whose host is the leader's.
 *
 * body    of the answer: a JSON string, HOST:PORT; `size` bytes
 * number  on success its place among the addresses; otherwise untouched
 */
bool leader_find(const struct config *config, const char *body, size_t size, size_t *number);

#endif
