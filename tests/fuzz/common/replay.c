// SPDX-License-Identifier: BSD-2-Clause
/* Without libFuzzer: every file that the arguments name, and those of every folder, is one input. */
#include "common/fuzz.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_ROOM 4096

static unsigned int inputs;
static const char *running = "";

/* For a report of the sanitizers, too: they end the program by exit(). */
static void say_which(void)
{
	if (*running)
		fprintf(stderr, "the input was %s\n", running);
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max)
{
	(void)data, (void)max;
	return size;
}

static void replay_file(const char *path, size_t size)
{
	uint8_t *data = malloc(size ? size : 1);
	FILE *f = fopen(path, "rb");

	if (!data || !f || fread(data, 1, size, f) != size) {
		perror(path);
		exit(1);
	}
	fclose(f);
	running = path;
	(void)LLVMFuzzerTestOneInput(data, size);
	running = "";
	free(data);
	inputs++;
}

static void replay(const char *path)
{
	struct stat st;
	struct dirent *e;
	DIR *dir;

	if (stat(path, &st) != 0) {
		perror(path);
		exit(1);
	}
	if (!S_ISDIR(st.st_mode)) {
		replay_file(path, (size_t)st.st_size);
		return;
	}
	dir = opendir(path);
	if (!dir) {
		perror(path);
		exit(1);
	}
	while ((e = readdir(dir)) != NULL) {
		char name[PATH_ROOM];

		if (e->d_name[0] == '.')
			continue;
		if (snprintf(name, sizeof(name), "%s/%s", path, e->d_name) < (int)sizeof(name))
			replay(name);
	}
	closedir(dir);
}

int main(int argc, char **argv)
{
	atexit(say_which);
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	printf("%u inputs\n", inputs);
	return 0;
}
