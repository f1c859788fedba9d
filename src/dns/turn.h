/*
 * How much TCP is answered in one turn of the event loop: all connections share one budget, so that what else runs on
 * the loop, the daemon's heartbeat above all, is never kept waiting, however many clients ask. Called by framing.c.
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

struct turn {
	uv_prepare_t begins; /* once a turn, before the loop looks for what has come in */
	uv_idle_t awake;     /* active while somebody waits, so that the loop does not sleep */
	turn_go go;
	size_t spent;            /* octets, of TCP_TURN_MAX */
	struct turn_place queue; /* a ring: behind it stands the first, before it the last */
};

enum { TURN_HANDLES = 2 };

/* Begins, on the loop. `turn_close` ends it, and `closed` is called for TURN_HANDLES handles whose `data` is `data`. */
void turn_init(struct turn *turn, uv_loop_t *loop, turn_go go);
void turn_close(struct turn *turn, uv_close_cb closed, void *data);

/* Counts octets as spent; whether nothing is left. */
void turn_spend(struct turn *turn, size_t octets);
bool turn_is_over(const struct turn *turn);

/* Queues up, at the end; whoever is not waiting yet. */
void turn_wait(struct turn *turn, struct turn_place *place);
bool turn_waits(const struct turn_place *place);

/* Leaves the queue, where it waits in one. */
void turn_leave(struct turn_place *place);

#endif
