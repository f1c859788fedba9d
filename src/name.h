/*
 * Text or labels to a query: which service, in which namespace, and which of its instances.
 * The one parser of names, called by lookup.c (module and nomad-lookup), dns/zone.c, nomad/fetch.c.
 *
 * The forms, all matched without regard to ASCII case, with or without one trailing dot:
 *
 *     SERVICE.NAMESPACE.nomad             all instances
 *     SERVICE.nomad                       the same in the default namespace
 *     X.SERVICE.NAMESPACE.nomad           those that X selects: address, allocation, tag
 *     _SERVICE._tcp[.NAMESPACE].nomad     RFC 2782; _udp the same; _TAG for those with that tag
 *     _ANY._tcp.SERVICE.NAMESPACE.nomad   the same, the service in plain labels
 *     _ANY._tcp.SERVICE.nomad             the same in the default namespace, if there is no namespace called SERVICE
 *     any of these with .service.nomad    the same, the way CoreDNS' plugin spells it
 *     nomad, service.nomad, _tcp.nomad, NAMESPACE.nomad, _tcp.SERVICE.NAMESPACE.nomad, ...
 *                                         exist and hold nothing
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_NAME_H
#define NSS_NOMAD_NAME_H

#include "address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	NAME_LABEL_MAX = 63, /* octets, RFC 1035 section 2.3.4 */
	NAME_TEXT_MAX = 253, /* octets without the trailing dot, the same section in text form */
	NAME_LABELS_MAX = 7, /* more than any form has; a longer name is NOWHERE */
};

/* The namespace of a name that gives none. No namespace is called so (nomad: ^[a-zA-Z0-9-]{1,128}$). */
#define NAME_DEFAULT_NAMESPACE "_"

struct label {
	const char *start;
	size_t length;
};

/* As it was asked for, upper and lower case kept. */
struct service_key {
	char namespace[NAME_LABEL_MAX + 1]; /* NAME_DEFAULT_NAMESPACE where none was given */
	char service[NAME_LABEL_MAX + 1];
};

enum name_kind {
	NAME_FOREIGN, /* does not end in .nomad: somebody else's */
	NAME_NOWHERE, /* ours, but of no form above: there is no such name, whatever the catalogue holds */
	NAME_EMPTY,   /* exists and holds nothing, whatever the catalogue holds */
	NAME_SERVICE, /* ask the catalogue for `key` */
};

enum selector {
	SELECT_ALL,
	SELECT_LABEL,   /* by address, else allocation, else tag */
	SELECT_TAG,     /* by tag */
	SELECT_NOTHING, /* the name stands above others: it exists if the service does, and is empty */
};

struct name {
	enum name_kind kind;
	bool aliased; /* ended in .service.nomad, and was read as if that were .nomad */
	struct service_key key;
	bool bare; /* gave no namespace: the key's is the default one, or what name_set_namespace() has put there */
	bool maybe_service; /* gave what may be no namespace but a service of the default one: name_as_service() */
	char elsewhere[NAME_LABEL_MAX + 1]; /* then the namespace of its other reading; "": the default one */
	bool elsewhere_unknown; /* or nobody can tell which that is */
	bool is_other; /* made by name_as_service(): has more labels than a namespace's own name */
	enum selector select;
	char selector[NAME_LABEL_MAX + 1]; /* for SELECT_LABEL and SELECT_TAG */
	struct address address;            /* that the selector spells, with SELECT_LABEL; family 0: it spells none */
	bool whole;                        /* set by who wants the instances themselves, not their addresses alone */
};

/* How `service` just before `nomad` is read; the setting `service-label`. */
enum name_reading {
	NAME_SERVICE_LABEL, /* as nothing: web.prod.service.nomad is web.prod.nomad */
	NAME_PLAIN,         /* as a namespace */
};

/*
 * Whether a name in text form is ours: ends in the label `nomad`. The test that every foreign name pays for. Any thread.
 */
bool name_is_ours(const char *text);

/*
 * Reads a name in text form, as a program hands it to getaddrinfo().
 *
 * text     ended by NUL, of any length and content; not kept
 * name     filled in whole; key and selector only with NAME_SERVICE
 *
 * A key without a namespace (one label before .nomad) may also be the name of a namespace, which
 * exists and is empty; whoever looks it up decides. No system call, no allocation, any thread.
 */
void name_parse(const char *text, enum name_reading reading, struct name *name);

/*
 * The same for the labels of a DNS name, without the root, the first label first.
 *
 * labels   octets of any value; not kept
 * count    how many there are
 */
void name_parse_labels(const struct label *labels, size_t count, enum name_reading reading,
                       struct name *name);

/*
 * Says which namespace a name means that gives none; others stay. `namespace` is a label, "" for the default one, or NULL
 * where nobody can tell: a name that gives none for certain is then the caller's to turn away.
 */
void name_set_namespace(struct name *name, const char *namespace);

/*
 * The other reading of a name that is `maybe_service`: _ANY._tcp.SERVICE.nomad. It holds where there is no namespace that is
 * called so, and nowhere else; whoever looks the name up decides, and says no only where both readings do.
 */
void name_as_service(const struct name *name, struct name *other);

/* Whether `name`, a service's or namespace's own, can be asked for: 1 to 63 of letters, digits, - and _, no _ first. */
bool name_is_label(const char *name);

/* Whether the key's namespace is the default one, not given in the name. */
bool name_in_default_namespace(const struct service_key *key);

#endif
