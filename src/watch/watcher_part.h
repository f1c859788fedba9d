/*
 * What watcher.c (the state), follow.c (the phases), signal.c (streams and polls), proof.c, outage.c, check.c and
 * namespaces.c have of each other.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_WATCHER_PART_H
#define NSS_NOMAD_WATCHER_PART_H

#include "nomad/stream.h"
#include "watch/backlog.h"
#include "watch/leader.h"
#include "watch/nearest.h"
#include "watch/resume.h"
#include "watch/watcher.h"

/* Milliseconds that a read may block whose `wait` is so many seconds: Nomad adds a sixteenth, a leader may hold 10 s. */
#define BLOCKED_MOST(wait) ((wait) * 1000 * 17 / 16 + 15 * 1000)

enum {
	SIGNALS_MAX = 3,                       /* streams: with one connection to read and one for nearest.h, all there are */
	POLL_LIMIT = BLOCKED_MOST(WATCHER_POLL), /* milliseconds */
	STREAM_AGAIN = 60 * 1000,              /* milliseconds after which a denied stream is tried again, then doubled ... */
	STREAM_AGAIN_MOST = 600 * 1000,        /* ... up to this */
	CHECK_GRACE = 1000,                    /* milliseconds for the stream to bring what the index already has */
	QUIET_MOST = 600 * 1000,               /* milliseconds for which needless readings are put off at the most */
	STEADY_AFTER = 5000,                   /* milliseconds of following after which an end is no sign of trouble */
	SHORT_LIVES = 3,                       /* streams in a row that ended sooner: as good as none */
	KNOCK_LIMIT = 400,                     /* milliseconds for a knock, so that a fresh one follows soon */
	PASSED_MAX = 64,                       /* frames that come while an answer is on its way: 1,000 a second, for 64 ms */
};

/* What tells of changes in one namespace, or in all: a stream, or a long poll where the token may not use it. */
struct signal {
	struct watcher *watcher;
	const char *namespace;
	struct watch_request request;
	struct stream stream;
	bool running;
	bool polling;
	bool denied;     /* the token may not even poll: its namespace is only kept, until the stream is tried again */
	bool subscribed;
	bool resuming;     /* its first frame has yet to show that it goes on where the last stream ended ... */
	bool resumed;      /* ... and it has */
	struct resume resume;
	int64_t deadline;  /* of the first `{}`, then of the first frame or the next byte; INT64_MAX for none */
	uint64_t applied;  /* the index of the last frame */
	int64_t begun_at;  /* with the first `{}`; of a poll, with the question */
	int short_lives;   /* in a row */
	int64_t again_at;  /* when to try a stream again, where it was denied */
	int again_after;
};

/* A read that asks, in an outage, whether an agent is back. */
struct knock {
	struct watcher *watcher;
	struct watch_request request;
	bool running;
	size_t agent; /* the number of the address that it asks */
};

/* Which namespaces there are, where a stream of all leaves out those that are younger than itself. */
struct census {
	struct watch_request request;
	bool running;
	uint64_t index;   /* of Nomad's table of them: the streams show all that were made up to it; 0: unknown */
	int64_t begun_at; /* the last question */
	int64_t due;      /* when to begin the streams anew, or to ask again; INT64_MAX: with the next check, if none runs */
	uint64_t made;    /* the index at which the oldest was made that the streams leave out; UINT64_MAX: there is none */
	uint64_t shown;   /* those that were made up to this index may be known in part */
	bool in_haste;    /* a server has stopped: the streams begin without a question */
};

struct watcher {
	const struct config *config;
	const struct outside *outside;
	struct registry *registry;
	struct catalogue *catalogue;
	struct agent agent;
	struct intake intake;
	struct reading reading;
	int check_interval;

	enum watcher_phase phase;
	enum catalogue_state state;
	uint64_t told_rights; /* with the state: the rights that it stood on */
	int64_t since;
	int64_t current_at;
	int64_t phase_since;
	int64_t retry_at; /* in DOWN */
	unsigned int failures;
	int64_t lost_at;  /* since when no agent works; INT64_MAX while one does */
	struct knock quick, patient;
	struct leader leader;
	int64_t knocked_at;
	uint32_t said;    /* a bit for each agent_result that was said in this outage */
	bool said_proxy;  /* that one ends polls */

	struct signal signals[SIGNALS_MAX];
	size_t signal_count;
	struct watch_request probe;
	struct signal *probing;
	struct backlog backlog;

	uint64_t index;      /* the highest that is known of Nomad's table */
	bool complete;       /* nothing up to it was missed */
	uint64_t proved_by;  /* a frame of this index makes it complete */
	bool wants_all;      /* something was missed: everything is to be read again */
	bool blind;          /* ... and it is not known which services it was about: the catalogue is stale until then */
	int64_t wants_all_at; /* or was, the last time */

	struct census census;

	struct watch_request check;
	bool checking;
	unsigned int check_failures;
	struct service_key checked; /* the service that is read for its index */
	uint32_t rotation;
	int64_t check_at;
	uint64_t asked_at;   /* the index that was known when the check began */
	int64_t check_began;
	uint64_t passed[PASSED_MAX]; /* those of the frames that came since */
	size_t passed_count; /* more than PASSED_MAX: some of them are not in it */
	uint64_t promised;   /* an index the stream has yet to bring, until `promised_at`; 0: none */
	int64_t promised_at;
	int64_t promised_as_of; /* the moment of which that would be a proof */
	uint64_t told;       /* the last one for which the streams were begun again */
	struct nearest nearest;
	int promise;         /* milliseconds for which a proof is good */
	uint64_t nearest_wants; /* a server that has not that much lags behind, and proves nothing */
	unsigned int nearest_lags; /* answers in a row that had not */
	uint64_t changes;    /* of the registry, when the last reading began */
	int64_t quiet_until;
	int quiet_for;

	char error[AGENT_REASON_MAX];
	int64_t error_at;
};

/* Milliseconds of outside.h's clock; and a message to a person, by syslog's priority. */
int64_t watcher_now(const struct watcher *watcher);
void watcher_say(const struct watcher *watcher, int priority, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* A number from `least` to twice that, less one. */
int64_t watcher_jitter(const struct watcher *watcher, int least);
/* Tells everybody of a state, where it is another one. */
void watcher_set_state(struct watcher *watcher, enum catalogue_state state);

/* follow.c */

/* Ends what runs and starts again from the first phase. */
void follow_connect(struct watcher *watcher);
/* It is known which address is the leader's, or not: on to the next question. */
void follow_leader_told(void *watcher);
/* The streams begin. */
void follow_subscribe(struct watcher *watcher);
/* On to the next phase, if every signal is there. */
void follow_advance(struct watcher *watcher);
/* The agent does not work: on to the next, or the same a little later. The catalogue is stale from now on. */
void follow_lost(struct watcher *watcher, enum agent_result result, const char *reason);
/* The stream has ended, which need not mean anything: connects anew. */
void follow_again(struct watcher *watcher, const char *reason);
/* A server of the cluster has stopped: the same in haste, after 0 to `spread` milliseconds. */
void follow_in_haste(struct watcher *watcher, const char *reason, int spread);
/* The next streams show something else than the last ones did, or those left out something: everything is to be read. */
void follow_forget_past(struct watcher *watcher);
/* Whether all namespaces are followed: the index is theirs. */
bool follow_has_all(const struct watcher *watcher);
/* Whether all streams can be begun where the last ones ended, without anything missing up to there. */
bool follow_may_resume(const struct watcher *watcher);
/* A namespace that may be asked of, as far as is known: another one for another number, where there are several. */
const char *follow_namespace(const struct watcher *watcher, unsigned int number);
/* A frame has come. */
void follow_frame(struct signal *signal, const char *text, size_t size);
/* All is read: the catalogue is current, once it is known where the host names in it lead. */
void follow_settle(struct watcher *watcher);
/* Reads everything, and follows once that is done. */
void follow_read(struct watcher *watcher);
void follow_read_done(void *watcher, enum agent_result result, const char *reason);

/* denied.c */

/* The agent gives no stream, or none that lasts, though it may be read: its changes are polled for. */
void denied_poll_instead(struct signal *signal);
/*
 * The token may not read the namespace of one of several signals: the others do without it. False where there is none,
 * then nobody is denied any more.
 */
bool denied_go_without(struct signal *signal);
/* A stream was not granted: asks why. */
void denied_probe(struct signal *signal);

/* proof.c */

/* At rest; then begins to ask the nearest server; ends that, and forgets what was promised. */
void proof_init(struct watcher *watcher);
void proof_start(struct watcher *watcher);
void proof_stop(struct watcher *watcher);
/* Nothing that was there at that moment, by the clock of outside.h, is missing. */
void proof_found(struct watcher *watcher, int64_t as_of);
/* Whether the last proof is good still; and until when, INT64_MAX where the state is not CURRENT. */
bool proof_holds(const struct watcher *watcher);
int64_t proof_ends(const struct watcher *watcher);
/* The streams have yet to bring that index, within `grace` milliseconds; then nothing was missed at `as_of`. */
void proof_promise(struct watcher *watcher, uint64_t index, int64_t as_of, int grace);
/* A frame of that index has come. */
void proof_pass(struct watcher *watcher, uint64_t index);
/* Does what is due; and when that is, INT64_MAX for never. */
void proof_tick(struct watcher *watcher);
int64_t proof_due(const struct watcher *watcher);

/* outage.c */

/* Notes and says a failure, and turns to what may do better. Milliseconds until the next try. */
int64_t outage_failed(struct watcher *watcher, enum agent_result result, const char *reason);
/* Milliseconds until the next try of the same agent. */
int64_t outage_back_off(const struct watcher *watcher, enum agent_result result);
/* An agent on this host costs nobody anything, however often it is tried. */
bool outage_is_on_this_host(const struct watcher *watcher);
/* Asks whether the agent is back, and begins to follow it if it is. */
void outage_knock(struct watcher *watcher);
void outage_cancel(struct watcher *watcher);

/* check.c: does what is due; plans the next check; when something is due */
void check_tick(struct watcher *watcher);
void check_plan(struct watcher *watcher);
/* Something is odd about the indexes: checks in a moment. */
void check_soon(struct watcher *watcher);
/* The same for the check that is under way. */
void check_pass(struct watcher *watcher, uint64_t index);
/* Everything is read again, by a new stream: the one that is open may be why something was missed. */
void check_read_all(struct watcher *watcher, const char *why);
/* The same in a moment: something was missed, of services that are known to be in doubt. */
void check_want_all(struct watcher *watcher);
/* The same where it may be of any service: until that is done the catalogue is stale. */
void check_missed(struct watcher *watcher);
void check_cancel(struct watcher *watcher);
int64_t check_due(const struct watcher *watcher);

/* namespaces.c */

/* Asks which there are before the streams begin: true, and follow_subscribe() is called then; false where it need not. */
bool namespaces_ask_first(struct watcher *watcher);
/* Whether streams may go on after the event of that index: none has left out what came before. */
bool namespaces_were_shown(const struct watcher *watcher, uint64_t index);
/* The streams show all that are known. */
void namespaces_are_shown(struct watcher *watcher);
/* Everything was read, or the streams have gone on, up to that index: of younger ones nothing is known. */
void namespaces_known_to(struct watcher *watcher, uint64_t index);
/* While following: waits for new ones, unless it does already. */
void namespaces_await(struct watcher *watcher);
/* Does what is due; and when that is, INT64_MAX for never. */
void namespaces_tick(struct watcher *watcher);
int64_t namespaces_due(const struct watcher *watcher);
void namespaces_cancel(struct watcher *watcher);

/* signal.c: a signal at rest; starting it in its two ways, over again where it runs; ending it; its deadlines */
void signal_init(struct signal *signal, struct watcher *watcher, const char *namespace);
/* `resume`: from where the last one ended. */
void signal_start_stream(struct signal *signal, bool resume);
void signal_start_poll(struct signal *signal);
void signal_cancel(struct signal *signal);
void signal_tick(struct signal *signal);

#endif
