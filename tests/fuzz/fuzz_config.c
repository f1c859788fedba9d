/*
 * Fuzz target: src/config.c, config_keys.c and url.c. The input is a configuration; what is refused has a reason of
 * one line, what is taken is complete and gives itself back.
 *
 * SPDX-License-Identifier: MIT
 */
#include "config.h"
#include "url.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(const struct config *config)
{
	char shown[URL_TEXT_MAX];
	const char *wrong;
	struct url url;

	assert(config->addresses.count > 0 && config->namespaces.count > 0);
	for (size_t i = 0; i < config->addresses.count; i++) {
		assert(url_parse(config->addresses.words[i], &url, &wrong));
		url_text(&url, shown);
		assert(url_parse(shown, &url, &wrong));
	}
	assert(strlen(config_default_namespace(config)) > 0);
	assert(config->ttl >= 1 && config->timeout >= 100 && config->udp_size >= 512);
	assert(config->publish != NULL && config->log_level != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64], reason[CONFIG_REASON_MAX] = "";
	struct config config;
	int file = memfd_create("configuration", MFD_CLOEXEC);

	if (file < 0 || write(file, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	if (config_load(path, &config, reason) == 0) {
		look_at(&config);
		config_done(&config);
	} else {
		assert(reason[0] != '\0' && strchr(reason, '\n') == NULL);
	}
	close(file);
	return 0;
}
