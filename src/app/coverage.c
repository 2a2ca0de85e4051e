/* Coverage: seconds recorded of the seconds a camera was registered to record, and why the others are missing. From rows alone, deleted
 * ones too: the ledger outlives the footage. See reports.h. Any worker thread. */
#include "app/internal.h"
#include "app/lookback.h"
#include "app/reports.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NO_GAP_US (2 * US_PER_S) /* between files that follow each other (decision 010) */
#define DAYS_MAX 31

/* Numbers, not pictures: of the camera whole, whichever city some of it was recorded for. */
static const struct actor *const reader = ACTOR_SYSTEM("system:coverage");

struct interval {
	int64_t from, to;
	int reason;
};

struct intervals {
	struct interval *list; /* arena */
	size_t n, cap;
};

static void add(struct intervals *s, struct arena *mem, int64_t from, int64_t to, int reason)
{
	if (to <= from)
		return;
	s->list = arena_grow(mem, s->list, s->n, &s->cap, sizeof(*s->list));
	s->list[s->n++] = (struct interval){.from = from, .to = to, .reason = reason};
}

static int by_from(const void *a, const void *b)
{
	const struct interval *x = a, *y = b;
	return (x->from > y->from) - (x->from < y->from);
}

static void sort(struct intervals *s)
{
	if (s->n)
		qsort(s->list, s->n, sizeof(*s->list), by_from);
}

/* Sorts and joins what is at most so far apart. */
static void join(struct intervals *s, int64_t apart)
{
	size_t k = 0;
	sort(s);
	for (size_t i = 1; i < s->n; i++) {
		if (s->list[i].from > s->list[k].to + apart)
			s->list[++k] = s->list[i];
		else if (s->list[i].to > s->list[k].to)
			s->list[k].to = s->list[i].to;
	}
	s->n = s->n ? k + 1 : 0;
}

/* Sorts; what is told twice counts for the first reason. */
static void no_overlaps(struct intervals *s)
{
	size_t k = 0;
	int64_t told = INT64_MIN;
	sort(s);
	for (size_t i = 0; i < s->n; i++) {
		struct interval v = s->list[i];
		if (v.from < told)
			v.from = told;
		if (v.from >= v.to)
			continue;
		told = v.to;
		s->list[k++] = v;
	}
	s->n = k;
}

/* What of a lies outside of b; neither overlaps in itself, both are sorted. */
static struct intervals without(const struct intervals *a, const struct intervals *b, struct arena *mem)
{
	struct intervals left = {0};
	size_t k = 0;
	for (size_t i = 0; i < a->n; i++) {
		int64_t from = a->list[i].from, to = a->list[i].to;
		while (k < b->n && b->list[k].to <= from)
			k++;
		for (size_t j = k; j < b->n && b->list[j].from < to; j++) {
			add(&left, mem, from, b->list[j].from, a->list[i].reason);
			from = b->list[j].to;
		}
		add(&left, mem, from, to, a->list[i].reason);
	}
	return left;
}

/* --- what the ledger knows of a camera --- */

struct ledger {
	int64_t from, to, now;
	struct arena mem;
	struct intervals recorded, lost, gaps, owed;
};

/* Cuts to the time that is looked at. */
static void note(struct ledger *l, struct intervals *s, int64_t from, int64_t to, int reason)
{
	add(s, &l->mem, from > l->from ? from : l->from, to < l->to ? to : l->to, reason);
}

static int read_files(struct app *app, const char *camera_id, struct ledger *l)
{
	struct footage_span *rows;
	size_t n;
	int err = app->catalog->recordings->list_spans(app->catalog->self, camera_id, l->from, l->to, &l->mem, &rows, &n);
	/* What was deleted was recorded; what was lost before its time was not kept; one that was left open ends where the next begins. */
	for (size_t i = 0; !err && i < n; i++) {
		int64_t to = rows[i].to != TIME_NONE ? rows[i].to : i + 1 < n ? rows[i + 1].from : l->now;
		note(l, rows[i].status == REC_LOST ? &l->lost : &l->recorded, rows[i].from, to, COVERAGE_LOST);
	}
	return err;
}

static int read_gaps(struct app *app, const char *camera_id, struct ledger *l)
{
	const struct gap_filter f = {.camera_id = camera_id, .from = l->from, .to = l->to, .reason = -1};
	struct page page = {.limit = 1000};
	do {
		struct gap *rows;
		size_t n;
		char *next;
		int err = app->catalog->gaps->list(app->catalog->self, reader, &f, &page, &l->mem, &rows, &n, &next);
		if (err)
			return err;
		for (size_t i = 0; i < n; i++)
			note(l, &l->gaps, rows[i].from, rows[i].to == TIME_NONE ? l->now : rows[i].to, (int)rows[i].reason);
		page.cursor = next;
	} while (page.cursor);
	return 0;
}

/* Each part of the time is told once: recorded, missing for a reason, lost, or missing for none (GAP_UNKNOWN). */
static int read_ledger(struct app *app, const struct camera *c, struct ledger *l)
{
	struct arena *mem = &l->mem;
	int err = read_files(app, c->id, l);
	if (!err)
		err = read_gaps(app, c->id, l);
	if (err)
		return err;
	no_overlaps(&l->gaps);
	join(&l->recorded, NO_GAP_US);
	join(&l->lost, 0);
	if (c->record)
		note(l, &l->owed, c->created_at, c->archived_at == TIME_NONE ? l->to : c->archived_at, GAP_UNKNOWN);
	/* What was recorded was owed, and so was what the ledger misses (a camera that is no longer to be recorded, or came with a
	 * rebuild). */
	for (size_t i = 0; i < l->recorded.n; i++)
		add(&l->owed, mem, l->recorded.list[i].from, l->recorded.list[i].to, GAP_UNKNOWN);
	for (size_t i = 0; i < l->gaps.n; i++)
		add(&l->owed, mem, l->gaps.list[i].from, l->gaps.list[i].to, GAP_UNKNOWN);
	join(&l->owed, 0);
	l->recorded = without(&l->recorded, &l->gaps, mem);
	l->lost = without(&l->lost, &l->gaps, mem);
	l->lost = without(&l->lost, &l->recorded, mem);
	for (size_t i = 0; i < l->lost.n; i++)
		add(&l->owed, mem, l->lost.list[i].from, l->lost.list[i].to, GAP_UNKNOWN);
	join(&l->owed, 0);
	return 0;
}

/* --- measuring --- */

struct part {
	int64_t owed, recorded, missing[COVERAGE_REASONS]; /* us */
};

/* How much of the intervals lies in each part. */
static void spread(const struct intervals *s, const int64_t *bounds, size_t n, struct part *parts, size_t member, bool by_reason)
{
	size_t k = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct interval *v = &s->list[i];
		while (k < n && bounds[k + 1] <= v->from)
			k++;
		for (size_t j = k; j < n && bounds[j] < v->to; j++) {
			int64_t from = v->from > bounds[j] ? v->from : bounds[j], to = v->to < bounds[j + 1] ? v->to : bounds[j + 1];
			int64_t *sum = (int64_t *)((char *)&parts[j] + member);
			sum[by_reason ? v->reason : 0] += to - from;
		}
	}
}
#define SPREAD(set, member, by_reason) spread((set), bounds, n, parts, offsetof(struct part, member), (by_reason))

static int64_t seconds(int64_t us)
{
	return (us + US_PER_S / 2) / US_PER_S;
}

static struct coverage sum_up(const struct part *p)
{
	struct coverage c = {.owed_s = seconds(p->owed), .percent = -1};
	int64_t unexplained = p->owed - p->recorded;
	c.recorded_s = c.owed_s;
	for (int i = 0; i < COVERAGE_REASONS; i++)
		unexplained -= p->missing[i];
	for (int i = 0; i < COVERAGE_REASONS; i++) {
		c.missing_s[i] = seconds(p->missing[i] + (i == GAP_UNKNOWN && unexplained > 0 ? unexplained : 0));
		c.recorded_s -= c.missing_s[i];
	}
	if (c.recorded_s < 0)
		c.recorded_s = 0;
	if (p->owed > 0)
		c.percent = floor(10000.0 * (double)p->recorded / (double)p->owed) / 100;
	return c;
}

int coverage_measure(struct app *app, const struct camera *camera, const int64_t *bounds, size_t n, struct coverage *ret)
{
	struct ledger l = {.from = bounds[0], .to = bounds[n], .now = app_now(app)};
	if (l.to > l.now)
		l.to = l.now;
	int err = l.from < l.to ? read_ledger(app, camera, &l) : 0;
	if (!err) {
		struct part *parts = ARENA_ARRAY(&l.mem, struct part, n);
		SPREAD(&l.owed, owed, false);
		SPREAD(&l.recorded, recorded, false);
		SPREAD(&l.gaps, missing, true);
		SPREAD(&l.lost, missing, true);
		for (size_t i = 0; i < n; i++)
			ret[i] = sum_up(&parts[i]);
	}
	arena_finish(&l.mem);
	return err;
}

int coverage_of(struct app *app, const struct actor *a, const char *camera_id, int64_t from, int64_t to, int64_t *ret_recorded_s,
		int64_t *ret_owed_s)
{
	struct arena mem = {0};
	struct camera camera;
	struct coverage c;
	int err = app->catalog->cameras->get(app->catalog->self, a, camera_id, &mem, &camera);
	if (!err)
		err = coverage_measure(app, &camera, (const int64_t[]){from, to}, 1, &c);
	arena_finish(&mem);
	if (err)
		return err;
	*ret_recorded_s = c.recorded_s;
	*ret_owed_s = c.owed_s;
	return 0;
}

/* --- cameras and days --- */

const char *coverage_reason_name(int reason)
{
	return reason == COVERAGE_LOST ? "lost" : gap_reason_name((enum gap_reason)reason);
}

static int64_t day_start(const struct tz *tz, int64_t day)
{
	struct civil d;
	utc_us_to_civil(day * US_PER_DAY, &d);
	return tz_day_start(tz, d.year, d.month, d.day);
}

/* -ENOENT: the camera was not there in that time. */
static int add_camera(struct app *app, const struct camera *camera, const struct city *city, const struct coverage_query *q,
		      struct arena *mem, struct coverage_camera *ret)
{
	const struct tz *tz = zone_of(city->time_zone);
	int64_t bounds[DAYS_MAX + 1];
	size_t n = 0;
	if (!tz)
		return -ENOMEM;
	int64_t today = local_day(tz, app_now(app));
	for (int64_t day = q->from_day; day <= q->to_day && day <= today; day++)
		bounds[n++] = day_start(tz, day);
	bounds[n] = day_start(tz, q->from_day + (int64_t)n);
	*ret = (struct coverage_camera){.camera = *camera, .city = city, .first_day = q->from_day, .n_days = n};
	if (camera->archived_at != TIME_NONE && camera->archived_at <= bounds[0])
		return -ENOENT;
	ret->days = ARENA_ARRAY(mem, struct coverage, n + 1);
	return n ? coverage_measure(app, camera, bounds, n, ret->days) : 0;
}

static int check_query(const struct coverage_query *q, struct problem *p)
{
	if (!q->city_id == !q->camera_id)
		return problem_set(p, PROBLEM_BAD_REQUEST, "city_id", "expected a city_id or a camera_id");
	if (q->to_day < q->from_day || q->to_day - q->from_day >= DAYS_MAX)
		return problem_set(p, PROBLEM_BAD_REQUEST, "to", "expected a date from \"from\" to 30 days later");
	return 0;
}

int coverage_list(struct app *app, const struct actor *a, const struct coverage_query *q, struct arena *mem, struct coverage_camera **ret,
		  size_t *ret_n, char **ret_next, struct problem *p)
{
	const struct catalog *cat = app->catalog;
	struct camera *cameras = ARENA_NEW(mem, struct camera);
	struct city *city = ARENA_NEW(mem, struct city);
	size_t n = 1, count = 0;
	char *next = NULL;
	int err = require_right(a, RIGHT_SEE_STATUS, p);
	if (!err)
		err = check_query(q, p);
	if (err)
		return err;
	if (q->camera_id)
		err = cat->cameras->get(cat->self, a, q->camera_id, mem, cameras);
	if (err)
		return catalog_problem(p, err, "the camera \"%.64s\"", q->camera_id);
	err = cat->cities->get(cat->self, a, q->camera_id ? cameras->city_id : q->city_id, mem, city);
	if (err)
		return catalog_problem(p, err, "the city \"%.64s\"", q->camera_id ? cameras->city_id : q->city_id);
	if (!q->camera_id)
		err = cat->cameras->list(cat->self, a, &(struct camera_filter){.city_id = q->city_id, .archived = true}, &q->page, mem,
					 &cameras, &n, &next);
	if (err == -EINVAL)
		return problem_set(p, PROBLEM_BAD_REQUEST, "cursor", "not a cursor of this list");
	struct coverage_camera *list = ARENA_ARRAY(mem, struct coverage_camera, err ? 1 : n + 1);
	for (size_t i = 0; !err && i < n; i++) {
		err = add_camera(app, &cameras[i], city, q, mem, &list[count]);
		count += !err;
		err = err == -ENOENT ? 0 : err;
	}
	if (err)
		return catalog_problem(p, err, "the coverage");
	*ret = list;
	*ret_n = count;
	*ret_next = next;
	return 0;
}
