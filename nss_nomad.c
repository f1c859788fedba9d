/*
 * glibc's door: the entry points of libnss_nomad.so.2, and nothing else. Called by glibc, in the process of any
 * program that resolves a name, for every name; see nss/nss.h there and "The contract" in docs/contributing.md.
 *
 * SPDX-License-Identifier: MIT
 */
#include "answer.h"
#include "helper.h"
#include "lookup.h"

#include <errno.h>
#include <netdb.h>
#include <nss.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

NSS_DECLARE_MODULE_FUNCTIONS(nomad)

/* Seen by glibc; everything else is hidden (-fvisibility=hidden, src/nss_nomad.map). */
#define ENTRY __attribute__((visibility("default")))

/* What glibc is told, by verdict. Only a buffer that is too small may say NETDB_INTERNAL. */
struct outcome {
	enum nss_status status;
	int error;
	int h_error;
};

static const struct outcome outcomes[] = {
	[VERDICT_UNKNOWN] = {NSS_STATUS_TRYAGAIN, EAGAIN, TRY_AGAIN},
	[VERDICT_FOUND] = {NSS_STATUS_SUCCESS, 0, NETDB_SUCCESS},
	[VERDICT_NO_DATA] = {NSS_STATUS_NOTFOUND, ENOENT, NO_DATA},
	[VERDICT_NO_NAME] = {NSS_STATUS_NOTFOUND, ENOENT, HOST_NOT_FOUND},
};
static const struct outcome not_ours = {NSS_STATUS_UNAVAIL, ENOENT, HOST_NOT_FOUND};
static const struct outcome no_such_family = {NSS_STATUS_UNAVAIL, EAFNOSUPPORT, HOST_NOT_FOUND};
static const struct outcome too_small = {NSS_STATUS_TRYAGAIN, ERANGE, NETDB_INTERNAL};

/* Where an answer goes: a hostent of one family, or tuples of both where `host` is NULL. */
struct request {
	const char *name;
	int family;
	struct space space;
	struct hostent *host;
	struct gaih_addrtuple **tuples;
	int32_t *ttl;
	char **canonical;
};

static int ask_helper(void *context, const struct lookup_question *question, struct record *record)
{
	return helper_run(context, question, record);
}

static struct outcome give(const struct request *request, const struct lookup_result *result)
{
	enum verdict verdict = lookup_verdict_for(result, request->family);
	int error;

	if (verdict != VERDICT_FOUND)
		return outcomes[verdict];
	if (request->host != NULL)
		error = answer_hostent(request->name, request->family, result->addresses, result->count, request->space,
		                       request->host);
	else
		error = answer_tuples(request->name, result->addresses, result->count, request->space, request->tuples);
	if (error < 0)
		return too_small;
	if (request->ttl != NULL)
		*request->ttl = result->ttl < INT32_MAX ? (int32_t)result->ttl : INT32_MAX;
	if (request->canonical != NULL && request->host != NULL)
		*request->canonical = request->host->h_name;
	return outcomes[VERDICT_FOUND];
}

/* Looks up a name of ours. What takes room is not on the stack, which may be a small one. */
static struct outcome look_up(const struct request *request)
{
	struct {
		struct lookup_places places;
		struct lookup_result result;
	} *lookup = malloc(sizeof *lookup);

	if (lookup == NULL)
		return outcomes[VERDICT_UNKNOWN];
	lookup_places_init(&lookup->places);
	lookup_run(request->name, &lookup->places, ask_helper, &(struct helper){.program = HELPER_PROGRAM},
	           &lookup->result);
	struct outcome outcome = give(request, &lookup->result);
	lookup_done(&lookup->result);
	free(lookup);
	return outcome;
}

/* One call from glibc. errno, which `errnop` mostly is, is set last, and on success is what it was. */
static enum nss_status resolve(const struct request *request, int *errnop, int *h_errnop)
{
	struct outcome outcome = not_ours;
	int before = errno, cancel_state;

	if (name_is_ours(request->name)) {
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
		outcome = look_up(request);
		pthread_setcancelstate(cancel_state, NULL);
	}
	errno = before;
	*h_errnop = outcome.h_error;
	if (outcome.status == NSS_STATUS_SUCCESS)
		h_errno = 0; /* some callers look there, not where h_errnop leads: https://bugzilla.redhat.com/1125975 */
	else
		*errnop = outcome.error;
	return outcome.status;
}

/* The caller's buffer. Nothing may be added to NULL, not even 0. */
static struct space space_of(char *buffer, size_t size)
{
	return (struct space){buffer, buffer == NULL ? NULL : buffer + size};
}

ENTRY enum nss_status _nss_nomad_gethostbyname4_r(const char *name, struct gaih_addrtuple **pat, char *buffer,
                                                  size_t buflen, int *errnop, int *h_errnop, int32_t *ttlp)
{
	struct request request = {.name = name,
	                          .family = AF_UNSPEC,
	                          .space = space_of(buffer, buflen),
	                          .tuples = pat,
	                          .ttl = ttlp};

	return resolve(&request, errnop, h_errnop);
}

ENTRY enum nss_status _nss_nomad_gethostbyname3_r(const char *name, int af, struct hostent *result, char *buffer,
                                                  size_t buflen, int *errnop, int *h_errnop, int32_t *ttlp,
                                                  char **canonp)
{
	struct request request = {.name = name,
	                          .family = af,
	                          .space = space_of(buffer, buflen),
	                          .host = result,
	                          .ttl = ttlp,
	                          .canonical = canonp};

	if (af != AF_INET && af != AF_INET6) {
		*errnop = no_such_family.error;
		*h_errnop = no_such_family.h_error;
		return no_such_family.status;
	}
	return resolve(&request, errnop, h_errnop);
}

ENTRY enum nss_status _nss_nomad_gethostbyname2_r(const char *name, int af, struct hostent *result, char *buffer,
                                                  size_t buflen, int *errnop, int *h_errnop)
{
	return _nss_nomad_gethostbyname3_r(name, af, result, buffer, buflen, errnop, h_errnop, NULL, NULL);
}

ENTRY enum nss_status _nss_nomad_gethostbyname_r(const char *name, struct hostent *result, char *buffer,
                                                 size_t buflen, int *errnop, int *h_errnop)
{
	return _nss_nomad_gethostbyname3_r(name, AF_INET, result, buffer, buflen, errnop, h_errnop, NULL, NULL);
}
