/* A camera's timeline: files cut at gaps and joined where nothing is missing, with holds, marks and exports. See reports.h.
 * Any worker thread. */
#include "app/internal.h"
#include "app/reports.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_ROWS 1000
#define ROWS_MAX 5000	       /* marks, exports, holds of one camera */
#define JOIN_US (2 * US_PER_S) /* less is no gap (decision 010): files that follow each other */

static const struct actor *const reader = ACTOR_SYSTEM("system:timeline");

/* A part of a file. */
struct piece {
	int64_t from, to, due_on;
	enum recording_status status;
	bool held, cut; /* cut: behind a gap */
	struct uuid id;
};

struct pieces {
	struct piece *list;
	size_t n, cap;
};

struct lookup {
	struct app *app;
	const struct actor *a;
	int64_t from, to, now;
	struct arena *mem;
};

static void add_piece(struct pieces *p, struct arena *mem, const struct piece *piece)
{
	if (piece->from >= piece->to)
		return;
	p->list = arena_grow(mem, p->list, p->n, &p->cap, sizeof(*p->list));
	p->list[p->n++] = *piece;
}

/* Where a file ends that has no end yet: now, or where the run before this one left it. */
static int64_t open_until(const struct lookup *l, const struct recording *r)
{
	int64_t end = l->app->open_end ? l->app->open_end(l->app->open_end_self, &r->id) : TIME_NONE;
	return end == TIME_NONE ? l->now : end;
}

/* There is: files on the disk. There was: the others. Rows come oldest first. */
static int read_files(const struct lookup *l, const char *camera_id, struct arena *mem, struct pieces *is, struct pieces *was,
		      const char **ret_city)
{
	const struct recording_filter f = {.camera_id = camera_id, .from = l->from, .to = l->to, .status = -1, .deleted = true};
	struct page page = {.limit = PAGE_ROWS};
	const struct catalog *cat = l->app->catalog;
	char cursor[200];
	do {
		struct arena rows_mem = {0};
		struct recording *rows;
		size_t n;
		char *next = NULL;
		int err = cat->recordings->list(cat->self, l->a, &f, &page, &rows_mem, &rows, &n, &next);
		for (size_t i = 0; !err && i < n; i++) {
			const struct recording *r = &rows[i];
			bool gone = r->status == REC_DELETED || r->status == REC_LOST;
			struct piece piece = {.from = r->started_at > l->from ? r->started_at : l->from,
					      .to = r->ended_at == TIME_NONE ? open_until(l, r) : r->ended_at,
					      .status = r->status,
					      .held = r->held,
					      .due_on = r->status == REC_NOTICED ? r->due_on : TIME_NONE,
					      .id = r->id};
			if (piece.to > l->to)
				piece.to = l->to;
			add_piece(gone ? was : is, mem, &piece);
			if (!*ret_city)
				*ret_city = arena_strdup(l->mem, r->city_id);
		}
		page.cursor = NULL;
		if (!err && next && strlen(next) < sizeof(cursor))
			page.cursor = strcpy(cursor, next);
		arena_finish(&rows_mem);
		if (err)
			return err;
	} while (page.cursor);
	return 0;
}

static int by_from(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;
	return x->from != y->from ? (x->from > y->from) - (x->from < y->from) : (x->to > y->to) - (x->to < y->to);
}

/* Files that overlap (a clock was set): what is shown already is not shown again. One that was left open (on a volume that went away, say)
 * ends where the next begins. */
static void no_overlaps(struct pieces *p)
{
	size_t k = 0;
	int64_t shown = INT64_MIN;
	for (size_t i = 0; i < p->n; i++) {
		struct piece piece = p->list[i];
		if (piece.status == REC_RECORDING && i + 1 < p->n && p->list[i + 1].from < piece.to)
			piece.to = p->list[i + 1].from;
		if (piece.from < shown)
			piece.from = shown;
		if (piece.from >= piece.to)
			continue;
		shown = piece.to;
		p->list[k++] = piece;
	}
	p->n = k;
}

struct interval {
	int64_t from, to;
};

/* What of the pieces lies outside of the intervals; both sorted, neither overlapping in itself. */
static struct pieces without(const struct pieces *p, const struct interval *out, size_t n_out, bool cut, struct arena *mem)
{
	struct pieces left = {0};
	size_t k = 0;
	for (size_t i = 0; i < p->n; i++) {
		struct piece piece = p->list[i];
		while (k < n_out && out[k].to <= piece.from)
			k++;
		for (size_t j = k; j < n_out && out[j].from < p->list[i].to; j++) {
			piece.to = out[j].from;
			add_piece(&left, mem, &piece);
			piece.from = out[j].to;
			piece.to = p->list[i].to;
			piece.cut = piece.cut || cut;
		}
		add_piece(&left, mem, &piece);
	}
	return left;
}

static int gap_order(const void *a, const void *b)
{
	const struct gap *x = a, *y = b;
	return x->from != y->from ? (x->from > y->from) - (x->from < y->from) : (x->row_id > y->row_id) - (x->row_id < y->row_id);
}

static int read_gaps(const struct lookup *l, const char *camera_id, struct timeline *t)
{
	const struct gap_filter f = {.camera_id = camera_id, .from = l->from, .to = l->to, .reason = -1};
	struct page page = {.limit = PAGE_ROWS};
	const struct catalog *cat = l->app->catalog;
	size_t cap = 0;
	do {
		struct gap *rows;
		size_t n;
		char *next = NULL;
		int err = cat->gaps->list(cat->self, l->a, &f, &page, l->mem, &rows, &n, &next);
		if (err)
			return err;
		for (size_t i = 0; i < n; i++) {
			t->gaps = arena_grow(l->mem, t->gaps, t->n_gaps, &cap, sizeof(*t->gaps));
			t->gaps[t->n_gaps++] = rows[i];
		}
		page.cursor = next;
	} while (page.cursor);
	if (t->n_gaps)
		qsort(t->gaps, t->n_gaps, sizeof(*t->gaps), gap_order);
	return 0;
}

/* The gaps as intervals that do not overlap. */
static struct interval *gap_intervals(const struct lookup *l, const struct timeline *t, struct arena *mem, size_t *ret_n)
{
	struct interval *list = ARENA_ARRAY(mem, struct interval, t->n_gaps + 1);
	size_t n = 0;
	for (size_t i = 0; i < t->n_gaps; i++) {
		int64_t to = t->gaps[i].to == TIME_NONE ? (l->now > t->gaps[i].from ? l->now : INT64_MAX) : t->gaps[i].to;
		if (n && t->gaps[i].from <= list[n - 1].to) {
			if (to > list[n - 1].to)
				list[n - 1].to = to;
			continue;
		}
		list[n++] = (struct interval){t->gaps[i].from, to};
	}
	*ret_n = n;
	return list;
}

static bool joins(const struct timeline_span *s, const struct piece *p)
{
	return !p->cut && p->from - s->to < JOIN_US && s->status == p->status && s->held == p->held && s->due_on == p->due_on;
}

static void join_spans(const struct lookup *l, const struct pieces *p, bool with_ids, struct timeline *t)
{
	size_t cap = 0;
	struct uuid *ids = with_ids ? ARENA_ARRAY(l->mem, struct uuid, p->n + 1) : NULL;
	for (size_t i = 0; i < p->n; i++) {
		const struct piece *piece = &p->list[i];
		struct timeline_span *last = t->n_spans ? &t->spans[t->n_spans - 1] : NULL;
		if (with_ids)
			ids[i] = piece->id;
		if (last && joins(last, piece)) {
			last->to = piece->to;
			last->n_ids += with_ids;
			continue;
		}
		t->spans = arena_grow(l->mem, t->spans, t->n_spans, &cap, sizeof(*t->spans));
		t->spans[t->n_spans++] = (struct timeline_span){.from = piece->from,
								.to = piece->to,
								.status = piece->status,
								.held = piece->held,
								.due_on = piece->due_on,
								.ids = ids ? &ids[i] : NULL,
								.n_ids = with_ids};
	}
}

static int read_spans(const struct lookup *l, const char *camera_id, bool with_ids, struct timeline *t, const char **ret_city)
{
	struct arena mem = {0};
	struct pieces is = {0}, was = {0};
	int err = read_files(l, camera_id, &mem, &is, &was, ret_city);
	if (!err) {
		size_t n_gaps;
		no_overlaps(&is);
		no_overlaps(&was);
		struct interval *there = ARENA_ARRAY(&mem, struct interval, is.n + 1);
		for (size_t i = 0; i < is.n; i++)
			there[i] = (struct interval){is.list[i].from, is.list[i].to};
		struct pieces all = without(&was, there, is.n, false, &mem);
		for (size_t i = 0; i < is.n; i++)
			add_piece(&all, &mem, &is.list[i]);
		if (all.n)
			qsort(all.list, all.n, sizeof(*all.list), by_from);
		struct interval *gaps = gap_intervals(l, t, &mem, &n_gaps);
		struct pieces shown = without(&all, gaps, n_gaps, true, &mem);
		join_spans(l, &shown, with_ids, t);
	}
	arena_finish(&mem);
	return err;
}

static int read_holds(const struct lookup *l, const char *camera_id, struct timeline *t)
{
	const struct hold_filter f = {.camera_id = camera_id, .from = l->from, .to = l->to};
	struct page page = {.limit = PAGE_ROWS};
	const struct catalog *cat = l->app->catalog;
	size_t cap = 0;
	do {
		struct hold *rows;
		size_t n;
		char *next = NULL;
		int err = cat->holds->list(cat->self, l->a, &f, &page, l->mem, &rows, &n, &next);
		if (err)
			return err;
		for (size_t i = 0; i < n; i++) {
			t->holds = arena_grow(l->mem, t->holds, t->n_holds, &cap, sizeof(*t->holds));
			t->holds[t->n_holds++] = rows[i];
		}
		page.cursor = next;
	} while (page.cursor && t->n_holds < ROWS_MAX);
	return 0;
}

static int read_marks(const struct lookup *l, const char *camera_id, struct timeline *t)
{
	struct page page = {.limit = PAGE_ROWS};
	const struct catalog *cat = l->app->catalog;
	size_t cap = 0;
	do {
		struct mark *rows;
		size_t n;
		char *next = NULL;
		int err = cat->marks->list(cat->self, l->a, camera_id, l->from, l->to, &page, l->mem, &rows, &n, &next);
		if (err)
			return err;
		for (size_t i = 0; i < n; i++) {
			t->marks = arena_grow(l->mem, t->marks, t->n_marks, &cap, sizeof(*t->marks));
			t->marks[t->n_marks++] = rows[i];
		}
		page.cursor = next;
	} while (page.cursor && t->n_marks < ROWS_MAX);
	for (size_t i = 0, k = t->n_marks; i + 1 < k; i++) { /* they came newest first */
		struct mark m = t->marks[i];
		t->marks[i] = t->marks[--k];
		t->marks[k] = m;
	}
	return 0;
}

static bool time_of(const json_t *details, const char *name, int64_t *ret)
{
	const char *text = json_string_value(json_object_get(details, name));
	return text && rfc3339_parse(text, ret) == 0;
}

/* An export is made after what is in it. */
static int read_exports(const struct lookup *l, const char *camera_id, struct timeline *t)
{
	const struct audit_filter f = {
		.object = arena_printf(l->mem, "camera:%s", camera_id), .action = "export.download", .from = l->from, .to = TIME_NONE};
	struct page page = {.limit = PAGE_ROWS};
	const struct catalog *cat = l->app->catalog;
	size_t cap = 0;
	do {
		struct audit_entry *rows;
		size_t n;
		char *next = NULL;
		int err = cat->audit->list(cat->self, reader, &f, &page, l->mem, &rows, &n, &next);
		if (err)
			return err;
		for (size_t i = 0; i < n; i++) {
			struct timeline_export e = {.at = rows[i].at, .by = rows[i].actor};
			json_t *details = rows[i].details ? json_loads(rows[i].details, 0, NULL) : NULL;
			bool known = time_of(details, "from", &e.from) && time_of(details, "to", &e.to);
			json_decref(details);
			if (!known || e.from >= l->to || e.to <= l->from || !actor_sees_city(l->a, rows[i].city_id))
				continue;
			t->exports = arena_grow(l->mem, t->exports, t->n_exports, &cap, sizeof(*t->exports));
			t->exports[t->n_exports++] = e;
		}
		page.cursor = next;
	} while (page.cursor && t->n_exports < ROWS_MAX);
	return 0;
}

/* -ENOENT: no such camera for the actor. Footage belongs to the city that it was recorded for: who sees that one sees it, though the
 * camera has moved since. */
static int read_camera(const struct lookup *l, const char *camera_id, bool with_ids, struct timeline *ret)
{
	struct timeline t = {.camera_id = arena_strdup(l->mem, camera_id)};
	const struct catalog *cat = l->app->catalog;
	struct camera camera;
	struct city city;
	const char *met = NULL;
	int err = cat->cameras->get(cat->self, reader, camera_id, l->mem, &camera);
	if (err)
		return err;
	bool moved = !actor_sees_city(l->a, camera.city_id);
	err = read_gaps(l, camera_id, &t);
	if (!err)
		err = read_spans(l, camera_id, with_ids, &t, &met);
	if (!err && moved && !met)
		err = -ENOENT;
	if (!err)
		err = read_holds(l, camera_id, &t);
	if (!err)
		err = read_marks(l, camera_id, &t);
	if (!err)
		err = read_exports(l, camera_id, &t);
	if (err)
		return err;
	t.city_id = moved ? met : camera.city_id;
	t.camera_name = moved ? NULL : camera.name;
	if (cat->cities->get(cat->self, reader, t.city_id, l->mem, &city) == 0)
		t.retention_days = city.retention_days;
	*ret = t;
	return 0;
}

int timeline_of(struct app *app, const struct actor *a, const char *const *camera_ids, size_t n, int64_t from, int64_t to, bool with_ids,
		struct arena *mem, struct timeline **ret, size_t *ret_n, struct problem *p)
{
	const struct lookup l = {.app = app, .a = a, .from = from, .to = to, .now = app_now(app), .mem = mem};
	int err = require_right(a, RIGHT_SEE_STATUS, p);
	if (err)
		return err;
	if (n == 0 || n > TIMELINE_CAMERAS_MAX)
		return problem_set(p, PROBLEM_BAD_REQUEST, "camera_ids", "expected 1 to %d cameras", TIMELINE_CAMERAS_MAX);
	if (from >= to || to - from > TIMELINE_MAX_US)
		return problem_set(p, PROBLEM_BAD_REQUEST, "to", "expected a time after \"from\", at most 32 days later");
	struct timeline *list = ARENA_ARRAY(mem, struct timeline, n);
	size_t count = 0;
	for (size_t i = 0; i < n; i++) {
		bool again = false;
		for (size_t k = 0; k < i; k++)
			again |= strcmp(camera_ids[k], camera_ids[i]) == 0;
		err = again ? -ENOENT : read_camera(&l, camera_ids[i], with_ids, &list[count]);
		if (!err)
			count++;
		else if (err != -ENOENT)
			return catalog_problem(p, err, "the camera \"%.64s\"", camera_ids[i]);
	}
	if (!count)
		return problem_set(p, PROBLEM_NOT_FOUND, "camera_ids", "there is no such camera, or not for you");
	*ret = list;
	*ret_n = count;
	return 0;
}
