/* From RTP timestamps to media time (MEDIA, "Time"): unwraps 32 bits, estimates the real rate against the monotonic clock.
 * Durations are the RTP differences, to the tick, while media time stays near the smallest lag of arrivals (jitter and stalls of the
 * network only add lag, so they change nothing). A lasting difference below 0.5 % is slewed away; beyond that for 10 s durations are
 * scaled by the estimate; a jump, a backstep or more than 1 s of lag for more than 1 s starts a new run. Sans-IO, one thread. */
#ifndef VIGIA_MEDIA_RTP_MEDIA_CLOCK_H
#define VIGIA_MEDIA_RTP_MEDIA_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define MEDIA_CLOCK_WINDOWS 7 /* of 2 s */

struct media_clock_window {
	int64_t unwrapped, mono_us; /* of the unit with the smallest lag */
	int64_t begin_mono_us;
	double lag_us; /* that lag */
};

struct media_clock {
	uint32_t rate; /* declared RTP clock; immutable */
	/* run */
	bool started;
	uint32_t last_rtp;
	int64_t unwrapped, last_mono_us; /* of last_rtp */
	int64_t run_mono_us;		 /* arrival of the run's first unit */
	int64_t origin_mono_us;		 /* when the run's first unit would have arrived without lag; before run_mono_us after a burst */
	int64_t lag_since_mono_us;	 /* more than 1 s of lag since; INT64_MIN */
	/* durations: media time is base_us + (unwrapped - base_unwrapped) * scale */
	int64_t base_unwrapped;
	double base_us;
	double scale;	    /* media time per declared time: camera_rate, slewed */
	double camera_rate; /* 1.0, or the estimate once the declared rate was given up */
	bool slewing, said;
	int64_t off_since_mono_us; /* the rate is a little off since; INT64_MIN */
	/* the last windows' smallest lags, oldest first; the newest is still open */
	struct media_clock_window windows[MEDIA_CLOCK_WINDOWS];
	unsigned n_windows;
};

enum media_clock_answer {
	MEDIA_CLOCK_OK,
	MEDIA_CLOCK_NEW_RUN, /* jump, backstep beyond reordering, or more than 1 s off: the owner starts a new run at this unit */
};

/* A rate of 0 is taken as 90 000. */
void media_clock_init(struct media_clock *c, uint32_t rate);
/* Begins a new run at the next unit. What was learned about the rate stays. */
void media_clock_restart(struct media_clock *c);
/* The monotonic time of the run's media time 0, free of lag: a server that begins with a burst of buffered frames moves it before the
 * first unit's arrival during the first seconds. The owner may anchor the wall clock on it. */
int64_t media_clock_origin_mono_us(const struct media_clock *c);
/* Media time of an access unit within the run, in microseconds (the first is 0; B-frames make it go back within 1 s).
 * *ret_scaled_now is set once when the declared rate is given up ("declared 25, delivers 21"). */
enum media_clock_answer media_clock_map(struct media_clock *c, uint32_t rtp_time, int64_t arrival_mono_us, int64_t *ret_media_us,
					bool *ret_scaled_now);

#endif
