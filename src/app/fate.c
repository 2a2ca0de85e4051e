/* When the schedule takes a recording: the rules of domain/retention.h laid over the runs of the clean-up. See reports.h. */
#include "app/internal.h"
#include "app/reports.h"
#include "domain/retention.h"

static int64_t latest(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* The first run at or after the instant. */
static int64_t run_from(struct app *app, int64_t at)
{
	return cleanup_next(app, at - 1);
}

int64_t fate_notice_before(const struct city *c, int64_t at)
{
	return at - (c->retention_days - 1) * US_PER_DAY + 1;
}

int64_t fate_of_noticed(struct app *app, const struct city *c, int64_t started_at, int64_t ended_at, int64_t due_on, int64_t noticed_at,
			int64_t now)
{
	const struct tz *tz = zone_of(c->time_zone);
	int64_t due = latest(started_at, ended_at) + c->retention_days * US_PER_DAY;
	struct civil d;
	if (!tz)
		return TIME_NONE;
	utc_us_to_civil(due_on * US_PER_DAY, &d);
	due = latest(due, tz_day_start(tz, d.year, d.month, d.day));
	due = latest(due, noticed_at + NOTICE_WAIT_US);
	return run_from(app, latest(due, now));
}

struct fate fate_of_sealed(struct app *app, const struct city *c, int64_t started_at, int64_t ended_at, int64_t now)
{
	struct fate f = {TIME_NONE, TIME_NONE, TIME_NONE};
	const struct tz *tz = zone_of(c->time_zone);
	f.noticed_at = run_from(app, latest(now, started_at + (c->retention_days - 1) * US_PER_DAY));
	if (!tz || f.noticed_at == TIME_NONE)
		return f;
	f.due_on = local_day(tz, f.noticed_at) + 1;
	f.deleted_at = fate_of_noticed(app, c, started_at, ended_at, f.due_on, f.noticed_at, now);
	return f;
}
