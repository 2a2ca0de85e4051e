/* The little that is read out of SEI and slice headers to find where decoding can begin. Pure functions, any thread. */
#include "media/codec/bits_priv.h"
#include "media/codec/codec.h"

#define SEI_RECOVERY_POINT 6
#define SEI_MESSAGES_LOOKED_AT 4

static uint32_t sei_number(struct bits *b)
{
	uint32_t v = 0, byte;
	do {
		byte = bits_u(b, 8);
		v += byte;
	} while (byte == 0xff && !b->err);
	return v;
}

bool sei_has_recovery_point(enum codec codec, struct bytes nal)
{
	struct bits b = bits_of(nal);
	bits_u(&b, codec == CODEC_H265 ? 16 : 8);
	for (int i = 0; i < SEI_MESSAGES_LOOKED_AT && !b.err && cursor_left(&b.c) > 2; i++) {
		uint32_t type = sei_number(&b), size = sei_number(&b);
		if (b.err || size > cursor_left(&b.c))
			return false;
		if (type == SEI_RECOVERY_POINT)
			return true;
		if (cursor_left(&b.c) - size <= 2)
			return false; /* the last one: nothing behind it but the trailing bits */
		bits_skip(&b, size * 8);
	}
	return false;
}

bool h264_slice_is_intra(struct bytes nal)
{
	struct bits b = bits_of(nal);
	bits_u(&b, 8);
	bits_ue(&b);
	uint32_t type = bits_ue(&b);
	return !b.err && (type == 2 || type == 7);
}
