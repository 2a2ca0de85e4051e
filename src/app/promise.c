/* The promise: days promised, kept, foretold, per city, and the disks that carry them. See reports.h. Disks are everybody's: their rates
 * count all cities, whatever the actor sees. */
#include "app/forecast.h"
#include "app/internal.h"
#include "app/reports.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define FILE_SLACK_US (60 * US_PER_S) /* a file is cut at the next key frame */
#define US_PER_DAY_F ((double)US_PER_DAY)

static const struct actor *const reader = ACTOR_SYSTEM("system:promise");

static int64_t file_longest(const struct app *app)
{
	return (app->file_us ? app->file_us : 3600 * US_PER_S) + FILE_SLACK_US;
}

/* A file that began so that its days end at the end of the local today. */
static int64_t latest_possible_at(struct app *app, const struct city *c, int64_t now)
{
	const struct tz *tz = zone_of(c->time_zone);
	struct civil d;
	if (!tz)
		return TIME_NONE;
	utc_us_to_civil((local_day(tz, now) + 1) * US_PER_DAY, &d);
	int64_t started = tz_day_start(tz, d.year, d.month, d.day) - 1 - c->retention_days * US_PER_DAY;
	return fate_of_sealed(app, c, started, started + file_longest(app), started + (c->retention_days - 1) * US_PER_DAY).deleted_at;
}

/* The worst a file can hit: the run before came a moment too early for its notice, or for its end. */
static double latest_possible_days(struct app *app, const struct city *c, int64_t now)
{
	int64_t run = cleanup_next(app, now), length = file_longest(app), notice = (c->retention_days - 1) * US_PER_DAY;
	const int64_t begins[] = {run - notice, run - notice + 1, run - notice - US_PER_DAY - length + 1};
	double longest = -1;
	for (size_t i = 0; run != TIME_NONE && i < sizeof(begins) / sizeof(begins[0]); i++) {
		int64_t gone = fate_of_sealed(app, c, begins[i], begins[i] + length, begins[i] + notice).deleted_at;
		double days = gone == TIME_NONE ? -1 : (double)(gone - begins[i]) / US_PER_DAY_F;
		longest = days > longest ? days : longest;
	}
	return longest;
}

static int add_city(struct app *app, const struct forecast *f, size_t i, int64_t now, struct promise *to)
{
	const struct city *c = &f->cities[i];
	const struct forecast_city *sums = &f->of_city[i];
	struct promise_city p = {.city_id = c->id,
				 .city_name = c->name,
				 .retention_days = c->retention_days,
				 .oldest_at = sums->oldest,
				 .actual_days = sums->oldest == TIME_NONE ? -1 : (double)(now - sums->oldest) / US_PER_DAY_F,
				 .forecast_days = forecast_city_days(f, i, NULL),
				 .latest_possible_at = latest_possible_at(app, c, now),
				 .latest_possible_days = latest_possible_days(app, c, now),
				 .bytes = sums->bytes,
				 .files = sums->files,
				 .held_bytes = sums->held,
				 .bytes_per_day = (int64_t)llround(sums->rate)};
	int err =
		app->catalog->recordings->overdue_bytes(app->catalog->self, c->id, now - c->retention_days * US_PER_DAY, &p.overdue_bytes);
	if (!err)
		to->cities[to->n_cities++] = p;
	return err;
}

void promise_volumes(struct app *app, const struct forecast *f, int64_t now, struct arena *mem, struct promise_volume **ret, size_t *ret_n)
{
	const struct volume_store *vs = &app->volumes;
	const struct tz *tz = zone_of(app->site_time_zone);
	size_t n = vs->ops->count(vs->self);
	struct promise_volume *list = ARENA_ARRAY(mem, struct promise_volume, n + 1);
	for (size_t i = 0; i < n; i++) {
		char id[UUID_CAP] = "", path[1024] = "", state[200] = "";
		vs->ops->describe(vs->self, i, id, path, sizeof(path), state, sizeof(state));
		struct promise_volume *v = &list[i];
		*v = (struct promise_volume){.id = arena_strdup(mem, id),
					     .path = arena_strdup(mem, path),
					     .problem = *state ? arena_strdup(mem, state) : NULL,
					     .fills_on = TIME_NONE};
		for (size_t k = 0; k < f->n_volumes; k++) {
			const struct forecast_volume *from = &f->volumes[k];
			double days = forecast_days_left(from);
			if (strcmp(from->id, id) != 0)
				continue;
			v->measured = from->measured;
			v->total_bytes = from->space.total_bytes;
			v->free_bytes = from->space.free_bytes;
			v->bytes_per_day = (int64_t)llround(from->rate);
			if (days >= 0 && tz)
				v->fills_on = local_day(tz, now + (int64_t)(days * US_PER_DAY_F));
		}
	}
	*ret = list;
	*ret_n = n;
}

int promise_of(struct app *app, const struct actor *a, const char *city_id, struct arena *mem, struct promise *ret, struct problem *p)
{
	struct promise out = {0};
	struct city *cities;
	struct forecast f;
	size_t n, n_runs = 0;
	char *next;
	int64_t now = app_now(app);
	int err = require_right(a, RIGHT_SEE_STATUS, p);
	if (err)
		return err;
	if (city_id && !actor_sees_city(a, city_id))
		return catalog_problem(p, -ENOENT, "the city \"%.64s\"", city_id);
	err = all_cities(app, reader, mem, &cities, &n);
	if (!err)
		err = forecast_make(app, cities, n, now, mem, &f);
	out.cities = ARENA_ARRAY(mem, struct promise_city, err ? 1 : n + 1);
	for (size_t i = 0; !err && i < n; i++)
		if (actor_sees_city(a, cities[i].id) && (!city_id || strcmp(city_id, cities[i].id) == 0))
			err = add_city(app, &f, i, now, &out);
	if (!err)
		err = app->catalog->jobs->list(app->catalog->self, "cleanup", &(struct page){.limit = 1}, mem, &out.last_run, &n_runs,
					       &next);
	if (err)
		return catalog_problem(p, err, "the promise");
	if (city_id && !out.n_cities)
		return catalog_problem(p, -ENOENT, "the city \"%.64s\"", city_id);
	if (!n_runs)
		out.last_run = NULL;
	promise_volumes(app, &f, now, mem, &out.volumes, &out.n_volumes);
	*ret = out;
	return 0;
}
