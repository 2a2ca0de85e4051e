/* Boxes of ISO 14496-12 section 4.2: writing into a buf, reading from a view. Folder private; pure functions.
 * Only 32-bit sizes: a size of 0 or 1 (to the end, 64-bit) is never ours and is refused. */
#ifndef VIGIA_MEDIA_FMP4_BOX_PRIV_H
#define VIGIA_MEDIA_FMP4_BOX_PRIV_H

#include "base/buf.h"

#include <errno.h>

#define BOX_HEAD 8u
#define BOX_TYPE(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

/* Returns where the box starts, for box_end. */
static inline size_t box_begin(struct buf *b, const char *type)
{
	size_t start = b->len;
	buf_be32(b, 0);
	buf_append(b, type, 4);
	return start;
}

static inline size_t full_box_begin(struct buf *b, const char *type, uint8_t version, uint32_t flags)
{
	size_t start = box_begin(b, type);
	buf_be32(b, (uint32_t)version << 24 | flags);
	return start;
}

static inline void box_end(struct buf *b, size_t start)
{
	put_be32(b->data + start, (uint32_t)(b->len - start));
}

struct box {
	uint32_t type;
	struct bytes whole, payload;
};

/* The next box of the cursor; false at its end and for one that is not whole (then the cursor's error is set). */
static inline bool box_next(struct cursor *c, struct box *ret)
{
	if (!cursor_left(c))
		return false;
	const uint8_t *start = c->p;
	uint32_t size = cursor_be32(c), type = cursor_be32(c);
	if (c->err || size < BOX_HEAD || size - BOX_HEAD > cursor_left(c)) {
		c->err = -ENODATA;
		return false;
	}
	*ret = (struct box){.type = type, .whole = bytes_of(start, size), .payload = cursor_take(c, size - BOX_HEAD)};
	return true;
}

/* Payload of the first box of that type; false without one (or before something broken). */
static inline bool box_find(struct bytes in, uint32_t type, struct bytes *ret_payload)
{
	struct cursor c = cursor_of(in);
	struct box box;
	while (box_next(&c, &box)) {
		if (box.type == type) {
			*ret_payload = box.payload;
			return true;
		}
	}
	return false;
}

#endif
