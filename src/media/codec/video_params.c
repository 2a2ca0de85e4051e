/* Video parameter sets as a whole: what they say, avcC and hvcC (ISO 14496-15 5.3.3.1, 8.3.3.1). Pure functions, any thread. */
#include "media/codec/codec.h"
#include "media/codec/sps_priv.h"

#include <errno.h>

static struct bytes set_bytes(const struct param_set *s)
{
	return bytes_of(s->data, s->len);
}

static bool complete(const struct video_params *p)
{
	return p->sps.len && p->pps.len && (p->codec != CODEC_H265 || p->vps.len);
}

int video_params_info(const struct video_params *params, struct video_info *ret)
{
	if (params->codec != CODEC_H264 && params->codec != CODEC_H265)
		return -EBADMSG;
	if (!complete(params))
		return -ENODATA;
	return params->codec == CODEC_H264 ? h264_parse_sps(set_bytes(&params->sps), ret) : h265_parse_sps(set_bytes(&params->sps), ret);
}

static void put_set(struct buf *out, const struct param_set *s)
{
	buf_be16(out, s->len);
	buf_append(out, s->data, s->len);
}

static bool has_high_tail(uint8_t profile)
{
	return profile == 100 || profile == 110 || profile == 122 || profile == 144 || profile == 244;
}

/* The chroma format and depths stand at the front of a high profile's SPS; 4:2:0 and 8 bit is what cameras send. */
static int put_avcc(const struct video_params *p, struct buf *out)
{
	struct video_info info;
	struct h264_depths depths;
	if (h264_parse_sps(set_bytes(&p->sps), &info) || h264_read_depths(set_bytes(&p->sps), &depths))
		return -EBADMSG;
	const uint8_t *sps = p->sps.data;
	const uint8_t head[6] = {1, sps[1], sps[2], sps[3], 0xff /* 4-byte lengths */, 0xe1};
	buf_append(out, head, sizeof(head));
	put_set(out, &p->sps);
	buf_u8(out, 1);
	put_set(out, &p->pps);
	if (has_high_tail(sps[1])) {
		const uint8_t tail[4] = {0xfc | depths.chroma_format, 0xf8 | depths.luma_minus8, 0xf8 | depths.chroma_minus8, 0};
		buf_append(out, tail, sizeof(tail));
	}
	return 0;
}

static int put_hvcc(const struct video_params *p, struct buf *out)
{
	struct video_info info;
	struct h265_sps s;
	if (h265_read_sps(set_bytes(&p->sps), &s, &info))
		return -EBADMSG;
	buf_u8(out, 1);
	buf_u8(out, (uint8_t)(s.profile_space << 6 | s.tier << 5 | s.profile));
	buf_be32(out, s.compatibility);
	buf_append(out, s.constraints, sizeof(s.constraints));
	buf_u8(out, s.level);
	buf_be16(out, (uint16_t)(0xf000 | s.min_spatial_segmentation));
	buf_u8(out, 0xfc); /* parallelism unknown */
	buf_u8(out, (uint8_t)(0xfc | s.chroma_format));
	buf_u8(out, (uint8_t)(0xf8 | (s.depth_luma - 8)));
	buf_u8(out, (uint8_t)(0xf8 | (s.depth_chroma - 8)));
	buf_be16(out, 0); /* average frame rate not said */
	buf_u8(out, (uint8_t)(s.sub_layers << 3 | s.temporal_nested << 2 | 3));
	const struct param_set *const sets[3] = {&p->vps, &p->sps, &p->pps};
	buf_u8(out, 3);
	for (int i = 0; i < 3; i++) {
		buf_u8(out, (uint8_t)(0x80 | (32 + i))); /* complete: none stays in the samples */
		buf_be16(out, 1);
		put_set(out, sets[i]);
	}
	return 0;
}

int video_params_config(const struct video_params *params, struct buf *out)
{
	if ((params->codec != CODEC_H264 && params->codec != CODEC_H265) || !complete(params))
		return -EBADMSG;
	return params->codec == CODEC_H264 ? put_avcc(params, out) : put_hvcc(params, out);
}

static bool set_equal(const struct param_set *a, const struct param_set *b)
{
	return bytes_equal(set_bytes(a), set_bytes(b));
}

bool video_params_equal(const struct video_params *a, const struct video_params *b)
{
	return a->codec == b->codec && set_equal(&a->vps, &b->vps) && set_equal(&a->sps, &b->sps) && set_equal(&a->pps, &b->pps);
}

static int take_set(struct cursor *c, struct param_set *set)
{
	struct bytes nal = cursor_take(c, cursor_be16(c));
	if (c->err || nal.len == 0 || nal.len > PARAM_SET_CAP)
		return -EBADMSG;
	if (set && !set->len) { /* the first of a kind is kept */
		memcpy(set->data, nal.data, nal.len);
		set->len = (uint16_t)nal.len;
	}
	return 0;
}

static int from_avcc(struct cursor *c, struct video_params *p)
{
	cursor_skip(c, 5);
	for (unsigned n = cursor_u8(c) & 0x1f; n; n--) {
		if (take_set(c, &p->sps))
			return -EBADMSG;
	}
	for (unsigned n = cursor_u8(c); n; n--) {
		if (take_set(c, &p->pps))
			return -EBADMSG;
	}
	return 0;
}

static int from_hvcc(struct cursor *c, struct video_params *p)
{
	cursor_skip(c, 22);
	for (unsigned arrays = cursor_u8(c); arrays; arrays--) {
		unsigned type = cursor_u8(c) & 0x3f;
		struct param_set *set = type == 32 ? &p->vps : type == 33 ? &p->sps : type == 34 ? &p->pps : NULL;
		for (unsigned n = cursor_be16(c); n; n--) {
			if (take_set(c, set))
				return -EBADMSG;
		}
	}
	return 0;
}

int video_params_from_config(enum codec codec, struct bytes config, struct video_params *ret)
{
	struct video_params p = {.codec = codec};
	struct cursor c = cursor_of(config);
	if ((codec != CODEC_H264 && codec != CODEC_H265) || config.len < 7 || config.data[0] != 1)
		return -EBADMSG;
	int err = codec == CODEC_H264 ? from_avcc(&c, &p) : from_hvcc(&c, &p);
	if (err || c.err || !complete(&p))
		return -EBADMSG;
	*ret = p;
	return 0;
}
