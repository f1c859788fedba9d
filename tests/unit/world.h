/*
 * A world for the watcher: a clock that the test moves, an agent that answers as the test says, and what came of it
 * as text. Used by test_watcher*.c; nothing in it waits, and nothing is left to chance.
 *
 * The agent holds instances ("rows") and an index; everything that is not ordered otherwise is answered by the truth.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_TEST_WORLD_H
#define NSS_NOMAD_TEST_WORLD_H

#include "watch/watcher.h"

#include <stdbool.h>
#include <stdint.h>

/* How an agent answers reads. */
enum behaviour {
	SERVES,
	HANGS,     /* no byte; what was asked meanwhile is answered afterwards, subscriptions aside */
	REFUSES,   /* no connection, streams end */
	DENIES,    /* 403; streams fall silent, and stay so */
	LEADERLESS,
	SHOWS_NOTHING, /* `*` is 200 [] with index 0, one namespace is 403: a token without rights */
	OVERLOADED,    /* 429 */
};

/* How it answers a subscription. */
enum streaming { STREAMS, STAYS_SILENT, ENDS_AT_ONCE, ENDS_AFTER_BEAT };

struct world {
	enum behaviour behaviour;
	enum streaming streaming;
	const char *hidden;  /* a namespace that `*` leaves out, and that is 403 by name; NULL: none */
	int check;           /* the watcher's interval of checks, milliseconds; 0: its own */
	int64_t kept_since;  /* what the watcher is told at its start; 0: nothing */
	bool forgets;        /* what is asked while it HANGS is never answered */
	size_t kept_told;    /* namespaces that could not be read any more, when the state was told of the last time */
	bool resolves_nothing; /* where host names lead is not known yet */
	struct registry_host (*resolve)(const char *host); /* says it instead; NULL: they lead nowhere */
	bool has_tags;         /* each instance has a tag: "t-" and its ID */
	int slowness;        /* milliseconds that every read takes */
	int late;            /* milliseconds that reads of services take; they tell of the middle of that time */
	bool stalls;         /* streams have no heartbeat */
	bool beats_on;       /* streams have one, also where reads are denied */
	int lies;            /* so many lists more leave out all but the first row */
	uint64_t index;
	uint64_t namespaces_index; /* of the table of namespaces: when one was made, changed or deleted last */
	bool holds_censuses; /* the question which namespaces there are is never answered */
	enum agent_result census_result; /* what it ends with; FAILED: like everything else */
	bool fails_censuses;   /* it fails, with `failed_status` */
	bool hurries_censuses; /* it does not block */
	bool holds_lists, holds_reads; /* they wait for world_release() */
	int old_lists, old_reads; /* so many more are of before anything was registered */
	bool old_lists_are_full;  /* of all the same, though by an old index */
	int failing_reads;        /* so many reads more fail */
	const char *breaks;       /* a namespace of which every read by name fails; NULL: none */
	const char *unreadable;   /* a service whose reads end with this result, FAILED with status 405; NULL: none */
	enum agent_result unreadable_result;
	const char *junk;              /* an element that reads of "web" carry besides; NULL: none */
	const char *garbled;           /* the ID of an instance that is no JSON object in any answer; NULL: none */
	const char *unreadable_rows;   /* a service of which reads have that element alone; NULL: none */
	enum agent_result nearest_result; /* what the nearest server's answers end with; FAILED: like everything else */
	bool fails_nearest;             /* they fail, with `failed_status` */
	int failed_status;              /* the status of what FAILED; 0: 405 */
	uint64_t nearest_index;           /* what the nearest server says; 0: the truth */
	int ends_polls;                 /* milliseconds after which long polls end with FAILED and `failed_status`; 0: never */
	const char *leader;             /* HOST:PORT of the leader; NULL: there is none */
	bool first_serves;              /* the first of two agents does not refuse */
	int64_t last_contact;           /* milliseconds since it heard of its leader */
	size_t buffer;                  /* batches of events that are kept for new streams */
	bool writes_otherwise;          /* new streams get the same frames in other words */
	/* What it saw. */
	unsigned int streams, lists, reads, polls, knocks, nearest_reads, most_at_once;
	unsigned int leaders;  /* answers to the question who leads */
	unsigned int censuses; /* answers to the question which namespaces there are */
	int64_t first_beat; /* until which `{}` is held back, milliseconds */
};

extern struct world world;

/* Begins: an empty catalogue and agent; `namespaces` as in the configuration, NULL for the default. */
void world_begin(const char *namespaces);
/* The same with a token in a file. */
void world_begin_with_token(const char *path);
/* The same with an agent on another host; and with two, of which the first refuses. */
void world_begin_far_away(void);
void world_begin_with_two(void);
void world_end(void);

/* Starts the watcher with what is known at the start, or nothing (LOADING). */
void world_start(enum catalogue_state state, int64_t current_at);

/* Lets so many milliseconds pass. */
void world_run(int64_t milliseconds);

/* The same without anything being done meanwhile, as while the machine sleeps; who wakes up finds it gone by. */
void world_sleep(int64_t milliseconds);

/* Registers an instance: the truth, and an event unless it is silent. The index moves by one. */
void world_register(const char *namespace, const char *service, const char *id, const char *address);
void world_register_silently(const char *namespace, const char *service, const char *id, const char *address);

/* Removes one, with an event of that type, whose payload carries the old index; NULL: without event. */
void world_deregister(const char *namespace, const char *id, const char *type);

/* Makes a namespace without services; changes its description; deletes it. register() makes those that it needs. */
void world_make_namespace(const char *name);
void world_change_namespace(const char *name);
void world_delete_namespace(const char *name);

/* The same as Nomad has it, in its own words; `registration` is copied. Nothing is sent. */
void world_record(const char *namespace, const char *service, const char *id, const char *registration, uint64_t index);

/* Octets to the open streams as they are. */
void world_send(const char *octets);

/* A frame with one event, whatever the truth is. */
void world_event(uint64_t index, const char *type, const char *namespace, const char *service, const char *id,
                 const char *address);

/* Events that are made from here on are kept back, and sent in one go by the second. */
void world_collect(void);
void world_send_collected(void);

/* The server behind the agent stops: the open streams are silent from now on, and new ones are another server's. */
void world_stop_server(void);

/* Ends the open streams, as the agent does. */
void world_close_streams(void);

/* Answers what waits. */
void world_release(void);

/* Forgets all rows, and starts again with this index, as a rebuilt cluster does. */
void world_rebuild(uint64_t index);

/* What was asked of the last stream. */
const char *world_stream_path(void);

/* The addresses of a service in the catalogue, with blanks between; "none" where there is no such service, "unknown"
 * where nobody can tell. */
const char *world_find(const char *namespace, const char *service);

/* The service itself, as it is in the catalogue until the world goes on; NULL where there is none. */
const struct service *world_service(const char *namespace, const char *service);

/* The same by the instances' IDs; and those that the agent has. */
const char *world_ids(const char *namespace, const char *service);
const char *world_true_ids(const char *namespace, const char *service);

/* The catalogue itself. */
struct catalogue *world_catalogue(void);

/* A host name leads elsewhere than before. */
void world_host_changed(const char *host);

enum catalogue_state world_state(void);
const struct watcher *world_watcher(void);

/* What happened to services since the last call: "+default/web" changed, "-default/web" gone, in order. */
const char *world_changes(void);

/* How often the log has a message with these words. */
unsigned int world_said(const char *words);

/* Adds a service that was published before, as publisher_load() does. */
void world_load(const char *namespace, const char *service, const char *address);

#endif
