/*
 * Where a lookup looks, by its environment; see lookup.h. Called by nss_nomad.c and nomad-lookup.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "lookup.h"

#include "cache.h"
#include "environment.h"
#include "published.h"

#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

/* FNV-1a, 64 bits; NULL is as "". An octet that is in no text stands between two. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; text != NULL && *text != '\0'; text++)
		hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
	return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

bool lookup_is_put_on(void)
{
	return getauxval(AT_SECURE) != 0 || geteuid() != getuid() || getegid() != getgid();
}

static void select_namespace(struct lookup_places *places, const char *namespace)
{
	if (name_is_label(namespace))
		strcpy(places->namespace, namespace);
	else
		places->namespace_wrong = true;
}

void lookup_places_init(struct lookup_places *places)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	struct environment environment;

	*places = (struct lookup_places){
		.published = PUBLISHED_DIR, .cache = CACHE_DIR, .run = getauxval(AT_SECURE) == 0 ? CACHE_RUN : NULL};
	environment_read(&environment);
	bool names_cluster = environment.address != NULL || environment.region != NULL;
	if ((!names_cluster && environment.namespace == NULL) || lookup_is_put_on())
		return;
	if (environment.namespace != NULL)
		select_namespace(places, environment.namespace);
	if (!names_cluster || environment_is_followed(&environment, PUBLISHED_DIR))
		return;
	places->published = NULL;
	hash = hash_text(hash_text(hash, environment.address), environment.region);
	for (size_t i = 0; i < LOOKUP_CLUSTER_MAX - 1; i++)
		places->cluster[i] = "0123456789abcdef"[hash >> (60 - 4 * i) & 15];
}
