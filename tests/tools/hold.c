/*
 * Holds a lock of the cache (src/lock.h) as a process does that asks Nomad, and says nothing more: prints a line once it
 * has it, and ends with its input.
 *
 *     hold FILE LIMIT    milliseconds that it says it may take, which begin now; 0: it does not say
 *
 * SPDX-License-Identifier: MIT
 */
#include <endian.h>
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct timespec now;
	char octets[12], octet;

	if (argc != 3)
		errx(1, "usage: hold FILE LIMIT");
	int lock = open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (lock < 0 || fcntl(lock, F_OFD_SETLK, &whole) < 0)
		err(1, "%s", argv[1]);
	clock_gettime(CLOCK_MONOTONIC, &now);
	uint32_t limit = (uint32_t)atol(argv[2]), said = htobe32(limit);
	uint64_t until = htobe64((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 + limit);
	memcpy(octets, &said, sizeof said);
	memcpy(octets + sizeof said, &until, sizeof until);
	if (limit > 0 && write(lock, octets, sizeof octets) < 0)
		err(1, "%s", argv[1]);
	puts("held");
	fflush(stdout);
	while (read(STDIN_FILENO, &octet, 1) > 0)
		;
	return 0;
}
