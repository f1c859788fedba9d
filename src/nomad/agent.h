/*
 * Talking HTTP to Nomad's agents: what a request looks like, and whether an answer is to be believed. Called by
 * fetch.c, which waits for each answer, and by watch/, whose requests run on the daemon's loop.
 *
 * The API: https://developer.hashicorp.com/nomad/api-docs/services. It is always answered by an agent, which may be
 * starting, stopping, without leader, overloaded, or not Nomad at all; only BELIEVED may say "no such service".
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_AGENT_H
#define NSS_NOMAD_AGENT_H

#include "config.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	AGENT_BODY_MAX = 32 * 1024 * 1024, /* octets, unpacked: 80,000 instances; a larger answer is refused */
	AGENT_PATH_MAX = 1024,             /* octets with the NUL, of a path and its query */
	AGENT_REASON_MAX = 512,            /* octets with the NUL */
	AGENT_ADDRESS_MAX = 300,           /* octets with the NUL, of an address in a message */
	AGENT_CONNECT_LIMIT = 1500,        /* milliseconds, less where the whole request has less */
};

/* What an answer is worth. FAILED is 0: what is forgotten is not believed. */
enum agent_result {
	AGENT_FAILED,      /* an error of Nomad's that is none of the following */
	AGENT_BELIEVED,    /* 200, a leader is known, index >= 1, JSON: the truth; for a stream: 200 */
	AGENT_DENIED,      /* the token is missing, wrong, or lacks the right */
	AGENT_OVERLOADED,  /* too many connections, or closed without an answer */
	AGENT_NO_LEADER,   /* 200 or 500 of a cluster that cannot tell now */
	AGENT_EMPTY_LIST,  /* 200 with index 0: a list of all namespaces for a token that may see none */
	AGENT_NOT_NOMAD,   /* a redirect, HTML, junk, plain HTTP to a TLS port: something else answers there */
	AGENT_UNREACHABLE, /* no connection */
	AGENT_TIMED_OUT,
	AGENT_TLS,         /* certificates do not match what is configured */
	AGENT_TOO_LARGE,   /* over AGENT_BODY_MAX */
	AGENT_CUT,         /* the body ended early */
	AGENT_RESULTS,
};

/* One request and its answer. Zeroed before agent_prepare(); not moved while the request runs. */
struct agent_answer {
	enum agent_result result;
	char reason[AGENT_REASON_MAX]; /* what happened, to which address, what to do; "" if BELIEVED */
	long status;                   /* HTTP's; 0 where there was none */
	uint64_t index;                /* X-Nomad-Index: of the whole table, whatever was asked for */
	bool has_index, leader_known, is_json;
	char *body; /* ended by NUL besides; owned; NULL where nothing came */
	size_t size, room;
	bool too_large, no_memory;
	char error[CURL_ERROR_SIZE];
	char address[AGENT_ADDRESS_MAX]; /* that was asked, for messages: without user and password */
	struct curl_slist *headers, *connect_to;
};

struct agent;

/*
 * The agents of a configuration, tried in order, staying with the one that works. One thread at a time.
 *
 * config  kept, unchanged, and outlives the agent
 * reason  on failure what is wrong; otherwise a warning about the token's file, or ""
 *
 * A new agent, released with agent_free(); NULL with a reason. curl_global_init() is the program's.
 */
struct agent *agent_new(const struct config *config, char reason[AGENT_REASON_MAX]);
void agent_free(struct agent *agent);

/*
 * Reads the token again: on SIGHUP, when its file has changed, after DENIED. 1 where it is another one now, 0 where
 * it is the same; a negative errno and a reason, then the old one stays.
 */
int agent_read_token(struct agent *agent, char reason[AGENT_REASON_MAX]);

/* The address that requests go to, for messages; and on to the next one, which is the first again after the last. */
const char *agent_address(const struct agent *agent);
void agent_next(struct agent *agent);
size_t agent_count(const struct agent *agent);

/* Whether another address may do better after such a result: not where Nomad itself has spoken. */
bool agent_should_try_next(enum agent_result result);

/*
 * Writes the path of a read: /v1/service/NAME, or /v1/services where `service` is NULL, with its query. Everything
 * is percent-encoded. `extra` is appended to the query as it is, or NULL. False where it does not fit.
 */
bool agent_path(const struct agent *agent, const char *service, const char *namespace, const char *extra,
                char path[AGENT_PATH_MAX]);

/* The same for /v1/event/stream, with topic=Service. */
bool agent_stream_path(const struct agent *agent, const char *namespace, const char *extra, char path[AGENT_PATH_MAX]);

/*
 * Sets an easy handle up for a GET to the current address: no proxy, no redirects, no signals, no .netrc, gzip,
 * TLS 1.2 at least, the token in X-Nomad-Token. The body is collected in the answer; a caller that wants the octets
 * as they come sets CURLOPT_WRITEFUNCTION and CURLOPT_WRITEDATA afterwards.
 *
 * limit   milliseconds for all of it; 0: none, save AGENT_CONNECT_LIMIT for the connection
 * answer  zeroed; released with agent_answer_done() after the handle's end
 *
 * 0 or -ENOMEM.
 */
int agent_prepare(const struct agent *agent, CURL *easy, const char *path, long limit, struct agent_answer *answer);

/* A CURLOPT_WRITEFUNCTION that collects the body in an answer; for a caller with one of his own, on other than 200. */
size_t agent_take_body(char *octets, size_t one, size_t size, void *answer);

/* Judges a finished request: sets result, reason, status. */
void agent_judge(CURL *easy, CURLcode code, struct agent_answer *answer);

/*
 * The same for the event stream, whose 200 comes without index and leader. May be called before the end, with
 * CURLE_OK, once the status is there.
 */
void agent_judge_stream(CURL *easy, CURLcode code, struct agent_answer *answer);

void agent_answer_done(struct agent_answer *answer);

/*
 * Asks and waits: every address in turn, from the one that worked last, until one says something about Nomad
 * (agent_should_try_next()), within one deadline of deadline_now(), of which each gets its share. The agent stays
 * with the one that did. Where all fail, the reason tells of each.
 *
 * 0, or -ENOMEM.
 */
int agent_get(struct agent *agent, const char *path, int64_t deadline, struct agent_answer *answer);

/* A result in a word or two, for tables and logs: "denied", "no leader". */
const char *agent_result_text(enum agent_result result);

#endif
