/*
 * nomad-lookup as the module's helper: one name, the answer as a record on standard output. The other end of the pipe
 * is helper.c, whose header describes what goes over it. Called by nomad-lookup.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_TOOL_FOR_MODULE_H
#define NSS_NOMAD_TOOL_FOR_MODULE_H

/*
 * Asks Nomad for one name and writes the limit of time, then the record. It holds the name's lock until the answer is
 * kept, where helper_child.c has taken it. A configuration that cannot be read is answered as VERDICT_UNKNOWN.
 *
 * config   path of the configuration
 * elapsed  milliseconds, in digits, that the lookup had taken when the helper was started
 * origin   as origin_write() wrote it: from where the host asks
 * text     the name
 *
 * 0 or a negative errno.
 */
int for_module(const char *config, const char *elapsed, const char *origin, const char *text);

#endif
