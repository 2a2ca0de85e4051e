/* What of a camera is owed and what the ledger says of it: the recorder of one camera over a real muxer, real writers and a real directory,
 * with clocks that the test drives. The disk is broken by a file where the city's folder should be. */
#include "support/test.h"
#include "unit/media_fmp4/fmp4_fixture.h"

#include "infra/engine/engine_priv.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define SITE "01920000-0000-7000-8000-000000000000"
#define FRAME_US 40000
#define GOP 25
#define MAX_GAPS 40
#define START_UTC (INT64_C(1790000000) * US_PER_S)

struct row {
	int64_t from, to;
	enum gap_reason reason;
	char by[40];
};

struct rig {
	struct clock clock; /* first: the clock's functions find the rig */
	int64_t mono, utc, next_tick;
	char dir[64], city[128];
	struct engine engine;
	struct camera_rt cam;
	struct journal_store journal;
	pthread_mutex_t lock;
	int64_t opened[MAX_GAPS]; /* under lock */
	int n_opened;
	struct row gaps[MAX_GAPS]; /* as the catalogue would have them */
	int n_gaps;
	struct video_params params;
	struct video_info info;
	int64_t n;	  /* frames of the run */
	atomic_bool hold; /* the writer stands still at its next file */
};

static int64_t rig_utc(const struct clock *c)
{
	return ((const struct rig *)(const void *)c)->utc;
}

static int64_t rig_mono(const struct clock *c)
{
	return ((const struct rig *)(const void *)c)->mono;
}

/* --- the catalogue's side --- */

static void on_opened(void *self, const struct recording *r)
{
	struct rig *rig = self;
	pthread_mutex_lock(&rig->lock);
	assert_true(rig->n_opened < MAX_GAPS);
	rig->opened[rig->n_opened++] = r->started_at;
	pthread_mutex_unlock(&rig->lock);
	while (atomic_load(&rig->hold))
		usleep(200);
}

static void on_reached(void *self, const struct uuid *id, int64_t ended_at, int64_t size)
{
}

static void gap_closed(void *self, const char *camera_id, int64_t to)
{
	struct rig *rig = self;
	struct row *g = rig->n_gaps ? &rig->gaps[rig->n_gaps - 1] : NULL;
	if (!g || g->to != TIME_NONE)
		return;
	g->to = to;
	rig->n_gaps -= to <= g->from;
}

static void gap_added(void *self, const struct gap *g)
{
	struct rig *rig = self;
	if (g->to == TIME_NONE)
		gap_closed(self, g->camera_id, g->from);
	assert_true(rig->n_gaps < MAX_GAPS);
	struct row *row = &rig->gaps[rig->n_gaps++];
	*row = (struct row){.from = g->from, .to = g->to, .reason = g->reason};
	snprintf(row->by, sizeof(row->by), "%s", g->by ? g->by : "");
}

/* --- rig --- */

static void rig_up(struct rig *rig)
{
	char why[200];
	memset(rig, 0, sizeof(*rig));
	rig->clock = (struct clock){.utc_us = rig_utc, .mono_us = rig_mono};
	rig->mono = 5000 * US_PER_S;
	rig->utc = START_UTC;
	rig->next_tick = rig->mono + 500000;
	pthread_mutex_init(&rig->lock, NULL);
	strcpy(rig->dir, "/tmp/vigia-record-XXXXXX");
	assert_non_null(mkdtemp(rig->dir));
	snprintf(rig->city, sizeof(rig->city), "%s/lapa", rig->dir);
	const char *paths[] = {rig->dir};
	struct engine_config *config = &rig->engine.config;
	assert_int_equal(volumes_open(paths, 1, SITE, NULL, 0, &config->volumes, why, sizeof(why)), 0);
	rig->journal = (struct journal_store){.recording_opened = on_opened,
					      .recording_progress = on_reached,
					      .recording_sealed = on_reached,
					      .gap_opened = gap_added,
					      .gap_whole = gap_added,
					      .gap_closed = gap_closed};
	config->clock = &rig->clock;
	config->journal = &rig->journal;
	config->journal_self = rig;
	config->file_us = 3600 * US_PER_S;
	strcpy(rig->engine.site_id, SITE);
	struct writers_config wc = {
		.volumes = config->volumes, .journal = &rig->journal, .journal_self = rig, .clock = &rig->clock, .threads_per_volume = 1};
	assert_int_equal(writers_create(&wc, &rig->engine.writers), 0);
	struct camera_rt *c = &rig->cam;
	c->engine = &rig->engine;
	c->started = true;
	c->cause = GAP_NO_SIGNAL;
	c->rec.covered_until = c->rec.resume_utc_us = TIME_NONE;
	c->rec.avoid_volume = -1;
	strcpy(c->id, "portao");
	strcpy(c->city_id, "lapa");
	pthread_mutex_init(&c->state_lock, NULL);
	c->live = live_create(rig->utc);
	assert_int_equal(mux_create(c->live, &camera_mux_sink, c, &c->mux), 0);
	rig->params = params_h264();
	assert_int_equal(video_params_info(&rig->params, &rig->info), 0);
}

static void rig_down(struct rig *rig)
{
	char cmd[100];
	mux_destroy(rig->cam.mux);
	live_unref(&rig->cam.live);
	writers_destroy(rig->engine.writers);
	volumes_destroy(rig->engine.config.volumes);
	pthread_mutex_destroy(&rig->cam.state_lock);
	pthread_mutex_destroy(&rig->lock);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", rig->dir);
	assert_int_equal(system(cmd), 0);
}

static void break_disk(struct rig *rig)
{
	FILE *f = fopen(rig->city, "we");
	assert_non_null(f);
	fclose(f);
}

static void mend_disk(struct rig *rig)
{
	assert_int_equal(unlink(rig->city), 0);
}

/* The writers do what they were asked for before the clock goes on. */
static void settle_writers(struct rig *rig)
{
	struct rec_file *f = mux_file(rig->cam.mux);
	struct writers_stats s;
	while (f && !rec_file_error(f) && !rec_file_published(f))
		usleep(200);
	for (writers_stats(rig->engine.writers, &s); s.queue_bytes; writers_stats(rig->engine.writers, &s))
		usleep(200);
	usleep(500);
}

/* Time goes by; the camera's tick comes half a millisecond late each time, as a real one does. */
static void pass(struct rig *rig, int64_t us)
{
	rig->mono += us;
	rig->utc += us;
	if (rig->mono < rig->next_tick)
		return;
	settle_writers(rig);
	struct au_buf b = {0};
	mux_au_buf(rig->cam.mux, &b);
	mux_tick(rig->cam.mux, &b, rig->mono);
	record_tick(&rig->cam, rig->mono);
	rig->next_tick = rig->mono + 500500;
}

static void idle(struct rig *rig, int seconds)
{
	for (int i = 0; i < seconds * 10; i++) {
		rig->mono += US_PER_S / 10;
		rig->utc += US_PER_S / 10;
		if (rig->mono >= rig->next_tick) {
			record_tick(&rig->cam, rig->mono);
			rig->next_tick = rig->mono + 500500;
		}
	}
}

static void begin_run(struct rig *rig)
{
	struct mux_run run = {
		.video = &rig->params,
		.video_info = &rig->info,
		.plan = {.frame = 3600, .regular = true},
		.utc_us = rig->utc,
		.bandwidth = 1000000,
		.same_timeline = !rig->cam.rec.cut,
	};
	rig->n = 0;
	assert_int_equal(mux_begin_run(rig->cam.mux, &run), 0);
	rig->cam.clock_offset_us = rig->utc - rig->mono;
	record_run_began(&rig->cam, rig->utc);
}

static void end_run(struct rig *rig)
{
	mux_end_run(rig->cam.mux, rig->mono);
	record_run_ended(&rig->cam);
}

static void play_frame(struct rig *rig)
{
	struct au_buf b = {0};
	assert_int_equal(mux_au_buf(rig->cam.mux, &b), 0);
	memset(b.data, 0x55, 3000);
	struct mux_frame f = {
		.len = 3000, .dts_90k = rig->n * 3600, .pts_90k = rig->n * 3600, .key = rig->n % GOP == 0, .now_mono_us = rig->mono};
	assert_int_equal(mux_video(rig->cam.mux, &f), 0);
	rig->n++;
	pass(rig, FRAME_US);
}

static void play(struct rig *rig, int seconds)
{
	for (int i = 0; i < seconds * GOP; i++)
		play_frame(rig);
}

static void start_recording(struct rig *rig)
{
	struct recording_start how = {.expected_from = rig->utc - 1000, .missing_reason = GAP_NO_SIGNAL};
	record_start(&rig->cam, &how);
}

static void assert_near(int64_t a, int64_t b, int64_t within)
{
	if (a < b - within || a > b + within)
		fail_msg("%lld is not within %lld us of %lld", (long long)a, (long long)within, (long long)b);
}

/* --- tests --- */

static void test_disk_comes_back(void **state)
{
	struct rig rig;
	rig_up(&rig);
	break_disk(&rig);
	start_recording(&rig);
	begin_run(&rig);
	play(&rig, 8);
	assert_int_equal(record_state(&rig.cam), RECORDING_NOT);
	assert_int_equal(rig.n_gaps, 1);
	assert_int_equal(rig.gaps[0].reason, GAP_DISK_ERROR);
	assert_true(rig.gaps[0].to == TIME_NONE && rig.cam.error[0]);
	mend_disk(&rig);
	int64_t mended = rig.utc;
	play(&rig, 12);
	assert_int_equal(record_state(&rig.cam), RECORDING_ON);
	assert_int_equal(rig.n_gaps, 1);
	assert_int_equal(rig.n_opened, 1);
	assert_near(rig.gaps[0].from, START_UTC, US_PER_S);
	assert_true(rig.gaps[0].to == rig.opened[0]);
	assert_near(rig.gaps[0].to, mended + 3 * US_PER_S, 4 * US_PER_S);
	assert_string_equal(rig.cam.error, ""); /* what was said of the disk is over */
	rig_down(&rig);
}

/* A disk on which files grow no further, as long as the limit stands. */
static struct rlimit no_growth(struct rig *rig)
{
	struct rlimit was, now;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	now = was;
	now.rlim_cur = (rlim_t)rec_file_published(mux_file(rig->cam.mux));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
	return was;
}

/* Key frame before tick: what the failed file covers is known all the same, and why it ended. */
static void test_failure_between_ticks(void **state)
{
	struct rig rig;
	rig_up(&rig);
	start_recording(&rig);
	begin_run(&rig);
	play(&rig, 5);
	struct rec_file *f = mux_file(rig.cam.mux);
	struct rlimit was = no_growth(&rig);
	rig.next_tick = INT64_MAX;
	while (!rec_file_error(f)) {
		play_frame(&rig);
		settle_writers(&rig);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	int64_t end = rec_file_end_utc(f);
	play(&rig, 2);
	rig.next_tick = rig.mono;
	play(&rig, 15);
	assert_int_equal(record_state(&rig.cam), RECORDING_ON);
	assert_int_equal(rig.n_gaps, 1);
	assert_int_equal(rig.gaps[0].reason, GAP_DISK_ERROR);
	assert_true(rig.gaps[0].from == end && end > START_UTC + US_PER_S);
	assert_int_equal(rig.n_opened, 2);
	assert_true(rig.gaps[0].to == rig.opened[1]);
	rig_down(&rig);
}

/* What waited for the disk at a cut fails after it: the ledger has it, though the next file is well. */
static void test_failure_after_a_cut(void **state)
{
	struct rig rig;
	rig_up(&rig);
	rig.engine.config.file_us = 10 * US_PER_S;
	start_recording(&rig);
	begin_run(&rig);
	play(&rig, 4);
	struct rec_file *f = rec_file_ref(mux_file(rig.cam.mux));
	struct fmp4_tracks tracks = {.video = &rig.params, .video_info = &rig.info};
	atomic_store(&rig.hold, true);
	struct rec_file *other = writer_open_recording(rig.engine.writers, SITE, "outra", "lapa", 0, rig.utc, &tracks);
	rig.next_tick = INT64_MAX;
	while (mux_file(rig.cam.mux) == f)
		play_frame(&rig);
	int64_t cut = rig.utc - FRAME_US;
	struct rlimit was = no_growth(&rig), full = was;
	full.rlim_cur = (rlim_t)rec_file_published(f);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	atomic_store(&rig.hold, false);
	while (!rec_file_error(f))
		usleep(200);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	rig.next_tick = rig.mono;
	play(&rig, 5);
	assert_int_equal(record_state(&rig.cam), RECORDING_ON);
	assert_int_equal(rig.n_gaps, 1);
	assert_int_equal(rig.gaps[0].reason, GAP_DISK_ERROR);
	assert_true(rig.gaps[0].from == rec_file_end_utc(f));
	assert_near(rig.gaps[0].to, cut, 1000);
	rec_file_unref(&f);
	rec_file_unref(&other);
	rig_down(&rig);
}

/* The outage keeps its reason; the stop begins when it was made. */
static void test_stop_during_outage(void **state)
{
	struct rig rig;
	rig_up(&rig);
	break_disk(&rig);
	start_recording(&rig);
	begin_run(&rig);
	play(&rig, 20);
	int64_t at = rig.utc;
	record_stop(&rig.cam, "admin", "poda");
	assert_int_equal(rig.n_gaps, 2);
	assert_int_equal(rig.gaps[0].reason, GAP_DISK_ERROR);
	assert_true(rig.gaps[0].to == at && rig.gaps[1].from == at && rig.gaps[1].to == TIME_NONE);
	assert_int_equal(rig.gaps[1].reason, GAP_STOPPED_BY_USER);
	assert_string_equal(rig.gaps[1].by, "admin");
	rig_down(&rig);
}

static void test_stop_during_silence(void **state)
{
	struct rig rig;
	rig_up(&rig);
	start_recording(&rig);
	begin_run(&rig);
	play(&rig, 5);
	int64_t lost = rig.utc;
	end_run(&rig);
	idle(&rig, 30);
	int64_t at = rig.utc;
	record_stop(&rig.cam, "admin", NULL);
	assert_int_equal(rig.n_gaps, 2);
	assert_near(rig.gaps[0].from, lost, 100000);
	assert_int_equal(rig.gaps[0].reason, GAP_NO_SIGNAL);
	assert_true(rig.gaps[0].to == at && rig.gaps[1].from == at);
	rig_down(&rig);
}

/* Footage that has begun again, but is not on the disk yet, is nobody's gap. */
static void test_stop_just_after_outage(void **state)
{
	struct rig rig;
	rig_up(&rig);
	start_recording(&rig);
	begin_run(&rig);
	play(&rig, 5);
	end_run(&rig);
	idle(&rig, 20);
	int64_t back = rig.utc;
	begin_run(&rig);
	play(&rig, 1);
	int64_t at = rig.utc;
	record_stop(&rig.cam, "admin", NULL);
	assert_int_equal(rig.n_gaps, 2);
	assert_near(rig.gaps[0].to, back, 100000);
	assert_near(rig.gaps[1].from, at, 300000);
	rig_down(&rig);
}

/* Pictures without a place to put them are no footage: the gap ends when the volume is there, not when the pictures were. */
static void test_no_volume(void **state)
{
	struct rig rig;
	char marker[160], hidden[160];
	rig_up(&rig);
	snprintf(marker, sizeof(marker), "%s/.vigia", rig.dir);
	snprintf(hidden, sizeof(hidden), "%s/.away", rig.dir);
	assert_int_equal(rename(marker, hidden), 0);
	volumes_recheck(rig.engine.config.volumes);
	struct recording_start how = {.expected_from = rig.utc - 30 * US_PER_S, .missing_reason = GAP_SERVER_DOWN};
	record_start(&rig.cam, &how);
	begin_run(&rig);
	play(&rig, 40);
	assert_true(rig.gaps[rig.n_gaps - 1].to == TIME_NONE);
	assert_int_equal(rename(hidden, marker), 0);
	volumes_recheck(rig.engine.config.volumes);
	int64_t there = rig.utc;
	play(&rig, 12);
	assert_int_equal(rig.n_opened, 1);
	assert_true(rig.gaps[rig.n_gaps - 1].to == rig.opened[0] && rig.opened[0] >= there);
	for (int i = 1; i < rig.n_gaps; i++)
		assert_true(rig.gaps[i].from == rig.gaps[i - 1].to);
	rig_down(&rig);
}

/* The clock is set while a file is being written: a new file stands by the new time, and nothing is missing or twice. */
static void step_clock(int64_t step)
{
	struct rig rig;
	rig_up(&rig);
	start_recording(&rig);
	begin_run(&rig);
	play(&rig, 5);
	rig.utc += step;
	int64_t after = rig.utc;
	play(&rig, 5);
	assert_int_equal(rig.n_opened, 2);
	assert_near(rig.opened[1], after, 1100000);
	assert_int_equal(rig.n_gaps, 0);
	int64_t lost = rig.utc;
	end_run(&rig);
	idle(&rig, 10);
	assert_int_equal(rig.n_gaps, 1);
	assert_near(rig.gaps[0].from, lost, 100000);
	assert_int_equal(rig.n_opened, 2);
	rig_down(&rig);
}

static void test_clock_forward(void **state)
{
	step_clock(600 * US_PER_S);
}

static void test_clock_back(void **state)
{
	step_clock(-600 * US_PER_S);
}

/* A reason that was seen in an outage of long ago does not make a gap begin before the present one. */
static void test_reasons_of_two_outages(void **state)
{
	struct rig rig;
	rig_up(&rig);
	start_recording(&rig);
	begin_run(&rig);
	play(&rig, 3);
	end_run(&rig);
	idle(&rig, 5);
	rig.cam.cause = GAP_REFUSED;
	idle(&rig, 20);
	begin_run(&rig);
	rig.cam.cause = GAP_NO_SIGNAL;
	play(&rig, 5);
	assert_int_equal(rig.n_gaps, 2);
	int64_t lost = rig.utc;
	end_run(&rig);
	while (rig.n_gaps == 2)
		idle(&rig, 1);
	rig.cam.cause = GAP_REFUSED;
	idle(&rig, 20);
	assert_int_equal(rig.n_gaps, 4);
	assert_near(rig.gaps[2].from, lost, 100000);
	assert_true(rig.gaps[3].from > rig.gaps[2].from);
	rig_down(&rig);
}

/* A restart so quick that no gap was owed yet when recording began: the frames that came too late are still missing for the server's sake;
 * the next outage is the camera's own. */
static void test_quick_restart(void **state)
{
	struct rig rig;
	rig_up(&rig);
	int64_t down = rig.utc - 1500000;
	struct recording_start how = {.expected_from = down, .missing_reason = GAP_SERVER_DOWN};
	record_start(&rig.cam, &how);
	idle(&rig, 1);
	begin_run(&rig);
	int64_t back = rig.utc;
	play(&rig, 5);
	assert_int_equal(rig.n_gaps, 1);
	assert_int_equal(rig.gaps[0].reason, GAP_SERVER_DOWN);
	assert_true(rig.gaps[0].from == down && rig.gaps[0].to == back);
	end_run(&rig);
	idle(&rig, 10);
	assert_int_equal(rig.n_gaps, 2);
	assert_int_equal(rig.gaps[1].reason, GAP_NO_SIGNAL);
	rig_down(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_disk_comes_back),	    cmocka_unit_test(test_failure_between_ticks),
		cmocka_unit_test(test_failure_after_a_cut), cmocka_unit_test(test_stop_during_outage),
		cmocka_unit_test(test_stop_during_silence), cmocka_unit_test(test_stop_just_after_outage),
		cmocka_unit_test(test_no_volume),	    cmocka_unit_test(test_clock_forward),
		cmocka_unit_test(test_clock_back),	    cmocka_unit_test(test_reasons_of_two_outages),
		cmocka_unit_test(test_quick_restart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
