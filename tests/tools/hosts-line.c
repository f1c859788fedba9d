/*
 * Compares what glibc does with a hosts line and what src/tool/nsswitch.c and hosts_line.c say of it, on random files.
 * Every file is written to /etc/nsswitch.conf, which is to be one that nobody else uses; the sources are modules that
 * answer as they are told (hosts_module.c), which stand in LD_LIBRARY_PATH as libnss_SOURCE.so.2.
 *
 *     hosts-line parse COUNT SEED    which sources are asked, in which order, after answers that are drawn too
 *     hosts-line judge COUNT SEED    whether a line is right, against all answers that its sources can have
 *
 * Prints each file of which they do not say the same, and "COUNT compared"; 1 where there was one.
 *
 * SPDX-License-Identifier: MIT
 */
#include "hosts-line.h"
#include "tool/hosts_line.h"

#include <dlfcn.h>
#include <err.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { TEXT_MAX = 2048, TRACE_MAX = 64 };

/* The modules; what each is to say, as struct nsswitch has it. */
static const char *const sources[] = {"nomad", "resolve", "one", "two"};
enum { SOURCES = sizeof sources / sizeof *sources };
static enum nsswitch_status orders[SOURCES];

static int trace[TRACE_MAX]; /* the sources that were asked */
static size_t traced;

static int source_of(const char *name)
{
	for (int i = 0; i < SOURCES; i++)
		if (strcmp(sources[i], name) == 0)
			return i;
	return -1;
}

static enum nss_status ask_source(const char *name)
{
	static const enum nss_status statuses[] = {
		[NSSWITCH_SUCCESS] = NSS_STATUS_SUCCESS,
		[NSSWITCH_NOTFOUND] = NSS_STATUS_NOTFOUND,
		[NSSWITCH_UNAVAIL] = NSS_STATUS_UNAVAIL,
		[NSSWITCH_TRYAGAIN] = NSS_STATUS_TRYAGAIN,
	};
	int source = source_of(name);

	if (traced < TRACE_MAX)
		trace[traced++] = source;
	return statuses[orders[source]];
}

/* Another inode each time, or glibc might not see that the file has changed. */
static void install(const char *text)
{
	FILE *file = fopen("/etc/nsswitch.conf.new", "w");

	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0 ||
	    rename("/etc/nsswitch.conf.new", "/etc/nsswitch.conf") != 0)
		err(2, "/etc/nsswitch.conf");
}

/* Asks glibc; getaddrinfo()'s code, and in `trace` who was asked. */
static int ask(void)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;

	traced = 0;
	int code = getaddrinfo("web.default.nomad", NULL, &hints, &list);
	if (code == 0)
		freeaddrinfo(list);
	return code;
}

/* Who would be asked, by what was parsed. */
static size_t expect(const struct nsswitch *nsswitch, int expected[TRACE_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < nsswitch->count && nsswitch->wrong_line == 0; i++) {
		const struct nsswitch_service *service = &nsswitch->services[i];
		int source = source_of(service->name);
		enum nsswitch_status status = strcmp(service->name, "files") == 0 ? NSSWITCH_NOTFOUND : NSSWITCH_UNAVAIL;
		if (source >= 0) {
			status = orders[source];
			expected[count++] = source;
		}
		if (service->actions[status] != NSSWITCH_CONTINUE)
			break;
	}
	return count;
}

static const char *pick(const char *const words[], int count)
{
	return words[random() % count];
}

#define PICK(...)                                                                                                      \
	pick((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* Brackets that are right, mostly. */
static char *put_brackets(char *at, bool odd)
{
	at = stpcpy(at, PICK("[", "[ ", "["));
	do {
		at = stpcpy(at, PICK("", "", "!"));
		at = stpcpy(at, odd && random() % 20 == 0 ? PICK("FOUND", "", "!", "NOTFOUND2", "[", "return")
		                                          : PICK("SUCCESS", "NOTFOUND", "UNAVAIL", "TRYAGAIN", "notfound", "Unavail"));
		at = stpcpy(at, odd && random() % 30 == 0 ? PICK("", ":", "==", "] =", "\n") : PICK("=", "=", " = ", "=\t", " ="));
		at = stpcpy(at, odd && random() % 20 == 0 ? PICK("retrun", "", "returns", "merge", "return!", "=")
		                                          : PICK("return", "continue", "RETURN", "Continue"));
		at = stpcpy(at, PICK("", "", " "));
		if (at[-1] != ' ')
			break;
	} while (random() % 3 != 0);
	return stpcpy(at, odd && random() % 30 == 0 ? PICK("", "]]", " ", "\n") : PICK("]", " ]", "]"));
}

static char *put_hosts(char *at, bool odd)
{
	at = stpcpy(at, odd ? PICK("hosts:", "hosts: ", "hosts:", " hosts:\t", "hosts ", "hosts : ", "hosts::", "Hosts: ", "#hosts: ",
	                           "# hosts: ", ":hosts: ", "hosts\f")
	                    : "hosts: ");
	for (long count = random() % 5; count >= 0; count--) {
		at = stpcpy(at, odd ? PICK("nomad", "resolve", "one", "two", "files", "none", "#", "nomad", "", "one")
		                    : PICK("nomad", "resolve", "one", "two", "nomad", "one", "two"));
		at = stpcpy(at, PICK(" ", " ", "", "\t"));
		for (long brackets = random() % 3; brackets > 0; brackets = odd && random() % 8 == 0)
			at = put_brackets(at, odd);
		at = stpcpy(at, odd ? PICK(" ", " ", "", "\v") : " ");
	}
	return stpcpy(at, odd && random() % 10 == 0 ? PICK("", "\r\n", "\n\n", " # one two\n") : "\n");
}

/* A file: other lines, and hosts lines. */
static void draw(char *text, bool odd)
{
	static const char *const lines[] = {"passwd: files\n", "\n", "# hosts: one\n", "nonsense\n", "group: files [x]\n",
	                                    "sudoers: [x\n", "passwd: [\n", "netgroup:\n", "rpc: db [NOTFOUND=return] files\n"};

	*text = '\0';
	for (long count = odd ? random() % 3 : 0; count > 0; count--)
		text = stpcpy(text, lines[random() % 12 % 9]);
	text = put_hosts(text, odd);
	if (odd && random() % 4 == 0)
		text = put_hosts(text, odd);
	if (odd && random() % 8 == 0)
		stpcpy(text, lines[random() % 9]);
}

static void mark_missing(struct nsswitch *nsswitch)
{
	for (size_t i = 0; i < nsswitch->total; i++)
		nsswitch->services[i].missing =
			source_of(nsswitch->services[i].name) < 0 && strcmp(nsswitch->services[i].name, "files") != 0;
}

static bool same_trace(const struct nsswitch *nsswitch)
{
	int expected[TRACE_MAX];
	size_t count = expect(nsswitch, expected);

	return count == traced && memcmp(expected, trace, count * sizeof *trace) == 0;
}

static bool parses_the_same(const char *text)
{
	struct nsswitch nsswitch;

	install(text);
	nsswitch_parse(text, strlen(text), &nsswitch);
	if (hosts_line_judge(&nsswitch).effect == HOSTS_LINE_EMPTY && nsswitch.wrong_line == 0)
		return true; /* glibc reads past its list, and may do anything */
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < SOURCES; i++)
			orders[i] = (enum nsswitch_status)(random() % NSSWITCH_STATUSES);
		ask();
		if (!same_trace(&nsswitch))
			return false;
	}
	return true;
}

static long where(int source)
{
	for (size_t i = 0; i < traced; i++)
		if (trace[i] == source)
			return (long)i;
	return -1;
}

/* Whether one lookup went as it is to go, by what glibc did: of nomad's own name, or of another. */
static bool went_right(bool follows)
{
	static const int codes[] = {[NSSWITCH_SUCCESS] = 0, [NSSWITCH_NOTFOUND] = EAI_NONAME, [NSSWITCH_TRYAGAIN] = EAI_AGAIN};
	int code = ask();
	long nomad = where(source_of("nomad")), resolve = where(source_of("resolve"));

	if (nomad < 0)
		return false;
	if (orders[0] == NSSWITCH_UNAVAIL)
		return !follows || (size_t)nomad + 1 < traced;
	return (size_t)nomad + 1 == traced && code == codes[orders[0]] && resolve < 0;
}

/* Whether glibc does right with every answer that a source can have for a name which it does not know. */
static bool is_right(bool follows)
{
	static const unsigned int may[SOURCES] = {0xf, 1 << NSSWITCH_NOTFOUND | 1 << NSSWITCH_UNAVAIL | 1 << NSSWITCH_TRYAGAIN,
	                                          1 << NSSWITCH_NOTFOUND | 1 << NSSWITCH_UNAVAIL,
	                                          1 << NSSWITCH_NOTFOUND | 1 << NSSWITCH_UNAVAIL};

	for (int all = 0; all < 256; all++) {
		bool possible = true;
		for (int i = 0; i < SOURCES; i++) {
			orders[i] = (enum nsswitch_status)(all >> 2 * i & 3);
			possible = possible && (may[i] >> orders[i] & 1) != 0;
		}
		if (possible && !went_right(follows))
			return false;
	}
	return true;
}

static bool judges_the_same(const char *text, size_t *right)
{
	struct nsswitch nsswitch;

	install(text);
	nsswitch_parse(text, strlen(text), &nsswitch);
	struct hosts_line judged = hosts_line_judge(&nsswitch);
	bool is = is_right(judged.nomad + 1 < nsswitch.count);
	*right += is;
	return nsswitch.wrong_line == 0 && (judged.effect == HOSTS_LINE_RIGHT) == is;
}

/* What is proposed of a file has to be right, by glibc. */
static bool proposes_what_is_right(const char *text)
{
	char line[HOSTS_LINE_MAX + 2];
	struct nsswitch nsswitch;

	nsswitch_parse(text, strlen(text), &nsswitch);
	mark_missing(&nsswitch);
	hosts_line_propose(&nsswitch, line);
	strcat(line, "\n");
	install(line);
	nsswitch_parse(line, strlen(line), &nsswitch);
	size_t nomad = nsswitch_find(&nsswitch, "nomad");
	return is_right(nomad + 1 < nsswitch.count && source_of(nsswitch.services[nomad + 1].name) >= 0);
}

/* The module is one file, whatever its name. */
static void take_module(void)
{
	void *library = dlopen("libnss_nomad.so.2", RTLD_NOW | RTLD_LOCAL);
	hosts_line_ask **asked = library == NULL ? NULL : dlsym(library, "hosts_line_asked");

	if (asked == NULL)
		errx(2, "%s", dlerror());
	*asked = ask_source;
}

int main(int argc, char **argv)
{
	char text[TEXT_MAX];
	long count = argc == 4 ? atol(argv[2]) : -1, differences = 0;
	size_t right = 0;

	if (count < 0)
		errx(2, "usage: hosts-line parse|judge COUNT SEED");
	bool parse = strcmp(argv[1], "parse") == 0;
	take_module();
	srandom((unsigned int)atol(argv[3]));
	for (long i = 0; i < count; i++) {
		draw(text, parse);
		bool same = parse ? parses_the_same(text) : judges_the_same(text, &right) && proposes_what_is_right(text);
		if (same)
			continue;
		differences++;
		printf("differs: <<%s>>\n", text);
	}
	printf("%ld compared, %zu right\n", count, right);
	return differences > 0;
}
