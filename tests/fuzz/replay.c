/*
 * Runs one fuzz target over files, without a fuzzing engine: linked to each tests/fuzz/fuzz_NAME.c by the Makefile,
 * started by tests/run-replays.sh with the folder of its inputs. Says which input it is at, for whoever reads a crash.
 *
 * SPDX-License-Identifier: MIT
 */
#include <dirent.h>
#include <err.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run_file(const char *path)
{
	struct stat status;
	FILE *file = fopen(path, "rb");

	if (file == NULL || fstat(fileno(file), &status) < 0)
		err(1, "%s", path);
	if (!S_ISREG(status.st_mode)) {
		fclose(file);
		return;
	}
	size_t size = (size_t)status.st_size;
	uint8_t *data = malloc(size == 0 ? 1 : size);
	if (data == NULL || fread(data, 1, size, file) != size)
		err(1, "%s", path);
	fclose(file);
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
}

static void run_folder(const char *folder)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *files = opendir(folder);

	if (files == NULL)
		err(1, "%s", folder);
	while ((entry = readdir(files)) != NULL) {
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		run_file(path);
	}
	closedir(files);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		errx(1, "usage: replay_NAME FOLDER...");
	for (int i = 1; i < argc; i++)
		run_folder(argv[i]);
	return 0;
}
