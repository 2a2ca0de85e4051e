/* The head of an export: an ordinary MP4 (ISO 14496-12 section 8.5 to 8.7), moov first, whose samples follow chunk by chunk.
 * A pure function: the same samples give the same bytes. */
#include "media/fmp4/moov_priv.h"
#include "media/fmp4/reader.h"

#include <errno.h>

#define TRACKS_MAX 2u

struct export_state {
	const struct fmp4_tracks *codecs;
	const struct export_track *tracks;
	size_t n_tracks;
	const struct export_chunk *chunks;
	size_t n_chunks;
	uint64_t created_1904_s;
	uint64_t media_bytes;
	uint64_t duration[TRACKS_MAX]; /* media, in the track's timescale */
	uint64_t movie_duration;       /* of the longest */
	bool co64;
	size_t offsets_at[TRACKS_MAX]; /* where in out the chunk offsets stand; filled in once the head's size is known */
};

struct table_ctx {
	struct export_state *state;
	size_t track;
};

static uint64_t to_movie_time(uint64_t t, uint32_t timescale)
{
	return t / timescale * MOVIE_TIMESCALE + t % timescale * MOVIE_TIMESCALE / timescale;
}

/* A table of runs (count, value), ended by finish: stts, ctts. */
struct run_table {
	struct buf *out;
	size_t box;
	uint32_t entries, count, value;
};

static struct run_table run_table_begin(struct buf *out, const char *type, uint8_t version)
{
	struct run_table t = {.out = out, .box = full_box_begin(out, type, version, 0)};
	buf_be32(out, 0);
	return t;
}

static void run_table_flush(struct run_table *t)
{
	if (!t->count)
		return;
	buf_be32(t->out, t->count);
	buf_be32(t->out, t->value);
	t->entries++;
	t->count = 0;
}

static void run_table_add(struct run_table *t, uint32_t value)
{
	if (t->count && t->value != value)
		run_table_flush(t);
	t->value = value;
	t->count++;
}

static void run_table_end(struct run_table *t)
{
	run_table_flush(t);
	put_be32(t->out->data + t->box + 12, t->entries);
	box_end(t->out, t->box);
}

static void put_times(const struct export_track *track, struct buf *out)
{
	bool offsets = false, negative = false;
	struct run_table stts = run_table_begin(out, "stts", 0);
	for (size_t i = 0; i < track->n; i++) {
		run_table_add(&stts, track->samples[i].duration);
		offsets |= track->samples[i].cts_offset != 0;
		negative |= track->samples[i].cts_offset < 0;
	}
	run_table_end(&stts);
	if (!offsets)
		return;
	struct run_table ctts = run_table_begin(out, "ctts", negative ? 1 : 0);
	for (size_t i = 0; i < track->n; i++)
		run_table_add(&ctts, (uint32_t)track->samples[i].cts_offset);
	run_table_end(&ctts);
}

/* Absent where every sample is a sync sample. */
static void put_stss(const struct export_track *track, struct buf *out)
{
	size_t start = out->len, stss = full_box_begin(out, "stss", 0, 0);
	uint32_t n = 0;
	buf_be32(out, 0);
	for (size_t i = 0; i < track->n; i++) {
		if (!track->samples[i].key)
			continue;
		buf_be32(out, (uint32_t)i + 1);
		n++;
	}
	if (n == track->n) {
		out->len = start;
		return;
	}
	put_be32(out->data + stss + 12, n);
	box_end(out, stss);
}

static void put_stsz(const struct export_track *track, struct buf *out)
{
	size_t stsz = full_box_begin(out, "stsz", 0, 0);
	buf_be32(out, 0);
	buf_be32(out, (uint32_t)track->n);
	for (size_t i = 0; i < track->n; i++)
		buf_be32(out, track->samples[i].size);
	box_end(out, stsz);
}

static void put_chunk_tables(struct export_state *s, size_t track, struct buf *out)
{
	size_t stsc = full_box_begin(out, "stsc", 0, 0);
	uint32_t entries = 0, chunk = 0, before = 0;
	buf_be32(out, 0);
	for (size_t i = 0; i < s->n_chunks; i++) {
		if (s->chunks[i].track != track || !s->chunks[i].n_samples)
			continue;
		chunk++;
		if (s->chunks[i].n_samples == before)
			continue;
		before = s->chunks[i].n_samples;
		buf_be32(out, chunk);
		buf_be32(out, before);
		buf_be32(out, 1);
		entries++;
	}
	put_be32(out->data + stsc + 12, entries);
	box_end(out, stsc);

	size_t stco = full_box_begin(out, s->co64 ? "co64" : "stco", 0, 0);
	buf_be32(out, chunk);
	s->offsets_at[track] = out->len;
	buf_zeros(out, (size_t)chunk * (s->co64 ? 8 : 4));
	box_end(out, stco);
}

static void put_tables(const struct moov_track *track, struct buf *out)
{
	const struct table_ctx *ctx = track->ctx;
	const struct export_track *t = &ctx->state->tracks[ctx->track];
	put_times(t, out);
	if (t->video)
		put_stss(t, out);
	put_stsz(t, out);
	put_chunk_tables(ctx->state, ctx->track, out);
}

static int put_moov(struct export_state *s, struct buf *out)
{
	size_t moov = box_begin(out, "moov");
	moov_put_mvhd(out, s->created_1904_s, s->movie_duration);
	int r = 0;
	for (size_t i = 0; i < s->n_tracks && r == 0; i++) {
		const struct export_track *t = &s->tracks[i];
		struct table_ctx ctx = {.state = s, .track = i};
		struct moov_track track = {
			.id = t->video ? FMP4_VIDEO_TRACK : FMP4_AUDIO_TRACK,
			.video = t->video,
			.timescale = t->timescale,
			.created_1904_s = s->created_1904_s,
			.media_duration = s->duration[i],
			.empty_edit = to_movie_time(t->start_delay, t->timescale),
			.put_tables = put_tables,
			.ctx = &ctx,
		};
		track.movie_duration = track.empty_edit + to_movie_time(s->duration[i], t->timescale);
		r = moov_put_trak(s->codecs, &track, out);
	}
	box_end(out, moov);
	return r;
}

static void put_mdat_head(uint64_t media_bytes, struct buf *out)
{
	bool large = media_bytes > UINT32_MAX - BOX_HEAD;
	buf_be32(out, large ? 1 : (uint32_t)media_bytes + BOX_HEAD);
	buf_append(out, "mdat", 4);
	if (large)
		buf_be64(out, media_bytes + 2 * BOX_HEAD);
}

static int put_head(struct export_state *s, struct buf *out)
{
	static const char *const brands[] = {"isom", "iso2", "mp41"};
	moov_put_ftyp(out, "isom", brands, 3);
	int r = put_moov(s, out);
	put_mdat_head(s->media_bytes, out);
	return r;
}

static void put_chunk_offsets(const struct export_state *s, uint64_t at, uint8_t *out)
{
	size_t next_sample[TRACKS_MAX] = {0}, slot[TRACKS_MAX] = {0};
	for (size_t i = 0; i < s->n_chunks; i++) {
		uint32_t t = s->chunks[i].track;
		if (!s->chunks[i].n_samples)
			continue;
		if (s->co64)
			put_be64(out + s->offsets_at[t] + 8 * slot[t], at);
		else
			put_be32(out + s->offsets_at[t] + 4 * slot[t], (uint32_t)at);
		slot[t]++;
		for (uint32_t k = 0; k < s->chunks[i].n_samples; k++)
			at += s->tracks[t].samples[next_sample[t]++].size;
	}
}

/* Every sample is in exactly one chunk; at most one track of a kind, whose codec is known. */
static int check(const struct export_state *s)
{
	size_t left[TRACKS_MAX] = {0};
	if (!s->n_tracks || s->n_tracks > TRACKS_MAX || (s->n_tracks == 2 && s->tracks[0].video == s->tracks[1].video))
		return -EINVAL;
	for (size_t i = 0; i < s->n_tracks; i++) {
		const struct export_track *t = &s->tracks[i];
		if (!t->timescale || t->n > UINT32_MAX || (t->video ? !s->codecs->video : !s->codecs->audio))
			return -EINVAL;
		left[i] = t->n;
	}
	for (size_t i = 0; i < s->n_chunks; i++) {
		const struct export_chunk *c = &s->chunks[i];
		if (c->track >= s->n_tracks || c->n_samples > left[c->track])
			return -EINVAL;
		left[c->track] -= c->n_samples;
	}
	return left[0] || left[1] ? -EINVAL : 0;
}

int fmp4_write_export_head(const struct fmp4_tracks *t, const struct export_track *tracks, size_t n_tracks,
			   const struct export_chunk *chunks, size_t n_chunks, int64_t created_utc_us, struct buf *out)
{
	struct export_state s = {.codecs = t,
				 .tracks = tracks,
				 .n_tracks = n_tracks,
				 .chunks = chunks,
				 .n_chunks = n_chunks,
				 .created_1904_s = moov_time_1904(created_utc_us)};
	int r = check(&s);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n_tracks; i++) {
		for (size_t k = 0; k < tracks[i].n; k++) {
			s.duration[i] += tracks[i].samples[k].duration;
			s.media_bytes += tracks[i].samples[k].size;
		}
		uint64_t end =
			to_movie_time(tracks[i].start_delay, tracks[i].timescale) + to_movie_time(s.duration[i], tracks[i].timescale);
		if (end > s.movie_duration)
			s.movie_duration = end;
	}
	size_t start = out->len;
	r = put_head(&s, out);
	if (r == 0 && out->len - start + s.media_bytes > UINT32_MAX) {
		out->len = start;
		s.co64 = true;
		r = put_head(&s, out);
	}
	if (r < 0)
		out->len = start;
	else
		put_chunk_offsets(&s, out->len - start, out->data);
	return r;
}
