/* The ticks of the jobs: the daily clean-up by its schedule, and outbox, holds, streams, disk pressure, the watch; see use_cases.h. */
#include "app/attention.h"
#include "app/internal.h"
#include "app/jobs.h"
#include "base/log.h"
#include "domain/validate.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIES_A_SLOT 3

static const struct actor *const scheduler = ACTOR_SYSTEM("system:cleanup");

const struct jobs_limits jobs_limits_default = {
	.delete_batch = 48, /* two days of an hour a file: two folders to sync */
	.batch_us = US_PER_S / 5,
	.pace_percent = 25,
	.pause_most_us = 5 * US_PER_S,
	.notice_batch = 100000,
	.pressure_files = 200,
	.pressure_min_bytes = INT64_C(5) << 30,
	.pressure_rate_s = 2 * 3600,
	.pin_wait_us = 3600 * US_PER_S,
	.retry_us = 3600 * US_PER_S,
	.silent_us = 300 * US_PER_S,
	.forecast_us = 3600 * US_PER_S,
};
static struct jobs_limits limits_now;
static bool limits_set;
static atomic_bool cancelled;

void jobs_set_limits(const struct jobs_limits *limits)
{
	limits_set = limits != NULL;
	if (limits)
		limits_now = *limits;
}

const struct jobs_limits *jobs_limits(void)
{
	return limits_set ? &limits_now : &jobs_limits_default;
}

void jobs_cancel(bool cancel)
{
	atomic_store(&cancelled, cancel);
}

bool jobs_cancelled(void)
{
	return atomic_load(&cancelled);
}

void jobs_forget(void)
{
	pins_forget();
	pressure_forget();
	watch_forget();
	rates_forget();
}

static bool schedule_of(struct app *app, struct cron *cron, const struct tz **tz)
{
	char why[200];
	if (!app->cleanup_schedule || cron_parse(app->cleanup_schedule, cron, why, sizeof(why)) != 0)
		return false;
	*tz = zone_of(app->site_time_zone);
	return *tz != NULL;
}

int64_t cleanup_next(struct app *app, int64_t now)
{
	struct cron cron;
	const struct tz *tz = NULL;
	if (!schedule_of(app, &cron, &tz))
		return TIME_NONE;
	int64_t at = cron_next(&cron, tz, now);
	return at;
}

/* The latest instant of the schedule at or before now, TIME_NONE within 400 days. Short windows first: a schedule may say every minute. */
static int64_t latest_slot(const struct cron *cron, const struct tz *tz, int64_t now)
{
	static const int64_t windows_h[] = {2, 49, 33 * 24, 400 * 24};
	for (size_t i = 0; i < sizeof(windows_h) / sizeof(*windows_h); i++) {
		int64_t slot = TIME_NONE, at = cron_next(cron, tz, now - windows_h[i] * 3600 * US_PER_S);
		while (at != TIME_NONE && at <= now) {
			slot = at;
			at = cron_next(cron, tz, at);
		}
		if (slot != TIME_NONE)
			return slot;
	}
	return TIME_NONE;
}

/* Nothing is caught up from before the first start of the site. */
static int64_t first_start(struct app *app, int64_t now)
{
	struct arena mem = {0};
	char *value = NULL, text[32];
	int64_t at = now;
	int err = app->catalog->settings->get(app->catalog->self, "cleanup_anchor", &mem, &value);
	if (err == 0) {
		at = strtoll(value, NULL, 10);
	} else if (err == -ENOENT) {
		snprintf(text, sizeof(text), "%lld", (long long)now);
		app->catalog->settings->put(app->catalog->self, "cleanup_anchor", text);
	}
	arena_finish(&mem);
	return at;
}

/* Whether the slot has been tried enough, or too recently to be tried again. */
static bool slot_rests(struct app *app, int64_t slot, int64_t now)
{
	struct arena mem = {0};
	struct job_run *runs;
	size_t n = 0;
	char *next;
	int failures = 0;
	bool rests = false;
	if (app->catalog->jobs->list(app->catalog->self, "cleanup", &(struct page){.limit = 20}, &mem, &runs, &n, &next) != 0)
		n = 0, rests = true;
	for (size_t i = 0; i < n; i++) {
		if (runs[i].scheduled_for != slot || runs[i].finished_at == TIME_NONE)
			continue; /* another's, or cut short by a crash: caught up at once */
		if (!runs[i].error)
			rests = true;
		else if (strcmp(runs[i].error, "stopped") != 0)
			failures++, rests |= now - runs[i].finished_at < jobs_limits()->retry_us;
	}
	arena_finish(&mem);
	return rests || failures >= TRIES_A_SLOT || (failures && deletion_is_off(app));
}

void cleanup_tick(struct app *app)
{
	struct cron cron;
	const struct tz *tz = NULL;
	int64_t now = app_now(app), last = TIME_NONE;
	if (!schedule_of(app, &cron, &tz))
		return;
	int64_t slot = latest_slot(&cron, tz, now);
	int err = app->catalog->jobs->last_scheduled(app->catalog->self, "cleanup", &last);
	if (err || slot == TIME_NONE)
		return;
	if (last == TIME_NONE)
		last = first_start(app, now);
	/* A `last` in the future (the clock was wrong) says nothing. */
	if ((slot <= last && last <= now) || slot_rests(app, slot, now))
		return;
	struct arena mem = {0};
	struct cleanup_report report;
	struct problem p;
	err = cleanup_run(app, scheduler, false, slot, &mem, &report, &p);
	if (err && err != -EBUSY)
		log_error("cleanup.failed", KV_S("why", p.detail));
	arena_finish(&mem);
}

void jobs_tick(struct app *app)
{
	size_t tried;
	app->catalog->journal->heartbeat(app->catalog->self, app_now(app));
	holds_expire(app);
	holds_retry_mirror(app);
	streams_reconcile(app);
	attention_tick(app);
	retry_pinned(app);
	pressure_tick(app);
	watch_tick(app);
	notices_deliver(app, &tried);
}
