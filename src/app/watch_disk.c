/* Disks that will not last (forecast.h): each city that records there is told, once a local day while it looks so. Jobs thread. */
#include "app/forecast.h"
#include "app/watch_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VOLUMES_MAX 64

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
	struct forecast f;
	if (jobs_limits()->forecast_us == INT64_MAX || forecast_make(w->app, w->cities, w->n_cities, w->now, w->mem, &f) != 0)
		return;
	if (f.n_volumes == 0 || f.window_us < FORECAST_LEAST_US)
		return;
	double *soonest = ARENA_ARRAY(w->mem, double, w->n_cities);
	for (size_t c = 0; c < w->n_cities; c++)
		soonest[c] = -1;
	for (size_t v = 0; v < f.n_volumes; v++) {
		double days = forecast_days_left(&f.volumes[v]);
		if (!short_for_long(w, f.volumes[v].id, days >= 0))
			continue;
		for (size_t c = 0; c < w->n_cities; c++)
			if (forecast_rate(&f, v, c) > 0 && (soonest[c] < 0 || days < soonest[c]))
				soonest[c] = days;
	}
	for (size_t c = 0; c < w->n_cities; c++)
		if (soonest[c] >= 0)
			tell_city(w, &w->cities[c], soonest[c]);
}
