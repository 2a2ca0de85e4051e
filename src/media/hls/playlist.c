/* The media playlist of a live window (RFC 8216bis section 4.4), whole or as a delta update. Pure function of the window. */
#include "media/hls/window_priv.h"

#include <inttypes.h>

/* Parts are listed for the newest segments only (section 4.4.4.9). */
#define PART_TARGETS 3

struct playlist {
	const struct hls_window *w;
	int target_duration_s;
	uint32_t part_target_90k; /* 0: no parts */
	uint64_t total_90k;
	size_t skipped; /* segments left out of a delta update */
};

static void put_seconds(struct buf *out, uint64_t t_90k)
{
	uint64_t us10 = (t_90k * 10 + 4) / 9; /* rounded to 10 us */
	buf_printf(out, "%" PRIu64 ".%05" PRIu64, us10 / 100000, us10 % 100000);
}

/* Segments wholly before the skip boundary may be left out. */
static size_t skippable(const struct playlist *p)
{
	uint64_t boundary_90k = (uint64_t)HLS_LIST_TARGETS_LEAST * (uint64_t)p->target_duration_s * HLS_90K;
	uint64_t left_90k = p->total_90k;
	size_t n = 0;
	for (size_t i = p->w->listed; i < p->w->n && p->w->seg[i].complete; i++, n++) {
		left_90k -= p->w->seg[i].duration_90k;
		if (left_90k < boundary_90k)
			break;
	}
	return n;
}

static void put_head(const struct playlist *p, struct buf *out)
{
	const struct hls_window *w = p->w;
	const struct hls_segment *first = w->listed < w->n ? &w->seg[w->listed] : NULL;
	int64_t discontinuity = first ? first->discontinuity - (first->breaks ? 1 : 0) : w->discontinuity;
	int td = p->target_duration_s;

	buf_printf(out, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:%d\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,", td);
	if (p->part_target_90k) {
		buf_append_str(out, "PART-HOLD-BACK=");
		put_seconds(out, 3 * (uint64_t)p->part_target_90k);
		buf_append_str(out, ",");
	}
	buf_printf(out, "HOLD-BACK=%d.0,CAN-SKIP-UNTIL=%d.0\n", 3 * td, HLS_LIST_TARGETS_LEAST * td);
	if (p->part_target_90k) {
		buf_append_str(out, "#EXT-X-PART-INF:PART-TARGET=");
		put_seconds(out, p->part_target_90k);
		buf_append_str(out, "\n");
	}
	buf_printf(out, "#EXT-X-MEDIA-SEQUENCE:%" PRId64 "\n#EXT-X-DISCONTINUITY-SEQUENCE:%" PRId64 "\n", w->first_msn + (int64_t)w->listed,
		   discontinuity);
	if (p->skipped)
		buf_printf(out, "#EXT-X-SKIP:SKIPPED-SEGMENTS=%zu\n", p->skipped);
}

static void put_parts(const struct playlist *p, const struct hls_segment *s, int64_t msn, struct buf *out)
{
	for (uint32_t i = 0; i < s->n_parts; i++) {
		buf_append_str(out, "#EXT-X-PART:DURATION=");
		put_seconds(out, s->parts[i].duration_90k);
		buf_printf(out, ",URI=\"%c%" PRId64 ".%" PRIu32 ".m4s\"%s\n", p->w->config.prefix, msn, i,
			   s->parts[i].independent ? ",INDEPENDENT=YES" : "");
	}
}

static void put_segment(const struct playlist *p, size_t i, bool list_parts, struct buf *out)
{
	const struct hls_segment *s = &p->w->seg[i];
	const struct hls_segment *before = i > p->w->listed ? s - 1 : NULL;
	int64_t msn = p->w->first_msn + (int64_t)i;
	char time[RFC3339_CAP];

	if (s->breaks)
		buf_append_str(out, "#EXT-X-DISCONTINUITY\n");
	if (s->has_init && (!before || !before->has_init || before->init_id != s->init_id || s->breaks))
		buf_printf(out, "#EXT-X-MAP:URI=\"%cinit%" PRIu64 ".mp4\"\n", p->w->config.prefix, s->init_id);
	rfc3339_format(s->program_utc_us, time);
	buf_printf(out, "#EXT-X-PROGRAM-DATE-TIME:%s\n", time);
	if (list_parts)
		put_parts(p, s, msn, out);
	if (!s->complete)
		return;
	if (s->gap)
		buf_append_str(out, "#EXT-X-GAP\n");
	buf_append_str(out, "#EXTINF:");
	put_seconds(out, s->duration_90k);
	buf_printf(out, ",\n%c%" PRId64 ".m4s\n", p->w->config.prefix, msn);
}

/* PART-TARGET of the newest run that has media, else of the one about to begin. */
static uint32_t shown_part_target(const struct hls_window *w)
{
	for (size_t i = w->n; i > w->listed; i--) {
		if (!w->seg[i - 1].gap)
			return w->seg[i - 1].part_target_90k;
	}
	return w->has_run ? w->run.part_target_90k : 0;
}

void hls_window_render(const struct hls_window *w, bool delta, struct buf *out)
{
	struct playlist p = {
		.w = w,
		.target_duration_s = hls_window_target_duration_s(w),
		.part_target_90k = shown_part_target(w),
		.total_90k = (uint64_t)hls_window_duration_90k(w),
	};
	uint64_t parts_90k = (uint64_t)PART_TARGETS * (uint64_t)p.target_duration_s * HLS_90K;
	uint64_t left_90k = p.total_90k;
	if (delta)
		p.skipped = skippable(&p);
	put_head(&p, out);
	for (size_t i = w->listed; i < w->n; i++) {
		const struct hls_segment *s = &w->seg[i];
		left_90k -= s->duration_90k;
		/* A part may not be longer than PART-TARGET: those of a run with another one are told as whole segments. */
		bool list_parts = left_90k < parts_90k && s->part_target_90k == p.part_target_90k;
		if (i - w->listed >= p.skipped)
			put_segment(&p, i, list_parts, out);
	}
	if (w->ended)
		buf_append_str(out, "#EXT-X-ENDLIST\n");
	else if (p.part_target_90k)
		buf_printf(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"%c%" PRId64 ".%d.m4s\"\n", w->config.prefix, hls_window_next_msn(w),
			   hls_window_next_part(w));
}
