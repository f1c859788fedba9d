/*
 * The files that the configuration names: whether this process can read one, and whether it holds what it is meant to; and
 * what to say of one that does not. Used by config_token.c, nomad/agent_tls.c, doctor.c and daemon.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_CONFIG_FILE_H
#define NSS_NOMAD_CONFIG_FILE_H

#include "config.h"

enum config_file { CONFIG_IS_TOKEN, CONFIG_IS_CA, CONFIG_IS_CERTIFICATE, CONFIG_IS_KEY };

/*
 * Says that a file cannot be read: which, why, by the file's or its directory's mode and owner where that is it, and what
 * helps; the daemon is told something else than a user.
 *
 * error   errno of the attempt
 *
 * -error. Any thread.
 */
int config_file_refused(const struct config *config, enum config_file what, const char *path, int error,
                        char reason[CONFIG_REASON_MAX]);

/*
 * Looks whether the files for TLS can be read, and hold certificates and a key in PEM: for a message after a failure.
 * Whether the key is the certificate's own it does not look.
 *
 * reason   on failure what is wrong with the first one that is
 *
 * 0 or a negative errno. Any thread.
 */
int config_check_tls(const struct config *config, char reason[CONFIG_REASON_MAX]);

/*
 * Whether an address in the configuration at `path` has a password that every user of this host can read there; says so in
 * `reason`, and what to do. One that the environment or the command line gives is not in the file. Any thread.
 */
bool config_shows_password(const struct config *config, const char *path, char reason[CONFIG_REASON_MAX]);

#endif
