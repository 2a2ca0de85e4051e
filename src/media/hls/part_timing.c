/* Part timing; see part_timing.h. */
#include "media/hls/part_timing.h"

#include "media/hls/window.h"

#define LAG_MAX 90000	/* 1 s */
#define WATCH_FRAMES 50 /* the rate is judged over this many intervals or 2 s */

static int64_t min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t clamp64(int64_t v, int64_t lo, int64_t hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

struct part_plan part_plan_measure(const int64_t *dts, int n)
{
	if (n < 2)
		return (struct part_plan){.frame = 3600, .regular = false};
	int64_t mean = (dts[n - 1] - dts[0] + (n - 1) / 2) / (n - 1), longest = 0, shortest = INT64_MAX;
	for (int i = 1; i < n; i++) {
		int64_t d = dts[i] - dts[i - 1];
		longest = max64(longest, d);
		shortest = min64(shortest, d);
	}
	mean = clamp64(mean, 90, 90000 * 10);
	bool regular = n >= 3 && longest * 10 <= mean * 12 + 10 && shortest * 10 >= mean * 8 - 10;
	return (struct part_plan){.frame = (uint32_t)(regular ? mean : clamp64(longest, mean, mean * 4)), .regular = regular};
}

void part_timing_init(struct part_timing *t, const struct part_plan *plan)
{
	uint32_t n, target;
	hls_part_plan(plan->frame, plan->part_90k, &n, &target);
	*t = (struct part_timing){
		.frame = plan->frame,
		.part_target = target,
		.frames_per_part = n > TIMING_MAX_FRAMES_PER_PART ? TIMING_MAX_FRAMES_PER_PART : n,
		.regular = plan->regular,
		.predictive = plan->regular,
	};
}

/* A lasting change of rate, or intervals that vary too much to be predicted. */
static void watch_rate(struct part_timing *t, int64_t interval)
{
	t->sum_intervals += interval;
	t->n_intervals++;
	t->sum_deviation += interval > t->frame ? interval - t->frame : t->frame - interval;
	if (t->n_intervals < WATCH_FRAMES && t->sum_intervals < 2 * 90000)
		return;
	if (t->n_intervals >= 2) {
		int64_t mean = t->sum_intervals / t->n_intervals;
		if (t->predictive && t->sum_deviation * 5 > t->frame * t->n_intervals)
			t->predictive = false;
		if (mean * 10 > t->frame * 12 || (t->regular && mean * 12 < t->frame * 8))
			t->replan = true;
	}
	t->sum_intervals = t->n_intervals = t->sum_deviation = 0;
}

/* Duration of the last sample now that the next one's time is known. */
static int64_t settle_last(struct part_timing *t, int64_t interval, int64_t lag)
{
	int64_t room = t->part_target - (t->last_start - t->part_start);
	int64_t want = interval + lag;
	if (lag > t->frame)
		want = min64(want, interval * 105 / 100);
	else if (lag < -t->frame)
		want = max64(want, interval * 95 / 100);
	return clamp64(want, min64(max64(t->frame / 8, 1), room), max64(room, 1));
}

void part_timing_next(struct part_timing *t, int64_t dts, bool force_close, struct part_step *ret)
{
	*ret = (struct part_step){0};
	if (!t->started) {
		t->started = true;
		t->last_true = dts;
		ret->start = t->part_start = t->last_start = 0;
		return;
	}
	int64_t interval = dts - t->last_true, lag = t->last_true - t->last_start;
	if (interval <= 0)
		interval = 1; /* a repeated or reordered stamp: never a negative duration */
	int64_t start = t->last_start;
	if (t->last_open) {
		int64_t d = settle_last(t, interval, lag);
		start += d;
		ret->sets_last = true;
		ret->last_duration = (uint32_t)d;
	} else {
		start = t->part_start; /* the part before was closed with a guess: its end stands */
	}
	if (dts - start > LAG_MAX || start - dts > LAG_MAX) {
		*ret = (struct part_step){.new_run = true};
		return;
	}
	watch_rate(t, interval);
	int64_t filled = start - t->part_start;
	if (t->n_in_part && (force_close || (t->n_in_part >= t->frames_per_part && filled * 100 >= t->part_target * 85) ||
			     filled + t->frame * 3 / 4 > t->part_target || t->n_in_part >= TIMING_MAX_FRAMES_PER_PART)) {
		ret->close_part = true;
		t->part_start = start;
		t->n_in_part = 0;
	}
	t->last_start = start;
	t->last_true = dts;
	ret->start = start;
}

bool part_timing_added(struct part_timing *t, bool late, uint32_t *ret_duration)
{
	t->n_in_part++;
	t->last_open = true;
	if (late)
		t->predictive = false;
	if (!t->predictive)
		return false;
	int64_t filled = t->last_start - t->part_start, room = t->part_target - filled;
	int64_t lag = t->last_true - t->last_start;
	int64_t guess = lag > t->frame ? t->frame * 105 / 100 : t->frame + max64(lag, -t->frame);
	int64_t least = t->part_target * 85 / 100 - filled + 1;
	bool full = t->n_in_part >= t->frames_per_part || filled + t->frame * 7 / 4 > t->part_target;
	if (!full || (least > t->frame * 3 / 2 && room > t->frame * 2))
		return false; /* frames came early: one more fits */
	guess = clamp64(guess, min64(max64(least, max64(t->frame / 8, 1)), room), max64(room, 1));
	*ret_duration = (uint32_t)guess;
	t->last_open = false;
	t->part_start = t->last_start + guess;
	t->n_in_part = 0;
	return true;
}

uint32_t part_timing_finish(struct part_timing *t)
{
	if (!t->started || !t->last_open)
		return 0;
	int64_t room = t->part_target - (t->last_start - t->part_start);
	int64_t d = clamp64(t->frame, 1, max64(room, 1));
	t->last_open = false;
	t->part_start = t->last_start + d;
	t->n_in_part = 0;
	return (uint32_t)d;
}

int64_t part_timing_end(const struct part_timing *t)
{
	return t->last_open ? t->last_start + t->frame : t->part_start;
}
