/*
 * What the helper does in the tests of src/helper.c, by the service of the name that it is asked for: answers of all
 * sorts, and reports on how it finds itself. Included by test_helper.c alone.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef NSS_NOMAD_TEST_HELPER_PARTS_H
#define NSS_NOMAD_TEST_HELPER_PARTS_H

#include "bytes.h"
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SOON = 50,        /* milliseconds: a limit that is to run out */
	PATIENCE = 20000, /* one that is not, however busy the machine is */
	HELPER_NAME = 6,  /* of the arguments, the name that is asked for */
};

static void put(const void *octets, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t count = write(STDOUT_FILENO, (const char *)octets + done, size - done);
		if (count <= 0)
			_exit(1);
		done += (size_t)count;
	}
}

static void put_limit(uint32_t milliseconds)
{
	uint8_t octets[4];
	struct writer writer;

	writer_init(&writer, octets, sizeof octets);
	writer_u32(&writer, milliseconds);
	put(octets, sizeof octets);
}

/* Until nobody reads any more: as a helper that hangs, but it leaves nothing behind. */
static void hang(void)
{
	struct pollfd output = {.fd = STDOUT_FILENO};

	while (poll(&output, 1, -1) < 0)
		;
	_exit(0);
}

/* A record with the text as the id of its one instance. */
static uint8_t *record_of(const char *text, enum verdict verdict, size_t *size)
{
	struct instance instance = {.id = text, .allocation = "", .node = "", .job = "", .datacenter = ""};
	struct spelling spelling = {.namespace = "default", .service = "x", .count = 1};
	struct service service = {
		.spelling_count = 1, .spellings = &spelling, .instance_count = 1, .instances = &instance};
	struct record record =
		support_record("default", "x", verdict, verdict == VERDICT_FOUND ? &service : NULL);
	uint8_t *bytes;

	if (record_encode(&record, &bytes, size) < 0)
		_exit(1);
	return bytes;
}

static void put_record(const char *text, enum verdict verdict)
{
	size_t size;
	uint8_t *bytes = record_of(text, verdict, &size);

	put(bytes, size);
	free(bytes);
}

/* The numbers of the descriptors that are open. */
static void list_descriptors(char *text)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;

	while ((entry = readdir(folder)) != NULL)
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(folder))
			text += sprintf(text, " %s", entry->d_name);
	closedir(folder);
}

/* The same of the first ones, without a folder that lists them. */
static void try_descriptors(char *text)
{
	for (int descriptor = 0; descriptor < 1024; descriptor++)
		if (fcntl(descriptor, F_GETFD) >= 0)
			text += sprintf(text, " %d", descriptor);
}

/* A line of /proc/self/status, without its name. */
static void read_status(const char *name, char *text)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];

	while (fgets(line, sizeof line, file) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			strcpy(text, line + strlen(name) + strspn(line + strlen(name), ":\t "));
	fclose(file);
	text[strcspn(text, "\n")] = '\0';
}

static void report_environment(char *text)
{
	for (char **variable = environ; *variable != NULL; variable++)
		text += sprintf(text, " %s", *variable);
}

static void report_signals(char *text)
{
	read_status("SigBlk", text);
	strcat(text, " ");
	read_status("SigIgn", text + strlen(text));
}

static void report_place(char *text)
{
	struct stat input, error, null;
	char folder[SUPPORT_PATH_MAX];

	stat("/dev/null", &null);
	fstat(STDIN_FILENO, &input);
	fstat(STDERR_FILENO, &error);
	sprintf(text, "%s, %s session, input %s, errors %s", getcwd(folder, sizeof folder),
	        getsid(0) == getpid() ? "own" : "the host's", input.st_rdev == null.st_rdev ? "null" : "not null",
	        error.st_rdev == null.st_rdev ? "null" : "not null");
}

static void report_lock(char *text)
{
	struct stat status;

	sprintf(text, "%ju", fstat(HELPER_LOCK, &status) == 0 ? (uintmax_t)status.st_ino : 0);
}

/* Real, effective and saved. */
static void report_users(char *text)
{
	uid_t user[3];
	gid_t group[3];

	if (getresuid(&user[0], &user[1], &user[2]) < 0 || getresgid(&group[0], &group[1], &group[2]) < 0)
		return;
	sprintf(text, "%u %u %u, %u %u %u", user[0], user[1], user[2], group[0], group[1], group[2]);
}

static void slowly(void)
{
	size_t size;
	uint8_t *bytes = record_of("slow", VERDICT_FOUND, &size);

	put_limit(PATIENCE);
	for (size_t i = 0; i < size; i++)
		put(bytes + i, 1);
	free(bytes);
}

/* Leaves a child behind that keeps the pipe open until nobody reads any more. */
static void keep_open(void)
{
	if (fork() == 0)
		hang();
	put_limit(PATIENCE);
	put_record("kept open", VERDICT_FOUND);
}

static void lie_about_size(uint32_t total, uint32_t limit)
{
	size_t size;
	uint8_t *bytes = record_of("liar", VERDICT_FOUND, &size);
	struct writer writer;

	writer_init(&writer, bytes + 12, 4);
	writer_u32(&writer, total);
	put_limit(limit);
	put(bytes, size);
	free(bytes);
}

static void damage(void)
{
	size_t size;
	uint8_t *bytes = record_of("damaged", VERDICT_FOUND, &size);

	bytes[size - 1] ^= 1;
	put_limit(PATIENCE);
	put(bytes, size);
	free(bytes);
}

static void cut(void)
{
	size_t size;
	uint8_t *bytes = record_of("cut", VERDICT_FOUND, &size);

	put_limit(PATIENCE);
	put(bytes, size - 1);
	free(bytes);
}

static void limit_and_hang(void)
{
	put_limit(SOON);
	hang();
}

static void limit_and_die(void)
{
	put_limit(PATIENCE);
}

static void say_no_limit(void)
{
	put_limit(UINT32_MAX);
}

static void say_junk(void)
{
	put("HTTP/1.1 400 Bad Request\r\n\r\n", 28);
}

static void say_junk_record(void)
{
	put_limit(PATIENCE);
	put("<html><body>404</body></html>", 29);
}

static void say_unknown(void)
{
	put_limit(PATIENCE);
	put_record(NULL, VERDICT_UNKNOWN);
}

static void larger_than_all(void)
{
	lie_about_size(RECORD_SIZE_MAX + 1, PATIENCE);
	hang();
}

static void longer(void)
{
	lie_about_size(RECORD_SIZE_MAX, SOON);
	hang();
}

static void longer_and_die(void)
{
	lie_about_size(RECORD_SIZE_MAX, PATIENCE);
}

static void shorter(void)
{
	lie_about_size(100, PATIENCE);
	hang();
}

static const struct act {
	const char *part;
	void (*play)(void);
} acts[] = {
	{"hang", hang},
	{"limit and hang", limit_and_hang}, {"limit and die", limit_and_die},
	{"no limit", say_no_limit},         {"unknown", say_unknown},
	{"junk", say_junk},                 {"junk record", say_junk_record},
	{"longer", longer},                 {"longer and die", longer_and_die},
	{"shorter", shorter},               {"larger than all", larger_than_all},
	{"damage", damage},                 {"cut", cut},
	{"slowly", slowly},                 {"keep open", keep_open},
};

static const struct report {
	const char *part;
	void (*write)(char *text);
} reports[] = {
	{"descriptors", list_descriptors}, {"environment", report_environment}, {"signals", report_signals},
	{"place", report_place},           {"lock", report_lock},         {"first descriptors", try_descriptors},
	{"users", report_users},
};

/* The part of the helper in this program's tests. */
static int play(char **arguments)
{
	const char *part = arguments[HELPER_NAME];
	char text[32768] = "";

	for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
		if (strcmp(part, acts[i].part) == 0) {
			acts[i].play();
			return 0;
		}
	if (strcmp(part, "dies") == 0)
		return 0;
	if (strcmp(part, "nomad") == 0) { /* helper_try() */
		put_limit(PATIENCE);
		return 1;
	}
	strcpy(text, arguments[2]); /* "elapsed" */
	for (size_t i = 0; i < sizeof reports / sizeof *reports; i++)
		if (strcmp(part, reports[i].part) == 0) {
			text[0] = '\0';
			reports[i].write(text);
		}
	put_limit(PATIENCE);
	put_record(text, VERDICT_FOUND);
	return 0;
}

#endif
