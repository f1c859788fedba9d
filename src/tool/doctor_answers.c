/*
 * The doctor tries one name: do glibc and DNS say the same; see doctor.h. Called by doctor.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "address.h"
#include "bytes.h"
#include "deadline.h"
#include "tool/doctor.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <nss.h>
#include <poll.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	ADDRESSES_MAX = 64, /* that are compared; one answer of 512 octets has fewer */
	ANSWER_MAX = 4096,  /* octets */
	PATIENCE = 1000,    /* milliseconds for an answer from this host */
};

struct found {
	size_t count;
	struct address addresses[ADDRESSES_MAX];
	bool cut; /* there are more */
};

static bool has(const struct found *found, const struct address *address)
{
	for (size_t i = 0; i < found->count; i++)
		if (address_equal(&found->addresses[i], address))
			return true;
	return false;
}

static void add(struct found *found, int family, const void *octets)
{
	struct address address = {.family = (uint8_t)family};

	memcpy(address.octets, octets, family == AF_INET ? 4 : 16);
	if (has(found, &address))
		return;
	if (found->count == ADDRESSES_MAX)
		found->cut = true;
	else
		found->addresses[found->count++] = address;
}

/* As any program does; what getaddrinfo() says. */
static int ask_glibc(const char *name, struct found *found)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;

	int code = getaddrinfo(name, NULL, &hints, &list);
	if (code != 0)
		return code;
	for (const struct addrinfo *one = list; one != NULL; one = one->ai_next) {
		if (one->ai_family == AF_INET)
			add(found, AF_INET, &((const struct sockaddr_in *)(const void *)one->ai_addr)->sin_addr);
		else
			add(found, AF_INET6, &((const struct sockaddr_in6 *)(const void *)one->ai_addr)->sin6_addr);
	}
	freeaddrinfo(list);
	return 0;
}

/* Where the daemon says that it answers, ADDRESS:PORT or [ADDRESS]:PORT, as getaddrinfo() takes it. */
static int connect_to(const char *endpoint)
{
	char host[ADDRESS_TEXT_MAX + 2];
	const char *colon = strrchr(endpoint, ':');
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV}, *target;

	if (colon == NULL)
		return -EINVAL;
	size_t skip = endpoint[0] == '[', length = (size_t)(colon - endpoint) - 2 * skip;
	snprintf(host, sizeof host, "%.*s", (int)length, endpoint + skip);
	if (getaddrinfo(host, colon + 1, &hints, &target) != 0)
		return -EINVAL;
	int descriptor = socket(target->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int error = descriptor < 0 || connect(descriptor, target->ai_addr, target->ai_addrlen) < 0 ? -errno : 0;
	freeaddrinfo(target);
	if (error < 0 && descriptor >= 0)
		close(descriptor);
	return error < 0 ? error : descriptor;
}

/* Sends a question, gets its answer; octets, or a negative errno. */
static ssize_t exchange(int descriptor, const char *name, int type, uint8_t answer[ANSWER_MAX])
{
	uint8_t query[NS_PACKETSZ];
	int size = res_mkquery(ns_o_query, name, ns_c_in, type, NULL, 0, NULL, query, sizeof query);
	struct pollfd ready = {.fd = descriptor, .events = POLLIN};

	if (size < 0)
		return -EINVAL;
	if (send(descriptor, query, (size_t)size, MSG_NOSIGNAL) < 0)
		return -errno;
	for (int64_t deadline = deadline_now() + PATIENCE; deadline_left(deadline) > 0;) {
		if (poll(&ready, 1, deadline_left(deadline)) <= 0)
			continue;
		ssize_t received = recv(descriptor, answer, ANSWER_MAX, MSG_DONTWAIT);
		if (received < 0)
			return -errno;
		if (received >= NS_HFIXEDSZ && memcmp(query, answer, 2) == 0)
			return received;
	}
	return -ETIMEDOUT;
}

static void skip_name(struct reader *reader)
{
	int length = dn_skipname(reader->at, reader->end);

	reader_take(reader, length < 0 ? SIZE_MAX : (size_t)length);
}

/* The next record; an address is kept. */
static void read_record(struct reader *reader, struct found *found)
{
	skip_name(reader);
	uint16_t type = reader_u16(reader);
	reader_u16(reader); /* class */
	reader_u32(reader); /* TTL */
	uint16_t size = reader_u16(reader);
	const uint8_t *data = reader_take(reader, size);

	if (data != NULL && type == ns_t_a && size == 4)
		add(found, AF_INET, data);
	else if (data != NULL && type == ns_t_aaaa && size == 16)
		add(found, AF_INET6, data);
}

/* The rcode of an answer, whose addresses are kept, or a negative errno. RFC 1035 section 4.1. */
static int read_answer(const uint8_t *octets, ssize_t size, struct found *found)
{
	enum { TC = 0x0200, RCODE = 0x000f };
	struct reader reader;

	reader_init(&reader, octets, (size_t)size);
	reader_u16(&reader); /* ID */
	uint16_t flags = reader_u16(&reader), questions = reader_u16(&reader), answers = reader_u16(&reader);
	reader_u32(&reader); /* the other two counts */
	found->cut = found->cut || (flags & TC) != 0;
	for (; questions > 0 && !reader.failed; questions--) {
		skip_name(&reader);
		reader_u32(&reader);
	}
	for (; answers > 0 && !reader.failed; answers--)
		read_record(&reader, found);
	return reader.failed ? -EBADMSG : flags & RCODE;
}

static int ask_dns(const char *endpoint, const char *name, struct found *found)
{
	static const int types[] = {ns_t_a, ns_t_aaaa};
	uint8_t answer[ANSWER_MAX];
	int descriptor = connect_to(endpoint), result = descriptor < 0 ? descriptor : 0;

	for (size_t i = 0; i < sizeof types / sizeof *types && result == 0; i++) {
		ssize_t size = exchange(descriptor, name, types[i], answer);
		result = size < 0 ? (int)size : read_answer(answer, size, found);
	}
	if (descriptor >= 0)
		close(descriptor);
	return result;
}

/* Whether all of the first that could be there is in the second. */
static bool is_within(const struct found *one, const struct found *other)
{
	for (size_t i = 0; i < one->count; i++)
		if (!has(other, &one->addresses[i]))
			return other->cut;
	return true;
}

static void check_dns(struct doctor *doctor, const struct found *by_glibc)
{
	struct found by_dns = {0};

	if (doctor->dns[0] == '\0') {
		doctor_say(doctor, DOCTOR_NOTE, "dns", NULL, "not asked: %s",
		           doctor->daemon_lives ? "the daemon answers no DNS" : "no daemon publishes now");
		return;
	}
	int result = ask_dns(doctor->dns, doctor->name, &by_dns);
	if (result < 0)
		doctor_say(doctor, DOCTOR_FAULT, "dns",
		           "see whether another server or a packet filter is in the way: ss -lnp, nft list ruleset; and the "
		           "setting listen", "no answer over DNS from %s: %s", doctor->dns, strerror(-result));
	else if (result > 0)
		doctor_say(doctor, DOCTOR_FAULT, "dns", "see the daemon's log: journalctl -u nomad-dns-srv",
		           "%s answers for %s with rcode %d", doctor->dns, doctor->name, result);
	else if (is_within(by_glibc, &by_dns) && is_within(&by_dns, by_glibc))
		doctor_say(doctor, DOCTOR_OK, "dns", NULL, "%s resolves the same over DNS at %s", doctor->name, doctor->dns);
	else
		doctor_say(doctor, DOCTOR_FAULT, "dns",
		           "try again; if it stays: another server listens there, or the daemon publishes into another folder",
		           "%s has %zu addresses through glibc and others, %zu, over DNS at %s", doctor->name, by_glibc->count,
		           by_dns.count, doctor->dns);
}

/* What programs get where the hosts line sends them to the module; else the name would go to name servers. */
static void check_programs(struct doctor *doctor, int code, size_t count, bool module_has_it)
{
	if (code == 0)
		doctor_say(doctor, DOCTOR_OK, "answer", NULL, "%s has %zu address%s through glibc", doctor->name, count,
		           count == 1 ? "" : "es");
	else if (code == EAI_NODATA)
		doctor_say(doctor, DOCTOR_NOTE, "answer", NULL, "%s has no address", doctor->name);
	else
		doctor_say(doctor, DOCTOR_FAULT, "answer", "repair what stands above; then: nomad-lookup --explain NAME",
		           "glibc does not resolve %s: %s%s", doctor->name, gai_strerror(code),
		           module_has_it ? "; asked alone, the module does" : "");
}

/* The hosts line decides what programs get, and has its own row. */
static void check_module_alone(struct doctor *doctor, int code, size_t count)
{
	if (code == 0)
		doctor_say(doctor, DOCTOR_NOTE, "answer", NULL, "asked alone, the module has %zu address%s for %s; what programs get "
		           "is decided by the hosts line, see above", count, count == 1 ? "" : "es", doctor->name);
	else if (code == EAI_NODATA)
		doctor_say(doctor, DOCTOR_NOTE, "answer", NULL, "%s has no address", doctor->name);
	else
		doctor_say(doctor, DOCTOR_FAULT, "answer", "repair what stands above; then: nomad-lookup --explain NAME",
		           "the module, asked alone, does not resolve %s: %s", doctor->name, gai_strerror(code));
}

void doctor_answers(struct doctor *doctor)
{
	struct found by_module = {0}, by_programs = {0};
	int code = 0, module_code;

	if (doctor->name[0] == '\0') {
		doctor_say(doctor, DOCTOR_NOTE, "answer", NULL, "no service is known that could be looked up");
		return;
	}
	if (doctor->asks_module)
		code = ask_glibc(doctor->name, &by_programs);
	__nss_configure_lookup("hosts", "nomad"); /* from here on the module alone, and past nscd */
	module_code = ask_glibc(doctor->name, &by_module);
	if (doctor->asks_module)
		check_programs(doctor, code, by_programs.count, module_code == 0);
	else
		check_module_alone(doctor, module_code, by_module.count);
	if (module_code == 0)
		check_dns(doctor, &by_module);
}
