/* Preloaded into a server: a disk that takes its time. While the file named by $VIGIA_SLOW_DISK is there, each write at an offset to a file
 * under the folder that it names waits first. It says "MILLISECONDS FOLDER". */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset);

static void wait_for_disk(int fd)
{
	const char *orders = getenv("VIGIA_SLOW_DISK");
	char folder[400], path[64], file[600];
	long ms;
	FILE *f = orders ? fopen(orders, "re") : NULL;
	if (!f)
		return;
	int n = fscanf(f, "%ld %399s", &ms, folder);
	fclose(f);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ssize_t len = readlink(path, file, sizeof(file) - 1);
	if (n != 2 || len < 0)
		return;
	file[len] = 0;
	if (strncmp(file, folder, strlen(folder)) == 0)
		nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset)
{
	static ssize_t (*next)(int, const void *, size_t, off64_t);
	if (!next)
		next = (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
	wait_for_disk(fd);
	return next(fd, data, len, offset);
}
