/*
 * The doctor on nscd, which answers programs in the place of the modules; see doctor.h. Called by doctor.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tool/doctor.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char nscd_socket[] = "/var/run/nscd/socket"; /* glibc's nscd/nscd-client.h */

static bool nscd_listens(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (descriptor < 0)
		return false;
	strcpy(address.sun_path, nscd_socket);
	bool listens = connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0;
	close(descriptor);
	return listens;
}

/* Whether /etc/nscd.conf keeps nscd away from hosts; the last such line counts. */
static bool nscd_leaves_hosts(void)
{
	size_t size;
	char *text = doctor_read_small("/etc/nscd.conf", &size), *rest, word[8];
	bool leaves = false;

	if (text == NULL)
		return true; /* its own default: no cache that is not configured */
	for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
		if (sscanf(line, " enable-cache hosts %7s", word) == 1)
			leaves = strcmp(word, "no") == 0;
	free(text);
	return leaves;
}

void doctor_nscd(struct doctor *doctor)
{
	if (!nscd_listens())
		doctor_say(doctor, DOCTOR_OK, "nscd", NULL, "no nscd stands between programs and the module");
	else if (nscd_leaves_hosts())
		doctor_say(doctor, DOCTOR_OK, "nscd", NULL, "nscd runs, and leaves hosts alone");
	else
		doctor_say(doctor, DOCTOR_FAULT, "nscd",
		           "write \"enable-cache hosts no\" into /etc/nscd.conf and run: systemctl restart nscd",
		           "nscd answers for all modules, keeps answers after they have changed, and makes \"no such name\" of a "
		           "temporary failure");
}
