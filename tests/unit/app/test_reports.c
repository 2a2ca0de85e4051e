/* What the page shows of footage, on the fake catalogue: coverage, the promise, other days, holds, the situation. */
#include "unit/app/reports_site.h"

#include "app/attention.h"

/* --- coverage --- */

static int64_t missing(const struct coverage *c)
{
	int64_t sum = 0;
	for (int i = 0; i < COVERAGE_REASONS; i++)
		sum += c->missing_s[i];
	return sum;
}

static struct coverage_camera covered(struct fixture *f, const char *camera, int64_t from_day, int64_t to_day)
{
	struct coverage_camera *list;
	size_t n;
	char *next;
	const struct coverage_query q = {.camera_id = camera, .from_day = from_day, .to_day = to_day};
	assert_int_equal(coverage_list(&f->s.app, &admin, &q, &f->mem, &list, &n, &next, &f->p), 0);
	assert_int_equal(n, 1);
	for (size_t i = 0; i < list[0].n_days; i++)
		assert_true(list[0].days[i].recorded_s + missing(&list[0].days[i]) == list[0].days[i].owed_s);
	return list[0];
}

/* A day of São Paulo (UTC-3): recorded, missing for reasons, lost, and for no reason. */
static void a_day_is_recorded_or_missing_for_a_reason(void **state)
{
	struct fixture *f = *state;
	int64_t day = civil_days(2026, 11, 20), at = day * DAY + 3 * HOUR;
	record(f, "k0", at - HOUR, at + 6 * HOUR);		   /* begins the day before */
	record(f, "k0", at + 6 * HOUR + US_PER_S, at + 10 * HOUR); /* less than 2 s are no gap */
	gap(f, "k0", at + HOUR, at + HOUR + 90 * US_PER_S, GAP_NO_SIGNAL);
	gap(f, "k0", at + HOUR + 60 * US_PER_S, at + HOUR + 100 * US_PER_S, GAP_BAD_DATA); /* 30 s of it told already */
	gap(f, "k0", at + 10 * HOUR, at + 12 * HOUR, GAP_STOPPED_BY_USER);
	struct uuid id = record(f, "k0", at + 12 * HOUR, at + 13 * HOUR);
	struct recording r = get(f, &id);
	r.status = REC_LOST;
	put(f, &r);
	id = record(f, "k0", at + 13 * HOUR, at + 23 * HOUR);
	r = get(f, &id);
	r.status = REC_DELETED; /* it was recorded */
	put(f, &r);
	struct coverage_camera c = covered(f, "k0", day, day + 1);
	assert_int_equal(c.n_days, 2);
	const struct coverage *d = &c.days[0];
	assert_int_equal(d->owed_s, 86400);
	assert_int_equal(d->missing_s[GAP_NO_SIGNAL], 90);
	assert_int_equal(d->missing_s[GAP_BAD_DATA], 10);
	assert_int_equal(d->missing_s[GAP_STOPPED_BY_USER], 7200);
	assert_int_equal(d->missing_s[COVERAGE_LOST], 3600);
	assert_int_equal(d->missing_s[GAP_UNKNOWN], 3600); /* the last hour: nobody knows */
	assert_int_equal(d->recorded_s, 20 * 3600 - 100);
	assert_true(d->percent > 83.2 && d->percent < 83.22);
	assert_int_equal(c.days[1].recorded_s, 0);
	assert_true(c.days[1].percent == 0);
	/* Today ends now (09:00), tomorrow has not come, and what was before the camera is not owed. */
	c = covered(f, "k0", civil_days(2026, 11, 22), civil_days(2026, 11, 25));
	assert_int_equal(c.n_days, 1);
	assert_int_equal(c.days[0].owed_s, 9 * 3600);
	c = covered(f, "k0", civil_days(2026, 10, 12), civil_days(2026, 10, 13));
	assert_int_equal(c.days[0].owed_s, 3 * 3600); /* it was added at 21:00 */
	assert_int_equal(c.days[1].owed_s, 86400);
	assert_true(covered(f, "k0", civil_days(2026, 10, 1), civil_days(2026, 10, 2)).days[0].percent < 0);
}

/* What is not to be recorded any more was owed while it was. */
static void gaps_of_a_camera_no_longer_recorded_count(void **state)
{
	struct fixture *f = *state;
	struct camera c;
	int64_t day = civil_days(2026, 11, 20), at = day * DAY + 3 * HOUR;
	record(f, "k0", at, at + 2 * HOUR);
	gap(f, "k0", at + 2 * HOUR, at + 4 * HOUR, GAP_NO_SIGNAL);
	assert_int_equal(f->s.catalog->cameras->get(f->s.catalog->self, &admin, "k0", &f->mem, &c), 0);
	c.record = false;
	assert_int_equal(camera_update(&f->s.app, &admin, &c, &f->p), 0);
	struct coverage d = covered(f, "k0", day, day).days[0];
	assert_int_equal(d.owed_s, 4 * 3600);
	assert_int_equal(d.recorded_s, 2 * 3600);
	assert_true(d.percent == 50);
}

static void days_of_a_clock_change_have_their_hours(void **state)
{
	static const struct {
		const char *zone;
		int year, month, day, hours;
	} days[] = {{"America/Sao_Paulo", 2018, 11, 3, 24}, {"America/Sao_Paulo", 2018, 11, 4, 23}, {"America/Sao_Paulo", 2018, 2, 17, 25},
		    {"America/Sao_Paulo", 2018, 2, 18, 24}, {"Europe/Lisbon", 2026, 10, 25, 25},    {"Europe/Lisbon", 2026, 3, 29, 23}};
	struct fixture *f = *state;
	struct camera camera;
	struct city city;
	assert_int_equal(f->s.catalog->cameras->get(f->s.catalog->self, &admin, "k2", &f->mem, &camera), 0);
	assert_int_equal(f->s.catalog->cities->get(f->s.catalog->self, &admin, "bage", &f->mem, &city), 0);
	camera.created_at = civil_days(2018, 1, 1) * DAY;
	assert_int_equal(f->s.catalog->cameras->update(f->s.catalog->self, &admin, &camera), 0);
	for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
		int64_t day = civil_days(days[i].year, days[i].month, days[i].day), first = day * DAY - DAY;
		city.time_zone = days[i].zone;
		assert_int_equal(city_update(&f->s.app, &admin, &city, &f->p), 0);
		for (int h = 0; h < 72; h++) /* hour files over it, one hour of its morning missing */
			if (h != 24 + 10)
				record(f, "k2", first + h * HOUR, first + (h + 1) * HOUR);
		gap(f, "k2", first + 34 * HOUR, first + 35 * HOUR, GAP_SERVER_DOWN);
		struct coverage c = covered(f, "k2", day, day).days[0];
		assert_int_equal(c.owed_s, days[i].hours * 3600);
		assert_int_equal(c.recorded_s, (days[i].hours - 1) * 3600);
		assert_int_equal(c.missing_s[GAP_SERVER_DOWN], 3600);
	}
}

static void coverage_is_listed_by_camera_in_scope(void **state)
{
	struct fixture *f = *state;
	struct coverage_camera *list;
	size_t n;
	char *next;
	struct coverage_query q = {
		.city_id = "lapa", .from_day = civil_days(2026, 11, 1), .to_day = civil_days(2026, 12, 1), .page = {.limit = 1}};
	assert_int_equal(coverage_list(&f->s.app, &of_lapa, &q, &f->mem, &list, &n, &next, &f->p), 0);
	assert_int_equal(n, 1);
	assert_string_equal(list[0].camera.id, "k0");
	assert_int_equal(list[0].n_days, 22);
	q.page.cursor = next;
	assert_int_equal(coverage_list(&f->s.app, &of_lapa, &q, &f->mem, &list, &n, &next, &f->p), 0);
	assert_string_equal(list[0].camera.id, "k1");
	assert_null(next);
	/* One that was archived before is not there; one that was archived since is. */
	q.page = (struct page){.limit = 10};
	assert_int_equal(camera_archive(&f->s.app, &admin, "k1", &f->p), 0);
	assert_int_equal(coverage_list(&f->s.app, &of_lapa, &q, &f->mem, &list, &n, &next, &f->p), 0);
	assert_int_equal(n, 2);
	fake_clock_advance(&f->s.clock, 30 * DAY);
	q.from_day = q.to_day = civil_days(2026, 12, 1);
	assert_int_equal(coverage_list(&f->s.app, &of_lapa, &q, &f->mem, &list, &n, &next, &f->p), 0);
	assert_int_equal(n, 1);
	q.city_id = "bage";
	assert_int_equal(coverage_list(&f->s.app, &of_lapa, &q, &f->mem, &list, &n, &next, &f->p), -ENOENT);
	q.city_id = NULL;
	assert_true(coverage_list(&f->s.app, &of_lapa, &q, &f->mem, &list, &n, &next, &f->p) < 0);
	q.camera_id = "k2";
	assert_int_equal(coverage_list(&f->s.app, &of_lapa, &q, &f->mem, &list, &n, &next, &f->p), -ENOENT);
	q.camera_id = "k0";
	q.to_day = q.from_day + 31;
	assert_true(coverage_list(&f->s.app, &of_lapa, &q, &f->mem, &list, &n, &next, &f->p) < 0);
}

/* --- the promise --- */

static struct promise promise(struct fixture *f, const struct actor *a)
{
	struct promise p;
	assert_int_equal(promise_of(&f->s.app, a, NULL, &f->mem, &p, &f->p), 0);
	return p;
}

/* A day of k0 and k2, 144 MB an hour each: 3.456 GB a day, 24.2 GB for 7 days and 103.7 GB for 30. */
static void record_a_day(struct fixture *f)
{
	for (int i = 24; i > 0; i--) {
		record(f, "k0", NOON - i * HOUR, NOON - (i - 1) * HOUR);
		record(f, "k2", NOON - i * HOUR, NOON - (i - 1) * HOUR);
	}
}

static void set_disk(struct fixture *f, int64_t free_bytes)
{
	struct jobs_limits limits = jobs_limits_default;
	limits.pressure_min_bytes = 1000000000;
	limits.pressure_rate_s = 0;
	jobs_set_limits(&limits);
	f->s.volumes.volume[0].space = (struct volume_space){.total_bytes = 1000000000000, .free_bytes = free_bytes};
}

static bool near(double a, double b)
{
	return a > b - 0.01 && a < b + 0.01;
}

static void a_disk_that_is_large_enough_keeps_its_promises(void **state)
{
	struct fixture *f = *state;
	record_a_day(f);
	set_disk(f, 500000000000);
	struct promise p = promise(f, &admin);
	assert_int_equal(p.n_cities, 2);
	const struct promise_city *bage = &p.cities[0], *lapa = &p.cities[1];
	assert_string_equal(bage->city_id, "bage");
	assert_true(near(bage->forecast_days, 30) && near(lapa->forecast_days, 7));
	assert_true(near(lapa->actual_days, 1));
	assert_true(lapa->oldest_at == NOON - DAY);
	assert_int_equal(lapa->bytes, 3456000000);
	assert_int_equal(lapa->bytes_per_day, 3456000000);
	assert_int_equal(lapa->files, 24);
	assert_int_equal(p.n_volumes, 1);
	assert_int_equal(p.volumes[0].bytes_per_day, 6912000000);
	assert_true(p.volumes[0].fills_on == TIME_NONE);
	assert_null(p.last_run);
	/* Of all disks, whoever asks. */
	p = promise(f, &of_lapa);
	assert_int_equal(p.n_cities, 1);
	assert_int_equal(p.volumes[0].bytes_per_day, 6912000000);
}

static void a_disk_that_is_too_small_shortens_every_promise_alike(void **state)
{
	struct fixture *f = *state;
	record_a_day(f);
	set_disk(f, 58000000000); /* 57 and the 6.9 there of the 127.9 needed: half */
	struct promise p = promise(f, &admin);
	assert_true(near(p.cities[0].forecast_days, 30 * 63.912 / 127.872));
	assert_true(near(p.cities[1].forecast_days, 7 * 63.912 / 127.872));
	assert_true(p.volumes[0].fills_on == civil_days(2026, 11, 30)); /* 57 GB at 6.9 a day are 8.2 */
	f->s.volumes.volume[0].unmounted = true;
	p = promise(f, &admin);
	assert_non_null(p.volumes[0].problem);
	assert_false(p.volumes[0].measured);
	assert_true(p.cities[0].forecast_days < 0);
}

static void held_footage_is_not_what_is_kept(void **state)
{
	struct fixture *f = *state;
	record_a_day(f);
	record(f, "k0", NOON - 20 * DAY, NOON - 20 * DAY + HOUR);
	struct promise p = promise(f, &admin);
	assert_true(near(p.cities[1].actual_days, 20));
	assert_int_equal(p.cities[1].overdue_bytes, 144000000);
	hold(f, "k0", NOON - 20 * DAY, NOON - 19 * DAY);
	p = promise(f, &admin);
	assert_true(near(p.cities[1].actual_days, 1));
	assert_int_equal(p.cities[1].held_bytes, 144000000);
	assert_int_equal(p.cities[1].overdue_bytes, 0);
}

static void nothing_is_known_of_the_first_hour(void **state)
{
	struct fixture *f = *state;
	record(f, "k0", NOON - 30 * MINUTE, NOON);
	struct promise p = promise(f, &admin);
	assert_true(p.cities[1].forecast_days < 0);
	assert_true(p.cities[0].actual_days < 0);
	assert_true(p.cities[0].oldest_at == TIME_NONE);
}

/* Files of an hour that begin at each minute of two days: none outlives what is said, and one comes close to it. */
static void no_file_outlives_what_is_said(void **state)
{
	struct fixture *f = *state;
	struct city lapa;
	double longest = 0;
	assert_int_equal(f->s.catalog->cities->get(f->s.catalog->self, &admin, "lapa", &f->mem, &lapa), 0);
	struct promise p = promise(f, &admin);
	const struct promise_city *c = &p.cities[1];
	for (int64_t at = NOON - 9 * DAY; at < NOON - 7 * DAY; at += MINUTE) {
		struct fate fate = fate_of_sealed(&f->s.app, &lapa, at, at + HOUR, at + 6 * DAY);
		double days = (double)(fate.deleted_at - at) / (double)DAY;
		assert_true(days <= c->latest_possible_days);
		longest = days > longest ? days : longest;
		if (at + 7 * DAY < civil_days(2026, 11, 23) * DAY + 3 * HOUR) /* due today, or before */
			assert_true(fate.deleted_at <= c->latest_possible_at);
	}
	assert_true(longest > c->latest_possible_days - 0.01 && near(c->latest_possible_days, 8 + 1 / 24.0));
	assert_true(c->latest_possible_days > 8 + 1 / 24.0 && c->latest_possible_days < 8.05);
}

/* --- other days --- */

static struct retention_preview preview(struct fixture *f, const char *city, int days)
{
	struct retention_preview r;
	assert_int_equal(retention_preview(&f->s.app, &admin, city, days, &f->mem, &r, &f->p), 0);
	return r;
}

static void set_days(struct fixture *f, const char *city, int days)
{
	struct city c;
	assert_int_equal(f->s.catalog->cities->get(f->s.catalog->self, &admin, city, &f->mem, &c), 0);
	c.retention_days = days;
	assert_int_equal(city_update(&f->s.app, &admin, &c, &f->p), 0);
}

/* What is said before the change is what the clean-up then says it would do, and does. */
static void fewer_days_take_what_was_said(void **state)
{
	struct fixture *f = *state;
	struct cleanup_report report;
	for (int i = 0; i < 29 * 24; i++)
		record(f, "k2", NOON - 29 * DAY + i * HOUR, NOON - 29 * DAY + (i + 1) * HOUR);
	hold(f, "k2", NOON - 20 * DAY, NOON - 20 * DAY + 3 * HOUR);
	struct retention_preview r = preview(f, "bage", 10);
	assert_int_equal(r.retention_days_now, 30);
	assert_int_equal(r.files, 20 * 24 + 1 - 3);
	assert_int_equal(r.held_files, 3);
	assert_int_equal(r.cameras, 1);
	assert_int_equal(r.files_anyway, 1);
	assert_true(r.oldest_at == NOON - 29 * DAY);
	assert_true(r.newest_at == NOON - 9 * DAY + HOUR);
	set_days(f, "bage", 10);
	assert_int_equal(cleanup_run(&f->s.app, &admin, true, TIME_NONE, &f->mem, &report, &f->p), 0);
	assert_int_equal(report.run.noticed, r.files);
	int64_t bytes = 0;
	for (size_t i = 0; i < report.n_items; i++)
		bytes += report.items[i].bytes;
	assert_int_equal(bytes, r.bytes);
	/* Then the runs come. */
	int64_t noticed_at = TIME_NONE, deleted_at = TIME_NONE;
	for (int64_t t = NOON; t < NOON + 4 * DAY && deleted_at == TIME_NONE; t += HOUR) {
		fake_clock_advance(&f->s.clock, t - f->s.clock.utc);
		cleanup_tick(&f->s.app);
		struct recording *rows;
		size_t n;
		char *next;
		struct recording_filter q = {.from = TIME_NONE, .to = TIME_NONE, .status = REC_NOTICED};
		assert_int_equal(f->s.catalog->recordings->list(f->s.catalog->self, &admin, &q, &(struct page){.limit = 1}, &f->mem, &rows,
								&n, &next),
				 0);
		if (n && noticed_at == TIME_NONE) {
			noticed_at = t;
			assert_true(rows[0].due_on == r.due_on);
		}
		q.status = REC_DELETED;
		assert_int_equal(f->s.catalog->recordings->list(f->s.catalog->self, &admin, &q, &(struct page){.limit = 1}, &f->mem, &rows,
								&n, &next),
				 0);
		if (n)
			deleted_at = t;
	}
	assert_true(noticed_at == r.notice_at);
	assert_true(deleted_at == r.first_deleted_at);
}

static void more_days_bring_noticed_footage_back(void **state)
{
	struct fixture *f = *state;
	struct cleanup_report report;
	for (int i = 0; i < 24; i++)
		record(f, "k0", NOON - 7 * DAY + i * HOUR, NOON - 7 * DAY + (i + 1) * HOUR);
	clean(f, &report);
	assert_int_equal(report.run.noticed, 24);
	struct retention_preview r = preview(f, "lapa", 15);
	assert_int_equal(r.files, 0);
	assert_int_equal(r.kept_files, 24);
	assert_true(r.kept_until == NOON + 8 * DAY);
	assert_true(r.notice_at == TIME_NONE && r.oldest_at == TIME_NONE);
	r = preview(f, "lapa", 3);
	assert_int_equal(r.noticed_files, 24);
	assert_int_equal(r.kept_files, 0);
	set_days(f, "lapa", 15);
	clean(f, &report);
	assert_int_equal(report.run.noticed, 0);
	assert_int_equal(preview(f, "lapa", 15).noticed_files, 0);
	struct retention_preview none;
	assert_int_equal(retention_preview(&f->s.app, &of_lapa, "lapa", 3, &f->mem, &none, &f->p), -EPERM);
	assert_int_equal(retention_preview(&f->s.app, &admin, "nowhere", 3, &f->mem, &none, &f->p), -ENOENT);
	assert_true(retention_preview(&f->s.app, &admin, "lapa", 0, &f->mem, &none, &f->p) < 0);
}

/* --- what a hold would do --- */

static struct hold_preview weigh(struct fixture *f, const char *camera, int64_t from, int64_t to)
{
	struct hold_preview p;
	const struct hold h = {.camera_ids = &camera, .n_cameras = 1, .from = from, .to = to, .until = TIME_NONE};
	assert_int_equal(hold_preview(&f->s.app, &admin, &h, &f->mem, &p, &f->p), 0);
	return p;
}

/* More than are listed are counted, page after page. */
static void what_is_too_late_is_counted(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 2300; i++) {
		struct uuid id = record(f, "k0", NOON - (i + 1) * MINUTE, NOON - i * MINUTE);
		struct recording r = get(f, &id);
		r.status = REC_LOST;
		put(f, &r);
	}
	struct hold_preview p = weigh(f, "k0", NOON - 100 * HOUR, NOON);
	assert_int_equal(p.files, 0);
	assert_int_equal(p.too_late_files, 2300);
	assert_int_equal(p.n_too_late, HOLD_TOO_LATE_MAX);
}

/* What the preview says is what the hold then covers. */
static void a_hold_covers_what_was_said(void **state)
{
	struct fixture *f = *state;
	const char *camera = "k0";
	struct hold_outcome out;
	for (int i = 0; i < 10; i++)
		record(f, "k0", NOON - 10 * HOUR + i * HOUR, NOON - 9 * HOUR + i * HOUR);
	struct uuid gone = record(f, "k0", NOON - 11 * HOUR, NOON - 10 * HOUR), lost = record(f, "k0", NOON - 12 * HOUR, NOON - 11 * HOUR);
	struct recording r = get(f, &gone);
	r.status = REC_DELETED;
	put(f, &r);
	r = get(f, &lost);
	r.status = REC_LOST;
	put(f, &r);
	hold(f, "k0", NOON - 2 * HOUR, NOON - HOUR);
	struct hold_preview p = weigh(f, "k0", NOON - 13 * HOUR, NOON - 90 * MINUTE);
	assert_int_equal(p.files, 9);
	assert_int_equal(p.bytes, 9 * 144000000ll);
	assert_int_equal(p.new_bytes, 8 * 144000000ll);
	assert_int_equal(p.future_bytes, 0);
	assert_int_equal(p.too_late_files, 2);
	assert_int_equal(p.n_too_late, 2);
	const struct hold h = {.camera_ids = &camera,
			       .n_cameras = 1,
			       .from = NOON - 13 * HOUR,
			       .to = NOON - 90 * MINUTE,
			       .reason = "x",
			       .until = TIME_NONE};
	assert_int_equal(hold_create(&f->s.app, &admin, &h, &f->mem, &out, &f->p), 0);
	assert_int_equal(out.files, p.files);
	assert_int_equal(out.bytes, p.bytes);
	assert_int_equal(out.n_too_late, 2);
	/* Refused as the hold would be; a reason may come later. */
	struct hold bad = h;
	bad.to = bad.from;
	assert_true(hold_preview(&f->s.app, &admin, &bad, &f->mem, &p, &f->p) < 0);
	bad = h;
	bad.reason = NULL;
	assert_int_equal(hold_preview(&f->s.app, &of_lapa, &bad, &f->mem, &p, &f->p), 0);
	assert_true(hold_preview(&f->s.app, &of_bage, &bad, &f->mem, &p, &f->p) < 0);
}

static void a_hold_shortens_the_others_promises(void **state)
{
	struct fixture *f = *state;
	record_a_day(f);
	set_disk(f, 58000000000); /* 57 and the 6.9 there, of 127.9 needed */
	struct hold_preview p = weigh(f, "k0", NOON - DAY, NOON);
	assert_int_equal(p.n_effects, 1);
	assert_string_equal(p.effects[0].city_id, "lapa");
	assert_true(near(p.effects[0].days_before, 7 * 63.912 / 127.872));
	assert_true(near(p.effects[0].days_after, 7 * 60.456 / 127.872));
	/* As much again for a day to come. */
	p = weigh(f, "k0", NOON - DAY, NOON + DAY);
	assert_int_equal(p.future_bytes, 3456000000);
	assert_true(near(p.effects[0].days_after, 7 * 57.0 / 127.872));
	/* Once it is there: what it costs, against what it would be without. */
	hold(f, "k0", NOON - DAY, NOON);
	struct hold *h;
	size_t n;
	char *next;
	assert_int_equal(
		f->s.catalog->holds->list(f->s.catalog->self, &admin, HOLDS_IN_FORCE, &(struct page){.limit = 9}, &f->mem, &h, &n, &next),
		0);
	assert_int_equal(n, 1);
	assert_int_equal(hold_weigh(&f->s.app, &admin, &h[0], &f->mem, &p), 0);
	assert_true(near(p.effects[0].days_before, 7 * 63.912 / 127.872));
	assert_true(near(p.effects[0].days_after, 7 * 60.456 / 127.872));
}

/* --- the situation, notices --- */

static void start(struct fixture *f, const char *camera, enum stream_status status, enum recording_state recording, int64_t last_frame)
{
	struct stream_view v;
	assert_int_equal(stream_start(&f->s.app, &admin, camera, &f->mem, &v, &f->p), 0);
	struct fake_stream *s = fake_engine_find(&f->s.engine, camera);
	s->state.status = status;
	s->state.recording = recording;
	s->state.since = last_frame;
	s->state.last_frame_at = last_frame;
	s->recording = recording == RECORDING_ON;
}

static void the_situation_counts_what_is_wrong(void **state)
{
	struct fixture *f = *state;
	struct situation s;
	struct stream_view v;
	fake_site_add_camera(&f->s, "k3", "lapa");
	fake_site_add_camera(&f->s, "k4", "lapa");
	fake_site_add_camera(&f->s, "k5", "lapa");
	start(f, "k0", STREAM_RECONNECTING, RECORDING_NOT, NOON - 100 * US_PER_S);
	start(f, "k1", STREAM_RECONNECTING, RECORDING_NOT, NOON - 60 * US_PER_S); /* with k0 */
	start(f, "k2", STREAM_RECONNECTING, RECORDING_NOT, NOON - 95 * US_PER_S);
	start(f, "k3", STREAM_RECONNECTING, RECORDING_NOT, NOON - 39 * US_PER_S); /* not with k0 */
	start(f, "k4", STREAM_RECONNECTING, RECORDING_NOT, NOON - 30 * DAY);
	start(f, "k5", STREAM_LIVE, RECORDING_ON, NOON);
	assert_int_equal(stream_stop(&f->s.app, &of_lapa, "k5", &(struct stream_stop){.reason = "obra"}, &f->mem, &v, &f->p), 0);
	const struct attention seen = {.camera_id = "k4", .state = ATTENTION_ACKNOWLEDGED, .until = TIME_NONE, .note = "poste"};
	assert_int_equal(attention_set(&f->s.app, &admin, &seen, &f->p), 0);
	for (int i = 0; i < 3; i++)
		record(f, "k0", NOON - 7 * DAY + i * HOUR, NOON - 7 * DAY + (i + 1) * HOUR);
	mark(f, "k0", NOON - 7 * DAY + 5 * MINUTE);
	assert_int_equal(situation_of(&f->s.app, &admin, NULL, &f->mem, &s, &f->p), 0);
	assert_int_equal(s.total, 6);
	assert_int_equal(s.live, 0);
	assert_int_equal(s.reconnecting, 5);
	assert_int_equal(s.stopped, 1);
	assert_int_equal(s.stopped_by_user, 1);
	assert_int_equal(s.no_signal, 5);
	assert_int_equal(s.new_lost, 4);
	assert_int_equal(s.acknowledged, 1);
	assert_int_equal(s.n_groups, 3);
	assert_string_equal(s.groups[0].camera_ids[0], "k3");
	assert_string_equal(s.groups[1].city_id, "bage");
	assert_int_equal(s.groups[2].n, 2);
	assert_true(s.groups[2].at == NOON - 100 * US_PER_S);
	assert_int_equal(s.volumes_usable, 1);
	assert_int_equal(s.due_cameras, 1);
	assert_int_equal(s.due_files, 3);
	assert_int_equal(s.marked_unheld, 1);
	assert_int_equal(situation_of(&f->s.app, &of_bage, NULL, &f->mem, &s, &f->p), 0);
	assert_int_equal(s.total, 1);
	assert_int_equal(s.due_files, 0);
	assert_int_equal(situation_of(&f->s.app, &of_bage, "lapa", &f->mem, &s, &f->p), -ENOENT);
}

static void failed_deliveries_are_counted_and_tried_again(void **state)
{
	struct fixture *f = *state;
	static const struct notify_target target = {CHANNEL_SMTP, "ana@lapa.example", LANGUAGE_PT_BR};
	struct cleanup_report report;
	struct situation s;
	struct city c;
	struct notice *n;
	size_t count, tried;
	char *next;
	assert_int_equal(f->s.catalog->cities->get(f->s.catalog->self, &admin, "lapa", &f->mem, &c), 0);
	c.notify = &target;
	c.n_notify = 1;
	assert_int_equal(city_update(&f->s.app, &admin, &c, &f->p), 0);
	record(f, "k0", NOON - 7 * DAY, NOON - 7 * DAY + HOUR);
	clean(f, &report);
	f->s.notifiers[CHANNEL_SMTP].down = true;
	for (int i = 0; i < 200; i++) {
		fake_clock_advance(&f->s.clock, HOUR);
		assert_int_equal(notices_deliver(&f->s.app, &tried), 0);
	}
	assert_int_equal(situation_of(&f->s.app, &admin, NULL, &f->mem, &s, &f->p), 0);
	assert_int_equal(s.notices_failed, 1);
	assert_int_equal(f->s.catalog->notices->list(f->s.catalog->self, &admin, &(struct notice_filter){.kind = -1, .failed = true},
						     &(struct page){.limit = 9}, &f->mem, &n, &count, &next),
			 0);
	assert_int_equal(count, 1);
	assert_int_equal(notice_retry(&f->s.app, &of_lapa, n[0].id, &f->p), -EPERM);
	f->s.notifiers[CHANNEL_SMTP].down = false;
	assert_int_equal(notice_retry(&f->s.app, &admin, n[0].id, &f->p), 0);
	assert_int_equal(notices_deliver(&f->s.app, &tried), 0);
	assert_int_equal(tried, 1);
	assert_int_equal(f->s.notifiers[CHANNEL_SMTP].delivered, 1);
	assert_int_equal(situation_of(&f->s.app, &admin, NULL, &f->mem, &s, &f->p), 0);
	assert_int_equal(s.notices_failed, 0);
	assert_true(notice_retry(&f->s.app, &admin, n[0].id, &f->p) < 0); /* there is nothing to try */
	assert_int_equal(f->p.kind, PROBLEM_CONFLICT);
	assert_int_equal(notice_retry(&f->s.app, &admin, "none", &f->p), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_day_is_recorded_or_missing_for_a_reason),
		TEST(gaps_of_a_camera_no_longer_recorded_count),
		TEST(days_of_a_clock_change_have_their_hours),
		TEST(coverage_is_listed_by_camera_in_scope),
		TEST(a_disk_that_is_large_enough_keeps_its_promises),
		TEST(a_disk_that_is_too_small_shortens_every_promise_alike),
		TEST(held_footage_is_not_what_is_kept),
		TEST(nothing_is_known_of_the_first_hour),
		TEST(no_file_outlives_what_is_said),
		TEST(fewer_days_take_what_was_said),
		TEST(more_days_bring_noticed_footage_back),
		TEST(what_is_too_late_is_counted),
		TEST(a_hold_covers_what_was_said),
		TEST(a_hold_shortens_the_others_promises),
		TEST(the_situation_counts_what_is_wrong),
		TEST(failed_deliveries_are_counted_and_tried_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
