/*
 * The machine's own limit: answers every datagram without looking at it, in batches, with as many octets as a real
 * answer has. What a DNS server reaches of that is what DNS costs. Started by tests/bench/dns.py.
 *
 *     ceiling OCTETS            says its port, and ends with its input
 *
 * SPDX-License-Identifier: MIT
 */
#include <arpa/inet.h>
#include <err.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { BATCH = 32, OCTETS_MAX = 2048, BUFFER = 4 << 20 };

static uint8_t octets[BATCH][OCTETS_MAX];
static struct sockaddr_in from[BATCH];
static struct iovec vectors[BATCH];
static struct mmsghdr messages[BATCH];

static int open_socket(void)
{
	int descriptor = socket(AF_INET, SOCK_DGRAM, 0), size = BUFFER;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;

	setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	if (bind(descriptor, (struct sockaddr *)&address, sizeof address) < 0 ||
	    getsockname(descriptor, (struct sockaddr *)&address, &length) < 0)
		err(1, "socket");
	printf("%u\n", ntohs(address.sin_port));
	fflush(stdout);
	return descriptor;
}

/* One batch: questions become answers by the one bit that tells them apart. */
static void serve(int descriptor, size_t size)
{
	for (size_t i = 0; i < BATCH; i++) {
		vectors[i] = (struct iovec){octets[i], sizeof octets[i]};
		messages[i].msg_hdr = (struct msghdr){
			.msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &vectors[i], .msg_iovlen = 1};
	}
	int count = recvmmsg(descriptor, messages, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < count; i++) {
		octets[i][2] |= 0x80;
		vectors[i].iov_len = size;
	}
	for (int done = 0, sent; done < count; done += sent)
		if ((sent = sendmmsg(descriptor, messages + done, (unsigned)(count - done), 0)) <= 0)
			return;
}

int main(int argc, char **argv)
{
	size_t size = argc > 1 ? (size_t)atoi(argv[1]) : 0;
	struct pollfd polled[] = {{open_socket(), POLLIN, 0}, {0, POLLIN, 0}};

	if (size < 12 || size > OCTETS_MAX)
		errx(1, "usage: ceiling OCTETS");
	while (poll(polled, 2, -1) > 0 && polled[1].revents == 0)
		serve(polled[0].fd, size);
	return 0;
}
