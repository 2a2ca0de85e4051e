/* A past for demonstrations; see past.h. */
#include "infra/engine/past.h"

#include "infra/engine/mux.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct unit { /* an access unit of the clip, as length-prefixed NAL units */
	size_t at, len;
	bool key;
};

struct past {
	const struct past_span *span;
	struct writers *writers;
	int volume;
	int error;
	struct buf data;
	struct unit *units;
	size_t n, cap;
	struct video_params params;
};

struct nal_kind {
	bool slice, first, key;
	struct param_set *set; /* where a parameter set is kept */
	bool drop;	       /* access unit delimiters */
};

static struct nal_kind look_at(struct past *p, struct bytes nal)
{
	struct nal_kind k = {0};
	if (p->span->codec == CODEC_H264) {
		unsigned type = H264_NAL_TYPE(nal.data[0]);
		k.slice = type == 1 || type == 5;
		k.key = type == 5;
		k.first = k.slice && nal.len > 1 && (nal.data[1] & 0x80);
		k.set = type == 7 ? &p->params.sps : type == 8 ? &p->params.pps : NULL;
		k.drop = type == 9;
	} else {
		unsigned type = H265_NAL_TYPE(nal.data[0]);
		k.slice = type < 32;
		k.key = type >= 16 && type <= 23;
		k.first = k.slice && nal.len > 2 && (nal.data[2] & 0x80);
		k.set = type == 32 ? &p->params.vps : type == 33 ? &p->params.sps : type == 34 ? &p->params.pps : NULL;
		k.drop = type == 35;
	}
	return k;
}

static struct unit *begin_unit(struct past *p)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 256;
		void *u = realloc(p->units, cap * sizeof(*p->units));
		if (!u)
			return NULL;
		p->units = u;
		p->cap = cap;
	}
	p->units[p->n] = (struct unit){.at = p->data.len};
	return &p->units[p->n++];
}

static void take_nal(struct past *p, struct bytes nal, bool *had_slice)
{
	struct nal_kind k = look_at(p, nal);
	if (k.set && nal.len <= PARAM_SET_CAP) {
		k.set->len = (uint16_t)nal.len;
		memcpy(k.set->data, nal.data, nal.len);
	}
	bool begins = !p->n || (*had_slice && (!k.slice || k.first));
	if (begins) {
		if (!begin_unit(p))
			return;
		*had_slice = false;
	}
	if (k.set || k.drop)
		return;
	struct unit *u = &p->units[p->n - 1];
	buf_be32(&p->data, (uint32_t)nal.len);
	buf_append(&p->data, nal.data, nal.len);
	u->len = p->data.len - u->at;
	u->key |= k.key;
	*had_slice |= k.slice;
}

static void split_clip(struct past *p)
{
	struct bytes b = p->span->clip;
	bool had_slice = false;
	size_t at = annexb_find(b, 0);
	while (at < b.len) {
		size_t from = at + 3, next = annexb_find(b, from), end = next;
		while (end > from && b.data[end - 1] == 0) /* the fourth byte of the next start code */
			end--;
		if (end > from + 2)
			take_nal(p, bytes_of(b.data + from, end - from), &had_slice);
		at = next;
	}
}

static struct rec_file *open_file(void *ctx, int64_t start_utc_us, const struct fmp4_tracks *tracks)
{
	struct past *p = ctx;
	const struct past_span *s = p->span;
	struct rec_file *f = writer_open_recording(p->writers, s->site_id, s->camera_id, s->city_id, p->volume, start_utc_us, tracks);
	p->error = f ? 0 : -ENOMEM;
	return f;
}

static bool should_cut(void *ctx, int64_t frame_utc_us)
{
	(void)ctx;
	(void)frame_utc_us;
	return false;
}

static int64_t seal_delay(void *ctx)
{
	(void)ctx;
	return 0;
}

static const struct mux_sink sink = {.open_file = open_file, .should_cut = should_cut, .seal_delay_us = seal_delay};

static int feed_span(struct past *p, struct mux *m)
{
	const struct past_span *s = p->span;
	int64_t frame = 90000 / s->fps, frames = (s->end_utc_us - s->start_utc_us) / US_PER_S * s->fps;
	struct au_buf b = {0};
	for (int64_t i = 0; i < frames; i++) {
		const struct unit *u = &p->units[(size_t)i % p->n];
		int err = mux_au_buf(m, &b);
		if (!err && b.cap < u->len)
			err = mux_au_grow(m, &b, u->len);
		if (err)
			return err;
		memcpy(b.data, p->data.data + u->at, u->len);
		struct mux_frame f = {.len = (uint32_t)u->len,
				      .dts_90k = i * frame,
				      .pts_90k = i * frame,
				      .key = u->key,
				      .now_mono_us = i * frame * 100 / 9};
		err = mux_video(m, &f);
		if (err || p->error)
			return err ? err : p->error;
	}
	return mux_file(m) ? rec_file_error(mux_file(m)) : 0;
}

static int mux_span(struct past *p)
{
	struct video_info info;
	struct mux *m = NULL;
	int err = p->n && p->units[0].key ? video_params_info(&p->params, &info) : -EBADMSG;
	if (err)
		return err;
	struct live *live = live_create(p->span->start_utc_us);
	err = live ? mux_create(live, &sink, p, &m) : -ENOMEM;
	struct mux_run run = {
		.video = &p->params,
		.video_info = &info,
		.plan = {.frame = 90000 / p->span->fps, .regular = true},
		.utc_us = p->span->start_utc_us,
		.bandwidth = 500000,
	};
	if (!err)
		err = mux_begin_run(m, &run);
	if (!err)
		err = feed_span(p, m);
	mux_destroy(m); /* seals */
	live_unref(&live);
	return err;
}

int past_record(const struct writers_config *config, const struct past_span *span)
{
	struct past p = {.span = span, .params = {.codec = span->codec}};
	p.volume = volumes_pick(config->volumes, span->camera_id, -1);
	if (p.volume < 0)
		return -ENODEV;
	int err = writers_create(config, &p.writers);
	if (!err) {
		split_clip(&p);
		err = mux_span(&p);
		writers_destroy(p.writers); /* waits for the seal */
	}
	buf_finish(&p.data);
	free(p.units);
	return err;
}
