/* The daily job, holds, outbox, disk pressure, users and events as use cases, on fakes: each rule by itself. Their interplay:
 * test_retention_sim.c. */
#include "support/test.h"

#include "app/jobs.h"
#include "app/notice_text.h"
#include "base/log.h"
#include "support/fake_ports.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR (3600 * US_PER_S)
#define MIDNIGHT (INT64_C(1795305600) * US_PER_S) /* 2026-11-22 00:00 UTC */

struct fixture {
	struct fake_site s;
	struct arena mem;
	struct problem p;
	struct cleanup_report rep;
};
static const char *const lapa_only[] = {"lapa"};
static const struct actor admin = {.id = "admin", .role = ROLE_ADMINISTRATOR, .all_cities = true};
static const struct actor ana = {.id = "ana", .role = ROLE_OPERATOR, .cities = lapa_only, .n_cities = 1};

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof(f));
	log_set_level((enum log_level)(LOG_ERROR + 1));
	jobs_set_limits(NULL);
	jobs_forget();
	fake_site_init(&f.s, MIDNIGHT);
	static const struct notify_target targets[] = {{CHANNEL_SMTP, "ana@lapa.example", LANGUAGE_PT_BR},
						       {CHANNEL_WEBHOOK, "https://x/", LANGUAGE_EN}};
	const struct city c = {
		.id = "lapa", .name = "Lapa", .retention_days = 7, .time_zone = "America/Sao_Paulo", .notify = targets, .n_notify = 2};
	assert_int_equal(city_create(&f.s.app, &admin, &c, &f.p), 0);
	fake_site_add_camera(&f.s, "portao", "lapa");
	fake_site_add_camera(&f.s, "praca", "lapa");
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	arena_finish(&f->mem);
	fake_site_finish(&f->s);
	jobs_set_limits(NULL);
	return 0;
}

static int run(struct fixture *f, bool dry)
{
	return cleanup_run(&f->s.app, &admin, dry, TIME_NONE, &f->mem, &f->rep, &f->p);
}

/* Both threads of the jobs, in turn. */
static void tick(struct fixture *f)
{
	cleanup_tick(&f->s.app);
	jobs_tick(&f->s.app);
}

static void set_clock(struct fixture *f, int64_t utc)
{
	f->s.clock.mono += utc - f->s.clock.utc;
	f->s.clock.utc = utc;
}

static struct recording row(struct fixture *f, const struct uuid *id)
{
	struct recording r;
	assert_int_equal(f->s.catalog->recordings->get(f->s.catalog->self, &admin, id, &f->mem, &r), 0);
	return r;
}

static const struct notice *notice(struct fixture *f, size_t i)
{
	size_t n;
	const struct notice *all = fake_catalog_notices(f->s.catalog, &n);
	return i < n ? &all[i] : NULL;
}

/* A recording noticed a day before it is overdue, and the clock at the moment it goes. */
static struct uuid noticed(struct fixture *f)
{
	struct uuid id = fake_site_add_recording(&f->s, "portao", "lapa", MIDNIGHT, 3600);
	set_clock(f, MIDNIGHT + 6 * US_PER_DAY + 2 * HOUR);
	assert_int_equal(run(f, false), 0);
	assert_int_equal(row(f, &id).status, REC_NOTICED);
	set_clock(f, MIDNIGHT + 7 * US_PER_DAY + 2 * HOUR + HOUR); /* São Paulo is 3 h behind: its date has come too */
	return id;
}

static void test_a_file_from_notice_to_deletion(void **state)
{
	struct fixture *f = *state;
	struct uuid id = fake_site_add_recording(&f->s, "portao", "lapa", MIDNIGHT, 3600);
	set_clock(f, MIDNIGHT + 6 * US_PER_DAY - 1);
	assert_int_equal(run(f, false), 0);
	assert_int_equal(f->rep.run.noticed, 0);
	set_clock(f, MIDNIGHT + 6 * US_PER_DAY);
	assert_int_equal(run(f, true), 0); /* dry: counted, nothing written */
	assert_int_equal(f->rep.run.noticed, 1);
	assert_int_equal(f->rep.n_items, 1);
	assert_string_equal(f->rep.items[0].what, "notice");
	assert_int_equal(row(f, &id).status, REC_SEALED);
	assert_int_equal(run(f, false), 0);
	assert_int_equal(f->rep.run.noticed, 1);
	const struct notice *n = notice(f, 0);
	assert_int_equal(n->due_on, civil_days(2026, 11, 28)); /* it is the 27th in São Paulo */
	assert_int_equal(n->n_items, 1);
	assert_int_equal(n->n_deliveries, 3);
	assert_int_equal(n->deliveries[0].channel, CHANNEL_INBOX);
	assert_int_equal(n->deliveries[0].status, DELIVERY_SENT);
	assert_int_equal(n->deliveries[1].status, DELIVERY_PENDING);
	set_clock(f, MIDNIGHT + 7 * US_PER_DAY + HOUR - 1); /* its end is not as old yet */
	assert_int_equal(run(f, false), 0);
	assert_int_equal(f->rep.run.deleted, 0);
	set_clock(f, MIDNIGHT + 7 * US_PER_DAY + HOUR);
	assert_int_equal(run(f, true), 0);
	assert_int_equal(f->rep.run.deleted, 1);
	assert_int_equal(f->s.volumes.n_files, 1);
	assert_int_equal(run(f, false), 0);
	assert_int_equal(f->rep.run.deleted, 1);
	assert_int_equal(f->rep.run.bytes_freed, 3600 * 40000);
	struct recording r = row(f, &id); /* the ledger stays */
	assert_int_equal(r.status, REC_DELETED);
	assert_string_equal(r.deleted_by_rule, "retention");
	assert_string_equal(r.notice_id, n->id);
	assert_int_equal(f->s.volumes.n_files, 0);
}

static void test_a_late_run_deletes_late(void **state)
{
	struct fixture *f = *state;
	struct uuid id = fake_site_add_recording(&f->s, "portao", "lapa", MIDNIGHT, 3600);
	set_clock(f, MIDNIGHT + 20 * US_PER_DAY); /* nobody came for two weeks */
	assert_int_equal(run(f, false), 0);
	assert_int_equal(f->rep.run.deleted, 0);
	assert_int_equal(f->rep.run.noticed, 1);
	set_clock(f, f->s.clock.utc + 20 * HOUR - 1);
	assert_int_equal(run(f, false), 0);
	assert_int_equal(f->rep.run.deleted, 0);
	set_clock(f, f->s.clock.utc + 1);
	assert_int_equal(run(f, false), 0);
	assert_int_equal(f->rep.run.deleted, 1);
	assert_int_equal(row(f, &id).status, REC_DELETED);
}

static void test_not_before_the_day_that_was_named(void **state)
{
	struct fixture *f = *state;
	fake_site_add_recording(&f->s, "portao", "lapa", MIDNIGHT - 20 * US_PER_DAY, 3600);
	set_clock(f, MIDNIGHT + 4 * HOUR); /* 01:00 of the 22nd in São Paulo: due on the 23rd */
	assert_int_equal(run(f, false), 0);
	assert_int_equal(notice(f, 0)->due_on, civil_days(2026, 11, 23));
	set_clock(f, MIDNIGHT + 27 * HOUR - 1);
	assert_int_equal(run(f, false), 0);
	assert_int_equal(f->rep.run.deleted, 0);
	set_clock(f, MIDNIGHT + 27 * HOUR);
	assert_int_equal(run(f, false), 0);
	assert_int_equal(f->rep.run.deleted, 1);
}

static void test_files_in_use_wait_an_hour(void **state)
{
	struct fixture *f = *state;
	struct uuid id = noticed(f);
	f->s.footage.pinned[0] = id;
	f->s.footage.n_pinned = 1;
	assert_int_equal(run(f, false), 0);
	assert_int_equal(f->rep.run.deleted, 0);
	assert_int_equal(f->rep.n_items, 1);
	assert_string_equal(f->rep.items[0].what, "pinned");
	fake_clock_advance(&f->s.clock, HOUR - 1);
	retry_pinned(&f->s.app);
	assert_int_equal(row(f, &id).status, REC_NOTICED);
	fake_clock_advance(&f->s.clock, 1);
	retry_pinned(&f->s.app);
	assert_int_equal(row(f, &id).status, REC_DELETED);
}

static void test_a_pin_let_go_is_taken_at_once(void **state)
{
	struct fixture *f = *state;
	struct uuid id = noticed(f);
	f->s.footage.pinned[0] = id;
	f->s.footage.n_pinned = 1;
	assert_int_equal(run(f, false), 0);
	f->s.footage.n_pinned = 0;
	fake_clock_advance(&f->s.clock, 5 * US_PER_S);
	retry_pinned(&f->s.app);
	assert_int_equal(row(f, &id).status, REC_DELETED);
}

static void test_a_hold_made_while_in_use_keeps_the_file(void **state)
{
	struct fixture *f = *state;
	const char *ids[] = {"portao"};
	struct hold_outcome out;
	struct uuid id = noticed(f);
	f->s.footage.pinned[0] = id;
	f->s.footage.n_pinned = 1;
	assert_int_equal(run(f, false), 0);
	const struct hold h = {
		.camera_ids = ids, .n_cameras = 1, .from = MIDNIGHT, .to = MIDNIGHT + HOUR, .reason = "x", .until = TIME_NONE};
	assert_int_equal(hold_create(&f->s.app, &ana, &h, &f->mem, &out, &f->p), 0);
	fake_clock_advance(&f->s.clock, 2 * HOUR);
	f->s.footage.n_pinned = 0;
	retry_pinned(&f->s.app);
	assert_int_equal(row(f, &id).status, REC_SEALED);
}

static void test_a_failing_volume_is_tried_again(void **state)
{
	struct fixture *f = *state;
	struct uuid id = noticed(f);
	f->s.volumes.volume[0].unmounted = true;
	assert_int_equal(run(f, false), 0);
	assert_int_equal(f->rep.run.deleted, 0);
	assert_string_equal(f->rep.items[0].what, "failed");
	assert_null(f->rep.run.error);
	assert_int_equal(row(f, &id).status, REC_DELETING);
	f->s.volumes.volume[0].unmounted = false;
	assert_int_equal(run(f, false), 0);
	assert_int_equal(f->rep.run.deleted, 1);
	assert_int_equal(row(f, &id).status, REC_DELETED);
}

static void test_a_crash_between_file_and_row(void **state)
{
	struct fixture *f = *state;
	struct uuid id = noticed(f);
	/* the write that fails moves on until it is the one after the file has gone */
	for (int n = 1; n < 12 && row(f, &id).status == REC_NOTICED; n++) {
		fake_catalog_fail_writes_after(f->s.catalog, n);
		run(f, false);
		fake_catalog_fail_writes_after(f->s.catalog, 0);
		fake_catalog_restart(f->s.catalog);
	}
	assert_int_equal(f->s.volumes.n_files, 0);
	assert_int_equal(row(f, &id).status, REC_DELETING);
	/* too late for a hold, which says so */
	const char *ids[] = {"portao"};
	struct hold_outcome out;
	const struct hold h = {
		.camera_ids = ids, .n_cameras = 1, .from = MIDNIGHT, .to = MIDNIGHT + HOUR, .reason = "x", .until = TIME_NONE};
	assert_int_equal(hold_create(&f->s.app, &ana, &h, &f->mem, &out, &f->p), 0);
	assert_int_equal(out.n_too_late, 1);
	assert_int_equal(out.files, 0);
	assert_int_equal(run(f, false), 0);
	assert_int_equal(row(f, &id).status, REC_DELETED);
}

static void test_a_hold_rescues_what_is_marked(void **state)
{
	struct fixture *f = *state;
	const char *ids[] = {"portao", "portao"};
	struct hold_outcome out;
	struct uuid id = noticed(f);
	f->s.volumes.volume[0].remove_err = -EIO;
	assert_int_equal(run(f, false), 0);
	assert_int_equal(row(f, &id).status, REC_DELETING);
	struct hold h = {.camera_ids = ids,
			 .n_cameras = 2,
			 .from = MIDNIGHT - HOUR,
			 .to = MIDNIGHT + 1,
			 .reason = "ocorrência 12",
			 .until = TIME_NONE};
	assert_int_equal(hold_create(&f->s.app, &ana, &h, &f->mem, &out, &f->p), 0);
	assert_int_equal(out.files, 1);
	assert_int_equal(out.n_too_late, 0);
	assert_int_equal(out.hold.n_cameras, 1);
	assert_string_equal(out.hold.owner, "ana");
	assert_int_equal(f->s.volumes.mirrors, 1);
	assert_int_equal(f->s.volumes.mirrored, 1);
	f->s.volumes.volume[0].remove_err = 0;
	fake_clock_advance(&f->s.clock, 30 * US_PER_DAY);
	assert_int_equal(run(f, false), 0);
	assert_int_equal(row(f, &id).status, REC_SEALED);
	/* ended: noticed first, gone a day later */
	assert_int_equal(hold_finish(&f->s.app, &ana, out.hold.id, "encerrado", &f->p), 0);
	assert_int_equal(hold_finish(&f->s.app, &ana, out.hold.id, "encerrado", &f->p), -EEXIST);
	assert_int_equal(run(f, false), 0);
	assert_int_equal(f->rep.run.deleted, 0);
	assert_int_equal(row(f, &id).status, REC_NOTICED);
	fake_clock_advance(&f->s.clock, US_PER_DAY);
	assert_int_equal(run(f, false), 0);
	assert_int_equal(row(f, &id).status, REC_DELETED);
}

static void test_who_ends_a_hold(void **state)
{
	struct fixture *f = *state;
	const char *ids[] = {"portao"}, *unknown[] = {"portao", "nada"};
	struct hold_outcome out;
	const struct actor bia = {.id = "bia", .role = ROLE_OPERATOR, .cities = lapa_only, .n_cities = 1};
	const struct actor viewer = {.id = "vi", .role = ROLE_VIEWER, .all_cities = true};
	struct hold h = {.camera_ids = ids,
			 .n_cameras = 1,
			 .from = MIDNIGHT,
			 .to = MIDNIGHT + HOUR,
			 .reason = "x",
			 .until = MIDNIGHT + 5 * HOUR},
		    bad;
	assert_int_equal(hold_create(&f->s.app, &viewer, &h, &f->mem, &out, &f->p), -EPERM);
	assert_int_equal(hold_create(&f->s.app, &ana, &h, &f->mem, &out, &f->p), 0);
	assert_int_equal(hold_finish(&f->s.app, &bia, out.hold.id, NULL, &f->p), -EPERM);
	assert_int_equal(hold_finish(&f->s.app, &admin, "nada", NULL, &f->p), -ENOENT);
	assert_int_equal(hold_finish(&f->s.app, &admin, out.hold.id, " ", &f->p), -EINVAL);
	assert_string_equal(f->p.field, "reason");
	bad = h, bad.to = bad.from;
	assert_int_equal(hold_create(&f->s.app, &ana, &bad, &f->mem, &out, &f->p), -EINVAL);
	assert_string_equal(f->p.field, "to");
	bad = h, bad.reason = "";
	assert_int_equal(hold_create(&f->s.app, &ana, &bad, &f->mem, &out, &f->p), -EINVAL);
	assert_string_equal(f->p.field, "reason");
	bad = h, bad.until = MIDNIGHT;
	assert_int_equal(hold_create(&f->s.app, &ana, &bad, &f->mem, &out, &f->p), -EINVAL);
	assert_string_equal(f->p.field, "until");
	bad = h, bad.camera_ids = unknown, bad.n_cameras = 2;
	assert_int_equal(hold_create(&f->s.app, &ana, &bad, &f->mem, &out, &f->p), -EINVAL);
	assert_string_equal(f->p.field, "camera_ids");
	/* a volume that does not take the copy: said, in force, and tried again */
	f->s.volumes.mirror_err = -EIO;
	assert_int_equal(hold_create(&f->s.app, &ana, &h, &f->mem, &out, &f->p), -EAGAIN);
	f->s.volumes.mirror_err = 0;
	f->s.volumes.mirrors = 0;
	tick(f);
	assert_int_equal(f->s.volumes.mirrors, 1);
	assert_int_equal(f->s.volumes.mirrored, 2);
	tick(f);
	assert_int_equal(f->s.volumes.mirrors, 1);
	fake_clock_advance(&f->s.clock, 5 * HOUR); /* both end by themselves */
	tick(f);
	assert_int_equal(f->s.volumes.mirrors, 2);
	assert_int_equal(f->s.volumes.mirrored, 0);
}

static void test_deletion_is_off_after_a_rebuild(void **state)
{
	struct fixture *f = *state;
	struct uuid id = noticed(f), young;
	assert_int_equal(f->s.catalog->settings->put(f->s.catalog->self, "deletion_off", "1"), 0);
	young = fake_site_add_recording(&f->s, "praca", "lapa", f->s.clock.utc - 6 * US_PER_DAY, 60);
	assert_int_equal(run(f, false), 0);
	assert_non_null(f->rep.run.error);
	assert_int_equal(row(f, &id).status, REC_NOTICED);
	assert_int_equal(row(f, &young).status, REC_NOTICED); /* notices go on */
	assert_int_equal(f->s.catalog->settings->put(f->s.catalog->self, "deletion_off", NULL), 0);
	assert_int_equal(run(f, false), 0);
	assert_null(f->rep.run.error);
	assert_int_equal(row(f, &id).status, REC_DELETED);
}

static void test_never_twice_at_once(void **state)
{
	struct fixture *f = *state;
	const struct job_run other = {
		.id = "r1", .job = "cleanup", .actor = "x", .scheduled_for = TIME_NONE, .started_at = MIDNIGHT, .finished_at = TIME_NONE};
	assert_int_equal(f->s.catalog->jobs->begin(f->s.catalog->self, &other), 0);
	assert_int_equal(run(f, false), -EBUSY);
	assert_int_equal(f->p.kind, PROBLEM_CONFLICT);
	assert_int_equal(cleanup_run(&f->s.app, &ana, false, TIME_NONE, &f->mem, &f->rep, &f->p), -EPERM);
	fake_catalog_restart(f->s.catalog);
	assert_int_equal(run(f, false), 0);
}

static size_t runs(struct fixture *f, int64_t *ret_last)
{
	struct job_run *r;
	size_t n;
	char *next;
	assert_int_equal(f->s.catalog->jobs->list(f->s.catalog->self, "cleanup", &(struct page){.limit = 100}, &f->mem, &r, &n, &next), 0);
	*ret_last = n ? r[0].scheduled_for : 0;
	return n;
}

static void test_schedule(void **state)
{
	struct fixture *f = *state;
	int64_t last;
	tick(f); /* first start at midnight: yesterday's run is nobody's */
	assert_int_equal(runs(f, &last), 0);
	set_clock(f, MIDNIGHT + 2 * HOUR - 1);
	tick(f);
	assert_int_equal(runs(f, &last), 0);
	set_clock(f, MIDNIGHT + 2 * HOUR);
	tick(f);
	tick(f);
	assert_int_equal(runs(f, &last), 1);
	assert_int_equal(last, MIDNIGHT + 2 * HOUR);
	/* down for three days: caught up once */
	set_clock(f, MIDNIGHT + 3 * US_PER_DAY + 10 * HOUR);
	tick(f);
	tick(f);
	assert_int_equal(runs(f, &last), 2);
	assert_int_equal(last, MIDNIGHT + 3 * US_PER_DAY + 2 * HOUR);
	assert_int_equal(cleanup_next(&f->s.app, f->s.clock.utc), MIDNIGHT + 4 * US_PER_DAY + 2 * HOUR);
	/* one by hand does not count for the schedule */
	assert_int_equal(run(f, false), 0);
	set_clock(f, MIDNIGHT + 4 * US_PER_DAY + 2 * HOUR);
	tick(f);
	assert_int_equal(runs(f, &last), 4);
	/* a clock that was a year ahead does not stop it for a year */
	set_clock(f, MIDNIGHT + 400 * US_PER_DAY);
	tick(f);
	assert_int_equal(runs(f, &last), 5);
	set_clock(f, MIDNIGHT + 5 * US_PER_DAY + 2 * HOUR);
	tick(f);
	tick(f);
	assert_int_equal(runs(f, &last), 6);
	f->s.app.cleanup_schedule = "nonsense";
	assert_int_equal(cleanup_next(&f->s.app, f->s.clock.utc), TIME_NONE);
	tick(f);
}

static void test_a_run_cut_short_is_made_good(void **state)
{
	struct fixture *f = *state;
	int64_t last;
	tick(f);
	struct uuid id = fake_site_add_recording(&f->s, "portao", "lapa", MIDNIGHT - 8 * US_PER_DAY, 3600);
	set_clock(f, MIDNIGHT + 2 * HOUR);
	fake_catalog_fail_writes_after(f->s.catalog, 3);
	tick(f);
	fake_catalog_fail_writes_after(f->s.catalog, 0);
	assert_int_equal(row(f, &id).status, REC_SEALED);
	fake_catalog_restart(f->s.catalog);
	fake_clock_advance(&f->s.clock, 10 * US_PER_S);
	tick(f);
	assert_int_equal(row(f, &id).status, REC_NOTICED);
	/* one that finished with an error waits an hour */
	fake_clock_advance(&f->s.clock, US_PER_DAY);
	jobs_cancel(true);
	tick(f);
	size_t before = runs(f, &last);
	jobs_cancel(false);
	tick(f); /* stopped by a shutdown: at once */
	assert_int_equal(runs(f, &last), before + 1);
	assert_int_equal(row(f, &id).status, REC_DELETED);
}

static void test_a_digest_counts_rightly(void **state)
{
	struct fixture *f = *state;
	const char *ids[] = {"portao"};
	struct hold_outcome out;
	for (int i = 0; i < 5; i++)
		fake_site_add_recording(&f->s, "portao", "lapa", MIDNIGHT + i * HOUR, 3600);
	fake_site_add_recording(&f->s, "praca", "lapa", MIDNIGHT, 1800);
	const struct gap g = {.camera_id = "praca",
			      .city_id = "lapa",
			      .from = MIDNIGHT + 600 * US_PER_S,
			      .to = MIDNIGHT + 2400 * US_PER_S,
			      .reason = GAP_NO_SIGNAL};
	assert_int_equal(f->s.catalog->gaps->put(f->s.catalog->self, &g), 0);
	const struct hold h = {.camera_ids = ids,
			       .n_cameras = 1,
			       .from = MIDNIGHT + 2 * HOUR,
			       .to = MIDNIGHT + 3 * HOUR,
			       .reason = "x",
			       .until = TIME_NONE};
	assert_int_equal(hold_create(&f->s.app, &ana, &h, &f->mem, &out, &f->p), 0);
	set_clock(f, MIDNIGHT + 7 * US_PER_DAY);
	assert_int_equal(run(f, false), 0);
	const struct notice *n = notice(f, 0);
	assert_int_equal(n->n_items, 2);
	assert_string_equal(n->items[0].camera_id, "portao");
	assert_int_equal(n->items[0].files, 4);
	assert_int_equal(n->items[0].held_files, 1);
	assert_int_equal(n->items[0].bytes, 4 * 3600 * 40000);
	assert_int_equal(n->items[0].from, MIDNIGHT);
	assert_int_equal(n->items[0].to, MIDNIGHT + 5 * HOUR);
	assert_int_equal(n->items[1].files, 1);
	assert_int_equal(n->items[1].gap_seconds, 1200); /* inside its span */
	/* a second run the same day has a digest of its own, for the next day */
	fake_site_add_recording(&f->s, "praca", "lapa", MIDNIGHT + HOUR, 60);
	assert_int_equal(run(f, false), 0);
	assert_int_equal(notice(f, 1)->due_on, n->due_on + 1);
	assert_null(notice(f, 2));
}

static void test_both_channels_down_for_a_day(void **state)
{
	struct fixture *f = *state;
	fake_site_add_recording(&f->s, "portao", "lapa", MIDNIGHT, 3600);
	set_clock(f, MIDNIGHT + 6 * US_PER_DAY + 2 * HOUR);
	assert_int_equal(run(f, false), 0);
	f->s.notifiers[1].down = f->s.notifiers[2].down = true;
	size_t tried;
	for (int i = 0; i < 24 * 60; i++) {
		assert_int_equal(notices_deliver(&f->s.app, &tried), 0);
		fake_clock_advance(&f->s.clock, 60 * US_PER_S);
	}
	/* 1, 2, 4, ... 60 minutes apart: some thirty tries a day, not 1440 */
	assert_in_range(f->s.notifiers[1].tried, 25, 32);
	const struct delivery *d = &notice(f, 0)->deliveries[1];
	assert_int_equal(d->status, DELIVERY_PENDING);
	assert_string_equal(d->last_error, "connection refused");
	f->s.notifiers[1].down = f->s.notifiers[2].down = false;
	for (int i = 0; i < 180; i++) {
		assert_int_equal(notices_deliver(&f->s.app, &tried), 0);
		fake_clock_advance(&f->s.clock, 60 * US_PER_S);
	}
	assert_int_equal(f->s.notifiers[1].delivered, 1);
	assert_int_equal(f->s.notifiers[2].delivered, 1);
	assert_int_equal(d->status, DELIVERY_SENT);
	assert_null(d->last_error);
	assert_string_equal(f->s.notifiers[1].last_subject, "Lapa: 1 gravação de 1 câmera (0,1 GB) vence em 28/11/2026");
	assert_string_equal(f->s.notifiers[2].last_subject, "Lapa: 1 recording of 1 camera (0.1 GB) expires on 28 Nov 2026");
	/* deletion did not wait for it */
	assert_int_equal(run(f, false), 0);
	assert_int_equal(f->rep.run.deleted, 1);
}

static void test_given_up_after_a_week(void **state)
{
	struct fixture *f = *state;
	size_t tried;
	fake_site_add_recording(&f->s, "portao", "lapa", MIDNIGHT, 3600);
	set_clock(f, MIDNIGHT + 6 * US_PER_DAY + 2 * HOUR);
	assert_int_equal(run(f, false), 0);
	f->s.notifiers[1].down = true;
	f->s.app.notifiers[2].ops = NULL; /* taken out of the configuration */
	for (int i = 0; i < 8 * 24 * 4; i++) {
		assert_int_equal(notices_deliver(&f->s.app, &tried), 0);
		fake_clock_advance(&f->s.clock, 900 * US_PER_S);
	}
	assert_int_equal(notice(f, 0)->deliveries[1].status, DELIVERY_FAILED);
	assert_int_equal(notice(f, 0)->deliveries[2].status, DELIVERY_FAILED);
	assert_string_equal(notice(f, 0)->deliveries[2].last_error, "webhook is not configured");
}

static void test_disk_pressure(void **state)
{
	struct fixture *f = *state;
	struct jobs_limits limits = jobs_limits_default;
	struct uuid ids[10];
	limits.pressure_min_bytes = 1000 * INT64_C(1000000);
	jobs_set_limits(&limits);
	struct uuid held = fake_site_add_recording(&f->s, "praca", "lapa", MIDNIGHT - 5 * HOUR, 3600);
	for (int i = 0; i < 10; i++) /* 144 MB each */
		ids[i] = fake_site_add_recording(&f->s, "portao", "lapa", MIDNIGHT + i * HOUR, 3600);
	const char *cameras[] = {"praca"};
	struct hold_outcome out;
	const struct hold h = {
		.camera_ids = cameras, .n_cameras = 1, .from = MIDNIGHT - 5 * HOUR, .to = MIDNIGHT, .reason = "x", .until = TIME_NONE};
	assert_int_equal(hold_create(&f->s.app, &ana, &h, &f->mem, &out, &f->p), 0);
	set_clock(f, MIDNIGHT + 11 * HOUR);
	f->s.volumes.volume[0].space.free_bytes = limits.pressure_min_bytes;
	pressure_tick(&f->s.app);
	assert_int_equal(f->s.volumes.n_files, 11);
	f->s.volumes.volume[0].space.free_bytes = limits.pressure_min_bytes - 200 * INT64_C(1000000);
	f->s.footage.pinned[0] = ids[0];
	f->s.footage.n_pinned = 1;
	pressure_tick(&f->s.app);
	assert_int_equal(f->s.volumes.n_files, 9); /* the two oldest that are neither held nor in use */
	assert_int_equal(row(f, &held).status, REC_SEALED);
	assert_int_equal(row(f, &ids[0]).status, REC_SEALED);
	assert_int_equal(row(f, &ids[1]).status, REC_DELETED);
	assert_string_equal(row(f, &ids[2]).deleted_by_rule, "disk_pressure");
	const struct notice *n = notice(f, 0);
	assert_int_equal(n->kind, NOTICE_DELETED_EARLY);
	assert_int_equal(n->n_items, 1);
	assert_int_equal(n->items[0].files, 2);
	assert_int_equal(n->items[0].from, MIDNIGHT + HOUR);
	/* more on the same day is told the next day */
	f->s.volumes.volume[0].space.free_bytes = limits.pressure_min_bytes - 1;
	pressure_tick(&f->s.app);
	pressure_tick(&f->s.app);
	assert_int_equal(f->s.volumes.n_files, 8);
	assert_null(notice(f, 1));
	jobs_forget(); /* over a restart, too */
	fake_clock_advance(&f->s.clock, US_PER_DAY);
	pressure_tick(&f->s.app);
	assert_non_null(notice(f, 1));
	assert_int_equal(notice(f, 1)->items[0].files, 1);
	pressure_tick(&f->s.app);
	assert_null(notice(f, 2));
}

static void test_pressure_knows_the_rate(void **state)
{
	struct fixture *f = *state;
	struct jobs_limits limits = jobs_limits_default;
	limits.pressure_min_bytes = 1000000;
	jobs_set_limits(&limits);
	fake_site_add_recording(&f->s, "portao", "lapa", MIDNIGHT, 3600);
	f->s.volumes.volume[0].space.free_bytes = INT64_C(80) * 1000000000;
	/* 10 MB/s: two hours are 72 GB */
	for (int i = 0; i < 10; i++) {
		pressure_tick(&f->s.app);
		assert_int_equal(f->s.volumes.n_files, 1);
		fake_clock_advance(&f->s.clock, 60 * US_PER_S);
		f->s.volumes.volume[0].space.free_bytes -= 600 * INT64_C(1000000);
	}
	f->s.volumes.volume[0].space.free_bytes = INT64_C(71) * 1000000000;
	pressure_tick(&f->s.app);
	assert_int_equal(f->s.volumes.n_files, 0);
}

static int64_t written; /* by the recorder, as the next test says */

static int64_t volume_written(void *self, const char *volume_id)
{
	return written;
}

/* What the recorder counts is the rate: neither preallocation and other writers nor the first minutes' burst empty a disk with room. */
static void test_pressure_believes_the_recorder(void **state)
{
	struct fixture *f = *state;
	struct jobs_limits limits = jobs_limits_default;
	limits.pressure_min_bytes = 1000000;
	jobs_set_limits(&limits);
	written = 0;
	f->s.app.volume_written = volume_written;
	fake_site_add_recording(&f->s, "portao", "lapa", MIDNIGHT, 3600);
	f->s.volumes.volume[0].space.free_bytes = INT64_C(80) * 1000000000;
	for (int i = 0; i < 30; i++) {
		pressure_tick(&f->s.app);
		assert_int_equal(f->s.volumes.n_files, 1);
		fake_clock_advance(&f->s.clock, 60 * US_PER_S);
		written += i ? INT64_C(60) * 1000000 : INT64_C(3000) * 1000000;	    /* 1 MB/s, after a burst */
		f->s.volumes.volume[0].space.free_bytes -= INT64_C(2) * 1000000000; /* somebody else writes, too */
	}
	/* 10 MB/s for half an hour: two hours are about 72 GB, and 20 are free. */
	for (int i = 0; i < 30; i++) {
		written += INT64_C(600) * 1000000;
		fake_clock_advance(&f->s.clock, 60 * US_PER_S);
		pressure_tick(&f->s.app);
	}
	assert_int_equal(f->s.volumes.n_files, 0);
}

/* --- users --- */

static int fake_hash(const char *password, char ret[128])
{
	snprintf(ret, 128, "hash of %.100s", password);
	return 0;
}

static bool fake_verify(const char *hash, const char *password)
{
	return strcmp(hash + 8, password) == 0;
}

static void test_users(void **state)
{
	struct fixture *f = *state;
	const struct password_hasher h = {fake_hash, fake_verify};
	const char *unknown[] = {"nada"};
	struct user got, u = {.name = "root", .role = ROLE_ADMINISTRATOR, .all_cities = true};
	assert_int_equal(user_create(&f->s.app, ACTOR_SYSTEM("system:cli"), &u, "abc", &h, &f->p), -EINVAL);
	assert_int_equal(user_create(&f->s.app, ACTOR_SYSTEM("system:start"), &u, "abc", &h, &f->p), 0);
	assert_int_equal(user_create(&f->s.app, &admin, &u, "long enough", &h, &f->p), -EEXIST);
	u = (struct user){.name = "ana", .role = ROLE_OPERATOR, .cities = lapa_only, .n_cities = 1};
	assert_int_equal(user_create(&f->s.app, &admin, &u, "short", &h, &f->p), -EINVAL);
	assert_string_equal(f->p.field, "password");
	assert_int_equal(user_create(&f->s.app, &admin, &u, "long enough", &h, &f->p), 0);
	u.name = "Ana B";
	assert_int_equal(user_create(&f->s.app, &admin, &u, "long enough", &h, &f->p), -EINVAL);
	u.name = "bia", u.cities = unknown;
	assert_int_equal(user_create(&f->s.app, &admin, &u, "long enough", &h, &f->p), -EINVAL);
	assert_string_equal(f->p.field, "cities");
	/* she changes her own password, not her role, and nobody else */
	u = (struct user){.name = "ana", .role = ROLE_OPERATOR, .cities = lapa_only, .n_cities = 1};
	assert_int_equal(f->s.catalog->users->get(f->s.catalog->self, "ana", &f->mem, &got), 0);
	u.disabled_at = got.disabled_at;
	assert_int_equal(user_update(&f->s.app, &ana, &u, "another long one", &h, &f->p), 0);
	assert_int_equal(f->s.catalog->users->get(f->s.catalog->self, "ana", &f->mem, &got), 0);
	assert_true(fake_verify(got.password_hash, "another long one"));
	u.role = ROLE_ADMINISTRATOR;
	assert_int_equal(user_update(&f->s.app, &ana, &u, NULL, &h, &f->p), -EPERM);
	u = (struct user){.name = "root", .role = ROLE_VIEWER, .all_cities = true, .disabled_at = TIME_NONE};
	assert_int_equal(user_update(&f->s.app, &ana, &u, NULL, &h, &f->p), -EPERM);
	/* the last administrator stays one */
	assert_int_equal(user_update(&f->s.app, &admin, &u, NULL, &h, &f->p), -EEXIST);
	assert_int_equal(f->p.kind, PROBLEM_CONFLICT);
	assert_int_equal(user_remove(&f->s.app, &admin, "root", &f->p), -EEXIST);
	/* an administrator of one city neither sees nor makes those of all */
	const struct actor local = {.id = "lo", .role = ROLE_ADMINISTRATOR, .cities = lapa_only, .n_cities = 1};
	assert_int_equal(user_remove(&f->s.app, &local, "root", &f->p), -ENOENT);
	u = (struct user){.name = "novo", .role = ROLE_VIEWER, .all_cities = true};
	assert_int_equal(user_create(&f->s.app, &local, &u, "long enough", &h, &f->p), -EPERM);
	assert_int_equal(user_remove(&f->s.app, &local, "ana", &f->p), 0);
	size_t n;
	const struct audit_entry *all = fake_catalog_audit(f->s.catalog, &n);
	for (size_t i = 0; i < n; i++)
		assert_null(strstr(all[i].details, "long"));
}

/* --- events --- */

static void test_events_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct events *e = f->s.app.events;
	struct event_subscriber *slow = events_subscribe(e), *fast = events_subscribe(e);
	struct event ev, out;
	uint64_t last = 0;
	memset(&ev, 0, sizeof(ev));
	ev.kind = EVENT_CAMERA_CHANGED;
	for (int i = 0; i < 300; i++) {
		events_publish(e, &f->s.clock.clock, &ev);
		assert_true(events_pending(fast));
		assert_true(events_next(fast, &out));
		assert_true(out.sequence > last);
		assert_int_equal(out.at, f->s.clock.utc);
		last = out.sequence;
	}
	assert_false(events_pending(fast));
	assert_true(events_next(slow, &out));
	assert_int_equal(out.kind, EVENT_RESYNC);
	int rest = 0;
	while (events_next(slow, &out))
		rest++;
	assert_true(rest <= 255);
	events_publish(e, &f->s.clock.clock, &ev);
	assert_true(events_next(slow, &out));
	assert_int_equal(out.kind, EVENT_CAMERA_CHANGED);
	events_unsubscribe(e, slow);
	events_unsubscribe(e, fast);
}

static void test_shared_text(void **state)
{
	struct shared_text *t = shared_text_create("abc", 3), *u = shared_text_ref(t);
	shared_text_unref(&t);
	assert_null(t);
	assert_memory_equal(u->data, "abc", 3);
	shared_text_unref(&u);
	shared_text_unref(&u);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_file_from_notice_to_deletion),
		T(test_a_late_run_deletes_late),
		T(test_not_before_the_day_that_was_named),
		T(test_files_in_use_wait_an_hour),
		T(test_a_pin_let_go_is_taken_at_once),
		T(test_a_hold_made_while_in_use_keeps_the_file),
		T(test_a_failing_volume_is_tried_again),
		T(test_a_crash_between_file_and_row),
		T(test_a_hold_rescues_what_is_marked),
		T(test_who_ends_a_hold),
		T(test_deletion_is_off_after_a_rebuild),
		T(test_never_twice_at_once),
		T(test_schedule),
		T(test_a_run_cut_short_is_made_good),
		T(test_a_digest_counts_rightly),
		T(test_both_channels_down_for_a_day),
		T(test_given_up_after_a_week),
		T(test_disk_pressure),
		T(test_pressure_knows_the_rate),
		T(test_pressure_believes_the_recorder),
		T(test_users),
		T(test_events_are_bounded),
		T(test_shared_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
