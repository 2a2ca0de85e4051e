/* What a hold would cover, what it comes too late for, and what it costs the others. See reports.h. Any worker thread. */
#include "app/forecast.h"
#include "app/internal.h"
#include "app/reports.h"

#include <errno.h>
#include <string.h>

static const struct actor *const reader = ACTOR_SYSTEM("system:holds");

/* A hold's bytes by volume: what is there, that no other hold has, and what is to come. */
struct load {
	double *now, *to_come;
};

/* What lies on a volume that is not there now costs nothing. */
static void add_to_volumes(const struct forecast *f, const struct footage_sum *s, double bytes, double *sums)
{
	for (size_t v = 0; v < f->n_volumes; v++)
		if (strcmp(f->volumes[v].id, s->volume_id) == 0)
			sums[v] += bytes;
}

/* made: the hold is in force, so that its own files are held. */
static int cover(struct app *app, const struct hold *h, bool made, const struct forecast *f, struct arena *mem, struct load *load,
		 struct hold_preview *out)
{
	struct footage_sum *s;
	size_t n;
	int64_t now = app_now(app);
	load->now = ARENA_ARRAY(mem, double, f->n_volumes + 1);
	load->to_come = ARENA_ARRAY(mem, double, f->n_volumes + 1);
	int err = app->catalog->recordings->sum_covered(app->catalog->self, h->camera_ids, h->n_cameras, h->from, h->to, mem, &s, &n);
	for (size_t i = 0; !err && i < n; i++) {
		int64_t fresh = s[i].bytes - (made ? 0 : s[i].held_bytes);
		out->files += s[i].files;
		out->bytes += s[i].bytes;
		out->new_bytes += fresh;
		add_to_volumes(f, &s[i], (double)fresh, load->now);
	}
	if (err || h->to == TIME_NONE || h->to <= now)
		return err;
	err = app->catalog->recordings->sum_covered(app->catalog->self, h->camera_ids, h->n_cameras, now - US_PER_DAY, now, mem, &s, &n);
	int64_t from = h->from > now ? h->from : now;
	for (size_t i = 0; !err && i < n; i++) {
		double to_come = (double)s[i].bytes * (double)(h->to - from) / (double)US_PER_DAY;
		out->future_bytes += (int64_t)to_come;
		add_to_volumes(f, &s[i], to_come, load->to_come);
	}
	return err;
}

/* The first of them are shown, the rest only counted: there may be years of them, so each page of those has memory of its own. */
static int find_too_late(struct app *app, const struct hold *h, const char *camera_id, enum recording_status status, struct arena *mem,
			 struct hold_preview *out, size_t *cap)
{
	const struct recording_filter f = {.camera_id = camera_id, .from = h->from, .to = h->to, .status = (int)status};
	struct page page = {.limit = HOLD_TOO_LATE_MAX};
	struct arena rest = {0};
	struct recording *r;
	size_t n;
	char *next = NULL, cursor[200];
	int err = app->catalog->recordings->list(app->catalog->self, reader, &f, &page, mem, &r, &n, &next);
	for (size_t i = 0; !err && i < n; i++) {
		out->too_late = arena_grow(mem, out->too_late, out->n_too_late, cap, sizeof(*out->too_late));
		out->too_late[out->n_too_late++] = r[i];
	}
	out->too_late_files += err ? 0 : (int64_t)n;
	page.limit = 1000;
	while (!err && next && strlen(next) < sizeof(cursor)) {
		page.cursor = strcpy(cursor, next);
		next = NULL;
		arena_finish(&rest);
		err = app->catalog->recordings->list(app->catalog->self, reader, &f, &page, &rest, &r, &n, &next);
		out->too_late_files += err ? 0 : (int64_t)n;
	}
	arena_finish(&rest);
	return err;
}

/* The forecasts of the cities that the hold's cameras are in, without and with it. */
static void foretell(struct app *app, const struct actor *a, const struct hold *h, bool made, const struct forecast *f,
		     const struct load *load, struct arena *mem, struct hold_preview *out)
{
	double *without = ARENA_ARRAY(mem, double, f->n_volumes + 1), *with = ARENA_ARRAY(mem, double, f->n_volumes + 1);
	bool *concerned = ARENA_ARRAY(mem, bool, f->n_cities + 1);
	for (size_t v = 0; v < f->n_volumes; v++) {
		without[v] = made ? -load->now[v] : 0;
		with[v] = (made ? 0 : load->now[v]) + load->to_come[v];
	}
	for (size_t i = 0; i < h->n_cameras; i++) {
		struct camera c;
		if (app->catalog->cameras->get(app->catalog->self, reader, h->camera_ids[i], mem, &c) != 0)
			continue;
		for (size_t k = 0; k < f->n_cities; k++)
			concerned[k] |= strcmp(f->cities[k].id, c.city_id) == 0;
	}
	out->effects = ARENA_ARRAY(mem, struct hold_effect, f->n_cities + 1);
	for (size_t i = 0; i < f->n_cities; i++)
		if (concerned[i] && actor_sees_city(a, f->cities[i].id))
			out->effects[out->n_effects++] =
				(struct hold_effect){f->cities[i].id, forecast_city_days(f, i, without), forecast_city_days(f, i, with)};
}

static int weigh(struct app *app, const struct actor *a, const struct hold *h, bool made, struct arena *mem, struct hold_preview *out)
{
	struct city *cities;
	struct forecast f;
	struct load load;
	size_t n;
	int err = all_cities(app, reader, mem, &cities, &n);
	if (!err)
		err = forecast_make(app, cities, n, app_now(app), mem, &f);
	if (!err)
		err = cover(app, h, made, &f, mem, &load, out);
	if (!err)
		foretell(app, a, h, made, &f, &load, mem, out);
	return err;
}

int hold_preview(struct app *app, const struct actor *a, const struct hold *h, struct arena *mem, struct hold_preview *ret,
		 struct problem *p)
{
	struct hold_preview out = {0};
	size_t cap = 0;
	int err = require_right(a, RIGHT_HOLD, p);
	if (!err)
		err = hold_check_span(app, a, h, p);
	if (err)
		return err;
	err = weigh(app, a, h, false, mem, &out);
	for (size_t i = 0; !err && i < h->n_cameras; i++) {
		err = find_too_late(app, h, h->camera_ids[i], REC_DELETED, mem, &out, &cap);
		if (!err)
			err = find_too_late(app, h, h->camera_ids[i], REC_LOST, mem, &out, &cap);
	}
	if (err)
		return catalog_problem(p, err, "the hold");
	*ret = out;
	return 0;
}

int hold_weigh(struct app *app, const struct actor *a, const struct hold *h, struct arena *mem, struct hold_preview *ret)
{
	struct hold_preview out = {0};
	int err = weigh(app, a, h, true, mem, &out);
	if (!err)
		*ret = out;
	return err;
}
