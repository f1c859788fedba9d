/*
 * Requests to Nomad's agents; see agent.h. What an answer is worth stands in agent_judge.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "nomad/agent.h"

#include "deadline.h"
#include "nomad/agent_judge.h"
#include "nomad/agent_owner.h"
#include "nomad/agent_tls.h"
#include "url.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define USER_AGENT "nss-nomad"

enum { BODY_FIRST = 4096 }; /* octets */

int agent_init(const struct config *config, struct agent *agent, char reason[CONFIG_REASON_MAX])
{
	struct agent made = {.config = config};
	int result = config_token(config, &made.token, reason);

	if (result == 0 && config->ca_path != NULL && config->ca_file == NULL)
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

/* The current address in parts. The configuration took it, so it can be read. */
static void current_url(const struct agent *agent, struct url *url)
{
	const char *wrong;
	bool read = url_parse(agent->config->addresses.words[agent->current], url, &wrong);

	assert(read);
	(void)read;
}

void agent_name(const struct agent *agent, char name[AGENT_NAME_MAX])
{
	struct url url;

	current_url(agent, &url);
	url_text(&url, name);
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
		return CURL_WRITEFUNC_ERROR;
	}
	if (!make_room(request, size))
		return CURL_WRITEFUNC_ERROR;
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
 * that SNI and verification use it; the connection goes to the address, which the Host header keeps.
 */
static bool set_server_name(struct agent_request *request, const char *authority)
{
	char connect_to[URL_TEXT_MAX + 2], host[URL_TEXT_MAX + 6];

	snprintf(connect_to, sizeof connect_to, "::%s", authority);
	snprintf(host, sizeof host, "Host: %s", authority);
	return add_line(&request->connect_to, connect_to) && add_line(&request->headers, host) &&
	       curl_easy_setopt(request->easy, CURLOPT_CONNECT_TO, request->connect_to) == CURLE_OK;
}

static bool set_url(const struct agent *agent, struct agent_request *request, const struct url *at, const char *path)
{
	const char *server_name = agent->config->tls_server_name;
	char authority[URL_TEXT_MAX], *url = NULL;
	bool done = true;

	url_authority(at, authority);
	request->is_tls = at->scheme == URL_HTTPS;
	if (at->scheme == URL_UNIX) {
		done = curl_easy_setopt(request->easy, CURLOPT_UNIX_SOCKET_PATH, at->path) == CURLE_OK &&
		       asprintf(&url, "http://127.0.0.1%s", path) >= 0; /* what the nomad command sends as Host */
	} else if (request->is_tls && server_name != NULL) {
		done = set_server_name(request, authority) &&
		       asprintf(&url, "https://%s:%u%s", server_name, (unsigned)at->port, path) >= 0;
	} else {
		done = asprintf(&url, "%s://%s%s", request->is_tls ? "https" : "http", authority, path) >= 0;
	}
	done = done && curl_easy_setopt(request->easy, CURLOPT_URL, url) == CURLE_OK;
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

/* Who asks. The token has a header of its own: a proxy in front of Nomad may want Authorization. */
static bool set_identity(const struct agent *agent, struct agent_request *request, const struct url *at)
{
	const char *user = at->user[0] != '\0' ? at->user : agent->config->http_auth;
	char *line = NULL;
	bool done = true;

	request->has_secret = user != NULL || agent->token[0] != '\0';
	if (user != NULL)
		done = curl_easy_setopt(request->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) == CURLE_OK &&
		       curl_easy_setopt(request->easy, CURLOPT_USERPWD, user) == CURLE_OK;
	if (done && agent->token[0] != '\0') {
		done = asprintf(&line, "X-Nomad-Token: %s", agent->token) >= 0 && add_line(&request->headers, line);
		free(line);
	}
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
	/* A name is asked for with each new connection: connections are kept, and what a name led to may be what is wrong. */
	curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	/* A resolver that hangs is left behind at the deadline instead of waited for. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
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

/* As libcurl does it, which does not tell why there was none; and no program of this one inherits it. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct agent_request *request = context;
	int made = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

	(void)purpose;
	if (made < 0)
		request->socket_error = errno;
	return made < 0 ? CURL_SOCKET_BAD : made;
}

static void set_callbacks(struct agent_request *request)
{
	CURL *easy = request->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, request);
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
	struct url at;

	if (request == NULL || whole == NULL)
		goto fail;
	request->kind = kind;
	request->limit = limit;
	request->receive = receive;
	request->context = context;
	current_url(agent, &at);
	url_text(&at, request->name);
	request->config = agent->config;
	request->has_token = agent->token[0] != '\0';
	request->is_unix = at.scheme == URL_UNIX;
	request->port = at.scheme == URL_UNIX ? 0 : at.port;
	request->easy = curl_easy_init();
	if (request->easy == NULL)
		goto fail;
	set_manners(request);
	set_callbacks(request);
	if (at.scheme == URL_HTTPS)
		agent_set_tls(agent, request);
	if (!set_url(agent, request, &at, whole) || !set_identity(agent, request, &at))
		goto fail;
	if (at.scheme == URL_HTTP || (at.scheme == URL_HTTPS && agent->config->skip_verify))
		agent_owner_ask(agent, request);
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
