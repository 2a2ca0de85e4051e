/* At the rate of the last day, does what is free and what may be deleted hold the days that the cities are promised? Per volume, from the
 * catalogue's sums. Any worker thread; nothing is kept. */
#ifndef VIGIA_APP_FORECAST_H
#define VIGIA_APP_FORECAST_H

#include "app/use_cases.h"

struct forecast_city {
	int64_t oldest;		    /* of what no hold keeps; TIME_NONE without footage */
	int64_t bytes, files, held; /* of all */
	double rate;		    /* bytes a day, on usable volumes */
};

struct forecast_volume {
	const char *id;
	struct volume_space space;
	bool measured;	 /* its space is known */
	double rate;	 /* bytes a day */
	double needed;	 /* for every promise at this rate */
	double room;	 /* what may be written before there is pressure */
	double stored;	 /* may be deleted when its days are over */
	double expiring; /* bytes a day that go now */
	double longest;	 /* days, of a city that writes here */
};

struct forecast {
	const struct city *cities; /* the caller's, all of the site */
	size_t n_cities;
	struct forecast_city *of_city;
	struct forecast_volume *volumes; /* the usable ones */
	size_t n_volumes;
	double *rates;	   /* [volume * n_cities + city], bytes a day */
	int64_t window_us; /* what the rates are measured over; rates are 0 where that is less than FORECAST_LEAST_US */
};
#define FORECAST_LEAST_US (3600 * US_PER_S) /* a rate measured over less says nothing */

/* cities: every one of the site, by id or not. 0 or -errno of the catalogue. */
int forecast_make(struct app *app, const struct city *cities, size_t n, int64_t now, struct arena *mem, struct forecast *ret);
double forecast_rate(const struct forecast *f, size_t volume, size_t city);
/* In how many days the volume is full although it deletes what is due; negative: never. */
double forecast_days_left(const struct forecast_volume *v);
/* The share of its days that a city's footage on the volume lives: pressure takes the oldest by share of its promise, so all shrink alike.
 * held_more: so many bytes more are held (negative: fewer). 0..1. */
double forecast_share(const struct forecast_volume *v, double held_more);
/* Days that the city's footage will live, at most its promise; negative: unknown. held_more: by volume, or NULL. */
double forecast_city_days(const struct forecast *f, size_t city, const double *held_more);

/* promise.c: every volume with its figures, the unusable ones too. */
struct promise_volume;
void promise_volumes(struct app *app, const struct forecast *f, int64_t now, struct arena *mem, struct promise_volume **ret, size_t *ret_n);

#endif
