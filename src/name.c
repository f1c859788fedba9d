/*
 * Text or labels to a query; see name.h for the forms. Called by every program at its border.
 *
 * SPDX-License-Identifier: MIT
 */
#include "name.h"

#include "text.h"

#include <string.h>

static bool label_is(struct label label, const char *word)
{
	return label.length == strlen(word) && text_same_letters(label.start, word, label.length);
}

/* Letters, digits, - and _. A table, for every octet of every name that is asked for passes here. */
static bool is_of_label(char c)
{
	static const bool allowed[256] = {
		['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['-'] = true, ['_'] = true};

	return allowed[(uint8_t)c];
}

static bool is_label(struct label label)
{
	if (label.length == 0 || label.length > NAME_LABEL_MAX || label.start[0] == '_')
		return false;
	for (size_t i = 0; i < label.length; i++)
		if (!is_of_label(label.start[i]))
			return false;
	return true;
}

bool name_is_label(const char *name)
{
	return is_label((struct label){name, strlen(name)});
}

bool name_in_default_namespace(const struct service_key *key)
{
	return strcmp(key->namespace, NAME_DEFAULT_NAMESPACE) == 0;
}

/* An underscore and a word, the marks of RFC 2782; together no longer than any label. */
static bool is_marked(struct label label)
{
	return label.length > 1 && label.length <= NAME_LABEL_MAX && label.start[0] == '_' &&
	       is_label((struct label){label.start + 1, label.length - 1});
}

static struct label unmarked(struct label label)
{
	return (struct label){label.start + 1, label.length - 1};
}

static void copy_label(char *to, struct label label)
{
	memcpy(to, label.start, label.length);
	to[label.length] = '\0';
}

/* Sets what is asked for; `namespace` is NULL for the default one. A label of no service is NOWHERE. */
static void ask(struct name *name, struct label service, const struct label *namespace)
{
	if (!is_label(service) || (namespace != NULL && !is_label(*namespace)))
		return;
	name->kind = NAME_SERVICE;
	copy_label(name->key.service, service);
	name->bare = namespace == NULL;
	if (namespace == NULL)
		strcpy(name->key.namespace, NAME_DEFAULT_NAMESPACE);
	else
		copy_label(name->key.namespace, *namespace);
}

static void select_by(struct name *name, enum selector select, struct label selector)
{
	name->select = select;
	copy_label(name->selector, selector);
}

static void select_by_label(struct name *name, struct label selector)
{
	select_by(name, SELECT_LABEL, selector);
	address_parse_label(name->selector, &name->address);
}

/* The second mark of an RFC 2782 name: a protocol says nothing, for Nomad knows none; else a tag. */
static void select_by_protocol(struct name *name, struct label marked)
{
	if (!label_is(marked, "_tcp") && !label_is(marked, "_udp"))
		select_by(name, SELECT_TAG, unmarked(marked));
}

static void parse_one(const struct label *l, struct name *name)
{
	if (is_marked(l[0]))
		name->kind = NAME_EMPTY;
	else
		ask(name, l[0], NULL);
}

static void parse_two(const struct label *l, struct name *name)
{
	if (is_marked(l[0]) && is_marked(l[1])) {
		ask(name, unmarked(l[0]), NULL);
		select_by_protocol(name, l[1]);
	} else if (is_marked(l[0])) {
		ask(name, l[1], NULL);
		name->select = SELECT_NOTHING;
	} else {
		ask(name, l[0], &l[1]);
	}
}

static void parse_three(const struct label *l, struct name *name)
{
	if (is_marked(l[0]) && is_marked(l[1])) {
		ask(name, unmarked(l[0]), &l[2]);
		name->maybe_service = name->kind == NAME_SERVICE;
		select_by_protocol(name, l[1]);
	} else if (is_marked(l[0])) {
		ask(name, l[1], &l[2]);
		name->select = SELECT_NOTHING;
	} else if (is_label(l[0])) {
		ask(name, l[1], &l[2]);
		select_by_label(name, l[0]);
	}
}

static void parse_four(const struct label *l, struct name *name)
{
	if (!is_marked(l[0]) || !is_marked(l[1]))
		return;
	ask(name, l[2], &l[3]);
	select_by_protocol(name, l[1]);
}

void name_parse_labels(const struct label *labels, size_t count, enum name_reading reading,
                       struct name *name)
{
	static void (*const parsers[])(const struct label *, struct name *) = {NULL, parse_one, parse_two,
	                                                                       parse_three, parse_four};

	memset(name, 0, sizeof *name);
	if (count == 0 || !label_is(labels[count - 1], "nomad"))
		return;
	count--;
	if (reading == NAME_SERVICE_LABEL && count > 0 && label_is(labels[count - 1], "service")) {
		name->aliased = true;
		count--;
	}
	name->kind = NAME_NOWHERE;
	if (count == 0)
		name->kind = NAME_EMPTY;
	else if (count < sizeof parsers / sizeof *parsers)
		parsers[count](labels, name);
}

void name_set_namespace(struct name *name, const char *namespace)
{
	name->elsewhere_unknown = name->maybe_service && namespace == NULL;
	if (name->kind != NAME_SERVICE || namespace == NULL || namespace[0] == '\0')
		return;
	if (name->bare)
		strcpy(name->key.namespace, namespace);
	else if (name->maybe_service)
		strcpy(name->elsewhere, namespace);
}

void name_as_service(const struct name *name, struct name *other)
{
	*other = *name;
	other->maybe_service = false;
	other->is_other = true;
	other->bare = true;
	strcpy(other->key.service, name->key.namespace);
	strcpy(other->key.namespace, name->elsewhere[0] != '\0' ? name->elsewhere : NAME_DEFAULT_NAMESPACE);
}

/* Octets of a name without its trailing dot. */
static size_t length_without_dot(const char *text)
{
	size_t length = strlen(text);

	return length > 0 && text[length - 1] == '.' ? length - 1 : length;
}

bool name_is_ours(const char *text)
{
	static const size_t zone = sizeof "nomad" - 1;
	size_t length = length_without_dot(text);

	if (length < zone || !text_same_letters(text + length - zone, "nomad", zone))
		return false;
	return length == zone || text[length - zone - 1] == '.';
}

void name_parse(const char *text, enum name_reading reading, struct name *name)
{
	struct label labels[NAME_LABELS_MAX];
	size_t length = length_without_dot(text), count = 0;

	memset(name, 0, sizeof *name);
	if (!name_is_ours(text))
		return;
	name->kind = NAME_NOWHERE;
	if (length > NAME_TEXT_MAX)
		return;

	const char *start = text, *end = text + length;
	for (;;) {
		const char *dot = memchr(start, '.', (size_t)(end - start));
		const char *stop = dot == NULL ? end : dot;
		if (count == NAME_LABELS_MAX || stop == start)
			return;
		labels[count++] = (struct label){start, (size_t)(stop - start)};
		if (dot == NULL)
			break;
		start = dot + 1;
	}
	name_parse_labels(labels, count, reading, name);
}
