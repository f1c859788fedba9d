/*
 * What the variables NOMAD_* mean to a lookup; see environment.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "environment.h"

#include "place.h"
#include "published.h"
#include "url.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLLOWS_MAX = 32 * 1024 }; /* octets: 64 addresses at their longest take 20,000 */

/* A variable that is set, and not empty. */
static const char *variable(const char *name)
{
	const char *value = secure_getenv(name);

	return value == NULL || value[0] == '\0' ? NULL : value;
}

void environment_read(struct environment *environment)
{
	const char *namespace = variable("NOMAD_NAMESPACE");

	*environment = (struct environment){.in_task = variable("NOMAD_ALLOC_ID") != NULL,
	                                    .address = variable("NOMAD_ADDR"),
	                                    .region = variable("NOMAD_REGION"),
	                                    .namespace = namespace == NULL || strcmp(namespace, "*") == 0 ? NULL : namespace};
	if (!environment->in_task)
		return;
	environment->region = NULL;
	if (environment->address != NULL && url_is_unix(environment->address))
		environment->address = NULL;
}

/* On the heap: the stack may be a small one. */
struct comparison {
	struct url wanted, listed;
	char text[FOLLOWS_MAX + 1];
};

/* Reads DIR/follows, a file that its owner alone may write; false where there is none that could be believed. */
static bool read_follows(const char *dir, char text[FOLLOWS_MAX + 1])
{
	char path[PLACE_MAX];
	struct stat status;
	ssize_t size = -1;

	stpcpy(stpcpy(path, dir), "/" PUBLISHED_FOLLOWS);
	int descriptor = open(path, PLACE_OPEN_FLAGS);
	if (descriptor < 0)
		return false;
	if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0)
		size = read(descriptor, text, FOLLOWS_MAX + 1);
	close(descriptor);
	if (size < 0 || size > FOLLOWS_MAX)
		return false;
	text[size] = '\0';
	return true;
}

/* What a line says of `key`; NULL where it is about something else. */
static const char *value_of(const char *line, const char *key)
{
	size_t length = strlen(key);

	return strncmp(line, key, length) == 0 && line[length] == ' ' ? line + length + 1 : NULL;
}

/* NOMAD_ADDR, whose path does not matter. */
static bool parse_address(const char *text, struct url *url)
{
	char *address = url_without_path(text);
	const char *wrong;
	bool parsed = address != NULL && url_parse(address, url, &wrong);

	free(address);
	return parsed;
}

static bool compare(const struct environment *environment, struct comparison *comparison)
{
	bool address = environment->address == NULL, region = environment->region == NULL;
	const char *wrong;
	char *rest;

	if (!address && !parse_address(environment->address, &comparison->wanted))
		return false;
	for (char *line = strtok_r(comparison->text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		const char *listed = value_of(line, "address"), *own = value_of(line, "region");
		if (!address && listed != NULL && url_parse(listed, &comparison->listed, &wrong))
			address = url_same(&comparison->wanted, &comparison->listed);
		if (!region && own != NULL)
			region = strcmp(environment->region, own) == 0;
	}
	return address && region;
}

bool environment_is_followed(const struct environment *environment, const char *dir)
{
	struct comparison *comparison = malloc(sizeof *comparison);
	bool followed = comparison != NULL && read_follows(dir, comparison->text) && compare(environment, comparison);

	free(comparison);
	return followed;
}
