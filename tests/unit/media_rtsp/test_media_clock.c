/* media_clock: simulated cameras and networks; every run of frames is made here, nothing waits. */
#include "support/test.h"

#include "media/rtp/media_clock.h"

#include <stdlib.h>

struct sim {
	struct media_clock clock;
	int64_t media_us, previous_us;
	int runs, said;
	int64_t off_max_us;   /* largest |arrival - origin - media| */
	int64_t run_media_us; /* media time of the runs before */
};

static void sim_begin(struct sim *s, uint32_t rate)
{
	*s = (struct sim){0};
	media_clock_init(&s->clock, rate);
}

static enum media_clock_answer sim_unit(struct sim *s, uint32_t rtp, int64_t arrival_us)
{
	bool scaled;
	s->previous_us = s->media_us;
	enum media_clock_answer a = media_clock_map(&s->clock, rtp, arrival_us, &s->media_us, &scaled);
	s->said += scaled;
	if (a == MEDIA_CLOCK_NEW_RUN) {
		s->runs++;
		s->run_media_us += s->previous_us;
	}
	int64_t off = llabs(arrival_us - media_clock_origin_mono_us(&s->clock) - s->media_us);
	if (off > s->off_max_us)
		s->off_max_us = off;
	return a;
}

/* Deterministic noise. */
static uint32_t noise(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static void frames_of_29_97_sum_exactly(void **state)
{
	struct sim s;
	uint32_t seed = 1;
	sim_begin(&s, 90000);
	for (int64_t i = 0; i < 30 * 600; i++) {
		int64_t at = 5000000 + i * 1001 * 1000 / 30 + noise(&seed) % 300000 * (noise(&seed) % 8 == 0);
		sim_unit(&s, (uint32_t)(77 + i * 3003), at);
		assert_int_equal(s.media_us, (i * 3003 * 1000000 + 45000) / 90000);
	}
	assert_int_equal(s.runs, 0);
	assert_true(s.clock.scale == 1.0);
}

static void the_32_bit_wrap_is_no_event(void **state)
{
	struct sim s;
	sim_begin(&s, 90000);
	for (int64_t i = 0; i < 200; i++) {
		assert_int_equal(sim_unit(&s, (uint32_t)(0xffffffffu - 100 * 3600 + i * 3600), i * 40000), MEDIA_CLOCK_OK);
		assert_int_equal(s.media_us, i * 40000);
	}
}

static void b_frames_go_back(void **state)
{
	static const int order[] = {0, 3, 1, 2, 6, 4, 5, 9, 7, 8};
	struct sim s;
	sim_begin(&s, 90000);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(sim_unit(&s, (uint32_t)(order[i] * 3600), i * 40000), MEDIA_CLOCK_OK);
		assert_int_equal(s.media_us, order[i] * 40000);
	}
}

static void a_fast_start_does_not_move_media_time(void **state)
{
	struct sim s;
	sim_begin(&s, 90000);
	/* 4 s of buffered frames within 40 ms, then live */
	for (int64_t i = 0; i < 1500; i++) {
		int64_t at = i < 100 ? i * 400 : 40000 + (i - 99) * 40000;
		assert_int_equal(sim_unit(&s, (uint32_t)(i * 3600), at), MEDIA_CLOCK_OK);
		assert_int_equal(s.media_us, i * 40000);
	}
	assert_int_equal(s.clock.run_mono_us - media_clock_origin_mono_us(&s.clock), 99 * 40000 - 99 * 400);
	assert_int_equal(s.said, 0);
}

static void network_stalls_add_lag_only(void **state)
{
	struct sim s;
	uint32_t seed = 9;
	sim_begin(&s, 90000);
	/* every 10 s the network holds everything back for 900 ms, and for 1.5 s every minute */
	for (int64_t i = 0; i < 25 * 1200; i++) {
		int64_t at = i * 40000, second = at / 1000000 % 60, hold = second == 30 ? 1500000 : second % 10 == 0 ? 900000 : 0;
		int64_t release = at / 1000000 * 1000000 + hold;
		if (hold && at < release)
			at = release;
		assert_int_equal(sim_unit(&s, (uint32_t)(i * 3600), at + noise(&seed) % 20000), MEDIA_CLOCK_OK);
		assert_int_equal(s.media_us, i * 40000);
	}
	assert_int_equal(s.said, 0);
}

static void drift(double ppm, int hours)
{
	struct sim s;
	uint32_t seed = 3;
	sim_begin(&s, 90000);
	for (int64_t i = 0; i < 25 * 3600ll * hours; i++) {
		int64_t at = (int64_t)((double)i * 40000 * (1 + ppm / 1e6)) + noise(&seed) % 30000;
		assert_int_equal(sim_unit(&s, (uint32_t)(i * 3600), at), MEDIA_CLOCK_OK);
		if (i)
			assert_in_range(s.media_us - s.previous_us, 39799, 40201); /* never slewed by more than 0.5 % */
	}
	assert_true(s.off_max_us < 200000);
	assert_int_equal(s.said, 0);
}

static void drift_of_100_ppm_stays_within_a_second(void **state)
{
	drift(100, 24);
	drift(-100, 24);
	drift(-4000, 2);
	drift(4000, 2);
}

static void rate(int declared, int delivered, int seconds, int most_runs)
{
	struct sim s;
	uint32_t seed = 5;
	int64_t start = 0, began = 0;
	sim_begin(&s, 90000);
	for (int64_t i = 0; i < (int64_t)delivered * seconds; i++) {
		int64_t at = 1000 + i * 1000000 / delivered + noise(&seed) % 10000;
		sim_unit(&s, (uint32_t)(i * 90000 / declared), at);
		if (at > 30000000 && !start) {
			start = at;
			began = s.run_media_us + s.media_us;
		}
		if (at > 30000000)
			assert_true(llabs(at - media_clock_origin_mono_us(&s.clock) - s.media_us) < 1100000);
	}
	int64_t real = (int64_t)(seconds * 1000000ll) - start, media = s.run_media_us + s.media_us - began;
	assert_int_equal(s.said, 1);
	assert_in_range(s.runs, 0, most_runs);
	assert_true(llabs(real - media) < 1500000); /* of minutes an hour as declared */
}

static void declared_25_delivers_21(void **state)
{
	rate(25, 21, 3600, 2);
	rate(21, 25, 3600, 2);
	rate(25, 12, 1200, 6);
	rate(30, 25, 1200, 3);
	rate(1000, 993, 1200, 1); /* 0.7 %: seen after a while */
}

static void the_owner_restarting_a_run_does_not_stop_learning(void **state)
{
	struct sim s;
	sim_begin(&s, 90000);
	for (int64_t i = 0; i < 21 * 60; i++) {
		if (sim_unit(&s, (uint32_t)(i * 3600), i * 1000000 / 21) == MEDIA_CLOCK_NEW_RUN) {
			media_clock_restart(&s.clock);
			assert_int_equal(sim_unit(&s, (uint32_t)(i * 3600), i * 1000000 / 21), MEDIA_CLOCK_OK);
			assert_int_equal(s.media_us, 0);
		}
	}
	assert_int_equal(s.said, 1);
	assert_in_range(s.runs, 1, 3);
}

static void jumps_and_backsteps_begin_a_run(void **state)
{
	static const int64_t jumps_s[] = {3600, -3600, 5, -2, 40000, -40000};
	for (size_t k = 0; k < sizeof(jumps_s) / sizeof(jumps_s[0]); k++) {
		for (int when = 10; when < 300; when += 285) { /* within the start's grace and behind it */
			struct sim s;
			sim_begin(&s, 90000);
			for (int64_t i = 0; i < 600; i++) {
				int64_t jump = i >= when ? jumps_s[k] * 90000 : 0;
				enum media_clock_answer a = sim_unit(&s, (uint32_t)(1000 + i * 3600 + jump), i * 40000);
				assert_int_equal(a, i == when ? MEDIA_CLOCK_NEW_RUN : MEDIA_CLOCK_OK);
				if (i)
					assert_in_range(llabs(s.media_us - s.previous_us), i == when ? 0 : 40000,
							i == when ? 1000000000 : 40000);
			}
			assert_int_equal(s.media_us, (599 - when) * 40000);
			assert_int_equal(s.said, 0);
		}
	}
}

static void an_encoder_that_stops_begins_a_run(void **state)
{
	struct sim s;
	sim_begin(&s, 90000);
	/* timestamps stand still for 1.5 s and go on: a lag that stays */
	for (int64_t i = 0; i < 500; i++)
		sim_unit(&s, (uint32_t)(i * 3600), i * 40000 + (i >= 250 ? 1500000 : 0));
	assert_int_equal(s.runs, 1);
	/* and for 5 s: at once */
	sim_begin(&s, 90000);
	for (int64_t i = 0; i < 250; i++)
		sim_unit(&s, (uint32_t)(i * 3600), i * 40000);
	assert_int_equal(sim_unit(&s, 250 * 3600, 250 * 40000 + 5000000), MEDIA_CLOCK_NEW_RUN);
}

static void whatever_comes_media_stays_near_arrival(void **state)
{
	uint32_t seed = 42;
	for (int round = 0; round < 300; round++) {
		struct sim s;
		int64_t at = 0;
		uint32_t rtp = noise(&seed) << 8;
		sim_begin(&s, round % 3 ? 90000 : 8000);
		for (int i = 0; i < 2000; i++) {
			bool odd = noise(&seed) % 64 == 0;
			at += noise(&seed) % (odd ? 3000000 : 80000);
			rtp += odd ? noise(&seed) * 331 : noise(&seed) % 7200 - noise(&seed) % 2000;
			int64_t origin = media_clock_origin_mono_us(&s.clock), began = s.clock.run_mono_us;
			enum media_clock_answer a = sim_unit(&s, rtp, at);
			int64_t off = at - media_clock_origin_mono_us(&s.clock) - s.media_us;
			assert_true(a == MEDIA_CLOCK_NEW_RUN ? s.media_us == 0 : off >= -1000001 && off <= 2000001);
			if (a == MEDIA_CLOCK_OK && i && at - began > 3000000)
				assert_true(media_clock_origin_mono_us(&s.clock) == origin); /* only a run's first 3 s move it */
			assert_true(began - origin <= 30000000);
		}
	}
}

static void slow_cameras_are_ordinary(void **state)
{
	struct sim s;
	for (int interval_s = 1; interval_s <= 5; interval_s += 2) {
		sim_begin(&s, 90000);
		for (int64_t i = 0; i < 1000; i++) {
			assert_int_equal(sim_unit(&s, (uint32_t)(i * 90000 * interval_s), i * 1000000 * interval_s), MEDIA_CLOCK_OK);
			assert_int_equal(s.media_us, i * 1000000 * interval_s);
		}
		assert_int_equal(s.said, 0);
	}
}

static void audio_rates_sum_exactly(void **state)
{
	struct sim s;
	sim_begin(&s, 44100);
	for (int64_t i = 0; i < 100000; i++) {
		assert_int_equal(sim_unit(&s, (uint32_t)(i * 1024), i * 1024 * 1000000 / 44100), MEDIA_CLOCK_OK);
		assert_true(llabs(s.media_us - i * 1024 * 1000000 / 44100) <= 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_of_29_97_sum_exactly),
		cmocka_unit_test(the_32_bit_wrap_is_no_event),
		cmocka_unit_test(b_frames_go_back),
		cmocka_unit_test(a_fast_start_does_not_move_media_time),
		cmocka_unit_test(network_stalls_add_lag_only),
		cmocka_unit_test(drift_of_100_ppm_stays_within_a_second),
		cmocka_unit_test(declared_25_delivers_21),
		cmocka_unit_test(the_owner_restarting_a_run_does_not_stop_learning),
		cmocka_unit_test(jumps_and_backsteps_begin_a_run),
		cmocka_unit_test(an_encoder_that_stops_begins_a_run),
		cmocka_unit_test(whatever_comes_media_stays_near_arrival),
		cmocka_unit_test(slow_cameras_are_ordinary),
		cmocka_unit_test(audio_rates_sum_exactly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
