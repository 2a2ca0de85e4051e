/* The muxer's live side: runs, segments, and what waits until the first GOP tells TARGETDURATION. See mux.h. */
#include "infra/engine/mux_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENT_MIN 90000 /* 1 s: media sequence numbers come from the clock and must not outrun it */
#define GOP_WAIT (6 * 90000)
#define ROUNDING 40000 /* EXTINF is rounded to whole seconds against TARGETDURATION: 0.44 s of grace for a late key frame */

void mux_live_forget_pending(struct mux *m)
{
	for (size_t i = 0; i < m->n_pending; i++) {
		chunk_unref(&m->pending[i].part.chunk);
		rec_file_unref(&m->pending[i].part.file);
	}
	m->n_pending = 0;
}

static void begin_video_run(struct mux *m, bool discontinuity)
{
	struct buf init = {0};
	struct fmp4_tracks tracks = {.video = &m->params, .video_info = &m->info};
	fmp4_write_init(&tracks, &init); /* mux_begin_run has tried it */
	struct live_init li = {
		.track = LIVE_VIDEO,
		.init = buf_bytes(&init),
		.part_target_90k = (uint32_t)m->timing.part_target,
		.target_duration_s = m->target_s,
		.discontinuity = discontinuity,
		.width = m->info.width,
		.height = m->info.height,
		.fps_milli = (uint32_t)(90000 * INT64_C(1000) / (m->timing.frame ? m->timing.frame : 3600)),
		.bandwidth = m->bandwidth,
	};
	snprintf(li.codecs, sizeof(li.codecs), "%s", m->info.codecs);
	live_begin_run(m->live, &li);
	buf_finish(&init);
	m->live_run = true;
}

static void begin_audio_run(struct mux *m, int64_t utc_us)
{
	struct buf init = {0};
	struct mux_audio_state *a = &m->audio;
	struct fmp4_tracks tracks = {.audio = &a->params};
	if (fmp4_write_init(&tracks, &init)) {
		buf_finish(&init);
		return;
	}
	uint32_t frame_90k = (uint32_t)(a->params.samples_per_frame * UINT64_C(90000) / a->params.sample_rate);
	uint32_t target = a->frames_per_part * frame_90k * 106 / 100;
	struct live_init li = {
		.track = LIVE_AUDIO,
		.init = buf_bytes(&init),
		.part_target_90k = (target + 89) / 90 * 90,
		.target_duration_s = m->target_s,
		.discontinuity = true,
	};
	snprintf(li.codecs, sizeof(li.codecs), "%s", a->params.codecs);
	live_begin_run(m->live, &li);
	live_begin_segment(m->live, LIVE_AUDIO, utc_us);
	buf_finish(&init);
	a->live_open = true;
}

static void forward(struct mux *m, enum live_track track, const struct live_part *part, int64_t utc_us)
{
	if (track == LIVE_AUDIO && !m->audio.live_open)
		begin_audio_run(m, utc_us);
	struct live_part timed = *part;
	timed.utc_us = utc_us;
	if (track == LIVE_VIDEO || m->audio.live_open)
		live_add_part(m->live, track, &timed);
}

static void open_segment(struct mux *m, int64_t utc_us)
{
	live_begin_segment(m->live, LIVE_VIDEO, utc_us);
	if (m->audio.live_open)
		live_begin_segment(m->live, LIVE_AUDIO, utc_us);
}

void mux_assume_target(struct mux *m, int target_duration_s)
{
	m->target_s = target_duration_s;
}

void mux_live_resolve(struct mux *m, uint32_t gop_90k)
{
	m->target_s = hls_target_duration_s(gop_90k);
	begin_video_run(m, true);
	for (size_t i = 0; i < m->n_pending; i++) {
		struct mux_pending *p = &m->pending[i];
		if (p->kind == PENDING_SEGMENT)
			open_segment(m, p->utc_us);
		else
			forward(m, p->track, &p->part, p->utc_us);
	}
	mux_live_forget_pending(m);
	free(m->pending);
	m->pending = NULL;
}

void mux_live_begin(struct mux *m, int64_t run_time, bool discontinuity)
{
	mux_live_end_segment(m);
	m->audio.live_open = false;
	m->segment_start = m->last_key = run_time;
	if (m->target_s) {
		begin_video_run(m, discontinuity);
	} else {
		mux_live_forget_pending(m);
		m->live_run = false;
	}
}

static struct mux_pending *new_pending(struct mux *m)
{
	if (!m->pending && !(m->pending = calloc(MUX_PENDING_MAX, sizeof(*m->pending))))
		abort();
	return &m->pending[m->n_pending++];
}

/* May a segment be shorter than SEGMENT_MIN? Where those before were longer: a key frame within a segment would leave a part before it
 * that is too short. */
static bool numbers_left(struct mux *m, int64_t run_time)
{
	return m->live_run && live_next_msn(m->live) < mux_utc(m, run_time) / US_PER_S;
}

/* The rest of a GOP that the camera had begun (or the end of its loop) tells nothing of TARGETDURATION, and is too short for a segment. */
static void leave_out_first_gop(struct mux *m, int64_t run_time)
{
	mux_live_forget_pending(m);
	m->segment_open = false;
	m->segment_start = m->last_key = run_time;
	m->first_gop_left_out = true;
}

void mux_live_part_start(struct mux *m, int64_t run_time, bool key)
{
	if (!m->target_s && m->n_pending) {
		int64_t gop = run_time - m->last_key;
		if (key && gop > 0 && gop < SEGMENT_MIN && !m->first_gop_left_out)
			leave_out_first_gop(m, run_time);
		else if (key && gop > 0)
			mux_live_resolve(m, (uint32_t)gop);
		else if (gop >= GOP_WAIT || m->n_pending > MUX_PENDING_MAX - 8)
			mux_live_resolve(m, GOP_WAIT);
	}
	int64_t length = run_time - m->segment_start;
	bool due = !m->segment_open || (key && (length >= SEGMENT_MIN || numbers_left(m, run_time))) ||
		   (m->target_s && length + m->timing.part_target > m->target_s * INT64_C(90000) + ROUNDING);
	if (!due)
		return;
	m->segment_open = true;
	m->segment_start = run_time;
	if (m->target_s)
		open_segment(m, mux_utc(m, run_time));
	else
		*new_pending(m) = (struct mux_pending){.kind = PENDING_SEGMENT, .utc_us = mux_utc(m, run_time)};
}

void mux_live_part(struct mux *m, enum live_track track, const struct live_part *part, int64_t utc_us)
{
	if (m->target_s) {
		if (m->live_run)
			forward(m, track, part, utc_us);
		return;
	}
	if (m->n_pending == MUX_PENDING_MAX)
		return; /* audio alone, for longer than any GOP: it is recorded all the same */
	struct mux_pending *p = new_pending(m);
	*p = (struct mux_pending){.kind = PENDING_PART, .track = track, .part = *part, .utc_us = utc_us};
	chunk_ref(part->chunk);
	if (part->file)
		rec_file_ref(part->file);
}

void mux_live_end_segment(struct mux *m)
{
	m->segment_open = false;
	if (!m->live_run)
		return;
	live_end_segment(m->live, LIVE_VIDEO);
	if (m->audio.live_open)
		live_end_segment(m->live, LIVE_AUDIO);
}

void mux_gap(struct mux *m, int64_t utc_us)
{
	if (m->live_run)
		live_add_gap(m->live, utc_us, (uint32_t)m->target_s * 90000);
}
