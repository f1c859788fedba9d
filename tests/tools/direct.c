/*
 * One call of a function of the module, past glibc, between two marks that strace shows (getpgid of MARK and
 * MARK + 1); the memory allocator is warm by then. Prints "STATUS ERRNO H_ERRNO [ADDRESS...]", errno having been 999.
 *
 *     direct NAME [4 | 3-inet | 3-inet6 | 3-other | 2-inet | 2-inet6 | 1]
 *
 * SPDX-License-Identifier: MIT
 */
#include "module.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MARK = 1234567890, BUFFER_SIZE = 64 * 1024, ERRNO_BEFORE = 999 };

static char buffer[BUFFER_SIZE];

static void print_address(int family, const void *octets)
{
	char text[INET6_ADDRSTRLEN];

	printf(" %s", inet_ntop(family, octets, text, sizeof text));
}

static void print_result(enum nss_status status, int error, int h_error)
{
	static const char *const words[] = {"TRYAGAIN", "UNAVAIL", "NOTFOUND", "SUCCESS"};
	static const char *const h_words[] = {"NETDB_INTERNAL", "NETDB_SUCCESS", "HOST_NOT_FOUND",
	                                      "TRY_AGAIN",      "NO_RECOVERY",   "NO_DATA"};

	printf("%s %s %s", words[status + 2], error == ERRNO_BEFORE ? "-" : strerrorname_np(error), h_words[h_error + 1]);
}

static void mark(int which)
{
	syscall(SYS_getpgid, MARK + which);
}

static void ask_tuples(const struct module *module, const char *name)
{
	struct gaih_addrtuple *tuples = NULL;
	int error = ERRNO_BEFORE, h_error = 0;
	int32_t ttl = -1;

	mark(0);
	enum nss_status status = module->by_name4(name, &tuples, buffer, sizeof buffer, &error, &h_error, &ttl);
	mark(1);
	print_result(status, error, h_error);
	for (; status == NSS_STATUS_SUCCESS && tuples != NULL; tuples = tuples->next)
		print_address(tuples->family, tuples->addr);
	printf("\n");
}

static void ask_host(const struct module *module, const char *name, char function, int family)
{
	struct hostent host = {0};
	int error = ERRNO_BEFORE, h_error = 0;
	enum nss_status status;

	mark(0);
	if (function == '3')
		status = module->by_name3(name, family, &host, buffer, sizeof buffer, &error, &h_error, NULL, NULL);
	else if (function == '2')
		status = module->by_name2(name, family, &host, buffer, sizeof buffer, &error, &h_error);
	else
		status = module->by_name(name, &host, buffer, sizeof buffer, &error, &h_error);
	mark(1);
	print_result(status, error, h_error);
	for (int i = 0; status == NSS_STATUS_SUCCESS && host.h_addr_list[i] != NULL; i++)
		print_address(host.h_addrtype, host.h_addr_list[i]);
	printf("\n");
}

int main(int argc, char **argv)
{
	struct module module = module_open();
	const char *function = argc > 2 ? argv[2] : "4";

	free(malloc(256 * 1024)); /* above what is mapped by itself, so that the heap is large enough already */
	free(malloc(100 * 1024));
	if (argc < 2)
		errx(1, "usage: direct NAME [FUNCTION]");
	if (function[0] == '4')
		ask_tuples(&module, argv[1]);
	else if (strstr(function, "inet6") != NULL)
		ask_host(&module, argv[1], function[0], AF_INET6);
	else
		ask_host(&module, argv[1], function[0], strstr(function, "other") != NULL ? AF_UNIX : AF_INET);
	return 0;
}
