/* The muxer's audio side: frames gather in a small buffer of their own and go behind a video fragment when one closes, since a video
 * fragment grows in place. See mux.h. */
#include "infra/engine/mux_priv.h"

#include <string.h>

#define HOLE_US (500 * INT64_C(1000)) /* lost audio shorter than that is bridged by a longer last frame */

void mux_audio_begin_timeline(struct mux *m)
{
	struct mux_audio_state *a = &m->audio;
	a->running = false; /* the next frame finds its place by the clock again: drift is taken out once a timeline */
	a->n = 0;
	a->data.len = 0;
}

int64_t mux_audio_next_utc(const struct mux *m)
{
	const struct mux_audio_state *a = &m->audio;
	if (!a->has || !a->running)
		return TIME_NONE;
	return m->anchor_utc_us + (int64_t)(a->next_tfdt * 1000000 / a->params.sample_rate);
}

void mux_audio_close(struct mux *m)
{
	struct mux_audio_state *a = &m->audio;
	if (!a->n || a->n_done == sizeof(a->list) / sizeof(a->list[0])) {
		a->n = 0;
		a->data.len = 0;
		return;
	}
	size_t head = fmp4_fragment_head_size(a->n, false);
	uint8_t *at = buf_reserve(&a->done, head + a->data.len);
	uint32_t duration = 0;
	for (uint32_t i = 0; i < a->n; i++)
		duration += a->samples[i].duration;
	fmp4_write_fragment_head(at, FMP4_AUDIO_TRACK, ++m->sequence, a->tfdt, a->samples, a->n, false);
	memcpy(at + head, a->data.data, a->data.len);
	a->list[a->n_done].len = (uint32_t)(head + a->data.len);
	a->list[a->n_done].duration = duration;
	a->list[a->n_done++].tfdt = a->tfdt;
	a->done.len += head + a->data.len;
	a->data.len = 0;
	a->n = 0;
}

void mux_audio_place(struct mux *m)
{
	struct mux_audio_state *a = &m->audio;
	if (!a->n_done || m->open || mux_room(m, (uint32_t)a->done.len))
		return;
	uint32_t at = 0;
	for (uint32_t i = 0; i < a->n_done; i++) {
		uint32_t len = a->list[i].len, rate = a->params.sample_rate;
		memcpy(m->chunk->data + m->pos, a->done.data + at, len);
		struct live_part part = {
			.chunk = m->chunk,
			.offset = m->pos,
			.len = len,
			.file = m->file,
			.file_offset = m->file_off + m->pos - m->flushed,
			.duration_90k = (uint32_t)((uint64_t)a->list[i].duration * 90000 / rate),
			.independent = true,
		};
		m->pos += len;
		at += len;
		mux_live_part(m, LIVE_AUDIO, &part, m->anchor_utc_us + (int64_t)(a->list[i].tfdt * 1000000 / rate));
	}
	a->n_done = 0;
	a->done.len = 0;
}

/* Where the frame stands in the timeline; false: before its beginning. */
static bool place_in_time(struct mux *m, int64_t utc_us)
{
	struct mux_audio_state *a = &m->audio;
	int64_t offset = utc_us - m->anchor_utc_us;
	if (offset < 0)
		return false;
	a->next_tfdt = (uint64_t)offset * a->params.sample_rate / 1000000;
	uint32_t part_90k = m->plan.part_90k ? m->plan.part_90k : 18000;
	uint32_t samples = (uint32_t)((uint64_t)a->params.sample_rate * part_90k / 90000);
	a->frames_per_part = (samples + a->params.samples_per_frame / 2) / a->params.samples_per_frame;
	if (a->frames_per_part < 1)
		a->frames_per_part = 1;
	if (a->frames_per_part > MUX_AUDIO_MAX_FRAMES)
		a->frames_per_part = MUX_AUDIO_MAX_FRAMES;
	a->running = true;
	return true;
}

void mux_audio(struct mux *m, struct bytes au, int64_t utc_us, int64_t now_mono_us)
{
	struct mux_audio_state *a = &m->audio;
	(void)now_mono_us;
	if (!a->has || !m->has_timeline || !m->in_run || !a->params.sample_rate || !a->params.samples_per_frame || au.len > 65536)
		return;
	if (!a->running && !place_in_time(m, utc_us))
		return;
	int64_t hole = utc_us - mux_audio_next_utc(m);
	if (hole > HOLE_US) {
		/* A hole in the middle: the audio track jumps with it rather than running ahead of the picture. */
		mux_audio_close(m);
		a->running = false;
		if (!place_in_time(m, utc_us))
			return;
	}
	if (!a->n)
		a->tfdt = a->next_tfdt;
	buf_append(&a->data, au.data, au.len);
	a->samples[a->n++] = (struct fmp4_sample){.size = (uint32_t)au.len, .duration = a->params.samples_per_frame, .key = true};
	a->next_tfdt += a->params.samples_per_frame;
	if (a->n >= a->frames_per_part)
		mux_audio_close(m);
}

void mux_audio_finish(struct mux *m)
{
	buf_finish(&m->audio.data);
	buf_finish(&m->audio.done);
}
