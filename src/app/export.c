/* Exports: planning, reading; see export_priv.h. Any worker thread, one at a time a plan. */
#include "app/export_priv.h"
#include "app/internal.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- choosing the files --- */

static int read_header(struct export_source *s)
{
	struct fmp4_header *h = malloc(sizeof(*h));
	if (!h)
		return -ENOMEM;
	int err = fmp4_read_header(file_read, &s->span.file->fd, h);
	if (err) {
		free(h);
		return err;
	}
	s->header = h;
	return 0;
}

static void close_source(struct export_plan *e, struct export_source *s)
{
	span_file_close(e->app, &s->span);
	free(s->header);
	s->header = NULL;
}

/* Whether anything of the file lies in the span. */
static bool touches(const struct footage_file *f, int64_t from, int64_t to)
{
	for (size_t i = 0; i < f->n_runs; i++)
		if (f->runs[i].to > from && f->runs[i].from < to && f->runs[i].n_keys)
			return true;
	return false;
}

static int open_source(struct export_plan *e, const struct recording *r, struct problem *p)
{
	struct export_source *s = &e->sources[e->n_sources];
	*s = (struct export_source){0};
	int err = span_file_open(e->app, r, &e->mem, &s->span);
	if (err == -ENOENT)
		return 0; /* deleted or lost since: a gap */
	if (!err)
		err = read_header(s);
	if (!err && s->header->has_video && touches(&s->span.footage, e->from, e->to)) {
		e->n_sources++;
		return 0;
	}
	close_source(e, s);
	if (!err)
		return 0;
	/* A hole that the disk could fill must not be exported as if nothing had been recorded. */
	bool away = err == -ENODEV || err == -EIO;
	return problem_set(p, away ? PROBLEM_UNAVAILABLE : PROBLEM_INTERNAL, "", "recording file %s cannot be read: %s", r->file_path,
			   away ? "its volume is not available" : "it is damaged");
}

static int open_sources(struct export_plan *e, const struct actor *a, struct problem *p)
{
	struct recording *rows;
	size_t n;
	int err = span_list(e->app, a, e->camera_id, e->from, e->to, &e->mem, &rows, &n, p);
	if (!err && n > EXPORT_FILES_MAX)
		err = problem_set(p, PROBLEM_CONFLICT, "to",
				  "the span lies in %zu files, at most %d can be exported at once: ask for a shorter one", n,
				  EXPORT_FILES_MAX);
	if (!err)
		e->sources = ARENA_ARRAY(&e->mem, struct export_source, n + 1);
	for (size_t i = 0; !err && i < n; i++)
		err = open_source(e, &rows[i], p);
	if (!err && !e->n_sources)
		err = problem_set(p, PROBLEM_NOT_FOUND, "", "nothing of camera \"%s\" was recorded in this span", e->camera_id);
	return err;
}

/* --- one MP4 has one set of parameters --- */

static bool audio_equal(const struct audio_params *a, const struct audio_params *b)
{
	return a->codec == b->codec && a->sample_rate == b->sample_rate && a->channels == b->channels && a->config_len == b->config_len &&
	       !memcmp(a->config, b->config, a->config_len);
}

/* A file without audio fits any: the sound pauses there. `audio` is the last file before with some. */
static bool fits(const struct fmp4_header *first, const struct fmp4_header *audio, const struct fmp4_header *next)
{
	return video_params_equal(&first->video, &next->video) && (!audio || !next->has_audio || audio_equal(&audio->audio, &next->audio));
}

static int64_t source_end(const struct export_plan *e, size_t i)
{
	const struct footage_file *f = &e->sources[i].span.footage;
	return f->ended_at < e->to ? f->ended_at : e->to;
}

/* Cuts the sources into groups that fit and, if there is more than one, lists them: 409. */
static int check_one_set(struct export_plan *e, struct problem *p)
{
	char list[280] = "";
	size_t used = 0, n_groups = 0, left_out = 0;
	for (size_t i = 0; i < e->n_sources;) {
		const struct fmp4_header *first = e->sources[i].header, *audio = first->has_audio ? first : NULL;
		int64_t from = i ? e->sources[i].span.footage.started_at : e->from;
		size_t k = i + 1;
		for (; k < e->n_sources; k++) {
			const struct fmp4_header *h = e->sources[k].header;
			bool near =
				e->sources[k].span.footage.started_at - e->sources[k - 1].span.footage.ended_at <= EXPORT_LONGEST_GAP_US;
			if (!near || !fits(first, audio, h))
				break;
			if (!audio && h->has_audio)
				audio = h;
		}
		char a[RFC3339_CAP], b[RFC3339_CAP], one[2 * RFC3339_CAP + 4];
		rfc3339_format(from > e->from ? from : e->from, a);
		rfc3339_format(k < e->n_sources ? source_end(e, k - 1) : e->to, b);
		size_t len = (size_t)snprintf(one, sizeof(one), "%s%s/%s", n_groups ? ", " : "", a, b);
		if (used + len < sizeof(list)) {
			memcpy(list + used, one, len + 1);
			used += len;
		} else {
			left_out++;
		}
		n_groups++;
		i = k;
	}
	if (n_groups <= 1)
		return 0;
	char more[40] = "";
	if (left_out)
		snprintf(more, sizeof(more), " and %zu more", left_out);
	return problem_set(p, PROBLEM_CONFLICT, "",
			   "one file cannot hold it: the picture's parameters change, or 12 h are missing. Export: %s%s", list, more);
}

/* --- lifecycle --- */

static void set_file_name(struct export_plan *e)
{
	struct civil c;
	utc_us_to_civil(e->from, &c);
	snprintf(e->file_name, sizeof(e->file_name), "%s_%04d-%02d-%02dT%02d-%02d-%02dZ.mp4", e->camera_id, c.year % 10000, c.month % 100,
		 c.day % 100, c.hour % 100, c.minute % 100, c.second % 100);
}

int export_plan_create(struct app *app, const struct actor *a, const char *camera_id, int64_t from, int64_t to, struct export_plan **ret,
		       struct problem *p)
{
	int err = require_right(a, RIGHT_EXPORT, p);
	if (!err)
		err = span_check(from, to, p);
	if (!err && strlen(camera_id) >= ID_CAP)
		err = problem_set(p, PROBLEM_NOT_FOUND, "", "no such camera");
	if (err)
		return err;
	struct export_plan *e = calloc(1, sizeof(*e));
	if (!e)
		return problem_set(p, PROBLEM_INTERNAL, "", "out of memory");
	e->app = app;
	e->from = from;
	e->to = to;
	snprintf(e->camera_id, sizeof(e->camera_id), "%s", camera_id);
	set_file_name(e);
	err = open_sources(e, a, p);
	if (!err)
		err = check_one_set(e, p);
	if (!err)
		err = export_build(e, p);
	if (err) {
		export_plan_destroy(e);
		return err;
	}
	*ret = e;
	return 0;
}

void export_plan_destroy(struct export_plan *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->n_sources; i++)
		close_source(e, &e->sources[i]);
	buf_finish(&e->head);
	free(e->pieces);
	free(e->gaps);
	arena_finish(&e->mem);
	free(e);
}

int64_t export_size(const struct export_plan *e)
{
	return e->size;
}

const char *export_file_name(const struct export_plan *e)
{
	return e->file_name;
}

/* --- reading --- */

/* The last piece that begins at or before the offset (which lies behind the head). */
static size_t piece_at(const struct export_plan *e, uint64_t offset)
{
	size_t low = 0, high = e->n_pieces;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (e->pieces[middle].out <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static int read_exactly(int fd, uint8_t *dst, size_t n, uint64_t offset)
{
	while (n) {
		ssize_t r = pread(fd, dst, n, (off_t)offset);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			return -EIO; /* cut since it was planned */
		dst += r;
		n -= (size_t)r;
		offset += (uint64_t)r;
	}
	return 0;
}

int64_t export_read(struct export_plan *e, void *dst, size_t n, int64_t offset)
{
	if (offset < 0)
		return -EINVAL;
	if (offset >= e->size)
		return 0;
	if ((uint64_t)(e->size - offset) < n)
		n = (size_t)(e->size - offset);
	uint8_t *out = dst;
	size_t done = 0;
	uint64_t at = (uint64_t)offset;
	if (at < e->head.len) {
		done = e->head.len - at < n ? e->head.len - (size_t)at : n;
		memcpy(out, e->head.data + at, done);
	}
	for (size_t i = done < n ? piece_at(e, at + done) : 0; done < n; i++) {
		const struct export_piece *piece = &e->pieces[i];
		uint64_t skip = at + done - piece->out;
		size_t len = piece->len - (size_t)skip < n - done ? piece->len - (size_t)skip : n - done;
		int err = read_exactly(e->sources[piece->file].span.file->fd, out + done, len, piece->src + skip);
		if (err) { /* the connection is cut: nobody takes half of it for the whole */
			const struct recording *r = &e->sources[piece->file].span.recording;
			log_error("export.unreadable", KV_S("camera", e->camera_id), KV_S("volume", r->volume_id),
				  KV_S("file", r->file_path), KV_ERR(err));
			return err;
		}
		done += len;
	}
	return (int64_t)done;
}
