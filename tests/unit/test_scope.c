/*
 * Tests of src/scope.c: the namespaces that the daemon follows.
 *
 * SPDX-License-Identifier: MIT
 */
#include "scope.h"
#include "support.h"

#include <errno.h>

START_TEST(a_scope_holds_what_was_added_whatever_its_case)
{
	struct scope scope = {0};

	ck_assert(!scope_holds(&scope, "default"));
	for (const char *const *name = (const char *const[]){"prod", "Default", "a", "zoo", "PROD", "", "*", "a/b", NULL}; *name != NULL;
	     name++)
		ck_assert_int_eq(scope_add(&scope, *name), 0);
	ck_assert_uint_eq(scope.count, 4);
	ck_assert_str_eq(scope.names[0], "a");
	ck_assert_str_eq(scope.names[3], "zoo");
	ck_assert(scope_holds(&scope, "DEFAULT") && scope_holds(&scope, "prod") && scope_holds(&scope, "A"));
	ck_assert(!scope_holds(&scope, "pro") && !scope_holds(&scope, "prod2") && !scope_holds(&scope, ""));
	scope.all = true;
	ck_assert(scope_holds(&scope, "dev"));
	scope_done(&scope);
	ck_assert(!scope.all && scope.count == 0);
}
END_TEST

START_TEST(a_label_that_is_too_long_is_in_no_scope)
{
	char name[80];
	struct scope scope = {0};

	memset(name, 'x', sizeof name);
	name[sizeof name - 1] = '\0';
	ck_assert_int_eq(scope_add(&scope, name), 0);
	ck_assert_uint_eq(scope.count, 0);
	ck_assert(!scope_holds(&scope, name));
}
END_TEST

START_TEST(scopes_are_compared_and_copied)
{
	struct scope one = {0}, other = {0}, copy;

	ck_assert(scope_equal(&one, &other));
	scope_add(&one, "prod");
	scope_add(&one, "dev");
	ck_assert(!scope_equal(&one, &other));
	scope_add(&other, "Dev");
	scope_add(&other, "prod");
	ck_assert(scope_equal(&one, &other));
	ck_assert_int_eq(scope_copy(&one, &copy), 0);
	ck_assert(scope_equal(&one, &copy));
	copy.all = true;
	ck_assert(!scope_equal(&one, &copy));
	scope_done(&one);
	scope_done(&other);
	scope_done(&copy);
	ck_assert_int_eq(scope_copy(&one, &copy), 0);
}
END_TEST

START_TEST(without_memory_a_scope_is_as_it_was)
{
	struct scope scope = {0}, copy = {0};

	scope_add(&scope, "prod");
	support_fail_allocation(1);
	ck_assert_int_eq(scope_add(&scope, "dev"), -ENOMEM);
	support_fail_allocation(1);
	ck_assert_int_eq(scope_copy(&scope, &copy), -ENOMEM);
	support_fail_allocation(0);
	ck_assert(scope.count == 1 && scope_holds(&scope, "prod") && !scope_holds(&scope, "dev"));
	ck_assert_uint_eq(copy.count, 0);
	scope_done(&scope);
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{a_scope_holds_what_was_added_whatever_its_case, 1},
		{a_label_that_is_too_long_is_in_no_scope, 1},
		{scopes_are_compared_and_copied, 1},
		{without_memory_a_scope_is_as_it_was, 1},
	};

	return support_run("scope", tests, sizeof tests / sizeof *tests);
}
