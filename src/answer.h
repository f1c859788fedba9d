/*
 * Addresses to what glibc wants, in the caller's buffer: the module's last step. Called by nss_nomad.c alone.
 *
 * The buffer is of any size and alignment; everything that the result points to lies in it. It is filled only
 * where all of it fits, so that a failed try leaves the caller's structures as they were.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_ANSWER_H
#define NSS_NOMAD_ANSWER_H

#include "address.h"

#include <netdb.h>
#include <nss.h>
#include <stddef.h>

/* A caller's buffer. */
struct space {
	char *at;
	char *end;
};

/*
 * A hostent with the addresses of one family, for gethostbyname2_r() and its kin.
 *
 * name       what h_name becomes, without a trailing dot
 * family     AF_INET or AF_INET6; at least one of the addresses is of it
 *
 * 0 or -ERANGE. Any thread.
 */
int answer_hostent(const char *name, int family, const struct address *addresses, size_t count,
                   struct space space, struct hostent *host);

/*
 * A list of all addresses, at least one, for gethostbyname4_r(). Every tuple carries the name.
 *
 * tuples   as glibc hands it over: *tuples is NULL (glibc 2.36 on), or the caller's own first tuple, which is
 *          then overwritten (glibc 2.35 and older)
 *
 * 0 or -ERANGE. Any thread.
 */
int answer_tuples(const char *name, const struct address *addresses, size_t count, struct space space,
                  struct gaih_addrtuple **tuples);

#endif
