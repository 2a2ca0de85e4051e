/* H.265 sequence parameter sets (ITU-T H.265 7.3.2.2, 7.3.3, E.2.1). Pure functions, any thread. */
#include "media/codec/bits_priv.h"
#include "media/codec/codec.h"
#include "media/codec/sps_priv.h"

#include <errno.h>
#include <stdio.h>

#define MAX_DIMENSION 16384u

static void read_profile_tier_level(struct bits *b, struct h265_sps *s)
{
	s->profile_space = (uint8_t)bits_u(b, 2);
	s->tier = (uint8_t)bits_u(b, 1);
	s->profile = (uint8_t)bits_u(b, 5);
	s->compatibility = bits_u(b, 32);
	for (int i = 0; i < 6; i++)
		s->constraints[i] = (uint8_t)bits_u(b, 8);
	s->level = (uint8_t)bits_u(b, 8);
	bool profile[8] = {0}, level[8] = {0};
	unsigned n = s->sub_layers - 1u;
	for (unsigned i = 0; i < n; i++) {
		profile[i] = bits_u(b, 1);
		level[i] = bits_u(b, 1);
	}
	if (n) {
		for (unsigned i = n; i < 8; i++)
			bits_u(b, 2);
	}
	for (unsigned i = 0; i < n; i++)
		bits_skip(b, (profile[i] ? 88u : 0u) + (level[i] ? 8u : 0u));
}

static void skip_scaling_lists(struct bits *b)
{
	for (int size = 0; size < 4; size++) {
		for (int matrix = 0; matrix < 6 && !b->err; matrix += size == 3 ? 3 : 1) {
			if (!bits_u(b, 1)) {
				bits_ue(b);
				continue;
			}
			int n = 1 << (4 + (size << 1));
			if (size > 1)
				bits_se(b);
			for (int i = 0; i < (n < 64 ? n : 64) && !b->err; i++)
				bits_se(b);
		}
	}
}

/* H.265 7.3.7; inter prediction needs the size of the set before. */
static void skip_short_term_sets(struct bits *b, uint32_t n)
{
	uint32_t before = 0;
	for (uint32_t i = 0; i < n && !b->err; i++) {
		if (i && bits_u(b, 1)) {
			bits_u(b, 1);
			bits_ue(b);
			uint32_t kept = 0;
			for (uint32_t j = 0; j <= before && !b->err; j++) {
				bool used = bits_u(b, 1);
				if (used || bits_u(b, 1))
					kept++;
			}
			before = kept;
		} else {
			uint32_t negative = bits_ue(b), positive = bits_ue(b);
			if (negative > 16 || positive > 16)
				b->err = -EBADMSG;
			before = negative + positive;
			for (uint32_t j = 0; j < before && !b->err; j++) {
				bits_ue(b);
				bits_u(b, 1);
			}
		}
		if (before > 32)
			b->err = -EBADMSG;
	}
}

static void read_vui(struct bits *b, struct h265_sps *s, struct video_info *v)
{
	if (bits_u(b, 1) && bits_u(b, 8) == 255)
		bits_u(b, 32);
	if (bits_u(b, 1))
		bits_u(b, 1);
	if (bits_u(b, 1)) {
		bits_u(b, 4);
		if (bits_u(b, 1))
			bits_u(b, 24);
	}
	if (bits_u(b, 1)) {
		bits_ue(b);
		bits_ue(b);
	}
	bits_u(b, 3); /* neutral chroma, field_seq, frame_field_info */
	if (bits_u(b, 1)) {
		for (int i = 0; i < 4; i++)
			bits_ue(b);
	}
	if (!bits_u(b, 1))
		return;
	uint32_t units = bits_u(b, 32), scale = bits_u(b, 32);
	if (!b->err)
		v->fps_milli = sps_fps_milli(scale, units);
	/* What follows (HRD, restrictions) only holds min_spatial_segmentation_idc, whose 0 is always allowed. */
	s->min_spatial_segmentation = 0;
}

static void read_tail(struct bits *b, struct h265_sps *s, struct video_info *v, uint32_t log2_poc)
{
	bits_ue(b); /* coding block sizes ... transform depths */
	for (int i = 0; i < 5; i++)
		bits_ue(b);
	if (bits_u(b, 1) && bits_u(b, 1))
		skip_scaling_lists(b);
	bits_u(b, 2);
	if (bits_u(b, 1)) { /* pcm */
		bits_u(b, 8);
		bits_ue(b);
		bits_ue(b);
		bits_u(b, 1);
	}
	uint32_t sets = bits_ue(b);
	if (sets > 64)
		b->err = -EBADMSG;
	skip_short_term_sets(b, b->err ? 0 : sets);
	if (bits_u(b, 1)) {
		uint32_t n = bits_ue(b);
		for (uint32_t i = 0; i < n && i <= 32 && !b->err; i++)
			bits_u(b, log2_poc + 1);
	}
	bits_u(b, 2);
	if (bits_u(b, 1) && !b->err)
		read_vui(b, s, v);
}

static int read_size(struct bits *b, struct h265_sps *s, struct video_info *v)
{
	uint32_t crop[4] = {0};
	s->chroma_format = bits_ue(b);
	if (s->chroma_format == 3)
		bits_u(b, 1);
	uint32_t width = bits_ue(b), height = bits_ue(b);
	if (bits_u(b, 1)) {
		for (int i = 0; i < 4; i++)
			crop[i] = bits_ue(b);
	}
	s->depth_luma = bits_ue(b) + 8;
	s->depth_chroma = bits_ue(b) + 8;
	if (b->err || s->chroma_format > 3 || s->depth_luma > 16 || s->depth_chroma > 16)
		return -EBADMSG;
	uint32_t unit_x = s->chroma_format == 1 || s->chroma_format == 2 ? 2 : 1, unit_y = s->chroma_format == 1 ? 2 : 1;
	uint64_t cut_x = ((uint64_t)crop[0] + crop[1]) * unit_x, cut_y = ((uint64_t)crop[2] + crop[3]) * unit_y;
	if (width == 0 || height == 0 || width > MAX_DIMENSION || height > MAX_DIMENSION || cut_x >= width || cut_y >= height)
		return -EBADMSG;
	v->width = width - (uint32_t)cut_x;
	v->height = height - (uint32_t)cut_y;
	return 0;
}

/* ISO 14496-15 Annex E.3: hvc1.<space><profile>.<compatibility, bits reversed>.<tier><level>.<constraints without trailing zeros> */
static void codecs_string(const struct h265_sps *s, struct video_info *v)
{
	static const char space[4][2] = {"", "A", "B", "C"};
	uint32_t reversed = 0;
	for (int i = 0; i < 32; i++)
		reversed |= (s->compatibility >> i & 1u) << (31 - i);
	int n = snprintf(v->codecs, sizeof(v->codecs), "hvc1.%s%u.%X.%c%u", space[s->profile_space & 3], s->profile, reversed,
			 s->tier ? 'H' : 'L', s->level);
	int used = 6;
	while (used && !s->constraints[used - 1])
		used--;
	for (int i = 0; i < used && n > 0 && (size_t)n < sizeof(v->codecs); i++)
		n += snprintf(v->codecs + n, sizeof(v->codecs) - (size_t)n, ".%X", s->constraints[i]);
}

int h265_read_sps(struct bytes sps, struct h265_sps *ret_sps, struct video_info *ret_info)
{
	struct bytes nal = nal_clean(sps);
	struct video_info v = {.reorder_depth = -1};
	struct h265_sps s = {0};
	if (nal.len < 15 || H265_NAL_TYPE(nal.data[0]) != 33)
		return -EBADMSG;
	struct bits b = bits_of(nal);
	bits_u(&b, 16 + 4);
	s.sub_layers = (uint8_t)(bits_u(&b, 3) + 1);
	s.temporal_nested = (uint8_t)bits_u(&b, 1);
	if (s.sub_layers > 7)
		return -EBADMSG;
	read_profile_tier_level(&b, &s);
	if (bits_ue(&b) > 15)
		return -EBADMSG;
	int err = read_size(&b, &s, &v);
	if (err)
		return err;
	uint32_t log2_poc = bits_ue(&b) + 3;
	if (log2_poc > 15)
		return -EBADMSG;
	bool each = bits_u(&b, 1);
	for (unsigned i = each ? 0 : s.sub_layers - 1u; i < s.sub_layers; i++) {
		bits_ue(&b);
		uint32_t reorder = bits_ue(&b);
		bits_ue(&b);
		if (!b.err && reorder <= 16)
			v.reorder_depth = (int)reorder; /* the highest layer's, the last one, counts */
	}
	if (b.err)
		return -EBADMSG;
	read_tail(&b, &s, &v, log2_poc); /* what is missing there only leaves fps unknown */
	codecs_string(&s, &v);
	*ret_sps = s;
	*ret_info = v;
	return 0;
}

int h265_parse_sps(struct bytes sps, struct video_info *ret)
{
	struct h265_sps s;
	return h265_read_sps(sps, &s, ret);
}
