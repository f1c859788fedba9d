/*
 * How much TCP is answered in one turn of the event loop; see turn.h. Called by framing.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "turn.h"

#include "tcp.h"

/* Adds up the time since the loop was given to TCP. */
static void look(struct turn *turn)
{
	uint64_t now = turn->clock();

	if (turn->since != 0)
		turn->used += now - turn->since;
	turn->since = now;
	turn->looks = 0;
	turn->late = turn->used >= TURN_TIME * UINT64_C(1000000);
}

static void on_turn(uv_prepare_t *handle)
{
	struct turn *turn = handle->data;
	struct turn_place *queue = &turn->queue;

	turn->spent = 0;
	turn->used = turn->since = 0;
	turn->late = false;
	if (queue->behind != queue)
		look(turn);
	while (queue->behind != queue && !turn_is_over(turn)) {
		struct turn_place *first = queue->behind;
		turn_leave(first);
		turn->go(first);
	}
	if (queue->behind == queue)
		uv_idle_stop(&turn->awake);
	if (turn->since != 0)
		look(turn);
	turn->since = 0; /* until the next answer: the loop sleeps meanwhile */
}

static void on_awake(uv_idle_t *handle)
{
	(void)handle; /* that it is active is enough */
}

void turn_init(struct turn *turn, uv_loop_t *loop, turn_go go)
{
	*turn = (struct turn){.go = go, .clock = uv_hrtime};
	turn->queue = (struct turn_place){&turn->queue, &turn->queue};
	uv_idle_init(loop, &turn->awake);
	uv_prepare_init(loop, &turn->begins);
	turn->begins.data = turn;
	uv_prepare_start(&turn->begins, on_turn);
	uv_unref((uv_handle_t *)&turn->begins); /* alone it keeps no loop running */
}

void turn_close(struct turn *turn, uv_close_cb closed, void *data)
{
	turn->begins.data = turn->awake.data = data;
	uv_close((uv_handle_t *)&turn->begins, closed);
	uv_close((uv_handle_t *)&turn->awake, closed);
}

void turn_spend(struct turn *turn, size_t octets)
{
	turn->spent += octets;
	if (turn->since == 0 || ++turn->looks >= TURN_LOOKS)
		look(turn);
}

bool turn_is_over(const struct turn *turn)
{
	return turn->late || turn->spent >= TCP_TURN_MAX;
}

void turn_wait(struct turn *turn, struct turn_place *place)
{
	struct turn_place *queue = &turn->queue;

	*place = (struct turn_place){queue->before, queue};
	queue->before->behind = place;
	queue->before = place;
	uv_idle_start(&turn->awake, on_awake);
}

bool turn_waits(const struct turn_place *place)
{
	return place->behind != NULL;
}

void turn_leave(struct turn_place *place)
{
	if (!turn_waits(place))
		return;
	place->before->behind = place->behind;
	place->behind->before = place->before;
	*place = (struct turn_place){NULL, NULL};
}
