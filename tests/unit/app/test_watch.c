/* The watch on a simulated clock: silent cameras, gaps, holds that end, disks that will not last. Each told once, together with what
 * belongs to it, and not again after a restart. */
#include "support/test.h"

#include "app/jobs.h"
#include "app/notice_text.h"
#include "base/log.h"
#include "support/fake_ports.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SECOND US_PER_S
#define MINUTE (60 * US_PER_S)
#define HOUR (3600 * US_PER_S)
#define NOON (INT64_C(1795305600) * US_PER_S + 12 * HOUR) /* 2026-11-22; 09:00 in São Paulo */
#define GB INT64_C(1000000000)

struct fixture {
	struct fake_site s;
	struct arena mem;
	struct problem p;
	bool dark[8]; /* by number of the camera: gives no frames */
};
static const struct actor admin = {.id = "admin", .role = ROLE_ADMINISTRATOR, .all_cities = true};
static const char *const names[] = {"k0", "k1", "k2", "k3", "k4"};
#define CAMERAS (sizeof(names) / sizeof(*names))

/* Cities "lapa" (k0..k3; k3 in the group "norte") and "bage" (k4). */
static int set_up(void **state)
{
	static struct fixture f;
	static const struct notify_target targets[] = {{CHANNEL_SMTP, "ana@lapa.example", LANGUAGE_PT_BR},
						       {CHANNEL_WEBHOOK, "https://x/", LANGUAGE_EN}};
	memset(&f, 0, sizeof(f));
	log_set_level((enum log_level)(LOG_ERROR + 1));
	jobs_set_limits(NULL);
	jobs_forget();
	fake_site_init(&f.s, NOON);
	for (int i = 0; i < 2; i++) {
		const struct city c = {.id = i ? "bage" : "lapa",
				       .name = i ? "Bagé" : "Lapa",
				       .retention_days = 7,
				       .time_zone = "America/Sao_Paulo",
				       .notify = targets,
				       .n_notify = 2};
		assert_int_equal(city_create(&f.s.app, &admin, &c, &f.p), 0);
	}
	for (size_t i = 0; i < CAMERAS; i++) {
		struct camera c;
		fake_site_add_camera(&f.s, names[i], i == 4 ? "bage" : "lapa");
		assert_int_equal(f.s.catalog->cameras->get(f.s.catalog->self, &admin, names[i], &f.mem, &c), 0);
		c.group = i == 3 ? "norte" : "";
		assert_int_equal(f.s.catalog->cameras->update(f.s.catalog->self, &admin, &c), 0);
	}
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	arena_finish(&f->mem);
	fake_site_finish(&f->s);
	jobs_set_limits(NULL);
	jobs_forget();
	return 0;
}

/* Frames of those that are not dark, then the tick. */
static void live_tick(struct fixture *f)
{
	for (size_t i = 0; i < CAMERAS; i++) {
		struct fake_stream *s = fake_engine_find(&f->s.engine, names[i]);
		if (!s || !s->provided)
			continue;
		s->state.status = f->dark[i] ? STREAM_RECONNECTING : STREAM_LIVE;
		if (!f->dark[i])
			s->state.last_frame_at = f->s.clock.utc;
	}
	jobs_tick(&f->s.app);
}

static void pass(struct fixture *f, int64_t us)
{
	for (int64_t left = us; left > 0; left -= 10 * SECOND) {
		fake_clock_advance(&f->s.clock, left < 10 * SECOND ? left : 10 * SECOND);
		live_tick(f);
	}
}

/* Another process: nothing is remembered but what the catalogue holds; cameras are asked anew. */
static void restart(struct fixture *f)
{
	jobs_forget();
	fake_catalog_restart(f->s.catalog);
	for (size_t i = 0; i < f->s.engine.n; i++)
		f->s.engine.streams[i].state.last_frame_at = TIME_NONE;
}

static void start(struct fixture *f, size_t camera)
{
	struct stream_view v;
	assert_int_equal(stream_start(&f->s.app, &admin, names[camera], &f->mem, &v, &f->p), 0);
}

static void start_all(struct fixture *f)
{
	for (size_t i = 0; i < CAMERAS; i++)
		start(f, i);
	pass(f, MINUTE);
}

static size_t count(struct fixture *f, enum notice_kind kind, const struct notice **ret_last)
{
	size_t n, k = 0;
	const struct notice *all = fake_catalog_notices(f->s.catalog, &n);
	for (size_t i = 0; i < n; i++) {
		if (all[i].kind != kind)
			continue;
		k++;
		if (ret_last)
			*ret_last = &all[i];
		/* everybody is told of everything */
		assert_int_equal(all[i].n_deliveries, 3);
		assert_int_equal(all[i].deliveries[0].channel, CHANNEL_INBOX);
		assert_string_equal(all[i].deliveries[1].to, "ana@lapa.example");
	}
	return k;
}

static const struct notice *nth(struct fixture *f, enum notice_kind kind, size_t index)
{
	size_t n;
	const struct notice *all = fake_catalog_notices(f->s.catalog, &n);
	for (size_t i = 0; i < n; i++)
		if (all[i].kind == kind && index-- == 0)
			return &all[i];
	return NULL;
}

static int64_t local_date(int year, int month, int day)
{
	return civil_days(year, month, day);
}

/* --- silence --- */

static void test_a_silent_camera_is_told_once(void **state)
{
	struct fixture *f = *state;
	const struct notice *n = NULL;
	struct event_subscriber *sub = events_subscribe(f->s.app.events);
	struct event ev;
	bool published = false;
	start_all(f);
	int64_t lost = f->s.clock.utc;
	f->dark[1] = true;
	pass(f, 5 * MINUTE - 10 * SECOND);
	assert_int_equal(count(f, NOTICE_CAMERA_SILENT, NULL), 0);
	pass(f, 10 * SECOND);
	assert_int_equal(count(f, NOTICE_CAMERA_SILENT, &n), 1);
	assert_string_equal(n->city_id, "lapa");
	assert_int_equal(n->n_items, 1);
	assert_string_equal(n->items[0].camera_id, "k1");
	assert_int_equal(n->items[0].from, lost);
	assert_int_equal(n->due_on, local_date(2026, 11, 22));
	while (events_next(sub, &ev))
		published |= ev.kind == EVENT_NOTICE_CREATED && strcmp(ev.detail, n->id) == 0;
	events_unsubscribe(f->s.app.events, sub);
	assert_true(published);
	pass(f, 3 * HOUR);
	restart(f);
	pass(f, 2 * HOUR);
	assert_int_equal(count(f, NOTICE_CAMERA_SILENT, NULL), 1);
	assert_int_equal(f->s.notifiers[1].delivered, 1);
	/* back, and lost again: new */
	f->dark[1] = false;
	pass(f, MINUTE);
	f->dark[1] = true;
	restart(f); /* lost while nobody looked: counted from the start */
	pass(f, 5 * MINUTE);
	assert_int_equal(count(f, NOTICE_CAMERA_SILENT, NULL), 1);
	pass(f, 10 * SECOND);
	assert_int_equal(count(f, NOTICE_CAMERA_SILENT, NULL), 2);
}

static void test_cameras_lost_together_are_one_notice(void **state)
{
	struct fixture *f = *state;
	start_all(f);
	int64_t lost = f->s.clock.utc;
	f->dark[0] = f->dark[3] = f->dark[4] = true; /* k3: another group; k4: another city */
	pass(f, 50 * SECOND);
	f->dark[1] = true;
	pass(f, 2 * MINUTE);
	f->dark[2] = true; /* later: by itself */
	pass(f, 2 * MINUTE + 20 * SECOND);
	assert_int_equal(count(f, NOTICE_CAMERA_SILENT, NULL), 2); /* k3 and k4; k0 waits for k1 */
	pass(f, 50 * SECOND);
	assert_int_equal(count(f, NOTICE_CAMERA_SILENT, NULL), 3);
	const struct notice *n = nth(f, NOTICE_CAMERA_SILENT, 2);
	assert_int_equal(n->n_items, 2);
	assert_string_equal(n->items[0].camera_id, "k0");
	assert_int_equal(n->items[0].from, lost);
	assert_string_equal(n->items[1].camera_id, "k1");
	assert_int_equal(n->items[1].from, lost + 50 * SECOND);
	pass(f, HOUR);
	assert_int_equal(count(f, NOTICE_CAMERA_SILENT, NULL), 4);
	assert_string_equal(nth(f, NOTICE_CAMERA_SILENT, 3)->items[0].camera_id, "k2");
}

static void test_one_that_comes_back_does_not_hold_up_the_other(void **state)
{
	struct fixture *f = *state;
	start_all(f);
	f->dark[0] = true;
	pass(f, 50 * SECOND);
	f->dark[1] = true;
	pass(f, 4 * MINUTE + 10 * SECOND);
	assert_int_equal(count(f, NOTICE_CAMERA_SILENT, NULL), 0);
	f->dark[1] = false;
	pass(f, 10 * SECOND);
	assert_int_equal(count(f, NOTICE_CAMERA_SILENT, NULL), 1);
	assert_int_equal(nth(f, NOTICE_CAMERA_SILENT, 0)->n_items, 1);
}

static void test_a_camera_that_comes_and_goes_is_told_once_an_hour(void **state)
{
	struct fixture *f = *state;
	start_all(f);
	for (int i = 0; i < 17; i++) { /* 119 minutes */
		f->dark[0] = true;
		pass(f, 6 * MINUTE);
		f->dark[0] = false;
		pass(f, MINUTE);
		if (i == 4)
			restart(f);
	}
	assert_int_equal(count(f, NOTICE_CAMERA_SILENT, NULL), 2);
	int64_t apart = nth(f, NOTICE_CAMERA_SILENT, 1)->created_at - nth(f, NOTICE_CAMERA_SILENT, 0)->created_at;
	assert_true(apart >= HOUR);
}

static void test_cameras_never_seen_count_and_stopped_ones_do_not(void **state)
{
	struct fixture *f = *state;
	struct stream_view v;
	for (size_t i = 0; i < CAMERAS; i++)
		f->dark[i] = true;
	start(f, 0);
	start(f, 1);
	pass(f, 4 * MINUTE);
	assert_int_equal(stream_stop(&f->s.app, &admin, "k1", &(struct stream_stop){.reason = "works"}, &f->mem, &v, &f->p), 0);
	pass(f, 2 * HOUR);
	assert_int_equal(count(f, NOTICE_CAMERA_SILENT, NULL), 1);
	assert_string_equal(nth(f, NOTICE_CAMERA_SILENT, 0)->items[0].camera_id, "k0");
	assert_int_equal(nth(f, NOTICE_CAMERA_SILENT, 0)->items[0].from, NOON + 10 * SECOND); /* when it was first looked for */
	start(f, 1);									      /* the clock of its silence begins anew */
	pass(f, 4 * MINUTE);
	assert_int_equal(count(f, NOTICE_CAMERA_SILENT, NULL), 1);
	pass(f, 2 * MINUTE);
	assert_int_equal(count(f, NOTICE_CAMERA_SILENT, NULL), 2);
}

static void test_a_crash_between_memory_and_notice_loses_neither(void **state)
{
	struct fixture *f = *state;
	for (int crash = 1; crash <= 2; crash++) {
		start(f, (size_t)crash - 1);
		pass(f, 4 * MINUTE + 50 * SECOND);
		struct fake_stream *s = fake_engine_find(&f->s.engine, names[crash - 1]);
		s->state.status = STREAM_RECONNECTING;
		s->state.last_frame_at = f->s.clock.utc - 5 * MINUTE;
		fake_clock_advance(&f->s.clock, 5 * MINUTE);
		f->dark[crash - 1] = true;
		fake_catalog_fail_writes_after(f->s.catalog, crash); /* 1: the memory, 2: the notice */
		watch_tick(&f->s.app);
		fake_catalog_fail_writes_after(f->s.catalog, 0);
		assert_int_equal(count(f, NOTICE_CAMERA_SILENT, NULL), crash - 1);
		if (crash == 2)
			restart(f);
		pass(f, 20 * MINUTE);
		assert_int_equal(count(f, NOTICE_CAMERA_SILENT, NULL), crash);
	}
}

/* --- gaps --- */

static void put_gap(struct fixture *f, size_t camera, int64_t from, int64_t to, enum gap_reason reason)
{
	const struct gap g = {
		.camera_id = names[camera], .city_id = camera == 4 ? "bage" : "lapa", .from = from, .to = to, .reason = reason};
	assert_int_equal(f->s.catalog->gaps->put(f->s.catalog->self, &g), 0);
}

static void test_gaps_that_are_told_and_gaps_that_are_not(void **state)
{
	struct fixture *f = *state;
	put_gap(f, 2, NOON - HOUR, NOON - MINUTE, GAP_NO_SIGNAL); /* before the first start */
	pass(f, MINUTE);
	int64_t t = f->s.clock.utc;
	put_gap(f, 0, t - 60 * SECOND, t, GAP_NO_SIGNAL); /* a minute is no gap yet */
	put_gap(f, 1, t - 30 * MINUTE, t, GAP_STOPPED_BY_USER);
	pass(f, 10 * MINUTE);
	assert_int_equal(count(f, NOTICE_GAP, NULL), 0);
	t = f->s.clock.utc;
	put_gap(f, 0, t - 61 * SECOND, t, GAP_BAD_DATA);
	pass(f, MINUTE + 50 * SECOND);
	assert_int_equal(count(f, NOTICE_GAP, NULL), 0); /* what belongs to it may follow */
	put_gap(f, 1, t - 200 * SECOND, t - 100 * SECOND, GAP_BAD_DATA);
	put_gap(f, 1, t - 90 * SECOND, t + 10 * SECOND, GAP_NO_SIGNAL);
	pass(f, MINUTE);
	assert_int_equal(count(f, NOTICE_GAP, NULL), 1);
	const struct notice *n = nth(f, NOTICE_GAP, 0);
	assert_int_equal(n->n_items, 2); /* a line a camera */
	assert_string_equal(n->items[0].camera_id, "k0");
	assert_int_equal(n->items[0].gap_seconds, 61);
	assert_int_equal(n->items[1].from, t - 200 * SECOND);
	assert_int_equal(n->items[1].to, t + 10 * SECOND);
	assert_int_equal(n->items[1].gap_seconds, 200);
	assert_int_equal(n->due_on, local_date(2026, 11, 22));
}

static void test_one_gap_notice_an_hour_and_none_twice(void **state)
{
	struct fixture *f = *state;
	pass(f, MINUTE);
	for (int i = 0; i < 18; i++) { /* one every ten minutes, for three hours */
		put_gap(f, 0, f->s.clock.utc - 2 * MINUTE, f->s.clock.utc, GAP_BAD_DATA);
		pass(f, 10 * MINUTE);
		if (i % 4 == 1)
			restart(f);
	}
	pass(f, 5 * HOUR);
	restart(f);
	pass(f, 2 * HOUR);
	size_t n = count(f, NOTICE_GAP, NULL);
	assert_in_range(n, 3, 4);
	int64_t told = 0;
	for (size_t i = 0; i < n; i++) {
		told += nth(f, NOTICE_GAP, i)->items[0].gap_seconds;
		if (i)
			assert_true(nth(f, NOTICE_GAP, i)->created_at - nth(f, NOTICE_GAP, i - 1)->created_at >= HOUR);
	}
	assert_int_equal(told, 18 * 120);
}

static void test_a_gap_that_waits_for_its_hour_is_not_forgotten(void **state)
{
	struct fixture *f = *state;
	pass(f, 30 * MINUTE);
	put_gap(f, 0, f->s.clock.utc - 2 * MINUTE, f->s.clock.utc, GAP_BAD_DATA);
	pass(f, 5 * MINUTE);
	put_gap(f, 0, f->s.clock.utc - 2 * MINUTE, f->s.clock.utc, GAP_BAD_DATA);
	pass(f, 50 * MINUTE);
	assert_int_equal(count(f, NOTICE_GAP, NULL), 1);
	restart(f);
	pass(f, 10 * MINUTE);
	assert_int_equal(count(f, NOTICE_GAP, NULL), 2);
}

static void test_the_server_was_down(void **state)
{
	struct fixture *f = *state;
	start_all(f);
	int64_t down = f->s.clock.utc;
	restart(f);
	fake_clock_advance(&f->s.clock, 5 * HOUR);
	for (size_t i = 0; i < CAMERAS; i++)
		put_gap(f, i, down, f->s.clock.utc + (int64_t)i * SECOND, GAP_SERVER_DOWN);
	pass(f, HOUR);
	assert_int_equal(count(f, NOTICE_GAP, NULL), 2); /* a city each */
	const struct notice *n = nth(f, NOTICE_GAP, 0);
	n = strcmp(n->city_id, "lapa") == 0 ? n : nth(f, NOTICE_GAP, 1);
	assert_int_equal(n->n_items, 4);
	assert_int_equal(count(f, NOTICE_CAMERA_SILENT, NULL), 0);
}

static void test_silence_that_was_told_is_no_gap_notice(void **state)
{
	struct fixture *f = *state;
	start_all(f);
	f->dark[0] = true;
	int64_t lost = f->s.clock.utc;
	pass(f, 20 * MINUTE);
	f->dark[0] = false;
	pass(f, 10 * SECOND);
	put_gap(f, 0, lost, f->s.clock.utc, GAP_NO_SIGNAL);
	put_gap(f, 1, lost, f->s.clock.utc - 18 * MINUTE, GAP_NO_SIGNAL); /* too short for silence: told as a gap */
	pass(f, 2 * HOUR);
	restart(f);
	pass(f, 26 * HOUR);
	assert_int_equal(count(f, NOTICE_CAMERA_SILENT, NULL), 1);
	assert_int_equal(count(f, NOTICE_GAP, NULL), 1);
	assert_int_equal(nth(f, NOTICE_GAP, 0)->n_items, 1);
	assert_string_equal(nth(f, NOTICE_GAP, 0)->items[0].camera_id, "k1");
}

static void test_a_failing_disk_is_told_while_it_lasts(void **state)
{
	struct fixture *f = *state;
	start_all(f);
	int64_t from = f->s.clock.utc;
	put_gap(f, 0, from, TIME_NONE, GAP_DISK_FULL);
	put_gap(f, 1, from, TIME_NONE, GAP_NO_SIGNAL); /* this is for the watch of silence to say */
	pass(f, 4 * MINUTE);
	assert_int_equal(count(f, NOTICE_GAP, NULL), 0);
	pass(f, 2 * MINUTE);
	assert_int_equal(count(f, NOTICE_GAP, NULL), 1);
	assert_int_equal(nth(f, NOTICE_GAP, 0)->n_items, 1);
	pass(f, 3 * HOUR);
	f->s.catalog->gaps->close(f->s.catalog->self, "k0", f->s.clock.utc);
	pass(f, 2 * HOUR);
	restart(f);
	pass(f, 2 * HOUR);
	assert_int_equal(count(f, NOTICE_GAP, NULL), 1);
}

static void test_a_gap_notice_that_failed_is_made_good(void **state)
{
	struct fixture *f = *state;
	pass(f, MINUTE);
	put_gap(f, 0, f->s.clock.utc - 2 * MINUTE, f->s.clock.utc, GAP_BAD_DATA);
	fake_clock_advance(&f->s.clock, 3 * MINUTE);
	fake_catalog_fail_writes_after(f->s.catalog, 2); /* remembered, not committed */
	watch_tick(&f->s.app);
	fake_catalog_fail_writes_after(f->s.catalog, 0);
	assert_int_equal(count(f, NOTICE_GAP, NULL), 0);
	restart(f);
	pass(f, MINUTE); /* what was not told does not begin the hour */
	assert_int_equal(count(f, NOTICE_GAP, NULL), 1);
	pass(f, 2 * HOUR);
	assert_int_equal(count(f, NOTICE_GAP, NULL), 1);
}

/* --- holds --- */

static void test_a_hold_about_to_end_is_told_once_to_each_city(void **state)
{
	struct fixture *f = *state;
	static const char *const cameras[] = {"k0", "k1", "k4"};
	struct hold_outcome out;
	int64_t until = NOON + 3 * US_PER_DAY + 11 * HOUR; /* 20:00 of the 25th in São Paulo */
	const struct hold h = {
		.camera_ids = cameras, .n_cameras = 3, .from = NOON - 2 * HOUR, .to = NOON, .reason = "robbery", .until = until};
	struct hold open = h;
	open.until = TIME_NONE;
	fake_site_add_recording(&f->s, "k0", "lapa", NOON - 2 * HOUR, 3600);
	fake_site_add_recording(&f->s, "k0", "lapa", NOON - HOUR, 3600);
	fake_site_add_recording(&f->s, "k0", "lapa", NOON, 3600); /* outside */
	assert_int_equal(hold_create(&f->s.app, &admin, &h, &f->mem, &out, &f->p), 0);
	assert_int_equal(hold_create(&f->s.app, &admin, &open, &f->mem, &out, &f->p), 0);
	fake_clock_advance(&f->s.clock, until - US_PER_DAY - MINUTE - NOON);
	pass(f, 50 * SECOND);
	assert_int_equal(count(f, NOTICE_HOLD_ENDING, NULL), 0);
	pass(f, 70 * SECOND);
	assert_int_equal(count(f, NOTICE_HOLD_ENDING, NULL), 2);
	const struct notice *n = nth(f, NOTICE_HOLD_ENDING, 0);
	n = strcmp(n->city_id, "lapa") == 0 ? n : nth(f, NOTICE_HOLD_ENDING, 1);
	assert_int_equal(n->n_items, 2);
	assert_int_equal(n->items[0].files, 2);
	assert_int_equal(n->items[0].bytes, 2 * 3600 * 40000);
	assert_int_equal(n->items[1].files, 0);
	assert_int_equal(n->due_on, local_date(2026, 11, 25)); /* the day it ends: its text says so */
	restart(f);
	pass(f, 30 * MINUTE);
	assert_int_equal(count(f, NOTICE_HOLD_ENDING, NULL), 2);
	fake_clock_advance(&f->s.clock, 2 * US_PER_DAY);
	pass(f, 5 * MINUTE);
	assert_int_equal(count(f, NOTICE_HOLD_ENDING, NULL), 2);
}

static void test_a_hold_notice_that_failed_is_made_good(void **state)
{
	struct fixture *f = *state;
	static const char *const cameras[] = {"k0", "k4"};
	struct hold_outcome out;
	const struct hold h = {
		.camera_ids = cameras, .n_cameras = 2, .from = NOON - HOUR, .to = NOON, .reason = "x", .until = NOON + 10 * HOUR};
	pass(f, MINUTE);
	assert_int_equal(hold_create(&f->s.app, &admin, &h, &f->mem, &out, &f->p), 0);
	fake_clock_advance(&f->s.clock, MINUTE);
	fake_catalog_fail_writes_after(f->s.catalog, 2); /* one city's is committed, the other's is not */
	watch_tick(&f->s.app);
	fake_catalog_fail_writes_after(f->s.catalog, 0);
	assert_int_equal(count(f, NOTICE_HOLD_ENDING, NULL), 1);
	pass(f, 5 * MINUTE);
	assert_int_equal(count(f, NOTICE_HOLD_ENDING, NULL), 2);
	assert_string_not_equal(nth(f, NOTICE_HOLD_ENDING, 0)->city_id, nth(f, NOTICE_HOLD_ENDING, 1)->city_id);
}

/* --- disks --- */

/* 24 hours of k0, 144 MB each: 3.456 GB a day, 24.2 GB for the 7 days. */
static void record_a_day(struct fixture *f)
{
	for (int i = 24; i > 0; i--)
		fake_site_add_recording(&f->s, "k0", "lapa", f->s.clock.utc - i * HOUR, 3600);
}

/* Hours go by, and k0 goes on recording. */
static void pass_recording(struct fixture *f, int hours)
{
	for (int i = 0; i < hours; i++) {
		pass(f, HOUR);
		fake_site_add_recording(&f->s, "k0", "lapa", f->s.clock.utc - HOUR, 3600);
	}
}

static void set_disk(struct fixture *f, int64_t free_bytes)
{
	struct jobs_limits limits = jobs_limits_default;
	limits.pressure_min_bytes = GB;
	limits.pressure_rate_s = 0;
	jobs_set_limits(&limits);
	f->s.volumes.volume[0].space = (struct volume_space){.total_bytes = 1000 * GB, .free_bytes = free_bytes};
}

static void test_a_disk_that_will_not_last(void **state)
{
	struct fixture *f = *state;
	record_a_day(f);
	set_disk(f, 15 * GB); /* 14 usable, 3.456 there: 5 days of 7 */
	pass(f, 50 * MINUTE);
	assert_int_equal(count(f, NOTICE_DISK_FORECAST, NULL), 0); /* for an hour, not for a moment */
	pass(f, 30 * MINUTE);
	assert_int_equal(count(f, NOTICE_DISK_FORECAST, NULL), 1);
	const struct notice *n = nth(f, NOTICE_DISK_FORECAST, 0);
	assert_string_equal(n->city_id, "lapa");	       /* Bagé records nothing there */
	assert_int_equal(n->due_on, local_date(2026, 11, 26)); /* 14 GB at 3.456 a day */
	restart(f);
	pass(f, 5 * HOUR);
	assert_int_equal(count(f, NOTICE_DISK_FORECAST, NULL), 1); /* once a day ... */
	record_a_day(f);
	pass(f, 10 * HOUR); /* past midnight in São Paulo */
	assert_int_equal(count(f, NOTICE_DISK_FORECAST, NULL), 2);
}

static void test_a_disk_that_lasts(void **state)
{
	struct fixture *f = *state;
	record_a_day(f);
	set_disk(f, 22 * GB); /* 21 + 3.456 GB are 7.1 days */
	pass_recording(f, 3);
	assert_int_equal(count(f, NOTICE_DISK_FORECAST, NULL), 0);
	/* held footage makes no room */
	static const char *const cameras[] = {"k0"};
	struct hold_outcome out;
	const struct hold h = {
		.camera_ids = cameras, .n_cameras = 1, .from = NOON - US_PER_DAY, .to = NOON + 3 * HOUR, .reason = "x", .until = TIME_NONE};
	assert_int_equal(hold_create(&f->s.app, &admin, &h, &f->mem, &out, &f->p), 0);
	pass_recording(f, 2);
	assert_int_equal(count(f, NOTICE_DISK_FORECAST, NULL), 1);
}

static void test_a_disk_that_recovers_is_not_told(void **state)
{
	struct fixture *f = *state;
	record_a_day(f);
	for (int i = 0; i < 6; i++) { /* short for less than an hour at a time */
		set_disk(f, 15 * GB);
		pass(f, 40 * MINUTE);
		set_disk(f, 100 * GB);
		pass(f, 20 * MINUTE);
	}
	assert_int_equal(count(f, NOTICE_DISK_FORECAST, NULL), 0);
}

static void test_a_rate_needs_an_hour(void **state)
{
	struct fixture *f = *state;
	struct jobs_limits limits = jobs_limits_default;
	set_disk(f, 5 * GB); /* 4 GB are little, at 3.456 GB a day */
	limits.pressure_min_bytes = GB;
	limits.forecast_us = 0;
	jobs_set_limits(&limits);
	fake_site_add_recording(&f->s, "k0", "lapa", NOON - 30 * MINUTE, 1800);
	pass(f, 25 * MINUTE);
	assert_int_equal(count(f, NOTICE_DISK_FORECAST, NULL), 0);
	pass(f, 20 * MINUTE);
	assert_int_equal(count(f, NOTICE_DISK_FORECAST, NULL), 1);
}

/* Few bytes for a year beside many bytes for a week. */
static void test_long_promises_of_few_bytes_alarm_nobody(void **state)
{
	struct fixture *f = *state;
	struct city c;
	assert_int_equal(f->s.catalog->cities->get(f->s.catalog->self, &admin, "bage", &f->mem, &c), 0);
	c.retention_days = 365;
	assert_int_equal(city_update(&f->s.app, &admin, &c, &f->p), 0);
	record_a_day(f);
	fake_site_add_recording(&f->s, "k4", "bage", NOON - HOUR, 60); /* 2.4 MB a day: 0.9 GB a year */
	set_disk(f, 24 * GB);
	pass_recording(f, 3);
	assert_int_equal(count(f, NOTICE_DISK_FORECAST, NULL), 0);
	set_disk(f, 20 * GB);
	pass_recording(f, 2);
	assert_int_equal(count(f, NOTICE_DISK_FORECAST, NULL), 2); /* both lose days */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_silent_camera_is_told_once),
		TEST(test_cameras_lost_together_are_one_notice),
		TEST(test_one_that_comes_back_does_not_hold_up_the_other),
		TEST(test_a_camera_that_comes_and_goes_is_told_once_an_hour),
		TEST(test_cameras_never_seen_count_and_stopped_ones_do_not),
		TEST(test_a_crash_between_memory_and_notice_loses_neither),
		TEST(test_gaps_that_are_told_and_gaps_that_are_not),
		TEST(test_one_gap_notice_an_hour_and_none_twice),
		TEST(test_a_gap_that_waits_for_its_hour_is_not_forgotten),
		TEST(test_the_server_was_down),
		TEST(test_silence_that_was_told_is_no_gap_notice),
		TEST(test_a_failing_disk_is_told_while_it_lasts),
		TEST(test_a_gap_notice_that_failed_is_made_good),
		TEST(test_a_hold_about_to_end_is_told_once_to_each_city),
		TEST(test_a_hold_notice_that_failed_is_made_good),
		TEST(test_a_disk_that_will_not_last),
		TEST(test_a_disk_that_lasts),
		TEST(test_a_disk_that_recovers_is_not_told),
		TEST(test_a_rate_needs_an_hour),
		TEST(test_long_promises_of_few_bytes_alarm_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
