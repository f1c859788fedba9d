/*
 * Requests to Nomad's agents; see agent.h. What an answer is worth stands in agent_judge.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "nomad/agent.h"

#include "deadline.h"
#include "nomad/agent_judge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIX_SCHEME "unix://"
#define USER_AGENT "nss-nomad"

enum { BODY_FIRST = 4096 }; /* octets */

int agent_init(const struct config *config, struct agent *agent, char reason[CONFIG_REASON_MAX])
{
	struct agent made = {.config = config};
	int result = config_token(config, &made.token, reason);

	if (result == 0 && config->ca_path != NULL)
		result = agent_read_authorities(config->ca_path, &made.authorities, reason);
	if (result < 0) {
		agent_done(&made);
		return result;
	}
	*agent = made;
	return 0;
}

void agent_done(struct agent *agent)
{
	free(agent->token);
	free(agent->authorities);
	*agent = (struct agent){0};
}

int agent_read_token(struct agent *agent, char reason[CONFIG_REASON_MAX])
{
	char *token;
	int result = config_token(agent->config, &token, reason);

	if (result < 0)
		return result;
	int changed = strcmp(agent->token, token) != 0;
	free(agent->token);
	agent->token = token;
	return changed;
}

static const char *current_address(const struct agent *agent)
{
	return agent->config->addresses.words[agent->current];
}

static bool is_unix(const char *address)
{
	return strncmp(address, UNIX_SCHEME, sizeof UNIX_SCHEME - 1) == 0;
}

/* Where the host begins: behind the scheme, and behind "user:password@". */
static const char *host_of(const char *address)
{
	const char *start = strstr(address, "://");
	start = start == NULL ? address : start + 3;
	const char *at = memchr(start, '@', strcspn(start, "/?#"));
	return at == NULL ? start : at + 1;
}

/* Octets of HOST:PORT, without path and query: Nomad's own client drops those too. */
static int authority_length(const char *host)
{
	return (int)strcspn(host, "/?#");
}

void agent_name(const struct agent *agent, char name[AGENT_NAME_MAX])
{
	const char *address = current_address(agent), *host = host_of(address);
	const char *scheme_end = strstr(address, "://");

	if (is_unix(address) || scheme_end == NULL)
		snprintf(name, AGENT_NAME_MAX, "%s", address);
	else
		snprintf(name, AGENT_NAME_MAX, "%.*s%.*s", (int)(scheme_end + 3 - address), address, authority_length(host),
		         host);
}

bool agent_next(struct agent *agent)
{
	agent->current = (agent->current + 1) % agent->config->addresses.count;
	return agent->current == 0;
}

/* Writes a text percent-encoded but for what RFC 3986 section 2.3 leaves alone; room for three times its length. */
static char *put_escaped(char *to, const char *text)
{
	static const char unreserved[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
	static const char digits[] = "0123456789ABCDEF";

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		if (strchr(unreserved, c) != NULL) {
			*to++ = (char)c;
			continue;
		}
		*to++ = '%';
		*to++ = digits[c >> 4];
		*to++ = digits[c & 15];
	}
	*to = '\0';
	return to;
}

char *agent_path(const char *prefix, const char *name, const char *namespace)
{
	static const char query[] = "?namespace=";
	size_t room = strlen(prefix) + 3 * (name == NULL ? 0 : strlen(name)) + sizeof query + 3 * strlen(namespace);
	char *path = malloc(room);

	if (path == NULL)
		return NULL;
	char *end = stpcpy(path, prefix);
	if (name != NULL)
		end = put_escaped(end, name);
	put_escaped(stpcpy(end, query), namespace);
	return path;
}

void agent_answer_done(struct agent_answer *answer)
{
	free(answer->body);
	*answer = (struct agent_answer){0};
}

static bool make_room(struct agent_request *request, size_t more)
{
	struct agent_answer *answer = &request->answer;
	size_t room = request->room == 0 ? BODY_FIRST : request->room;

	if (answer->size + more + 1 <= request->room)
		return true;
	while (room < answer->size + more + 1)
		room *= 2;
	char *larger = realloc(answer->body, room);
	if (larger == NULL) {
		request->no_memory = true;
		return false;
	}
	answer->body = larger;
	request->room = room;
	return true;
}

/* libcurl's write callback: collects the body, or hands it on as it comes. */
static size_t take_body(char *octets, size_t one, size_t size, void *context)
{
	struct agent_request *request = context;
	struct agent_answer *answer = &request->answer;
	long status = 0;

	(void)one;
	curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
	if (request->receive != NULL && status == 200)
		return request->receive(request->context, octets, size);
	if (size > AGENT_BODY_MAX - answer->size) {
		request->too_large = true;
		return 0;
	}
	if (!make_room(request, size))
		return 0;
	memcpy(answer->body + answer->size, octets, size);
	answer->size += size;
	answer->body[answer->size] = '\0';
	return size;
}

/* Adds a line to a list; false without memory, then the list is as it was. */
static bool add_line(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (longer == NULL)
		return false;
	*list = longer;
	return true;
}

/*
 * The certificate's name differs from the address (nomad's say server.REGION.nomad): the URL carries the name, so
 * that SNI and verification use it, and the connection goes to the address.
 */
static bool set_server_name(struct agent_request *request, const char *host, const char *name, const char *path)
{
	char *connect_to = NULL, *url = NULL;
	bool done = asprintf(&connect_to, "::%.*s", authority_length(host), host) >= 0 &&
	            asprintf(&url, "https://%s%s", name, path) >= 0 && add_line(&request->connect_to, connect_to) &&
	            curl_easy_setopt(request->easy, CURLOPT_URL, url) == CURLE_OK &&
	            curl_easy_setopt(request->easy, CURLOPT_CONNECT_TO, request->connect_to) == CURLE_OK;

	free(connect_to);
	free(url);
	return done;
}

/* user:password of the address itself; X-Nomad-Token stands beside it. */
static bool set_password(CURL *easy, const char *address, const char *host)
{
	const char *scheme_end = strstr(address, "://");

	if (scheme_end == NULL || host == scheme_end + 3)
		return true;
	char *both = strndup(scheme_end + 3, (size_t)(host - scheme_end) - 4);
	bool done = both != NULL && curl_easy_setopt(easy, CURLOPT_USERPWD, both) == CURLE_OK;
	free(both);
	return done;
}

static bool set_url(const struct agent *agent, struct agent_request *request, const char *path)
{
	const char *address = current_address(agent), *host = host_of(address), *name = agent->config->tls_server_name;
	char *url = NULL;

	request->is_tls = strncmp(address, "https:", 6) == 0;
	if (request->is_tls && name != NULL)
		return set_password(request->easy, address, host) && set_server_name(request, host, name, path);
	if (is_unix(address)) {
		if (curl_easy_setopt(request->easy, CURLOPT_UNIX_SOCKET_PATH, address + sizeof UNIX_SCHEME - 1) != CURLE_OK ||
		    asprintf(&url, "http://127.0.0.1%s", path) < 0)
			return false;
	} else if (!set_password(request->easy, address, host) ||
	           asprintf(&url, "%s://%.*s%s", request->is_tls ? "https" : "http", authority_length(host), host, path) < 0) {
		return false;
	}
	bool done = curl_easy_setopt(request->easy, CURLOPT_URL, url) == CURLE_OK;
	free(url);
	return done;
}

/* The path with the region, where one is configured. */
static char *add_region(const struct agent *agent, const char *path)
{
	static const char parameter[] = "&region=";
	const char *region = agent->config->region;

	if (region == NULL)
		return strdup(path);
	char *longer = malloc(strlen(path) + sizeof parameter + 3 * strlen(region));
	if (longer != NULL)
		put_escaped(stpcpy(stpcpy(longer, path), parameter), region);
	return longer;
}

static void set_tls(const struct agent *agent, CURL *easy)
{
	const struct config *config = agent->config;

	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, config->skip_verify ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, config->skip_verify ? 0L : 2L);
	if (config->ca_file != NULL) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, config->ca_file);
	} else if (agent->authorities != NULL) {
		struct curl_blob blob = {.data = agent->authorities, .len = strlen(agent->authorities), .flags = CURL_BLOB_COPY};
		curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
	}
	if (config->cert_file != NULL)
		curl_easy_setopt(easy, CURLOPT_SSLCERT, config->cert_file);
	if (config->key_file != NULL)
		curl_easy_setopt(easy, CURLOPT_SSLKEY, config->key_file);
}

static bool set_token(const struct agent *agent, struct agent_request *request)
{
	char *line;

	if (agent->token[0] == '\0')
		return true;
	if (asprintf(&line, "X-Nomad-Token: %s", agent->token) < 0)
		return false;
	bool done = add_line(&request->headers, line);
	explicit_bzero(line, strlen(line));
	free(line);
	return done && curl_easy_setopt(request->easy, CURLOPT_HTTPHEADER, request->headers) == CURLE_OK;
}

/* What an environment or a server could talk libcurl into is switched off. */
static void set_manners(const struct agent_request *request)
{
	CURL *easy = request->easy;

	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, USER_AGENT);
	/* deflate would be raw DEFLATE; a stream is never packed by a Nomad of today, and by an old one only if asked. */
	if (request->kind == AGENT_READ)
		curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->limit);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
	                 request->limit > 0 && request->limit < AGENT_CONNECT_LIMIT ? (long)request->limit
	                                                                            : (long)AGENT_CONNECT_LIMIT);
}

static void set_callbacks(struct agent_request *request)
{
	CURL *easy = request->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, agent_take_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, &request->answer);
}

struct agent_request *agent_request_new(const struct agent *agent, enum agent_kind kind, const char *path, int limit,
                                        agent_receive receive, void *context)
{
	struct agent_request *request = calloc(1, sizeof *request);
	char *whole = add_region(agent, path);

	if (request == NULL || whole == NULL)
		goto fail;
	request->kind = kind;
	request->limit = limit;
	request->receive = receive;
	request->context = context;
	agent_name(agent, request->name);
	request->easy = curl_easy_init();
	if (request->easy == NULL)
		goto fail;
	set_manners(request);
	set_callbacks(request);
	set_tls(agent, request->easy);
	if (!set_url(agent, request, whole) || !set_token(agent, request))
		goto fail;
	free(whole);
	return request;
fail:
	free(whole);
	agent_request_free(request);
	return NULL;
}

void agent_request_free(struct agent_request *request)
{
	if (request == NULL)
		return;
	curl_easy_cleanup(request->easy);
	curl_slist_free_all(request->headers);
	curl_slist_free_all(request->connect_to);
	agent_answer_done(&request->answer);
	free(request);
}
