/*
 * TLS with an agent; see agent_tls.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "nomad/agent_tls.h"

#include "config_file.h"
#include "nomad/agent_judge.h"
#include "wall.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* libcurl's, of what it reads and writes: a certificate that it may refuse. */
static int see_certificate(CURL *easy, curl_infotype type, char *bytes, size_t size, void *context)
{
	struct agent_request *request = context;

	(void)easy;
	if (type == CURLINFO_SSL_DATA_IN)
		certificate_validity((const uint8_t *)bytes, size, wall_now() / 1000, &request->validity,
		                     &request->is_own_certificate);
	return 0;
}

void agent_set_tls(const struct agent *agent, struct agent_request *request)
{
	const struct config *config = agent->config;
	CURL *easy = request->easy;

	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, config->skip_verify ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, config->skip_verify ? 0L : 2L);
	/* An authority of one's own stands for the system's, as with the nomad command. */
	if (config->ca_file != NULL || agent->authorities != NULL) {
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
		curl_easy_setopt(easy, CURLOPT_CAINFO, config->ca_file);
		/* libcurl would keep what it read for a day, though the file may hold a renewed one: read by each connection. */
		curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
	}
	if (config->ca_file == NULL && agent->authorities != NULL) {
		struct curl_blob blob = {.data = agent->authorities, .len = strlen(agent->authorities), .flags = CURL_BLOB_COPY};
		curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
	}
	if (config->cert_file != NULL)
		curl_easy_setopt(easy, CURLOPT_SSLCERT, config->cert_file);
	if (config->key_file != NULL)
		curl_easy_setopt(easy, CURLOPT_SSLKEY, config->key_file);
	curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, see_certificate);
	curl_easy_setopt(easy, CURLOPT_DEBUGDATA, request);
	curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
}

/* A certificate that is out of date: when it was good, where libcurl let it be seen. */
static enum agent_result judge_expired(struct agent_request *request, bool expired)
{
	const struct validity *validity = &request->validity;
	char date[sizeof "2021-01-01"] = "";
	int64_t now = wall_now() / 1000;
	time_t moment = (time_t)(expired ? validity->to : validity->from);
	struct tm broken;

	if ((expired ? validity->to != 0 && validity->to < now : validity->from > now) && gmtime_r(&moment, &broken) != NULL)
		strftime(date, sizeof date, "%Y-%m-%d", &broken);
	if (!expired)
		return agent_say_of(request, AGENT_TLS, "the certificate of %s is not valid before %s; set this host's clock "
		                 "(timedatectl), or renew it on the agent", request->name, date[0] == '\0' ? "now" : date);
	if (date[0] == '\0')
		return agent_say_of(request, AGENT_TLS, "a certificate of %s, or of the authority in ca-file, has expired; renew it",
		                 request->name);
	return agent_say_of(request, AGENT_TLS, "the certificate of %s%s expired on %s; renew it on the agent",
	                 request->is_own_certificate ? "" : "the authority of ", request->name, date);
}

static enum agent_result judge_verification(struct agent_request *request, const char *said)
{
	const char *ca_file = request->config->ca_file;

	if (strstr(said, "has expired") != NULL || strstr(said, "not yet valid") != NULL)
		return judge_expired(request, strstr(said, "has expired") != NULL);
	if (strstr(said, "subject name") != NULL || strstr(said, "does not match") != NULL)
		return agent_say_of(request, AGENT_TLS, "the certificate of %s has another name (%s); set tls-server-name to a name in "
		                 "it, such as server.global.nomad", request->name, said);
	return agent_say_of(request, AGENT_TLS, "the certificate of %s is not signed by an authority %s%s (%s); set ca-file to the "
	                 "one that signed it", request->name, ca_file == NULL ? "that this host trusts" : "in ",
	                 ca_file == NULL ? "" : ca_file, said);
}

/* The files for TLS: what is wrong with the first that is, or else that the key and the certificate are no pair. */
static enum agent_result judge_files(struct agent_request *request, const char *said)
{
	const struct config *config = request->config;
	char reason[CONFIG_REASON_MAX];

	if (config_check_tls(config, reason) < 0)
		return agent_say_of(request, AGENT_TLS, "%s", reason);
	if (strstr(said, "private key") != NULL || strstr(said, "rivate key does not match") != NULL)
		return agent_say_of(request, AGENT_TLS, "key-file %s does not belong to cert-file %s; give the key that the certificate "
		                 "was made for", config->key_file, config->cert_file);
	return agent_say_of(request, AGENT_TLS, "cannot use ca-file, cert-file or key-file for %s (%s); correct the file",
	                 request->name, said);
}

enum agent_result agent_judge_tls(struct agent_request *request, CURLcode code, const char *said)
{
	if (code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_CERTPROBLEM)
		return judge_files(request, said);
	if (strstr(said, "alert") != NULL)
		return agent_say(request, AGENT_TLS, "refuses this client (%s): it wants a client certificate that its own authority "
		           "signed; check cert-file and key-file", said);
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		return judge_verification(request, said);
	if (agent_is_other_port(request))
		return agent_judge_other_port(request);
	if (strstr(said, "wrong version number") != NULL)
		return agent_say(request, AGENT_TLS, "does not speak TLS (%s); write http:// for https://", said);
	return agent_say(request, AGENT_TLS, "and this host found no TLS that both speak (%s); check ca-file, cert-file, key-file and "
	           "tls-server-name", said);
}
