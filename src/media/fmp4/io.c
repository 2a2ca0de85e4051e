/* Window over a file; see io_priv.h. */
#include "media/fmp4/io_priv.h"

#include <errno.h>

/* Where boxes lie close together one large read takes in many; where media lies between, a read takes little more than a moof. */
#define READ_FAR 4096u
#define READ_NEAR (64u * 1024u)
#define NEAR_DISTANCE (16u * 1024u)

int io_peek(struct io_window *w, uint64_t offset, size_t n, const uint8_t **ret)
{
	uint64_t end = w->offset + w->bytes.len;
	if (offset < w->offset || offset > end || end - offset < n) {
		bool near = w->bytes.len && offset >= w->offset && offset - w->offset < w->bytes.len + NEAR_DISTANCE;
		size_t want = near ? READ_NEAR : READ_FAR;
		if (want < n)
			want = n;
		w->offset = offset;
		w->bytes.len = 0;
		buf_reserve(&w->bytes, want);
		while (w->bytes.len < want) {
			int64_t r = w->read(w->ctx, w->bytes.data + w->bytes.len, want - w->bytes.len, offset + w->bytes.len);
			if (r < 0)
				return (int)r;
			if (r == 0 || (uint64_t)r > want - w->bytes.len)
				break;
			w->bytes.len += (size_t)r;
		}
		if (w->bytes.len < n)
			return -ENODATA;
	}
	*ret = w->bytes.data + (offset - w->offset);
	return 0;
}

void io_finish(struct io_window *w)
{
	buf_finish(&w->bytes);
}
