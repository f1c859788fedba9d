/*
 * Sorts of programs, and how to tell whether somebody was at work in one; for unseen.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_TOOLS_UNSEEN_H
#define TESTS_TOOLS_UNSEEN_H

#include <signal.h>
#include <stdio.h>
#include <sys/types.h>

enum { STATE_SIGNALS = 65, STATE_DESCRIPTORS = 2048 };

/* What a lookup must leave as it was. */
struct state {
	char descriptors[STATE_DESCRIPTORS]; /* 1 + FD_CLOEXEC where open */
	sigset_t blocked;
	struct sigaction actions[STATE_SIGNALS];
	int sigchld_count;
	pid_t child; /* what a wait for any child finds; -1 where there is none */
	int threads;
	pid_t session;
	char folder[4096];
	mode_t umask;
};

void state_take(struct state *state);

/* Says each difference. */
void state_compare(const struct state *before, const struct state *after);

/* Keeps a way to speak, whatever becomes of the descriptors 0 to 2. */
void host_init(void);
void host_says(const char *line);

void host_handles_sigchld(void);
void host_ignores_sigchld(void);
void host_waits(void);         /* a thread loops on waitpid(-1) */
void host_waits_for_all(void); /* the same with __WALL, which may meet the module's child */
void host_stops_waiting(void);
void host_opens_descriptors(void); /* 1,000 of them, without O_CLOEXEC */
void host_closes_stdio(void);
void host_has_no_descriptor_left(void);
void host_blocks_signals(void);
void host_has_alarms(void); /* a signal every millisecond, that interrupts system calls */
void host_stops_alarms(void);
void host_touches_memory(void);       /* UNSEEN_MIB of it */
void host_touches_memory_again(void); /* had it been copied, every page would fault */
void host_is_confined(void);          /* socket, fork, clone, exec: EPERM */

#endif
