/* SPDX-License-Identifier: MIT */
/*
 * Feeds files, and the files in directories, to a fuzz target: a corpus as a test without libFuzzer.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define MAX_INPUT_BYTES ((size_t)1 << 20)
#define MAX_PATH_TEXT 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fail(const char *what, const char *path)
{
	fprintf(stderr, "replay: %s: %s\n", path, what);
	exit(EXIT_FAILURE);
}

static void replay_file(const char *path)
{
	uint8_t *data = malloc(MAX_INPUT_BYTES);
	FILE *file = fopen(path, "rb");
	size_t size;
	uint8_t *exact;

	if (!file || !data)
		fail("cannot be opened", path);
	size = fread(data, 1, MAX_INPUT_BYTES, file);
	if (ferror(file) || !feof(file))
		fail("cannot be read, or is 1 MiB or larger", path);
	fclose(file);
	/* Just large enough, so that a sanitizer sees a read past the end. */
	exact = realloc(data, size ? size : 1);
	if (!exact)
		fail("no memory", path);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

static unsigned int replay_path(const char *path)
{
	char inner[MAX_PATH_TEXT];
	struct dirent *entry;
	unsigned int nr = 0;
	struct stat st;
	DIR *dir;

	if (stat(path, &st))
		fail("does not exist", path);
	if (!S_ISDIR(st.st_mode)) {
		replay_file(path);
		return 1;
	}
	dir = opendir(path);
	if (!dir)
		fail("cannot be listed", path);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name) >=
		    (int)sizeof(inner))
			fail("too long", path);
		nr += replay_path(inner);
	}
	closedir(dir);
	return nr;
}

int main(int argc, char **argv)
{
	unsigned int nr = 0;

	for (int i = 1; i < argc; i++)
		nr += replay_path(argv[i]);
	printf("%u inputs\n", nr);
	return EXIT_SUCCESS;
}
