/*
 * Tests of src/config.c and config_keys.c, and of the example that is installed.
 *
 * SPDX-License-Identifier: MIT
 */
#include "config.h"
#include "config_keys.h"
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const variables[] = {
	"NOMAD_ADDR",        "NOMAD_TOKEN",      "NOMAD_REGION",          "NOMAD_NAMESPACE",   "NOMAD_CACERT",    "NOMAD_CAPATH",
	"NOMAD_CLIENT_CERT", "NOMAD_CLIENT_KEY", "NOMAD_TLS_SERVER_NAME", "NOMAD_SKIP_VERIFY", "NOMAD_HTTP_AUTH",
};

/* The test's own environment has none of Nomad's. */
static void clear_environment(void)
{
	for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
		unsetenv(variables[i]);
}

/* Writes a configuration and loads it. */
static int load(const char *text, size_t size, struct config *config, char *reason)
{
	char folder[SUPPORT_PATH_MAX], path[SUPPORT_PATH_MAX];

	clear_environment();
	support_folder(folder);
	support_path(folder, "nss-nomad.conf", path);
	support_write(path, text, size);
	reason[0] = '\0';
	return config_load(path, config, reason);
}

static int load_text(const char *text, struct config *config, char *reason)
{
	return load(text, strlen(text), config, reason);
}

/* The words of a list, with blanks between. */
static const char *joined(const struct words *words)
{
	static char text[SUPPORT_TEXT_MAX];
	char *at = text;

	text[0] = '\0';
	for (size_t i = 0; i < words->count; i++)
		at += sprintf(at, "%s%s", i == 0 ? "" : " ", words->words[i]);
	return text;
}

START_TEST(empty_file_gives_the_defaults)
{
	char reason[CONFIG_REASON_MAX];
	struct config config;

	ck_assert_int_eq(load_text("", &config, reason), 0);
	ck_assert_str_eq(joined(&config.addresses), "http://127.0.0.1:4646");
	ck_assert_str_eq(joined(&config.namespaces), "*");
	ck_assert_str_eq(joined(&config.listen), "127.0.0.1:1053 [::1]:1053");
	ck_assert_uint_eq(config.reverse.count, 0);
	ck_assert_uint_eq(config.ttl, 10);
	ck_assert_uint_eq(config.negative_ttl, 3);
	ck_assert_uint_eq(config.max_stale, 3600);
	ck_assert_uint_eq(config.timeout, 2000);
	ck_assert_int_eq(config.reading, NAME_SERVICE_LABEL);
	ck_assert_uint_eq(config.udp_size, 1232);
	ck_assert(config.cookies && !config.query_log && !config.skip_verify);
	ck_assert_ptr_null(config.token);
	ck_assert_ptr_null(config.token_file);
	ck_assert_ptr_null(config.cookie_secret);
	ck_assert_str_eq(config.publish, "/run/nomad-dns-srv");
	ck_assert_str_eq(config.log_level, "notice");
	ck_assert_str_eq(config_default_namespace(&config), "default");
	config_done(&config);
	config_done(&config);
}
END_TEST

/* Values as they may be written, and what becomes of them: the texts of all lists and the numbers in one line. */
static const struct {
	const char *text;
	size_t offset;
	uint32_t wanted;
} numbers[] = {
	{"[answers]\nttl = 5\n", offsetof(struct config, ttl), 5},
	{"[answers]\nttl=5s", offsetof(struct config, ttl), 5},
	{"[answers]\r\nttl = 2m\r\n", offsetof(struct config, ttl), 120},
	{"[answers]\nttl = 3000ms\n", offsetof(struct config, ttl), 3},
	{"[answers]\nttl = 1d\n", offsetof(struct config, ttl), 86400},
	{"\xef\xbb\xbf[answers]\n  ttl\t=\t7\t\n", offsetof(struct config, ttl), 7},
	{"# ttl = 1\n; ttl = 2\n[answers]\nttl = 9s ; three\n", offsetof(struct config, ttl), 9},
	{"[answers]\nttl: 8\n", offsetof(struct config, ttl), 8},
	{"[answers]\nmax-stale = 0\n", offsetof(struct config, max_stale), 0},
	{"[answers]\nmax-stale = 365d\n", offsetof(struct config, max_stale), 31536000},
	{"[answers]\ntimeout = 100ms\n", offsetof(struct config, timeout), 100},
	{"[answers]\ntimeout = 30\n", offsetof(struct config, timeout), 30000},
	{"[dns]\nworkers = 48\n", offsetof(struct config, workers), 48},
	{"[dns]\nrate-limit = 0\n", offsetof(struct config, rate_limit), 0},
	{"[dns]\ntcp-idle = 1h\n", offsetof(struct config, tcp_idle), 3600},
	{"[answers]\nservice-label = no\n", offsetof(struct config, reading), NAME_PLAIN},
};

START_TEST(number_or_duration_is_read)
{
	char reason[CONFIG_REASON_MAX];
	struct config config;
	uint32_t number;

	ck_assert_msg(load_text(numbers[_i].text, &config, reason) == 0, "%s", reason);
	memcpy(&number, (char *)&config + numbers[_i].offset, sizeof number);
	ck_assert_uint_eq(number, numbers[_i].wanted);
	config_done(&config);
}
END_TEST

START_TEST(text_and_list_are_read)
{
	static const char text[] =
		"[nomad]\naddress = https://a.example:4646   unix:///s/api.sock\nnamespace = prod dev\nregion = eu west\n"
		"token-file = /etc/token\n[dns]\nlisten =\ncookies = no\nallow = 10.0.0.0/8 2001:db8::/32 192.0.2.1\n"
		"cookie-secret = 00112233445566778899aAbBcCdDeEfF\n[daemon]\nquery-log = yes\nmetrics = 127.0.0.1:0\n";
	char reason[CONFIG_REASON_MAX];
	struct config config;

	ck_assert_msg(load_text(text, &config, reason) == 0, "%s", reason);
	ck_assert_str_eq(joined(&config.addresses), "https://a.example:4646 unix:///s/api.sock");
	ck_assert_str_eq(joined(&config.namespaces), "prod dev");
	ck_assert_str_eq(config_default_namespace(&config), "prod");
	ck_assert_str_eq(config.region, "eu west");
	ck_assert_str_eq(config.token_file, "/etc/token");
	ck_assert_uint_eq(config.listen.count, 0);
	ck_assert_str_eq(joined(&config.allow), "10.0.0.0/8 2001:db8::/32 192.0.2.1");
	ck_assert(!config.cookies && config.query_log);
	ck_assert_str_eq(config.metrics, "127.0.0.1:0");
	config_done(&config);
}
END_TEST

/* A wrong file, and the parts that the message has to have: the line, the key, what is allowed. */
#define SIXTY_FOUR "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
	const char *text;
	const char *line, *key, *allowed;
} mistakes[] = {
	{"[answers]\n\nttl = 0\n", "line 3:", "ttl", "from 1s to 1d"},
	{"[answers]\nttl = 25h\n", "line 2:", "ttl", "from 1s to 1d"},
	{"[answers]\nttl = 1500ms\n", "line 2:", "ttl", "from 1s to 1d"},
	{"[answers]\nttl = 1.5s\n", "line 2:", "ttl", "number with ms, s, m, h or d"},
	{"[answers]\nttl = -1\n", "line 2:", "ttl", "from 1s to 1d"},
	{"[answers]\nttl =\n", "line 2:", "ttl", "from 1s to 1d"},
	{"[answers]\nttl = 10 # why\n", "line 2:", "ttl", "a comment cannot stand at the end of a line"},
	{"[answers]\nttl = 99999999999999999999s\n", "line 2:", "ttl", "from 1s to 1d"},
	{"[answers]\ntimeout = 99ms\n", "line 2:", "timeout", "from 100ms to 30s"},
	{"[answers]\nservice-label = true\n", "line 2:", "service-label", "yes or no"},
	{"[answers]\nfoo = 1\n", "line 2:", "foo", "ttl, negative-ttl, max-stale"},
	{"[answers]\ntll = 1\n", "line 2:", "tll", "did you mean ttl?"},
	{"[answers]\nmax_stale = 1\n", "line 2:", "max_stale", "did you mean max-stale?"},
	{"[nomad]\nadress = http://a\n", "line 2:", "adress", "did you mean address?"},
	{"[nomad]\ntoken = abc\n", "line 2:", "token", "did you mean token-file?"},
	{"[nomad]\nttl = 1\n", "line 2:", "ttl", "ttl belongs into [answers], not into [nomad]"},
	{"[Answers]\nttl = 1\n", "line 2:", "[Answers]", "did you mean [answers]?"},
	{"[other]\nttl = 1\n", "line 2:", "[other]", "nomad, answers, dns, daemon"},
	{"[nomad]\naddress = \"http://a\"\n", "line 2:", "address", "write it without quotes"},
	{"[nomad]\naddress = http://a, http://b\n", "line 2:", "address", "separated by spaces, not commas"},
	{"[nomad]\naddress = http://a/v1\n", "line 2:", "address", "an address ends after its port"},
	{"[daemon]\nlog-level = warn\n", "line 2:", "log-level", "did you mean warning?"},
	{"[dns]\nallow = 10.0.0.0/8,127.0.0.0/8\n", "line 2:", "allow", "not commas"},
	{"[answer]\nttl = 1\n", "line 2:", "[answer]", "did you mean [answers]?"},
	{"ttl = 1\n", "line 1:", "ttl", "nomad, answers, dns, daemon"},
	{"[answers]\nTTL = 1\n", "line 2:", "TTL", "did you mean ttl?"},
	{"[answers]\nttl = 1\nttl = 2\n", "line 3:", "ttl", "twice"},
	{"[answers]\nttl\n", "line 2:", "", "KEY = VALUE"},
	{"[answers\nttl = 1\n", "line 1:", "", "[SECTION]"},
	{"[nomad]\naddress = 127.0.0.1:4646\n", "line 2:", "address", "http://"},
	{"[nomad]\naddress = http://a http://redis.default.nomad:80\n", "line 2:", "address", "tls-server-name"},
	{"[nomad]\naddress =\n", "line 2:", "address", "cannot be empty"},
	{"[nomad]\nnamespace = a_b\n", "line 2:", "namespace", "letters, digits, -"},
	{"[nomad]\nnamespace = a " SIXTY_FOUR "\n", "line 2:", "namespace", "a label of a name has at most 63 characters"},
	{"[nomad]\ntoken-file = token\n", "line 2:", "token-file", "starts with /"},
	{"[nomad]\nregion = a\033[1m\n", "line 2:", "region", "control character"},
	{"[dns]\nlisten = 127.0.0.1\n", "line 2:", "listen", "ADDRESS:PORT"},
	{"[dns]\nlisten = ::1:53\n", "line 2:", "listen", "[ADDRESS]:PORT"},
	{"[dns]\nlisten = localhost:53\n", "line 2:", "listen", "ADDRESS:PORT"},
	{"[dns]\nlisten = 127.0.0.1:65536\n", "line 2:", "listen", "ADDRESS:PORT"},
	{"[dns]\nallow = 10.0.0.0/33\n", "line 2:", "allow", "ADDRESS/LENGTH"},
	{"[dns]\nallow = 10.0.0.1/8\n", "line 2:", "allow", "write 10.0.0.0/8"},
	{"[dns]\nreverse = 2001:db8::1/32\n", "line 2:", "reverse", "write 2001:db8::/32"},
	{"[dns]\nworkers = 49\n", "line 2:", "workers", "from 1 to 48"},
	{"[dns]\nudp-size = 511\n", "line 2:", "udp-size", "from 512 to 4096"},
	{"[dns]\ncookie-secret = 0011\n", "line 2:", "cookie-secret", "32 hexadecimal digits"},
	{"[daemon]\nlog-level = loud\n", "line 2:", "log-level", "error, warning, notice"},
	{"[daemon]\npublish =\n", "line 2:", "publish", "cannot be empty"},
};

START_TEST(mistake_is_said_with_line_key_and_what_is_allowed)
{
	char reason[CONFIG_REASON_MAX];
	struct config config = {.ttl = 4711};

	ck_assert_int_eq(load_text(mistakes[_i].text, &config, reason), -EINVAL);
	ck_assert_msg(strstr(reason, "/nss-nomad.conf, line") != NULL, "no file in: %s", reason);
	ck_assert_msg(strstr(reason, mistakes[_i].line) != NULL, "no %s in: %s", mistakes[_i].line, reason);
	ck_assert_msg(strstr(reason, mistakes[_i].key) != NULL, "no %s in: %s", mistakes[_i].key, reason);
	ck_assert_msg(strstr(reason, mistakes[_i].allowed) != NULL, "no %s in: %s", mistakes[_i].allowed, reason);
	ck_assert_uint_eq(config.ttl, 4711);
}
END_TEST

START_TEST(first_mistake_is_the_one_that_is_said)
{
	char reason[CONFIG_REASON_MAX];
	struct config config;

	ck_assert_int_eq(load_text("[answers]\njunk\nttl = 0\n", &config, reason), -EINVAL);
	ck_assert_msg(strstr(reason, "line 2:") != NULL, "%s", reason);
	ck_assert_int_eq(load_text("[answers]\nttl = 0\njunk\n", &config, reason), -EINVAL);
	ck_assert_msg(strstr(reason, "line 2:") != NULL, "%s", reason);
}
END_TEST

START_TEST(password_in_an_address_is_not_said)
{
	char reason[CONFIG_REASON_MAX];
	struct config config;

	ck_assert_int_eq(load_text("[nomad]\naddress = http://me:sesame@host:0\n", &config, reason), -EINVAL);
	ck_assert_ptr_null(strstr(reason, "sesame"));
	ck_assert_ptr_nonnull(strstr(reason, "from 1 to 65535"));
}
END_TEST

START_TEST(line_of_4095_octets_is_read_whole_and_longer_is_refused)
{
	char reason[CONFIG_REASON_MAX], text[8192];
	struct config config;
	size_t length = (size_t)sprintf(text, "[nomad]\nregion = ");

	memset(text + length, 'r', 4095 - strlen("region = "));
	strcpy(text + length + 4095 - strlen("region = "), "\n[answers]\nttl = 4\n");
	ck_assert_msg(load_text(text, &config, reason) == 0, "%s", reason);
	ck_assert_uint_eq(strlen(config.region), 4095 - strlen("region = "));
	ck_assert_uint_eq(config.ttl, 4);
	config_done(&config);

	memset(text + length, 'r', 4096 - strlen("region = "));
	strcpy(text + length + 4096 - strlen("region = "), "\n");
	ck_assert_int_eq(load_text(text, &config, reason), -EINVAL);
	ck_assert_msg(strstr(reason, "line 2: a line has at most 4095 bytes") != NULL, "%s", reason);
}
END_TEST

START_TEST(file_that_is_no_text_is_refused)
{
	static const char nul[] = "[answers]\nttl = 1\0\n";
	char reason[CONFIG_REASON_MAX];
	struct config config;
	size_t size = 1024 * 1024 + 1;
	char *large = malloc(size);

	ck_assert_int_eq(load(nul, sizeof nul - 1, &config, reason), -EINVAL);
	ck_assert_ptr_nonnull(strstr(reason, "NUL"));
	memset(large, '\n', size);
	ck_assert_int_eq(load(large, size, &config, reason), -EINVAL);
	ck_assert_ptr_nonnull(strstr(reason, "1 MiB"));
	ck_assert_int_eq(load(large, size - 1, &config, reason), 0);
	config_done(&config);
	free(large);
}
END_TEST

START_TEST(file_that_cannot_be_read_is_said)
{
	char reason[CONFIG_REASON_MAX], folder[SUPPORT_PATH_MAX], path[SUPPORT_PATH_MAX];
	struct config config;

	clear_environment();
	support_folder(folder);
	support_path(folder, "missing", path);
	ck_assert_int_eq(config_load(path, &config, reason), -ENOENT);
	ck_assert_ptr_nonnull(strstr(reason, path));
	ck_assert_int_eq(config_load(folder, &config, reason), -EISDIR);
	ck_assert_ptr_nonnull(strstr(reason, folder));
}
END_TEST

START_TEST(more_than_64_words_are_refused)
{
	char reason[CONFIG_REASON_MAX], text[2048] = "[nomad]\nnamespace =";
	struct config config;

	for (int i = 0; i < 64; i++)
		strcat(text, " n");
	ck_assert_int_eq(load_text(text, &config, reason), 0);
	config_done(&config);
	ck_assert_int_eq(load_text(strcat(text, " n"), &config, reason), -EINVAL);
	ck_assert_ptr_nonnull(strstr(reason, "64 words"));
}
END_TEST

START_TEST(environment_wins_over_the_file)
{
	char reason[CONFIG_REASON_MAX], folder[SUPPORT_PATH_MAX], path[SUPPORT_PATH_MAX];
	static const char text[] = "[nomad]\naddress = http://file\nregion = file\nnamespace = file\nca-file = /file\n"
				   "tls-server-name = file\ncert-file = /file\nkey-file = /file\n";
	struct config config;

	clear_environment();
	support_folder(folder);
	support_path(folder, "nss-nomad.conf", path);
	support_write(path, text, strlen(text));
	setenv("NOMAD_ADDR", "unix:///environment", 1);
	setenv("NOMAD_REGION", "environment", 1);
	setenv("NOMAD_NAMESPACE", "environment", 1);
	setenv("NOMAD_TOKEN", "token", 1);
	setenv("NOMAD_CACERT", "ca.pem", 1);
	setenv("NOMAD_CAPATH", "folder", 1);
	setenv("NOMAD_CLIENT_CERT", "cert.pem", 1);
	setenv("NOMAD_CLIENT_KEY", "", 1); /* as if it were not there */
	setenv("NOMAD_TLS_SERVER_NAME", "server.global.nomad", 1);
	setenv("NOMAD_HTTP_AUTH", "me:sesame", 1);
	ck_assert_msg(config_load(path, &config, reason) == 0, "%s", reason);
	ck_assert_str_eq(joined(&config.addresses), "unix:///environment");
	ck_assert_str_eq(config.region, "environment");
	/* Which namespaces are followed is not the environment's to say. */
	ck_assert_str_eq(config_default_namespace(&config), "file");
	ck_assert_str_eq(config.token, "token");
	ck_assert_str_eq(config.ca_file, "ca.pem");
	ck_assert_str_eq(config.ca_path, "folder");
	ck_assert_str_eq(config.cert_file, "cert.pem");
	ck_assert_str_eq(config.key_file, "/file");
	ck_assert_str_eq(config.tls_server_name, "server.global.nomad");
	ck_assert_str_eq(config.http_auth, "me:sesame");
	config_done(&config);

	unsetenv("NOMAD_CACERT");
	ck_assert_int_eq(config_load(path, &config, reason), 0);
	ck_assert_ptr_null(config.ca_file);
	ck_assert_str_eq(config.ca_path, "folder");
	config_done(&config);
	clear_environment();
}
END_TEST

START_TEST(mistake_in_the_environment_names_the_variable)
{
	char reason[CONFIG_REASON_MAX];
	struct config config;

	clear_environment();
	setenv("NOMAD_ADDR", "127.0.0.1:4646", 1);
	ck_assert_int_eq(config_load("/dev/null", &config, reason), -EINVAL);
	ck_assert_ptr_nonnull(strstr(reason, "environment: NOMAD_ADDR"));
	ck_assert_ptr_nonnull(strstr(reason, "http://"));
	clear_environment();
}
END_TEST

/* Go's strconv.ParseBool; what it cannot parse is an error. */
static const struct {
	const char *value;
	bool wanted;
	int result;
} bools[] = {
	{"1", true, 0}, {"t", true, 0}, {"T", true, 0}, {"TRUE", true, 0}, {"true", true, 0}, {"True", true, 0},
	{"0", false, 0}, {"f", false, 0}, {"False", false, 0}, {"", false, 0},
	{"tRUE", false, -EINVAL}, {"yes", false, -EINVAL}, {"maybe", false, -EINVAL}, {"2", false, -EINVAL},
};

START_TEST(skip_verify_is_gos_bool)
{
	char reason[CONFIG_REASON_MAX];
	struct config config = {0};

	clear_environment();
	setenv("NOMAD_SKIP_VERIFY", bools[_i].value, 1);
	ck_assert_int_eq(config_load("/dev/null", &config, reason), bools[_i].result);
	ck_assert(bools[_i].result == 0 || strstr(reason, "NOMAD_SKIP_VERIFY cannot be") != NULL);
	ck_assert_int_eq(config.skip_verify, bools[_i].wanted);
	config_done(&config);
	clear_environment();
}
END_TEST

START_TEST(certificate_without_key_is_refused_and_the_reverse)
{
	char reason[CONFIG_REASON_MAX];
	struct config config;

	ck_assert_int_eq(load_text("[nomad]\ncert-file = /c\n", &config, reason), -EINVAL);
	ck_assert_ptr_nonnull(strstr(reason, "key-file"));
	ck_assert_int_eq(load_text("[nomad]\nkey-file = /c\n", &config, reason), -EINVAL);
	ck_assert_ptr_nonnull(strstr(reason, "cert-file"));
}
END_TEST

START_TEST(option_of_the_command_line_is_set_like_a_key)
{
	char reason[CONFIG_REASON_MAX];
	struct config config;

	ck_assert_int_eq(load_text("", &config, reason), 0);
	ck_assert_int_eq(config_set(&config, "nomad", "address", "http://[2001:db8::1]:1", reason), 0);
	ck_assert_str_eq(joined(&config.addresses), "http://[2001:db8::1]:1");
	ck_assert_int_eq(config_set(&config, "nomad", "address", "ftp://a", reason), -EINVAL);
	ck_assert_str_eq(joined(&config.addresses), "http://[2001:db8::1]:1");
	ck_assert_int_eq(config_set(&config, "nomad", "addresses", "http://a", reason), -EINVAL);
	ck_assert_ptr_nonnull(strstr(reason, "there is no key addresses in [nomad]"));
	config_done(&config);
}
END_TEST

START_TEST(example_has_every_key_with_its_default)
{
	char *text = NULL, line[512];
	size_t size = 0, count;
	const struct config_key *keys = config_keys(&count);
	FILE *file = fopen("src/nss-nomad.conf", "re");

	ck_assert_msg(file != NULL, "tests run in the project's folder");
	ck_assert_int_gt(getdelim(&text, &size, '\0', file), 0);
	fclose(file);
	for (size_t i = 0; i < count; i++) {
		snprintf(line, sizeof line, "\n#%s =%s%s\n", keys[i].name, keys[i].fallback[0] == '\0' ? "" : " ",
		         keys[i].fallback);
		ck_assert_msg(strstr(text, line) != NULL, "the example lacks %s", line);
	}
	free(text);
}
END_TEST

START_TEST(load_survives_every_failing_allocation)
{
	char reason[CONFIG_REASON_MAX], folder[SUPPORT_PATH_MAX], path[SUPPORT_PATH_MAX];
	static const char text[] = "[nomad]\nregion = r\naddress = http://a http://b\n";
	struct config config;

	clear_environment();
	support_folder(folder);
	support_path(folder, "nss-nomad.conf", path);
	support_write(path, text, strlen(text));
	for (unsigned nth = 1;; nth++) {
		support_fail_allocation(nth);
		int result = config_load(path, &config, reason);
		bool failed = support_fail_allocation(0);
		if (result == 0)
			config_done(&config);
		else
			ck_assert_int_eq(result, -ENOMEM);
		if (!failed)
			break;
	}
}
END_TEST

int main(void)
{
	const struct support_test tests[] = {
		{empty_file_gives_the_defaults, 1},
		{number_or_duration_is_read, sizeof numbers / sizeof *numbers},
		{text_and_list_are_read, 1},
		{mistake_is_said_with_line_key_and_what_is_allowed, sizeof mistakes / sizeof *mistakes},
		{first_mistake_is_the_one_that_is_said, 1},
		{password_in_an_address_is_not_said, 1},
		{line_of_4095_octets_is_read_whole_and_longer_is_refused, 1},
		{file_that_is_no_text_is_refused, 1},
		{file_that_cannot_be_read_is_said, 1},
		{more_than_64_words_are_refused, 1},
		{environment_wins_over_the_file, 1},
		{mistake_in_the_environment_names_the_variable, 1},
		{skip_verify_is_gos_bool, sizeof bools / sizeof *bools},
		{certificate_without_key_is_refused_and_the_reverse, 1},
		{option_of_the_command_line_is_set_like_a_key, 1},
		{example_has_every_key_with_its_default, 1},
		{load_survives_every_failing_allocation, 1},
	};

	return support_run("config", tests, sizeof tests / sizeof *tests);
}
