/*
 * The files that the configuration names; see config_file.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAEMON "nomad-dns-srv"

enum {
	PEM_MAX = 1024 * 1024, /* bytes; the system's own authorities have 200 KiB */
	OWNER_MAX = 64,        /* bytes with the NUL, of a user's or a group's name */
	MODE_BITS = 07777,
};

/* What each file is called, what tells that it holds it, and what it is not if that is missing. */
static const struct {
	const char *noun, *mark, *lack;
	const char *usual; /* where the service loads it from by itself; NULL: it is no secret */
} files[] = {
	[CONFIG_IS_TOKEN] = {"token-file", NULL, NULL, "/etc/" CONFIG_TOKEN},
	[CONFIG_IS_CA] = {"ca-file", "CERTIFICATE-----", "holds no certificate in PEM", NULL},
	[CONFIG_IS_CERTIFICATE] = {"cert-file", "CERTIFICATE-----", "holds no certificate in PEM", NULL},
	[CONFIG_IS_KEY] = {"key-file", "PRIVATE KEY-----", "holds no private key in PEM", "/etc/" CONFIG_KEY},
};

__attribute__((format(printf, 3, 4))) static int refuse(int error, char reason[CONFIG_REASON_MAX], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason, CONFIG_REASON_MAX, format, arguments);
	va_end(arguments);
	return -error;
}

static void name_user(uid_t user, char name[OWNER_MAX])
{
	char buffer[1024];
	struct passwd entry, *found = NULL;

	getpwuid_r(user, &entry, buffer, sizeof buffer, &found);
	if (found == NULL)
		snprintf(name, OWNER_MAX, "%u", (unsigned)user);
	else
		snprintf(name, OWNER_MAX, "%s", found->pw_name);
}

static void name_group(gid_t number, char name[OWNER_MAX])
{
	char buffer[1024];
	struct group entry, *found = NULL;

	getgrgid_r(number, &entry, buffer, sizeof buffer, &found);
	if (found == NULL)
		snprintf(name, OWNER_MAX, "%u", (unsigned)number);
	else
		snprintf(name, OWNER_MAX, "%s", found->gr_name);
}

/* What stands in the way to a file: itself, or the nearest directory above that can be looked at. */
static void find_obstacle(const char *path, char obstacle[PATH_MAX], struct stat *status)
{
	snprintf(obstacle, PATH_MAX, "%s", path);
	while (stat(obstacle, status) < 0) {
		char *slash = strrchr(obstacle, '/');
		if (slash == NULL || slash == obstacle) {
			strcpy(obstacle, slash == NULL ? "." : "/");
			if (stat(obstacle, status) < 0)
				*status = (struct stat){0};
			return;
		}
		*slash = '\0';
	}
}

/* What to do about a file that may not be read. */
static void advise_denied(const struct config *config, enum config_file what, bool reached, char *advice, size_t size)
{
	const char *usual = files[what].usual;

	if (usual == NULL)
		snprintf(advice, size, reached ? "chmod 644 it, a certificate is not a secret"
		                               : "put it where every user can reach it, a certificate is not a secret");
	else if (config->for_daemon && reached)
		snprintf(advice, size, "chown root:" DAEMON " and chmod 640 it, or move it to %s, which the service loads as root "
		         "(" DAEMON "(8))", usual);
	else if (config->for_daemon)
		snprintf(advice, size, "move it to %s, which the service loads as root (" DAEMON "(8))", usual);
	else
		snprintf(advice, size, "run " DAEMON ", which alone then needs it, or %s", reached
		         ? "make it readable for a group that this user is in" : "let this user into that directory");
}

static int refuse_denied(const struct config *config, enum config_file what, const char *path, int error,
                         char reason[CONFIG_REASON_MAX])
{
	char obstacle[PATH_MAX], owner[OWNER_MAX], group[OWNER_MAX], advice[256];
	struct stat status;

	find_obstacle(path, obstacle, &status);
	bool reached = strcmp(obstacle, path) == 0;
	name_user(status.st_uid, owner);
	name_group(status.st_gid, group);
	advise_denied(config, what, reached, advice, sizeof advice);
	return refuse(error, reason, "cannot read %s %s: %s (%s%smode %04o, owner %s, group %s); %s", files[what].noun, path,
	              strerror(error), reached ? "" : obstacle, reached ? "" : ": ", (unsigned)status.st_mode & MODE_BITS, owner,
	              group, advice);
}

int config_file_refused(const struct config *config, enum config_file what, const char *path, int error,
                        char reason[CONFIG_REASON_MAX])
{
	if (error == EACCES || error == EPERM)
		return refuse_denied(config, what, path, error, reason);
	if (error == ENOENT && what == CONFIG_IS_TOKEN)
		return refuse(error, reason, "cannot read %s %s: %s; create it (nomad acl token create, see docs/acl-tls.md), or take "
		              "token-file out of the configuration", files[what].noun, path, strerror(error));
	return refuse(error, reason, "cannot read %s %s: %s%s", files[what].noun, path, strerror(error),
	              error == ENOENT ? "; correct the path" : "");
}

/* Reads a text of at most PEM_MAX bytes, which is released with free(); NULL and errno. */
static char *read_text(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	int error;

	if (file == NULL)
		return NULL;
	text = malloc(PEM_MAX + 1);
	if (text != NULL) {
		size_t size = fread(text, 1, PEM_MAX, file);
		text[size] = '\0';
	}
	error = text == NULL ? ENOMEM : ferror(file) ? errno : 0;
	fclose(file);
	if (error == 0)
		return text;
	free(text);
	errno = error;
	return NULL;
}

static int check_file(const struct config *config, enum config_file what, const char *path, char reason[CONFIG_REASON_MAX])
{
	struct stat status;

	if (path == NULL)
		return 0;
	if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
		return refuse(EINVAL, reason, "%s %s is not a file", files[what].noun, path);
	char *text = read_text(path);
	if (text == NULL)
		return config_file_refused(config, what, path, errno, reason);
	const char *mark = strstr(text, files[what].mark);
	bool encrypted = what == CONFIG_IS_KEY && strstr(text, "ENCRYPTED") != NULL;
	free(text);
	if (mark == NULL)
		return refuse(EINVAL, reason, "%s %s %s", files[what].noun, path, files[what].lack);
	if (encrypted)
		return refuse(EINVAL, reason, "%s %s is encrypted with a passphrase; decrypt it: openssl pkey -in OLD -out NEW",
		              files[what].noun, path);
	return 0;
}

int config_check_tls(const struct config *config, char reason[CONFIG_REASON_MAX])
{
	int result = check_file(config, CONFIG_IS_CA, config->ca_file, reason);

	if (result == 0)
		result = check_file(config, CONFIG_IS_CERTIFICATE, config->cert_file, reason);
	if (result == 0)
		result = check_file(config, CONFIG_IS_KEY, config->key_file, reason);
	return result;
}

bool config_shows_password(const struct config *config, const char *path, char reason[CONFIG_REASON_MAX])
{
	const char *from_environment = secure_getenv("NOMAD_ADDR");
	struct stat status;
	bool has_password = false;

	if (from_environment != NULL && from_environment[0] != '\0')
		return false;
	for (size_t i = 0; i < config->addresses.count; i++)
		has_password |= strchr(config->addresses.words[i], '@') != NULL && strncasecmp(config->addresses.words[i], "unix:", 5) != 0;
	if (!has_password || stat(path, &status) < 0 || (status.st_mode & S_IROTH) == 0)
		return false;
	snprintf(reason, CONFIG_REASON_MAX, "every user of this host may read the password in address in %s (mode %04o); take it out "
	         "of there and give it to the daemon alone: NOMAD_HTTP_AUTH=USER:PASSWORD in its environment", path,
	         (unsigned)status.st_mode & MODE_BITS);
	return true;
}
