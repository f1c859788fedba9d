/*
 * The module's functions, taken from libnss_nomad.so.2 as glibc takes them; for the tools that call them directly.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_TOOLS_MODULE_H
#define TESTS_TOOLS_MODULE_H

#include <dlfcn.h>
#include <err.h>
#include <netdb.h>
#include <nss.h>
#include <stdint.h>

struct module {
	enum nss_status (*by_name4)(const char *, struct gaih_addrtuple **, char *, size_t, int *, int *, int32_t *);
	enum nss_status (*by_name3)(const char *, int, struct hostent *, char *, size_t, int *, int *, int32_t *, char **);
	enum nss_status (*by_name2)(const char *, int, struct hostent *, char *, size_t, int *, int *);
	enum nss_status (*by_name)(const char *, struct hostent *, char *, size_t, int *, int *);
};

static inline void *module_symbol(void *library, const char *name)
{
	void *symbol = dlsym(library, name);

	if (symbol == NULL)
		errx(1, "%s", dlerror());
	return symbol;
}

static inline struct module module_open(void)
{
	void *library = dlopen("libnss_nomad.so.2", RTLD_NOW | RTLD_LOCAL);
	struct module module;

	if (library == NULL)
		errx(1, "%s", dlerror());
	*(void **)&module.by_name4 = module_symbol(library, "_nss_nomad_gethostbyname4_r");
	*(void **)&module.by_name3 = module_symbol(library, "_nss_nomad_gethostbyname3_r");
	*(void **)&module.by_name2 = module_symbol(library, "_nss_nomad_gethostbyname2_r");
	*(void **)&module.by_name = module_symbol(library, "_nss_nomad_gethostbyname_r");
	return module;
}

#endif
