/* Folders, names and seals of recording files; see place.h. */
#include "infra/volume/place.h"

#include "base/time.h"
#include "infra/volume/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEAL_BLOCK 4096u

static void day_name(int64_t utc_us, char ret[16], struct civil *c)
{
	utc_us_to_civil(utc_us, c);
	snprintf(ret, 16, "%04d-%02d-%02d", c->year % 10000, c->month, c->day);
}

/* Descriptor of a folder, made where it is missing. The clean-up removes empty ones meanwhile: once more then. */
static int open_folder(int parent, const char *name)
{
	for (int i = 0; i < 3; i++) {
		if (mkdirat(parent, name, 0755) && errno != EEXIST)
			return -errno;
		int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 || errno != ENOENT)
			return fd >= 0 ? fd : -errno;
	}
	return -ENOENT;
}

int place_open_day(int root, const char *city_id, const char *camera_id, int64_t started_utc_us)
{
	char day[16];
	struct civil c;
	day_name(started_utc_us, day, &c);
	const char *const parts[3] = {city_id, camera_id, day};
	int at = root;
	for (int i = 0; i < 3; i++) {
		int next = open_folder(at, parts[i]);
		if (at != root)
			close(at);
		if (next < 0)
			return next;
		at = next;
	}
	return at;
}

int place_key(const char *city_id, const char *camera_id, int64_t started_utc_us, int n, char *ret, size_t cap)
{
	char day[16], suffix[16] = "";
	struct civil c;
	day_name(started_utc_us, day, &c);
	if (n)
		snprintf(suffix, sizeof(suffix), "-%d", n);
	int len = snprintf(ret, cap, "%s/%s/%s/%02d%02d%02dZ%s.mp4", city_id, camera_id, day, c.hour, c.minute, c.second, suffix);
	return len < 0 || (size_t)len >= cap ? -ENAMETOOLONG : 0;
}

int place_seal(int fd, const struct fmp4_index_entry *entries, size_t n, uint64_t size, uint64_t end_tfdt)
{
	uint8_t *first = malloc(2 * (size_t)FMP4_HEADER_SIZE);
	if (!first)
		return -ENOMEM;
	uint8_t *second = first + FMP4_HEADER_SIZE;
	ssize_t got = pread_full(fd, first, FMP4_HEADER_SIZE, 0);
	int err = got < 0 ? (int)got : got != FMP4_HEADER_SIZE ? -EBADMSG : 0;
	if (!err)
		err = fmp4_seal_header(first, second, entries, n, size, end_tfdt);
	if (!err)
		err = pwrite_full(fd, first, FMP4_HEADER_SIZE, 0);
	if (!err && fdatasync(fd))
		err = -errno;
	if (!err) /* type and duration differ within the first block: one write, sealed or not */
		err = pwrite_full(fd, second, SEAL_BLOCK, 0);
	if (!err && fdatasync(fd))
		err = -errno;
	free(first);
	return err;
}
