/*
 * The helper's program, found to be one that may be run with a stranger's rights. Called by helper.c.
 *
 * A process may live in a root directory that somebody else owns, and keep rights there that he has not (its real user,
 * its groups). So the program must be its owner's who is trusted, root, and so must be each directory on the way to it;
 * and what was looked at is what is run, by its descriptor.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_PROGRAM_H
#define NSS_NOMAD_PROGRAM_H

#include <sys/types.h>

/*
 * Opens a program for execveat().
 *
 * path   absolute
 * owner  whose it must be, and each directory on the way: 0, or the user of a test. In a user namespace that does not
 *        know root, files that are no known user's count as root's
 *
 * A descriptor (O_PATH, O_CLOEXEC); -EPERM where it or a directory is another's, or others may write it; -EACCES where it
 * is not a regular file, or another negative errno. A system call for each directory, and two. Any thread. Changes errno.
 */
int program_open(const char *path, uid_t owner);

#endif
