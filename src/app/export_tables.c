/* An export's sample tables, built from the moofs alone; see export_priv.h. */
#include "app/export_priv.h"

#include <errno.h>
#include <stdlib.h>

/* A jump of video within a file by more than this begins a new run, which is shown from its first key frame on (as footage indexes it). */
#define RUN_SLACK_US INT64_C(10000)
/* Audio and video of one instant lie within this of each other in a file. */
#define INTERLEAVE_US (2 * US_PER_S)

enum { VIDEO, AUDIO, N_TRACKS };

struct table {
	struct export_sample *samples; /* malloc'd */
	size_t n, cap;
	uint32_t timescale;
	uint64_t delay; /* before the first sample */
	int64_t end;	/* where the next sample begins if nothing is missing; from the export's start, in the timescale */
};

struct builder {
	struct export_plan *e;
	struct table tables[N_TRACKS];
	struct export_chunk *chunks; /* malloc'd, beside e->pieces */
	size_t cap_chunks;
	uint64_t media;	   /* bytes so far */
	uint64_t zero_90k; /* tfdt of the first frame in the first file */
	/* of the file being read */
	uint32_t file;
	int fd;
	bool awaiting_key;
	int err;
};

static bool grow(void **array, size_t n, size_t *cap, size_t elem)
{
	if (n < *cap)
		return true;
	size_t want = *cap ? *cap * 2 : 256;
	void *p = realloc(*array, want * elem);
	if (!p)
		return false;
	*array = p;
	*cap = want;
	return true;
}

/* a * b / c, rounded to the nearest; a may be negative. */
static int64_t scale(int64_t a, int64_t b, int64_t c)
{
	__int128 product = (__int128)a * b;
	return (int64_t)((product + (product < 0 ? -c / 2 : c / 2)) / c);
}

/* Where tfdt 0 of the current file lies on the export's timeline, in the track's timescale. Within a file times are exact. */
static int64_t file_zero(const struct builder *b, const struct table *t)
{
	const struct export_source *s = b->e->sources;
	int64_t apart = s[b->file].header->id.anchor_utc_us - s[0].header->id.anchor_utc_us;
	return scale(apart, t->timescale, US_PER_S) - scale((int64_t)b->zero_90k, t->timescale, FMP4_VIDEO_TIMESCALE);
}

/* The position as wall time. */
static int64_t wall_of(const struct builder *b, const struct table *t, int64_t position)
{
	return b->e->starts_at + scale(position, US_PER_S, t->timescale);
}

static bool add_gap(struct export_plan *e, int64_t from, int64_t to)
{
	if (!grow((void **)&e->gaps, e->n_gaps, &e->cap_gaps, sizeof(*e->gaps)))
		return false;
	e->gaps[e->n_gaps++] = (struct export_gap){.from = from, .to = to};
	return true;
}

/* Stretches the last sample to the position where the next begins (a gap), or takes back what overlaps. */
static int close_up(struct builder *b, int track, int64_t position)
{
	struct table *t = &b->tables[track];
	if (t->n == 0) {
		t->delay = position > 0 ? (uint64_t)position : 0;
		t->end = (int64_t)t->delay;
		return 0;
	}
	struct export_sample *last = &t->samples[t->n - 1];
	int64_t missing = position - t->end;
	if (missing < 0 && -missing >= last->duration)
		missing = 1 - (int64_t)last->duration;
	if (missing > (int64_t)UINT32_MAX - last->duration)
		return -EOVERFLOW;
	int64_t from = wall_of(b, t, t->end), to = wall_of(b, t, t->end + missing);
	if (track == VIDEO && to - from > EXPORT_GAP_US && !add_gap(b->e, from, to))
		return -ENOMEM;
	last->duration = (uint32_t)(last->duration + missing);
	t->end += missing;
	return 0;
}

/* A chunk of the export is a run of bytes of one file and track. */
static int add_piece(struct builder *b, int track, const struct fmp4_sample_ref *s, uint32_t n, uint64_t len)
{
	struct export_plan *e = b->e;
	if (!grow((void **)&e->pieces, e->n_pieces, &e->cap_pieces, sizeof(*e->pieces)) ||
	    !grow((void **)&b->chunks, e->n_pieces, &b->cap_chunks, sizeof(*b->chunks)))
		return -ENOMEM;
	b->chunks[e->n_pieces] = (struct export_chunk){.track = (uint32_t)track, .n_samples = n};
	e->pieces[e->n_pieces++] = (struct export_piece){.out = b->media, .src = s->offset, .len = (uint32_t)len, .file = b->file};
	b->media += len;
	struct export_source *source = &e->sources[b->file];
	if (s->offset + len > source->to)
		source->to = s->offset + len;
	return 0;
}

static int add_samples(struct builder *b, int track, const struct fmp4_sample_ref *s, size_t n)
{
	struct table *t = &b->tables[track];
	for (size_t i = 0; i < n;) {
		uint64_t len = 0;
		size_t k = i;
		for (; k < n && s[k].offset == s[i].offset + len && len + s[k].size <= UINT32_MAX; k++) {
			if (!grow((void **)&t->samples, t->n, &t->cap, sizeof(*t->samples)))
				return -ENOMEM;
			t->samples[t->n++] = (struct export_sample){
				.size = s[k].size, .duration = s[k].duration, .cts_offset = s[k].cts_offset, .key = s[k].key};
			t->end += s[k].duration;
			len += s[k].size;
		}
		int err = k > i ? add_piece(b, track, &s[i], (uint32_t)(k - i), len) : -EBADMSG;
		if (err)
			return err;
		i = k;
	}
	return 0;
}

/* How many of the samples belong to the span: video up to the frame that is shown at `to`, audio before it. */
static size_t within_span(const struct builder *b, int track, int64_t position, const struct fmp4_sample_ref *s, size_t n)
{
	const struct table *t = &b->tables[track];
	size_t i = 0;
	for (; i < n; i++) {
		int64_t at = wall_of(b, t, position);
		if (track == VIDEO ? at > b->e->to : at >= b->e->to)
			break;
		position += s[i].duration;
	}
	return i;
}

static int add_fragment(struct builder *b, int track, const struct fmp4_fragment *f, int64_t position)
{
	struct arena mem = {0};
	struct fmp4_sample_ref *s;
	size_t n;
	int err = fmp4_read_samples(file_read, &b->fd, f, &mem, &s, &n);
	if (!err) {
		n = within_span(b, track, position, s, n);
		if (n)
			err = close_up(b, track, position);
		if (!err && n)
			err = add_samples(b, track, s, n);
	}
	arena_finish(&mem);
	return err;
}

/* Sound far from the picture beside it in the file has another file's clock: one such fragment would shift all that follows. */
static bool stray_sound(const struct builder *b, int64_t at)
{
	int64_t apart = at - wall_of(b, &b->tables[VIDEO], b->tables[VIDEO].end);
	return apart > INTERLEAVE_US || apart < -INTERLEAVE_US;
}

static bool on_fragment(void *ctx, const struct fmp4_fragment *f)
{
	struct builder *b = ctx;
	int track = f->track_id == FMP4_VIDEO_TRACK ? VIDEO : AUDIO;
	struct table *t = &b->tables[track];
	if (f->tfdt > FILE_TFDT_MAX)
		return false;
	if (track == AUDIO && !t->timescale)
		return true;
	int64_t position = (int64_t)f->tfdt + file_zero(b, t);
	int64_t at = wall_of(b, t, position);
	if (at > b->e->to + INTERLEAVE_US)
		return false;
	if (position < 0)
		return true; /* sound of before the first frame */
	if (track == AUDIO && stray_sound(b, at))
		return true;
	if (track == VIDEO) {
		int64_t jump = at - wall_of(b, t, t->end);
		if (t->n && (jump > RUN_SLACK_US || jump < -RUN_SLACK_US))
			b->awaiting_key = true;
		if (b->awaiting_key && !f->key)
			return true;
		b->awaiting_key = false;
	}
	b->err = add_fragment(b, track, f, position);
	return !b->err;
}

/* The first byte that is needed of the file: the key frame shown at `from`, or its first. */
static uint64_t start_offset(const struct export_plan *e, const struct footage_file *f, int64_t *ret_at)
{
	for (size_t i = 0; i < f->n_runs; i++) {
		if (f->runs[i].to <= e->from || !f->runs[i].n_keys)
			continue;
		size_t k = run_key_at(f, &f->runs[i], e->from);
		*ret_at = f->keys[k].utc_us;
		return f->keys[k].offset;
	}
	*ret_at = f->ended_at;
	return f->media_end;
}

static bool take_first_tfdt(void *ctx, const struct fmp4_fragment *f)
{
	if (f->track_id != FMP4_VIDEO_TRACK)
		return true;
	*(uint64_t *)ctx = f->tfdt;
	return false;
}

static int read_file(struct builder *b, uint32_t i)
{
	struct export_source *s = &b->e->sources[i];
	const struct footage_file *f = &s->span.footage;
	int64_t at;
	uint64_t end;
	s->from = s->to = start_offset(b->e, f, &at);
	b->file = i;
	b->awaiting_key = true;
	b->fd = s->span.file->fd;
	if (i == 0) {
		b->e->starts_at = at;
		int err = fmp4_walk(file_read, &b->fd, s->from, f->media_end, take_first_tfdt, &b->zero_90k, &end);
		if (err)
			return err;
	}
	int err = fmp4_walk(file_read, &b->fd, s->from, f->media_end, on_fragment, b, &end);
	return err ? err : b->err;
}

static int write_head(struct builder *b)
{
	struct export_plan *e = b->e;
	const struct fmp4_header *first = e->sources[0].header, *sound = NULL;
	for (size_t i = 0; i < e->n_sources && !sound; i++)
		sound = e->sources[i].header->has_audio ? e->sources[i].header : NULL;
	struct export_track tracks[N_TRACKS];
	size_t n_tracks = b->tables[AUDIO].n ? 2 : 1;
	for (size_t i = 0; i < n_tracks; i++) {
		const struct table *t = &b->tables[i];
		tracks[i] = (struct export_track){
			.video = i == VIDEO, .samples = t->samples, .n = t->n, .timescale = t->timescale, .start_delay = t->delay};
	}
	const struct fmp4_tracks params = {
		.video = &first->video, .video_info = &first->video_info, .audio = n_tracks == 2 ? &sound->audio : NULL};
	int err = fmp4_write_export_head(&params, tracks, n_tracks, b->chunks, e->n_pieces, e->starts_at, &e->head);
	if (err)
		return err;
	for (size_t i = 0; i < e->n_pieces; i++)
		e->pieces[i].out += e->head.len;
	e->size = (int64_t)(e->head.len + b->media);
	e->ends_at = wall_of(b, &b->tables[VIDEO], b->tables[VIDEO].end);
	return 0;
}

int export_build(struct export_plan *e, struct problem *p)
{
	struct builder *b = calloc(1, sizeof(*b));
	if (!b)
		return problem_set(p, PROBLEM_INTERNAL, "", "out of memory");
	b->e = e;
	b->tables[VIDEO].timescale = FMP4_VIDEO_TIMESCALE;
	for (size_t i = 0; i < e->n_sources; i++)
		if (e->sources[i].header->has_audio)
			b->tables[AUDIO].timescale = e->sources[i].header->audio.sample_rate;
	int err = 0;
	for (size_t i = 0; !err && i < e->n_sources; i++)
		err = read_file(b, (uint32_t)i);
	if (!err && !b->tables[VIDEO].n)
		err = problem_set(p, PROBLEM_NOT_FOUND, "", "nothing of camera \"%s\" was recorded in this span", e->camera_id);
	else if (!err)
		err = write_head(b);
	if (err && err != -ENOENT)
		err = problem_set(p, PROBLEM_INTERNAL, "", "recording files of camera \"%s\" cannot be read", e->camera_id);
	free(b->tables[VIDEO].samples);
	free(b->tables[AUDIO].samples);
	free(b->chunks);
	free(b);
	return err;
}
