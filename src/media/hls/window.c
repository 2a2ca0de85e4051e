/* The live window's state: segments and parts come in at one end, leave the list by depth and the window after their grace.
 * Not locked, no I/O; lives as long as its stream's rendition. */
#include "media/hls/window_priv.h"

#include <assert.h>
#include <stdlib.h>

static void *grow(void *array, size_t n, size_t elem_size)
{
	void *p = reallocarray(array, n, elem_size);
	if (!p)
		abort(); /* bounded by HLS_SEGMENTS_MAX and HLS_PARTS_MAX */
	return p;
}

struct hls_window *hls_window_create(const struct hls_window_config *config)
{
	struct hls_window *w = calloc(1, sizeof(*w));
	if (!w)
		abort();
	w->config = *config;
	w->first_msn = config->first_msn;
	w->discontinuity = config->first_discontinuity;
	if (w->discontinuity > HLS_DISCONTINUITY_MAX)
		w->discontinuity = hls_first_discontinuity(config->first_discontinuity * US_PER_S);
	return w;
}

static void release_first(struct hls_window *w)
{
	struct hls_segment gone = w->seg[0];
	w->n--;
	w->first_msn++;
	w->n_parts -= gone.n_parts;
	if (w->listed)
		w->listed--;
	memmove(w->seg, w->seg + 1, w->n * sizeof(*w->seg));
	for (uint32_t i = 0; i < gone.n_parts; i++) {
		if (w->config.on_release)
			w->config.on_release(w->config.ctx, gone.parts[i].tag);
	}
	free(gone.parts);
}

void hls_window_destroy(struct hls_window *w)
{
	if (!w)
		return;
	while (w->n)
		release_first(w);
	free(w->seg);
	free(w);
}

int hls_window_target_duration_s(const struct hls_window *w)
{
	int most = w->has_run ? w->run.target_duration_s : 0;
	for (size_t i = w->listed; i < w->n; i++) {
		if (w->seg[i].target_duration_s > most)
			most = w->seg[i].target_duration_s;
	}
	return most ? most : hls_target_duration_s(0);
}

int64_t hls_window_duration_90k(const struct hls_window *w)
{
	uint64_t sum = 0;
	for (size_t i = w->listed; i < w->n; i++)
		sum += w->seg[i].duration_90k;
	return (int64_t)sum;
}

/* Takes off the list what its depth no longer needs. */
static void shorten_list(struct hls_window *w)
{
	uint64_t listed_90k = 0;
	size_t complete = w->n - (hls_open_segment(w) ? 1 : 0);
	for (size_t i = w->listed; i < complete; i++)
		listed_90k += w->seg[i].duration_90k;
	while (complete - w->listed > HLS_LIST_SEGMENTS_LEAST) {
		uint64_t without = listed_90k - w->seg[w->listed].duration_90k;
		if (without < (uint64_t)HLS_LIST_TARGETS * (uint64_t)hls_window_target_duration_s(w) * HLS_90K)
			break;
		listed_90k = without;
		w->listed++;
	}
}

/* A segment stays answerable for its own and the playlist's duration after it left the list (RFC 8216bis 6.2.2). */
static void release_old(struct hls_window *w)
{
	uint64_t since_90k = 0, listed_90k = (uint64_t)hls_window_duration_90k(w);
	for (size_t i = 1; i < w->listed; i++)
		since_90k += w->seg[i].duration_90k;
	while (w->listed && since_90k >= listed_90k + w->seg[0].duration_90k) {
		if (w->listed > 1)
			since_90k -= w->seg[1].duration_90k;
		release_first(w);
	}
}

static void enforce_bounds(struct hls_window *w)
{
	while ((w->n > HLS_SEGMENTS_MAX || w->n_parts > HLS_PARTS_MAX) && w->n > HLS_LIST_SEGMENTS_LEAST + 1)
		release_first(w);
}

static struct hls_segment *append_segment(struct hls_window *w, int64_t program_utc_us)
{
	if (w->n == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 16;
		w->seg = grow(w->seg, w->cap, sizeof(*w->seg));
	}
	/* Nothing was there before the first segment that it could break with. */
	bool breaks = w->pending_break && w->n;
	if (breaks)
		w->discontinuity++;
	w->pending_break = false;
	struct hls_segment *s = &w->seg[w->n++];
	*s = (struct hls_segment){
		.program_utc_us = program_utc_us,
		.init_id = w->run.init_id,
		.has_init = w->has_run,
		.discontinuity = w->discontinuity,
		.part_target_90k = w->run.part_target_90k,
		.target_duration_s = w->has_run ? w->run.target_duration_s : hls_target_duration_s(0),
		.breaks = breaks,
	};
	return s;
}

void hls_window_end_segment(struct hls_window *w)
{
	w->begun = false; /* one without a part never was */
	if (!hls_open_segment(w))
		return;
	w->seg[w->n - 1].complete = true;
	shorten_list(w);
	release_old(w);
}

void hls_window_begin_run(struct hls_window *w, const struct hls_run *run)
{
	assert(run->target_duration_s > 0 && run->part_target_90k > 0);
	hls_window_end_segment(w);
	w->run = *run;
	w->has_run = true;
	if (run->discontinuity)
		w->pending_break = true;
}

void hls_window_begin_segment(struct hls_window *w, int64_t program_utc_us)
{
	if (w->ended)
		return;
	hls_window_end_segment(w);
	w->begun = true;
	w->begun_utc_us = program_utc_us;
}

static int64_t end_utc_us(const struct hls_segment *s)
{
	return s->program_utc_us + (int64_t)(s->duration_90k * 100 / 9);
}

/* Its EXTINF, rounded to seconds, may not exceed TARGETDURATION. */
static bool segment_full(const struct hls_segment *s, uint32_t more_90k)
{
	uint64_t limit_90k = (uint64_t)s->target_duration_s * HLS_90K + HLS_90K / 2;
	return s->n_parts >= HLS_SEGMENT_PARTS_MAX || (s->n_parts && s->duration_90k + more_90k >= limit_90k);
}

static struct hls_segment *segment_for_part(struct hls_window *w, uint32_t duration_90k)
{
	int64_t utc_us = w->begun_utc_us;
	if (!w->begun) {
		const struct hls_segment *last = w->n ? &w->seg[w->n - 1] : NULL;
		if (last && !last->complete && !segment_full(last, duration_90k))
			return &w->seg[w->n - 1];
		utc_us = last ? end_utc_us(last) : 0;
	}
	hls_window_end_segment(w);
	if (w->n && w->seg[w->n - 1].gap)
		w->pending_break = true;
	return append_segment(w, utc_us);
}

void hls_window_add_part(struct hls_window *w, uint64_t tag, uint32_t duration_90k, bool independent)
{
	assert(w->has_run || w->ended);
	if (w->ended) {
		if (w->config.on_release)
			w->config.on_release(w->config.ctx, tag);
		return;
	}
	struct hls_segment *s = segment_for_part(w, duration_90k);
	if (s->n_parts == s->cap_parts) {
		s->cap_parts = s->cap_parts ? s->cap_parts * 2 : 16;
		s->parts = grow(s->parts, s->cap_parts, sizeof(*s->parts));
	}
	s->parts[s->n_parts++] = (struct hls_part){.tag = tag, .duration_90k = duration_90k, .independent = independent};
	s->duration_90k += duration_90k;
	w->n_parts++;
	enforce_bounds(w);
}

void hls_window_add_gap(struct hls_window *w, int64_t program_utc_us, uint32_t duration_90k)
{
	if (w->ended)
		return;
	hls_window_end_segment(w);
	uint32_t most = (w->has_run ? (uint32_t)w->run.target_duration_s : (uint32_t)hls_target_duration_s(0)) * HLS_90K;
	/* One as asked; only what TARGETDURATION forbids is split. A player attached to a longer silence has seen the list run out anyhow.
	 */
	for (int i = 0; i < HLS_LIST_TARGETS && (duration_90k || i == 0); i++) {
		uint32_t d = duration_90k < most ? duration_90k : most;
		if (w->n && !w->seg[w->n - 1].gap)
			w->pending_break = true;
		struct hls_segment *s = append_segment(w, program_utc_us);
		s->gap = s->complete = true;
		s->duration_90k = d;
		program_utc_us = end_utc_us(s);
		duration_90k -= d;
		shorten_list(w);
		release_old(w);
		enforce_bounds(w);
	}
}

void hls_window_end(struct hls_window *w)
{
	hls_window_end_segment(w);
	w->ended = true;
}
