/* Views over bytes and a reading cursor whose error sticks (after Knot's wire_ctx).
 * No ownership: whoever holds the memory keeps it alive longer than the view. */
#ifndef VIGIA_BASE_BYTES_H
#define VIGIA_BASE_BYTES_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	const uint8_t *data;
	size_t len;
};

static inline struct bytes bytes_of(const void *data, size_t len)
{
	return (struct bytes){.data = data, .len = len};
}

static inline struct bytes bytes_str(const char *s)
{
	return bytes_of(s, strlen(s));
}

bool bytes_equal(struct bytes a, struct bytes b);
/* ASCII case-insensitive comparison with a C string. */
bool bytes_equal_nocase(struct bytes a, const char *s);
bool bytes_starts_nocase(struct bytes a, const char *prefix);
/* Without leading and trailing blanks (SP, HT, CR, LF). */
struct bytes bytes_trim(struct bytes a);
/* Cuts at the first `sep`: returns what is before, leaves in *rest what follows (empty, data NULL, without one). */
struct bytes bytes_split(struct bytes a, uint8_t sep, struct bytes *rest);
/* Decimal number of digits only. 0 or -EINVAL, -ERANGE. */
int bytes_to_u64(struct bytes a, uint64_t *ret_value);
/* Copies as a C string, cut to fit; returns the length it would have needed. */
size_t bytes_copy_str(struct bytes a, char *dst, size_t cap);

static inline void put_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}
static inline void put_be24(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 16);
	p[1] = (uint8_t)(v >> 8);
	p[2] = (uint8_t)v;
}
static inline void put_be32(uint8_t *p, uint32_t v)
{
	put_be16(p, (uint16_t)(v >> 16));
	put_be16(p + 2, (uint16_t)v);
}
static inline void put_be64(uint8_t *p, uint64_t v)
{
	put_be32(p, (uint32_t)(v >> 32));
	put_be32(p + 4, (uint32_t)v);
}
static inline uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline uint64_t get_be64(const uint8_t *p)
{
	return (uint64_t)get_be32(p) << 32 | get_be32(p + 4);
}

/* Reading cursor. After the first failure every read returns 0 and `err` stays. */
struct cursor {
	const uint8_t *p, *end;
	int err; /* 0 or -ENODATA */
};

static inline struct cursor cursor_of(struct bytes b)
{
	return (struct cursor){.p = b.data, .end = b.len ? b.data + b.len : b.data};
}

static inline size_t cursor_left(const struct cursor *c)
{
	return c->err ? 0 : (size_t)(c->end - c->p);
}

/* The reading functions are inline: they are what a packet's way consists of.
 *
 * Takes n bytes; an empty view and a sticky error where fewer are left. */
static inline struct bytes cursor_take(struct cursor *c, size_t n)
{
	if (c->err || (size_t)(c->end - c->p) < n) {
		c->err = -ENODATA;
		return (struct bytes){0};
	}
	struct bytes b = bytes_of(c->p, n);
	c->p += n;
	return b;
}

static inline void cursor_skip(struct cursor *c, size_t n)
{
	cursor_take(c, n);
}

static inline uint8_t cursor_u8(struct cursor *c)
{
	struct bytes b = cursor_take(c, 1);
	return b.len ? b.data[0] : 0;
}

static inline uint16_t cursor_be16(struct cursor *c)
{
	struct bytes b = cursor_take(c, 2);
	return b.len ? get_be16(b.data) : 0;
}

static inline uint32_t cursor_be24(struct cursor *c)
{
	struct bytes b = cursor_take(c, 3);
	return b.len ? (uint32_t)b.data[0] << 16 | (uint32_t)b.data[1] << 8 | b.data[2] : 0;
}

static inline uint32_t cursor_be32(struct cursor *c)
{
	struct bytes b = cursor_take(c, 4);
	return b.len ? get_be32(b.data) : 0;
}

static inline uint64_t cursor_be64(struct cursor *c)
{
	struct bytes b = cursor_take(c, 8);
	return b.len ? get_be64(b.data) : 0;
}

#endif
