/*
 * A catalogue in memory and questions for it, for the tests of dns/zone.c, dns/records.c and dns/reply.c: a question is
 * written and then read by message_parse(), as a client's is. Included by those tests.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_TEST_ASKING_H
#define NSS_NOMAD_TEST_ASKING_H

#include "dns/zone.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct asking {
	struct catalogue *catalogue;
	struct dns_settings settings;
	struct dns_view view;
	struct prefix reverse[3];
	uint8_t octets[MESSAGE_QUESTION + MESSAGE_NAME_MAX + 4];
	size_t size;
	struct query query;
	struct zone_node node;
};

/* Puts a service, as support_service() reads it, under the name of its first line. */
static inline void asking_put(struct asking *asking, const char *text)
{
	struct service_key key = {0};

	ck_assert_int_eq(sscanf(text, " %63s %63s", key.namespace, key.service), 2);
	ck_assert_int_eq(0, catalogue_put(asking->catalogue, &key, support_service(text)));
}

/* Begins, with these services up to NULL. Ended with asking_end(). */
static inline void asking_begin(struct asking *asking, const char *const *services)
{
	memset(asking, 0, sizeof *asking);
	ck_assert_ptr_nonnull(asking->catalogue = catalogue_new());
	ck_assert_int_eq(0, catalogue_keep_names(asking->catalogue));
	ck_assert_int_eq(0, catalogue_set_scope(asking->catalogue, &(struct scope){.all = true}));
	catalogue_prepare_with(asking->catalogue, targets_prepare);
	asking->settings = (struct dns_settings){.tags = true, .default_namespace = "default", .negative_ttl = 3, .expire = 3600,
	                                         .reverse = asking->reverse, .reverse_count = 3};
	ck_assert(prefix_parse("10.0.0.0/8", &asking->reverse[0]));
	ck_assert(prefix_parse("172.16.0.0/12", &asking->reverse[1]));
	ck_assert(prefix_parse("2001:db8::/32", &asking->reverse[2]));
	asking->view = (struct dns_view){
		.catalogue = asking->catalogue, .settings = &asking->settings, .scratch = dns_scratch_new()};
	ck_assert_ptr_nonnull(asking->view.scratch);
	for (; *services != NULL; services++)
		asking_put(asking, *services);
}

static inline void asking_end(struct asking *asking)
{
	dns_scratch_free(asking->view.scratch);
	catalogue_free(asking->catalogue);
}

/* Writes a question for a name, its labels with dots between, and reads it again. */
static inline void asking_write(struct asking *asking, const char *name, uint16_t type)
{
	static const uint8_t header[MESSAGE_QUESTION] = {[5] = 1};
	uint8_t *at = mempcpy(asking->octets, header, sizeof header);

	while (*name != '\0') {
		size_t length = strcspn(name, ".");
		*at = (uint8_t)length;
		at = mempcpy(at + 1, name, length);
		name += length + (name[length] == '.');
	}
	at = mempcpy(at, (const uint8_t[]){0, (uint8_t)(type >> 8), (uint8_t)type, 0, DNS_IN}, 5);
	asking->size = (size_t)(at - asking->octets);
	ck_assert_int_eq(MESSAGE_QUERY, message_parse(asking->octets, asking->size, &asking->query));
}

/* Which node a name is; `zone` NONE where it is nobody's. */
static inline void asking_locate(struct asking *asking, const char *name, uint16_t type)
{
	asking_write(asking, name, type);
	zone_locate(&asking->view, &asking->query, &asking->node);
}

static inline void asking_find(struct asking *asking, const char *name, uint16_t type)
{
	asking_locate(asking, name, type);
	ck_assert_int_ne(ZONE_NONE, asking->node.zone);
	zone_find(&asking->view, &asking->query, &asking->node);
}

#endif
