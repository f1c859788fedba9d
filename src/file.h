/*
 * Writing octets to a descriptor, whole. Used by everything that fills a file or a pipe: the cache, the published files,
 * the module's helper.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_FILE_H
#define NSS_NOMAD_FILE_H

#include <stddef.h>

/*
 * Writes `size` octets to a blocking descriptor, in as many calls of write(2) as it takes, whatever signals arrive.
 * 0 or -errno; after an error some of them may have been written. Any thread.
 */
int file_write(int descriptor, const void *bytes, size_t size);

#endif
