/* What expires: noticed recordings and those that the next runs will notice, one line a camera and due date, with the marks in them that
 * nobody holds. See reports.h. Sums come from the catalogue; only marks are looked at one by one. */
#include "app/internal.h"
#include "app/reports.h"
#include "domain/validate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_ROWS 1000
#define MARKS_MAX 2000
#define RUNS_A_DAY_MAX 48

static const struct actor *const reader = ACTOR_SYSTEM("system:expiring");

struct work {
	struct app *app;
	const struct actor *a;
	int64_t now;
	struct arena *mem;
	struct expiring_item *items;
	size_t n, cap;
};

static void add_item(struct work *w, const struct city *c, const struct expiring_sum *s, bool noticed, int64_t due_on, int64_t deleted_at)
{
	if (s->files == 0)
		return;
	w->items = arena_grow(w->mem, w->items, w->n, &w->cap, sizeof(*w->items));
	w->items[w->n++] = (struct expiring_item){.camera_id = s->camera_id,
						  .camera_name = s->camera_id,
						  .city_id = c->id,
						  .city_name = c->name,
						  .due_on = due_on,
						  .deleted_at = deleted_at,
						  .noticed = noticed,
						  .first = s->first,
						  .last = s->last,
						  .files = s->files,
						  .bytes = s->bytes,
						  .seconds = s->recorded_us / US_PER_S};
}

static int by_camera(const void *a, const void *b)
{
	const struct expiring_item *x = a, *y = b;
	int c = strcmp(x->camera_id, y->camera_id);
	return c ? c : (x->first > y->first) - (x->first < y->first);
}

/* The first item of the camera among items[0..n), which are sorted by it; n without one. */
static size_t first_of(const struct expiring_item *items, size_t n, const char *camera_id)
{
	size_t lo = 0, hi = n;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (strcmp(items[mid].camera_id, camera_id) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && strcmp(items[lo].camera_id, camera_id) == 0 ? lo : n;
}

static int add_noticed(struct work *w, const struct city *c, int64_t last_day)
{
	struct expiring_sum *s;
	size_t n;
	int err =
		w->app->catalog->recordings->sum_expiring(w->app->catalog->self, c->id, REC_NOTICED, INT64_MIN, INT64_MAX, w->mem, &s, &n);
	for (size_t i = 0; !err && i < n; i++)
		if (s[i].due_on <= last_day)
			add_item(w, c, &s[i], true, s[i].due_on,
				 fate_of_noticed(w->app, c, s[i].first, s[i].first, s[i].due_on, s[i].noticed_at, w->now));
	return err;
}

/* The last run of the local day of `run`, and where the next day begins. */
static int64_t last_run_of_day(struct app *app, const struct tz *tz, int64_t run, int64_t *ret_next_day)
{
	struct civil d;
	utc_us_to_civil((local_day(tz, run) + 1) * US_PER_DAY, &d);
	*ret_next_day = tz_day_start(tz, d.year, d.month, d.day);
	for (int i = 0;; i++) {
		int64_t next = cleanup_next(app, run);
		if (next == TIME_NONE || next >= *ret_next_day)
			return run;
		run = i < RUNS_A_DAY_MAX ? next : *ret_next_day - 1; /* every minute: the day's last will do */
	}
}

/* Day by day: what its runs will notice is due the day after. */
static int add_to_come(struct work *w, const struct city *c, const struct tz *tz, int64_t last_day)
{
	int64_t from = INT64_MIN, run = cleanup_next(w->app, w->now - 1), next_day;
	while (run != TIME_NONE && local_day(tz, run) + 1 <= last_day) {
		int64_t to = fate_notice_before(c, last_run_of_day(w->app, tz, run, &next_day));
		struct expiring_sum *s;
		size_t n;
		int err = w->app->catalog->recordings->sum_expiring(w->app->catalog->self, c->id, REC_SEALED, from, to, w->mem, &s, &n);
		if (err)
			return err;
		for (size_t i = 0; i < n; i++)
			add_item(w, c, &s[i], false, local_day(tz, run) + 1,
				 s[i].files ? fate_of_sealed(w->app, c, s[i].first, s[i].first, w->now).deleted_at : TIME_NONE);
		from = to;
		run = cleanup_next(w->app, next_day - 1);
	}
	return 0;
}

/* Gaps inside of each item's time. */
static int add_gaps(struct work *w, const struct city *c, struct expiring_item *items, size_t n_items, int64_t from, int64_t to)
{
	const struct gap_filter f = {.city_id = c->id, .from = from, .to = to, .reason = -1};
	const struct catalog *cat = w->app->catalog;
	struct page page = {.limit = PAGE_ROWS};
	char cursor[200];
	do {
		struct arena mem = {0};
		struct gap *g;
		size_t n;
		char *next = NULL;
		int err = cat->gaps->list(cat->self, reader, &f, &page, &mem, &g, &n, &next);
		for (size_t i = 0; !err && i < n; i++) {
			int64_t end = g[i].to == TIME_NONE ? w->now : g[i].to;
			for (size_t k = first_of(items, n_items, g[i].camera_id);
			     k < n_items && strcmp(items[k].camera_id, g[i].camera_id) == 0; k++) {
				int64_t a = g[i].from > items[k].first ? g[i].from : items[k].first;
				int64_t b = end < items[k].last ? end : items[k].last;
				items[k].gap_seconds += b > a ? (b - a) / US_PER_S : 0;
			}
		}
		page.cursor = NULL;
		if (!err && next && strlen(next) < sizeof(cursor))
			page.cursor = strcpy(cursor, next);
		arena_finish(&mem);
		if (err)
			return err;
	} while (page.cursor);
	return 0;
}

static int add_held(struct work *w, const struct city *c, struct expiring_item *items, size_t n_items, int64_t from, int64_t to)
{
	struct expiring_sum *s;
	size_t n;
	int err = w->app->catalog->recordings->sum_expiring(w->app->catalog->self, c->id, REC_SEALED, from, to, w->mem, &s, &n);
	for (size_t i = 0; !err && i < n; i++) {
		/* A camera's held files are told once, with what of it goes first. */
		size_t k = s[i].held_files ? first_of(items, n_items, s[i].camera_id) : n_items;
		if (k < n_items)
			items[k].held_files = s[i].held_files;
	}
	return err;
}

static int add_city(struct work *w, const struct city *c, const struct expiring_query *q)
{
	const struct tz *tz = zone_of(c->time_zone);
	size_t begin = w->n;
	if (!tz)
		return -ENOMEM;
	int64_t today = local_day(tz, w->now), last_day = today + q->days;
	int err = add_noticed(w, c, last_day);
	if (!err)
		err = add_to_come(w, c, tz, last_day);
	if (err || w->n == begin)
		return err;
	struct expiring_item *items = w->items + begin;
	size_t n = w->n - begin;
	int64_t from = INT64_MAX, to = INT64_MIN;
	qsort(items, n, sizeof(*items), by_camera);
	for (size_t i = 0; i < n; i++) {
		from = items[i].first < from ? items[i].first : from;
		to = items[i].last > to ? items[i].last : to;
		items[i].due_in_days = items[i].due_on - today;
	}
	if (q->brief)
		return 0;
	err = add_gaps(w, c, items, n, from, to);
	return err ? err : add_held(w, c, items, n, from, to);
}

/* --- marks --- */

/* Whether there is footage at the instant, and no hold keeps it. */
static int at_risk(struct work *w, const char *camera_id, const char *city_id, int64_t at, bool *ret)
{
	struct arena mem = {0};
	const struct recording_filter f = {.camera_id = camera_id, .city_id = city_id, .from = at, .to = at + 1, .status = -1};
	struct recording *r;
	size_t n;
	char *next;
	int err = w->app->catalog->recordings->list(w->app->catalog->self, reader, &f, &(struct page){.limit = 100}, &mem, &r, &n, &next);
	*ret = !err && n > 0;
	for (size_t i = 0; !err && i < n; i++)
		*ret = *ret && !r[i].held && r[i].status != REC_LOST;
	arena_finish(&mem);
	return err;
}

/* An item's own list grows as marks are found; most items have none. */
static void give_mark(struct work *w, struct expiring_item *item, const struct mark *m)
{
	struct mark *list = ARENA_ARRAY(w->mem, struct mark, item->n_marks + 1);
	if (item->n_marks)
		memcpy(list, item->marks, item->n_marks * sizeof(*list));
	list[item->n_marks] = *m;
	item->marks = list;
	item->n_marks++;
}

static int place_mark(struct work *w, const struct mark *m, int64_t *ret_marks)
{
	bool any = false;
	for (size_t i = 0; i < m->n_cameras; i++) {
		for (size_t k = first_of(w->items, w->n, m->camera_ids[i]);
		     k < w->n && strcmp(w->items[k].camera_id, m->camera_ids[i]) == 0; k++) {
			struct expiring_item *item = &w->items[k];
			bool risk = false;
			if (m->at < item->first || m->at >= item->last)
				continue;
			int err = at_risk(w, item->camera_id, item->city_id, m->at, &risk);
			if (err)
				return err;
			if (risk)
				give_mark(w, item, m);
			any |= risk;
		}
	}
	*ret_marks += any;
	return 0;
}

static int add_marks(struct work *w, int64_t *ret_marks)
{
	const struct catalog *cat = w->app->catalog;
	struct page page = {.limit = PAGE_ROWS};
	int64_t from = INT64_MAX, to = INT64_MIN;
	size_t seen = 0;
	for (size_t i = 0; i < w->n; i++) {
		from = w->items[i].first < from ? w->items[i].first : from;
		to = w->items[i].last > to ? w->items[i].last : to;
	}
	while (w->n) {
		struct mark *m;
		size_t n;
		char *next = NULL;
		int err = cat->marks->list(cat->self, w->a, NULL, from, to, &page, w->mem, &m, &n, &next);
		for (size_t i = 0; !err && i < n; i++)
			err = place_mark(w, &m[i], ret_marks);
		if (err)
			return err;
		if (!(page.cursor = next) || (seen += n) >= MARKS_MAX)
			break;
	}
	return 0;
}

/* --- names, order --- */

static int add_names(struct work *w)
{
	struct camera *cameras;
	size_t n, k = 0;
	int err = all_cameras(w->app, reader, &(struct camera_filter){.archived = true}, w->mem, &cameras, &n);
	for (size_t i = 0; !err && i < w->n; i++) { /* both by camera id */
		while (k < n && strcmp(cameras[k].id, w->items[i].camera_id) < 0)
			k++;
		if (k < n && strcmp(cameras[k].id, w->items[i].camera_id) == 0)
			w->items[i].camera_name = cameras[k].name;
	}
	return err;
}

static int in_order(const void *a, const void *b)
{
	const struct expiring_item *x = a, *y = b;
	char one[256], other[256];
	if ((x->n_marks > 0) != (y->n_marks > 0))
		return x->n_marks ? -1 : 1;
	if (x->due_on != y->due_on)
		return x->due_on < y->due_on ? -1 : 1;
	int c = strcmp(x->city_id, y->city_id);
	if (c)
		return c;
	text_fold(x->camera_name, one, sizeof(one));
	text_fold(y->camera_name, other, sizeof(other));
	c = strcmp(one, other);
	return c ? c : by_camera(a, b);
}

static void sum_up(struct expiring *e)
{
	const char *last = NULL; /* items are by camera still */
	for (size_t i = 0; i < e->n_items; i++) {
		e->files += e->items[i].files;
		e->bytes += e->items[i].bytes;
		e->cameras += !last || strcmp(last, e->items[i].camera_id) != 0;
		last = e->items[i].camera_id;
	}
}

int expiring_of(struct app *app, const struct actor *a, const struct expiring_query *q, struct arena *mem, struct expiring *ret,
		struct problem *p)
{
	struct work w = {.app = app, .a = a, .now = app_now(app), .mem = mem};
	struct expiring e = {0};
	struct city *cities;
	size_t n_cities;
	int err = require_right(a, RIGHT_SEE_STATUS, p);
	if (err)
		return err;
	if (q->days < 0 || q->days > 31)
		return problem_set(p, PROBLEM_BAD_REQUEST, "days", "expected 0 to 31 days");
	err = all_cities(app, a, mem, &cities, &n_cities);
	for (size_t i = 0; !err && i < n_cities; i++)
		if (!q->city_id || strcmp(q->city_id, cities[i].id) == 0)
			err = add_city(&w, &cities[i], q);
	if (!err && w.n)
		qsort(w.items, w.n, sizeof(*w.items), by_camera);
	if (!err)
		err = add_marks(&w, &e.marks);
	if (!err)
		err = add_names(&w);
	if (err)
		return catalog_problem(p, err, "what expires");
	if (q->marked) {
		size_t kept = 0;
		for (size_t i = 0; i < w.n; i++)
			if (w.items[i].n_marks)
				w.items[kept++] = w.items[i];
		w.n = kept;
	}
	e.items = w.items;
	e.n_items = w.n;
	sum_up(&e);
	if (w.n)
		qsort(w.items, w.n, sizeof(*w.items), in_order);
	*ret = e;
	return 0;
}
