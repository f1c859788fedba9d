/*
 * Opening a file below a directory that another user writes: no link in it is followed, so that its owner cannot make
 * the reader, root among them, open a device, a file of /proc or anything else. Used by published.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_BENEATH_H
#define NSS_NOMAD_BENEATH_H

/*
 * Opens DIR/BELOW for reading, with PLACE_OPEN_FLAGS.
 *
 * dir    a path that root made, whose own links are followed; not kept
 * below  names with one slash between two, shorter than PLACE_MAX - PLACE_FOLDER_MAX, none of them ".."; not kept
 *
 * A descriptor, which the caller closes and has to find a regular file; or -errno: -ELOOP where something below is a link,
 * -ENOENT and -ENOTDIR where there is no such file.
 *
 * One system call. Where openat2() is not allowed (Linux before 5.6, a filter) or DIR has links itself, two for each name
 * and two more. Any thread. Changes errno.
 */
int beneath_open(const char *dir, const char *below);

#endif
