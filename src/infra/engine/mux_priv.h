/* Inside of the muxer: mux.c (fragments, chunks, timelines), mux_live.c (segments, what waits for the first GOP), mux_audio.c. */
#ifndef VIGIA_INFRA_ENGINE_MUX_PRIV_H
#define VIGIA_INFRA_ENGINE_MUX_PRIV_H

#include "infra/engine/mux.h"

#define MUX_MAX_SAMPLES TIMING_MAX_FRAMES_PER_PART
#define MUX_FLUSH_US (19 * US_PER_S / 10) /* with a part's length on top: 2 s */
#define MUX_AUDIO_MAX_FRAMES 64
#define MUX_PENDING_MAX 512

struct mux_pending {
	enum { PENDING_SEGMENT, PENDING_PART } kind;
	enum live_track track;
	struct live_part part; /* references held */
	int64_t utc_us;
};

struct mux_audio_state {
	bool has;	/* the timeline has the track */
	bool running;	/* tfdt is set in this timeline */
	bool live_open; /* a live run was begun in this timeline */
	struct audio_params params;
	struct buf data; /* of the open fragment */
	struct fmp4_sample samples[MUX_AUDIO_MAX_FRAMES];
	uint32_t n, frames_per_part;
	uint64_t tfdt, next_tfdt; /* of the open fragment, of the next frame; in samples */
	struct buf done;	  /* finished fragments that wait for a place in the chunk */
	struct {
		uint32_t len, duration;
		uint64_t tfdt;
	} list[8];
	uint32_t n_done;
};

struct mux {
	struct live *live;
	const struct mux_sink *sink;
	void *ctx;

	/* what is muxed */
	struct video_params params;
	struct video_info info;
	bool with_cts, known; /* known: params are set */
	uint32_t bandwidth;

	/* chunk */
	struct chunk *chunk;
	uint32_t flushed, pos; /* pos: end of the last whole fragment */
	uint32_t last_fragment_len;

	/* open video fragment: [frag_at head_reserve data_at samples au] */
	bool open;
	uint32_t frag_at, data_at, data_len;
	struct fmp4_sample samples[MUX_MAX_SAMPLES];
	uint32_t n;
	int64_t frag_start; /* run time */

	/* run */
	bool in_run, first_in_run, run_discontinuity;
	struct part_plan plan;
	struct part_timing timing;
	int64_t run_utc_us;

	/* timeline */
	bool has_timeline;
	int64_t anchor_utc_us, run_base; /* tfdt = run time + run_base */
	uint64_t end_tfdt;
	uint32_t sequence;

	/* file */
	struct rec_file *file;
	uint64_t file_off; /* where chunk[flushed] will stand */
	struct fmp4_index_entry *entries;
	size_t n_entries, cap_entries;
	int64_t last_flush_mono_us, unflushed_from_utc, end_utc_us;

	struct mux_audio_state audio;

	/* live */
	bool live_run, segment_open, first_gop_left_out;
	int64_t segment_start; /* run time */
	int target_s;	       /* 0 while the first GOP is not known */
	int64_t last_key;      /* run time of the GOP's key frame */
	struct mux_pending *pending;
	size_t n_pending;
};

/* mux.c */
uint64_t mux_tfdt(const struct mux *m, int64_t run_time);
int64_t mux_utc(const struct mux *m, int64_t run_time);
/* Room for n bytes behind pos; only while no video fragment is open. */
int mux_room(struct mux *m, uint32_t n);
void mux_flush(struct mux *m, int64_t now_mono_us);

/* mux_live.c */
void mux_live_begin(struct mux *m, int64_t run_time, bool discontinuity);
/* A part is about to begin here: opens a segment where one is due. */
void mux_live_part_start(struct mux *m, int64_t run_time, bool key);
void mux_live_part(struct mux *m, enum live_track track, const struct live_part *part, int64_t utc_us);
void mux_live_resolve(struct mux *m, uint32_t gop_90k);
void mux_live_forget_pending(struct mux *m);
void mux_live_end_segment(struct mux *m);

/* mux_audio.c */
void mux_audio_begin_timeline(struct mux *m);
void mux_audio_close(struct mux *m);
/* Puts finished audio fragments behind pos. */
void mux_audio_place(struct mux *m);
/* Wall time at which the next audio frame begins; TIME_NONE when there is none. */
int64_t mux_audio_next_utc(const struct mux *m);
void mux_audio_finish(struct mux *m);

#endif
