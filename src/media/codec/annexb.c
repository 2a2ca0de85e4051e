/* Finds Annex B start codes (ITU-T H.264 B.1.1) that cameras leave inside NAL units. Runs over every byte received, right after the copy
 * while it is in the first-level cache: 64 bytes a step, about a fifth of a cycle a byte. Pure, any thread. */
#include "media/codec/codec.h"

typedef uint8_t vec __attribute__((vector_size(16)));

static vec load(const uint8_t *p)
{
	vec v;
	memcpy(&v, p, sizeof(v));
	return v;
}

/* Bytes that are 0xff where 00 00 01 begins. */
static vec begins(const uint8_t *p)
{
	vec one = load(p + 2) ^ 1;
	return (vec)((load(p) | load(p + 1) | one) == 0);
}

static bool any(vec v)
{
	uint64_t half[2];
	memcpy(half, &v, sizeof(half));
	return (half[0] | half[1]) != 0;
}

size_t annexb_find(struct bytes b, size_t from)
{
	size_t i = from;
	for (; b.len >= 66 && i <= b.len - 66; i += 64) {
		const uint8_t *p = b.data + i;
		if (any(begins(p) | begins(p + 16) | begins(p + 32) | begins(p + 48)))
			break;
	}
	for (; i + 2 < b.len; i++) {
		if (b.data[i] == 0 && b.data[i + 1] == 0 && b.data[i + 2] == 1)
			return i;
	}
	return b.len;
}
