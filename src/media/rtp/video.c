/* H.264 (RFC 6184) and H.265 (RFC 7798) payloads into access units of NAL units with 4-byte lengths. One thread.
 * Each fragment is copied once, then looked through for start codes while it is in the cache; only a NAL unit that has one is rewritten. */
#include "media/rtp/depacketizer_priv.h"

#include <errno.h>

#define LENGTH_BYTES 4u
#define UNITS_WITHOUT_IDR 300u /* from then on a recovery point counts as a key frame whatever its slices are */

enum nal_kind { NAL_KEEP, NAL_SLICE, NAL_KEY_SLICE, NAL_SEI, NAL_VPS, NAL_SPS, NAL_PPS, NAL_STRIP, NAL_BAD };

/* Unlisted ones are kept. Access unit delimiters and filler carry nothing in a file (ISO 14496-15 forbids the latter). */
static const uint8_t h264_kinds[32] = {
	[0] = NAL_BAD,	[1] = NAL_SLICE, [2] = NAL_SLICE, [3] = NAL_SLICE,  [4] = NAL_SLICE,  [5] = NAL_KEY_SLICE, [6] = NAL_SEI,
	[7] = NAL_SPS,	[8] = NAL_PPS,	 [9] = NAL_STRIP, [10] = NAL_STRIP, [11] = NAL_STRIP, [12] = NAL_STRIP,	   [24] = NAL_BAD,
	[25] = NAL_BAD, [26] = NAL_BAD,	 [27] = NAL_BAD,  [28] = NAL_BAD,   [29] = NAL_BAD,   [30] = NAL_BAD,	   [31] = NAL_BAD,
};

static enum nal_kind kind_of(const struct depacketizer *d, struct bytes nal)
{
	if (nal.len < (d->params.codec == CODEC_H265 ? 3u : 2u))
		return NAL_STRIP; /* a header alone: end of sequence, or the rest of a start code's split */
	if (d->params.codec == CODEC_H264)
		return h264_kinds[H264_NAL_TYPE(nal.data[0])];
	unsigned t = H265_NAL_TYPE(nal.data[0]);
	if (t < 32)
		return t >= 16 && t <= 23 ? NAL_KEY_SLICE : NAL_SLICE;
	switch (t) {
	case 32:
		return NAL_VPS;
	case 33:
		return NAL_SPS;
	case 34:
		return NAL_PPS;
	case 35:
	case 36:
	case 37:
	case 38:
		return NAL_STRIP;
	case 39:
		return NAL_SEI;
	default:
		return t >= 48 ? NAL_BAD : NAL_KEEP;
	}
}

static bool sps_is_good(enum codec codec, struct bytes nal)
{
	struct video_info info;
	return (codec == CODEC_H264 ? h264_parse_sps(nal, &info) : h265_parse_sps(nal, &info)) == 0;
}

/* Returns whether the set must stay in the sample: a second one of its kind in one access unit, for which `params` has no place. */
static bool take_params(struct depacketizer *d, enum nal_kind kind, struct bytes nal)
{
	struct param_set *set = kind == NAL_VPS ? &d->params.vps : kind == NAL_SPS ? &d->params.sps : &d->params.pps;
	unsigned bit = 1u << kind;
	bool again = d->saw_sets & bit;
	while (nal.len && nal.data[nal.len - 1] == 0)
		nal.len--;
	if (bytes_equal(nal, bytes_of(set->data, set->len))) {
		d->saw_sets |= bit;
		return false;
	}
	if (again)
		return true;
	if (nal.len > PARAM_SET_CAP || (kind == NAL_SPS && !sps_is_good(d->params.codec, nal)))
		return false;
	d->saw_sets |= bit;
	memcpy(set->data, nal.data, nal.len);
	set->len = (uint16_t)nal.len;
	d->params_changed = true;
	return false;
}

static void see_slice(struct depacketizer *d, struct bytes nal, bool key)
{
	bool h264 = d->params.codec == CODEC_H264;
	bool first = h264 ? nal.data[1] & 0x80 : nal.data[2] & 0x80; /* first_mb_in_slice == 0; first_slice_segment_in_pic_flag */
	if (d->tail && !d->has_slice && !first) {
		d->markers_lie = true; /* more of the picture just given out: from now on its end is the next one's beginning */
		d->au.late = d->au.damaged = true;
	}
	if (!key && d->recovery && !d->has_slice)
		key = d->units_since_idr > UNITS_WITHOUT_IDR || (h264 && h264_slice_is_intra(nal));
	else if (key)
		d->units_since_idr = 0;
	d->au.key |= key;
	d->has_slice = true;
}

/* Looks at a whole NAL unit; returns whether it stays in the sample. */
static bool see_nal(struct depacketizer *d, struct bytes nal)
{
	enum nal_kind kind = kind_of(d, nal);
	switch (kind) {
	case NAL_SLICE:
	case NAL_KEY_SLICE:
		see_slice(d, nal, kind == NAL_KEY_SLICE);
		return true;
	case NAL_SEI:
		d->recovery |= sei_has_recovery_point(d->params.codec, nal);
		return true;
	case NAL_VPS:
	case NAL_SPS:
	case NAL_PPS:
		return take_params(d, kind, nal);
	case NAL_BAD:
		d->au.damaged = true;
		return false;
	case NAL_STRIP:
		return false;
	case NAL_KEEP:
		break;
	}
	return true;
}

/* A NAL unit with start codes inside: moved up by a byte for each, then written down again as units with lengths. Linear. */
static void split_nal(struct depacketizer *d)
{
	struct au_buf *out = d->config.out;
	size_t start = d->nal_start + LENGTH_BYTES, n_codes = 0;
	struct bytes all = bytes_of(out->data + start, out->len - start);
	for (size_t at = annexb_find(all, 0); at < all.len; at = annexb_find(all, at + 3))
		n_codes++;
	if (!unit_room(d, n_codes))
		return;
	size_t len = all.len, write = d->nal_start;
	memmove(out->data + start + n_codes, out->data + start, len);
	all = bytes_of(out->data + start + n_codes, len);
	for (size_t from = 0; from < len;) {
		size_t end = annexb_find(all, from), n = end - from;
		while (n && all.data[from + n - 1] == 0)
			n--;
		struct bytes nal = bytes_of(all.data + from, n);
		if (n && see_nal(d, nal)) {
			memmove(out->data + write + LENGTH_BYTES, nal.data, n);
			put_be32(out->data + write, (uint32_t)n);
			write += LENGTH_BYTES + n;
		}
		from = end + 3;
	}
	out->len = write;
}

static void begin_nal(struct depacketizer *d, struct bytes header)
{
	static const uint8_t length[LENGTH_BYTES];
	d->nal_start = d->config.out->len;
	d->nal_scanned = d->nal_start + LENGTH_BYTES;
	d->nal_split = false;
	d->nal_open = unit_append(d, bytes_of(length, sizeof(length))) && unit_append(d, header);
}

static void append_nal(struct depacketizer *d, struct bytes b)
{
	struct au_buf *out = d->config.out;
	if (!d->nal_open || !unit_append(d, b) || d->nal_split)
		return;
	struct bytes fresh = bytes_of(out->data + d->nal_scanned, out->len - d->nal_scanned);
	d->nal_split = annexb_find(fresh, 0) < fresh.len;
	if (fresh.len > 2)
		d->nal_scanned = out->len - 2; /* a start code may lie across two fragments */
}

void video_end_nal(struct depacketizer *d)
{
	struct au_buf *out = d->config.out;
	if (!d->nal_open)
		return;
	d->nal_open = false;
	if (d->given_up)
		return;
	if (d->nal_split) {
		split_nal(d);
		return;
	}
	size_t start = d->nal_start + LENGTH_BYTES, n = out->len - start;
	if (see_nal(d, bytes_of(out->data + start, n)))
		put_be32(out->data + d->nal_start, (uint32_t)n);
	else
		out->len = d->nal_start;
}

static void whole_nal(struct depacketizer *d, struct bytes nal)
{
	begin_nal(d, (struct bytes){0});
	append_nal(d, nal);
	video_end_nal(d);
}

static void cut_nal(struct depacketizer *d)
{
	if (!d->nal_open)
		return;
	d->nal_open = false;
	d->config.out->len = d->nal_start;
	d->au.damaged = true;
}

/* STAP-A, AP: 16-bit sizes. */
static int aggregate(struct depacketizer *d, struct cursor c)
{
	while (cursor_left(&c)) {
		struct bytes nal = cursor_take(&c, cursor_be16(&c));
		if (c.err) {
			d->au.damaged = true;
			return -EBADMSG;
		}
		if (nal.len)
			whole_nal(d, nal);
	}
	return 0;
}

/* FU-A, FU: `header` is the NAL unit's, made from the first fragment; later ones' types and reserved bits are not looked at. */
static int fragment(struct depacketizer *d, uint8_t fu, struct bytes header, struct bytes rest)
{
	if (fu & 0x80) {
		video_end_nal(d); /* the one before never said that it ended */
		begin_nal(d, header);
	} else if (!d->nal_open) {
		d->au.damaged = true;
		return d->given_up ? 0 : -EBADMSG;
	}
	append_nal(d, rest);
	if (fu & 0x40)
		video_end_nal(d);
	return 0;
}

static int h264_payload(struct depacketizer *d, struct bytes payload)
{
	struct cursor c = cursor_of(payload);
	uint8_t first = cursor_u8(&c), type = H264_NAL_TYPE(first);
	if (type == 28) {
		uint8_t fu = cursor_u8(&c), header = (uint8_t)((first & 0xe0) | H264_NAL_TYPE(fu));
		return c.err ? 0 : fragment(d, fu, bytes_of(&header, 1), cursor_take(&c, cursor_left(&c)));
	}
	video_end_nal(d);
	if (type == 24)
		return aggregate(d, c);
	if (type > 24)
		return -EBADMSG;
	whole_nal(d, payload);
	return 0;
}

static int h265_payload(struct depacketizer *d, struct bytes payload)
{
	struct cursor c = cursor_of(payload);
	uint8_t first = cursor_u8(&c), second = cursor_u8(&c), type = H265_NAL_TYPE(first);
	if (type == 49) {
		uint8_t fu = cursor_u8(&c), header[2] = {(uint8_t)((first & 0x81) | (fu & 0x3f) << 1), second};
		return c.err ? 0 : fragment(d, fu, bytes_of(header, 2), cursor_take(&c, cursor_left(&c)));
	}
	video_end_nal(d);
	if (type == 48)
		return aggregate(d, c);
	if (type > 48)
		return -EBADMSG;
	whole_nal(d, payload);
	return 0;
}

static void give_out_video(struct depacketizer *d, bool late)
{
	const struct video_params *v = &d->params;
	video_end_nal(d);
	if (v->sps.len && v->pps.len && (v->codec != CODEC_H265 || v->vps.len) && !d->given_up) {
		d->au.params_changed = d->params_changed;
		d->params_changed = false;
	}
	d->units_since_idr++;
	unit_give_out(d, late);
}

int video_packet(struct depacketizer *d, const struct rtp_packet *p, int64_t now_mono_us, bool gap)
{
	if (gap) {
		cut_nal(d);
		d->au.damaged = true;
	}
	if (d->open && d->au.rtp_time != p->time) {
		video_end_nal(d);
		if (d->has_slice || d->given_up)
			give_out_video(d, true);
		else
			d->au.rtp_time = p->time; /* parameter sets and SEI sent ahead under another time: the access unit goes on */
	}
	if (!d->open)
		unit_begin(d, p, gap);
	d->au.arrival_mono_us = now_mono_us;
	d->au.n_packets++;
	if (p->payload.len == 0)
		return 0;
	int err = d->params.codec == CODEC_H264 ? h264_payload(d, p->payload) : h265_payload(d, p->payload);
	if (p->marker && !d->markers_lie) {
		video_end_nal(d);
		if (d->has_slice || d->given_up)
			give_out_video(d, false);
	}
	return err;
}
