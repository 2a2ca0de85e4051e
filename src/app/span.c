/* The recording files of a span; see span_priv.h. Any worker thread. */
#include "app/internal.h"
#include "app/span_priv.h"

#include <errno.h>

int span_check(int64_t from, int64_t to, struct problem *p)
{
	if (from == TIME_NONE)
		return problem_set(p, PROBLEM_INVALID, "from", "from is missing");
	if (to == TIME_NONE)
		return problem_set(p, PROBLEM_INVALID, "to", "to is missing");
	if (to <= from)
		return problem_set(p, PROBLEM_INVALID, "to", "to must be later than from");
	if (to - from > SPAN_MAX_US)
		return problem_set(p, PROBLEM_INVALID, "to", "the span is longer than 24 hours");
	return 0;
}

static bool has_file(const struct recording *r)
{
	return r->status == REC_RECORDING || r->status == REC_SEALED || r->status == REC_NOTICED;
}

int span_list(struct app *app, const struct actor *a, const char *camera_id, int64_t from, int64_t to, struct arena *mem,
	      struct recording **ret, size_t *ret_n, struct problem *p)
{
	const struct recording_filter filter = {.camera_id = camera_id, .from = from, .to = to, .status = -1};
	struct recording *all = NULL;
	size_t n = 0, cap = 0;
	struct page page = {.limit = 1000};
	do {
		struct recording *rows;
		size_t n_rows;
		char *next;
		int err = app->catalog->recordings->list(app->catalog->self, a, &filter, &page, mem, &rows, &n_rows, &next);
		if (err)
			return catalog_problem(p, err, "recordings of camera \"%s\"", camera_id);
		for (size_t i = 0; i < n_rows; i++) {
			if (!has_file(&rows[i]))
				continue;
			all = arena_grow(mem, all, n, &cap, sizeof(*all));
			all[n++] = rows[i];
		}
		page.cursor = next;
	} while (page.cursor);
	*ret = all;
	*ret_n = n;
	return 0;
}

int span_file_open(struct app *app, const struct recording *r, struct arena *mem, struct span_file *ret)
{
	struct span_file f = {.recording = *r};
	int err = app->footage.ops->open(app->footage.self, r, mem, &f.footage, &f.file);
	if (!err)
		*ret = f;
	return err;
}

void span_file_close(struct app *app, struct span_file *f)
{
	if (!f->file)
		return;
	shared_file_unref(&f->file);
	app->footage.ops->close(app->footage.self, &f->recording);
}

size_t run_key_at(const struct footage_file *f, const struct footage_run *run, int64_t at)
{
	size_t low = run->first_key, high = run->first_key + run->n_keys;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (f->keys[middle].utc_us <= at)
			low = middle;
		else
			high = middle;
	}
	return low;
}

uint64_t run_end_offset(const struct footage_file *f, size_t i)
{
	return i + 1 < f->n_runs ? f->keys[f->runs[i + 1].first_key].offset : f->media_end;
}
