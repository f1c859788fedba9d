/*
 * Asking a Nomad agent over HTTP with libcurl: which address, which options, and whether to believe what came.
 * nomad-lookup asks with agent_get(), one request that blocks; nomad-dns-srv puts the requests that
 * agent_request_new() makes on its own event loop and has them judged with agent_request_judge().
 *
 * API: https://developer.hashicorp.com/nomad/api-docs
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_NOMAD_AGENT_H
#define NSS_NOMAD_NOMAD_AGENT_H

#include "config.h"
#include "nomad/certificate.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	AGENT_BODY_MAX = 32 * 1024 * 1024, /* octets, unpacked: about 95,000 instances of one service */
	AGENT_CONNECT_LIMIT = 1000,        /* milliseconds for name, connection and TLS, within a request's own limit */
	AGENT_REASON_MAX = 1024,           /* octets with the NUL, of a message to a person */
	AGENT_NAME_MAX = 300,              /* octets with the NUL, of an address in a message: URL_TEXT_MAX */
};

/* What became of a request. FAILED is 0: what is forgotten is not believed. All but BELIEVED: cannot tell. */
enum agent_result {
	AGENT_FAILED,       /* an error of Nomad's own: 5xx, 4xx that is none of the following */
	AGENT_BELIEVED,     /* 200, JSON, X-Nomad-Index >= 1, X-Nomad-Knownleader true; for a stream: 200 */
	AGENT_DENIED,       /* 401, 403; the task API's 500 for what is no token: the token is missing or may not */
	AGENT_OVERLOADED,   /* 429; reset or closed without a word: too many connections, or shutting down */
	AGENT_NO_LEADER,    /* said in words, or X-Nomad-Knownleader false */
	AGENT_UNBELIEVABLE, /* 200 with index 0 or none: shutting down, or a token that may see no namespace */
	AGENT_NOT_NOMAD,    /* a redirect, HTML, no HTTP at all, 404, plain HTTP to a TLS port */
	AGENT_UNREACHABLE,  /* no such host, refused, no route, no socket */
	AGENT_TIMED_OUT,
	AGENT_TLS,          /* certificate, key, handshake */
	AGENT_STRANGER,     /* the port is another user's, or perhaps: nothing was sent */
	AGENT_TOO_LARGE,    /* over AGENT_BODY_MAX */
	AGENT_CUT,          /* the body ended early */
	AGENT_NO_MEMORY,
	AGENT_RESULTS,
};

/* What is asked for, and so what makes an answer believable. */
enum agent_kind {
	AGENT_READ,   /* /v1/services, /v1/service/NAME: all that AGENT_BELIEVED says */
	AGENT_STREAM, /* /v1/event/stream: the status alone; the first {} says the rest */
	AGENT_STATUS, /* /v1/status/leader: 200 and JSON, which has no index */
};

/*
 * The agents that may be asked, and as whom. Not shared between threads. `current` is the address that worked
 * last; who makes requests of his own moves on with agent_next().
 */
struct agent {
	const struct config *config; /* not owned */
	size_t current;              /* in config->addresses */
	char *token;                 /* "" for none */
	char *authorities;           /* PEM, all files under config->ca_path; NULL where that is not set */
};

/*
 * Sets up the agents of a configuration, reads the token and what ca_path holds.
 *
 * config   kept, unchanged and alive until agent_done()
 * agent    on success released with agent_done(); otherwise untouched
 * reason   on failure what is wrong; on success a warning about the token's file, or ""
 *
 * 0 or a negative errno. Any thread.
 */
int agent_init(const struct config *config, struct agent *agent, char reason[CONFIG_REASON_MAX]);

/* Releases what agent_init() made. Accepts zeroes. */
void agent_done(struct agent *agent);

/*
 * Reads the token anew: on SIGHUP, when its file changed, after AGENT_DENIED. Requests already made keep the old one.
 *
 * reason   as with agent_init()
 *
 * 1 where it is another one now, 0 where it is the same, a negative errno where it cannot be read; then the old one
 * stays.
 */
int agent_read_token(struct agent *agent, char reason[CONFIG_REASON_MAX]);

/* The address in use, for messages: no user, no password. "https://nomad.example:4646", "unix:///path". */
void agent_name(const struct agent *agent, char name[AGENT_NAME_MAX]);

/* Moves to the next address, after the last to the first; true where that was the last one. */
bool agent_next(struct agent *agent);

/* Whether another address may do better after such a result. Not where the token was denied. */
bool agent_should_try_next(enum agent_result result);

/*
 * A path with its query, percent-encoded: PREFIX, NAME if not NULL, "?namespace=NAMESPACE".
 *
 * prefix     "/v1/service/", "/v1/services", "/v1/event/stream"; as it is
 * name       of a service, any octets; NULL leaves it out
 * namespace  or "*"
 *
 * A new string, released with free(), to which more may be appended after '&'; NULL without memory. The region is
 * added by agent_request_new().
 */
char *agent_path(const char *prefix, const char *name, const char *namespace);

/* What came back. Filled while it comes; `body` has a NUL after `size` octets. Released with agent_answer_done(). */
struct agent_answer {
	long status;           /* 0: none */
	bool has_index;
	uint64_t index;        /* X-Nomad-Index: of the whole table, whatever was asked for */
	bool has_known_leader;
	bool known_leader;
	int64_t last_contact;  /* X-Nomad-Lastcontact: milliseconds since the server that answered heard of its leader */
	int64_t date;          /* seconds since 1970, by the agent's clock; 0: it did not say */
	bool is_json;          /* by its Content-Type */
	char *body;            /* NULL where nothing came */
	size_t size;
	char name[AGENT_NAME_MAX];     /* set by agent_get(): the address that was asked last, whose answer this is */
	enum agent_result result;      /* set by agent_request_judge() and agent_get() */
	bool is_own; /* with it: the failure is of this process, its limits or rights, and says nothing of the agent */
	char reason[AGENT_REASON_MAX]; /* unless believed: what happened, at which address, what to do */
};

/* Releases the body, and empties the answer. Accepts zeroes. */
void agent_answer_done(struct agent_answer *answer);

/* Takes a piece of a body as it comes (CURLOPT_WRITEFUNCTION); anything but `size` ends the request. */
typedef size_t (*agent_receive)(void *context, const char *octets, size_t size);

/*
 * One GET, ready for curl_easy_perform() or curl_multi_add_handle(). libcurl points into it: it does not move. Its
 * CURLOPT_PRIVATE is the request itself.
 */
struct agent_request {
	CURL *easy;
	enum agent_kind kind;
	struct agent_answer answer;
	agent_receive receive; /* NULL: the body is collected in `answer`; also where the status is not 200 */
	void *context;
	size_t room;           /* octets allocated for the body */
	bool too_large;
	bool no_memory;
	bool is_tls;
	bool is_unix;
	bool has_token;
	uint16_t port;               /* 0: none */
	const struct config *config; /* the agent's; alive as long as the request */
	struct validity validity;    /* of its certificate, as far as it was seen; see certificate.h */
	bool is_own_certificate;     /* that one is the agent's own */
	int socket_error; /* errno of a socket that could not be made, 0 where each could */
	bool owner_unknown; /* the kernel did not tell this process whose the port is */
	bool has_secret; /* a token or a password goes with it */
	const char *agent_user; /* the configuration's, as long as the request lasts; see agent_owner.h */
	char stranger[AGENT_REASON_MAX / 2]; /* "": nobody objects to whom the port belongs to */
	int limit;             /* milliseconds, for the message */
	struct curl_slist *headers;
	struct curl_slist *connect_to;
	char error[CURL_ERROR_SIZE];
	char name[AGENT_NAME_MAX]; /* the address asked */
};

/*
 * Makes a GET on the current address.
 *
 * path      of agent_path(); not kept
 * limit     milliseconds for all of it; 0: none, but AGENT_CONNECT_LIMIT for the connection holds
 * receive   NULL: collect the body, at most AGENT_BODY_MAX; otherwise is handed each piece of a 200's body
 *
 * No proxy, no redirect, HTTP/1.1 alone, TLS 1.2 or newer, gzip but for AGENT_STREAM, no signals. Released with
 * agent_request_free(). NULL without memory.
 */
struct agent_request *agent_request_new(const struct agent *agent, enum agent_kind kind, const char *path, int limit,
                                        agent_receive receive, void *context);

/* Releases it, answer and all; it is on no multi handle any more. Accepts NULL. */
void agent_request_free(struct agent_request *request);

/*
 * Judges a request that has ended, and sets result and reason in its answer. A stream may be judged before its end,
 * with CURLE_OK, once its status came.
 *
 * code   what libcurl said
 */
enum agent_result agent_request_judge(struct agent_request *request, CURLcode code);

/*
 * Asks and waits: each address once, from the current one on, until one does not fail in a way in which another may
 * do better. An address that hangs leaves time for those after it. `agent` keeps to the one that answered.
 *
 * path      of agent_path(), of kind AGENT_READ
 * deadline  by deadline_now(), of all of it
 * answer    filled in whole, released with agent_answer_done(); reason tells of every address that was tried
 *
 * answer->result. Blocks.
 */
enum agent_result agent_get(struct agent *agent, const char *path, int64_t deadline, struct agent_answer *answer);

/* The result in one lower-case word or two, for tables and logs: "denied", "no leader". */
const char *agent_result_text(enum agent_result result);

#endif
