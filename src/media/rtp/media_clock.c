/* RTP time to media time; see media_clock.h. One thread, no allocation.
 *
 * Lag is arrival minus media time. Its smallest value in a window is the network's floor: what that floor does over 12 s is the camera's
 * clock against ours (rate), where it stands is how far media time is off (slew). Everything above the floor is jitter and is ignored. */
#include "media/rtp/media_clock.h"

#include <math.h>
#include <stddef.h>

#define SECOND_US 1000000.0
#define OFF_LIMIT_US 1000000.0	 /* MEDIA: media time never differs from arrival by more */
#define STALL_LIMIT_US 2000000.0 /* what MEDIA calls silence */
#define OFF_PATIENCE_US 1000000	 /* a network stall is made up for within it */
#define BURST_PHASE_US 3000000	 /* a server sends buffered frames at the start of a run */
#define BURST_LIMIT_US 30000000.0
#define BURST_STEP_US 2000000.0
#define WINDOW_US 2000000
#define RATE_LIMIT 0.005
#define CLEARLY_OFF_US 100000.0 /* a floor that moved less may be a network queue: that must last longer */
#define UNCLEAR_PATIENCE_US 40000000
#define FLOOR_WINDOWS 3u
#define SLEW_BEGIN_US 40000.0 /* a frame at 25 fps: nobody sees it, and cameras with a good clock never reach it */
#define SLEW_END_US 10000.0
#define SLEW_TIME_US 20000000.0

void media_clock_init(struct media_clock *c, uint32_t rate)
{
	*c = (struct media_clock){.rate = rate ? rate : 90000,
				  .scale = 1.0,
				  .camera_rate = 1.0,
				  .lag_since_mono_us = INT64_MIN,
				  .off_since_mono_us = INT64_MIN};
}

void media_clock_restart(struct media_clock *c)
{
	c->started = false;
}

int64_t media_clock_origin_mono_us(const struct media_clock *c)
{
	return c->origin_mono_us;
}

static double ticks_to_us(const struct media_clock *c, int64_t ticks)
{
	return (double)ticks * SECOND_US / c->rate;
}

static double media_us(const struct media_clock *c)
{
	return c->base_us + ticks_to_us(c, c->unwrapped - c->base_unwrapped) * c->scale;
}

/* From here on durations have another scale; what was given out stays. */
static void set_scale(struct media_clock *c, double scale)
{
	if (scale == c->scale)
		return;
	c->base_us = media_us(c);
	c->base_unwrapped = c->unwrapped;
	c->scale = scale;
}

static void begin_run(struct media_clock *c, int64_t arrival_mono_us)
{
	c->started = true;
	c->run_mono_us = c->origin_mono_us = arrival_mono_us;
	c->base_unwrapped = c->unwrapped;
	c->base_us = 0;
	c->scale = c->camera_rate;
	c->slewing = false;
	c->lag_since_mono_us = INT64_MIN;
}

/* Returns whether a window was closed. */
static bool note_lag(struct media_clock *c, int64_t arrival_mono_us, double lag_us)
{
	struct media_clock_window *w = c->n_windows ? &c->windows[c->n_windows - 1] : NULL;
	if (!w || arrival_mono_us - w->begin_mono_us >= WINDOW_US) {
		if (c->n_windows == MEDIA_CLOCK_WINDOWS) {
			for (unsigned i = 1; i < MEDIA_CLOCK_WINDOWS; i++)
				c->windows[i - 1] = c->windows[i];
			c->n_windows--;
		}
		w = &c->windows[c->n_windows++];
		*w = (struct media_clock_window){c->unwrapped, arrival_mono_us, arrival_mono_us, lag_us};
		return true;
	}
	if (lag_us < w->lag_us) {
		w->unwrapped = c->unwrapped;
		w->mono_us = arrival_mono_us;
		w->lag_us = lag_us;
	}
	return false;
}

/* Real seconds per declared second between two windows' floors; 0 unknown. */
static double rate_between(const struct media_clock *c, unsigned from, unsigned to)
{
	const struct media_clock_window *a = &c->windows[from], *b = &c->windows[to];
	double declared = ticks_to_us(c, b->unwrapped - a->unwrapped);
	return declared > WINDOW_US / 2.0 ? (double)(b->mono_us - a->mono_us) / declared : 0;
}

static bool beyond(double rate, double from, int sign)
{
	return rate > 0 && (rate / from - 1) * sign > RATE_LIMIT;
}

/* Over the last full windows (10 s and more) and over each half of them the rate must be off the same way. */
static bool rate_is_off(struct media_clock *c, int64_t arrival_mono_us, double *ret_rate)
{
	if (c->n_windows < MEDIA_CLOCK_WINDOWS)
		return false;
	unsigned last = c->n_windows - 2, middle = last / 2;
	double whole = rate_between(c, 0, last), first = rate_between(c, 0, middle), second = rate_between(c, middle, last);
	bool off = false;
	for (int sign = -1; sign <= 1; sign += 2)
		off |= beyond(whole, c->camera_rate, sign) && beyond(first, c->camera_rate, sign) && beyond(second, c->camera_rate, sign);
	if (!off || whole < 0.05 || whole > 20) {
		c->off_since_mono_us = INT64_MIN;
		return false;
	}
	*ret_rate = whole;
	if (c->off_since_mono_us == INT64_MIN)
		c->off_since_mono_us = arrival_mono_us;
	double moved_us = fabs(whole / c->camera_rate - 1) * (double)(c->windows[last].mono_us - c->windows[0].mono_us);
	return moved_us > CLEARLY_OFF_US || arrival_mono_us - c->off_since_mono_us > UNCLEAR_PATIENCE_US;
}

/* Returns whether the declared rate was given up just now, for the first time. */
static bool follow_rate(struct media_clock *c, int64_t arrival_mono_us)
{
	double rate;
	if (!rate_is_off(c, arrival_mono_us, &rate))
		return false;
	c->camera_rate = fabs(rate - 1) < RATE_LIMIT ? 1.0 : rate;
	set_scale(c, c->camera_rate);
	c->n_windows = 0; /* the next estimate begins here */
	c->off_since_mono_us = INT64_MIN;
	bool first = !c->said && c->camera_rate != 1.0;
	c->said |= first;
	return first;
}

/* Where the floor stands decides how durations are slewed. */
static void follow_floor(struct media_clock *c)
{
	double floor_us = INFINITY;
	if (c->n_windows <= FLOOR_WINDOWS)
		return;
	for (unsigned i = c->n_windows - 1 - FLOOR_WINDOWS; i < c->n_windows - 1; i++)
		floor_us = fmin(floor_us, c->windows[i].lag_us);
	if (isinf(floor_us))
		return;
	if (fabs(floor_us) > SLEW_BEGIN_US)
		c->slewing = true;
	else if (fabs(floor_us) < SLEW_END_US)
		c->slewing = false;
	double slew = c->slewing ? fmax(-RATE_LIMIT, fmin(RATE_LIMIT, floor_us / SLEW_TIME_US)) : 0;
	set_scale(c, c->camera_rate * (1 + slew));
}

/* Frames sent at once when the run begins were taken before they arrived: the origin goes back, media time stays. */
static bool is_burst(struct media_clock *c, int64_t arrival_mono_us, double lag_us, double step_us)
{
	if (lag_us >= 0 || arrival_mono_us - c->run_mono_us > BURST_PHASE_US || step_us > BURST_STEP_US)
		return false;
	if ((double)(c->run_mono_us - c->origin_mono_us) - lag_us > BURST_LIMIT_US)
		return false;
	c->origin_mono_us += (int64_t)lag_us;
	for (unsigned i = 0; i < c->n_windows; i++)
		c->windows[i].lag_us -= lag_us;
	/* More than twice real time is no camera's rate: it is not learned from. */
	if (c->run_mono_us - c->origin_mono_us > arrival_mono_us - c->run_mono_us)
		c->n_windows = 0;
	return true;
}

static bool is_off(struct media_clock *c, int64_t arrival_mono_us, double lag_us)
{
	if (lag_us < -OFF_LIMIT_US || lag_us > STALL_LIMIT_US)
		return true;
	if (lag_us <= OFF_LIMIT_US) {
		c->lag_since_mono_us = INT64_MIN;
		return false;
	}
	if (c->lag_since_mono_us == INT64_MIN)
		c->lag_since_mono_us = arrival_mono_us;
	return arrival_mono_us - c->lag_since_mono_us > OFF_PATIENCE_US;
}

/* A jump says nothing about the rate; a lag that grew steadily is the rate, so its windows are kept, but for their lags. */
static void start_over(struct media_clock *c, int64_t arrival_mono_us, bool jumped)
{
	begin_run(c, arrival_mono_us);
	if (jumped)
		c->n_windows = 0;
	for (unsigned i = 0; i < c->n_windows; i++)
		c->windows[i].lag_us = INFINITY;
	note_lag(c, arrival_mono_us, 0);
}

enum media_clock_answer media_clock_map(struct media_clock *c, uint32_t rtp_time, int64_t arrival_mono_us, int64_t *ret_media_us,
					bool *ret_scaled_now)
{
	int32_t step = (int32_t)(rtp_time - c->last_rtp);
	double step_us = ticks_to_us(c, step);
	bool jumped = fabs(step_us - (double)(arrival_mono_us - c->last_mono_us)) > OFF_LIMIT_US;
	*ret_scaled_now = false;
	c->last_rtp = rtp_time;
	c->last_mono_us = arrival_mono_us;
	c->unwrapped += step;
	if (!c->started) {
		start_over(c, arrival_mono_us, jumped);
		*ret_media_us = 0;
		return MEDIA_CLOCK_OK;
	}
	double lag_us = (double)(arrival_mono_us - c->origin_mono_us) - media_us(c);
	if (is_burst(c, arrival_mono_us, lag_us, step_us))
		lag_us = 0;
	if (step_us < -OFF_LIMIT_US || is_off(c, arrival_mono_us, lag_us)) {
		start_over(c, arrival_mono_us, jumped);
		*ret_media_us = 0;
		return MEDIA_CLOCK_NEW_RUN;
	}
	*ret_media_us = llround(media_us(c));
	if (note_lag(c, arrival_mono_us, lag_us)) {
		*ret_scaled_now = follow_rate(c, arrival_mono_us);
		follow_floor(c);
	}
	return MEDIA_CLOCK_OK;
}
