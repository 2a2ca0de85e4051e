/* What the page shows of footage, on the fake catalogue: timelines, what expires. */
#include "unit/app/reports_site.h"

/* --- timelines --- */

static struct timeline line(struct fixture *f, const struct actor *a, const char *camera, int64_t from, int64_t to, bool ids)
{
	struct timeline *list;
	size_t n;
	assert_int_equal(timeline_of(&f->s.app, a, &camera, 1, from, to, ids, &f->mem, &list, &n, &f->p), 0);
	assert_int_equal(n, 1);
	return list[0];
}

static void assert_span(const struct timeline_span *s, int64_t from, int64_t to, enum recording_status status, bool held)
{
	assert_true(s->from == from);
	assert_true(s->to == to);
	assert_int_equal(s->status, status);
	assert_int_equal(s->held, held);
}

static void files_that_follow_each_other_are_one_span(void **state)
{
	struct fixture *f = *state;
	for (int h = 0; h < 10; h++)
		record(f, "k0", MIDNIGHT + h * HOUR, MIDNIGHT + (h + 1) * HOUR - (h == 3 ? US_PER_S : 0));
	struct timeline t = line(f, &admin, "k0", MIDNIGHT + 30 * MINUTE, NOON, false);
	assert_int_equal(t.n_spans, 1);
	assert_span(&t.spans[0], MIDNIGHT + 30 * MINUTE, MIDNIGHT + 10 * HOUR, REC_SEALED, false);
	assert_int_equal(t.spans[0].n_ids, 0);
	assert_int_equal(t.retention_days, 7);
	assert_string_equal(t.city_id, "lapa");
	t = line(f, &admin, "k0", MIDNIGHT, NOON, true);
	assert_int_equal(t.spans[0].n_ids, 10);
}

static void a_gap_cuts_what_its_file_covers(void **state)
{
	struct fixture *f = *state;
	record(f, "k0", MIDNIGHT, MIDNIGHT + HOUR);
	gap(f, "k0", MIDNIGHT + 20 * MINUTE, MIDNIGHT + 21 * MINUTE, GAP_NO_SIGNAL);
	gap(f, "k0", MIDNIGHT + HOUR, MIDNIGHT + 90 * MINUTE, GAP_REFUSED);
	/* A short one that a full disk left: files touch it, and are not joined over it. */
	record(f, "k0", MIDNIGHT + 90 * MINUTE, MIDNIGHT + 2 * HOUR);
	gap(f, "k0", MIDNIGHT + 95 * MINUTE, MIDNIGHT + 95 * MINUTE + US_PER_S, GAP_DISK_FULL);
	struct timeline t = line(f, &admin, "k0", MIDNIGHT, NOON, false);
	assert_int_equal(t.n_spans, 4);
	assert_span(&t.spans[0], MIDNIGHT, MIDNIGHT + 20 * MINUTE, REC_SEALED, false);
	assert_span(&t.spans[1], MIDNIGHT + 21 * MINUTE, MIDNIGHT + HOUR, REC_SEALED, false);
	assert_span(&t.spans[2], MIDNIGHT + 90 * MINUTE, MIDNIGHT + 95 * MINUTE, REC_SEALED, false);
	assert_span(&t.spans[3], MIDNIGHT + 95 * MINUTE + US_PER_S, MIDNIGHT + 2 * HOUR, REC_SEALED, false);
	assert_int_equal(t.n_gaps, 3);
	assert_int_equal(t.gaps[1].reason, GAP_REFUSED);
}

static void an_open_file_ends_now_and_an_open_gap_cuts_it(void **state)
{
	struct fixture *f = *state;
	struct uuid id = record(f, "k0", NOON - HOUR, NOON);
	struct recording r = get(f, &id);
	r.status = REC_RECORDING;
	r.ended_at = TIME_NONE;
	put(f, &r);
	struct timeline t = line(f, &admin, "k0", MIDNIGHT, MIDNIGHT + DAY, false);
	assert_int_equal(t.n_spans, 1);
	assert_span(&t.spans[0], NOON - HOUR, NOON, REC_RECORDING, false);
	gap(f, "k0", NOON - 30 * US_PER_S, TIME_NONE, GAP_NO_SIGNAL);
	t = line(f, &admin, "k0", MIDNIGHT, MIDNIGHT + DAY, false);
	assert_int_equal(t.n_spans, 1);
	assert_true(t.spans[0].to == NOON - 30 * US_PER_S);
	assert_true(t.gaps[0].to == TIME_NONE);
}

/* Its volume went away with the row unsettled; recording went on elsewhere. */
static void a_file_left_open_ends_where_the_next_begins(void **state)
{
	struct fixture *f = *state;
	struct uuid id = record(f, "k0", NOON - 6 * HOUR, NOON - 5 * HOUR);
	struct recording r = get(f, &id);
	r.status = REC_RECORDING;
	r.ended_at = TIME_NONE;
	put(f, &r);
	record(f, "k0", NOON - 4 * HOUR, NOON - 3 * HOUR);
	gap(f, "k0", NOON - 5 * HOUR, NOON - 4 * HOUR, GAP_DISK_ERROR);
	struct timeline t = line(f, &admin, "k0", MIDNIGHT, NOON, false);
	assert_int_equal(t.n_spans, 2);
	assert_span(&t.spans[0], NOON - 6 * HOUR, NOON - 5 * HOUR, REC_RECORDING, false);
	assert_span(&t.spans[1], NOON - 4 * HOUR, NOON - 3 * HOUR, REC_SEALED, false);
	struct camera c;
	struct coverage v;
	assert_int_equal(f->s.catalog->cameras->get(f->s.catalog->self, &admin, "k0", &f->mem, &c), 0);
	assert_int_equal(coverage_measure(&f->s.app, &c, (const int64_t[]){MIDNIGHT, NOON}, 1, &v), 0);
	assert_int_equal(v.recorded_s, 2 * 3600);
	assert_int_equal(v.missing_s[GAP_DISK_ERROR], 3600);
}

/* A file found again after it was said to be lost: what is there hides what was. */
static void what_is_there_hides_what_was(void **state)
{
	struct fixture *f = *state;
	struct uuid lost = record(f, "k0", MIDNIGHT, MIDNIGHT + HOUR), gone = record(f, "k0", MIDNIGHT + 2 * HOUR, MIDNIGHT + 3 * HOUR);
	struct recording r = get(f, &lost);
	r.status = REC_LOST;
	put(f, &r);
	r = get(f, &gone);
	r.status = REC_DELETED;
	r.deleted_at = NOON;
	put(f, &r);
	record(f, "k0", MIDNIGHT + 20 * MINUTE, MIDNIGHT + 40 * MINUTE);
	struct timeline t = line(f, &admin, "k0", MIDNIGHT, NOON, false);
	assert_int_equal(t.n_spans, 4);
	assert_span(&t.spans[0], MIDNIGHT, MIDNIGHT + 20 * MINUTE, REC_LOST, false);
	assert_span(&t.spans[1], MIDNIGHT + 20 * MINUTE, MIDNIGHT + 40 * MINUTE, REC_SEALED, false);
	assert_span(&t.spans[2], MIDNIGHT + 40 * MINUTE, MIDNIGHT + HOUR, REC_LOST, false);
	assert_span(&t.spans[3], MIDNIGHT + 2 * HOUR, MIDNIGHT + 3 * HOUR, REC_DELETED, false);
}

static void holds_marks_and_exports_stand_beside_it(void **state)
{
	struct fixture *f = *state;
	record(f, "k0", MIDNIGHT, MIDNIGHT + HOUR);
	record(f, "k0", MIDNIGHT + HOUR, MIDNIGHT + 2 * HOUR);
	hold(f, "k0", MIDNIGHT + 10 * MINUTE, MIDNIGHT + 20 * MINUTE);
	hold(f, "k0", MIDNIGHT - 2 * DAY, MIDNIGHT - DAY);
	mark(f, "k0", MIDNIGHT + 5 * MINUTE);
	mark(f, "k0", MIDNIGHT + 50 * MINUTE);
	mark(f, "k1", MIDNIGHT + 50 * MINUTE);
	audit_note(&f->s.app, &admin, "export.download", "camera:k0", "lapa",
		   "{\"from\":\"2026-11-22T00:10:00.000Z\",\"to\":\"2026-11-22T00:12:00.000Z\"}");
	audit_note(&f->s.app, &admin, "export.download", "camera:k0", "lapa",
		   "{\"from\":\"2026-11-21T00:10:00.000Z\",\"to\":\"2026-11-21T00:12:00.000Z\"}");
	audit_note(&f->s.app, &admin, "playback.open", "camera:k0", "lapa",
		   "{\"from\":\"2026-11-22T00:10:00.000Z\",\"to\":\"2026-11-22T00:12:00.000Z\"}");
	struct timeline t = line(f, &of_lapa, "k0", MIDNIGHT, NOON, false);
	assert_int_equal(t.n_spans, 2); /* the hold keeps the whole first file */
	assert_span(&t.spans[0], MIDNIGHT, MIDNIGHT + HOUR, REC_SEALED, true);
	assert_span(&t.spans[1], MIDNIGHT + HOUR, MIDNIGHT + 2 * HOUR, REC_SEALED, false);
	assert_int_equal(t.n_holds, 1);
	assert_string_equal(t.holds[0].reason, "BO 1");
	assert_int_equal(t.n_marks, 2);
	assert_true(t.marks[0].at == MIDNIGHT + 5 * MINUTE);
	assert_int_equal(t.n_exports, 1);
	assert_true(t.exports[0].from == MIDNIGHT + 10 * MINUTE && t.exports[0].to == MIDNIGHT + 12 * MINUTE);
	assert_string_equal(t.exports[0].by, "admin");
}

static void noticed_footage_says_when_it_is_due(void **state)
{
	struct fixture *f = *state;
	struct cleanup_report report;
	record(f, "k0", NOON - 6 * DAY - HOUR, NOON - 6 * DAY);
	record(f, "k0", NOON - 6 * DAY + HOUR, NOON - 6 * DAY + 2 * HOUR);
	assert_int_equal(cleanup_run(&f->s.app, &admin, false, TIME_NONE, &f->mem, &report, &f->p), 0);
	struct timeline t = line(f, &admin, "k0", NOON - 7 * DAY, NOON, false);
	assert_int_equal(t.n_spans, 2);
	assert_int_equal(t.spans[0].status, REC_NOTICED);
	assert_true(t.spans[0].due_on == civil_days(2026, 11, 23));
	assert_int_equal(t.spans[1].status, REC_SEALED);
	assert_true(t.spans[1].due_on == TIME_NONE);
}

static void the_other_citys_cameras_are_left_out(void **state)
{
	struct fixture *f = *state;
	const char *const asked[] = {"k2", "k0", "nobody", "k0"};
	struct timeline *list;
	size_t n;
	struct camera c;
	assert_int_equal(timeline_of(&f->s.app, &of_lapa, asked, 4, MIDNIGHT, NOON, false, &f->mem, &list, &n, &f->p), 0);
	assert_int_equal(n, 1);
	assert_string_equal(list[0].camera_id, "k0");
	assert_int_equal(timeline_of(&f->s.app, &of_lapa, asked, 1, MIDNIGHT, NOON, false, &f->mem, &list, &n, &f->p), -ENOENT);
	/* Footage stays with the city that it was recorded for. */
	record(f, "k0", MIDNIGHT, MIDNIGHT + HOUR);
	assert_int_equal(f->s.catalog->cameras->get(f->s.catalog->self, &admin, "k0", &f->mem, &c), 0);
	c.city_id = "bage";
	assert_int_equal(camera_update(&f->s.app, &admin, &c, &f->p), 0);
	struct timeline t = line(f, &of_lapa, "k0", MIDNIGHT, NOON, false);
	assert_int_equal(t.n_spans, 1);
	assert_string_equal(t.city_id, "lapa");
	assert_null(t.camera_name);
	t = line(f, &of_bage, "k0", MIDNIGHT, NOON, false);
	assert_int_equal(t.n_spans, 0);
	assert_string_equal(t.camera_name, "k0");
}

static void too_much_is_refused(void **state)
{
	struct fixture *f = *state;
	const char *ids[TIMELINE_CAMERAS_MAX + 1];
	struct timeline *list;
	size_t n;
	for (size_t i = 0; i <= TIMELINE_CAMERAS_MAX; i++)
		ids[i] = "k0";
	assert_true(timeline_of(&f->s.app, &admin, ids, TIMELINE_CAMERAS_MAX + 1, MIDNIGHT, NOON, false, &f->mem, &list, &n, &f->p) < 0);
	assert_true(timeline_of(&f->s.app, &admin, ids, 1, MIDNIGHT - 33 * DAY, NOON, false, &f->mem, &list, &n, &f->p) < 0);
	assert_true(timeline_of(&f->s.app, &admin, ids, 0, MIDNIGHT, NOON, false, &f->mem, &list, &n, &f->p) < 0);
	assert_true(timeline_of(&f->s.app, &admin, ids, 1, NOON, NOON, false, &f->mem, &list, &n, &f->p) < 0);
}

/* --- what expires --- */

static struct expiring expiring(struct fixture *f, const struct actor *a, int days, bool marked)
{
	struct expiring e;
	assert_int_equal(expiring_of(&f->s.app, a, &(struct expiring_query){.days = days, .marked = marked}, &f->mem, &e, &f->p), 0);
	return e;
}

/* What is foretold is what the runs then do: each hour a file, runs at 02:00, told at every hour of two days. */
static void what_is_foretold_comes(void **state)
{
	struct fixture *f = *state;
	struct cleanup_report report;
	struct fate fates[30];
	struct uuid ids[30];
	struct city lapa;
	assert_int_equal(f->s.catalog->cities->get(f->s.catalog->self, &admin, "lapa", &f->mem, &lapa), 0);
	for (int i = 0; i < 30; i++) {
		int64_t at = NOON - 7 * DAY + i * HOUR;
		ids[i] = record(f, "k0", at, at + HOUR);
		fates[i] = fate_of_sealed(&f->s.app, &lapa, at, at + HOUR, NOON);
	}
	for (int64_t t = NOON; t < NOON + 6 * DAY; t += HOUR) {
		fake_clock_advance(&f->s.clock, t - f->s.clock.utc);
		cleanup_tick(&f->s.app);
		for (int i = 0; i < 30; i++) {
			struct recording r = get(f, &ids[i]);
			assert_int_equal(r.status != REC_SEALED, t >= fates[i].noticed_at);
			assert_int_equal(r.status == REC_DELETED, t >= fates[i].deleted_at);
			if (r.status == REC_NOTICED) {
				assert_true(r.due_on == fates[i].due_on);
				assert_true(fates[i].deleted_at ==
					    fate_of_noticed(&f->s.app, &lapa, r.started_at, r.ended_at, r.due_on, r.noticed_at, t));
			}
		}
	}
	clean(f, &report);
}

static void what_expires_is_one_line_a_camera_and_due_date(void **state)
{
	struct fixture *f = *state;
	struct cleanup_report report;
	for (int i = 0; i < 24; i++) {
		record(f, "k0", NOON - 7 * DAY + i * HOUR, NOON - 7 * DAY + (i + 1) * HOUR);
		record(f, "k1", NOON - 7 * DAY + i * HOUR, NOON - 7 * DAY + (i + 1) * HOUR);
	}
	record(f, "k2", NOON - DAY, NOON);
	gap(f, "k0", NOON - 7 * DAY + 30 * MINUTE, NOON - 7 * DAY + 40 * MINUTE, GAP_NO_SIGNAL);
	gap(f, "k0", NOON - 8 * DAY, NOON - 7 * DAY + MINUTE, GAP_NO_SIGNAL);
	hold(f, "k1", NOON - 7 * DAY + 2 * HOUR, NOON - 7 * DAY + 4 * HOUR);
	/* 09:00 in Lapa: the run at 02:00 UTC (23:00 of the same local day) is to notice them all. */
	struct expiring e = expiring(f, &admin, 2, false);
	assert_int_equal(e.n_items, 2);
	assert_string_equal(e.items[0].camera_id, "k0");
	assert_false(e.items[0].noticed);
	assert_true(e.items[0].due_on == civil_days(2026, 11, 23));
	assert_int_equal(e.items[0].files, 24);
	assert_int_equal(e.items[0].bytes, 24 * 3600 * 40000ll);
	assert_int_equal(e.items[0].seconds, 24 * 3600);
	assert_int_equal(e.items[0].gap_seconds, 660);
	assert_int_equal(e.items[0].held_files, 0);
	assert_true(e.items[0].first == NOON - 7 * DAY && e.items[0].last == NOON - 6 * DAY);
	assert_int_equal(e.items[1].files, 22);
	assert_int_equal(e.items[1].held_files, 2);
	assert_int_equal(e.cameras, 2);
	assert_int_equal(e.files, 46);
	assert_int_equal(expiring(f, &admin, 0, false).n_items, 0);
	assert_int_equal(expiring(f, &of_bage, 2, false).n_items, 0);
	clean(f, &report);
	assert_int_equal(report.run.noticed, 46);
	e = expiring(f, &of_lapa, 1, false);
	assert_int_equal(e.n_items, 2);
	assert_true(e.items[0].noticed);
	assert_true(e.items[0].due_on == civil_days(2026, 11, 23));
	assert_int_equal(e.items[0].files, 24);
	assert_int_equal(e.items[1].held_files, 2);
}

static void marks_without_a_hold_come_first(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 3; i++) {
		record(f, "k0", NOON - 7 * DAY + i * HOUR, NOON - 7 * DAY + (i + 1) * HOUR);
		record(f, "k1", NOON - 7 * DAY + i * HOUR, NOON - 7 * DAY + (i + 1) * HOUR);
	}
	mark(f, "k0", NOON);			     /* of today */
	mark(f, "k1", NOON - 7 * DAY + 30 * MINUTE); /* is held */
	mark(f, "k1", NOON - 7 * DAY + 90 * MINUTE); /* is not */
	mark(f, "k1", NOON - 7 * DAY + 4 * HOUR);    /* nothing is there */
	hold(f, "k1", NOON - 7 * DAY + 10 * MINUTE, NOON - 7 * DAY + 20 * MINUTE);
	struct expiring e = expiring(f, &of_lapa, 2, false);
	assert_int_equal(e.n_items, 2);
	assert_string_equal(e.items[0].camera_id, "k1");
	assert_int_equal(e.items[0].n_marks, 1);
	assert_true(e.items[0].marks[0].at == NOON - 7 * DAY + 90 * MINUTE);
	assert_int_equal(e.items[1].n_marks, 0);
	assert_int_equal(e.marks, 1);
	assert_int_equal(expiring(f, &of_lapa, 2, true).n_items, 1);
	hold(f, "k1", NOON - 7 * DAY + 85 * MINUTE, NOON - 7 * DAY + 95 * MINUTE);
	e = expiring(f, &of_lapa, 2, false);
	assert_int_equal(e.marks, 0);
	assert_int_equal(e.items[1].held_files, 2);
	assert_int_equal(expiring(f, &of_lapa, 2, true).n_items, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_that_follow_each_other_are_one_span),
		TEST(a_gap_cuts_what_its_file_covers),
		TEST(an_open_file_ends_now_and_an_open_gap_cuts_it),
		TEST(a_file_left_open_ends_where_the_next_begins),
		TEST(what_is_there_hides_what_was),
		TEST(holds_marks_and_exports_stand_beside_it),
		TEST(noticed_footage_says_when_it_is_due),
		TEST(the_other_citys_cameras_are_left_out),
		TEST(too_much_is_refused),
		TEST(what_is_foretold_comes),
		TEST(what_expires_is_one_line_a_camera_and_due_date),
		TEST(marks_without_a_hold_come_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
