/*
 * The token that Nomad is asked with, read from its file each time; see config_token() in config.h. Called by
 * nomad/agent.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TOKEN_MAX = 64 * 1024 }; /* octets; a workload identity has about 800, a header of Go's server 1 MiB */

__attribute__((format(printf, 3, 4))) static int fail(int error, char reason[CONFIG_REASON_MAX],
                                                      const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason, CONFIG_REASON_MAX, format, arguments);
	va_end(arguments);
	return -error;
}

/* Reads up to `size` octets; how many, or a negative errno. */
static ssize_t read_all(int descriptor, char *octets, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t count = read(descriptor, octets + used, size - used);
		if (count == 0)
			break;
		if (count < 0 && errno != EINTR)
			return -errno;
		used += count < 0 ? 0 : (size_t)count;
	}
	return (ssize_t)used;
}

/* Cuts blanks and newlines at the end; the rest goes into a header, which a control character would break out of. */
static bool trim(char *text, size_t size)
{
	while (size > 0 && strchr(" \t\r\n", text[size - 1]) != NULL)
		size--;
	text[size] = '\0';
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	return true;
}

static int read_token(const struct config *config, int descriptor, const char *path, char **token, char reason[CONFIG_REASON_MAX])
{
	struct stat status;
	int result = 0;
	char *text = malloc(TOKEN_MAX + 1);

	if (text == NULL)
		return fail(ENOMEM, reason, "out of memory");
	ssize_t size = read_all(descriptor, text, TOKEN_MAX + 1);
	if (fstat(descriptor, &status) < 0)
		result = config_file_refused(config, CONFIG_IS_TOKEN, path, errno, reason);
	else if (!S_ISREG(status.st_mode))
		result = fail(EINVAL, reason, "the token file %s is not a file; give the path of a file with the token", path);
	else if (size < 0)
		result = config_file_refused(config, CONFIG_IS_TOKEN, path, (int)-size, reason);
	else if (size > TOKEN_MAX)
		result = fail(EINVAL, reason, "the token file %s is larger than 64 KiB; it holds a token and nothing else", path);
	else if (!trim(text, (size_t)size))
		result = fail(EINVAL, reason, "the token file %s holds more than one line, or control characters; it holds a "
		                              "token and nothing else", path);
	else if (text[0] == '\0')
		result = fail(EINVAL, reason, "the token file %s is empty; write the token into it", path);
	if (result < 0) {
		free(text);
		return result;
	}
	if ((status.st_mode & (S_IROTH | S_IWOTH)) != 0)
		fail(0, reason, "every user of this host may read or change the token file %s; chmod o-rw %s", path, path);
	*token = text;
	return 0;
}

static int copy_token(const char *text, char **token, char reason[CONFIG_REASON_MAX])
{
	char *copy = strdup(text);

	if (copy == NULL)
		return fail(ENOMEM, reason, "out of memory");
	if (!trim(copy, strlen(copy))) {
		free(copy);
		return fail(EINVAL, reason, "NOMAD_TOKEN in the environment holds a control character; a token has none");
	}
	*token = copy;
	return 0;
}

static int read_file(const struct config *config, const char *path, char **token, char reason[CONFIG_REASON_MAX])
{
	/* A FIFO in its place would wait for a writer. */
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (descriptor < 0)
		return config_file_refused(config, CONFIG_IS_TOKEN, path, errno, reason);
	int result = read_token(config, descriptor, path, token, reason);
	close(descriptor);
	return result;
}

int config_token(const struct config *config, char **token, char reason[CONFIG_REASON_MAX])
{
	char *usual = NULL;
	int result;

	reason[0] = '\0';
	if (config->token != NULL)
		return copy_token(config->token, token, reason);
	if (config->token_file == NULL)
		usual = config_secret(CONFIG_TOKEN);
	if (config->token_file == NULL && usual == NULL)
		result = copy_token("", token, reason);
	else
		result = read_file(config, usual == NULL ? config->token_file : usual, token, reason);
	free(usual);
	return result;
}
