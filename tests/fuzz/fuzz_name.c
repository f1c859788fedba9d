/*
 * Fuzzes src/name.c and the labels of src/address.c: a name of any octets is read without harm, and what comes out of
 * it can be written as a name again that is read in the same way.
 *
 * SPDX-License-Identifier: MIT
 */
#include "address.h"
#include "name.h"
#include "place.h"
#include "text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Like assert(), in every build. */
static void must(bool true_or_not)
{
	if (!true_or_not)
		abort();
}

/* The name's shortest form: [SELECTOR.]SERVICE[.NAMESPACE].nomad, with marks where it needs them. */
static void spell(const struct name *name, char *text)
{
	const char *selector = name->selector;

	if (name->select == SELECT_TAG)
		text = stpcpy(stpcpy(stpcpy(stpcpy(text, "_"), "x._"), selector), ".");
	else if (name->select == SELECT_LABEL)
		text = stpcpy(stpcpy(text, selector), ".");
	else if (name->select == SELECT_NOTHING)
		text = stpcpy(text, "_tcp.");
	text = stpcpy(text, name->key.service);
	if (!name_in_default_namespace(&name->key))
		text = stpcpy(stpcpy(text, "."), name->key.namespace);
	strcpy(text, ".nomad");
}

static void check_place(const struct name *name)
{
	char path[PLACE_MAX];
	char *end = place_of("", name, ".lock", path);

	must(end == path + strlen(path) && end < path + sizeof path);
	must(!text_has_upper(path));
	must(strstr(path, "..") == NULL && path[0] != '/' && path[0] != '.');
}

static void check_address(const char *label)
{
	struct address address, again;
	char written[ADDRESS_TEXT_MAX];

	if (!address_parse_label(label, &address))
		return;
	address_label(&address, written);
	must(name_is_label(written));
	must(address_parse_label(written, &again) && address_equal(&address, &again));
}

static void check_service(const struct name *name)
{
	char text[5 * (NAME_LABEL_MAX + 3)];
	struct name again;

	must(name_is_label(name->key.service));
	must(name_in_default_namespace(&name->key) || name_is_label(name->key.namespace));
	must((name->selector[0] != '\0') == (name->select == SELECT_LABEL || name->select == SELECT_TAG));
	must(name->selector[0] == '\0' || name_is_label(name->selector));
	check_place(name);
	check_address(name->selector);
	if (name_in_default_namespace(&name->key) && name->select == SELECT_TAG)
		return; /* has no other form than the one it came in */
	spell(name, text);
	name_parse(text, NAME_PLAIN, &again);
	if (strlen(text) > NAME_TEXT_MAX)
		return;
	must(again.kind == NAME_SERVICE && again.select == name->select && strcmp(again.selector, name->selector) == 0);
	must(strcmp(again.key.service, name->key.service) == 0 && strcmp(again.key.namespace, name->key.namespace) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct name name;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	for (enum name_reading reading = NAME_SERVICE_LABEL; reading <= NAME_PLAIN; reading++) {
		name_parse(text, reading, &name);
		must((name.kind != NAME_FOREIGN) == name_is_ours(text));
		if (name.kind == NAME_SERVICE)
			check_service(&name);
	}
	check_address(text);
	if (address_is_host(text))
		must(!name_is_ours(text));
	free(text);
	return 0;
}
