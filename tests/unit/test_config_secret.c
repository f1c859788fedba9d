/*
 * Secrets that no setting names (src/config_secret.c).
 *
 * SPDX-License-Identifier: MIT
 */
#include "config.h"

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is found of a credential with this content; NULL: there is none. */
static char *found_with(const char *content)
{
	char folder[SUPPORT_PATH_MAX], path[SUPPORT_PATH_MAX + 32];

	support_folder(folder);
	snprintf(path, sizeof path, "%s/a-secret-of-this-test", folder);
	if (content != NULL)
		support_write(path, content, strlen(content));
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	char *found = config_secret("a-secret-of-this-test");
	unsetenv("CREDENTIALS_DIRECTORY");
	if (found != NULL)
		ck_assert_str_eq(found, path);
	return found;
}

START_TEST(a_credential_of_the_service_is_taken)
{
	char *found = found_with("secret\n");

	ck_assert_ptr_nonnull(found);
	free(found);
}
END_TEST

START_TEST(an_empty_credential_is_none)
{
	ck_assert_ptr_null(found_with(""));
	ck_assert_ptr_null(found_with(" \n"));
	ck_assert_ptr_null(found_with(NULL));
}
END_TEST

START_TEST(without_credentials_there_is_the_usual_file)
{
	char *found = config_secret("passwd");

	ck_assert_str_eq(found, "/etc/passwd");
	free(found);
	ck_assert_ptr_null(config_secret("a-secret-of-this-test"));
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{a_credential_of_the_service_is_taken, 1},
		{an_empty_credential_is_none, 1},
		{without_credentials_there_is_the_usual_file, 1},
	};

	return support_run("config_secret", tests, sizeof tests / sizeof *tests);
}
