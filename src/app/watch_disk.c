/* Disks that will not last: at the rate of the last day, does what is free and what may be deleted hold the days that the cities are
 * promised? Per volume; each city that records there is told, once a local day while it looks so. Jobs thread.
 * Needed are each city's bytes a day times its days: a city of few bytes and many days is no reason to warn one of many bytes. */
#include "app/watch_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VOLUMES_MAX 64
#define LEAST_US (3600 * US_PER_S) /* a rate measured over less says nothing */

static struct outlook {
	char id[UUID_CAP];
	int64_t short_since; /* monotonic; INT64_MIN while it lasts */
} outlooks[VOLUMES_MAX];
static size_t n_outlooks;

void disks_forget(void)
{
	n_outlooks = 0;
}

static struct outlook *outlook_of(const char *id) /* NULL when full */
{
	for (size_t i = 0; i < n_outlooks; i++)
		if (strcmp(outlooks[i].id, id) == 0)
			return &outlooks[i];
	if (n_outlooks == VOLUMES_MAX)
		return NULL;
	struct outlook *o = &outlooks[n_outlooks++];
	o->short_since = INT64_MIN;
	snprintf(o->id, sizeof(o->id), "%s", id);
	return o;
}

struct flow {
	const char **volumes; /* the usable ones */
	size_t n_volumes;
	double *written; /* [volume * n_cities + city]: bytes in the window, then a day */
	int64_t *stored; /* by city: what may be deleted */
	int64_t *oldest; /* by city; TIME_NONE without footage */
	int64_t first;	 /* of the site's footage */
};

static double *written(const struct watch *w, struct flow *f, size_t volume, size_t city)
{
	return &f->written[volume * w->n_cities + city];
}

static void find_volumes(const struct watch *w, struct flow *f)
{
	const struct volume_store *v = &w->app->volumes;
	size_t n = v->ops->count(v->self);
	n = n < VOLUMES_MAX ? n : VOLUMES_MAX;
	f->volumes = ARENA_ARRAY(w->mem, const char *, n + 1);
	for (size_t i = 0; i < n; i++) {
		char id[UUID_CAP] = "", path[256], state[128] = "";
		v->ops->describe(v->self, i, id, path, sizeof(path), state, sizeof(state));
		if (id[0] && !state[0])
			f->volumes[f->n_volumes++] = arena_strdup(w->mem, id);
	}
}

static void add_recording(const struct watch *w, struct flow *f, const struct recording *r, int64_t from)
{
	int64_t end = r->ended_at == TIME_NONE ? w->now : r->ended_at;
	int64_t a = r->started_at > from ? r->started_at : from, b = end < w->now ? end : w->now;
	if (r->started_at < f->first)
		f->first = r->started_at;
	if (b <= a)
		return;
	for (size_t v = 0; v < f->n_volumes; v++)
		for (size_t c = 0; c < w->n_cities && strcmp(f->volumes[v], r->volume_id) == 0; c++)
			if (strcmp(w->cities[c].id, r->city_id) == 0)
				*written(w, f, v, c) += (double)r->size_bytes * (double)(b - a) / (double)(end - r->started_at);
}

static int measure(const struct watch *w, struct flow *f)
{
	const struct catalog *cat = w->app->catalog;
	const struct recording_filter q = {.from = w->now - US_PER_DAY, .to = TIME_NONE, .status = -1};
	f->first = INT64_MAX;
	f->written = ARENA_ARRAY(w->mem, double, f->n_volumes * w->n_cities + 1);
	f->stored = ARENA_ARRAY(w->mem, int64_t, w->n_cities);
	f->oldest = ARENA_ARRAY(w->mem, int64_t, w->n_cities);
	for (size_t i = 0; i < w->n_cities; i++) {
		int64_t files, held, bytes;
		int err = cat->recordings->city_totals(cat->self, w->cities[i].id, &f->oldest[i], &bytes, &files, &held);
		if (err)
			return err;
		f->stored[i] = bytes > held ? bytes - held : 0;
		if (f->oldest[i] != TIME_NONE && f->oldest[i] < f->first)
			f->first = f->oldest[i];
	}
	for (struct page page = {.limit = 1000};;) {
		struct recording *r;
		size_t n;
		char *next = NULL;
		int err = cat->recordings->list(cat->self, watcher, &q, &page, w->mem, &r, &n, &next);
		if (err)
			return err;
		for (size_t i = 0; i < n; i++)
			add_recording(w, f, &r[i], q.from);
		if (!(page.cursor = next))
			return 0;
	}
}

/* What of the city's footage lies on the volume: by where it is written today (the catalogue keeps totals of cities). */
static double stored_on(const struct watch *w, struct flow *f, size_t volume, size_t city)
{
	double all = 0;
	for (size_t v = 0; v < f->n_volumes; v++)
		all += *written(w, f, v, city);
	return (double)f->stored[city] * (all > 0 ? *written(w, f, volume, city) / all : 1.0 / (double)f->n_volumes);
}

/* In how many days the volume will be full although it deletes what is due; negative when it never will. */
static double days_left(const struct watch *w, struct flow *f, size_t volume, double day)
{
	struct volume_space space;
	const struct volume_store *vs = &w->app->volumes;
	if (vs->ops->space(vs->self, f->volumes[volume], &space) != 0)
		return -1;
	double rate = 0, needed = 0, stored = 0, expiring = 0, longest = 0;
	for (size_t c = 0; c < w->n_cities; c++) {
		double a_day = *written(w, f, volume, c) / day, days = w->cities[c].retention_days, here = stored_on(w, f, volume, c);
		rate += a_day;
		needed += a_day * days;
		stored += here;
		if (a_day > 0 && days > longest)
			longest = days;
		if (f->oldest[c] != TIME_NONE && (double)(w->now - f->oldest[c]) >= (days - 1) * (double)US_PER_DAY)
			expiring += here / days;
	}
	double used = (double)(space.total_bytes - space.free_bytes), kept_free = (double)jobs_limits()->pressure_min_bytes;
	double by_rate = rate / 86400 * (double)jobs_limits()->pressure_rate_s;
	double room = (double)space.free_bytes - (by_rate > kept_free ? by_rate : kept_free);
	if (rate <= 0 || needed <= room + (stored < used ? stored : used))
		return -1;
	/* What expires makes room, at the rates of then; after the longest promise all of it is of today's. */
	double growth = rate - expiring, left = room > 0 && growth > 0 ? room / growth : room > 0 ? longest : 0;
	return left < longest ? left : longest;
}

static void tell_city(const struct watch *w, const struct city *c, double days)
{
	const struct tz *tz = zone_of(c->time_zone);
	if (!tz)
		return;
	const char *words = arena_printf(w->mem, "disk_forecast|%s|%lld", c->id, (long long)local_day(tz, w->now));
	struct notice n = {.id = watch_id(words, w->mem), .kind = NOTICE_DISK_FORECAST};
	n.due_on = local_day(tz, w->now + (int64_t)(days * (double)US_PER_DAY)); /* the day that its text names */
	if (watch_told(w->app, n.id) == -ENOENT)
		watch_tell(w, c, &n);
}

/* Whether the volume has looked too small for long enough. */
static bool short_for_long(const struct watch *w, const char *id, bool is_short)
{
	struct outlook *o = outlook_of(id);
	if (!o)
		return false;
	if (!is_short)
		o->short_since = INT64_MIN;
	else if (o->short_since == INT64_MIN)
		o->short_since = w->mono;
	return is_short && w->mono - o->short_since >= jobs_limits()->forecast_us;
}

void watch_disks(const struct watch *w)
{
	struct flow f = {0};
	find_volumes(w, &f);
	if (f.n_volumes == 0 || jobs_limits()->forecast_us == INT64_MAX || measure(w, &f) != 0)
		return;
	int64_t window = f.first < w->now ? w->now - f.first : 0;
	if (window < LEAST_US)
		return;
	double day = (double)(window < US_PER_DAY ? window : US_PER_DAY) / (double)US_PER_DAY;
	double *soonest = ARENA_ARRAY(w->mem, double, w->n_cities);
	for (size_t c = 0; c < w->n_cities; c++)
		soonest[c] = -1;
	for (size_t v = 0; v < f.n_volumes; v++) {
		double days = days_left(w, &f, v, day);
		if (!short_for_long(w, f.volumes[v], days >= 0))
			continue;
		for (size_t c = 0; c < w->n_cities; c++)
			if (*written(w, &f, v, c) > 0 && (soonest[c] < 0 || days < soonest[c]))
				soonest[c] = days;
	}
	for (size_t c = 0; c < w->n_cities; c++)
		if (soonest[c] >= 0)
			tell_city(w, &w->cities[c], soonest[c]);
}
