/* From RTP timestamps to media time (MEDIA, "Time"): unwraps 32 bits, estimates the real rate against the monotonic clock.
 * Within 0.5 % it is slewed; beyond that for 10 s durations are scaled by the estimate; media time never differs from arrival by
 * more than 1 s and a jump or backstep starts a new run. Sans-IO, one thread. */
#ifndef VIGIA_MEDIA_RTP_MEDIA_CLOCK_H
#define VIGIA_MEDIA_RTP_MEDIA_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct media_clock {
	uint32_t rate; /* declared RTP clock */
	bool started;
	uint32_t last_rtp;
	int64_t unwrapped;	  /* of last_rtp */
	double scale;		  /* media seconds per declared RTP second: 1.0, slewed or scaled */
	int64_t run_unwrapped;	  /* at the run's start */
	int64_t run_mono_us;
	double media_us;	  /* media time of last_rtp within the run */
	/* rate estimate */
	int64_t est_unwrapped, est_mono_us;
	int64_t off_since_mono_us; /* beyond 0.5 % since; INT64_MIN */
	bool scaled, said;
	double min_lag_us; /* smallest arrival - media lag of the window */
};

enum media_clock_answer {
	MEDIA_CLOCK_OK,
	MEDIA_CLOCK_NEW_RUN, /* jump, backstep beyond reordering, or more than 1 s off: the owner starts a new run at this unit */
};

void media_clock_init(struct media_clock *c, uint32_t rate);
/* Begins a new run at the next unit. */
void media_clock_restart(struct media_clock *c);
/* Media time of an access unit within the run, in microseconds (the first is 0; B-frames make it go back within 1 s).
 * *ret_scaled_now is set once when the declared rate is given up ("declared 25, delivers 21"). */
enum media_clock_answer media_clock_map(struct media_clock *c, uint32_t rtp_time, int64_t arrival_mono_us, int64_t *ret_media_us,
					bool *ret_scaled_now);

#endif
