/*
 * The sockets that questions come in by; see listen.h. Called by server.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum {
	BACKLOG = 1024,           /* connections not yet accepted */
	RECEIVE_BUFFER = 1 << 20, /* octets: some thousand questions, while a worker is not on the processor */
	SEND_BUFFER = 1 << 20,    /* octets: each neighbour that is not there ties up 200 KiB for seconds */
	PORT_TRIES = 16,          /* for a port that is free for TCP and UDP alike */
};

struct address endpoint_v6_address(const struct in6_addr *octets)
{
	struct address address = {.family = AF_INET6};

	if (IN6_IS_ADDR_V4MAPPED(octets)) {
		address.family = AF_INET;
		memcpy(address.octets, &octets->s6_addr[12], 4);
	} else {
		memcpy(address.octets, octets, 16);
	}
	return address;
}

struct address endpoint_address(const union endpoint *endpoint)
{
	struct address address = {.family = AF_INET};

	if (endpoint->any.sa_family != AF_INET)
		return endpoint_v6_address(&endpoint->v6.sin6_addr);
	memcpy(address.octets, &endpoint->v4.sin_addr, 4);
	return address;
}

uint16_t endpoint_port(const union endpoint *endpoint)
{
	return ntohs(endpoint->any.sa_family == AF_INET ? endpoint->v4.sin_port : endpoint->v6.sin6_port);
}

void endpoint_text(const union endpoint *endpoint, char text[LISTEN_TEXT_MAX])
{
	char address[INET6_ADDRSTRLEN] = "";
	bool is_v4 = endpoint->any.sa_family == AF_INET;

	inet_ntop(endpoint->any.sa_family, is_v4 ? (const void *)&endpoint->v4.sin_addr : &endpoint->v6.sin6_addr, address,
	          sizeof address);
	snprintf(text, LISTEN_TEXT_MAX, is_v4 ? "%s:%u" : "[%s]:%u", address, endpoint_port(endpoint));
}

static socklen_t endpoint_size(const union endpoint *endpoint)
{
	return endpoint->any.sa_family == AF_INET ? sizeof endpoint->v4 : sizeof endpoint->v6;
}

static void set_port(union endpoint *endpoint, uint16_t port)
{
	if (endpoint->any.sa_family == AF_INET)
		endpoint->v4.sin_port = htons(port);
	else
		endpoint->v6.sin6_port = htons(port);
}

static bool is_wildcard(const union endpoint *endpoint)
{
	return endpoint->any.sa_family == AF_INET ? endpoint->v4.sin_addr.s_addr == htonl(INADDR_ANY)
	                                          : IN6_IS_ADDR_UNSPECIFIED(&endpoint->v6.sin6_addr);
}

static bool is_v6_loopback(const union endpoint *endpoint)
{
	return endpoint->any.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&endpoint->v6.sin6_addr);
}

static bool parse_port(const char *text, uint16_t *port)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	unsigned long value = strtoul(text, &end, 10);
	*port = (uint16_t)value;
	return *end == '\0' && value <= UINT16_MAX;
}

/* Reads ADDR:PORT or [ADDR]:PORT. Port 0 lets the kernel choose. */
static bool endpoint_parse(const char *text, union endpoint *endpoint)
{
	char address[INET6_ADDRSTRLEN];
	bool bracketed = text[0] == '[';
	const char *start = text + bracketed;
	const char *stop = strchr(start, bracketed ? ']' : ':');
	uint16_t port;

	if (stop == NULL || (size_t)(stop - start) >= sizeof address)
		return false;
	memcpy(address, start, (size_t)(stop - start));
	address[stop - start] = '\0';
	stop += bracketed;
	if (*stop != ':' || !parse_port(stop + 1, &port))
		return false;
	memset(endpoint, 0, sizeof *endpoint);
	endpoint->any.sa_family = bracketed ? AF_INET6 : AF_INET;
	set_port(endpoint, port);
	return inet_pton(endpoint->any.sa_family, address,
	                 bracketed ? (void *)&endpoint->v6.sin6_addr : &endpoint->v4.sin_addr) == 1;
}

static int set(int descriptor, int level, int option, int value)
{
	return setsockopt(descriptor, level, option, &value, sizeof value);
}

/* Answers are never to be split on the way: neither kernel learns a smaller size from forged errors (RFC 9715). */
static void set_datagram_options(int descriptor, int family, bool wildcard)
{
	if (set(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER) < 0)
		set(descriptor, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	if (set(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, SEND_BUFFER) < 0)
		set(descriptor, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER);
	set(descriptor, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT); /* systemd's sockets may be for both families */
	if (family == AF_INET) {
		set(descriptor, IPPROTO_IP, IP_PKTINFO, wildcard);
	} else {
		set(descriptor, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
		set(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, wildcard);
	}
}

static void close_one(int *descriptor)
{
	if (*descriptor >= 0)
		close(*descriptor);
	*descriptor = -1;
}

static void close_datagrams(struct listener *listener, size_t workers)
{
	for (size_t i = 0; i < (listener->shared ? 1 : workers); i++)
		close_one(&listener->datagrams[i]);
}

static int open_socket(const union endpoint *endpoint, int type, int option)
{
	int descriptor = socket(endpoint->any.sa_family, type | SOCK_CLOEXEC, 0);

	if (descriptor < 0)
		return -errno;
	set(descriptor, SOL_SOCKET, option, 1);
	if (endpoint->any.sa_family == AF_INET6)
		set(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (bind(descriptor, &endpoint->any, endpoint_size(endpoint)) < 0 ||
	    (type == SOCK_STREAM && listen(descriptor, BACKLOG) < 0)) {
		int error = -errno;
		close(descriptor);
		return error;
	}
	return descriptor;
}

static int read_endpoint(int descriptor, union endpoint *endpoint)
{
	socklen_t size = sizeof *endpoint;

	return getsockname(descriptor, &endpoint->any, &size) < 0 ? -errno : 0;
}

/* TCP first: its port is ours alone, where UDP's would be shared with another server of the same user. */
static int open_pair(struct listener *listener, size_t workers)
{
	listener->stream = open_socket(&listener->endpoint, SOCK_STREAM, SO_REUSEADDR);
	if (listener->stream < 0)
		return listener->stream;
	int result = read_endpoint(listener->stream, &listener->endpoint);
	for (size_t i = 0; i < workers && result == 0; i++) {
		listener->datagrams[i] = open_socket(&listener->endpoint, SOCK_DGRAM, SO_REUSEPORT);
		if (listener->datagrams[i] < 0)
			result = listener->datagrams[i];
		else
			set_datagram_options(listener->datagrams[i], listener->endpoint.any.sa_family, listener->wildcard);
	}
	if (result < 0) {
		close_one(&listener->stream);
		close_datagrams(listener, workers);
	}
	return result;
}

static int listener_init(struct listener *listener, size_t workers)
{
	*listener = (struct listener){.stream = -1, .datagrams = malloc(workers * sizeof *listener->datagrams)};
	for (size_t i = 0; listener->datagrams != NULL && i < workers; i++)
		listener->datagrams[i] = -1;
	return listener->datagrams == NULL ? -ENOMEM : 0;
}

/* Opens one address; -EAFNOSUPPORT or -EADDRNOTAVAIL for one that the host does not have. */
static int open_listener(const char *text, struct listener *listener, size_t workers, char reason[CONFIG_REASON_MAX])
{
	union endpoint asked;
	char in_use[128];
	int result = -EINVAL;

	if (!endpoint_parse(text, &asked)) {
		snprintf(reason, CONFIG_REASON_MAX,
		         "[dns] listen: \"%s\" is not an address and port; write it as 127.0.0.1:1053 or [::1]:1053", text);
		return result;
	}
	listener->wildcard = is_wildcard(&asked);
	for (int i = 0; i < (endpoint_port(&asked) == 0 ? PORT_TRIES : 1); i++) {
		listener->endpoint = asked;
		result = open_pair(listener, workers);
		if (result != -EADDRINUSE)
			break;
	}
	if (result == 0)
		return 0;
	snprintf(in_use, sizeof in_use, "another program listens there (see: ss -lntup sport = :%u); stop it, or set listen in the "
	         "section [dns]", (unsigned)endpoint_port(&asked));
	snprintf(reason, CONFIG_REASON_MAX, "cannot listen on %s: %s; %s", text, strerror(-result),
	         result == -EADDRINUSE   ? in_use
	         : result == -EACCES     ? "ports under 1024 need CAP_NET_BIND_SERVICE, or sockets from systemd"
	         : result == -EADDRNOTAVAIL ? "no interface has that address; set listen in the section [dns]"
	                                    : "set listen in the section [dns]");
	listener->endpoint = asked;
	return result;
}

static int open_configured(const struct words *listen, struct listeners *listeners, char reason[CONFIG_REASON_MAX])
{
	for (size_t i = 0; i < listen->count; i++) {
		struct listener *listener = &listeners->list[listeners->count];
		if (listener_init(listener, listeners->workers) < 0)
			return -ENOMEM;
		listeners->count++;
		int result = open_listener(listen->words[i], listener, listeners->workers, reason);
		bool missing = result == -EAFNOSUPPORT || result == -EADDRNOTAVAIL;
		if (missing && is_v6_loopback(&listener->endpoint)) {
			free(listener->datagrams);
			listeners->count--;
			continue;
		}
		if (result < 0)
			return result;
	}
	return listen->count > 0 && listeners->count == 0 ? -EADDRNOTAVAIL : 0;
}

/* Takes over one of systemd's sockets. */
static int take_passed(int descriptor, struct listener *listener, size_t workers)
{
	bool datagram = sd_is_socket(descriptor, AF_UNSPEC, SOCK_DGRAM, -1) > 0;

	if (read_endpoint(descriptor, &listener->endpoint) < 0)
		return -EINVAL;
	int family = listener->endpoint.any.sa_family;
	if ((family != AF_INET && family != AF_INET6) ||
	    (!datagram && sd_is_socket(descriptor, AF_UNSPEC, SOCK_STREAM, 1) <= 0))
		return -EINVAL;
	listener->wildcard = is_wildcard(&listener->endpoint);
	listener->shared = true;
	if (!datagram) {
		listener->stream = descriptor;
		return 0;
	}
	set_datagram_options(descriptor, family, listener->wildcard);
	for (size_t i = 0; i < workers; i++)
		listener->datagrams[i] = descriptor;
	return 0;
}

static int take_all_passed(size_t count, struct listeners *listeners, char reason[CONFIG_REASON_MAX])
{
	for (size_t i = 0; i < count; i++) {
		struct listener *listener = &listeners->list[listeners->count];
		if (listener_init(listener, listeners->workers) < 0)
			return -ENOMEM;
		listeners->count++;
		int result = take_passed(SD_LISTEN_FDS_START + (int)i, listener, listeners->workers);
		if (result < 0) {
			snprintf(reason, CONFIG_REASON_MAX,
			         "systemd passed a socket (number %zu) that is neither UDP nor listening TCP; "
			         "use ListenDatagram= and ListenStream= with addresses and ports", i);
			return result;
		}
	}
	return 0;
}

int listeners_open(const struct words *listen, size_t workers, struct listeners *listeners,
                   char reason[CONFIG_REASON_MAX])
{
	int passed = sd_listen_fds(1), result;
	struct listeners opened = {.workers = workers};

	snprintf(reason, CONFIG_REASON_MAX, "out of memory");
	opened.list = calloc(passed > 0 ? (size_t)passed : listen->count + 1, sizeof *opened.list);
	if (opened.list == NULL)
		return -ENOMEM;
	if (passed > 0)
		result = take_all_passed((size_t)passed, &opened, reason);
	else
		result = open_configured(listen, &opened, reason);
	if (result < 0)
		listeners_close(&opened);
	else
		*listeners = opened;
	return result;
}

void listeners_close(struct listeners *listeners)
{
	for (size_t i = 0; i < listeners->count; i++) {
		close_one(&listeners->list[i].stream);
		close_datagrams(&listeners->list[i], listeners->workers);
		free(listeners->list[i].datagrams);
	}
	free(listeners->list);
	*listeners = (struct listeners){0};
}
