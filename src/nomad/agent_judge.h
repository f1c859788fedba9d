/*
 * What agent.c takes from agent_judge.c and authorities.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_NOMAD_AGENT_JUDGE_H
#define NSS_NOMAD_NOMAD_AGENT_JUDGE_H

#include "nomad/agent.h"

/* libcurl's header callback: keeps Nomad's own headers in a struct agent_answer, whatever their case. */
size_t agent_take_header(char *line, size_t one, size_t size, void *answer);

/*
 * Reads all files in a folder and those below it into one PEM text, the way Nomad's own client reads NOMAD_CAPATH
 * (libcurl's CAPATH wants names that are hashes). See authorities.c.
 *
 * authorities  on success a new string, released with free()
 * reason       on failure what is wrong
 *
 * 0, -ENOENT where there is no file, -EFBIG over 4 MiB, -ENOMEM, or what reading said. Any thread.
 */
int agent_read_authorities(const char *folder, char **authorities, char reason[CONFIG_REASON_MAX]);

/*
 * Sets a result and its reason, in which all but printable characters become dots. agent_say() puts the address in front;
 * with agent_say_of() the sentence is whole, and names the address or a file itself. Returns the result. Any thread.
 */
__attribute__((format(printf, 3, 4))) enum agent_result agent_say(struct agent_request *request, enum agent_result result,
                                                                  const char *format, ...);
__attribute__((format(printf, 3, 4))) enum agent_result agent_say_of(struct agent_request *request,
                                                                     enum agent_result result, const char *format, ...);

/* Whether the address has one of Nomad's default ports on which no HTTP is spoken. Any thread. */
bool agent_is_other_port(const struct agent_request *request);

/* Judges a request to such a port. Any thread. */
enum agent_result agent_judge_other_port(struct agent_request *request);

#endif
