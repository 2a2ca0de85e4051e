/* Init segments and the recording file's header: ftyp, moov with mvex, our uuid box, free up to 32 KiB. Pure functions over bytes. */
#include "media/fmp4/header_priv.h"
#include "media/fmp4/moov_priv.h"

#include <errno.h>

#define IDENTITY_VERSION 1u
#define MEHD_SIZE 20u

/* Fixed for ever: how a file is known to be ours. */
const uint8_t fmp4_identity_type[16] = {0x7b, 0x1c, 0x4f, 0x0a, 0x5d, 0x2e, 0x4b, 0x93, 0xa6, 0x58, 'v', 'i', 'g', 'i', 'a', 0x01};

static void put_empty_tables(const struct moov_track *track, struct buf *out)
{
	static const struct {
		const char *type;
		size_t zeros;
	} tables[] = {{"stts", 4}, {"stsc", 4}, {"stsz", 8}, {"stco", 4}};
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		size_t box = full_box_begin(out, tables[i].type, 0, 0);
		buf_zeros(out, tables[i].zeros);
		box_end(out, box);
	}
}

static void put_trex(struct buf *out, uint32_t track_id)
{
	size_t trex = full_box_begin(out, "trex", 0, 0);
	buf_be32(out, track_id);
	buf_be32(out, 1); /* sample description */
	buf_zeros(out, 12);
	box_end(out, trex);
}

/* for_file leaves room for mehd, as a free box of its size: a file that is still open has no duration to state. */
static int put_init(const struct fmp4_tracks *t, uint64_t created, bool for_file, struct buf *out)
{
	static const char *const brands[] = {"iso6", "mp41", "cmfc"};
	if (!t->video && !t->audio)
		return -EBADMSG;
	moov_put_ftyp(out, "iso6", brands, t->video && t->audio ? 2 : 3); /* cmfc: one track only */
	size_t moov = box_begin(out, "moov");
	moov_put_mvhd(out, created, 0);
	struct moov_track track = {.created_1904_s = created, .put_tables = put_empty_tables};
	int r = 0;
	if (t->video) {
		track.id = FMP4_VIDEO_TRACK;
		track.video = true;
		track.timescale = FMP4_VIDEO_TIMESCALE;
		r = moov_put_trak(t, &track, out);
	}
	if (t->audio && r == 0) {
		track.id = FMP4_AUDIO_TRACK;
		track.video = false;
		track.timescale = t->audio->sample_rate;
		r = moov_put_trak(t, &track, out);
	}
	size_t mvex = box_begin(out, "mvex");
	if (for_file) {
		size_t room = box_begin(out, "free");
		buf_be32(out, 1u << 24); /* version: the seal has only type and duration to write */
		buf_zeros(out, MEHD_SIZE - BOX_HEAD - 4);
		box_end(out, room);
	}
	if (t->video)
		put_trex(out, FMP4_VIDEO_TRACK);
	if (t->audio)
		put_trex(out, FMP4_AUDIO_TRACK);
	box_end(out, mvex);
	box_end(out, moov);
	return r;
}

int fmp4_write_init(const struct fmp4_tracks *t, struct buf *out)
{
	size_t start = out->len;
	int r = put_init(t, 0, false, out);
	if (r < 0)
		out->len = start;
	return r;
}

static void put_string(struct buf *out, const char *s, size_t cap)
{
	size_t n = strnlen(s, cap - 1);
	buf_u8(out, (uint8_t)n);
	buf_append(out, s, n);
}

static void put_identity(const struct fmp4_identity *id, struct buf *out)
{
	size_t uuid = box_begin(out, "uuid");
	buf_append(out, fmp4_identity_type, sizeof(fmp4_identity_type));
	buf_be32(out, IDENTITY_VERSION);
	buf_append(out, id->recording_id.b, sizeof(id->recording_id.b));
	buf_be64(out, (uint64_t)id->anchor_utc_us);
	buf_be64(out, (uint64_t)id->started_utc_us);
	put_string(out, id->site_id, sizeof(id->site_id));
	put_string(out, id->camera_id, sizeof(id->camera_id));
	put_string(out, id->city_id, sizeof(id->city_id));
	box_end(out, uuid);
}

static void take_string(struct cursor *c, char *dst, size_t cap)
{
	struct bytes s = cursor_take(c, cursor_u8(c));
	if (s.len >= cap || memchr(s.data ? s.data : (const uint8_t *)"", 0, s.len))
		c->err = -ENODATA;
	else
		bytes_copy_str(s, dst, cap);
}

/* What later versions add stands behind these fields and is skipped. */
int identity_parse(struct bytes payload, struct fmp4_identity *ret)
{
	struct fmp4_identity id = {0};
	struct cursor c = cursor_of(payload);
	if (cursor_be32(&c) != IDENTITY_VERSION)
		return -EBADMSG;
	struct bytes recording = cursor_take(&c, sizeof(id.recording_id.b));
	if (recording.len)
		memcpy(id.recording_id.b, recording.data, recording.len);
	id.anchor_utc_us = (int64_t)cursor_be64(&c);
	id.started_utc_us = (int64_t)cursor_be64(&c);
	take_string(&c, id.site_id, sizeof(id.site_id));
	take_string(&c, id.camera_id, sizeof(id.camera_id));
	take_string(&c, id.city_id, sizeof(id.city_id));
	if (c.err)
		return -EBADMSG;
	*ret = id;
	return 0;
}

int fmp4_write_header(const struct fmp4_tracks *t, const struct fmp4_identity *id, struct buf *out)
{
	size_t start = out->len;
	int r = put_init(t, moov_time_1904(id->started_utc_us), true, out);
	if (r == 0)
		put_identity(id, out);
	size_t used = out->len - start;
	if (r < 0 || used > FMP4_HEADER_BOXES_MAX) {
		out->len = start;
		return -EBADMSG;
	}
	buf_reserve(out, FMP4_HEADER_SIZE - used);
	fmp4_write_free(out->data + out->len, FMP4_HEADER_SIZE - used);
	out->len = start + FMP4_HEADER_SIZE;
	return 0;
}

int header_split(const uint8_t *data, struct header_parts *ret)
{
	static const uint32_t order[3] = {BOX_TYPE('f', 't', 'y', 'p'), BOX_TYPE('m', 'o', 'o', 'v'), BOX_TYPE('u', 'u', 'i', 'd')};
	struct header_parts h = {0};
	struct cursor c = cursor_of(bytes_of(data, FMP4_HEADER_SIZE));
	struct box box = {0};
	for (size_t i = 0; i < 3; i++) {
		if (!box_next(&c, &box) || box.type != order[i])
			return -EBADMSG;
		if (i == 1) {
			h.moov = box.payload;
			h.init_len = (uint32_t)(c.p - data);
		}
	}
	size_t n = sizeof(fmp4_identity_type);
	if (box.payload.len < n || memcmp(box.payload.data, fmp4_identity_type, n) != 0)
		return -EBADMSG;
	h.identity = bytes_of(box.payload.data + n, box.payload.len - n);
	h.area = (uint32_t)(c.p - data);
	if (h.area > FMP4_HEADER_BOXES_MAX || !box_next(&c, &box))
		return -EBADMSG;
	if (box.type == BOX_TYPE('s', 'i', 'd', 'x')) {
		h.sealed = true;
		h.sidx = box.payload;
		if (cursor_left(&c) && !box_next(&c, &box))
			return -EBADMSG;
	}
	if (cursor_left(&c) || (!h.sealed && box.type != BOX_TYPE('f', 'r', 'e', 'e')))
		return -EBADMSG;
	*ret = h;
	return 0;
}
