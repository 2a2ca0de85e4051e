/* fmp4_read_fn over a file descriptor with a small read-ahead, so that walking moofs costs one read each. One thread. */
#ifndef VIGIA_APP_FILE_READER_H
#define VIGIA_APP_FILE_READER_H

#include <stddef.h>
#include <stdint.h>

#define FILE_READER_BLOCK 4096u

struct file_reader {
	int fd; /* borrowed */
	uint64_t offset; /* of what block holds */
	size_t len;
	uint8_t block[FILE_READER_BLOCK];
};

static inline void file_reader_init(struct file_reader *r, int fd)
{
	r->fd = fd;
	r->offset = 0;
	r->len = 0;
}
/* ctx is a struct file_reader. How many bytes (short only at the end of the file), or -errno. */
int64_t file_reader_read(void *ctx, void *dst, size_t n, uint64_t offset);

#endif
