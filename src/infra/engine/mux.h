/* One camera's muxer: access units become fragments in place, once; the same bytes are the live part and the recording. Loop
 * thread only, no locks, no clock of its own.
 *
 * Terms. run: media without interruption, one part timing. timeline: what one file (or, unrecorded, one live MAP) covers; tfdt starts at 0
 * at its anchor; a timeline may hold several runs (a short outage), a run may cross timelines (the hour cut).
 *
 * Bytes: the open fragment grows in the present chunk behind a place kept free for its head. [flushed, pos) waits for the disk; a flush
 * pads to 4096 with a free box. What lies in a chunk behind `pos` may move (mux_relocate), what lies before never does. */
#ifndef VIGIA_INFRA_ENGINE_MUX_H
#define VIGIA_INFRA_ENGINE_MUX_H

#include "infra/engine/live.h"
#include "media/fmp4/fmp4.h"
#include "media/hls/part_timing.h"
#include "media/rtp/depacketizer.h"

struct mux_sink {
	/* A timeline begins at the given wall time: the file to record it into (the muxer takes the reference), or NULL. */
	struct rec_file *(*open_file)(void *ctx, int64_t start_utc_us, const struct fmp4_tracks *tracks);
	/* Key frame ahead: should a new timeline begin with it (hour, recording switched, file failed, clock stepped)? */
	bool (*should_cut)(void *ctx, int64_t frame_utc_us);
	/* The timeline's file was let go of; seal it at or after the given delay. */
	int64_t (*seal_delay_us)(void *ctx);
	/* Asked at a cut within a run: how far the wall clock was set since the timeline began. May be NULL. */
	int64_t (*clock_step_us)(void *ctx);
	/* Footage up to here was handed to the disk. */
	void (*recorded)(void *ctx, int64_t from_utc_us, int64_t to_utc_us);
};

struct mux;

int mux_create(struct live *live, const struct mux_sink *sink, void *ctx, struct mux **ret);
/* Live begins at once instead of with the second GOP: for a stream that nobody takes as HLS. */
void mux_assume_target(struct mux *m, int target_duration_s);
/* Seals what is open. */
void mux_destroy(struct mux *m);

struct mux_run {
	const struct video_params *video;
	const struct video_info *video_info;
	const struct audio_params *audio; /* NULL: none */
	struct part_plan plan;
	bool with_cts;	    /* B-frames */
	int64_t utc_us;	    /* wall time of the run's media time 0 */
	uint32_t bandwidth; /* bits a second, for the multivariant playlist */
	bool same_timeline; /* go on in the present timeline where parameters allow it */
};
/* 0, or -EBADMSG for parameter sets that no init segment can be made of. The next access unit begins the run. */
int mux_begin_run(struct mux *m, const struct mux_run *run);
/* Ends the run: closes and flushes what is open; the file stays open for a short outage. */
void mux_end_run(struct mux *m, int64_t now_mono_us);
/* Lets go of the file (sealed) and the timeline. */
void mux_close_file(struct mux *m);
bool mux_in_run(const struct mux *m);
bool mux_has_file(const struct mux *m);
bool mux_has_timeline(const struct mux *m);
struct rec_file *mux_file(const struct mux *m);
int64_t mux_end_utc(const struct mux *m); /* wall time up to which media was given out; TIME_NONE at first */
bool mux_wants_replan(const struct mux *m);

/* Where the next video access unit is to be written; see struct au_buf. Valid until the next mux call. */
int mux_au_buf(struct mux *m, struct au_buf *b);
int mux_au_grow(struct mux *m, struct au_buf *b, size_t need);

struct mux_frame {
	uint32_t len;
	int64_t dts_90k, pts_90k; /* since the run's start */
	bool key, late;
	int64_t now_mono_us;
};
/* Takes the len bytes at the au_buf. -ERANGE: more than 1 s off, nothing was taken: end the run, begin another. */
int mux_video(struct mux *m, const struct mux_frame *f);
/* One audio access unit; start: wall time, used for the first one of a run or after a hole. */
void mux_audio(struct mux *m, struct bytes au, int64_t utc_us, int64_t now_mono_us);
/* Every second or so: flushes what is older than 2 s, trims the live window. The unit in the making at b may move. */
void mux_tick(struct mux *m, struct au_buf *b, int64_t now_mono_us);
/* Source away: one GAP segment in the live window. */
void mux_gap(struct mux *m, int64_t utc_us);
bool mux_live_open(const struct mux *m);

#endif
