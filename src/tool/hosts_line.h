/*
 * What the hosts line does to names: whether glibc asks nomad for those that end in .nomad, whether what it says of them
 * is the end, and whether all other names go on to the sources behind it. Judged by what glibc does at each of the four
 * answers that a source can give, however that is written. Called by doctor_hosts.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_TOOL_HOSTS_LINE_H
#define NSS_NOMAD_TOOL_HOSTS_LINE_H

#include "tool/nsswitch.h"

#define HOSTS_LINE_BRACKETS "[!UNAVAIL=return]"

enum { HOSTS_LINE_MAX = 1024 }; /* bytes with the NUL, of a line to propose */

enum hosts_line_effect {
	HOSTS_LINE_RIGHT,
	HOSTS_LINE_EMPTY,       /* glibc takes no source from it, and reads past its own list: a program may crash */
	HOSTS_LINE_ABSENT,      /* glibc does not ask nomad */
	HOSTS_LINE_HIDDEN,      /* a source before nomad ends the search */
	HOSTS_LINE_ASKED_FIRST, /* a source before nomad asks name servers, and waits for them */
	HOSTS_LINE_MERGES,      /* an action that ends every search for a host with an error */
	HOSTS_LINE_SWALLOWS,    /* names that are not nomad's end at it: no source behind it is asked */
	HOSTS_LINE_GOES_ON,     /* an answer of nomad's is not the end: a source behind it is asked too */
};

/* What is wrong with a line, the worst of it. */
struct hosts_line {
	enum hosts_line_effect effect;
	size_t nomad;                /* where it stands; count where it does not */
	size_t other;                /* the source before or behind it that matters, where the effect speaks of one */
	enum nsswitch_status status; /* GOES_ON: the answer after which the next one is asked */
};

/* Judges a line whose `missing` are set. Any thread. */
struct hosts_line hosts_line_judge(const struct nsswitch *nsswitch);

/*
 * The source that a name may be a misspelling of (nearest.h). NULL where there is none, and where the name is a known one
 * itself. Any thread.
 */
const char *hosts_line_nearest(const char *name);

/* Whether a missing source, and all behind it, is a comment to the one who wrote it. */
bool hosts_line_is_comment(const struct nsswitch_service *service);

/*
 * Writes the line as it should be: nomad with its brackets before each source that would answer for it, misspelled names
 * put right, without a comment at the end; else as it is. Any thread.
 */
void hosts_line_propose(const struct nsswitch *nsswitch, char line[HOSTS_LINE_MAX]);

#endif
