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

/* Whether one begins in the 16 bytes at p; reads 18. */
static bool begins_in_16(const uint8_t *p)
{
	return any(begins(p));
}

/* Bytes that are 0xff where two zeros begin: rare in what is compressed, and two loads instead of three. */
static vec zeros(const uint8_t *p)
{
	return (vec)((load(p) | load(p + 1)) == 0);
}

static bool begins_in_64(const uint8_t *p)
{
	if (!any(zeros(p) | zeros(p + 16) | zeros(p + 32) | zeros(p + 48)))
		return false;
	return any(begins(p) | begins(p + 16) | begins(p + 32) | begins(p + 48));
}

size_t annexb_find(struct bytes b, size_t from)
{
	size_t i = from;
	while (i < b.len && b.len - i >= 66 && !begins_in_64(b.data + i))
		i += 64;
	while (i < b.len && b.len - i >= 18 && !begins_in_16(b.data + i))
		i += 16;
	/* The last 16 once more, overlapping what was looked at: most ends take one step. */
	if (i < b.len && b.len - i < 18 && b.len - from >= 18 && !begins_in_16(b.data + b.len - 18))
		return b.len;
	for (; i + 2 < b.len; i++) {
		if (b.data[i] == 0 && b.data[i + 1] == 0 && b.data[i + 2] == 1)
			return i;
	}
	return b.len;
}
