/* Replays a corpus through a fuzz target without libFuzzer: each file once, and once cut in half. TAP; a crash is the runner's to see. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static void replay(const char *path)
{
	FILE *f = fopen(path, "rbe");
	uint8_t *data = malloc(1 << 20);
	if (!f || !data)
		exit(1);
	size_t n = fread(data, 1, 1 << 20, f);
	fclose(f);
	/* An exact copy: a read past the end is a sanitizer's to see. */
	for (size_t len = n, i = 0; i < 2; i++, len = n / 2) {
		uint8_t *exact = malloc(len ? len : 1);
		if (!exact)
			exit(1);
		memcpy(exact, data, len);
		LLVMFuzzerTestOneInput(exact, len);
		free(exact);
	}
	free(data);
}

int main(int argc, char **argv)
{
	struct dirent **list = NULL;
	int n = argc == 2 ? scandir(argv[1], &list, visible, by_name) : -1;
	if (n <= 0) {
		printf("Bail out! no corpus\n");
		return 1;
	}
	printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		char path[1024];
		snprintf(path, sizeof(path), "%s/%s", argv[1], list[i]->d_name);
		replay(path);
		printf("ok %d - %s\n", i + 1, list[i]->d_name);
		fflush(stdout);
		free(list[i]);
	}
	free(list);
	return 0;
}
