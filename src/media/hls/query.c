/* What may be asked of a live window: blocking reloads (RFC 8216bis 6.2.5.2), segments and parts by name; and the rules of
 * PART-TARGET and TARGETDURATION. Pure functions of the window. */
#include "media/hls/window_priv.h"

#include <errno.h>

int64_t hls_window_next_msn(const struct hls_window *w)
{
	return w->first_msn + (int64_t)w->n - (hls_open_segment(w) ? 1 : 0);
}

int64_t hls_window_discontinuity(const struct hls_window *w)
{
	return w->discontinuity;
}

int hls_window_next_part(const struct hls_window *w)
{
	const struct hls_segment *s = hls_open_segment(w);
	return s ? (int)s->n_parts : 0;
}

/* Advance Part Limit: three parts, or what makes three seconds of shorter ones. */
static int advance_part_limit(const struct hls_window *w)
{
	uint32_t target_90k = w->run.part_target_90k;
	if (!target_90k || target_90k >= HLS_90K)
		return 3;
	return (int)((3 * HLS_90K + target_90k - 1) / target_90k);
}

enum hls_ready hls_window_ready(const struct hls_window *w, int64_t msn, int part)
{
	if (msn < 0)
		return part >= 0 ? HLS_BAD_REQUEST : HLS_READY;
	if (w->ended)
		return HLS_READY;
	int64_t next = hls_window_next_msn(w);
	if (msn < next && part >= 0) {
		const struct hls_segment *s = msn >= w->first_msn ? &w->seg[msn - w->first_msn] : NULL;
		if (!s || s->gap || (uint32_t)part < s->n_parts)
			return HLS_READY;
		msn++; /* past its end: part 0 of the next */
		part = 0;
	}
	if (msn < next)
		return HLS_READY;
	if (msn > next + 1) /* the last whole segment is next - 1 */
		return HLS_BAD_REQUEST;
	if (part < 0)
		return HLS_WAIT;
	int have = msn == next ? hls_window_next_part(w) : 0;
	if (part < have)
		return HLS_READY;
	return part - have >= advance_part_limit(w) ? HLS_BAD_REQUEST : HLS_WAIT;
}

int hls_window_find(const struct hls_window *w, int64_t msn, int part, uint64_t *ret_tags, size_t cap)
{
	int64_t next = hls_window_next_msn(w);
	if (!w->ended && msn == next && (part < 0 || part == hls_window_next_part(w)))
		return -EAGAIN;
	if (msn < w->first_msn || msn - w->first_msn >= (int64_t)w->n)
		return 0;
	const struct hls_segment *s = &w->seg[msn - w->first_msn];
	if (part >= 0) {
		if ((uint32_t)part >= s->n_parts)
			return 0;
		if (cap)
			ret_tags[0] = s->parts[part].tag;
		return 1;
	}
	for (uint32_t i = 0; i < s->n_parts && i < cap; i++)
		ret_tags[i] = s->parts[i].tag;
	return (int)s->n_parts;
}

void hls_part_plan(uint32_t frame_90k, uint32_t part_90k, uint32_t *ret_frames_per_part, uint32_t *ret_part_target_90k)
{
	const uint64_t part = part_90k ? part_90k : HLS_90K / 5, ms_90k = HLS_90K / 1000;
	uint64_t d = frame_90k ? frame_90k : 1;
	uint64_t n = (2 * part + d) / (2 * d);
	if (!n)
		n = 1;
	uint64_t target_ms = (n * d * 106 + 100 * ms_90k - 1) / (100 * ms_90k);
	uint64_t target_90k = target_ms * ms_90k;
	*ret_frames_per_part = (uint32_t)n;
	*ret_part_target_90k = target_90k <= UINT32_MAX ? (uint32_t)target_90k : UINT32_MAX;
}

int hls_target_duration_s(uint32_t first_gop_90k)
{
	const int least_s = 2, most_s = 6;
	uint32_t s = first_gop_90k / HLS_90K + (first_gop_90k % HLS_90K ? 1 : 0);
	return s < (uint32_t)least_s ? least_s : s > (uint32_t)most_s ? most_s : (int)s;
}

int64_t hls_first_discontinuity(int64_t utc_us)
{
	const int64_t start_2026_s = INT64_C(1767225600), step_s = 120;
	int64_t s = utc_us / US_PER_S - start_2026_s;
	return s > 0 ? s / step_s : 0;
}
