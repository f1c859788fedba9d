/*
 * How much TCP is answered in one turn of the event loop: all connections share one budget, of octets and of time, so that
 * what else runs on the loop, the daemon's heartbeat above all, is never kept waiting, however many clients ask, and
 * whatever an answer costs. Called by framing.c.
 *
 * Who has more to do when the budget is used up waits in a queue. It is served with a new budget in the next turn, and
 * who then still has more goes to its end.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_DNS_TURN_H
#define NSS_NOMAD_DNS_TURN_H

#include <stdbool.h>
#include <uv.h>

/* A place in the queue; zeroed: waits for nothing. */
struct turn_place {
	struct turn_place *before;
	struct turn_place *behind;
};

/* Goes on with what waited; it spends something, or does not wait again. */
typedef void (*turn_go)(struct turn_place *place);

/* Nanoseconds by a clock that goes forward. */
typedef uint64_t (*turn_clock)(void);

enum {
	TURN_TIME = 10,  /* milliseconds of one turn; with what the kernel does for it, a fifth of what is not noticed */
	TURN_LOOKS = 4,  /* answers between two looks at the clock; the longest takes a tenth of a millisecond */
};

struct turn {
	uv_prepare_t begins; /* once a turn, before the loop looks for what has come in */
	uv_idle_t awake;     /* active while somebody waits, so that the loop does not sleep */
	turn_go go;
	turn_clock clock;        /* uv_hrtime(), but for tests */
	size_t spent;            /* octets, of TCP_TURN_MAX */
	uint64_t used;           /* nanoseconds of TURN_TIME, before `since` */
	uint64_t since;          /* when the loop was last given to TCP; 0: it waits, or does something else */
	unsigned looks;          /* answers since the clock was looked at */
	bool late;               /* the time is up */
	struct turn_place queue; /* a ring: behind it stands the first, before it the last */
};

enum { TURN_HANDLES = 2 };

/* Begins, on the loop. `turn_close` ends it, and `closed` is called for TURN_HANDLES handles whose `data` is `data`. */
void turn_init(struct turn *turn, uv_loop_t *loop, turn_go go);
void turn_close(struct turn *turn, uv_close_cb closed, void *data);

/* Counts the octets of an answer as spent, and looks at the clock now and then; whether nothing is left. */
void turn_spend(struct turn *turn, size_t octets);
bool turn_is_over(const struct turn *turn);

/* Queues up, at the end; whoever is not waiting yet. */
void turn_wait(struct turn *turn, struct turn_place *place);
bool turn_waits(const struct turn_place *place);

/* Leaves the queue, where it waits in one. */
void turn_leave(struct turn_place *place);

#endif
