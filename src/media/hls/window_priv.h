/* Inside of the live window: shared by its state (window.c), what may be asked of it (query.c) and its playlist (playlist.c). */
#ifndef VIGIA_MEDIA_HLS_WINDOW_PRIV_H
#define VIGIA_MEDIA_HLS_WINDOW_PRIV_H

#include "media/hls/window.h"

#define HLS_90K 90000

/* Listed: one target duration more than the 6 that are owed, so that a delta update has something to leave out. */
#define HLS_LIST_TARGETS 7
#define HLS_LIST_TARGETS_LEAST 6
#define HLS_LIST_SEGMENTS_LEAST 3
/* Whatever is fed to it, a window holds no more than this; the oldest goes first. */
#define HLS_SEGMENTS_MAX 1024
#define HLS_PARTS_MAX 16384

struct hls_part {
	uint64_t tag;
	uint32_t duration_90k;
	bool independent;
};

struct hls_segment {
	int64_t program_utc_us;
	uint64_t duration_90k;
	uint64_t init_id;
	int64_t discontinuity; /* number of its discontinuity, its own included */
	uint32_t part_target_90k;
	int target_duration_s;
	bool gap, complete;
	bool breaks;   /* EXT-X-DISCONTINUITY before it */
	bool has_init; /* false: a gap before any media */
	struct hls_part *parts;
	uint32_t n_parts, cap_parts;
};

struct hls_window {
	struct hls_window_config config;
	struct hls_run run; /* what new segments belong to */
	bool has_run;
	bool pending_break; /* the next segment has a DISCONTINUITY */
	bool begun;	    /* a segment was begun and has no part yet */
	bool ended;
	int64_t begun_utc_us;
	int64_t discontinuity; /* number of the newest */

	/* Oldest first, without holes in their numbers; [0, listed) are off the list, only the last may be incomplete. */
	struct hls_segment *seg;
	size_t n, cap, listed;
	int64_t first_msn; /* of seg[0] */
	size_t n_parts;	   /* of all segments */
};

static inline const struct hls_segment *hls_open_segment(const struct hls_window *w)
{
	return w->n && !w->seg[w->n - 1].complete ? &w->seg[w->n - 1] : NULL;
}

#endif
