/* The live HLS window of one rendition (RFC 8216bis): segments and parts, what may be asked of them, and their playlist.
 * Sans-IO and payload-free: each part carries a caller's tag (uint64_t) by which the owner finds its bytes. Times in 90 kHz. Not locked:
 * its owner does that. Segments leave the playlist by the window's depth and stay answerable for a while after. */
#ifndef VIGIA_MEDIA_HLS_WINDOW_H
#define VIGIA_MEDIA_HLS_WINDOW_H

#include "base/buf.h"
#include "base/time.h"

struct hls_window;

/* Parts a segment can have: room for the tags of a whole one. What comes after goes into the next segment. */
#define HLS_SEGMENT_PARTS_MAX 256

#define HLS_DISCONTINUITY_MAX (INT64_C(1) << 24)

struct hls_window_config {
	int64_t first_msn; /* from the clock, so that it never goes back over a restart */
	/* Likewise, but small: players (hls.js) keep a list of that length, so that 5e5 costs nothing and seconds since 1970 hang the page.
	 * By hls_first_discontinuity, or for a rendition that joins another hls_window_discontinuity of that one: their numbers must agree
	 * (RFC 8216bis 6.2.4). What is larger than HLS_DISCONTINUITY_MAX is taken for such seconds. */
	int64_t first_discontinuity;
	char prefix; /* 'v' or 'a': names are <prefix><msn>.m4s, <prefix><msn>.<part>.m4s, <prefix>init<n>.mp4 */
	/* A segment or part left the window for good (after its grace): its tag may be released. Called from within the calls below that
	 * append or end; it may not call back. */
	void (*on_release)(void *ctx, uint64_t tag);
	void *ctx;
};

struct hls_window *hls_window_create(const struct hls_window_config *config);
void hls_window_destroy(struct hls_window *w); /* releases every tag */

/* A new run of media: DISCONTINUITY (unless nothing was there yet), a new MAP. part_target_90k and target_duration_s are fixed for the run;
 * a change of either is only given with a new run. init_id names the MAP ("vinit<init_id>.mp4"). Ends an open segment. */
struct hls_run {
	uint32_t part_target_90k;
	int target_duration_s;
	uint64_t init_id;
	bool discontinuity; /* false only where the timeline simply goes on */
};
void hls_window_begin_run(struct hls_window *w, const struct hls_run *run);
/* Opens a segment (ends the open one). It takes its number with its first part: one that never gets a part never was. */
void hls_window_begin_segment(struct hls_window *w, int64_t program_utc_us);
/* A part of the open segment. One that would make the segment longer than TARGETDURATION allows opens the next by itself. */
void hls_window_add_part(struct hls_window *w, uint64_t tag, uint32_t duration_90k, bool independent);
/* Source away: ends the open segment and appends one GAP segment of the given length (its own discontinuity); several where it is longer
 * than TARGETDURATION. */
void hls_window_add_gap(struct hls_window *w, int64_t program_utc_us, uint32_t duration_90k);
void hls_window_end_segment(struct hls_window *w);
/* The stream was stopped for good: EXT-X-ENDLIST. What is added afterwards is released at once. */
void hls_window_end(struct hls_window *w);

int64_t hls_window_next_msn(const struct hls_window *w); /* of the open segment, or the next to be opened */
int hls_window_next_part(const struct hls_window *w);
/* Number of the newest segment's discontinuity. */
int64_t hls_window_discontinuity(const struct hls_window *w);
int hls_window_target_duration_s(const struct hls_window *w); /* largest of the window */
/* How long the window is, and the least it must be kept (6 x TARGETDURATION). */
int64_t hls_window_duration_90k(const struct hls_window *w);

enum hls_ready {
	HLS_READY,
	HLS_WAIT,
	HLS_BAD_REQUEST, /* more than 2 segments ahead, part beyond the Advance Part Limit, part without msn */
};
/* May the playlist be given for _HLS_msn / _HLS_part (-1: absent)? A part past a segment's end means part 0 of the next. */
enum hls_ready hls_window_ready(const struct hls_window *w, int64_t msn, int part);

/* Appends the media playlist; delta: _HLS_skip was asked (ignored where the window is too short for it). */
void hls_window_render(const struct hls_window *w, bool delta, struct buf *out);

/* Tags of a whole segment (part -1; only when it is complete) or of one part. Returns how many, 0 unknown, -EAGAIN for the part or segment
 * announced as the next one. With a cap below that number only the first cap tags are written. */
int hls_window_find(const struct hls_window *w, int64_t msn, int part, uint64_t *ret_tags, size_t cap);

/* --- rules that need no window --- */
/* PART-TARGET for a measured frame interval d: n = round(part / d) frames a part, at least one; n * d * 1.06 up to the next ms.
 * part_90k 0: 200 ms. */
void hls_part_plan(uint32_t frame_90k, uint32_t part_90k, uint32_t *ret_frames_per_part, uint32_t *ret_part_target_90k);
/* max(2, ceil(first GOP)), at most 6. */
int hls_target_duration_s(uint32_t first_gop_90k);
/* Where DISCONTINUITY-SEQUENCE begins at this time: one more every two minutes since 2026, so that it does not go back over a restart
 * unless there were more of them than that. */
int64_t hls_first_discontinuity(int64_t utc_us);

#endif
