/* Playback: a VOD playlist (RFC 8216) of byte ranges over the recording files, nothing remuxed. Any worker thread.
 * A segment begins at a key frame and is at least 6 s long, or ends where its run does. */
#include "app/internal.h"
#include "app/lookback.h"
#include "app/span_priv.h"

#include "base/log.h"

#include <errno.h>
#include <inttypes.h>

#define SEGMENT_MIN_US (6 * US_PER_S)

struct playlist {
	int64_t from, to;
	const char *prefix, *suffix;
	struct buf segments;
	int64_t longest_us;
	int64_t first_us; /* time of the first segment */
	size_t n;
};

struct segment {
	int64_t from, to;
	uint64_t offset, end;
};

static void put_uri(struct playlist *l, const char *id)
{
	buf_append_str(&l->segments, l->prefix);
	buf_append_str(&l->segments, id);
	buf_append_str(&l->segments, l->suffix);
}

static void put_map(struct playlist *l, const struct footage_file *f, const char *id)
{
	buf_append_str(&l->segments, "#EXT-X-MAP:URI=\"");
	put_uri(l, id);
	buf_printf(&l->segments, "\",BYTERANGE=\"%" PRIu32 "@0\"\n", f->init_len);
}

static void put_segment(struct playlist *l, const struct segment *s, const char *id)
{
	char date[RFC3339_CAP];
	rfc3339_format(s->from, date);
	int64_t us = s->to - s->from;
	if (us <= 0 || s->end <= s->offset)
		return; /* a file whose times go back */
	if (l->n++ == 0)
		l->first_us = s->from;
	if (us > l->longest_us)
		l->longest_us = us;
	buf_printf(&l->segments,
		   "#EXT-X-PROGRAM-DATE-TIME:%s\n#EXTINF:%" PRId64 ".%06" PRId64 ",\n#EXT-X-BYTERANGE:%" PRIu64 "@%" PRIu64 "\n", date,
		   us / US_PER_S, us % US_PER_S, s->end - s->offset, s->offset);
	put_uri(l, id);
	buf_append_str(&l->segments, "\n");
}

/* The segment that begins at key frame k of run i; returns the key frame after it (the run's end is one behind its last). */
static size_t next_segment(const struct footage_file *f, size_t i, size_t k, int64_t to, struct segment *ret)
{
	const struct footage_run *run = &f->runs[i];
	size_t end = run->first_key + run->n_keys;
	size_t next = k + 1;
	while (next < end && f->keys[next].utc_us - f->keys[k].utc_us < SEGMENT_MIN_US && f->keys[next].utc_us < to)
		next++;
	*ret = (struct segment){
		.from = f->keys[k].utc_us,
		.offset = f->keys[k].offset,
		.to = next < end ? f->keys[next].utc_us : run->to,
		.end = next < end ? f->keys[next].offset : run_end_offset(f, i),
	};
	return next;
}

static void add_file(struct playlist *l, const struct footage_file *f)
{
	char id[UUID_CAP];
	uuid_format(&f->recording_id, id);
	bool mapped = false;
	for (size_t i = 0; i < f->n_runs; i++) {
		const struct footage_run *run = &f->runs[i];
		if (run->to <= l->from || run->from >= l->to || !run->n_keys)
			continue;
		if (l->n)
			buf_append_str(&l->segments, "#EXT-X-DISCONTINUITY\n");
		if (!mapped)
			put_map(l, f, id);
		mapped = true;
		size_t k = run_key_at(f, run, l->from);
		while (k < run->first_key + run->n_keys && f->keys[k].utc_us < l->to) {
			struct segment s;
			k = next_segment(f, i, k, l->to, &s);
			put_segment(l, &s, id);
		}
	}
}

static void put_playlist(const struct playlist *l, struct buf *out)
{
	int64_t target = (l->longest_us + US_PER_S - 1) / US_PER_S;
	buf_printf(out,
		   "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:%" PRId64 "\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-INDEPENDENT-SEGMENTS\n",
		   target > 0 ? target : 1);
	int64_t skip = l->from - l->first_us; /* from the key frame to what was asked for */
	if (skip > 0)
		buf_printf(out, "#EXT-X-START:TIME-OFFSET=%" PRId64 ".%06" PRId64 ",PRECISE=YES\n", skip / US_PER_S, skip % US_PER_S);
	buf_append(out, l->segments.data, l->segments.len);
	buf_append_str(out, "#EXT-X-ENDLIST\n");
}

int playback_playlist(struct app *app, const struct actor *a, const char *camera_id, int64_t from, int64_t to, const char *file_prefix,
		      const char *file_suffix, struct buf *out, struct problem *p)
{
	int err = require_right(a, RIGHT_SEE_PICTURES, p);
	if (!err)
		err = span_check(from, to, p);
	if (err)
		return err;
	struct arena mem = {0};
	struct recording *rows;
	size_t n;
	struct playlist l = {.from = from, .to = to, .prefix = file_prefix, .suffix = file_suffix};
	err = span_list(app, a, camera_id, from, to, &mem, &rows, &n, p);
	for (size_t i = 0; !err && i < n; i++) {
		struct arena file_mem = {0}; /* one file's index at a time */
		struct span_file f;
		int one = span_file_open(app, &rows[i], &file_mem, &f);
		if (!one) {
			add_file(&l, &f.footage);
			span_file_close(app, &f);
		} else if (one != -ENOENT) { /* the rest of the span is worth showing */
			log_warn("playback.file_skipped", KV_S("camera", camera_id), KV_S("file", rows[i].file_path), KV_ERR(one));
		}
		arena_finish(&file_mem);
	}
	if (!err && !l.n)
		err = problem_set(p, PROBLEM_NOT_FOUND, "", "nothing of camera \"%s\" was recorded in this span", camera_id);
	if (!err)
		put_playlist(&l, out);
	buf_finish(&l.segments);
	arena_finish(&mem);
	return err;
}
