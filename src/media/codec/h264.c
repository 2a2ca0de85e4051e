/* H.264 sequence parameter sets (ITU-T H.264 7.3.2.1, E.1.1). Pure functions, any thread. */
#include "media/codec/bits_priv.h"
#include "media/codec/codec.h"
#include "media/codec/sps_priv.h"

#include <errno.h>
#include <stdio.h>

#define MAX_DIMENSION 16384u

struct h264_sps {
	uint8_t profile, constraints, level;
	uint32_t chroma_format, depth_luma, depth_chroma; /* depths minus 8 */
	uint32_t width_mbs, height_units, frame_mbs_only, poc_type;
	uint32_t crop[4]; /* left, right, top, bottom */
	struct video_info *info;
};

static void skip_scaling_list(struct bits *b, int size)
{
	int last = 8, next = 8;
	for (int j = 0; j < size && !b->err; j++) {
		if (next)
			next = (int)(((uint32_t)last + (uint32_t)bits_se(b)) & 0xff);
		if (next)
			last = next;
	}
}

static bool has_chroma_fields(uint8_t profile)
{
	static const uint8_t with[] = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};
	return memchr(with, profile, sizeof(with)) != NULL;
}

static void read_high(struct bits *b, struct h264_sps *s)
{
	s->chroma_format = bits_ue(b);
	if (s->chroma_format > 3)
		b->err = -EBADMSG;
	if (s->chroma_format == 3)
		bits_u(b, 1);
	s->depth_luma = bits_ue(b);
	s->depth_chroma = bits_ue(b);
	if (s->depth_luma > 6 || s->depth_chroma > 6)
		b->err = -EBADMSG;
	bits_u(b, 1);
	if (!bits_u(b, 1))
		return;
	for (int i = 0; i < (s->chroma_format == 3 ? 12 : 8) && !b->err; i++) {
		if (bits_u(b, 1))
			skip_scaling_list(b, i < 6 ? 16 : 64);
	}
}

static void read_poc(struct bits *b, struct h264_sps *s)
{
	s->poc_type = bits_ue(b);
	if (s->poc_type == 0) {
		bits_ue(b);
	} else if (s->poc_type == 1) {
		bits_u(b, 1);
		bits_se(b);
		bits_se(b);
		uint32_t n = bits_ue(b);
		if (n > 255)
			b->err = -EBADMSG;
		for (uint32_t i = 0; i < n && !b->err; i++)
			bits_se(b);
	} else if (s->poc_type > 2) {
		b->err = -EBADMSG;
	}
}

static void skip_hrd(struct bits *b)
{
	uint32_t n = bits_ue(b) + 1;
	if (n > 32)
		b->err = -EBADMSG;
	bits_u(b, 8);
	for (uint32_t i = 0; i < n && !b->err; i++) {
		bits_ue(b);
		bits_ue(b);
		bits_u(b, 1);
	}
	bits_u(b, 20);
}

static void read_vui(struct bits *b, struct h264_sps *s)
{
	if (bits_u(b, 1) && bits_u(b, 8) == 255) /* aspect ratio, extended */
		bits_u(b, 32);
	if (bits_u(b, 1)) /* overscan */
		bits_u(b, 1);
	if (bits_u(b, 1)) { /* video signal type */
		bits_u(b, 4);
		if (bits_u(b, 1))
			bits_u(b, 24);
	}
	if (bits_u(b, 1)) { /* chroma location */
		bits_ue(b);
		bits_ue(b);
	}
	if (bits_u(b, 1)) { /* timing */
		uint32_t units = bits_u(b, 32), scale = bits_u(b, 32);
		bits_u(b, 1);
		if (!b->err)
			s->info->fps_milli = sps_fps_milli(scale, (uint64_t)units * 2);
	}
	bool nal_hrd = bits_u(b, 1);
	if (nal_hrd)
		skip_hrd(b);
	bool vcl_hrd = bits_u(b, 1);
	if (vcl_hrd)
		skip_hrd(b);
	if (nal_hrd || vcl_hrd)
		bits_u(b, 1);
	bits_u(b, 1); /* pic_struct_present */
	if (!bits_u(b, 1))
		return;
	bits_u(b, 1);
	for (int i = 0; i < 4; i++)
		bits_ue(b);
	uint32_t reorder = bits_ue(b);
	if (!b->err && reorder <= 16)
		s->info->reorder_depth = (int)reorder;
}

static int finish(struct h264_sps *s, struct video_info *v)
{
	uint32_t width = s->width_mbs * 16, height = s->height_units * 16 * (2 - s->frame_mbs_only);
	uint32_t unit_x = s->chroma_format == 1 || s->chroma_format == 2 ? 2 : 1;
	uint32_t unit_y = (s->chroma_format == 1 ? 2 : 1) * (2 - s->frame_mbs_only);
	uint64_t cut_x = ((uint64_t)s->crop[0] + s->crop[1]) * unit_x, cut_y = ((uint64_t)s->crop[2] + s->crop[3]) * unit_y;
	if (width == 0 || height == 0 || width > MAX_DIMENSION || height > MAX_DIMENSION || cut_x >= width || cut_y >= height)
		return -EBADMSG;
	v->width = width - (uint32_t)cut_x;
	v->height = height - (uint32_t)cut_y;
	/* Baseline has no B pictures; neither has order type 2. */
	if (v->reorder_depth < 0 && (s->profile == 66 || s->poc_type == 2))
		v->reorder_depth = 0;
	snprintf(v->codecs, sizeof(v->codecs), "avc1.%02x%02x%02x", s->profile, s->constraints, s->level);
	return 0;
}

static int read_front(struct bytes nal, struct bits *b, struct h264_sps *s)
{
	if (nal.len < 5 || H264_NAL_TYPE(nal.data[0]) != 7)
		return -EBADMSG;
	*b = bits_of(nal);
	bits_u(b, 8);
	s->profile = (uint8_t)bits_u(b, 8);
	s->constraints = (uint8_t)bits_u(b, 8);
	s->level = (uint8_t)bits_u(b, 8);
	if (bits_ue(b) > 31)
		return -EBADMSG;
	if (has_chroma_fields(s->profile))
		read_high(b, s);
	return b->err ? -EBADMSG : 0;
}

int h264_read_depths(struct bytes sps, struct h264_depths *ret)
{
	struct h264_sps s = {.chroma_format = 1};
	struct bits b;
	int err = read_front(nal_clean(sps), &b, &s);
	if (!err)
		*ret = (struct h264_depths){(uint8_t)s.chroma_format, (uint8_t)s.depth_luma, (uint8_t)s.depth_chroma};
	return err;
}

int h264_parse_sps(struct bytes sps, struct video_info *ret)
{
	struct video_info v = {.reorder_depth = -1};
	struct h264_sps s = {.chroma_format = 1, .info = &v};
	struct bits b;
	if (read_front(nal_clean(sps), &b, &s))
		return -EBADMSG;
	bits_ue(&b); /* log2_max_frame_num */
	read_poc(&b, &s);
	bits_ue(&b); /* reference frames */
	bits_u(&b, 1);
	s.width_mbs = bits_ue(&b) + 1;
	s.height_units = bits_ue(&b) + 1;
	s.frame_mbs_only = bits_u(&b, 1);
	if (!s.frame_mbs_only)
		bits_u(&b, 1);
	bits_u(&b, 1);
	if (bits_u(&b, 1)) {
		for (int i = 0; i < 4; i++)
			s.crop[i] = bits_ue(&b);
	}
	if (b.err || s.width_mbs > MAX_DIMENSION / 16 || s.height_units > MAX_DIMENSION / 16)
		return -EBADMSG;
	/* A VUI that is cut short costs what it would have said, not the stream. */
	if (bits_u(&b, 1) && !b.err)
		read_vui(&b, &s);
	int err = finish(&s, &v);
	if (!err)
		*ret = v;
	return err;
}
