/*
 * One lookup, in five steps, each tried until one is not VERDICT_UNKNOWN:
 *
 *     1. the daemon's published file: final while the daemon lives, "no such file" too
 *     2. the user's own cached record, while fresh
 *     3. asking Nomad: while another process asks for the name, its answer is waited for
 *     4. the cached record again, expired, while Nomad cannot be reached
 *     5. cannot tell
 *
 * Called by nss_nomad.c and nomad-lookup.c, which differ in how they do step 3.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_LOOKUP_H
#define NSS_NOMAD_LOOKUP_H

#include "origin.h"
#include "record.h"

#include <stdint.h>

enum {
	LOOKUP_LOCK_LIMIT = 2000, /* milliseconds in which another process that asks for the name should be done */
	LOOKUP_CLUSTER_MAX = 17,  /* octets with the NUL */
};

enum lookup_step { LOOKUP_PUBLISHED, LOOKUP_CACHED, LOOKUP_ASKED, LOOKUP_STALE, LOOKUP_STEPS };

/* Where a lookup looks. */
struct lookup_places {
	const char *published;            /* PUBLISHED_DIR; NULL where the environment selects another cluster */
	const char *cache;                /* CACHE_DIR */
	const char *run;                  /* CACHE_RUN; NULL where the process runs with somebody else's rights */
	char cluster[LOOKUP_CLUSTER_MAX]; /* "" or 16 hex digits, see lookup_places_init() */
	char namespace[NAME_LABEL_MAX + 1]; /* of names that give none; "": the configured one */
	bool namespace_wrong; /* NOMAD_NAMESPACE is no label: what such names mean nobody can tell */
	struct origin origin;             /* zeroes: of this thread, looked up when it is needed */
	bool whole;                       /* the instances are wanted too, in the result's record */
};

/* What Nomad is asked. */
struct lookup_question {
	const char *text;            /* the name */
	const char *lock;            /* the path of the lock to hold meanwhile; NULL: none, and nothing is noted of a failure */
	const struct origin *origin; /* from where it is asked */
	int64_t started;             /* when the lookup began, by deadline_now() */
};

/*
 * Asks Nomad, holding the lock, and keeps the answer. 0 with a record, VERDICT_UNKNOWN in it where Nomad did not say;
 * -EWOULDBLOCK where another process holds the lock, or another negative errno.
 */
typedef int (*lookup_ask)(void *context, const struct lookup_question *question, struct record *record);

/* What a step found; for nomad-lookup --explain. */
struct lookup_trace {
	bool taken;
	enum verdict verdict;
	int error;         /* negative errno where there was one; -EAGAIN: not tried, it failed a moment ago */
	int64_t age;       /* of the record in milliseconds; -1 where there is none, or it is from the future */
	uint32_t ttl;      /* seconds, of the record; 0 where there is none */
};

/* Without FOUND there are no addresses. */
struct lookup_result {
	enum verdict verdict;
	enum name_kind kind;
	struct address *addresses; /* of both families, rotated */
	size_t count;
	uint8_t unresolved;        /* families in which there may be more: without any of one, nobody can tell of it */
	uint32_t ttl; /* seconds the answer may be kept */
	struct name name;     /* as it was read for the answer */
	struct record record; /* with places->whole, where a record answered */
	struct lookup_trace trace[LOOKUP_STEPS];
};

/*
 * Whether the process runs with somebody else's rights: set-uid, set-gid, or its effective user or group is another
 * than its real one. Who started it may stop or starve it at will, so that it must hold nothing up for those whose
 * rights they are: it takes no lock and no place in the queue to the agent, and notes no failure. Any thread.
 */
bool lookup_is_put_on(void);

/*
 * The places of this process. NOMAD_NAMESPACE says which namespace a name means that gives none. NOMAD_ADDR and
 * NOMAD_REGION select another cluster unless they name the one that the daemon follows (environment.h): no published files
 * then, and a part of the cache that is named after the two. Ignores all of them where lookup_is_put_on(). No system call
 * unless one of the three is set, and counts; then four, and four more for one of the last two.
 */
void lookup_places_init(struct lookup_places *places);

/*
 * Looks up a name.
 *
 * text     as a program hands it to getaddrinfo(), of any content
 * places   not kept
 * ask      step 3; NULL leaves it out
 * context  handed to `ask`
 * result   filled in whole; released with lookup_done()
 *
 * A name that is not ours: UNKNOWN with kind NAME_FOREIGN, before any system call. Otherwise at most 5 system calls
 * for a published hit, 3 for an unknown name with the daemon alive, and some more of either for a name without namespace
 * (published.h); 8 for a cached one, of which one asks for the network. Nothing stays open. Any thread. Changes errno.
 */
void lookup_run(const char *text, const struct lookup_places *places, lookup_ask ask, void *context,
                struct lookup_result *result);

/*
 * What a result says to a question for AF_INET or AF_INET6 alone; AF_UNSPEC: for both. UNKNOWN where it has no address of
 * the family and there may be one. Any thread.
 */
enum verdict lookup_verdict_for(const struct lookup_result *result, int family);

/* Releases the addresses and the record. Accepts zeroes. */
void lookup_done(struct lookup_result *result);

#endif
