/* What the use cases share among themselves: how errors of the catalogue become problems, ids, rights. Private to src/app. */
#ifndef VIGIA_APP_INTERNAL_H
#define VIGIA_APP_INTERNAL_H

#include "app/use_cases.h"

/* -EPERM with the problem said, unless the actor has the right. */
int require_right(const struct actor *a, enum right right, struct problem *p);
/* The catalogue's -errno as a problem; `what` names the thing ("camera \"x\""). Returns the matching -errno. */
int catalog_problem(struct problem *p, int err, const char *what_fmt, ...) __attribute__((format(printf, 3, 4)));
/* Fresh UUIDv7 as text from the arena. */
const char *new_id(struct app *app, struct arena *mem);
int64_t app_now(struct app *app);

/* The zone, kept for the life of the process; UTC for one that is unknown (a city's zone was checked when it was saved; zone files may have
 * gone since). NULL only when memory is out. */
const struct tz *zone_of(const char *name);
int64_t local_day(const struct tz *tz, int64_t at);

/* Publishes; detail may be NULL. */
void publish(struct app *app, enum event_kind kind, const char *city_id, const char *camera_id, const char *detail);

/* Every city of the actor's scope. */
int all_cities(struct app *app, const struct actor *a, struct arena *mem, struct city **ret, size_t *ret_n);
/* Every camera of the filter. */
int all_cameras(struct app *app, const struct actor *a, const struct camera_filter *f, struct arena *mem, struct camera **ret,
		size_t *ret_n);
/* Every hold in force. */
int all_holds(struct app *app, struct arena *mem, struct hold **ret, size_t *ret_n);

/* --- cameras.c --- */
/* The camera as a whole, and its city. */
int camera_check(struct app *app, const struct actor *a, const struct camera *c, struct problem *p);

/* --- streams.c, for cameras.c and resume: the caller holds the camera's lock --- */
void camera_lock(const char *camera_id);
void camera_unlock(const char *camera_id);
/* The camera as changed is on air and recording as it says; owed from `owed_from` on. ret_url (or NULL): the provider's address of it, ""
 * where it gives none. */
#define STREAM_URL_CAP 300
void stream_apply(struct app *app, const struct camera *c, int64_t owed_from, enum gap_reason reason, char ret_url[STREAM_URL_CAP]);
/* Joins row and state. */
void stream_join(struct app *app, const struct camera *c, const struct stream *row, struct stream_view *ret);

/* What a view shows beside: the city's name, what was said of the camera, its bit rate. Loaded once for however many rows. */
struct stream_dress {
	struct app *app;
	struct city *cities;
	struct attention *attention;
	size_t n_cities, n_attention;
};
int stream_dress_load(struct app *app, const struct actor *a, struct arena *mem, struct stream_dress *ret, struct problem *p);
void stream_dress(const struct stream_dress *d, struct stream_view *v);
/* Bits a second of the last ten or so seconds, -1 unknown. */
int64_t rates_bps(struct app *app, const char *camera_id);

/* --- holds.c: between marking and finishing a deletion no hold may come, and the other way round --- */
void deletion_lock(void);
void deletion_unlock(void);
/* Cameras, span and end of a hold to be; not its reason. */
int hold_check_span(struct app *app, const struct actor *a, const struct hold *h, struct problem *p);
/* Copies the holds in force to the volumes; remembers a failure for the next try. */
int holds_mirror(struct app *app);

#endif
