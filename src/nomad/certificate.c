/*
 * How long a certificate is valid; see certificate.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "nomad/certificate.h"

#include <string.h>
#include <time.h>

enum {
	TYPE_CERTIFICATE = 11, /* of a handshake message */
	HEAD_SIZE = 4,         /* of the message: type, length */
	LENGTH_SIZE = 3,       /* of a list, and of a certificate in it */
	DER_INTEGER = 0x02,
	DER_UTC_TIME = 0x17,
	DER_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_VERSION = 0xa0,
};

/* What is left to read. */
struct rest {
	const uint8_t *at;
	size_t size;
};

/* Takes a part of `size` bytes; false where there are fewer. */
static bool take(struct rest *rest, size_t size, struct rest *part)
{
	if (size > rest->size)
		return false;
	*part = (struct rest){rest->at, size};
	rest->at += size;
	rest->size -= size;
	return true;
}

static bool take_number(struct rest *rest, size_t size, size_t *number)
{
	struct rest bytes;
	size_t value = 0;

	if (!take(rest, size, &bytes))
		return false;
	for (size_t i = 0; i < size; i++)
		value = value << 8 | bytes.at[i];
	*number = value;
	return true;
}

/* Takes the next element of DER, and what is in it (X.690 section 8.1). */
static bool take_element(struct rest *rest, size_t *tag, struct rest *inside)
{
	size_t length;

	if (!take_number(rest, 1, tag) || !take_number(rest, 1, &length))
		return false;
	if (length >= 0x80 && ((length &= 0x7f) > LENGTH_SIZE || !take_number(rest, length, &length)))
		return false;
	return take(rest, length, inside);
}

static bool take_tagged(struct rest *rest, size_t wanted, struct rest *inside)
{
	size_t tag;

	return take_element(rest, &tag, inside) && tag == wanted;
}

/* YYMMDDHHMMSSZ, of the years 1950 to 2049, or YYYYMMDDHHMMSSZ (RFC 5280 section 4.1.2.5). */
static bool take_time(struct rest *rest, int64_t *moment)
{
	char text[sizeof "20491231235959Z"] = "";
	struct tm broken = {0};
	struct rest inside;
	size_t tag;

	if (!take_element(rest, &tag, &inside) || (tag != DER_UTC_TIME && tag != DER_TIME))
		return false;
	char *to = text;
	if (tag == DER_UTC_TIME)
		to = stpcpy(to, inside.size > 0 && inside.at[0] < '5' ? "20" : "19");
	if (inside.size >= sizeof text - (size_t)(to - text))
		return false;
	memcpy(to, inside.at, inside.size);
	const char *end = strptime(text, "%Y%m%d%H%M%SZ", &broken);
	if (end == NULL || *end != '\0')
		return false;
	*moment = timegm(&broken);
	return true;
}

/* A certificate of X.509: version, number, algorithm, issuer, validity (RFC 5280 section 4.1). */
static bool read_certificate(struct rest rest, struct validity *validity)
{
	struct rest whole, body, ignored, times;
	size_t tag;

	if (!take_tagged(&rest, DER_SEQUENCE, &whole) || !take_tagged(&whole, DER_SEQUENCE, &body) ||
	    !take_element(&body, &tag, &ignored))
		return false;
	if (tag == DER_VERSION && !take_tagged(&body, DER_INTEGER, &ignored))
		return false;
	return take_tagged(&body, DER_SEQUENCE, &ignored) && take_tagged(&body, DER_SEQUENCE, &ignored) &&
	       take_tagged(&body, DER_SEQUENCE, &times) && take_time(&times, &validity->from) &&
	       take_time(&times, &validity->to);
}

/* The list of certificates, and whether each has extensions behind it, as with TLS 1.3. */
static bool find_list(const uint8_t *message, size_t size, struct rest *list, bool *extended)
{
	struct rest rest = {message, size}, ignored;
	size_t length;

	if (size <= HEAD_SIZE || message[0] != TYPE_CERTIFICATE || !take(&rest, HEAD_SIZE, &ignored))
		return false;
	struct rest later = rest;
	*extended = !take_number(&rest, LENGTH_SIZE, &length) || length != rest.size;
	if (!*extended)
		return take(&rest, length, list);
	return take_number(&later, 1, &length) && length == 0 && take_number(&later, LENGTH_SIZE, &length) &&
	       length == later.size && take(&later, length, list);
}

bool certificate_validity(const uint8_t *message, size_t size, int64_t now, struct validity *validity, bool *own)
{
	struct rest list, certificate, ignored;
	struct validity found;
	bool extended, any = false;
	size_t length;

	if (!find_list(message, size, &list, &extended))
		return false;
	while (take_number(&list, LENGTH_SIZE, &length) && take(&list, length, &certificate) &&
	       read_certificate(certificate, &found)) {
		bool valid = found.from <= now && now <= found.to;
		if (!any || !valid) {
			*validity = found;
			*own = !any;
		}
		any = true;
		if (!valid || (extended && (!take_number(&list, 2, &length) || !take(&list, length, &ignored))))
			break;
	}
	return any;
}
