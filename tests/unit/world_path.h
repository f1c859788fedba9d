/*
 * What is asked of the agent that world.c plays, by the path.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_TEST_WORLD_PATH_H
#define NSS_NOMAD_TEST_WORLD_PATH_H

enum asked { SERVICE, LIST, KNOCK, CENSUS, NEAREST, LEADER };

/* What a read is for. */
enum asked world_asked_for(const char *path);

/*
 * The value of a parameter or what follows a prefix, up to & or ?, in `value`, which is returned; only the asterisk is ever
 * percent-encoded.
 */
const char *world_part_of(const char *path, const char *before, char value[160]);

#endif
