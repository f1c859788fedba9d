/*
 * Whose socket is at the other end; see peer.h. Called by agent_owner.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "nomad/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A question for one socket: by both its ends, or a listening one by its own. */
struct question {
	struct nlmsghdr head;
	struct inet_diag_req_v2 body;
};

static bool parse_address(const char *text, struct address *address)
{
	struct in6_addr v6;
	char copy[INET6_ADDRSTRLEN];
	size_t length = strcspn(text, "%"); /* a link-local one may say on which link */

	if (length >= sizeof copy)
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	*address = (struct address){.family = AF_INET};
	if (inet_pton(AF_INET, copy, address->octets) == 1)
		return true;
	if (inet_pton(AF_INET6, copy, &v6) != 1)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&v6)) {
		memcpy(address->octets, &v6.s6_addr[12], 4);
		return true;
	}
	address->family = AF_INET6;
	memcpy(address->octets, &v6, sizeof v6);
	return true;
}

bool peer_parse(const char *here, int here_port, const char *there, int there_port, struct peer *peer)
{
	*peer = (struct peer){.here_port = (uint16_t)here_port, .there_port = (uint16_t)there_port};
	return parse_address(here, &peer->here) && parse_address(there, &peer->there) &&
	       peer->here.family == peer->there.family;
}

static bool is_loopback(const struct address *address)
{
	static const struct address v6 = {AF_INET6, {[15] = 1}};

	return address->family == AF_INET ? address->octets[0] == 127 : address_equal(address, &v6);
}

bool peer_is_local(const struct peer *peer)
{
	return is_loopback(&peer->there) || address_equal(&peer->here, &peer->there);
}

/* The socket there has our other end as its own; without `connected` the one that listens. */
static void make_question(const struct peer *peer, bool connected, struct question *question)
{
	struct inet_diag_sockid *id = &question->body.id;

	*question = (struct question){
		.head = {.nlmsg_len = sizeof *question, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST},
		.body = {.sdiag_family = peer->there.family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0U},
	};
	id->idiag_sport = htons(peer->there_port);
	memcpy(id->idiag_src, peer->there.octets, address_size(&peer->there));
	id->idiag_cookie[0] = id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	if (!connected)
		return;
	id->idiag_dport = htons(peer->here_port);
	memcpy(id->idiag_dst, peer->here.octets, address_size(&peer->here));
}

/* Asks for one socket; 0 and what the kernel says of it, or a negative errno. */
static int ask(int netlink, const struct peer *peer, bool connected, struct inet_diag_msg *found)
{
	_Alignas(struct nlmsghdr) char answer[1024];
	const struct nlmsghdr *head = (const struct nlmsghdr *)answer;
	struct question question;

	make_question(peer, connected, &question);
	if (send(netlink, &question, sizeof question, MSG_DONTWAIT) < 0)
		return -errno;
	/* For one socket the answer is there when send() is back. */
	ssize_t size = recv(netlink, answer, sizeof answer, MSG_DONTWAIT);
	if (size < (ssize_t)sizeof *head)
		return size < 0 ? -errno : -ENOENT;
	if (head->nlmsg_type != SOCK_DIAG_BY_FAMILY || (size_t)size < NLMSG_LENGTH(sizeof *found))
		return -ENOENT;
	memcpy(found, NLMSG_DATA(head), sizeof *found);
	return found->id.idiag_sport == question.body.id.idiag_sport ? 0 : -ENOENT;
}

/*
 * One that nobody has accepted yet has no owner of its own: the kernel says 0 for its user, and 0 for its inode. It is the
 * listening one's. That is asked first: whoever had the connection accepted and gave the port up to another in between
 * shows in the second answer.
 */
static int find_owner(int netlink, const struct peer *peer, uid_t *owner)
{
	struct inet_diag_msg listening, connected;
	int listens = ask(netlink, peer, false, &listening), result = ask(netlink, peer, true, &connected);

	if (result < 0)
		return result;
	if (connected.idiag_inode != 0)
		*owner = connected.idiag_uid;
	else if (listens == 0 && listening.idiag_state == TCP_LISTEN && listening.idiag_inode != 0)
		*owner = listening.idiag_uid;
	else
		return -ENOENT;
	return 0;
}

int peer_owner(const struct peer *peer, uid_t *owner)
{
	int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (netlink < 0)
		return -errno;
	int result = find_owner(netlink, peer, owner);
	close(netlink);
	return result;
}
