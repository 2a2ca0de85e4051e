/* When a part closes and how long each sample lasts (RFC 8216bis 4.4.4.9 and MEDIA, "fMP4" and "HLS"). Sans-IO, one thread, one per run.
 *
 * Invariants: tfdt is the exact sum of the durations given; a part never lasts longer than PART-TARGET; every part but a segment's last
 * lasts at least 85 % of it. A predictive run closes a part without waiting for the next frame: the last sample's duration is a guess,
 * the error goes into the next samples at once up to one frame; a larger lag (a frame up to 1 s late) is taken back by at most 5 %.
 *
 *   for each access unit:  part_timing_next -> [end the open part] -> add the sample -> part_timing_added -> [end the open part] */
#ifndef VIGIA_MEDIA_HLS_PART_TIMING_H
#define VIGIA_MEDIA_HLS_PART_TIMING_H

#include <stdbool.h>
#include <stdint.h>

#define TIMING_MAX_FRAMES_PER_PART 64

struct part_timing {
	/* immutable in a run */
	int64_t frame, part_target; /* 90 kHz */
	int64_t frames_per_part;
	bool regular; /* the plan was made from even intervals */
	/* the open part */
	bool predictive;
	int64_t part_start, last_start; /* media time given out, since the run's start */
	int64_t last_true;		/* decoding time of the last sample as the camera means it */
	int64_t n_in_part;
	bool started, last_open; /* last_open: the last sample's duration is not given yet */
	/* the rate, watched */
	int64_t sum_intervals, n_intervals, sum_deviation;
	bool replan; /* a lasting change of rate: begin a new run at the next key frame */
};

/* Plan from intervals measured in about 1 s of frames (90 kHz): mean, or the largest where they vary by more than 20 %. */
struct part_plan {
	uint32_t frame;
	uint32_t part_90k; /* wished length of a part; 0: 200 ms */
	bool regular;
};
struct part_plan part_plan_measure(const int64_t *dts, int n);

void part_timing_init(struct part_timing *t, const struct part_plan *plan);

struct part_step {
	bool new_run;	/* more than 1 s away from what was given out: end this run; nothing else is set */
	bool sets_last; /* the last sample's duration is now known: */
	uint32_t last_duration;
	bool close_part; /* the open part ends before this access unit */
	int64_t start;	 /* of this access unit's sample, since the run's start */
};
/* dts: decoding time since the run's first access unit (90 kHz). force_close: key frame or cut. */
void part_timing_next(struct part_timing *t, int64_t dts, bool force_close, struct part_step *ret);
/* The sample was added. True: the part closes with it, its last duration being *ret_duration. late: its packets did not come in
 * time for that. */
bool part_timing_added(struct part_timing *t, bool late, uint32_t *ret_duration);
/* Ends the run: the duration for a last sample that has none; 0 when there is none. */
uint32_t part_timing_finish(struct part_timing *t);
/* End of what was given out. */
int64_t part_timing_end(const struct part_timing *t);

#endif
