/*
 * Writing octets to a descriptor, whole; see file.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "file.h"

#include <errno.h>
#include <unistd.h>

int file_write(int descriptor, const void *bytes, size_t size)
{
	for (const char *at = bytes; size > 0;) {
		ssize_t count = write(descriptor, at, size);
		if (count < 0 && errno != EINTR)
			return -errno;
		at += count < 0 ? 0 : count;
		size -= count < 0 ? 0 : (size_t)count;
	}
	return 0;
}
