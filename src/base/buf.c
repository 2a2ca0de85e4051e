/* Growable buffer; see buf.h. */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

void buf_finish(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}

uint8_t *buf_reserve(struct buf *b, size_t n)
{
	if (b->cap - b->len < n) {
		size_t cap = b->cap ? b->cap : 64;
		while (cap - b->len < n) {
			if (cap > SIZE_MAX / 2)
				abort();
			cap *= 2;
		}
		uint8_t *p = realloc(b->data, cap);
		if (!p)
			abort();
		b->data = p;
		b->cap = cap;
	}
	return b->data + b->len;
}

void buf_append(struct buf *b, const void *data, size_t n)
{
	if (!n)
		return;
	memcpy(buf_reserve(b, n), data, n);
	b->len += n;
}

void buf_append_str(struct buf *b, const char *s)
{
	buf_append(b, s, strlen(s));
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	if (n > 0) {
		uint8_t *p = buf_reserve(b, (size_t)n + 1);
		vsnprintf((char *)p, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void buf_u8(struct buf *b, uint8_t v)
{
	*buf_reserve(b, 1) = v;
	b->len += 1;
}

void buf_be16(struct buf *b, uint16_t v)
{
	put_be16(buf_reserve(b, 2), v);
	b->len += 2;
}

void buf_be24(struct buf *b, uint32_t v)
{
	put_be24(buf_reserve(b, 3), v);
	b->len += 3;
}

void buf_be32(struct buf *b, uint32_t v)
{
	put_be32(buf_reserve(b, 4), v);
	b->len += 4;
}

void buf_be64(struct buf *b, uint64_t v)
{
	put_be64(buf_reserve(b, 8), v);
	b->len += 8;
}

void buf_zeros(struct buf *b, size_t n)
{
	if (!n)
		return;
	memset(buf_reserve(b, n), 0, n);
	b->len += n;
}

const char *buf_str(struct buf *b)
{
	*buf_reserve(b, 1) = 0;
	return (const char *)b->data;
}
