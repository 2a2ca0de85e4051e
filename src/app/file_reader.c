/* Reading a file for media/fmp4; see file_reader.h. */
#include "app/file_reader.h"

#include <errno.h>
#include <unistd.h>

int64_t file_read(void *ctx, void *dst, size_t n, uint64_t offset)
{
	int fd = *(const int *)ctx;
	size_t got = 0;
	if (offset > (uint64_t)INT64_MAX - n)
		return 0;
	while (got < n) {
		ssize_t r = pread(fd, (uint8_t *)dst + got, n - got, (off_t)(offset + got));
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (int64_t)got;
}
