/*
 * Questions over UDP; see udp.h. Called by server.c.
 *
 * A worker takes up to UDP_BATCH questions with one system call and sends their answers with another. While whole batches
 * come in it does not even ask which socket has more.
 *
 * SPDX-License-Identifier: MIT
 */
#include "udp.h"

#include "limit.h"
#include "query_log.h"
#include "reply.h"
#include "uptime.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum {
	UDP_BATCH = CATALOGUE_AHEAD_MAX, /* 32; more gains nothing, measured; half of it costs 5 % */
	UDP_QUERY_MAX = 1232,   /* octets; no sensible question is as long, what is longer is cut and malformed */
	STACK_SIZE = 256 << 10, /* octets; far more than an answer takes */
	CONTROL_SIZE = 64,      /* octets, for one in6_pktinfo */
	ANSWER_PITCH = CONFIG_UDP_SIZE_MAX + 128, /* octets from one answer to the next: not in the same lines of the cache */
};

/* The memory of one batch. */
struct batch {
	struct mmsghdr in[UDP_BATCH];
	struct mmsghdr out[UDP_BATCH];
	struct iovec in_octets[UDP_BATCH];
	struct iovec out_octets[UDP_BATCH];
	union endpoint from[UDP_BATCH];
	const struct entry *ahead[UDP_BATCH]; /* of each question's service, while the reader is in the catalogue */
	_Alignas(struct cmsghdr) uint8_t control[UDP_BATCH][CONTROL_SIZE];
	uint8_t queries[UDP_BATCH][UDP_QUERY_MAX];
};

struct worker {
	struct dns_counters counters;
	pthread_t thread;
	const struct udp *udp;
	size_t number;
	struct catalogue_reader *reader;
	struct dns_view view;
	struct limit *limit;
	struct batch *batch;
	uint8_t *answers; /* ANSWER_PITCH octets for each of a batch */
	struct pollfd *polled; /* the sockets, and the event that ends it all */
};

struct udp {
	const struct listeners *listeners;
	const struct dns_settings_place *settings;
	int ended; /* an event that is set once, and never taken back */
	size_t count;
	struct worker workers[];
};

/* The address that was asked; where the reply must come from. The kernel reads the same message on the way out. */
static struct address asked_address(struct msghdr *message)
{
	struct address address = {0};

	for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control != NULL; control = CMSG_NXTHDR(message, control)) {
		if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo *info = (struct in_pktinfo *)CMSG_DATA(control);
			address.family = AF_INET;
			memcpy(address.octets, &info->ipi_addr, 4);
			info->ipi_ifindex = 0; /* routes decide which way it goes */
		} else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo *info = (struct in6_pktinfo *)CMSG_DATA(control);
			address = endpoint_v6_address(&info->ipi6_addr);
			if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr))
				info->ipi6_ifindex = 0;
		}
	}
	return address;
}

/* Answers one question of the batch into the octets of the next answer; its size, 0 where none goes out. */
static size_t answer_one(struct worker *worker, struct mmsghdr *in, uint8_t *answer)
{
	const struct dns_settings *settings = worker->view.settings;
	const union endpoint *from = in->msg_hdr.msg_name;
	struct dns_client client = {.address = endpoint_address(from)};

	/* A reply to port 0 cannot be sent. */
	if (endpoint_port(from) == 0) {
		counters_count_dropped(&worker->counters);
		return 0;
	}
	if (in->msg_hdr.msg_controllen > 0)
		client.local = asked_address(&in->msg_hdr);
	size_t size = dns_answer(&worker->view, &client, in->msg_hdr.msg_iov->iov_base, in->msg_len, answer,
	                         settings->udp_size);
	const struct dns_outcome *outcome = &worker->view.scratch->outcome;
	counters_count(&worker->counters, outcome, false);
	if (settings->query_log)
		query_log(worker->udp->settings->log, &client, in->msg_hdr.msg_iov->iov_base, in->msg_len, outcome, answer, size);
	if (size == 0)
		return 0;
	enum limit_verdict verdict = limit_check(worker->limit, &client.address, outcome, worker->view.now);
	if (verdict == LIMIT_PASS)
		return size;
	counters_count_limited(&worker->counters);
	return verdict == LIMIT_CUT ? dns_answer_cut(answer, size, outcome->opt_size) : 0;
}

/* The settings of this batch; they are there until the reader leaves the catalogue. */
static void take_settings(struct worker *worker)
{
	worker->view.settings = atomic_load(&worker->udp->settings->now);
	limit_set_rate(worker->limit, worker->view.settings->rate, worker->udp->listeners->workers);
}

static void look_ahead(const struct worker *worker, unsigned count)
{
	const uint8_t *labels[UDP_BATCH];

	for (unsigned i = 0; i < count; i++)
		labels[i] = worker->batch->queries[i] + MESSAGE_QUESTION;
	catalogue_look_ahead(worker->view.catalogue, labels, count, worker->batch->ahead);
}

static unsigned answer_batch(struct worker *worker, unsigned count)
{
	struct batch *batch = worker->batch;
	unsigned answers = 0;

	worker->view.now = (uint32_t)time(NULL);
	worker->view.uptime = uptime_now();
	catalogue_enter(worker->reader);
	take_settings(worker);
	look_ahead(worker, count);
	for (unsigned i = 0; i < count; i++) {
		uint8_t *answer = batch->out_octets[answers].iov_base;
		worker->view.ahead = batch->ahead[i];
		size_t size = answer_one(worker, &batch->in[i], answer);
		if (size == 0)
			continue;
		struct msghdr *out = &batch->out[answers].msg_hdr;
		batch->out_octets[answers].iov_len = size;
		out->msg_name = batch->in[i].msg_hdr.msg_name;
		out->msg_namelen = batch->in[i].msg_hdr.msg_namelen;
		out->msg_control = batch->in[i].msg_hdr.msg_control;
		out->msg_controllen = batch->in[i].msg_hdr.msg_controllen;
		answers++;
	}
	catalogue_leave(worker->reader);
	return answers;
}

/*
 * Sends them all; one that cannot be sent is passed over. Never waits: answers to neighbours that are not there stay in the
 * kernel for seconds, and forged questions make many of them.
 */
static void send_batch(int descriptor, struct batch *batch, unsigned count)
{
	for (unsigned done = 0; done < count;) {
		int sent = sendmmsg(descriptor, batch->out + done, count - done, MSG_DONTWAIT);
		if (sent > 0)
			done += (unsigned)sent;
		else if (errno != EINTR)
			done++;
	}
}

static int receive_batch(int descriptor, struct batch *batch, bool wildcard)
{
	for (size_t i = 0; i < UDP_BATCH; i++) {
		batch->in[i].msg_hdr.msg_namelen = sizeof batch->from[i];
		batch->in[i].msg_hdr.msg_control = wildcard ? batch->control[i] : NULL;
		batch->in[i].msg_hdr.msg_controllen = wildcard ? sizeof batch->control[i] : 0;
	}
	return recvmmsg(descriptor, batch->in, UDP_BATCH, MSG_DONTWAIT, NULL);
}

/* Serves one socket once; true where as much came in as a batch holds, and there may be more. */
static bool serve(struct worker *worker, int descriptor, bool wildcard)
{
	int received = receive_batch(descriptor, worker->batch, wildcard);

	if (received <= 0)
		return false;
	uint64_t began = counters_clock();
	send_batch(descriptor, worker->batch, answer_batch(worker, (unsigned)received));
	counters_count_time(&worker->counters, began, (unsigned)received);
	return received == UDP_BATCH;
}

/* Serves every socket that has something; true where one may have more, and only those are still marked. */
static bool serve_ready(struct worker *worker)
{
	const struct listeners *listeners = worker->udp->listeners;
	bool more = false;

	for (size_t i = 0; i < listeners->count; i++) {
		struct pollfd *polled = &worker->polled[i];
		if (polled->revents == 0)
			continue;
		if (serve(worker, polled->fd, listeners->list[i].wildcard))
			more = true;
		else
			polled->revents = 0;
	}
	return more;
}

static void *work(void *context)
{
	enum { ROUNDS = 16 }; /* batches between two looks at the other sockets, and at the end */
	struct worker *worker = context;
	size_t count = worker->udp->listeners->count;
	bool more = false;

	for (unsigned round = 0; worker->polled[count].revents == 0; round++) {
		if (!more || round % ROUNDS == 0)
			poll(worker->polled, count + 1, more ? 0 : -1);
		more = serve_ready(worker);
	}
	return NULL;
}

static void batch_init(struct batch *batch, uint8_t *answers)
{
	for (size_t i = 0; i < UDP_BATCH; i++) {
		batch->in_octets[i] = (struct iovec){batch->queries[i], sizeof batch->queries[i]};
		batch->out_octets[i] = (struct iovec){answers + i * ANSWER_PITCH, 0};
		batch->in[i].msg_hdr = (struct msghdr){
			.msg_name = &batch->from[i], .msg_iov = &batch->in_octets[i], .msg_iovlen = 1};
		batch->out[i].msg_hdr = (struct msghdr){.msg_iov = &batch->out_octets[i], .msg_iovlen = 1};
	}
}

static void worker_done(struct worker *worker)
{
	catalogue_part(worker->reader);
	dns_scratch_free(worker->view.scratch);
	free(worker->limit);
	free(worker->batch);
	free(worker->answers);
	free(worker->polled);
}

static int worker_init(struct worker *worker, const struct udp *udp, struct catalogue *catalogue)
{
	const struct listeners *listeners = udp->listeners;
	uint64_t seed = 0;

	worker->udp = udp;
	worker->reader = catalogue_join(catalogue);
	worker->view = (struct dns_view){.catalogue = catalogue, .scratch = dns_scratch_new(), .pulse = &udp->settings->pulse};
	worker->limit = calloc(1, sizeof *worker->limit);
	worker->batch = calloc(1, sizeof *worker->batch);
	worker->answers = calloc(UDP_BATCH, ANSWER_PITCH);
	worker->polled = calloc(listeners->count + 1, sizeof *worker->polled);
	if (worker->reader == NULL || worker->view.scratch == NULL || worker->limit == NULL || worker->batch == NULL ||
	    worker->answers == NULL || worker->polled == NULL)
		return -ENOMEM;
	if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) < 0)
		seed = (uint64_t)time(NULL); /* without randomness yet, at boot: the limit still limits */
	limit_init(worker->limit, seed);
	worker->view.scratch->turn = (uint32_t)seed;
	batch_init(worker->batch, worker->answers);
	for (size_t i = 0; i < listeners->count; i++)
		worker->polled[i] = (struct pollfd){listeners->list[i].datagrams[worker->number], POLLIN, 0};
	worker->polled[listeners->count] = (struct pollfd){udp->ended, POLLIN, 0};
	return 0;
}

static int start_thread(struct worker *worker)
{
	pthread_attr_t attributes;
	char name[16];
	int result = pthread_attr_init(&attributes);

	if (result != 0)
		return -result;
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	result = pthread_create(&worker->thread, &attributes, work, worker);
	pthread_attr_destroy(&attributes);
	if (result != 0)
		return -result;
	snprintf(name, sizeof name, "dns-%zu", worker->number);
	pthread_setname_np(worker->thread, name);
	return 0;
}

static int start_workers(struct udp *udp, struct catalogue *catalogue)
{
	for (size_t i = 0; i < udp->listeners->workers; i++) {
		struct worker *worker = &udp->workers[i];
		worker->number = i;
		int result = worker_init(worker, udp, catalogue);
		if (result == 0)
			result = start_thread(worker);
		if (result < 0) {
			worker_done(worker);
			return result;
		}
		udp->count++;
	}
	return 0;
}

int udp_start(const struct listeners *listeners, struct catalogue *catalogue,
              const struct dns_settings_place *settings, struct udp **udp)
{
	size_t size = sizeof(struct udp) + listeners->workers * sizeof(struct worker);
	struct udp *started = aligned_alloc(_Alignof(struct udp), (size + 63) & ~(size_t)63);
	sigset_t all, before;

	if (started == NULL)
		return -ENOMEM;
	memset(started, 0, size);
	started->listeners = listeners;
	started->settings = settings;
	started->ended = eventfd(0, EFD_CLOEXEC);
	int result = started->ended < 0 ? -errno : 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (result == 0)
		result = start_workers(started, catalogue);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (result < 0)
		udp_stop(started);
	else
		*udp = started;
	return result;
}

void udp_stop(struct udp *udp)
{
	if (udp == NULL)
		return;
	if (udp->ended >= 0)
		eventfd_write(udp->ended, 1);
	for (size_t i = 0; i < udp->count; i++) {
		pthread_join(udp->workers[i].thread, NULL);
		worker_done(&udp->workers[i]);
	}
	if (udp->ended >= 0)
		close(udp->ended);
	free(udp);
}

void udp_add_totals(const struct udp *udp, struct dns_totals *totals)
{
	for (size_t i = 0; i < udp->count; i++)
		counters_add(&udp->workers[i].counters, totals);
}
