/* The home page's numbers. See reports.h. Any worker thread. */
#include "app/attention.h"
#include "app/forecast.h"
#include "app/internal.h"
#include "app/reports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TOGETHER_US (60 * US_PER_S)
#define HOLD_AHEAD_US US_PER_DAY
#define UNHELD_DAYS 2

static const struct actor *const reader = ACTOR_SYSTEM("system:situation");

static bool by_a_person(const struct stream *s)
{
	return s->id && *s->id && s->stopped_by && *s->stopped_by && strncmp(s->stopped_by, "system:", 7) != 0;
}

static void count_stream(const struct stream_view *v, enum need need, struct situation *to)
{
	to->total++;
	to->live += v->status == STREAM_LIVE;
	to->starting += v->status == STREAM_STARTING;
	to->reconnecting += v->status == STREAM_RECONNECTING;
	to->stopped += v->status == STREAM_STOPPED;
	to->stopped_by_user += v->status == STREAM_STOPPED && by_a_person(&v->stream);
	to->recording += v->recording == RECORDING_ON;
	to->not_recording += need == NEED_NOT_RECORDED;
	to->new_lost += need == NEED_NO_SIGNAL;
	to->no_signal += need == NEED_NO_SIGNAL || (need == NEED_SEEN && v->status != STREAM_LIVE);
	if (v->attention) {
		to->acknowledged += v->attention->state == ATTENTION_ACKNOWLEDGED;
		to->maintenance += v->attention->state == ATTENTION_MAINTENANCE;
	}
}

/* By place, then by when they were lost. */
static int by_loss(const void *a, const void *b)
{
	const struct stream_view *x = *(const struct stream_view *const *)a, *y = *(const struct stream_view *const *)b;
	int64_t at = stream_lost_at(x), other = stream_lost_at(y);
	int c = strcmp(x->camera.city_id, y->camera.city_id);
	c = c ? c : strcmp(x->camera.group, y->camera.group);
	c = c ? c : (at > other) - (at < other);
	return c ? c : strcmp(x->camera.id, y->camera.id);
}

static int latest_first(const void *a, const void *b)
{
	const struct lost_group *x = a, *y = b;
	return x->at != y->at ? (x->at < y->at) - (x->at > y->at) : strcmp(x->camera_ids[0], y->camera_ids[0]);
}

static void group_lost(const struct stream_view **lost, size_t n, struct arena *mem, struct situation *to)
{
	struct lost_group *groups = ARENA_ARRAY(mem, struct lost_group, n + 1), *g = NULL;
	const char **ids = ARENA_ARRAY(mem, const char *, n + 1);
	if (n)
		qsort(lost, n, sizeof(*lost), by_loss);
	for (size_t i = 0; i < n; i++) {
		const struct camera *c = &lost[i]->camera;
		int64_t at = stream_lost_at(lost[i]);
		ids[i] = c->id;
		if (!g || strcmp(g->city_id, c->city_id) != 0 || strcmp(g->group, c->group) != 0 || at - g->at > TOGETHER_US) {
			g = &groups[to->n_groups++];
			*g = (struct lost_group){.city_id = c->city_id, .group = c->group, .at = at, .camera_ids = &ids[i]};
		}
		g->n++;
	}
	if (to->n_groups)
		qsort(groups, to->n_groups, sizeof(*groups), latest_first);
	to->groups = groups;
}

static int count_streams(struct app *app, const struct actor *a, const char *city_id, struct arena *mem, struct situation *to,
			 struct problem *p)
{
	struct stream_list_query q = {.city_id = city_id, .status = -1, .page = {.limit = 1000000}};
	struct stream_view *rows;
	size_t n, n_lost = 0;
	char *next;
	int64_t now = app_now(app);
	int err = stream_list(app, a, &q, mem, &rows, &n, &next, p);
	if (err)
		return err;
	const struct stream_view **lost = ARENA_ARRAY(mem, const struct stream_view *, n + 1);
	for (size_t i = 0; i < n; i++) {
		enum need need = stream_need(&rows[i], now);
		count_stream(&rows[i], need, to);
		if (need == NEED_NO_SIGNAL)
			lost[n_lost++] = &rows[i];
	}
	group_lost(lost, n_lost, mem, to);
	return 0;
}

static int look_at_disks(struct app *app, struct arena *mem, struct situation *to)
{
	struct city *cities;
	struct forecast f;
	size_t n;
	int64_t now = app_now(app);
	int err = all_cities(app, reader, mem, &cities, &n);
	if (!err)
		err = forecast_make(app, cities, n, now, mem, &f);
	if (err)
		return err;
	promise_volumes(app, &f, now, mem, &to->volumes, &to->n_volumes);
	to->fills_on = TIME_NONE;
	for (size_t i = 0; i < to->n_volumes; i++) {
		const struct promise_volume *v = &to->volumes[i];
		to->volumes_usable += !v->problem;
		to->volumes_failed += v->problem != NULL;
		if (v->fills_on != TIME_NONE && (to->fills_on == TIME_NONE || v->fills_on < to->fills_on))
			to->fills_on = v->fills_on;
	}
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What is due by tomorrow, and what was marked and is due a day later too. */
static int look_at_expiring(struct app *app, const struct actor *a, const char *city_id, struct arena *mem, struct situation *to,
			    struct problem *p)
{
	struct expiring e;
	size_t n = 0;
	int err = expiring_of(app, a, &(struct expiring_query){.city_id = city_id, .days = UNHELD_DAYS, .brief = true}, mem, &e, p);
	if (err)
		return err;
	const char **cameras = ARENA_ARRAY(mem, const char *, e.n_items + 1);
	for (size_t i = 0; i < e.n_items; i++) {
		if (e.items[i].due_in_days > 1)
			continue;
		cameras[n++] = e.items[i].camera_id;
		to->due_files += e.items[i].files;
		to->due_bytes += e.items[i].bytes;
	}
	qsort(cameras, n, sizeof(*cameras), by_text);
	for (size_t i = 0; i < n; i++)
		to->due_cameras += i == 0 || strcmp(cameras[i], cameras[i - 1]) != 0;
	to->marked_unheld = e.marks;
	return 0;
}

static int count_ending_holds(struct app *app, const struct actor *a, const char *city_id, struct arena *mem, struct situation *to)
{
	const struct hold_filter f = {.city_id = city_id, .from = TIME_NONE, .to = TIME_NONE, .ends_by = app_now(app) + HOLD_AHEAD_US};
	struct page page = {.limit = 1000};
	do {
		struct hold *rows;
		size_t n;
		char *next;
		int err = app->catalog->holds->list(app->catalog->self, a, &f, &page, mem, &rows, &n, &next);
		if (err)
			return err;
		to->holds_ending += (int64_t)n;
		page.cursor = next;
	} while (page.cursor);
	return 0;
}

int situation_of(struct app *app, const struct actor *a, const char *city_id, struct arena *mem, struct situation *ret, struct problem *p)
{
	struct situation s = {0};
	int err = require_right(a, RIGHT_SEE_STATUS, p);
	if (err)
		return err;
	if (city_id && !actor_sees_city(a, city_id))
		return catalog_problem(p, -ENOENT, "the city \"%.64s\"", city_id);
	err = count_streams(app, a, city_id, mem, &s, p);
	if (!err)
		err = look_at_expiring(app, a, city_id, mem, &s, p);
	if (err)
		return err;
	err = look_at_disks(app, mem, &s);
	if (!err)
		err = count_ending_holds(app, a, city_id, mem, &s);
	if (!err)
		err = app->catalog->notices->count_failed(app->catalog->self, a, city_id, &s.notices_failed);
	if (err)
		return catalog_problem(p, err, "the situation");
	*ret = s;
	return 0;
}
