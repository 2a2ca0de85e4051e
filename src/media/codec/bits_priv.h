/* Bit reader over a NAL unit's payload (ITU-T H.264 7.2, 9.1): drops emulation prevention bytes as it goes, and its error sticks.
 * Pure, no allocation. Only for parameter sets and slice headers' first fields: never in a packet's path. */
#ifndef VIGIA_MEDIA_CODEC_BITS_PRIV_H
#define VIGIA_MEDIA_CODEC_BITS_PRIV_H

#include "base/bytes.h"

struct bits {
	struct cursor c;
	uint8_t byte;
	unsigned left;	/* bits left in byte */
	unsigned zeros; /* zero bytes in a row, for 00 00 03 */
	int err;
};

static inline struct bits bits_of(struct bytes nal)
{
	return (struct bits){.c = cursor_of(nal)};
}

uint32_t bits_u(struct bits *b, unsigned n); /* n <= 32 */
void bits_skip(struct bits *b, unsigned n);
uint32_t bits_ue(struct bits *b);
int32_t bits_se(struct bits *b);

/* The first NAL unit in bytes that may begin or end with Annex B start codes or zero bytes. */
struct bytes nal_clean(struct bytes raw);

#endif
