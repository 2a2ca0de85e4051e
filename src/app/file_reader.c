/* Reading a file through a small block; see file_reader.h. */
#include "app/file_reader.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int64_t read_all(int fd, uint8_t *dst, size_t n, uint64_t offset)
{
	size_t got = 0;
	while (got < n) {
		ssize_t r = pread(fd, dst + got, n - got, (off_t)(offset + got));
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

int64_t file_reader_read(void *ctx, void *dst, size_t n, uint64_t offset)
{
	struct file_reader *r = ctx;
	if (offset > INT64_MAX - n)
		return 0;
	if (n > sizeof(r->block))
		return read_all(r->fd, dst, n, offset);
	if (offset < r->offset || offset + n > r->offset + r->len) {
		int64_t got = read_all(r->fd, r->block, sizeof(r->block), offset);
		r->offset = offset;
		r->len = got < 0 ? 0 : (size_t)got;
		if (got < 0)
			return got;
	}
	size_t skip = (size_t)(offset - r->offset);
	size_t have = r->len - skip < n ? r->len - skip : n;
	memcpy(dst, r->block + skip, have);
	return (int64_t)have;
}
