/*
 * Reading everything: the list of services, then each of them, and what is gone. Called by watch/watcher.c whenever
 * the stream has begun, or something was missed.
 *
 * A list that is shorter than what we have, or older, is asked for twice. A namespace that has vanished from the list
 * of all is asked for by name: where that is denied the token has lost a right, and what we have stays.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_READING_H
#define NSS_NOMAD_READING_H

#include "watch/intake.h"

enum {
	READING_AT_ONCE = 3,        /* requests; a stream and the read that waits have connections of their own (http.h) */
	READING_TRIES = 5,          /* for one service, before the whole fails */
	READING_RETRY = 100,        /* milliseconds before the second try, times the number of tries */
	READING_SAMPLE = 4,         /* services that are read where the index says that nothing has changed */
	READING_LIST_LIMIT = 8000,  /* milliseconds for a list: a server without leader takes 5 s to say so */
	READING_LIMIT = 10000,      /* milliseconds for one service */
	READING_CONFIRM_WAIT = 300, /* milliseconds in which a server that lags behind catches up */
};

/* A service to be read, as Nomad spells it. */
struct reading_job {
	const char *namespace;
	const char *service;
	uint64_t index; /* of the answer; 0 before */
	unsigned int tries;
};

/* A request in flight, for a list or a job. */
struct reading_slot {
	struct watch_request request;
	struct reading_job *job; /* NULL: free */
	int64_t retry_at;        /* INT64_MAX: it runs */
};

/* Namespaces by name; of those that are kept also the moment from which on what is known of them grows old. */
struct reading_name {
	char name[NAME_LABEL_MAX + 1];
	int64_t since; /* INT64_MAX: it is too old, and unknown */
};

struct reading_names {
	size_t count;
	struct reading_name *names;
};

/* What there is in the catalogue and not in the list. */
struct reading_missing {
	size_t count;
	struct service_key *keys; /* as Nomad spells them */
};

struct reading {
	struct intake *intake;
	const struct outside *outside;
	void *owner;
	/* The end: BELIEVED, or what went wrong and why. The reading may be started again in it. */
	void (*done)(void *owner, enum agent_result result, const char *reason);
	/* reading_due() is another moment. */
	void (*wake)(void *owner);

	bool running;
	uint64_t known;   /* the highest index before */
	bool complete;    /* nothing had been missed up to it */
	bool confirming;  /* the lists are asked for again */
	bool sampling;    /* nothing has changed, so that a few are read */
	uint64_t changes; /* of the registry when it began */
	size_t asked;     /* lists, or vanished namespaces, so far */
	struct watch_request list;
	uint64_t index;   /* of the list, the lowest where there are several */
	uint64_t highest; /* of any answer */
	struct service_list *lists;
	size_t list_count;
	struct reading_job *jobs; /* in order of their names */
	size_t job_count, next_job;
	struct reading_missing missing;
	struct reading_names vanished; /* from the list of all */
	struct reading_names kept;     /* not readable any more: what we have of them stays, until it is too old */
	uint64_t rights;               /* how often `kept` was changed */
	int64_t kept_since; /* what was known before the first reading was Nomad's at this moment; INT64_MAX: there was one */
	struct reading_slot slots[READING_AT_ONCE];
};

/* A reading that does not run. What is given outlives it. */
void reading_init(struct reading *reading, struct intake *intake, const struct outside *outside);

/*
 * Starts, over again where it runs.
 *
 * known     the highest index seen so far, 0: none
 * complete  the catalogue is what Nomad had at `known`
 */
void reading_start(struct reading *reading, uint64_t known, bool complete);

/* Stops, and forgets what it read; `kept` stays. */
void reading_cancel(struct reading *reading);

/* Starts again what is due again; and when that is, INT64_MAX for never. */
void reading_tick(struct reading *reading);
int64_t reading_due(const struct reading *reading);

/* The index that an event of the service has to be above, to be news after this reading. */
uint64_t reading_floor(const struct reading *reading, const char *namespace, const char *service);

/* Forgets the floors; for when the stream is past all of them. */
void reading_forget(struct reading *reading);

/* Whether a namespace is only kept; and the moment from which on the one that was kept first does, INT64_MAX for none. */
bool reading_keeps(const struct reading *reading, const char *namespace);
int64_t reading_kept_since(const struct reading *reading);

/* Has the registry doubt the namespaces that have been kept for `most` milliseconds. 0 or -ENOMEM. */
int reading_expire(struct reading *reading, int64_t most);

/* Releases what it holds. */
void reading_done(struct reading *reading);

#endif
