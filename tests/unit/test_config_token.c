/*
 * Tests of src/config_token.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "config.h"
#include "support.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOBODY = 65534 };

/* Writes a token file of mode 0600 in a folder of its own. */
static void write_token(const void *text, size_t size, char path[SUPPORT_PATH_MAX])
{
	char folder[SUPPORT_PATH_MAX];

	support_folder(folder);
	support_path(folder, "token", path);
	support_write(path, text, size);
	ck_assert_int_eq(chmod(path, 0600), 0);
}

static int read_token(char *path, char **token, char *reason)
{
	struct config config = {.token_file = path};

	return config_token(&config, token, reason);
}

static const struct {
	const char *text, *wanted;
} texts[] = {
	{"secret", "secret"},
	{"secret\n", "secret"},
	{"secret\r\n\n \t", "secret"},
	{"two words", "two words"},
	{"12345678-1234-1234-1234-123456789abc\n", "12345678-1234-1234-1234-123456789abc"},
};

START_TEST(token_is_the_files_text_without_its_end)
{
	char path[SUPPORT_PATH_MAX], reason[CONFIG_REASON_MAX] = "before", *token;

	write_token(texts[_i].text, strlen(texts[_i].text), path);
	ck_assert_int_eq(read_token(path, &token, reason), 0);
	ck_assert_str_eq(token, texts[_i].wanted);
	ck_assert_str_eq(reason, "");
	free(token);
}
END_TEST

static const struct {
	const char *text;
	size_t size;
	const char *reason;
} bad_texts[] = {
	{"", 0, "is empty"},
	{" \n", 2, "is empty"},
	{"a\nX-Injected: b", 15, "control characters"},
	{"a\rb", 3, "control characters"},
	{"a\0b", 3, "control characters"},
	{"a\x7f" "b", 3, "control characters"},
};

START_TEST(token_that_would_break_out_of_its_header_is_refused)
{
	char path[SUPPORT_PATH_MAX], reason[CONFIG_REASON_MAX], *token = NULL;

	write_token(bad_texts[_i].text, bad_texts[_i].size, path);
	ck_assert_int_eq(read_token(path, &token, reason), -EINVAL);
	ck_assert_ptr_null(token);
	ck_assert_msg(strstr(reason, bad_texts[_i].reason) != NULL && strstr(reason, path) != NULL, "%s", reason);
}
END_TEST

START_TEST(token_has_at_most_64_kib)
{
	char path[SUPPORT_PATH_MAX], reason[CONFIG_REASON_MAX], *token;
	size_t size = 64 * 1024;
	char *text = malloc(size + 1);

	memset(text, 't', size + 1);
	write_token(text, size, path);
	ck_assert_int_eq(read_token(path, &token, reason), 0);
	ck_assert_uint_eq(strlen(token), size);
	free(token);
	write_token(text, size + 1, path);
	ck_assert_int_eq(read_token(path, &token, reason), -EINVAL);
	ck_assert_ptr_nonnull(strstr(reason, "64 KiB"));
	free(text);
}
END_TEST

START_TEST(missing_file_is_said)
{
	char folder[SUPPORT_PATH_MAX], path[SUPPORT_PATH_MAX], reason[CONFIG_REASON_MAX], *token;

	support_folder(folder);
	support_path(folder, "none", path);
	ck_assert_int_eq(read_token(path, &token, reason), -ENOENT);
	ck_assert_msg(strstr(reason, path) != NULL && strstr(reason, "No such file or directory; create it") != NULL, "%s", reason);
}
END_TEST

START_TEST(what_is_no_file_is_refused_and_never_waited_for)
{
	char folder[SUPPORT_PATH_MAX], path[SUPPORT_PATH_MAX], reason[CONFIG_REASON_MAX], *token;

	support_folder(folder);
	ck_assert_int_eq(read_token(folder, &token, reason), -EINVAL);
	ck_assert_ptr_nonnull(strstr(reason, "is not a file"));
	support_path(folder, "pipe", path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(read_token(path, &token, reason), -EINVAL);
	ck_assert_ptr_nonnull(strstr(reason, "is not a file"));
}
END_TEST

START_TEST(token_that_all_may_read_is_used_with_a_warning)
{
	char path[SUPPORT_PATH_MAX], reason[CONFIG_REASON_MAX], *token;

	write_token("secret", 6, path);
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_assert_int_eq(read_token(path, &token, reason), 0);
	ck_assert_str_eq(token, "secret");
	ck_assert_msg(strstr(reason, "chmod o-rw") != NULL, "%s", reason);
	free(token);
	ck_assert_int_eq(chmod(path, 0640), 0);
	ck_assert_int_eq(read_token(path, &token, reason), 0);
	ck_assert_str_eq(reason, "");
	free(token);
}
END_TEST

/* Reads a token as nobody; root alone can become that, anybody else is it. */
static int read_token_as_nobody(char *path, char **token, char *reason)
{
	bool is_root = geteuid() == 0;

	if (is_root) {
		ck_assert_int_eq(setgroups(0, NULL), 0);
		ck_assert_int_eq(setegid(NOBODY), 0);
		ck_assert_int_eq(seteuid(NOBODY), 0);
	}
	int result = read_token(path, token, reason);
	if (is_root) {
		ck_assert_int_eq(seteuid(0), 0);
		ck_assert_int_eq(setegid(0), 0);
		prctl(PR_SET_DUMPABLE, 1L); /* or no sanitizer can look for leaks */
	}
	return result;
}

START_TEST(file_without_permission_is_said_with_what_to_do)
{
	char path[SUPPORT_PATH_MAX], folder[SUPPORT_PATH_MAX], reason[CONFIG_REASON_MAX], *token;

	write_token("secret", 6, path);
	ck_assert_int_eq(chmod(path, geteuid() == 0 ? 0640 : 0040), 0);
	/* The way to it is open: the test's folder, and that of all tests. */
	strcpy(folder, path);
	ck_assert_int_eq(chmod(dirname(folder), 0711), 0);
	ck_assert_int_eq(chmod(dirname(folder), 0711), 0);
	ck_assert_int_eq(read_token_as_nobody(path, &token, reason), -EACCES);
	ck_assert_msg(strstr(reason, path) != NULL && strstr(reason, "nomad-dns-srv") != NULL, "%s", reason);
	ck_assert_msg(strstr(reason, "group") != NULL && strstr(reason, "(mode 0") != NULL, "%s", reason);
	ck_assert_ptr_null(strstr(reason, "secret"));
}
END_TEST

START_TEST(folder_without_permission_is_said)
{
	char path[SUPPORT_PATH_MAX], folder[SUPPORT_PATH_MAX], reason[CONFIG_REASON_MAX], *token;

	write_token("secret", 6, path);
	strcpy(folder, path);
	ck_assert_int_eq(chmod(dirname(folder), geteuid() == 0 ? 0700 : 0), 0);
	ck_assert_int_eq(read_token_as_nobody(path, &token, reason), -EACCES);
	ck_assert_msg(strstr(reason, path) != NULL && strstr(reason, "directory") != NULL, "%s", reason);
	chmod(folder, 0700);
}
END_TEST

START_TEST(environments_token_wins_over_the_file)
{
	char path[SUPPORT_PATH_MAX], reason[CONFIG_REASON_MAX], *token;

	write_token("of the file", 11, path);
	struct config config = {.token = (char *)"of the environment", .token_file = path};
	ck_assert_int_eq(config_token(&config, &token, reason), 0);
	ck_assert_str_eq(token, "of the environment");
	free(token);
	config.token = (char *)"a\nb";
	ck_assert_int_eq(config_token(&config, &token, reason), -EINVAL);
	ck_assert_ptr_nonnull(strstr(reason, "NOMAD_TOKEN"));
}
END_TEST

START_TEST(no_token_is_an_empty_one)
{
	char reason[CONFIG_REASON_MAX], *token;
	struct config config = {0};

	ck_assert_int_eq(config_token(&config, &token, reason), 0);
	ck_assert_str_eq(token, "");
	ck_assert_str_eq(reason, "");
	free(token);
}
END_TEST

START_TEST(without_memory_there_is_no_token)
{
	char path[SUPPORT_PATH_MAX], reason[CONFIG_REASON_MAX], *token = NULL;

	write_token("secret", 6, path);
	support_fail_allocation(1);
	ck_assert_int_eq(read_token(path, &token, reason), -ENOMEM);
	ck_assert(support_fail_allocation(0));
	ck_assert_ptr_null(token);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{token_is_the_files_text_without_its_end, sizeof texts / sizeof *texts},
		{token_that_would_break_out_of_its_header_is_refused, sizeof bad_texts / sizeof *bad_texts},
		{token_has_at_most_64_kib, 1},
		{missing_file_is_said, 1},
		{what_is_no_file_is_refused_and_never_waited_for, 1},
		{token_that_all_may_read_is_used_with_a_warning, 1},
		{file_without_permission_is_said_with_what_to_do, 1},
		{folder_without_permission_is_said, 1},
		{environments_token_wins_over_the_file, 1},
		{no_token_is_an_empty_one, 1},
		{without_memory_there_is_no_token, 1},
	};

	return support_run("config_token", tests, sizeof tests / sizeof *tests);
}
