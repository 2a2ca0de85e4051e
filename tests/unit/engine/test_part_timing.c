/* Part timing: durations, sums and part lengths at the frame rates of MEDIA, with jitter, late frames, jumps and changes of rate. */
#include "support/test.h"

#include "media/hls/part_timing.h"

#include <stdlib.h>
#include <string.h>

struct run {
	struct part_timing t;
	int64_t sum; /* of durations given, up to the last settled sample */
	int64_t part, parts, short_parts, long_parts, longest, n;
	int64_t max_error; /* |media time given - the camera's| */
	bool open;
};

static void end_part(struct run *r, bool forced)
{
	if (r->part > r->t.part_target)
		r->long_parts++;
	if (!forced && r->part * 100 < r->t.part_target * 85)
		r->short_parts++;
	if (r->part > r->longest)
		r->longest = r->part;
	r->part = 0;
	r->parts++;
}

/* False: a new run is asked for. */
static bool feed(struct run *r, int64_t dts, bool key, bool late)
{
	struct part_step s;
	part_timing_next(&r->t, dts, key, &s);
	if (s.new_run)
		return false;
	if (s.sets_last) {
		r->sum += s.last_duration;
		r->part += s.last_duration;
	}
	if (s.close_part)
		end_part(r, key);
	assert_int_equal(s.start, r->sum); /* tfdt is the exact sum of durations */
	int64_t error = llabs(dts - s.start);
	if (error > r->max_error)
		r->max_error = error;
	uint32_t last;
	if (part_timing_added(&r->t, late, &last)) {
		assert_true(last > 0);
		r->sum += last;
		r->part += last;
		end_part(r, false);
	}
	r->n++;
	return true;
}

static struct run begin(int64_t frame)
{
	struct run r = {0};
	struct part_plan plan = {.frame = (uint32_t)frame, .regular = true};
	part_timing_init(&r.t, &plan);
	return r;
}

static void every_rate_keeps_the_rules(void **state)
{
	static const double rates[] = {60, 50, 30, 29.97, 25, 24, 15, 12.5, 10, 8, 5, 2, 1};
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct run r = begin((int64_t)(90000 / rates[i] + 0.5));
		int64_t gop = (int64_t)(rates[i] * 2) > 0 ? (int64_t)(rates[i] * 2) : 1;
		for (int64_t n = 0; n < 2000; n++)
			assert_true(feed(&r, (int64_t)((double)n * 90000 / rates[i]), n % gop == 0, false));
		assert_int_equal(r.long_parts, 0);
		assert_int_equal(r.short_parts, 0);
		assert_true(r.max_error <= 90); /* a millisecond: rounding */
		assert_false(r.t.replan);
	}
}

static void jitter_stays_inside_the_parts(void **state)
{
	static const int64_t frames[] = {3600, 3003, 7200, 11250};
	srand(7);
	for (size_t i = 0; i < 4; i++) {
		struct run r = begin(frames[i]);
		for (int n = 0; n < 5000; n++)
			assert_true(feed(&r, n * frames[i] + (n ? rand() % 1801 - 900 : 0), n % 50 == 0, false)); /* +-10 ms */
		assert_int_equal(r.long_parts, 0);
		assert_int_equal(r.short_parts, 0);
		assert_true(r.max_error <= frames[i]);
		assert_true(llabs(r.sum - 4999 * frames[i]) < 3 * frames[i]);
	}
}

static void late_frame_keeps_the_sum_and_lag_is_taken_back(void **state)
{
	struct run r = begin(3600);
	int64_t shift = 0;
	for (int n = 0; n < 3000; n++) {
		if (n == 100)
			shift = 45000; /* half a second without a frame */
		assert_true(feed(&r, n * 3600 + shift, n % 50 == 0, false));
		if (n == 100)
			assert_true(r.max_error > 40000);
	}
	r.max_error = 0;
	for (int n = 3000; n < 3100; n++)
		assert_true(feed(&r, n * 3600 + shift, n % 50 == 0, false));
	assert_true(r.max_error <= 3600); /* the lag is gone */
	assert_int_equal(r.long_parts, 0);
	assert_int_equal(r.short_parts, 0);
}

static void more_than_a_second_is_a_new_run(void **state)
{
	struct run r = begin(3600);
	for (int n = 0; n < 100; n++)
		assert_true(feed(&r, n * 3600, n % 50 == 0, false));
	assert_false(feed(&r, 100 * 3600 + 120000, false, false));
	r = begin(3600);
	for (int n = 0; n < 100; n++)
		assert_true(feed(&r, n * 3600, n % 50 == 0, false));
	assert_false(feed(&r, 3600, false, false)); /* a backstep of four seconds */
}

static void lasting_change_of_rate_is_noticed(void **state)
{
	struct run r = begin(3600);
	int64_t t = 0;
	for (int n = 0; n < 100; n++, t += 3600)
		assert_true(feed(&r, t, n % 50 == 0, false));
	assert_false(r.t.replan);
	for (int n = 0; n < 60 && !r.t.replan; n++, t += 7200)
		if (!feed(&r, t, false, false))
			break;
	assert_true(r.t.replan);
}

static void late_packets_end_the_guessing(void **state)
{
	struct run r = begin(3600);
	for (int n = 0; n < 200; n++)
		assert_true(feed(&r, n * 3600, n % 50 == 0, n > 50));
	assert_false(r.t.predictive);
	assert_int_equal(r.long_parts, 0);
	assert_int_equal(r.short_parts, 0);
	assert_int_equal(r.max_error, 0);
}

static void plan_is_measured_not_declared(void **state)
{
	int64_t even[26], odd[10] = {0, 3600, 7200, 18000, 21600, 25200, 36000, 39600, 43200, 54000};
	for (int i = 0; i < 26; i++)
		even[i] = i * 4286;
	struct part_plan p = part_plan_measure(even, 26);
	assert_true(p.regular);
	assert_int_equal(p.frame, 4286);
	p = part_plan_measure(odd, 10);
	assert_false(p.regular);
	assert_int_equal(p.frame, 10800); /* the longest: no part may outgrow its target */
	assert_false(part_plan_measure(odd, 1).regular);
}

static void hostile_stamps_never_break_an_invariant(void **state)
{
	srand(3);
	for (int round = 0; round < 300; round++) {
		struct run r = begin(90 + rand() % 100000);
		int64_t t = 0;
		for (int n = 0; n < 300; n++) {
			if (!feed(&r, t, rand() % 10 == 0, rand() % 50 == 0))
				break;
			t += rand() % 3 ? r.t.frame : rand() % 200000 - 60000;
		}
		assert_int_equal(r.long_parts, 0);
		assert_true(part_timing_finish(&r.t) < 10 * 90000 * 2u);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rate_keeps_the_rules),
		cmocka_unit_test(jitter_stays_inside_the_parts),
		cmocka_unit_test(late_frame_keeps_the_sum_and_lag_is_taken_back),
		cmocka_unit_test(more_than_a_second_is_a_new_run),
		cmocka_unit_test(lasting_change_of_rate_is_noticed),
		cmocka_unit_test(late_packets_end_the_guessing),
		cmocka_unit_test(plan_is_measured_not_declared),
		cmocka_unit_test(hostile_stamps_never_break_an_invariant),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
