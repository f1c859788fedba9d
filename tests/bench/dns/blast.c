/*
 * A load of DNS questions that is faster than the servers: so many are in flight at a time over some sockets, moved in
 * batches, and each one's time is noted. (dnsperf moves one per system call, and stops before a fast server does.)
 * Started by tests/bench/dns.py and scrape.py.
 *
 *     blast PORT FILE SECONDS WINDOW SOCKETS [RATE]    FILE: "NAME TYPE" a line; RATE: no more questions a second
 *
 * It says: questions answered a second, asked, lost, answers that were none, percentiles in microseconds, octets of an
 * answer.
 *
 * SPDX-License-Identifier: MIT
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
	BATCH = 64,
	QUERY_MAX = 300,
	ANSWER_MAX = 2048,
	SOCKETS_MAX = 64,
	SLOTS = 4096, /* questions in flight on a socket at the most; the ids' lower bits */
	LONGEST = 200000, /* microseconds that are told apart */
	LOST_AFTER = 1,   /* seconds */
	BUFFER = 4 << 20,
};

struct query {
	uint8_t octets[QUERY_MAX];
	size_t size;
};

/* A question in flight: when it was sent, 0 where none is. */
struct slot {
	double sent;
	uint16_t id;
};

struct source {
	int descriptor;
	struct slot slots[SLOTS];
	uint16_t spare[SLOTS]; /* the slots that are not in flight */
	size_t spare_count;
};

static struct query *queries;
static size_t query_count;
static struct source *sources;
static double rate, begun; /* rate 0: as fast as it goes */
static uint64_t asked, answered, lost, odd, octets_in;
static uint32_t times[LONGEST + 1];

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static uint8_t type_of(const char *text)
{
	static const struct {
		const char *name;
		uint8_t type;
	} types[] = {{"A", 1}, {"SRV", 33}, {"AAAA", 28}, {"TXT", 16}};

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strcmp(text, types[i].name) == 0)
			return types[i].type;
	errx(1, "%s: no such type", text);
}

static void add_query(char *name, uint8_t type)
{
	static const uint8_t head[12] = {[5] = 1, [11] = 1};
	const uint8_t tail[] = {0, 0, type, 0, 1, 0, 0, 41, 1232 >> 8, 1232 & 255, 0, 0, 0, 0, 0, 0};
	struct query *query = &queries[query_count++];
	uint8_t *at = mempcpy(query->octets, head, sizeof head);

	for (char *label; (label = strsep(&name, ".")) != NULL; at += strlen(label)) {
		*at++ = (uint8_t)strlen(label);
		memcpy(at, label, strlen(label));
	}
	at = mempcpy(at, tail, sizeof tail);
	query->size = (size_t)(at - query->octets);
}

static void load(const char *path)
{
	FILE *file = fopen(path, "r");
	char name[256], type[16];
	size_t room = 0;

	if (file == NULL)
		err(1, "%s", path);
	while (fscanf(file, "%255s %15s", name, type) == 2) {
		if (query_count == room) {
			room = room == 0 ? 1024 : 2 * room;
			queries = realloc(queries, room * sizeof *queries);
			if (queries == NULL)
				err(1, "queries");
		}
		add_query(name, type_of(type));
	}
	fclose(file);
}

static void open_source(struct source *source, uint16_t port, size_t window)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int size = BUFFER;

	source->descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	setsockopt(source->descriptor, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	if (connect(source->descriptor, (struct sockaddr *)&to, sizeof to) < 0)
		err(1, "connect");
	while (source->spare_count < window) {
		source->spare[source->spare_count] = (uint16_t)source->spare_count;
		source->spare_count++;
	}
}

/* Sends as many as may be in flight, up to a batch. */
static void ask(struct source *source, double time)
{
	static uint8_t octets[BATCH][QUERY_MAX];
	static struct mmsghdr messages[BATCH];
	static struct iovec vectors[BATCH];
	static uint16_t turn;
	static size_t next;
	unsigned count = 0;

	for (; count < BATCH && source->spare_count > 0; count++, asked++) {
		if (rate > 0 && (double)asked >= (time - begun) * rate)
			break;
		const struct query *query = &queries[next++ % query_count];
		uint16_t place = source->spare[--source->spare_count], id = (uint16_t)(turn++ << 12 | place);
		memcpy(octets[count], query->octets, query->size);
		octets[count][0] = (uint8_t)(id >> 8);
		octets[count][1] = (uint8_t)id;
		source->slots[place] = (struct slot){time, id};
		vectors[count] = (struct iovec){octets[count], query->size};
		messages[count].msg_hdr = (struct msghdr){.msg_iov = &vectors[count], .msg_iovlen = 1};
	}
	for (unsigned done = 0; done < count;) {
		int sent = sendmmsg(source->descriptor, messages + done, count - done, 0);
		if (sent > 0)
			done += (unsigned)sent;
		else if (errno != EAGAIN)
			err(1, "sendmmsg");
	}
}

static void take(struct source *source, const uint8_t *answer, size_t size, double time)
{
	uint16_t id = (uint16_t)(answer[0] << 8 | answer[1]), place = id % SLOTS;
	struct slot *slot = &source->slots[place];

	if (size < 12 || slot->id != id || slot->sent == 0) {
		odd++;
		return;
	}
	double taken = (time - slot->sent) * 1e6;
	times[taken < LONGEST ? (size_t)taken : LONGEST]++;
	answered++;
	octets_in += size;
	slot->sent = 0;
	source->spare[source->spare_count++] = place;
}

static void listen_to(struct source *source)
{
	static uint8_t octets[BATCH][ANSWER_MAX];
	static struct mmsghdr messages[BATCH];
	static struct iovec vectors[BATCH];

	for (size_t i = 0; i < BATCH; i++) {
		vectors[i] = (struct iovec){octets[i], sizeof octets[i]};
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
	}
	int count = recvmmsg(source->descriptor, messages, BATCH, MSG_DONTWAIT, NULL);
	double time = now();
	for (int i = 0; i < count; i++)
		take(source, octets[i], messages[i].msg_len, time);
}

/* Gives up what was not answered for so many seconds. */
static void give_up(struct source *source, double time, double after)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (source->slots[i].sent != 0 && time - source->slots[i].sent > after) {
			source->slots[i].sent = 0;
			source->spare[source->spare_count++] = (uint16_t)i;
			lost++;
		}
}

static size_t percentile(double share)
{
	uint64_t wanted = (uint64_t)((double)answered * share), seen = 0;

	for (size_t i = 0; i <= LONGEST; i++)
		if ((seen += times[i]) > wanted)
			return i;
	return LONGEST;
}

static void listen_to_all(struct pollfd *polled, size_t count)
{
	poll(polled, count, 1);
	for (size_t i = 0; i < count; i++)
		listen_to(&sources[i]);
}

static void run(size_t count, double seconds)
{
	struct pollfd polled[SOCKETS_MAX];
	double time = now(), swept = time;

	begun = time;
	for (size_t i = 0; i < count; i++)
		polled[i] = (struct pollfd){sources[i].descriptor, POLLIN, 0};
	while (time - begun < seconds) {
		for (size_t i = 0; i < count; i++)
			ask(&sources[i], time);
		listen_to_all(polled, count);
		time = now();
		if (time - swept < LOST_AFTER)
			continue;
		swept = time;
		for (size_t i = 0; i < count; i++)
			give_up(&sources[i], time, LOST_AFTER);
	}
	double answered_in_time = (double)answered;
	for (double end = time; answered + lost < asked && now() - end < LOST_AFTER;)
		listen_to_all(polled, count);
	for (size_t i = 0; i < count; i++)
		give_up(&sources[i], now(), 0);
	printf("qps %.0f asked %lu lost %lu odd %lu p50 %zu p99 %zu octets %.0f\n", answered_in_time / (time - begun), asked,
	       lost, odd, percentile(.50), percentile(.99), answered == 0 ? 0 : (double)octets_in / (double)answered);
}

int main(int argc, char **argv)
{
	if (argc < 6)
		errx(1, "usage: blast PORT FILE SECONDS WINDOW SOCKETS [RATE]");
	rate = argc > 6 ? atof(argv[6]) : 0;
	size_t window = (size_t)atoi(argv[4]), count = (size_t)atoi(argv[5]);
	load(argv[2]);
	if (count == 0 || count > SOCKETS_MAX || window / count == 0 || window / count > SLOTS || query_count == 0)
		errx(1, "nothing to ask, or too much at a time");
	sources = calloc(count, sizeof *sources);
	if (sources == NULL)
		err(1, "sources");
	for (size_t i = 0; i < count; i++)
		open_source(&sources[i], (uint16_t)atoi(argv[1]), window / count);
	run(count, atof(argv[3]));
	return 0;
}
