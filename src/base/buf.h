/* Growable byte buffer with writers. One owner, one thread. A failed allocation aborts the process
 * (sizes are bounded by callers; there is nothing sensible to do at 24 bytes short). */
#ifndef VIGIA_BASE_BUF_H
#define VIGIA_BASE_BUF_H

#include "base/bytes.h"

#include <stdarg.h>

struct buf {
	uint8_t *data;
	size_t len, cap;
};

void buf_finish(struct buf *b);
/* At least n more bytes of room; returns where they begin (len is unchanged). */
uint8_t *buf_reserve(struct buf *b, size_t n);
void buf_append(struct buf *b, const void *data, size_t n);
void buf_append_str(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap);
void buf_u8(struct buf *b, uint8_t v);
void buf_be16(struct buf *b, uint16_t v);
void buf_be24(struct buf *b, uint32_t v);
void buf_be32(struct buf *b, uint32_t v);
void buf_be64(struct buf *b, uint64_t v);
void buf_zeros(struct buf *b, size_t n);
/* As a C string: the terminator is written behind len, not counted. Valid until the next write. */
const char *buf_str(struct buf *b);
static inline struct bytes buf_bytes(const struct buf *b)
{
	return bytes_of(b->data, b->len);
}

#endif
