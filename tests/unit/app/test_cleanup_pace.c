/* The pace of a deletion: small batches, pauses between them, a stop or a change of mind in a pause is honoured. On a fake clock that moves
 * when a file goes and when the clean-up rests. */
#include "support/test.h"

#include "app/jobs.h"
#include "base/log.h"
#include "support/fake_ports.h"

#include <stdio.h>
#include <string.h>

#define HOUR (3600 * US_PER_S)
#define MIDNIGHT (INT64_C(1795305600) * US_PER_S) /* 2026-11-22 00:00 UTC */
#define PER_CAMERA 48
#define FILES (2 * PER_CAMERA)

static struct {
	struct fake_site s;
	struct arena mem;
	struct problem p;
	struct cleanup_report rep;
	struct uuid ids[FILES];
	int64_t remove_us; /* what one removal takes */
	int removed, removed_at_rest, most_between;
	char folder[200]; /* of the file before */
	int folders;	  /* how often it changed */
} f;
static const struct actor admin = {.id = "admin", .role = ROLE_ADMINISTRATOR, .all_cities = true};

static void on_remove(void *ctx, const char *volume_id, const char *key)
{
	char folder[200];
	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(key, '/') - key), key);
	f.folders += strcmp(folder, f.folder) != 0;
	snprintf(f.folder, sizeof(f.folder), "%s", folder);
	f.removed++;
	fake_clock_advance(&f.s.clock, f.remove_us);
}

/* What went since the pause before. */
static void count_between(void *ctx)
{
	int n = f.removed - f.removed_at_rest;
	f.most_between = n > f.most_between ? n : f.most_between;
	f.removed_at_rest = f.removed;
}

static int run(void)
{
	return cleanup_run(&f.s.app, &admin, false, TIME_NONE, &f.mem, &f.rep, &f.p);
}

/* Two cameras' files of one day, oldest first in turn, noticed; and the clock at the moment they go. */
static int set_up(void **state)
{
	memset(&f, 0, sizeof(f));
	log_set_level((enum log_level)(LOG_ERROR + 1));
	jobs_set_limits(NULL);
	jobs_forget();
	jobs_cancel(false);
	fake_site_init(&f.s, MIDNIGHT);
	const struct city c = {.id = "lapa", .name = "Lapa", .retention_days = 7, .time_zone = "America/Sao_Paulo"};
	assert_int_equal(city_create(&f.s.app, &admin, &c, &f.p), 0);
	fake_site_add_camera(&f.s, "portao", "lapa");
	fake_site_add_camera(&f.s, "praca", "lapa");
	for (int i = 0; i < FILES; i++)
		f.ids[i] = fake_site_add_recording(&f.s, i % 2 ? "portao" : "praca", "lapa", MIDNIGHT + i / 2 * 60 * US_PER_S, 60);
	fake_clock_advance(&f.s.clock, 6 * US_PER_DAY + 2 * HOUR);
	assert_int_equal(run(), 0);
	assert_int_equal(f.rep.run.noticed, FILES);
	fake_clock_advance(&f.s.clock, US_PER_DAY + HOUR);
	f.s.volumes.on_remove = on_remove;
	f.s.on_rest = count_between;
	f.s.rests = 0;
	f.s.rested_us = 0;
	return 0;
}

static int tear_down(void **state)
{
	jobs_cancel(false);
	arena_finish(&f.mem);
	fake_site_finish(&f.s);
	jobs_set_limits(NULL);
	return 0;
}

static int count(enum recording_status status)
{
	int n = 0;
	for (int i = 0; i < FILES; i++) {
		struct recording r;
		assert_int_equal(f.s.catalog->recordings->get(f.s.catalog->self, &admin, &f.ids[i], &f.mem, &r), 0);
		n += r.status == status;
	}
	return n;
}

static void test_removals_are_spread(void **state)
{
	f.remove_us = 10000;
	assert_int_equal(run(), 0);
	assert_int_equal(f.rep.run.deleted, FILES);
	assert_int_equal(f.removed, FILES);
	/* batches of at most a fifth of a second, and three times what they took between them */
	assert_true(f.most_between <= 20);
	assert_true(f.s.rests >= FILES / 20);
	assert_int_equal(f.s.rested_us, 3 * FILES * f.remove_us);
	/* camera by camera: one folder is synced after the other */
	assert_int_equal(f.folders, 2);
}

static void test_a_slow_disk_gets_smaller_batches(void **state)
{
	f.remove_us = US_PER_S;
	assert_int_equal(run(), 0);
	assert_int_equal(f.rep.run.deleted, FILES);
	assert_true(f.s.rests >= FILES - 14);
	/* ... and a pause has an end */
	assert_true(f.s.rested_us <= f.s.rests * jobs_limits()->pause_most_us);
}

static void test_a_fast_disk_gets_whole_batches(void **state)
{
	f.remove_us = 10;
	assert_int_equal(run(), 0);
	assert_int_equal(f.rep.run.deleted, FILES);
	assert_true(f.s.volumes.most_at_once <= jobs_limits()->delete_batch);
	assert_true(f.s.rests <= 5); /* 8, 16, 32, then what is left */
}

static void stop(void *ctx)
{
	if (f.s.rests == 2)
		jobs_cancel(true);
}

static void test_a_stop_in_a_pause_is_honoured(void **state)
{
	f.remove_us = 10000;
	f.s.on_rest = stop;
	assert_int_equal(run(), 0);
	assert_string_equal(f.rep.run.error, "stopped");
	assert_int_equal(f.s.rests, 2);
	assert_true(f.removed > 0 && f.removed < FILES);
	assert_int_equal(count(REC_DELETED), f.removed); /* nothing half done */
	assert_int_equal(count(REC_NOTICED), FILES - f.removed);
	jobs_cancel(false);
	f.s.on_rest = NULL;
	assert_int_equal(run(), 0); /* the next run takes the rest */
	assert_int_equal(count(REC_DELETED), FILES);
}

static void switch_off(void *ctx)
{
	if (f.s.rests == 1)
		assert_int_equal(deletion_switch(&f.s.app, &admin, false, &f.p), 0);
}

static void test_deletion_switched_off_in_a_pause(void **state)
{
	f.remove_us = 10000;
	f.s.on_rest = switch_off;
	assert_int_equal(run(), 0);
	assert_non_null(strstr(f.rep.run.error, "deletion is off"));
	assert_int_equal(f.s.rests, 1);
	assert_int_equal(count(REC_NOTICED), FILES - f.removed);
	assert_int_equal(count(REC_DELETED), f.removed);
}

/* A hold made and ended in a pause: what it touched is sealed again, and is to be noticed and waited for anew. */
static void hold_for_a_moment(void *ctx)
{
	static const char *const cameras[] = {"portao", "praca"};
	struct hold_outcome out;
	if (f.s.rests != 1)
		return;
	const struct hold h = {.camera_ids = cameras,
			       .n_cameras = 2,
			       .from = MIDNIGHT - HOUR,
			       .to = MIDNIGHT + US_PER_DAY,
			       .reason = "briga",
			       .until = TIME_NONE};
	assert_int_equal(hold_create(&f.s.app, &admin, &h, &f.mem, &out, &f.p), 0);
	assert_int_equal(hold_finish(&f.s.app, &admin, out.hold.id, "fim", &f.p), 0);
}

static void test_a_hold_made_and_ended_in_a_pause(void **state)
{
	f.remove_us = 10000;
	f.s.on_rest = hold_for_a_moment;
	assert_int_equal(run(), 0);
	assert_true(f.removed > 0 && f.removed <= 20);
	assert_int_equal(count(REC_DELETED), f.removed);
	assert_int_equal(count(REC_DELETING), 0);
}

static void test_disk_pressure_waits_less(void **state)
{
	struct jobs_limits limits = jobs_limits_default;
	limits.pressure_min_bytes = INT64_C(2) << 40; /* more than the fake volume has */
	limits.pressure_rate_s = 0;
	jobs_set_limits(&limits);
	f.remove_us = 10000;
	jobs_tick(&f.s.app);
	assert_int_equal(f.removed, FILES);
	assert_int_equal(f.s.rested_us, FILES * f.remove_us); /* half of the time */
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_removals_are_spread),	       T(test_a_slow_disk_gets_smaller_batches), T(test_a_fast_disk_gets_whole_batches),
		T(test_a_stop_in_a_pause_is_honoured), T(test_deletion_switched_off_in_a_pause), T(test_a_hold_made_and_ended_in_a_pause),
		T(test_disk_pressure_waits_less),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
