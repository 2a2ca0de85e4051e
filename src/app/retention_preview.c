/* What other days would do to a city's footage, before they are saved. See reports.h. Any worker thread. */
#include "app/internal.h"
#include "app/reports.h"
#include "domain/validate.h"

#include <errno.h>
#include <string.h>

struct sum {
	int64_t files, bytes, cameras, held_files, first, last;
};

/* Sums up the city's recordings of a status that began in [from, to). A camera with noticed ones of several dates counts for each. */
static int sum_of(struct app *app, const char *city_id, enum recording_status status, int64_t from, int64_t to, struct arena *mem,
		  struct sum *ret)
{
	struct expiring_sum *s;
	size_t n;
	*ret = (struct sum){.first = INT64_MAX, .last = INT64_MIN};
	int err = app->catalog->recordings->sum_expiring(app->catalog->self, city_id, status, from, to, mem, &s, &n);
	for (size_t i = 0; !err && i < n; i++) {
		ret->held_files += s[i].held_files;
		if (!s[i].files)
			continue;
		ret->files += s[i].files;
		ret->bytes += s[i].bytes;
		ret->cameras++;
		ret->first = s[i].first < ret->first ? s[i].first : ret->first;
		ret->last = s[i].last > ret->last ? s[i].last : ret->last;
	}
	return err;
}

static int look(struct app *app, const struct city *c, const struct city *changed, int64_t now, struct arena *mem,
		struct retention_preview *r)
{
	int64_t limit = fate_notice_before(changed, now), old_limit = fate_notice_before(c, now);
	struct sum to_notice, noticed, anyway, back;
	const struct tz *tz = zone_of(c->time_zone);
	if (!tz)
		return -ENOMEM;
	int err = sum_of(app, c->id, REC_SEALED, INT64_MIN, limit, mem, &to_notice);
	if (!err)
		err = sum_of(app, c->id, REC_SEALED, INT64_MIN, old_limit < limit ? old_limit : limit, mem, &anyway);
	if (!err)
		err = sum_of(app, c->id, REC_NOTICED, INT64_MIN, limit, mem, &noticed);
	if (!err)
		err = sum_of(app, c->id, REC_NOTICED, limit, INT64_MAX, mem, &back);
	if (err)
		return err;
	r->files = to_notice.files;
	r->bytes = to_notice.bytes;
	r->cameras = to_notice.cameras;
	r->held_files = to_notice.held_files;
	r->files_anyway = anyway.files;
	r->bytes_anyway = anyway.bytes;
	r->noticed_files = noticed.files;
	r->noticed_bytes = noticed.bytes;
	r->oldest_at = to_notice.files ? to_notice.first : TIME_NONE;
	r->newest_at = to_notice.files ? to_notice.last : TIME_NONE;
	if (to_notice.files) {
		struct fate fate = fate_of_sealed(app, changed, to_notice.first, to_notice.first, now);
		r->notice_at = fate.noticed_at;
		r->notice_on = fate.noticed_at == TIME_NONE ? TIME_NONE : local_day(tz, fate.noticed_at);
		r->due_on = fate.due_on;
		r->first_deleted_at = fate.deleted_at;
	}
	r->kept_files = back.files;
	r->kept_bytes = back.bytes;
	r->kept_until = back.files ? back.first + changed->retention_days * US_PER_DAY : TIME_NONE;
	return 0;
}

int retention_preview(struct app *app, const struct actor *a, const char *city_id, int days, struct arena *mem,
		      struct retention_preview *ret, struct problem *p)
{
	struct retention_preview r = {.notice_at = TIME_NONE, .notice_on = TIME_NONE, .due_on = TIME_NONE, .first_deleted_at = TIME_NONE};
	struct city c;
	char why[200];
	int err = require_right(a, RIGHT_ADMINISTER, p);
	if (err)
		return err;
	if (validate_retention_days(days, why, sizeof(why)) != 0)
		return problem_set(p, PROBLEM_BAD_REQUEST, "days", "%s", why);
	err = app->catalog->cities->get(app->catalog->self, a, city_id, mem, &c);
	if (err)
		return catalog_problem(p, err, "the city \"%.64s\"", city_id);
	struct city changed = c;
	changed.retention_days = days;
	r.retention_days_now = c.retention_days;
	r.retention_days = days;
	err = look(app, &c, &changed, app_now(app), mem, &r);
	if (err)
		return catalog_problem(p, err, "the preview");
	*ret = r;
	return 0;
}
