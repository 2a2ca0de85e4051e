/* Disks and promises; see forecast.h. Needed are each city's bytes a day times its days: a city of few bytes and many days is no reason to
 * warn one of many bytes. */
#include "app/forecast.h"
#include "app/internal.h"
#include "app/jobs.h"

#include <string.h>

#define VOLUMES_MAX 64

static double *rate_at(struct forecast *f, size_t volume, size_t city)
{
	return &f->rates[volume * f->n_cities + city];
}

double forecast_rate(const struct forecast *f, size_t volume, size_t city)
{
	return f->rates[volume * f->n_cities + city];
}

static void find_volumes(struct app *app, struct forecast *f, struct arena *mem)
{
	const struct volume_store *v = &app->volumes;
	size_t n = v->ops->count(v->self);
	n = n < VOLUMES_MAX ? n : VOLUMES_MAX;
	f->volumes = ARENA_ARRAY(mem, struct forecast_volume, n + 1);
	for (size_t i = 0; i < n; i++) {
		char id[UUID_CAP] = "", path[1024], state[200] = "";
		v->ops->describe(v->self, i, id, path, sizeof(path), state, sizeof(state));
		if (!id[0] || state[0])
			continue;
		struct forecast_volume *to = &f->volumes[f->n_volumes++];
		to->id = arena_strdup(mem, id);
		to->measured = v->ops->space(v->self, id, &to->space) == 0;
	}
}

static int total_cities(struct app *app, struct forecast *f, struct arena *mem, int64_t *ret_first)
{
	const struct catalog *cat = app->catalog;
	f->of_city = ARENA_ARRAY(mem, struct forecast_city, f->n_cities + 1);
	for (size_t i = 0; i < f->n_cities; i++) {
		struct forecast_city *c = &f->of_city[i];
		int err = cat->recordings->city_totals(cat->self, f->cities[i].id, &c->oldest, &c->bytes, &c->files, &c->held);
		if (err)
			return err;
		if (c->oldest != TIME_NONE && c->oldest < *ret_first)
			*ret_first = c->oldest;
	}
	return 0;
}

static void add_rate(struct forecast *f, const struct footage_sum *s, double day)
{
	for (size_t v = 0; v < f->n_volumes; v++)
		for (size_t c = 0; c < f->n_cities && strcmp(f->volumes[v].id, s->volume_id) == 0; c++)
			if (strcmp(f->cities[c].id, s->city_id) == 0) {
				*rate_at(f, v, c) += (double)s->bytes / day;
				f->of_city[c].rate += (double)s->bytes / day;
			}
}

/* What of the city's footage lies on the volume: by where it is written today (the catalogue keeps totals of cities). */
static double stored_on(const struct forecast *f, size_t volume, size_t city)
{
	const struct forecast_city *c = &f->of_city[city];
	double free_to_go = c->bytes > c->held ? (double)(c->bytes - c->held) : 0;
	return free_to_go * (c->rate > 0 ? forecast_rate(f, volume, city) / c->rate : 1.0 / (double)f->n_volumes);
}

static void look_at_volume(struct forecast *f, size_t volume, int64_t now)
{
	struct forecast_volume *v = &f->volumes[volume];
	for (size_t c = 0; c < f->n_cities; c++) {
		double a_day = forecast_rate(f, volume, c), days = f->cities[c].retention_days, here = stored_on(f, volume, c);
		int64_t oldest = f->of_city[c].oldest;
		v->rate += a_day;
		v->needed += a_day * days;
		v->stored += here;
		if (a_day > 0 && days > v->longest)
			v->longest = days;
		if (oldest != TIME_NONE && (double)(now - oldest) >= (days - 1) * (double)US_PER_DAY)
			v->expiring += here / days;
	}
	double used = (double)(v->space.total_bytes - v->space.free_bytes), kept_free = (double)jobs_limits()->pressure_min_bytes;
	double by_rate = v->rate / (double)S_PER_DAY * (double)jobs_limits()->pressure_rate_s;
	v->room = (double)v->space.free_bytes - (by_rate > kept_free ? by_rate : kept_free);
	if (v->stored > used)
		v->stored = used;
}

int forecast_make(struct app *app, const struct city *cities, size_t n, int64_t now, struct arena *mem, struct forecast *ret)
{
	struct forecast f = {.cities = cities, .n_cities = n};
	struct footage_sum *sums;
	size_t n_sums;
	int64_t first = INT64_MAX;
	find_volumes(app, &f, mem);
	f.rates = ARENA_ARRAY(mem, double, f.n_volumes *n + 1);
	int err = total_cities(app, &f, mem, &first);
	if (!err)
		err = app->catalog->recordings->sum_written(app->catalog->self, now - US_PER_DAY, now, mem, &sums, &n_sums);
	if (err)
		return err;
	for (size_t i = 0; i < n_sums; i++)
		first = sums[i].first < first ? sums[i].first : first;
	f.window_us = first >= now ? 0 : now - first < US_PER_DAY ? now - first : US_PER_DAY;
	for (size_t i = 0; i < n_sums && f.window_us >= FORECAST_LEAST_US; i++)
		add_rate(&f, &sums[i], (double)f.window_us / (double)US_PER_DAY);
	for (size_t i = 0; i < f.n_volumes; i++)
		look_at_volume(&f, i, now);
	*ret = f;
	return 0;
}

double forecast_days_left(const struct forecast_volume *v)
{
	if (!v->measured || v->rate <= 0 || v->needed <= v->room + v->stored)
		return -1;
	/* What expires makes room, at the rates of then; after the longest promise all of it is of today's. */
	double growth = v->rate - v->expiring, left = v->room > 0 && growth > 0 ? v->room / growth : v->room > 0 ? v->longest : 0;
	return left < v->longest ? left : v->longest;
}

double forecast_share(const struct forecast_volume *v, double held_more)
{
	double has = v->room + (v->stored > held_more ? v->stored - held_more : 0);
	if (!v->measured || v->needed <= 0 || v->needed <= has)
		return 1;
	return has > 0 ? has / v->needed : 0;
}

double forecast_city_days(const struct forecast *f, size_t city, const double *held_more)
{
	double share = 1;
	if (f->of_city[city].rate <= 0)
		return -1;
	for (size_t v = 0; v < f->n_volumes; v++) {
		double s = forecast_rate(f, v, city) > 0 ? forecast_share(&f->volumes[v], held_more ? held_more[v] : 0) : 1;
		share = s < share ? s : share;
	}
	return share * f->cities[city].retention_days;
}
