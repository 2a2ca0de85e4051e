/* Problems and the small things every use case shares; see problem.h and internal.h. */
#include "app/internal.h"
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ZONES_MAX 700 /* all that IANA names */

static const int errnos[] = {
	[PROBLEM_NONE] = 0,	      [PROBLEM_BAD_REQUEST] = -EINVAL, [PROBLEM_FORBIDDEN] = -EPERM,	[PROBLEM_NOT_FOUND] = -ENOENT,
	[PROBLEM_CONFLICT] = -EEXIST, [PROBLEM_INVALID] = -EINVAL,     [PROBLEM_UNAVAILABLE] = -EAGAIN, [PROBLEM_INTERNAL] = -EIO,
};

int problem_set(struct problem *p, enum problem_kind kind, const char *field, const char *fmt, ...)
{
	if (p) {
		va_list ap;
		p->kind = kind;
		snprintf(p->field, sizeof(p->field), "%s", field ? field : "");
		va_start(ap, fmt);
		vsnprintf(p->detail, sizeof(p->detail), fmt, ap);
		va_end(ap);
	}
	return errnos[kind];
}

int require_right(const struct actor *a, enum right right, struct problem *p)
{
	if (actor_may(a, right))
		return 0;
	return problem_set(p, PROBLEM_FORBIDDEN, "", "the role %s does not allow this", role_name(a->role));
}

int catalog_problem(struct problem *p, int err, const char *what_fmt, ...)
{
	char what[200];
	va_list ap;
	va_start(ap, what_fmt);
	vsnprintf(what, sizeof(what), what_fmt, ap);
	va_end(ap);
	switch (err) {
	case 0:
		return 0;
	case -ENOENT:
		return problem_set(p, PROBLEM_NOT_FOUND, "", "%s does not exist", what);
	case -EEXIST:
		return problem_set(p, PROBLEM_CONFLICT, "", "%s exists already", what);
	case -ENOTEMPTY:
		return problem_set(p, PROBLEM_CONFLICT, "", "%s still has cameras, footage or holds", what);
	case -EBUSY:
	case -EAGAIN:
		return problem_set(p, PROBLEM_UNAVAILABLE, "", "%s: the catalogue is busy, try again in a moment", what);
	case -EINVAL:
		return problem_set(p, PROBLEM_BAD_REQUEST, "", "%s: not accepted by the catalogue (a cursor of another list?)", what);
	default:
		return problem_set(p, PROBLEM_INTERNAL, "", "%s: the catalogue failed (%s)", what, log_strerror(err));
	}
}

int64_t app_now(struct app *app)
{
	return app->clock->utc_us(app->clock);
}

const char *new_id(struct app *app, struct arena *mem)
{
	struct uuid u = uuid_new(app_now(app));
	char text[UUID_CAP];
	uuid_format(&u, text);
	return arena_strdup(mem, text);
}

/* Zones stay loaded: there are as many as cities speak of, and a tick asks for each. */
static struct {
	pthread_mutex_t lock;
	struct tz *list[ZONES_MAX];
	size_t n;
} zones = {.lock = PTHREAD_MUTEX_INITIALIZER};

const struct tz *zone_of(const char *name)
{
	struct tz *tz = NULL;
	pthread_mutex_lock(&zones.lock);
	for (size_t i = 0; name && i < zones.n && !tz; i++)
		if (strcmp(tz_name(zones.list[i]), name) == 0)
			tz = zones.list[i];
	if (!tz && zones.n < ZONES_MAX && name && tz_load(name, &tz) == 0)
		zones.list[zones.n++] = tz;
	pthread_mutex_unlock(&zones.lock);
	if (tz || (name && strcmp(name, "UTC") == 0))
		return tz;
	log_warn("zone.unknown", KV_S("zone", name));
	return zone_of("UTC");
}

int64_t local_day(const struct tz *tz, int64_t at)
{
	struct civil c;
	tz_to_local(tz, at, &c);
	return civil_days(c.year, c.month, c.day);
}

void publish(struct app *app, enum event_kind kind, const char *city_id, const char *camera_id, const char *detail)
{
	struct event ev = {.kind = kind};
	if (!app->events)
		return;
	snprintf(ev.city_id, sizeof(ev.city_id), "%s", city_id ? city_id : "");
	snprintf(ev.camera_id, sizeof(ev.camera_id), "%s", camera_id ? camera_id : "");
	snprintf(ev.detail, sizeof(ev.detail), "%s", detail ? detail : "");
	events_publish(app->events, app->clock, &ev);
}

int all_cities(struct app *app, const struct actor *a, struct arena *mem, struct city **ret, size_t *ret_n)
{
	struct city *all = NULL;
	size_t n = 0, cap = 0;
	for (struct page page = {.limit = 1000};;) {
		struct city *some;
		size_t got;
		char *next = NULL;
		int err = app->catalog->cities->list(app->catalog->self, a, &page, mem, &some, &got, &next);
		if (err)
			return err;
		for (size_t i = 0; i < got; i++) {
			all = arena_grow(mem, all, n, &cap, sizeof(*all));
			all[n++] = some[i];
		}
		if (!(page.cursor = next))
			break;
	}
	*ret = all;
	*ret_n = n;
	return 0;
}

int all_cameras(struct app *app, const struct actor *a, const struct camera_filter *f, struct arena *mem, struct camera **ret,
		size_t *ret_n)
{
	struct camera *all = NULL;
	size_t n = 0, cap = 0;
	for (struct page page = {.limit = 1000};;) {
		struct camera *some;
		size_t got;
		char *next = NULL;
		int err = app->catalog->cameras->list(app->catalog->self, a, f, &page, mem, &some, &got, &next);
		if (err)
			return err;
		for (size_t i = 0; i < got; i++) {
			all = arena_grow(mem, all, n, &cap, sizeof(*all));
			all[n++] = some[i];
		}
		if (!(page.cursor = next))
			break;
	}
	*ret = all;
	*ret_n = n;
	return 0;
}

int all_holds(struct app *app, struct arena *mem, struct hold **ret, size_t *ret_n)
{
	struct hold *all = NULL;
	size_t n = 0, cap = 0;
	for (struct page page = {.limit = 1000};;) {
		struct hold *some;
		size_t got;
		char *next = NULL;
		int err = app->catalog->holds->list(app->catalog->self, ACTOR_SYSTEM("system:holds"), HOLDS_IN_FORCE, &page, mem, &some,
						    &got, &next);
		if (err)
			return err;
		for (size_t i = 0; i < got; i++) {
			all = arena_grow(mem, all, n, &cap, sizeof(*all));
			all[n++] = some[i];
		}
		if (!(page.cursor = next))
			break;
	}
	*ret = all;
	*ret_n = n;
	return 0;
}
