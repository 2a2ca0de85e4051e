/* Bit reader and Annex B clean-up; see bits_priv.h. Pure functions, any thread. */
#include "media/codec/bits_priv.h"

#include <errno.h>

static void next_byte(struct bits *b)
{
	if (cursor_left(&b->c) == 0) {
		b->err = -ENODATA;
		return;
	}
	uint8_t v = cursor_u8(&b->c);
	if (b->zeros >= 2 && v == 3) {
		b->zeros = 0;
		next_byte(b);
		return;
	}
	b->zeros = v ? 0 : b->zeros + 1;
	b->byte = v;
	b->left = 8;
}

uint32_t bits_u(struct bits *b, unsigned n)
{
	uint32_t v = 0;
	for (; n && !b->err; n--) {
		if (!b->left)
			next_byte(b);
		if (b->err)
			return 0;
		b->left--;
		v = v << 1 | (b->byte >> b->left & 1u);
	}
	return v;
}

void bits_skip(struct bits *b, unsigned n)
{
	for (; n >= 8 && !b->left && !b->err; n -= 8) { /* whole bytes: a message of user data in every access unit */
		next_byte(b);
		b->left = 0;
	}
	for (; n > 32; n -= 32)
		bits_u(b, 32);
	bits_u(b, n);
}

uint32_t bits_ue(struct bits *b)
{
	unsigned zeros = 0;
	while (!b->err && !bits_u(b, 1)) {
		if (++zeros > 31)
			b->err = -EBADMSG;
	}
	if (b->err)
		return 0;
	return (uint32_t)((1ull << zeros) - 1 + bits_u(b, zeros));
}

int32_t bits_se(struct bits *b)
{
	uint32_t k = bits_ue(b);
	return k & 1 ? (int32_t)(k / 2 + 1) : -(int32_t)(k / 2);
}

struct bytes nal_clean(struct bytes raw)
{
	size_t at = 0;
	while (at < raw.len && raw.data[at] == 0)
		at++;
	if (at >= 2 && at < raw.len && raw.data[at] == 1)
		raw = bytes_of(raw.data + at + 1, raw.len - at - 1);
	for (size_t i = 0; i + 2 < raw.len; i++) {
		if (raw.data[i] == 0 && raw.data[i + 1] == 0 && raw.data[i + 2] <= 1) {
			raw.len = i;
			break;
		}
	}
	while (raw.len && raw.data[raw.len - 1] == 0)
		raw.len--;
	return raw;
}
