/*
 * A small read every few seconds, which the nearest server answers by itself (`stale`): how far it is, and how old its own
 * knowledge is. It says that the stream, which may be silent for 30 s, has missed nothing, or that it has. Called by
 * proof.c; it knows nothing of who is told.
 *
 * Nothing else is taken from such an answer: a server that has just started has an empty list for it, with a leader.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_NEAREST_H
#define NSS_NOMAD_NEAREST_H

#include "name.h"
#include "watch/outside.h"

enum {
	NEAREST_INTERVAL = 4000, /* milliseconds between two questions, or down to three quarters of it */
	NEAREST_LIMIT = 2500,    /* milliseconds for one; a server that is well takes one */
	NEAREST_AGAIN = 500,     /* milliseconds after one that proved nothing */
	NEAREST_TRIES = 2,       /* failures in a row before the agent counts as lost */
};

/* A name that no service can have: Nomad answers with `[]`, and the index of the whole table. */
#define NEAREST_SERVICE "-"

enum nearest_word {
	NEAREST_KNOWS,      /* the index, and when that was the leader's */
	NEAREST_LEADERLESS, /* the server has no leader; asked again soon */
	NEAREST_BROKEN,     /* the server behind the agent does not answer it any more */
	NEAREST_REFUSED,    /* the token may not ask, or the question is refused: another read has to tell */
	NEAREST_FAILED,     /* nobody can tell; asked again soon */
	NEAREST_LOST,       /* the agent does not answer */
};

struct nearest_notice {
	enum nearest_word word;
	uint64_t index;  /* KNOWS */
	int64_t as_of;   /* KNOWS: the moment, by the clock of outside.h, at which nothing newer was there */
	enum agent_result result;
	const char *reason; /* "" where it KNOWS; valid until `tell` returns, and no longer than it runs */
};

struct nearest {
	const struct outside *outside;
	void *owner;
	/* Tells the owner what came of a question, and that nearest_due() is another moment; it may be stopped then. */
	void (*tell)(void *owner, const struct nearest_notice *notice);
	int interval;
	char namespace[NAME_LABEL_MAX + 1];
	struct watch_request request;
	bool running;
	int64_t asked_at;
	int64_t due; /* INT64_MAX: stopped, or a question is on its way */
	unsigned int failures;
};

/* One that is stopped. `interval` in milliseconds, at most; what is given outlives it. */
void nearest_init(struct nearest *nearest, const struct outside *outside, int interval, void *owner,
                void (*tell)(void *owner, const struct nearest_notice *notice));

/* Begins, with a question at once. `namespace` is one that the token may read; copied. */
void nearest_start(struct nearest *nearest, const char *namespace);

/* Asks again NEAREST_AGAIN from now, if it is not due sooner. */
void nearest_hurry(struct nearest *nearest);

/* Does what is due; and when that is, INT64_MAX for never. */
void nearest_tick(struct nearest *nearest);
int64_t nearest_due(const struct nearest *nearest);

/* Stops. Accepts one that is stopped. */
void nearest_stop(struct nearest *nearest);

#endif
