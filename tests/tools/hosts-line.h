/*
 * What hosts-line.c and the module that it makes glibc ask have in common.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_TOOLS_HOSTS_LINE_H
#define TESTS_TOOLS_HOSTS_LINE_H

#include <nss.h>

/* Notes that glibc has asked a source, and says what that is to answer. */
typedef enum nss_status hosts_line_ask(const char *source);

/* The module's; the program sets it before it asks glibc. */
extern hosts_line_ask *hosts_line_asked;

#endif
