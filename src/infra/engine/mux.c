/* Muxer: fragments built in chunks, flushes, files and timelines; see mux.h. */
#include "infra/engine/mux_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OVERLAP_US (10 * US_PER_S)
#define AU_ROOM (64u * 1024u) /* least room offered for an access unit: most fit without a move */

static uint32_t head_reserve(const struct mux *m)
{
	return (uint32_t)fmp4_fragment_head_size(MUX_MAX_SAMPLES, m->with_cts);
}

uint64_t mux_tfdt(const struct mux *m, int64_t run_time)
{
	return (uint64_t)(run_time + m->run_base);
}

int64_t mux_utc(const struct mux *m, int64_t run_time)
{
	return m->run_utc_us + run_time * 100 / 9;
}

int mux_create(struct live *live, const struct mux_sink *sink, void *ctx, struct mux **ret)
{
	struct mux *m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->live = live_ref(live);
	m->sink = sink;
	m->ctx = ctx;
	m->end_utc_us = TIME_NONE;
	*ret = m;
	return 0;
}

void mux_destroy(struct mux *m)
{
	if (!m)
		return;
	mux_close_file(m);
	mux_live_forget_pending(m);
	mux_audio_finish(m);
	chunk_unref(&m->chunk);
	live_unref(&m->live);
	free(m->pending);
	free(m);
}

bool mux_in_run(const struct mux *m)
{
	return m->in_run;
}

bool mux_has_file(const struct mux *m)
{
	return m->file != NULL;
}

bool mux_has_timeline(const struct mux *m)
{
	return m->has_timeline;
}

struct rec_file *mux_file(const struct mux *m)
{
	return m->file;
}

int64_t mux_end_utc(const struct mux *m)
{
	return m->end_utc_us;
}

bool mux_wants_replan(const struct mux *m)
{
	return m->in_run && m->timing.replan;
}

bool mux_live_open(const struct mux *m)
{
	return m->live_run;
}

/* ---------------------------------------------------------------- chunk and disk */

/* Pads [flushed, pos) to whole blocks and hands it to the disk. Everything behind pos must be free. */
static void write_out(struct mux *m, struct chunk *c, uint32_t from, uint32_t to)
{
	if (!m->file || to <= from)
		return;
	uint32_t end = (to + CHUNK_ALIGN - 1) / CHUNK_ALIGN * CHUNK_ALIGN;
	if (end != to && end - to < 8)
		end += CHUNK_ALIGN;
	fmp4_write_free(c->data + to, end - to);
	int err = writer_append(m->file, c, from, end - from, m->end_utc_us);
	if (!err && m->sink->recorded)
		m->sink->recorded(m->ctx, m->unflushed_from_utc, m->end_utc_us);
	m->unflushed_from_utc = m->end_utc_us;
	m->file_off += end - from;
}

static uint32_t aligned(uint32_t n)
{
	return (n + CHUNK_ALIGN - 1) / CHUNK_ALIGN * CHUNK_ALIGN;
}

/* A new chunk whose first `used` bytes are those at `at` of the present one, with `room` more behind; the present one's whole fragments
 * go to the disk. */
static int move_to_new_chunk(struct mux *m, uint32_t at, uint32_t used, size_t room)
{
	size_t need = used + room + 2 * CHUNK_ALIGN;
	struct chunk *fresh = chunk_create(need > CHUNK_STD_SIZE ? need : 0);
	if (!fresh)
		return -ENOMEM;
	if (used)
		memcpy(fresh->data, m->chunk->data + at, used);
	if (m->chunk)
		write_out(m, m->chunk, m->flushed, m->pos);
	chunk_unref(&m->chunk);
	m->chunk = fresh;
	m->flushed = m->pos = 0;
	return 0;
}

/* Everything between pos and the end of the access unit in the making moves to a new chunk. */
static int relocate(struct mux *m, size_t au_len, size_t room)
{
	uint32_t at = m->frag_at, used = (uint32_t)(m->data_at + m->data_len + au_len - at);
	int err = move_to_new_chunk(m, at, used, room);
	if (err)
		return err;
	m->data_at -= at;
	m->frag_at = 0;
	return 0;
}

void mux_flush(struct mux *m, int64_t now_mono_us)
{
	m->last_flush_mono_us = now_mono_us;
	if (!m->chunk || m->pos == m->flushed)
		return;
	if (m->open && (m->n || m->data_len)) {
		relocate(m, 0, AU_ROOM); /* without memory for it the next flush tries again */
		return;
	}
	uint64_t before = m->file_off;
	write_out(m, m->chunk, m->flushed, m->pos);
	m->pos = m->flushed = m->file ? m->flushed + (uint32_t)(m->file_off - before) : aligned(m->pos);
	m->open = false;
}

int mux_room(struct mux *m, uint32_t n)
{
	if (m->chunk && m->chunk->size >= m->pos + (uint64_t)n + 2 * CHUNK_ALIGN)
		return 0;
	return move_to_new_chunk(m, 0, 0, n);
}

static void flush_if_due(struct mux *m, int64_t now_mono_us)
{
	if (!m->file) {
		m->last_flush_mono_us = now_mono_us;
		return;
	}
	uint32_t want = head_reserve(m) + 2 * m->last_fragment_len;
	bool full = m->chunk && m->chunk->size < m->pos + (uint64_t)want + 2 * CHUNK_ALIGN;
	if (full || now_mono_us - m->last_flush_mono_us >= MUX_FLUSH_US)
		mux_flush(m, now_mono_us);
}

/* ---------------------------------------------------------------- the open fragment */

static void point_buf(struct mux *m, struct au_buf *b, size_t len)
{
	uint32_t at = m->data_at + m->data_len;
	uint32_t keep = head_reserve(m) + 2 * CHUNK_ALIGN; /* the unit may move behind a new head; a flush pads */
	b->data = m->chunk->data + at;
	b->len = len;
	b->cap = m->chunk->size > at + keep ? m->chunk->size - at - keep : 0;
}

static void open_fragment(struct mux *m)
{
	m->open = true;
	m->frag_at = m->pos;
	m->data_at = m->pos + head_reserve(m);
	m->data_len = 0;
	m->n = 0;
}

int mux_au_buf(struct mux *m, struct au_buf *b)
{
	if (!m->open) {
		uint32_t want = AU_ROOM > m->last_fragment_len ? AU_ROOM : m->last_fragment_len;
		int err = mux_room(m, 2 * head_reserve(m) + want);
		if (err)
			return err;
		open_fragment(m);
	}
	point_buf(m, b, 0);
	return 0;
}

int mux_au_grow(struct mux *m, struct au_buf *b, size_t need)
{
	size_t len = b->len, room = need + head_reserve(m) + AU_ROOM + len / 2;
	if (len + need > AU_MAX_BYTES)
		return -ENOMEM;
	int err = relocate(m, len, room);
	if (!err)
		point_buf(m, b, len);
	return err;
}

static void index_key(struct mux *m, uint64_t tfdt, uint64_t offset)
{
	if (!m->file)
		return;
	if (m->n_entries == m->cap_entries) {
		size_t cap = m->cap_entries ? m->cap_entries * 2 : 64;
		void *p = realloc(m->entries, cap * sizeof(*m->entries));
		if (!p)
			return; /* a coarser index */
		m->entries = p;
		m->cap_entries = cap;
	}
	m->entries[m->n_entries++] = (struct fmp4_index_entry){.offset = offset, .tfdt = tfdt};
}

/* Writes the head in front of the samples; [frag_at, pos) is whole afterwards. The bytes behind pos are the caller's. */
static void close_fragment(struct mux *m)
{
	if (!m->open || !m->n)
		return;
	uint32_t head = (uint32_t)fmp4_fragment_head_size(m->n, m->with_cts);
	uint32_t at = m->data_at - head;
	uint64_t tfdt = mux_tfdt(m, m->frag_start);
	fmp4_write_fragment_head(m->chunk->data + at, FMP4_VIDEO_TRACK, ++m->sequence, tfdt, m->samples, m->n, m->with_cts);
	fmp4_write_free(m->chunk->data + m->frag_at, at - m->frag_at);
	uint32_t duration = 0;
	for (uint32_t i = 0; i < m->n; i++)
		duration += m->samples[i].duration;
	if (m->samples[0].key || !m->n_entries)
		index_key(m, tfdt, m->file_off + m->frag_at - m->flushed);
	m->pos = m->data_at + m->data_len;
	m->last_fragment_len = m->pos - m->frag_at;
	m->end_tfdt = tfdt + duration;
	m->end_utc_us = mux_utc(m, m->frag_start + duration);
	struct live_part part = {
		.chunk = m->chunk,
		.offset = at,
		.len = m->pos - at,
		.file = m->file,
		.file_offset = m->file_off + at - m->flushed,
		.duration_90k = duration,
		.independent = m->samples[0].key,
		.key_at = head,
		.key_len = m->samples[0].size,
	};
	mux_live_part_start(m, m->frag_start, m->samples[0].key);
	mux_live_part(m, LIVE_VIDEO, &part, mux_utc(m, m->frag_start));
	m->open = false;
	m->n = 0;
	m->data_len = 0;
}

/* ---------------------------------------------------------------- timelines and files */

static void seal_file(struct mux *m)
{
	if (!m->file)
		return;
	writer_seal(&m->file, m->entries, m->n_entries, m->end_tfdt, clock_system.mono_us(&clock_system) + m->sink->seal_delay_us(m->ctx));
	m->entries = NULL;
	m->n_entries = m->cap_entries = 0;
}

void mux_close_file(struct mux *m)
{
	if (m->in_run)
		mux_end_run(m, m->last_flush_mono_us);
	if (m->chunk) {
		write_out(m, m->chunk, m->flushed, m->pos);
		m->flushed = m->pos = aligned(m->pos);
		chunk_unref(&m->chunk); /* a new timeline begins in a new chunk */
		m->flushed = m->pos = 0;
		m->open = false;
	}
	seal_file(m);
	m->has_timeline = false;
}

/* Begins a timeline with the sample at run_time; the chunk is fresh (flushed == pos == 0). */
static void begin_timeline(struct mux *m, int64_t run_time, int64_t now_mono_us)
{
	int64_t start = mux_utc(m, run_time), audio_start = mux_audio_next_utc(m);
	m->anchor_utc_us = audio_start != TIME_NONE && audio_start < start && start - audio_start < US_PER_S ? audio_start : start;
	m->run_base = (start - m->anchor_utc_us) * 9 / 100 - run_time;
	m->has_timeline = true;
	m->sequence = 0;
	m->end_tfdt = 0;
	struct fmp4_tracks tracks = {
		.video = &m->params,
		.video_info = &m->info,
		.audio = m->audio.has ? &m->audio.params : NULL,
	};
	m->file = m->sink->open_file(m->ctx, m->anchor_utc_us, &tracks);
	m->file_off = FMP4_HEADER_SIZE;
	m->unflushed_from_utc = start;
	m->last_flush_mono_us = now_mono_us;
	mux_audio_begin_timeline(m);
	mux_live_begin(m, run_time, true);
}

/* A wall clock that was set: the new timeline stands by it, the old one keeps its times. */
static void follow_clock(struct mux *m)
{
	int64_t step = m->sink->clock_step_us ? m->sink->clock_step_us(m->ctx) : 0;
	m->run_utc_us += step;
	if (step && m->end_utc_us != TIME_NONE)
		m->end_utc_us += step;
}

/* The access unit of `len` bytes at the au_buf becomes the first of a new timeline. */
static int cut(struct mux *m, uint32_t len, int64_t run_time, int64_t now_mono_us)
{
	mux_audio_close(m);
	m->frag_at = m->pos; /* nothing but this unit is open */
	uint32_t at = m->data_at + m->data_len, reserve = head_reserve(m);
	struct chunk *fresh = chunk_create(
		len + 3 * reserve + AU_ROOM + 2 * CHUNK_ALIGN > CHUNK_STD_SIZE ? len + 3 * (size_t)reserve + AU_ROOM + 2 * CHUNK_ALIGN : 0);
	if (!fresh)
		return -ENOMEM;
	memcpy(fresh->data + reserve, m->chunk->data + at, len);
	m->open = false;
	mux_audio_place(m); /* finished audio still belongs to the old file; the unit is safe in the new chunk */
	write_out(m, m->chunk, m->flushed, m->pos);
	chunk_unref(&m->chunk);
	seal_file(m);
	m->chunk = fresh;
	m->flushed = m->pos = m->frag_at = 0;
	m->data_at = reserve;
	m->data_len = 0;
	m->n = 0;
	m->open = true;
	follow_clock(m);
	begin_timeline(m, run_time, now_mono_us);
	return 0;
}

static bool same_audio(const struct mux *m, const struct audio_params *a)
{
	if (!a || !m->audio.has)
		return !a == !m->audio.has;
	return a->codec == m->audio.params.codec && a->sample_rate == m->audio.params.sample_rate &&
	       a->channels == m->audio.params.channels && a->config_len == m->audio.params.config_len &&
	       memcmp(a->config, m->audio.params.config, a->config_len) == 0;
}

int mux_begin_run(struct mux *m, const struct mux_run *run)
{
	struct buf probe = {0};
	struct fmp4_tracks tracks = {.video = run->video, .video_info = run->video_info, .audio = run->audio};
	int err = fmp4_write_init(&tracks, &probe);
	buf_finish(&probe);
	if (err)
		return err;
	bool same = m->has_timeline && run->same_timeline && m->known && video_params_equal(&m->params, run->video) &&
		    same_audio(m, run->audio) && m->with_cts == run->with_cts && run->utc_us >= m->end_utc_us - OVERLAP_US;
	if (!same)
		mux_close_file(m);
	m->params = *run->video;
	m->info = *run->video_info;
	m->known = true;
	m->with_cts = run->with_cts;
	m->bandwidth = run->bandwidth;
	m->audio.has = run->audio != NULL;
	m->audio.running = false;
	if (run->audio)
		m->audio.params = *run->audio;
	m->plan = run->plan;
	part_timing_init(&m->timing, &run->plan);
	/* Media that ran a little ahead of the clock: nothing may overlap. */
	m->run_utc_us = same && run->utc_us < m->end_utc_us ? m->end_utc_us : run->utc_us;
	m->in_run = m->first_in_run = true;
	if (m->open && !m->n) /* a place kept with another head size */
		m->open = false;
	return 0;
}

void mux_end_run(struct mux *m, int64_t now_mono_us)
{
	if (!m->in_run)
		return;
	uint32_t last = part_timing_finish(&m->timing);
	if (m->open && m->n && last)
		m->samples[m->n - 1].duration = last;
	close_fragment(m);
	m->open = false;
	mux_audio_close(m);
	mux_audio_place(m);
	mux_flush(m, now_mono_us);
	mux_live_end_segment(m);
	m->in_run = false;
}

/* ---------------------------------------------------------------- video */

/* The first access unit of a run: in the present timeline or a new one. */
static int start_run(struct mux *m, const struct mux_frame *f)
{
	bool fresh = !m->has_timeline || (f->key && m->sink->should_cut(m->ctx, mux_utc(m, 0)));
	m->first_in_run = false;
	if (fresh)
		return cut(m, f->len, 0, f->now_mono_us);
	m->run_base = (m->run_utc_us - m->anchor_utc_us) * 9 / 100;
	if (m->run_base < (int64_t)m->end_tfdt)
		m->run_base = (int64_t)m->end_tfdt;
	m->unflushed_from_utc = m->run_utc_us;
	mux_live_begin(m, 0, true);
	return 0;
}

/* The unit's bytes move behind the place for a new fragment's head, and behind finished audio where there is room for it. */
static void shift_behind_head(struct mux *m, uint32_t au_at, uint32_t len)
{
	uint32_t audio = (uint32_t)m->audio.done.len, reserve = head_reserve(m);
	if (m->chunk->size < m->pos + (uint64_t)audio + reserve + len + 2 * CHUNK_ALIGN)
		audio = 0;
	memmove(m->chunk->data + m->pos + audio + reserve, m->chunk->data + au_at, len);
	if (audio)
		mux_audio_place(m);
	open_fragment(m);
}

int mux_video(struct mux *m, const struct mux_frame *f)
{
	struct part_step step;
	part_timing_next(&m->timing, f->dts_90k, f->key, &step);
	if (step.new_run)
		return -ERANGE;
	int err = m->first_in_run ? start_run(m, f) : 0;
	if (err)
		return err;
	if (step.sets_last && m->n)
		m->samples[m->n - 1].duration = step.last_duration;
	bool closed = false;
	if ((step.close_part || f->key) && m->n) {
		uint32_t au_at = m->data_at + m->data_len;
		close_fragment(m);
		m->data_at = au_at;
		m->data_len = 0;
		closed = true;
	}
	if (f->key && step.start > 0 && m->sink->should_cut(m->ctx, mux_utc(m, step.start))) {
		err = cut(m, f->len, step.start, f->now_mono_us);
		if (err)
			return err;
	} else if (closed) {
		shift_behind_head(m, m->data_at, f->len);
	}
	if (!m->n)
		m->frag_start = step.start;
	m->samples[m->n++] = (struct fmp4_sample){
		.size = f->len,
		.cts_offset = m->with_cts ? (int32_t)(f->pts_90k - f->dts_90k) : 0,
		.key = f->key,
	};
	m->data_len += f->len;
	uint32_t duration;
	if (part_timing_added(&m->timing, f->late, &duration)) {
		m->samples[m->n - 1].duration = duration;
		close_fragment(m);
		mux_audio_place(m);
		flush_if_due(m, f->now_mono_us);
	} else if (closed) {
		flush_if_due(m, f->now_mono_us);
	}
	return 0;
}

void mux_tick(struct mux *m, struct au_buf *b, int64_t now_mono_us)
{
	if (m->file && m->pos != m->flushed && now_mono_us - m->last_flush_mono_us >= MUX_FLUSH_US) {
		if (!m->open) {
			mux_flush(m, now_mono_us);
		} else if (relocate(m, b->len, AU_ROOM) == 0) { /* a unit is in the making */
			m->last_flush_mono_us = now_mono_us;
			point_buf(m, b, b->len);
		}
	}
	live_trim(m->live, now_mono_us);
}
