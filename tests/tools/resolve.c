/*
 * Asks glibc in every way that programs do, and prints what they get: one line a question, "WAY CODE [CANONICAL]
 * [ADDRESS...]". Linked statically too (resolve-static).
 *
 *     resolve NAME [WAY]     ways: unspec, inet, inet6 and the same with +canon (getaddrinfo); byname, byname2-inet,
 *                            byname2-inet6 (gethostby...); without one all of them
 *
 * SPDX-License-Identifier: MIT
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const char *eai_word(int code)
{
	switch (code) {
	case 0:
		return "OK";
	case EAI_NONAME:
		return "EAI_NONAME";
	case EAI_NODATA:
		return "EAI_NODATA";
	case EAI_AGAIN:
		return "EAI_AGAIN";
	case EAI_SYSTEM:
		return "EAI_SYSTEM";
	case EAI_FAIL:
		return "EAI_FAIL";
	case EAI_MEMORY:
		return "EAI_MEMORY";
	default:
		return gai_strerror(code);
	}
}

static const char *h_word(int code)
{
	static const char *const words[] = {"NETDB_SUCCESS", "HOST_NOT_FOUND", "TRY_AGAIN", "NO_RECOVERY", "NO_DATA"};

	return code < 0 ? "NETDB_INTERNAL" : words[code];
}

static void print_address(int family, const void *octets)
{
	char text[INET6_ADDRSTRLEN];

	printf(" %s", inet_ntop(family, octets, text, sizeof text));
}

static void print_socket_address(const struct addrinfo *info)
{
	if (info->ai_family == AF_INET)
		print_address(AF_INET, &((const struct sockaddr_in *)(const void *)info->ai_addr)->sin_addr);
	else
		print_address(AF_INET6, &((const struct sockaddr_in6 *)(const void *)info->ai_addr)->sin6_addr);
}

static void by_getaddrinfo(const char *way, const char *name, int family, int flags)
{
	struct addrinfo hints = {.ai_family = family, .ai_flags = flags, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	int code = getaddrinfo(name, NULL, &hints, &list);

	printf("%s %s", way, eai_word(code));
	if (code == 0 && (flags & AI_CANONNAME) != 0)
		printf(" %s", list->ai_canonname);
	for (const struct addrinfo *info = list; info != NULL; info = info->ai_next)
		print_socket_address(info);
	printf("\n");
	if (list != NULL)
		freeaddrinfo(list);
}

static void by_gethostbyname(const char *way, const struct hostent *host)
{
	printf("%s %s", way, host == NULL ? h_word(h_errno) : "OK");
	if (host != NULL)
		printf(" %s", host->h_name);
	for (int i = 0; host != NULL && host->h_addr_list[i] != NULL; i++)
		print_address(host->h_addrtype, host->h_addr_list[i]);
	printf("\n");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *way;
		int family, flags;
	} ways[] = {
		{"unspec", AF_UNSPEC, 0},
		{"unspec+canon", AF_UNSPEC, AI_CANONNAME},
		{"inet", AF_INET, 0},
		{"inet+canon", AF_INET, AI_CANONNAME},
		{"inet6", AF_INET6, 0},
		{"inet6+canon", AF_INET6, AI_CANONNAME},
	};
	const char *name = argc > 1 ? argv[1] : "", *only = argc > 2 ? argv[2] : NULL;

	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		if (only == NULL || strcmp(only, ways[i].way) == 0)
			by_getaddrinfo(ways[i].way, name, ways[i].family, ways[i].flags);
	if (only == NULL || strcmp(only, "byname") == 0)
		by_gethostbyname("byname", gethostbyname(name));
	if (only == NULL || strcmp(only, "byname2-inet") == 0)
		by_gethostbyname("byname2-inet", gethostbyname2(name, AF_INET));
	if (only == NULL || strcmp(only, "byname2-inet6") == 0)
		by_gethostbyname("byname2-inet6", gethostbyname2(name, AF_INET6));
	return 0;
}
