/*
 * A service's instances to the bytes of a file and back. Written by the helper (cache.c) and the daemon
 * (published.c), read by everybody, from a file or from the helper's pipe; the same bytes on every machine.
 *
 * What a plain address lookup needs, the union of the addresses, stands in the head, which has a checksum
 * of its own: one read of RECORD_HEAD_READ octets answers it, however many instances follow.
 *
 *     head   magic u32, version u16, verdict u8, flags u8, head length u32, total length u32,
 *            head checksum u64 (over the head with these 8 octets as 0), body checksum u64,
 *            made u64 (ms since 1970), since boot u64 (ms, the same moment), ttl u32 (s), max-stale u32 (s),
 *            namespace and service in lower case (u8 length and octets each), spellings u32,
 *            IPv4 addresses u32, IPv6 addresses u32, the addresses (4 and 16 octets)
 *     body   per spelling: namespace, service, instances u32; per instance: strings, port u16, unresolved u8,
 *            addresses, tags
 *     flags  1 complete, 2 there may be more IPv4 addresses, 4 more IPv6 addresses, 8 more instances
 *
 * A reader takes one version. What another one wrote, older or newer, is a miss as damage is: it "cannot tell", and
 * never says "no such name".
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_RECORD_H
#define NSS_NOMAD_RECORD_H

#include "service.h"

#include <stddef.h>
#include <stdint.h>

enum {
	RECORD_HEAD_READ = 16 * 1024,       /* octets: the head of about 4,000 IPv4 addresses */
	RECORD_SIZE_MAX = 64 * 1024 * 1024, /* octets: 100,000 instances with long tags; larger is damage */
	RECORD_TTL_MAX = 24 * 3600,         /* seconds: what may be configured; a record that says more says this */
	RECORD_STALE_MAX = 365 * 24 * 3600, /* the same of max_stale */
};

struct record {
	enum verdict verdict;       /* FOUND with a service; NO_NAME and NO_DATA without; UNKNOWN: nobody can tell */
	bool complete;              /* holds every spelling; otherwise all that is known is the one in lower case */
	struct service_key key;     /* in lower case */
	uint64_t made;              /* milliseconds since 1970, by the writer's clock */
	uint64_t since_boot;        /* the same moment by the clock that nobody sets; 0: not noted, then it is never fresh */
	uint32_t ttl;               /* seconds of freshness */
	uint32_t max_stale;         /* seconds after that, in which it may serve while Nomad is away */
	const struct service *service; /* owned where record_read() or record_decode() made it */
};

/*
 * Writes a record as bytes, but for tags of 64 KiB and more.
 *
 * record   its key is written in lower case whatever its case
 * bytes    a new block, released with free()
 *
 * 0 or -ENOMEM; -E2BIG over RECORD_SIZE_MAX, or where another text has 64 KiB. Any thread.
 */
int record_encode(const struct record *record, uint8_t **bytes, size_t *size);

/*
 * Reads a whole record from bytes of any content.
 *
 * record   on success complete; released with record_done(); otherwise untouched
 *
 * 0, -EBADMSG where anything is wrong, -ENOMEM. Any thread.
 */
int record_decode(const uint8_t *bytes, size_t size, struct record *record);

/*
 * Reads as much of a record as a name needs from an open file, from its start: only the head where that
 * suffices (service_in_part_suffices), all of it otherwise. One read() in the first case, for up to
 * RECORD_HEAD_READ octets of head.
 *
 * descriptor  of a regular file; stays open
 * name        of kind NAME_SERVICE, which the record must answer (record_answers())
 * record      as above
 *
 * 0, -ENOENT where it is a sound record of another name, -EBADMSG, -ENOMEM, or what read() said. Any thread. Changes
 * errno.
 */
int record_read(int descriptor, const struct name *name, struct record *record);

/* Octets of the whole record, said by its first RECORD_PREFIX octets; 0 where they are no record's. */
enum { RECORD_PREFIX = 16 };
size_t record_size(const uint8_t *prefix);

/*
 * Whether the record is of the name's service: its key is the name's but for case, and a key in the default namespace
 * takes any namespace.
 */
bool record_is_of(const struct record *record, const struct name *name);

/*
 * Whether a record that was kept answers a name: it is of the name's service, and a name with upper-case letters wants
 * a complete one.
 */
bool record_answers(const struct record *record, const struct name *name);

/* Notes that the record is made now. */
void record_stamp(struct record *record);

/* Milliseconds since the record was made; -1 where that is in the future. */
int64_t record_age(const struct record *record);

/*
 * Whether its verdict counts now: made within `ttl` seconds, not in the future, by both clocks. Where the one on the wall
 * was set since, or the host was started again, they disagree: an old record that was made by a clock that ran ahead is
 * not fresh when the time comes.
 */
bool record_is_fresh(const struct record *record);

/* Whether its instances may serve while Nomad is away: FOUND, and at most max_stale seconds past fresh. */
bool record_may_serve_stale(const struct record *record);

/* Releases what record_read() or record_decode() allocated. Accepts zeroes. */
void record_done(struct record *record);

#endif
