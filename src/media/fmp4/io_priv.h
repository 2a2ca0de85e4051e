/* Reading through fmp4_read_fn with a window over the file, so that headers cost few reads and media none. Folder private;
 * one walk or read each, on its caller's thread. */
#ifndef VIGIA_MEDIA_FMP4_IO_PRIV_H
#define VIGIA_MEDIA_FMP4_IO_PRIV_H

#include "base/buf.h"
#include "media/fmp4/reader.h"

struct io_window {
	fmp4_read_fn read;
	void *ctx;
	struct buf bytes;
	uint64_t offset; /* of bytes in the file */
};

/* At least n bytes at offset. 0, -ENODATA when the file ends before, -errno of the read. The view holds until the next call. */
int io_peek(struct io_window *w, uint64_t offset, size_t n, const uint8_t **ret);
void io_finish(struct io_window *w);

#endif
