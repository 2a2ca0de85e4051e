/* The daily run: what comes back, what goes, what is noticed, city by city; see FOOTAGE's cycle. A thread of its own (cleanup_tick), or a
 * request that runs it by hand. */
#include "app/internal.h"
#include "app/jobs.h"
#include "base/log.h"
#include "domain/retention.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define DRY_LIMIT 1000000

static const char off_error[] = "deletion is off, as after every rebuild or restore; an administrator turns it on";

/* What a real run would delete now. */
static int count_overdue(struct deletion *d, const struct city *c)
{
	struct arena mem = {0};
	struct recording *rows;
	size_t n = 0;
	const struct tz *tz = zone_of(c->time_zone);
	if (!tz)
		return -ENOMEM;
	int64_t day = local_day(tz, d->now), ended_before = d->now - c->retention_days * US_PER_DAY;
	int err = d->app->catalog->recordings->list_overdue(d->app->catalog->self, c->id, ended_before + 1, ended_before, day,
							    d->now - NOTICE_WAIT_US, DRY_LIMIT, &mem, &rows, &n);
	for (size_t i = 0; !err && i < n; i++) {
		if (!recording_due_for_deletion(&rows[i], c->retention_days, d->now, day))
			continue;
		d->report->run.deleted++;
		d->report->run.bytes_freed += rows[i].size_bytes;
		report_item(d, "delete", &rows[i]);
	}
	arena_finish(&mem);
	return err;
}

static int clean_city(struct deletion *d, const struct city *c, bool off)
{
	struct app *app = d->app;
	size_t n;
	bool dry = d->report->run.dry_run;
	int err = 0;
	if (dry) {
		err = off ? 0 : count_overdue(d, c);
		return err ? err : notice_city(app, c, true, d->report, d->mem);
	}
	err = app->catalog->recordings->unnotice(app->catalog->self, c->id, d->now - (c->retention_days - 1) * US_PER_DAY + 1, &n);
	if (!err && !off)
		err = settle_deleting(d, c);
	if (!err && !off)
		err = delete_overdue(d, c, NULL, SIZE_MAX, &n);
	/* A failing deletion is no reason to keep a city uninformed. */
	int notice_err = notice_city(app, c, false, d->report, d->mem);
	return err ? err : notice_err;
}

static void clean_cities(struct deletion *d, const struct actor *a)
{
	struct cleanup_report *rep = d->report;
	struct city *cities;
	size_t n;
	bool off = deletion_is_off(d->app);
	int err = all_cities(d->app, a, d->mem, &cities, &n);
	if (err)
		rep->run.error = arena_printf(d->mem, "the list of cities: %s", log_strerror(err));
	for (size_t i = 0; !err && i < n && !rep->run.error; i++) {
		if (jobs_cancelled()) {
			rep->run.error = "stopped";
			break;
		}
		int city_err = clean_city(d, &cities[i], off);
		if (city_err) {
			log_error("cleanup.city_failed", KV_S("city", cities[i].id), KV_ERR(city_err));
			rep->run.error = arena_printf(d->mem, "%s: %s", cities[i].id, log_strerror(city_err));
		}
	}
	if (!rep->run.error && jobs_cancelled())
		rep->run.error = "stopped";
	if (!rep->run.error && (off || (!rep->run.dry_run && deletion_is_off(d->app)))) /* switched off meanwhile, too */
		rep->run.error = off_error;
}

int deletion_switch(struct app *app, const struct actor *a, bool on, struct problem *p)
{
	int err = require_right(a, RIGHT_ADMINISTER, p);
	if (!err && !a->all_cities)
		err = problem_set(p, PROBLEM_FORBIDDEN, "", "deletion is switched for the whole site, by an administrator of all cities");
	if (err || deletion_is_off(app) == !on)
		return err;
	err = app->catalog->settings->put(app->catalog->self, "deletion_off", on ? NULL : "1");
	if (err)
		return catalog_problem(p, err, "the switch");
	audit_note(app, a, on ? "deletion.on" : "deletion.off", "job:cleanup", NULL, NULL);
	log_warn(on ? "deletion.on" : "deletion.off", KV_S("actor", a->id));
	return 0;
}

static void note_run(struct app *app, const struct actor *a, const struct job_run *run)
{
	json_t *json = json_pack("{s:s, s:I, s:I, s:I, s:s*}", "run", run->id, "noticed", (json_int_t)run->noticed, "deleted",
				 (json_int_t)run->deleted, "bytes_freed", (json_int_t)run->bytes_freed, "error", run->error);
	char *details = json ? json_dumps(json, JSON_COMPACT) : NULL;
	audit_note(app, a, "cleanup.run", "job:cleanup", NULL, details);
	free(details);
	json_decref(json);
	log_info("cleanup.done", KV_S("actor", a->id), KV_I("noticed", run->noticed), KV_I("deleted", run->deleted),
		 KV_I("bytes_freed", run->bytes_freed), KV_S("error", run->error));
}

int cleanup_run(struct app *app, const struct actor *a, bool dry_run, int64_t scheduled_for, struct arena *mem, struct cleanup_report *ret,
		struct problem *p)
{
	struct cleanup_report rep = {0};
	int err = require_right(a, RIGHT_ADMINISTER, p);
	if (err)
		return err;
	rep.run = (struct job_run){.id = new_id(app, mem),
				   .job = "cleanup",
				   .actor = arena_strdup(mem, a->id),
				   .scheduled_for = scheduled_for,
				   .started_at = app_now(app),
				   .finished_at = TIME_NONE,
				   .dry_run = dry_run};
	if (!dry_run) {
		err = app->catalog->jobs->begin(app->catalog->self, &rep.run);
		if (err == -EBUSY) {
			problem_set(p, PROBLEM_CONFLICT, "", "a clean-up is running already");
			return -EBUSY;
		}
		if (err)
			return catalog_problem(p, err, "the clean-up");
		holds_expire(app);
	}
	struct deletion d = {.app = app, .rule = "retention", .now = rep.run.started_at, .report = &rep, .mem = mem};
	clean_cities(&d, a);
	rep.run.finished_at = app_now(app);
	if (!dry_run) {
		err = app->catalog->jobs->finish(app->catalog->self, &rep.run);
		note_run(app, a, &rep.run);
		if (err)
			return catalog_problem(p, err, "the clean-up's history");
	}
	*ret = rep;
	return 0;
}
