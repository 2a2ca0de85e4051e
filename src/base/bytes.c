/* Views and cursor; see bytes.h. Pure functions, any thread. */
#include "base/bytes.h"

#include <strings.h>

bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool bytes_equal_nocase(struct bytes a, const char *s)
{
	return a.len == strlen(s) && bytes_starts_nocase(a, s);
}

bool bytes_starts_nocase(struct bytes a, const char *prefix)
{
	size_t n = strlen(prefix);
	return a.len >= n && (n == 0 || strncasecmp((const char *)a.data, prefix, n) == 0);
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct bytes bytes_trim(struct bytes a)
{
	while (a.len && is_blank(a.data[0])) {
		a.data++;
		a.len--;
	}
	while (a.len && is_blank(a.data[a.len - 1]))
		a.len--;
	return a;
}

struct bytes bytes_split(struct bytes a, uint8_t sep, struct bytes *rest)
{
	const uint8_t *at = a.len ? memchr(a.data, sep, a.len) : NULL;
	if (!at) {
		*rest = (struct bytes){0};
		return a;
	}
	size_t n = (size_t)(at - a.data);
	*rest = bytes_of(at + 1, a.len - n - 1);
	return bytes_of(a.data, n);
}

int bytes_to_u64(struct bytes a, uint64_t *ret_value)
{
	uint64_t v = 0;
	if (a.len == 0)
		return -EINVAL;
	for (size_t i = 0; i < a.len; i++) {
		if (a.data[i] < '0' || a.data[i] > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(a.data[i] - '0'), &v))
			return -ERANGE;
	}
	*ret_value = v;
	return 0;
}

size_t bytes_copy_str(struct bytes a, char *dst, size_t cap)
{
	if (cap) {
		size_t n = a.len < cap - 1 ? a.len : cap - 1;
		if (n)
			memcpy(dst, a.data, n);
		dst[n] = 0;
	}
	return a.len;
}
